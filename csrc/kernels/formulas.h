/* formulas.h: each loss of a single output, and its delta, from the logit where that keeps them from overflowing.
   What takes all outputs of a row together stands in joint.h. */
#ifndef FASTNN_FORMULAS_H
#define FASTNN_FORMULAS_H

#include <float.h>

#include "fastnn.h"              /* fastnn_objective, fastnn_loss, fastnn_losses, fastnn_activation */
#include "kernels/activations.h" /* v_activate, slope_terms, v_slope, v_relu */
#include "simd/vector.h"         /* vec, v_all, v_select, v_mask, v_less, v_max, v_min, v_fma, v_abs */
#include "simd/vmath.h"          /* v_exp, v_exp_of_negative, exp_of_negative, log_of, log1p_of */

/* What the losses know of the last layer, or of a block of its outputs. */
typedef struct {
    const fastnn_objective *objective;
    fastnn_activation activation;
    real parameter; /* of the activation */
    ptrdiff_t n_out, stride;
    const fastnn_layer *blocks; /* of several heads, as many as n_blocks */
    ptrdiff_t n_blocks;
} output_layer;

/* scikit-learn takes the logarithm of probabilities clipped to [eps, 1 - eps]. */
#define LEAST_PROBABILITY ((real)(sizeof(real) == 8 ? DBL_EPSILON : FLT_EPSILON))

INLINE vec clipped(vec x, vec low, vec high) { return v_min(v_max(x, low), high); }

/* What is above where x > 0, below where x < 0, else 0. */
INLINE vec by_sign(vec x, vec below, vec above) {
    return v_select(v_less(v_all(0), x), above, v_mask(v_less(x, v_all(0)), below));
}

/* (1 - p)^gamma (-log p) of the probability p = logistic(z), and its derivative by z. */
OUTLINE vec focal_term(vec gamma, vec z, vec *by_z) {
    vec power = exp_of_negative(-v_abs(z)), tail = log1p_of(power);
    vec large = v_all(1) / (v_all(1) + power), small = power * large;
    vec p = v_select(v_less(z, v_all(0)), small, large), rest = v_select(v_less(z, v_all(0)), large, small);
    vec surprise = v_relu(-z) + tail;
    vec factor = exp_of_negative(-gamma * (v_relu(z) + tail));
    *by_z = -factor * v_fma(gamma * p, surprise, rest);
    return factor * surprise;
}

/* Of a logistic output: log(1 + e^z) - y z; as scikit-learn has it, by the probability of the target, 0 or 1, and 1 - h
   loses the digits that it does there. */
INLINE vec logistic_log_loss(const output_layer *of, vec z, vec y, vec h) {
    if (of->objective->as_sklearn && !of->objective->has_soft_targets) {
        vec of_target = v_select(v_less(v_all((real)0.5), y), h, v_all(1) - h);
        return -log_of(clipped(of_target, v_all(LEAST_PROBABILITY), v_all(1 - LEAST_PROBABILITY)));
    }
    return v_relu(z) - y * z + log1p_of(v_exp_of_negative(-v_abs(z)));
}

/* A loss of the error h - y, and its derivative by h, of the rows of the table whose delta is that times a slope. */
INLINE vec loss_of_error(const fastnn_loss loss, vec parameter, vec error, vec *derivative) {
    *derivative = error;
    switch ((int)loss) {
    case FASTNN_LOSS_squared_error: return v_all((real)0.5) * error * error;
    case FASTNN_LOSS_absolute_error: *derivative = by_sign(error, v_all(-1), v_all(1)); return *derivative * error;
    case FASTNN_LOSS_huber:
        *derivative = clipped(error, -parameter, parameter);
        return *derivative * (error - v_all((real)0.5) * *derivative);
    case FASTNN_LOSS_quantile:
        *derivative = by_sign(error, -parameter, v_all(1) - parameter);
        return *derivative * error;
    default: return v_all(NAN);
    }
}

/* The losses that are seldom trained and take no slope, and their derivative by the logit z; h: output, y: target. */
INLINE vec loss_of_logit(const fastnn_loss loss, vec parameter, vec z, vec y, vec h, vec *derivative) {
    *derivative = h - y;
    switch ((int)loss) {
    case FASTNN_LOSS_poisson:
    case FASTNN_LOSS_gamma: {
        vec log_y = log_of(v_select(v_less(v_all(0), y), y, v_all(1))); /* y log y is 0 at 0 */
        if (loss == FASTNN_LOSS_poisson) {
            return y * log_y - y * z + *derivative;
        }
        *derivative = v_all(1) - y * v_exp(-z);
        return z - log_y - *derivative;
    }
    case FASTNN_LOSS_perceptron: return *derivative * z;
    case FASTNN_LOSS_hinge: {
        vec margin = v_all(1) - y * z;
        *derivative = v_mask(v_less(v_all(0), margin), -y);
        return v_relu(margin);
    }
    case FASTNN_LOSS_squared_hinge: {
        vec margin = v_relu(v_all(1) - y * z);
        *derivative = v_all(-2) * y * margin;
        return margin * margin;
    }
    case FASTNN_LOSS_focal: { /* of a logistic output */
        vec of_one, of_zero, one = focal_term(parameter, z, &of_one), zero = focal_term(parameter, -z, &of_zero);
        *derivative = y * of_one - (v_all(1) - y) * of_zero;
        return y * one + (v_all(1) - y) * zero;
    }
    default: return v_all(NAN);
    }
}

/* The loss of one output of LANES rows from logit z, output h and target y, and its derivative: by h in a row of the
   table that says so, else by z. */
INLINE vec loss_term(const fastnn_loss loss, const output_layer *of, vec z, vec y, vec h, vec *derivative) {
    vec parameter = v_all((real)of->objective->parameter);
    *derivative = h - y;
    switch (loss) {
    case FASTNN_LOSS_squared_error:
    case FASTNN_LOSS_absolute_error:
    case FASTNN_LOSS_huber:
    case FASTNN_LOSS_quantile: return loss_of_error(loss, parameter, h - y, derivative);
    case FASTNN_LOSS_log_loss: return logistic_log_loss(of, z, y, h);
    case FASTNN_LOSS_poisson:
    case FASTNN_LOSS_perceptron:
    case FASTNN_LOSS_gamma:
    case FASTNN_LOSS_hinge:
    case FASTNN_LOSS_squared_hinge:
    case FASTNN_LOSS_focal: return loss_of_logit(loss, parameter, z, y, h, derivative);
    case FASTNN_LOSS_gaussian_nll: break; /* of two outputs together: joint.h */
    }
    return v_all(NAN);
}

/* The same from logit and target alone, with the output, and what delta is before weighing. */
INLINE vec output_loss(const fastnn_loss loss, const fastnn_activation activation, const output_layer *of,
                       const slope_terms *slope, vec z, vec y, vec *h, vec *delta) {
    *h = v_activate(activation, of->parameter, z);
    vec value = loss_term(loss, of, z, y, *h, delta);
    if (fastnn_losses[loss].times_slope) {
        *delta = *delta * v_slope(slope, *h);
    }
    return value;
}
#endif
