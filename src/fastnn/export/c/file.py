"""One file of C for a network, put together of tables, layers, labels and a self-test; ``Network.to_c`` calls it."""

import textwrap
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from fastnn.activations import Block
from fastnn.checks import check_matrix, check_name
from fastnn.ensemble import Ensemble, mixture, pairs_of
from fastnn.export.c import floats, integers, labels, members
from fastnn.export.c import self_test as main
from fastnn.export.c.activations import functions_of
from fastnn.export.c.text import check_identifier, escaped, number, rendered, table
from fastnn.export.files import replacing
from fastnn.frames import check_column_names

DTYPES = ("float32", "float64", "int8")


@dataclass(frozen=True)
class ExportedC:
    """What `Network.to_c` has written.

    Parameters
    ----------
    path : pathlib.Path
    table_bytes : int
        Of the ``const`` tables that predicting reads, which a device keeps in flash. Code, names of classes and the
        self-test's rows are not counted.
    ram_bytes : int
        Of the arrays on the stack while a row is predicted; nothing else is taken, but what calls take. On x86
        and AArch64 int8 takes twice as much, for their vectors.
    max_error : float or None
        Of int8 the largest difference of an output from the network's, over the rows of the calibration.
    """

    path: Path
    table_bytes: int
    ram_bytes: int
    max_error: float | None = None


HEAD = """\
/* %(about)s

   #include it, and all is static there. Or, for several source files, compile it once by itself with NAME_DEFINE
   defined, and define NAME_DECLARE before each #include. With NAME_SELF_TEST it is a program that tests itself.

   Tables: %(table_bytes)d bytes. On the stack while it predicts: %(ram_bytes)d bytes.%(error)s
%(features)s*/
#ifndef NAME_NETWORK_H
#define NAME_NETWORK_H

#include <math.h>
#include <stdint.h>
"""

SIZES = """
#define NAME_N_INPUTS %(n_in)d
#define NAME_N_OUTPUTS %(n_out)d
%(macros)s
#if defined(NAME_SELF_TEST) && !defined(NAME_DEFINE)
#define NAME_DEFINE
#endif

#ifdef __cplusplus
extern "C" {
#endif

#if defined(NAME_DECLARE) || defined(NAME_DEFINE)
#define NAME_API extern
#define NAME_TABLE
%(classes)s#else
#define NAME_API static inline
#define NAME_TABLE static
#endif

/* The NAME_N_OUTPUTS outputs of a row of NAME_N_INPUTS inputs, %(which)s; the arrays do not overlap. */
NAME_API void name_predict(const double *inputs, double *outputs);
%(declarations)s
#ifndef NAME_DECLARE

"""

END_OF_C = """
#endif

#ifdef __cplusplus
}
#endif
"""

END = """
#endif
"""


def write(network, path, dtype=None, *, name=None, calibration=None, self_test=None):
    """Write the file; see `Network.to_c`."""
    path = Path(path)
    dtype = check_name("dtype", _dtype_name(network.dtype if dtype is None else dtype), DTYPES)
    name, is_int8 = name_of(name, path), dtype == "int8"
    real = np.dtype("float32" if is_int8 else dtype)
    rows = _calibration(calibration, network, dtype, real)
    spec, networks = network._spec, members.networks_of(network)
    if is_int8:
        levels = [integers.quantised(spec, one.parameters, real, rows) for one in networks]
        parts = [integers.layers_in_c(spec, *own, real) for own in levels]
        error = np.abs(_outputs_of(network, levels, rows) - _in(network, np.float64)(rows)).max()
        tables, code, *n_bytes = members.together(parts, network, real)
        exported = ExportedC(path, *n_bytes, float(error))
    else:
        levels = None
        parts = [floats.layers(spec, one.parameters, real) for one in networks]
        tables, code, *n_bytes = members.together(parts, network, real)
        exported = ExportedC(path, *n_bytes)
    text = _text(network, exported, dtype, name, real, tables, code)
    if self_test is not None:
        test = _self_test(network, _rows("self_test", self_test, network, real), levels)
        text += main.written(*test, name)
    with replacing(path) as file:
        file.write((text + END).encode("ascii"))
    return exported


def name_of(name, path):
    """Return what all names of the file begin with: as given, or the file's own name."""
    if name is not None:
        return check_identifier(name)
    try:
        return check_identifier(path.stem)
    except ValueError as error:
        raise ValueError(
            f"{path.name!r} has no name of C before its dot; call the file such as 'model.c', or pass name"
        ) from error


