/* losses.h: output activation, loss and delta from the logits, in one pass; softmax for prediction.
   LANES rows at a time stand side by side, a row in each lane, so that sums over the
   outputs need no reduction, a network with one output fills its vectors, and the logarithm of a log-sum-exp is taken
   once for all of them. (Row by row with one logarithm a row took a fifth of a small batch's time.) Squares are
   transposed in registers on the way in and out. */
#ifndef FASTNN_LOSSES_H
#define FASTNN_LOSSES_H

#include <float.h>
#include <math.h>

#include "fastnn.h" /* fastnn_objective, fastnn_loss, fastnn_losses, fastnn_activation, FASTNN_N_ACTIVATIONS */
#include "kernels/activations.h" /* v_activate, v_kept_slope, slope_of, v_slope, v_relu */
#include "kernels/totals.h"      /* loss_totals */
#include "simd/transpose.h"      /* v_transpose, load_square, load_rest */
#include "simd/vector.h"         /* vec, v_load, v_store, v_select, v_first */
#include "simd/vmath.h"          /* v_log, v_log1p, v_exp_of_negative */

/* What the losses know of the last layer. */
typedef struct {
    const fastnn_objective *objective;
    fastnn_activation activation;
    real parameter; /* of the activation */
    ptrdiff_t n_out, stride;
} output_layer;

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

/* scikit-learn takes the logarithm of probabilities clipped to [eps, 1 - eps]. */
#define LEAST_PROBABILITY ((real)(sizeof(real) == 8 ? DBL_EPSILON : FLT_EPSILON))

INLINE vec clipped(vec x, real low, real high) { return v_min(v_max(x, v_all(low)), v_all(high)); }

/* The loss of one output of LANES rows from logit z and target y, and what delta is before weighing. */
INLINE vec output_loss(const fastnn_loss loss, const fastnn_activation activation, const output_layer *of,
                       const slope_terms *slope, vec z, vec y, vec *h, vec *delta) {
    *h = v_activate(activation, of->parameter, z);
    vec error = *h - y;
    *delta = error;
    if (fastnn_losses[loss].times_slope) {
        int keeps = fastnn_activations[activation].keeps_slope;
        *delta = error * (keeps ? v_kept_slope(activation, of->parameter, z) : v_slope(slope, *h));
    }
    switch (loss) {
    case FASTNN_LOSS_squared_error: return v_all((real)0.5) * error * error;
    case FASTNN_LOSS_poisson: {
        vec positive = v_select(v_less(v_all(0), y), y, v_all(1)); /* y log y is 0 at 0 */
        return y * v_log(positive) - y * z + error;
    }
    case FASTNN_LOSS_perceptron: return error * z;
    case FASTNN_LOSS_log_loss: /* of a logistic output: log(1 + e^z) - y z; as scikit-learn has it, by the probability
                                  of the target, 0 or 1, and 1 - h loses the digits that it does there */
        if (of->objective->as_sklearn && !of->objective->has_soft_targets) {
            vec of_target = v_select(v_less(v_all((real)0.5), y), *h, v_all(1) - *h);
            return -v_log(clipped(of_target, LEAST_PROBABILITY, 1 - LEAST_PROBABILITY));
        }
        return v_relu(z) - y * z + v_log1p(v_exp_of_negative(-v_abs(z)));
    }
    return v_all(NAN); /* no row of the table */
}

