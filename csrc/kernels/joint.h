/* joint.h: what takes all outputs of a row together: softmax, and the losses of it.
   LANES rows stand side by side, a row in each lane: z (n, LANES). Called by losses.h, which brings rows into lanes. */
#ifndef FASTNN_JOINT_H
#define FASTNN_JOINT_H

#include <math.h>

#include "kernels/formulas.h" /* output_layer, clipped, LEAST_PROBABILITY */
#include "simd/vector.h"      /* vec, v_load, v_store, v_all, v_max, v_fma, v_mask, v_less, v_at_least, v_select */
#include "simd/vmath.h"       /* v_log, v_log1p, v_exp_of_negative */

/* z (n, LANES) becomes e^(z - top), top the largest of each lane; returns top and the sum. */
INLINE vec powers(ptrdiff_t n, real *z, vec *sum) {
    vec top = v_load(z);
    for (ptrdiff_t i = LANES; i < n * LANES; i += LANES) {
        top = v_max(top, v_load(z + i));
    }
    *sum = v_all(0);
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec power = v_exp_of_negative(v_load(z + i) - top);
        *sum = *sum + power;
        v_store(z + i, power);
    }
    return top;
}

INLINE void softmax_lanes(ptrdiff_t n, real *z) {
    vec sum;
    powers(n, z, &sum);
    vec share = v_all(1) / sum;
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        v_store(z + i, v_load(z + i) * share);
    }
}

/* Of log_loss: sum of y (log sum e^z - z). As losses.h has it: z becomes the weighed delta, *square ||y - h||^2. */
INLINE vec softmax_log_loss(const output_layer *of, real *z, const real *y, vec weight, vec *square) {
    const ptrdiff_t n = of->n_out;
    vec sum, targets = v_all(0), dot = v_all(0);
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        dot = v_fma(v_load(y + i), v_load(z + i), dot);
        targets = targets + v_load(y + i);
    }
    vec top = powers(n, z, &sum), share = v_all(1) / sum;
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec error = v_fma(v_load(z + i), share, -v_load(y + i));
        *square = v_fma(error, error, *square);
        v_store(z + i, error * weight);
    }
    vec total = v_fma(targets, top + v_log(sum), -dot);
    if (of->objective->as_sklearn) { /* of one target, which is 1 */
        total = clipped(total, v_all((real)-log1p(-LEAST_PROBABILITY)), v_all((real)-log(LEAST_PROBABILITY)));
    }
    return total;
}

/* One output of softmax from z - top: its probability, the logarithm of that, and 1 minus it. `rest` is the sum of all
   powers but the largest, whose own probability may be 1 but for less than rounding. */
INLINE vec softmax_share(vec from_top, vec rest, vec *log_p, vec *others) {
    vec power = v_exp_of_negative(from_top), share = v_all(1) / (v_all(1) + rest), p = power * share;
    *log_p = from_top - v_log1p(rest);
    *others = v_select(v_less(power, v_all(1)), v_all(1) - p, rest * share);
    return p;
}

/* Of focal: sum of y (1 - p)^gamma (-log p), whose derivative by z_k is G_k - p_k sum of G with
   G = y (1 - p)^gamma (gamma p log p / (1 - p) - 1). */
INLINE vec softmax_focal(const output_layer *of, real *z, real *y, vec weight, vec *square) {
    const ptrdiff_t n = of->n_out;
    const vec gamma = v_all((real)of->objective->parameter), least = v_all(SMALLEST_NORMAL);
    vec top = v_load(z), rest = v_all(-1), sum = v_all(0), total = v_all(0);
    for (ptrdiff_t i = LANES; i < n * LANES; i += LANES) {
        top = v_max(top, v_load(z + i));
    }
    vec tops = v_all(0), small = v_all(0);
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec power = v_exp_of_negative(v_load(z + i) - top);
        tops = tops + v_mask(v_at_least(power, v_all(1)), power);
        small = small + v_mask(v_less(power, v_all(1)), power);
    }
    rest = (tops + rest) + small;
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec log_p, others, target = v_load(y + i), p = softmax_share(v_load(z + i) - top, rest, &log_p, &others);
        vec factor = target * v_exp_of_negative(gamma * v_log(v_max(others, least)));
        vec ratio = v_select(v_less(others, least), v_all(-1), log_p / v_max(others, least));
        vec term = factor * (gamma * p * ratio - v_all(1));
        total = total - factor * log_p;
        *square = v_fma(p - target, p - target, *square);
        sum = sum + term;
        v_store(y + i, term);
    }
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec log_p, others, p = softmax_share(v_load(z + i) - top, rest, &log_p, &others);
        v_store(z + i, (v_load(y + i) - p * sum) * weight);
    }
    return total;
}
#endif
