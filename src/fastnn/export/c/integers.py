"""Layers in 8-bit integers, in C: tables and loops of what ``quantised`` has made of a network."""

from itertools import pairwise

import numpy as np

from fastnn.activations import Block
from fastnn.export.c.floats import activated
from fastnn.export.c.quantised import MOST_INPUTS, function_of, quantise, sums_of
from fastnn.export.c.text import check_finite, number, numbers

HEAD = """\
/* Levels wait in bytes; where there are vectors of 16 bits, which multiply more quickly, in these. */
#if defined(__SSE2__) || defined(__aarch64__)
typedef int16_t name_level_type;
#else
typedef int8_t name_level_type;
#endif

/* The level of an input, -128 ... 127; beyond the range of the calibration that of its end, NaN has the lowest. */
static inline int8_t name_level(double x, double edge, double rate) {
    const double level = (x - edge) * rate;
    return (int8_t)(!(level > 0.0) ? -128 : level >= 255.0 ? 127 : (int)level - 128);
}
"""

HEAD_OF_HIDDEN = """
/* The level of a sum: sum multiplier / 2^shift, rounded. */
static inline int name_requantised(int32_t sum, int32_t multiplier, int shift) {
    const int64_t half = (int64_t)1 << (shift - 1);
    const int64_t level = sum <= 0 ? 0 : ((int64_t)sum * multiplier + half) >> shift;
    return level > 255 ? 127 : (int)level - 128;
}
"""

LAYER = """
/* Layer %(l)d, of %(n_in)d inputs; their weights lie one output after another. */
static inline void name_layer_%(l)d(const name_level_type *x, %(type)s *z) {
    int i, j;
    for (i = 0; i < %(n_out)d; i++) {
        const int8_t *w = name_weights_%(l)d + i * %(n_in)d;
        int32_t sum = name_biases_%(l)d[i];
        for (j = 0; j < %(n_in)d; j++) {
            sum += w[j] * x[j];
        }
        z[i] = %(level)s;
    }
%(activate)s}
"""

LEVEL = {
    "plain": "(int8_t)name_requantised(sum, name_multipliers_%(l)d[i], %(shift)d)",
    "table": "name_table_%(l)d[name_requantised(sum, name_multipliers_%(l)d[i], %(shift)d) + 128]",
    "step": "(int8_t)(sum >= 0 ? 127 : -128)",
    "last": "(double)sum * name_steps[i]",
}

PREDICT = """
NAME_API void name_predict(const double *inputs, double *outputs) {
    name_level_type x[NAME_N_INPUTS];
%(declared)s    int i;
    for (i = 0; i < NAME_N_INPUTS; i++) {
        x[i] = name_level(inputs[i], %(edge)s, %(rate)s);
    }
%(calls)s}
"""


def quantised(spec, parameters, real, calibration):
    """Return the levels of the inputs and the layers of a network; see `quantised.quantise`."""
    weights, biases = spec.views(parameters)
    if (most := max(spec.layer_sizes[:-1])) > MOST_INPUTS:
        raise ValueError(f"a layer of {most} inputs is too wide for sums of 32 bits: at most {MOST_INPUTS}")
    layers = [
        [check_finite(f"{kind}[{l}]", of[l], np.float64) for l in of] for kind, of in (("W", weights), ("b", biases))
    ]
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is told
        return quantise(*layers, spec.activations, calibration)


def outputs_of(inputs, layers, spec, X):
    """The outputs of rows, as the C has them but for rounding."""
    z, outputs, first = sums_of(inputs, layers, X) * layers[-1].step, [], 0
    for block in spec.blocks or (Block(spec.n_out, spec.activations[-1]),):
        outputs.append(function_of(block.activation)(z[:, first : first + block.n_out]))
        first += block.n_out
    return np.hstack(outputs)


def layers_in_c(spec, inputs, layers, real):
    """Return the tables, the template of the code, and the bytes of tables and of what waits between layers."""
    is_float, tables, code = real == np.float32, [], HEAD + (HEAD_OF_HIDDEN if len(layers) > 1 else "")
    edge, rate = inputs.edge_and_rate(real)
    if is_each := edge.ndim > 0:
        tables += [("static const double name_edges", edge), ("static const double name_rates", rate)]
    for l, layer in enumerate(layers, start=1):
        n_out, n_in = layer.weights.shape
        tables.append((f"static const int8_t name_weights_{l}", layer.weights))
        tables.append((f"static const int32_t name_biases_{l}", layer.biases.astype(np.int32)))
        given = {"l": l, "n_out": n_out, "n_in": n_in, "shift": layer.shift, "type": "name_level_type", "activate": ""}
        kind = "last" if l == len(layers) else "step" if layer.is_step else "plain"
        if kind == "last":
            tables.append(("static const double name_steps", check_finite("a step of the outputs", layer.step, real)))
            blocks = spec.blocks or (Block(n_out, spec.activations[-1]),)
            given.update(type="double", activate=activated(blocks, is_float))
        elif kind == "plain":
            tables.append((f"static const int32_t name_multipliers_{l}", layer.multipliers.astype(np.int32)))
            if layer.table is not None:
                kind = "table"
                tables.append((f"static const int8_t name_table_{l}", layer.table))
        code += LAYER % {**given, "level": LEVEL[kind] % given}
    widest = [max(spec.layer_sizes[1:-1][parity::2], default=0) for parity in (0, 1)]
    names = ["x", *(f"h{l % 2}" for l in range(len(layers) - 1)), "outputs"]
    code += PREDICT % {
        "declared": "".join(f"    name_level_type h{k}[{n}];\n" for k, n in enumerate(widest) if n),
        "edge": "name_edges[i]" if is_each else number(edge, is_float),
        "rate": "name_rates[i]" if is_each else number(rate, is_float),
        "calls": "".join(f"    name_layer_{l}({a}, {b});\n" for l, (a, b) in enumerate(pairwise(names), start=1)),
    }
    table_bytes = sum(array.nbytes for _, array in tables)
    literals = [(declaration, numbers(array, is_float)) for declaration, array in tables]
    return literals, code, table_bytes, spec.n_in + sum(widest)
