/* joint.h: what takes several outputs of a row together: softmax, means with variances, quantiles that do not cross;
   and the losses of them. LANES rows stand side by side, a row in each lane: z (n, LANES). Called by losses.h, which
   brings rows into lanes. */
#ifndef FASTNN_JOINT_H
#define FASTNN_JOINT_H

#include <math.h>

#include "fastnn.h"              /* fastnn_activation, fastnn_loss */
#include "kernels/activations.h" /* with_slope, v_softplus */
#include "kernels/formulas.h"    /* output_layer, clipped, by_sign, LEAST_PROBABILITY */
#include "simd/vector.h"         /* vec, v_load, v_store, v_all, v_max, v_fma, v_mask, v_less, v_at_least, v_select */
#include "simd/vmath.h"          /* v_exp_of_negative, exp_of_negative, log_of, log1p_of */

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
    vec total = v_fma(targets, top + log_of(sum), -dot);
    if (of->objective->as_sklearn && !of->objective->has_soft_targets) { /* of one target, which is 1 */
        total = clipped(total, v_all((real)-log1p(-LEAST_PROBABILITY)), v_all((real)-log(LEAST_PROBABILITY)));
    }
    return total;
}

/* One output of softmax from z - top: its probability, the logarithm of that, and 1 minus it. `rest` is the sum of all
   powers but the largest, whose own probability may be 1 but for less than rounding. */
OUTLINE vec softmax_share(vec from_top, vec rest, vec *log_p, vec *others) {
    vec power = exp_of_negative(from_top), share = v_all(1) / (v_all(1) + rest), p = power * share;
    *log_p = from_top - log1p_of(rest);
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
        vec power = exp_of_negative(v_load(z + i) - top);
        tops = tops + v_mask(v_at_least(power, v_all(1)), power);
        small = small + v_mask(v_less(power, v_all(1)), power);
    }
    rest = (tops + rest) + small;
    for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
        vec log_p, others, target = v_load(y + i), p = softmax_share(v_load(z + i) - top, rest, &log_p, &others);
        vec factor = target * exp_of_negative(gamma * log_of(v_max(others, least)));
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

/* One for all the places below, where seldom anything is trained. */
OUTLINE with_slope softplus(vec z) { return v_softplus(z); }

#define LEAST_VARIANCE ((real)1e-6)

/* The first half of the outputs are means, as they are, the second variances: log(1 + e^z) + 1e-6, of Lakshminarayanan,
   Pritzel and Blundell, 2017. */
INLINE void mean_variance_lanes(ptrdiff_t n, real *z) {
    for (ptrdiff_t i = n / 2 * LANES; i < n * LANES; i += LANES) {
        v_store(z + i, softplus(v_load(z + i)).h + v_all(LEAST_VARIANCE));
    }
}

/* Of gaussian_nll: sum of (log variance + error^2 / variance) / 2; the norm is that of the means. */
INLINE vec gaussian_nll(const output_layer *of, real *z, const real *y, vec weight, vec *square) {
    const ptrdiff_t half = of->n_out / 2 * LANES;
    const vec a_half = v_all((real)0.5);
    vec total = v_all(0);
    for (ptrdiff_t i = 0; i < half; i += LANES) {
        with_slope spread = softplus(v_load(z + half + i));
        vec variance = spread.h + v_all(LEAST_VARIANCE), share = v_all(1) / variance;
        vec error = v_load(z + i) - v_load(y + i), scaled = error * share;
        total = total + a_half * (log_of(variance) + error * scaled);
        *square = v_fma(error, error, *square);
        v_store(z + i, scaled * weight);
        v_store(z + half + i, a_half * (share - scaled * scaled) * spread.slope * weight);
    }
    return total;
}

/* Outputs of a group, all of them where it is 0. */
INLINE ptrdiff_t group_of(real parameter, ptrdiff_t n) { return parameter > 0 ? (ptrdiff_t)parameter : n; }

/* Of each group of outputs the first as it is, each other the one before plus log(1 + e^z). */
INLINE void increasing_lanes(ptrdiff_t n, ptrdiff_t group, real *z) {
    for (ptrdiff_t i = 0; i < n; i++) {
        if (i % group != 0) {
            v_store(z + i * LANES, v_load(z + (i - 1) * LANES) + softplus(v_load(z + i * LANES)).h);
        }
    }
}

/* Of quantile: an output moves all those after it in its group, whose derivatives come together. */
INLINE vec increasing_quantiles(const output_layer *of, real *z, real *y, vec weight, vec *square) {
    const ptrdiff_t n = of->n_out, group = group_of(of->parameter, n);
    vec total = v_all(0);
    for (ptrdiff_t first = 0; first < n; first += group) {
        vec h = v_all(0), sum = v_all(0);
        for (ptrdiff_t i = 0; i < group; i++) {
            vec of_z = v_load(z + (first + i) * LANES), quantile = v_all((real)of->objective->quantiles[i]);
            h = i ? h + softplus(of_z).h : of_z;
            vec error = h - v_load(y + (first + i) * LANES);
            vec derivative = by_sign(error, -quantile, v_all(1) - quantile);
            total = total + derivative * error;
            *square = v_fma(error, error, *square);
            v_store(y + (first + i) * LANES, derivative);
        }
        for (ptrdiff_t i = group - 1; i >= 0; i--) {
            real *place = z + (first + i) * LANES;
            sum = sum + v_load(y + (first + i) * LANES);
            v_store(place, (i ? sum * softplus(v_load(place)).slope : sum) * weight);
        }
    }
    return total;
}

/* The outputs of a joint activation, in place. */
INLINE void joint_lanes(fastnn_activation activation, real parameter, ptrdiff_t n, real *z) {
    if (activation == FASTNN_ACTIVATION_softmax) {
        softmax_lanes(n, z);
    } else if (activation == FASTNN_ACTIVATION_mean_variance) {
        mean_variance_lanes(n, z);
    } else {
        increasing_lanes(n, group_of(parameter, n), z);
    }
}

/* The loss of outputs of a joint activation; see loss_lanes. */
INLINE vec joint_loss(fastnn_loss loss, const output_layer *of, real *z, real *y, vec weight, vec *square) {
    return loss == FASTNN_LOSS_focal          ? softmax_focal(of, z, y, weight, square)
           : loss == FASTNN_LOSS_gaussian_nll ? gaussian_nll(of, z, y, weight, square)
           : loss == FASTNN_LOSS_quantile     ? increasing_quantiles(of, z, y, weight, square)
                                              : softmax_log_loss(of, z, y, weight, square);
}
#endif