def _dtype_name(dtype):
    """What is meant by a dtype of NumPy, or by its name."""
    return dtype if isinstance(dtype, str) else np.dtype(dtype).name


def _calibration(calibration, network, dtype, real):
    if dtype == "int8" and calibration is None:
        raise ValueError(
            "dtype='int8' needs calibration: some hundred rows like those that are to be predicted, for the ranges"
        )
    if dtype != "int8" and calibration is not None:
        raise ValueError(f"calibration is for dtype='int8', got dtype={dtype!r}; leave it out")
    return None if calibration is None else _rows("calibration", calibration, network, real)


def _rows(argument, X, network, real):
    """Rows of inputs, in the dtype of the file."""
    check_column_names(argument, X, network.feature_names)
    return check_matrix(argument, X, real, n_columns=network.layer_sizes[0], columns_are="the first layer")


def _in(network, dtype):
    """The network, or the ensemble, in a dtype."""
    if isinstance(network, Ensemble):
        return Ensemble([_in(one, dtype) for one in network.networks])
    dtype, parameters = np.dtype(dtype), network.parameters
    if dtype == network.dtype:
        return network
    spec = replace(network._spec, dtype=dtype)
    return type(network)._from_parts(spec, parameters.astype(dtype), network._labels, network.backend)


def _outputs_of(network, levels, rows):
    """The outputs in 8-bit integers."""
    outputs = np.stack([integers.outputs_of(*own, network._spec, rows) for own in levels])
    return mixture(outputs, pairs_of(network._labels, network.layer_sizes[-1]))


def _self_test(network, rows, levels):
    """Rows, what they come to in the dtype of the file, and in float64."""
    exact = _in(network, np.float64)(rows) if levels is None else _outputs_of(network, levels, rows)
    return rows, exact.astype(rows.dtype) if levels is not None else _in(network, rows.dtype)(rows), exact


def _text(network, exported, dtype, name, real, tables, code):
    """All but the self-test."""
    spec, is_float = network._spec, real == np.float32

    def to_c(template):
        return rendered(template, name, is_float)

    def defined(tables, before=""):
        return "".join(table(to_c(before + declaration), literals) for declaration, literals in tables)

    macros, declarations, reading, classes = labels.written(network._labels, spec.n_out, is_float)
    sizes = {
        "n_in": spec.n_in,
        "n_out": spec.n_out,
        "which": "which are finite",
        "macros": macros,
        "declarations": declarations,
        "classes": "".join(f"extern {declaration}[{len(literals)}];\n" for declaration, literals in classes),
    }
    last = spec.blocks or (Block(spec.n_out, spec.activations[-1]),)
    hidden = () if dtype == "int8" else (Block(1, activation) for activation in spec.activations[:-1])
    functions = functions_of((*hidden, *last), lambda value: number(value, is_float))
    return "".join((
        _head(network, exported, dtype, name),
        to_c(SIZES % sizes),
        defined(tables),
        to_c(f"\n{functions}\n{code}\n"),
        defined(classes, "NAME_TABLE "),
        to_c(f"{reading}{END_OF_C}"),
    ))  # fmt: skip


def _head(network, exported, dtype, name):
    """The comment at the top, and what is included."""
    spec = network._spec
    sizes, activations = "-".join(map(str, spec.layer_sizes)), ", ".join(spec.activations_in_words)
    n = len(members.networks_of(network))
    kind = f"a {sizes} network" if n == 1 else f"the mean of {n} networks {sizes}"
    return head_of(
        f"{name}: {kind}, {activations}, in {dtype}; written by fastnn.", exported, name, network.feature_names
    )


def head_of(about, exported, name, feature_names):
    """Return the comment at the top of a file, and what is included."""
    given = {
        "about": about,
        "table_bytes": exported.table_bytes,
        "ram_bytes": exported.ram_bytes,
        "error": "",
        "features": "",
    }
    if exported.max_error is not None:
        given["error"] = (
            f"\n   Outputs are at most {exported.max_error:.2g} from the network's in the rows of the calibration."
        )
    if feature_names is not None:
        words = ", ".join(f'{place} "{escaped(feature)}"' for place, feature in enumerate(feature_names))
        given["features"] = textwrap.fill(
            f"Inputs: {words}", 120, initial_indent="   ", subsequent_indent="   ", break_long_words=False,
            break_on_hyphens=False,
        ) + "\n"  # fmt: skip
    before, _, after = (HEAD % {**given, "features": "FEATURES"}).partition("FEATURES")
    return rendered(before, name, False) + given["features"] + rendered(after, name, False)
