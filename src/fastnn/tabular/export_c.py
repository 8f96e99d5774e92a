"""Estimators for tables of numbers as one file of C: from a row as it is, NaN where it has gaps, to classes or numbers.

Called by ``travelling``. The dense layers, classes and the self-test are those of ``export.c``; here is what becomes of
cells, in double as ``parts`` has it, the encoding of each member, in float as the engine has it, and their mean.
"""

from pathlib import Path

import numpy as np

from fastnn.activations import Block
from fastnn.encodings import places
from fastnn.export.c import floats, labels
from fastnn.export.c import self_test as main
from fastnn.export.c.activations import functions_of
from fastnn.export.c.file import END, END_OF_C, SIZES, ExportedC, head_of, name_of
from fastnn.export.c.members import OWN
from fastnn.export.c.text import check_finite, number, numbers, rendered, table
from fastnn.export.files import replacing
from fastnn.labels import Labels
from fastnn.spec import network_spec
from fastnn.tabular import kinds
from fastnn.tabular.parts import FAR, Category
from fastnn.tabular.tables import as_table

FLOAT = np.dtype(np.float32)

#: By how much outputs may differ from the engine's, of the largest: these have rounded sums of float.
TOLERANCE = 1e-5

#: A member's first layer: of numbers z, what is learned from their cosines, too; then what goes in as it is.
ENCODE = """
static inline void name_encode(const double *raw, double *e) {
    int j%(counters)s;
%(periodic)s    for (j = %(n_periodic)d; j < %(n_raw)d; j++) {
        *e++ = raw[j];
    }
}
"""

PERIODIC = """\
    for (j = 0; j < %(n_periodic)d; j++) {
        const double *own = name_encodings + j * %(n_own)d;
        double c[%(n)d];
        for (k = 0; k < %(n)d; k++) {
            c[k] = cos(own[k] * raw[j] + own[k + %(n)d]);
        }
        *e++ = raw[j];
        for (i = 0; i < %(width)d; i++) {
            double sum = own[i + %(biases)d];
            for (k = 0; k < %(n)d; k++) {
                sum = NAME_MULTIPLY_ADD(own[i * %(n)d + k + %(matrix)d], c[k], sum);
            }
            *e++ = sum;
        }
    }
"""

BOUNDED = """
/* A number centred, scaled and bounded; 0 where there is none. */
static inline float name_bounded(double x, double centre, double factor) {
    double z = (x - centre) * factor;
    if (x != x) {
        return 0;
    }
    z = z > %(far)s ? %(far)s : z < -%(far)s ? -%(far)s : z;
    return (float)(z / sqrt(1.0 + z / 3.0 * (z / 3.0)));
}
"""

PREDICT = """
NAME_API void name_predict(const double *inputs, double *outputs) {
    float raw[%(n_raw)d], e[%(n_encoded)d], own[NAME_N_OUTPUTS];
    int i;
%(cells)s    for (i = 0; i < NAME_N_OUTPUTS; i++) {
        outputs[i] = 0.0;
    }
%(calls)s    for (i = 0; i < NAME_N_OUTPUTS; i++) {
        outputs[i] = outputs[i] / %(divisor)s%(scaled)s;
%(bounds)s    }
}
"""

OF_NUMBERS = """\
    for (i = 0; i < %d; i++) {
        raw[i] = name_bounded(inputs[name_columns[i]], name_centres[i], name_factors[i]);
    }
"""

CALL = """\
    name_member%(m)d_encode(raw, e);
    name_member%(m)d_predict(e, own);
    for (i = 0; i < NAME_N_OUTPUTS; i++) {
        outputs[i] += own[i];
    }
"""

BOUNDS = """\
        outputs[i] = outputs[i] < name_lows[i] ? name_lows[i] : outputs[i] > name_highs[i] ? name_highs[i] : outputs[i];
"""