/* One block: z, y (n, LANES) IN; z becomes the weighed delta. OUT: loss and ||y - h||^2 of each lane. */
INLINE void loss_lanes(const fastnn_loss loss, const fastnn_activation activation, const output_layer *of, real *z,
                       const real *y, vec weight, vec *losses, vec *squares) {
    const ptrdiff_t n = of->n_out;
    vec total = v_all(0), square = v_all(0);
    if (activation == FASTNN_ACTIVATION_softmax) { /* log_loss: sum of y (log sum e^z - z) */
        vec sum, targets = v_all(0), dot = v_all(0);
        for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
            dot = v_fma(v_load(y + i), v_load(z + i), dot);
            targets = targets + v_load(y + i);
        }
        vec top = powers(n, z, &sum), share = v_all(1) / sum;
        for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
            vec error = v_fma(v_load(z + i), share, -v_load(y + i));
            square = v_fma(error, error, square);
            v_store(z + i, error * weight);
        }
        total = v_fma(targets, top + v_log(sum), -dot);
        if (of->objective->as_sklearn && !of->objective->has_soft_targets) { /* of one target, which is 1 */
            total = clipped(total, (real)-log1p(-LEAST_PROBABILITY), (real)-log(LEAST_PROBABILITY));
        }
    } else {
        slope_terms slope = slope_of(activation);
        for (ptrdiff_t i = 0; i < n * LANES; i += LANES) {
            vec h, delta, target = v_load(y + i);
            vec of_output = output_loss(loss, activation, of, &slope, v_load(z + i), target, &h, &delta);
            total = total + of_output;
            square = v_fma(h - target, h - target, square);
            v_store(z + i, delta * weight);
        }
    }
    *losses = total;
    *squares = square;
}

/* The pairs that output_loss and loss_lanes have a formula for: under squared_error the slope of an elementwise
   activation makes the delta (that of step would leave nothing), elsewhere it is h - y, which is right for the loss's
   own activation alone. */
#define HAS_FORMULA(loss, activation)                                                              \
    ((loss) == FASTNN_LOSS_squared_error                                                           \
         ? (activation) != FASTNN_ACTIVATION_softmax && (activation) != FASTNN_ACTIVATION_step     \
     : (loss) == FASTNN_LOSS_log_loss                                                              \
         ? (activation) == FASTNN_ACTIVATION_softmax || (activation) == FASTNN_ACTIVATION_logistic \
         : ((loss) == FASTNN_LOSS_poisson && (activation) == FASTNN_ACTIVATION_exp) ||             \
               ((loss) == FASTNN_LOSS_perceptron && (activation) == FASTNN_ACTIVATION_step))

