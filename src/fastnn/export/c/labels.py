"""What outputs mean, in C: the table of the classes, and the functions that tell the class or the labels of a row."""

import numpy as np

from fastnn.export.c.text import escaped, number, numbers

#: Where it stands in all outputs, and how many there are, of each of several heads.
BLOCK = """\
#define NAME_HEAD%(h)d_FIRST %(first)d
#define NAME_HEAD%(h)d_N_OUTPUTS %(n_out)d
"""

DECLARED_CLASS = """\
/* The place in %(own)s_classes of what is predicted; -1 where an output is not a number. */
NAME_API int %(own)s_class_of(const double *outputs);
NAME_API int %(own)s_predict_class(const double *inputs);
"""

DECLARED_LABELS = """\
/* %(n_out)d labels, 1 for yes and 0 for no; -1 where an output is not a number. */
NAME_API void %(own)s_labels_of(const double *outputs, int *labels);
NAME_API void %(own)s_predict_labels(const double *inputs, int *labels);
"""

LARGEST = """\
NAME_API int %(own)s_class_of(const double *outputs) {
    int i, best = 0;
%(skip)s    for (i = 0; i < %(n_out)d; i++) {
        if (outputs[i] != outputs[i]) {
            return -1;
        }
        best = outputs[i] > outputs[best] ? i : best;
    }
    return best;
}
"""

BEYOND = """\
NAME_API int %(own)s_class_of(const double *outputs) {
    const double output = outputs[%(first)d];
    return output != output ? -1 : %(yes)s;
}
"""

PREDICT_CLASS = """
NAME_API int %(own)s_predict_class(const double *inputs) {
    double outputs[NAME_N_OUTPUTS];
    name_predict(inputs, outputs);
    return %(own)s_class_of(outputs);
}
"""

LABELS = """\
NAME_API void %(own)s_labels_of(const double *outputs, int *labels) {
    int i;
%(skip)s    for (i = 0; i < %(n_out)d; i++) {
        labels[i] = outputs[i] != outputs[i] ? -1 : outputs[i] > %(threshold)s;
    }
}

NAME_API void %(own)s_predict_labels(const double *inputs, int *labels) {
    double outputs[NAME_N_OUTPUTS];
    name_predict(inputs, outputs);
    %(own)s_labels_of(outputs, labels);
}
"""


def readings(labels, n_out):
    """Yield prefix, first output, number of outputs and `Labels` of each block that means something alone."""
    if labels.kind != "heads":
        yield "name", 0, n_out, labels
        return
    first = 0
    for h, (width, own) in enumerate(labels.heads):
        yield f"name_head{h}", first, width, own
        first += width


def written(labels, n_out, is_float):
    """Return what says how outputs are read.

    Parameters
    ----------
    labels : Labels
    n_out : int
    is_float : bool

    Returns
    -------
    macros, declarations, functions : str
        Templates.
    tables : list of pairs
        The declaration of each table of classes, a template, and its literals.
    """
    macros, declarations, functions, tables = "", "", [], []
    for own, first, width, reading in readings(labels, n_out):
        skip = f"    outputs += {first};\n" if first else ""
        given = {
            "own": own,
            "first": first,
            "skip": skip,
            "n_out": width,
            "threshold": number(reading.threshold, is_float),
        }
        upper = own.upper()
        if own != "name":
            macros += BLOCK % {"h": int(own.removeprefix("name_head")), **given}
        if reading.kind in ("binary", "multiclass"):
            kind, literals = _classes(reading.classes)
            macros += f"#define {upper}_N_CLASSES {len(literals)}\n"
            tables.append((f"{kind} {own}_classes", literals))
            declarations += DECLARED_CLASS % given
            yes = f"output > {given['threshold']}" if len(literals) > 1 else "0"
            functions.append((LARGEST if reading.kind == "multiclass" else BEYOND) % {**given, "yes": yes})
            functions[-1] += PREDICT_CLASS % given
        elif reading.kind == "multilabel":
            declarations += DECLARED_LABELS % given
            functions.append(LABELS % given)
        elif reading.kind == "means":
            macros += f"#define {upper}_N_TARGETS {width // 2} /* means first, then as many variances */\n"
        elif reading.kind == "quantiles":
            macros += f"#define {upper}_N_QUANTILES {reading.group} /* of each target, one after another */\n"
    return macros, declarations, "\n".join(functions), tables


def _classes(classes):
    """The type of C that holds class labels, and their literals."""
    classes, kind = np.asarray(classes), np.asarray(classes).dtype.kind
    if kind == "f":
        return "const DOUBLE", numbers(classes.astype(np.float64), False)
    if kind in "iub":
        values = [int(value) for value in classes.tolist()]
        if min(values) > -(2**31) and max(values) < 2**31:
            return "const int32_t", list(map(str, values))
        if max(values) < 2**63:
            return "const int64_t", [
                f"INT64_C({v})" if v > -(2**63) else f"(-INT64_C({2**63 - 1}) - 1)" for v in values
            ]
        return "const uint64_t", [f"UINT64_C({value})" for value in values]
    if kind not in "US":
        raise TypeError(f"classes must be numbers or strings to go into a C file, got {classes.dtype}")
    for value in classes.tolist():
        if (b"\0" if isinstance(value, bytes) else "\0") in value:
            raise ValueError(f"the class {value!r:.60} has a NUL in it, at which a string of C ends; rename it")
    return "const char *const", [f'"{escaped(value)}"' for value in classes.tolist()]