def write(model, path, *, name=None, self_test=None):
    """Write the file; see ``to_c`` of the estimators."""
    path, columns, spec = Path(path), model._columns, model.members_[0].spec
    name = name_of(name, path)
    _refuse(columns)
    tables, fill, order, n_numbers = _cells(columns)
    parts = [_member(spec, one.parameters, order, n_numbers) for one in model.members_]
    finish, scales = _finish(model)
    tables += scales
    ram = parts[0][-1] + FLOAT.itemsize * (len(order) + spec.layer_sizes[1] + spec.n_out)
    exported = ExportedC(path, sum(n for *_, n in tables) + sum(n for *_, n, _ in parts), ram)
    given = {
        "n_raw": len(order),
        "n_encoded": spec.layer_sizes[1],
        "cells": fill,
        "calls": "".join(CALL % {"m": m} for m in range(len(parts))),
        "divisor": number(len(parts), False),
        **finish,
    }
    hidden = [Block(1, activation) for activation in spec.activations[1:-1]]
    functions = functions_of((*hidden, Block(spec.n_out, spec.activations[-1])), lambda value: number(value, True))
    text = _text(model, exported, name, tables, parts, functions, PREDICT % given)
    if self_test is not None:
        rows = _rows(columns, self_test)
        outputs = model.predict_proba(self_test) if hasattr(model, "classes_") else model.predict(self_test)
        outputs = np.asarray(outputs, np.float64).reshape(len(rows), -1)
        text += main.written(rows, outputs, outputs, name, TOLERANCE)
    with replacing(path) as file:
        file.write((text + END).encode("ascii"))
    return exported


def _text(model, exported, name, tables, parts, functions, predict):
    """All but the self-test: what is of float is rendered as that, by members; the rest stays double."""
    spec, columns = model.members_[0].spec, model._columns
    is_classes = hasattr(model, "classes_")
    means = Labels("multiclass", model.classes_) if is_classes else Labels("values")
    macros, declarations, reading, classes = labels.written(means, spec.n_out, False)
    sizes = {
        "n_in": columns.n_columns,
        "n_out": spec.n_out,
        "which": "NaN where they are missing",
        "macros": macros,
        "declarations": declarations,
        "classes": "".join(f"extern {declaration}[{len(literals)}];\n" for declaration, literals in classes),
    }
    shape, n = "-".join(map(str, spec.layer_sizes)), len(parts)
    about = f"{name}: {f'the mean of {n} networks' if n > 1 else 'a network'} {shape} of a table; written by fastnn."
    features = [f"{column.name}{'' if column.n_raw else ' (not read)'}" for column in columns._columns]
    code = rendered(f"\n{floats.HEAD}\n{functions}\n", name, True)
    for m, (own, own_code, *_) in enumerate(parts):
        prefix = f"name_member{m}_"
        for declaration, literals in own:
            code += table(rendered(OWN.sub(prefix, declaration), name, True), literals)
        code += rendered(OWN.sub(prefix, own_code), name, True)
    return "".join((
        head_of(about, exported, name, features),
        rendered(SIZES % sizes, name, False),
        *(table(rendered(declaration, name, False), literals) for declaration, literals, _ in tables),
        code,
        rendered(BOUNDED % {"far": number(FAR, False)} + predict + "\n", name, False),
        *(table(rendered("NAME_TABLE " + declaration, name, False), literals) for declaration, literals in classes),
        rendered(f"{reading}{END_OF_C}", name, False),
    ))  # fmt: skip


def _refuse(columns):
    """Refuse columns whose cells are no numbers."""
    refused = []
    for column in columns._columns:
        for _, part in column.parts:
            is_text = isinstance(part, Category) and (len(part.levels) > 2 or True in part.are_text)
            if is_text or column.kind == "date" or getattr(part, "offset", 0):
                refused.append(
                    f"{column.name!r} ({'integers beyond 2**53' if column.kind == 'number' else column.kind})"
                )
                break
    if refused:
        raise ValueError(
            f"a C file takes numbers and truth values, but the table has {', '.join(refused[:10])}; use to_onnx, or "
            "make them columns of numbers before fit"
        )