#define FASTNN_LOSS(name, targets, takes_labels, times_slope)
#define FASTNN_PAIR(loss, activation)                                               \
    _Static_assert(HAS_FORMULA(FASTNN_LOSS_##loss, FASTNN_ACTIVATION_##activation), \
                   #loss " has no formula for " #activation);
#include "tables/losses.def"
#undef FASTNN_PAIR

/* loss_lanes with loss and activation as constants, so that the loops over the outputs have no choices left. */
static void loss_of_block(const output_layer *of, real *z, const real *y, vec weight, vec *losses, vec *squares) {
#define NUMBER(loss, activation) ((int)(loss) * FASTNN_N_ACTIVATIONS + (int)(activation))
#define FASTNN_PAIR(of_loss, of_activation)                                                                      \
    case NUMBER(FASTNN_LOSS_##of_loss, FASTNN_ACTIVATION_##of_activation):                                       \
        loss_lanes(FASTNN_LOSS_##of_loss, FASTNN_ACTIVATION_##of_activation, of, z, y, weight, losses, squares); \
        break;
    switch (NUMBER(of->objective->loss, of->activation)) {
#include "tables/losses.def"
    default: *losses = *squares = v_all(NAN); /* no pair of the table */
    }
#undef FASTNN_PAIR
#undef FASTNN_LOSS
#undef NUMBER
}

/* Columns of the LANES rows into `out` (n_columns to whole vectors, LANES). */
OUTLINE void load_lanes(const real *const rows[LANES], ptrdiff_t n_columns, real *out) {
    vec columns[LANES];
    ptrdiff_t column = 0;
    for (; column + LANES <= n_columns; column += LANES) {
        load_square(rows, column, columns);
        UNROLL for (int i = 0; i < LANES; i++) { v_store(out + (column + i) * LANES, columns[i]); }
    }
    if (column < n_columns) {
        load_rest(rows, n_columns, n_columns - column, columns);
        for (ptrdiff_t i = column; i < n_columns; i++) {
            v_store(out + i * LANES, columns[i - column]);
        }
    }
}

/* The other way: lanes (stride, LANES) into n rows of `stride` numbers. */
OUTLINE void store_lanes(int n, ptrdiff_t stride, const real *lanes, real *rows) {
    for (ptrdiff_t column = 0; column < stride; column += LANES) {
        vec square[LANES];
        UNROLL for (int i = 0; i < LANES; i++) { square[i] = v_load(lanes + (column + i) * LANES); }
        v_transpose(square);
        for (int r = 0; r < n; r++) {
            v_store(rows + r * stride + column, square[r]);
        }
    }
}

/* Of n_rows rows: z (n_rows, stride), logits, become the deltas, each times its row's share of the weight `total`; the
   padding becomes 0. stride: n_out to whole vectors, or 1 where n_out is; then the deltas are padded to whole vectors
   of rows. Row r has its targets in row rows[r] of y (..., n_out), and so its weight; rows NULL: in row r.
   sample_weight NULL: 1. totals: OUT, of LANES rows each. work: 2 * whole vectors of n_out * LANES * LANES numbers. */
static void loss_and_delta(const output_layer *of, ptrdiff_t n_rows, const real *y, const real *sample_weight,
                           const ptrdiff_t *rows, double total, real *z, real *work, loss_totals *totals) {
    const ptrdiff_t n_out = of->n_out, stride = of->stride;
    real *of_z = work, *of_y = work + (stride > 1 ? stride : LANES) * LANES;
    for (ptrdiff_t first = 0; first < n_rows; first += LANES) {
        int n = n_rows - first < LANES ? (int)(n_rows - first) : LANES;
        const real *z_rows[LANES], *y_rows[LANES];
        real share[LANES], loss_of[LANES], norm_of[LANES];
        for (int r = 0; r < LANES; r++) {
            ptrdiff_t row = first + (r < n ? r : n - 1);
            z_rows[r] = z + row * stride;
            row = rows ? rows[row] : row;
            y_rows[r] = y + row * n_out;
            share[r] = (real)(total != 0 ? (sample_weight ? sample_weight[row] : 1) / total : 0);
        }
        if (stride > 1) {
            load_lanes(z_rows, stride, of_z);
        } else {
            v_store(of_z, v_load(z + first));
        }
        if (n_out == 1) {
            for (int r = 0; r < LANES; r++) {
                of_y[r] = *y_rows[r];
            }
        } else {
            load_lanes(y_rows, n_out, of_y);
        }
        vec losses, squares;
        loss_of_block(of, of_z, of_y, v_load(share), &losses, &squares);
        v_store(loss_of, losses);
        v_store(norm_of, v_sqrt(squares));
        loss_totals sums = {0, 0};
        for (int r = 0; r < n; r++) {
            sums.loss += (double)share[r] * loss_of[r];
            sums.norms += norm_of[r];
        }
        totals[first / LANES] = sums;
        if (stride > 1) {
            for (ptrdiff_t i = n_out * LANES; i < stride * LANES; i += LANES) {
                v_store(of_z + i, v_all(0));
            }
            store_lanes(n, stride, of_z, z + first * stride);
        } else {
            v_store(z + first, v_mask(v_first(n), v_load(of_z)));
        }
    }
}

/* Softmax of each row of z (n_rows, n_vectors) in place. work: n_vectors * LANES * LANES numbers. */
static void softmax_rows(ptrdiff_t n_rows, ptrdiff_t n_out, ptrdiff_t n_vectors, real *z, real *work) {
    ptrdiff_t stride = n_vectors * LANES;
    for (ptrdiff_t first = 0; first < n_rows; first += LANES) {
        int n = n_rows - first < LANES ? (int)(n_rows - first) : LANES;
        const real *rows[LANES];
        for (int r = 0; r < LANES; r++) {
            rows[r] = z + (first + (r < n ? r : n - 1)) * stride;
        }
        load_lanes(rows, stride, work);
        vec sum;
        powers(n_out, work, &sum);
        vec share = v_all(1) / sum;
        for (ptrdiff_t i = 0; i < n_out * LANES; i += LANES) {
            v_store(work + i, v_load(work + i) * share);
        }
        store_lanes(n, stride, work, z + first * stride);
    }
}
#endif
