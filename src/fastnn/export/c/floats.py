"""Layers in float or double: each output one chain of multiply-adds over the inputs in order, as in the engine.

The weights lie as (n_in, n_out), so that compilers make vectors of the outputs, and the order of a sum stays.
"""

from itertools import pairwise

import numpy as np

from fastnn.activations import Block
from fastnn.export.c.activations import JOINT, function_of
from fastnn.export.c.text import check_finite, number, numbers

#: Inputs whose products are added in one pass over the outputs: sums are loaded and stored once for so many.
AT_ONCE = 8

HEAD = """\
/* What a machine can do in one instruction is rounded once. */
#if defined(FP_FAST_FMA)
#define NAME_MULTIPLY_ADD(a, b, sum) fma(a, b, sum)
#else
#define NAME_MULTIPLY_ADD(a, b, sum) ((sum) + (a) * (b))
#endif

#if defined(__GNUC__) || defined(_MSC_VER)
#define NAME_RESTRICT __restrict
#elif !defined(__cplusplus)
#define NAME_RESTRICT restrict
#else
#define NAME_RESTRICT
#endif
"""

LAYER = """
/* Layer %(l)d, of %(n_in)d inputs; their weights lie one input after another. */
static inline void name_layer_%(l)d(const double *NAME_RESTRICT x, double *NAME_RESTRICT z) {
    int i, j;
    for (i = 0; i < %(n_out)d; i++) {
        z[i] = name_biases_%(l)d[i];
    }
%(sums)s%(activate)s}
"""

SUMS = """\
    for (j = %(first)d; j < %(end)d; j += %(step)d) {
        const double *w = name_weights_%(l)d + j * %(n_out)d;
        for (i = 0; i < %(n_out)d; i++) {
            double sum = z[i];
%(terms)s            z[i] = sum;
        }
    }
"""

TERM = "            sum = NAME_MULTIPLY_ADD(w[i%s], x[j%s], sum);\n"

EACH = """\
    for (i = %(first)d; i < %(end)d; i++) {
        z[i] = name_%(function)s(z[i]);
    }
"""

GATED = """\
    for (i = %(first)d; i < %(end)d; i++) {
        z[i] = z[i] + name_gates_%(l)d[i] * (name_%(function)s(z[i]) - z[i]);
    }
"""


def layers(spec, parameters, real, gates=()):
    """Return the tables of a network, the template of its layers and of what calls them, and their bytes.

    Parameters
    ----------
    spec : NetworkSpec
    parameters : ndarray
        The flat parameters.
    real : numpy.dtype
        float32 or float64: of the file.
    gates : dict of int to ndarray, default ()
        The share of its activation that each unit of a layer has, by the number of the layer.

    Returns
    -------
    tables : list of pairs
        The declaration of each, a template, and its literals.
    code : str
        A template.
    table_bytes, ram_bytes : int
    """
    is_float, weights, biases = real == np.float32, *spec.views(parameters)
    tables, code = [], HEAD
    for l, activation in enumerate(spec.activations, start=1):
        W, b = check_finite(f"W[{l}]", weights[l], real), check_finite(f"b[{l}]", biases[l], real)
        tables.append((f"static const double name_weights_{l}", numbers(W.T, is_float)))
        tables.append((f"static const double name_biases_{l}", numbers(b, is_float)))
        n_out, n_in = W.shape
        gate = l if l in gates else None
        if gate:
            tables.append(
                (f"static const double name_gates_{l}", numbers(check_finite("gates", gates[l], real), is_float))
            )
        own = spec.blocks if l == spec.n_layers and spec.blocks else (Block(n_out, activation),)
        code += LAYER % {
            "l": l,
            "n_in": n_in,
            "n_out": n_out,
            "sums": "".join(_sums(l, n_in, n_out)),
            "activate": activated(own, is_float, gate),
        }
    buffers, predict = _predict(spec.layer_sizes)
    return tables, code + predict, spec.n_parameters * real.itemsize, buffers * real.itemsize


def _sums(l, n_in, n_out):
    whole = n_in - n_in % AT_ONCE
    for first, end in pairwise(sorted({0, whole, n_in})):
        step = min(AT_ONCE, end - first)
        terms = "".join(TERM % ((f" + {k * n_out}", f" + {k}") if k else ("", "")) for k in range(step))
        yield SUMS % {"first": first, "end": end, "step": step, "l": l, "n_out": n_out, "terms": terms}


def activated(blocks, is_float, gate=None):
    """Return the code that activates the outputs `z` of a layer, block by block; `gate`: its number, if gated."""
    code, first = "", 0
    for block in blocks:
        function, _ = function_of(block, lambda value: number(value, is_float))
        end = first + block.n_out
        if block.activation.name in JOINT:
            code += f"    name_{function}({block.n_out}, z{f' + {first}' if first else ''});\n"
        elif function:
            code += (EACH if gate is None else GATED) % {"first": first, "end": end, "function": function, "l": gate}
        first = end
    return code


def _predict(sizes):
    """How many numbers wait between layers, and the code that calls these one after another."""
    widest = [max(sizes[1:-1][parity::2], default=0) for parity in (0, 1)]
    declared = "".join(f"    double h{k}[{n}];\n" for k, n in enumerate(widest) if n)
    n_layers, calls, source = len(sizes) - 1, "", "inputs"
    for l in range(1, n_layers):
        calls, source = calls + f"    name_layer_{l}({source}, h{(l - 1) % 2});\n", f"h{(l - 1) % 2}"
    calls += f"    name_layer_{n_layers}({source}, outputs);\n"
    return (
        sum(widest),
        f"""
NAME_API void name_predict(const double *inputs, double *outputs) {{
{declared}{calls}}}
""",
    )