def _cells(columns):
    """The tables and the code by which a row becomes raw numbers, and the raw columns in their order: numbers first."""
    of_numbers, lines, others, raw = [], "", [], 0
    for j, column in enumerate(columns._columns):
        for _, part in column.parts:
            if isinstance(part, Category):
                codes = [(number(level, False), code) for level, code in part.codes.items()]
                chosen = "".join(f"inputs[{j}] == {level} ? {code:g} : " for level, code in codes)
                others.append((raw, f"{chosen}0"))
            else:
                of_numbers.append((raw, j, part.centre, part.factor))
            raw += 1
        if column.indicator:
            others.append((raw, f"inputs[{j}] != inputs[{j}]"))
            raw += 1
    n_numbers, tables = len(of_numbers), []
    if of_numbers:
        lines = OF_NUMBERS % n_numbers
        _, from_, centres, factors = map(np.array, zip(*of_numbers, strict=True))
        tables = [
            ("static const int32_t name_columns", numbers(from_, False), 4 * n_numbers),
            ("static const double name_centres", numbers(centres, False), 8 * n_numbers),
            ("static const double name_factors", numbers(factors, False), 8 * n_numbers),
        ]
    lines += "".join(f"    raw[{n_numbers + i}] = {value};\n" for i, (_, value) in enumerate(others))
    return tables, lines, [place for place, *_ in of_numbers + others], n_numbers


def _member(spec, parameters, order, n_numbers):
    """Tables and code of one member, templates, and their bytes; the scales of its inputs are in the weights."""
    encodings, first = spec.encodings, [place for _, place in places(spec.encodings)]
    entries = [first[raw] + k for raw in order for k in range(encodings[raw].n_out)]
    weights, biases = spec.views(parameters)
    W = [(weights[2].astype(np.float64) * biases[1])[:, entries], *(weights[l] for l in range(3, spec.n_layers + 1))]
    flat = np.concatenate([np.ravel(part) for part in (*W, *(biases[l] for l in range(2, spec.n_layers + 1)))])
    rest = network_spec(spec.layer_sizes[1:], spec.activations[1:], FLOAT)
    gates = {l - 1: own for l, own in spec.gates_of(parameters).items()}
    tables, code, n_bytes, ram = floats.layers(rest, flat, FLOAT, gates)
    code = code.replace(floats.HEAD, "").replace("NAME_API void name_predict", "static inline void name_predict")
    n_bytes += FLOAT.itemsize * sum(map(len, gates.values()))
    one = encodings[order[0]]
    given = {"n_periodic": 0, "n_raw": len(order), "counters": "", "periodic": ""}
    if n_numbers and one.kind == "periodic":
        given |= {
            "n_periodic": n_numbers, "n_own": one.n_parameters, "n": one.n, "width": one.width, "counters": ", i, k",
            "matrix": 2 * one.n, "biases": (2 + one.width) * one.n,
        }  # fmt: skip
        given["periodic"] = PERIODIC % given
        own = check_finite("an encoding", weights[1], FLOAT)
        tables.append(("static const double name_encodings", numbers(own, True)))
        n_bytes += own.nbytes
    return tables, ENCODE % given + code, n_bytes, ram


def _finish(model):
    """How the mean becomes what is predicted: code, and its tables."""
    if hasattr(model, "classes_"):
        return {"scaled": "", "bounds": ""}, []
    n_out = model.members_[0].spec.n_out
    named = zip(("scales", "centres_of_y", "lows", "highs"), (model._scale, model._centre, *model._range), strict=True)
    tables = [
        (
            f"static const double name_{name}",
            numbers(np.broadcast_to(np.asarray(value, float), n_out), False),
            8 * n_out,
        )
        for name, value in named
    ]
    return {"scaled": " * name_scales[i] + name_centres_of_y[i]", "bounds": BOUNDS}, tables


def _rows(columns, X):
    """The cells of a table as the file takes them, float64 (n_rows, n_columns); 0 where a column is not read."""
    source = as_table(X)
    rows = np.zeros((source.shape[0], columns.n_columns))
    for j, (place, column) in enumerate(zip(columns._places(source, "to_c"), columns._columns, strict=True)):
        if column.n_raw:
            cells = kinds.without_gaps(source.column(place), column.name)
            spans = column.kind in ("duration", "time")
            rows[:, j] = kinds.seconds(cells, column.name) if spans else kinds.numbers(cells, column.name)
    return rows
