/* losses.h: output activation, loss and delta from the logits, in one pass, of one head or several; for prediction the
   activations that elementwise loops over rows do not have. Formulas stand in formulas.h and joint.h. LANES rows at a
   time stand side by side, a row in each lane, so that sums over the outputs need no reduction, a network with one
   output fills its vectors, and the logarithm of a log-sum-exp is taken once for all of them. (Row by row with one
   logarithm a row took a fifth of a small batch's time.) Squares are transposed in registers on the way in and out. */
#ifndef FASTNN_LOSSES_H
#define FASTNN_LOSSES_H

#include <string.h>

#include "fastnn.h"              /* fastnn_loss, fastnn_activation, fastnn_layer, fastnn_head, FASTNN_N_ACTIVATIONS */
#include "kernels/activations.h" /* activate, has_groups, slope_of, v_slope, is_joint */
#include "kernels/formulas.h"    /* output_layer, output_loss, loss_of_error, loss_of_logit */
#include "kernels/joint.h"       /* joint_lanes, joint_loss */
#include "kernels/totals.h"      /* loss_totals */
#include "simd/transpose.h"      /* v_transpose, load_square, load_rest */
#include "simd/vector.h"         /* vec, v_load, v_store, v_first, v_equal, v_mask, v_select */

/* One block: z, y (n, LANES) IN; z becomes the weighed delta, y anything. OUT: loss and ||y - h||^2 of each lane. */
INLINE void loss_lanes(const fastnn_loss loss, const fastnn_activation activation, const output_layer *of, real *z,
                       real *y, vec weight, vec *losses, vec *squares) {
    vec total = v_all(0), square = v_all(0);
    if (is_joint(activation)) {
        total = joint_loss(loss, of, z, y, weight, &square);
    } else {
        slope_terms slope = slope_of(activation);
        fastnn_activation left = activation;
        if (fastnn_losses[loss].times_slope && has_groups(activation)) { /* a loss that asks for no logits */
            activate(activation, of->parameter, 1, of->n_out, z, 0, NULL);
            left = FASTNN_ACTIVATION_identity;
        }
        for (ptrdiff_t i = 0; i < of->n_out * LANES; i += LANES) {
            vec h, delta, target = v_load(y + i);
            vec of_output = output_loss(loss, left, of, &slope, v_load(z + i), target, &h, &delta);
            total = total + of_output;
            square = v_fma(h - target, h - target, square);
            v_store(z + i, delta * weight);
        }
    }
    *losses = total;
    *squares = square;
}

/* The same, one function for all pairs of an elementwise activation that seldom are trained: outputs and kept slopes
   first, of some columns at a time. As loops of their own they took 20 KB of each unit. */
OUTLINE void shared_lanes(const output_layer *of, real *z, const real *y, vec weight, vec *losses, vec *squares) {
    enum { AT_ONCE = 16 };
    real outputs[AT_ONCE * LANES], slopes[AT_ONCE * LANES];
    const fastnn_loss loss = of->objective->loss;
    slope_terms terms = slope_of(of->activation);
    int keeps = fastnn_activations[of->activation].keeps_slope;
    vec total = v_all(0), square = v_all(0), parameter = v_all((real)of->objective->parameter);
    for (ptrdiff_t left = of->n_out, n; left > 0; left -= n) {
        n = left < AT_ONCE ? left : AT_ONCE;
        memcpy(outputs, z, (size_t)(n * LANES) * sizeof(real));
        activate(of->activation, of->parameter, 1, n, outputs, 0, slopes);
        for (ptrdiff_t i = 0; i < n * LANES; i += LANES, z += LANES, y += LANES) {
            vec h = v_load(outputs + i), target = v_load(y), error = h - target, delta;
            if (fastnn_losses[loss].times_slope) {
                total = total + loss_of_error(loss, parameter, error, &delta);
                delta = delta * (keeps ? v_load(slopes + i) : v_slope(&terms, h));
            } else {
                total = total + loss_of_logit(loss, parameter, v_load(z), target, h, &delta);
            }
            square = v_fma(error, error, square);
            v_store(z, delta * weight);
        }
    }
    *losses = total;
    *squares = square;
}

/* The pairs that loss_term and loss_lanes have a formula for: under squared_error the slope of an elementwise
   activation makes the delta (that of step would leave nothing), elsewhere it is right for the loss's own activations
   alone. */
#define IS(name, activation) ((activation) == FASTNN_ACTIVATION_##name)
#define IS_ROBUST(loss) \
    ((loss) == FASTNN_LOSS_absolute_error || (loss) == FASTNN_LOSS_huber || (loss) == FASTNN_LOSS_quantile)
#define HAS_FORMULA(loss, activation)                                                                          \
    ((loss) == FASTNN_LOSS_squared_error  ? !IS(softmax, activation) && !IS(step, activation) &&               \
                                                !IS(mean_variance, activation) && !IS(increasing, activation)  \
     : (loss) == FASTNN_LOSS_gaussian_nll ? IS(mean_variance, activation)                                      \
     : IS_ROBUST(loss)                    ? IS(identity, activation) || IS(exp, activation) ||                 \
                                                ((loss) == FASTNN_LOSS_quantile && IS(increasing, activation)) \
     : (loss) == FASTNN_LOSS_log_loss || (loss) == FASTNN_LOSS_focal                                           \
         ? IS(softmax, activation) || IS(logistic, activation)                                                 \
         : (((loss) == FASTNN_LOSS_poisson || (loss) == FASTNN_LOSS_gamma) && IS(exp, activation)) ||          \
               ((loss) == FASTNN_LOSS_perceptron && IS(step, activation)) ||                                   \
               (((loss) == FASTNN_LOSS_hinge || (loss) == FASTNN_LOSS_squared_hinge) && IS(identity, activation)))

#define FASTNN_LOSS(name, targets, takes_labels, times_slope)
#define FASTNN_PAIR(loss, activation)                                               \
    _Static_assert(HAS_FORMULA(FASTNN_LOSS_##loss, FASTNN_ACTIVATION_##activation), \
                   #loss " has no formula for " #activation);
#include "tables/losses.def"
#undef FASTNN_PAIR

/* Those that share a kernel: of elementwise outputs all but log_loss and the squared error of the commonest. */
#define SHARES_KERNEL(loss, activation)                         \
    (!is_joint(activation) && (loss) != FASTNN_LOSS_log_loss && \
     ((loss) != FASTNN_LOSS_squared_error ||                    \
      !(IS(identity, activation) || IS(logistic, activation) || IS(tanh, activation) || IS(relu, activation))))

/* loss_lanes with loss and activation as constants, so that the loops over the outputs have no choices left. */
static void loss_of_block(const output_layer *of, real *z, real *y, vec weight, vec *losses, vec *squares) {
#define NUMBER(loss, activation) ((int)(loss) * FASTNN_N_ACTIVATIONS + (int)(activation))
#define FASTNN_PAIR(of_loss, of_activation)                                                                          \
    case NUMBER(FASTNN_LOSS_##of_loss, FASTNN_ACTIVATION_##of_activation):                                           \
        if (SHARES_KERNEL(FASTNN_LOSS_##of_loss, FASTNN_ACTIVATION_##of_activation)) {                               \
            shared_lanes(of, z, y, weight, losses, squares);                                                         \
        } else {                                                                                                     \
            loss_lanes(FASTNN_LOSS_##of_loss, FASTNN_ACTIVATION_##of_activation, of, z, y, weight, losses, squares); \
        }                                                                                                            \
        break;
    switch (NUMBER(of->objective->loss, of->activation)) {
#include "tables/losses.def"
    default: *losses = *squares = v_all(NAN); /* no pair of the table */
    }
#undef FASTNN_PAIR
#undef FASTNN_LOSS
#undef NUMBER
}

/* The same of several heads, a block of the outputs each. What has a loss together is a joint activation's block, else
   an output; where its targets are NaN, which then all are, it has loss and delta 0, whatever the outputs. */
static void loss_of_heads(const output_layer *of, real *z, real *y, vec weight, vec *losses, vec *squares) {
    vec total = v_all(0), square = v_all(0);
    for (ptrdiff_t b = 0; b < of->n_blocks; b++) {
        const fastnn_layer *block = &of->blocks[b];
        const fastnn_head *head = &of->objective->heads[b];
        vec weight_of_head = v_all((real)head->weight), loss, of_errors;
        output_layer part = {.objective = &head->objective,
                             .activation = (fastnn_activation)block->activation,
                             .parameter = (real)block->parameter};
        part.n_out = is_joint(part.activation) ? block->n_out : 1;
        for (ptrdiff_t i = 0; i < block->n_out; i += part.n_out) {
            words observed = v_equal(v_load(y), v_load(y));
            real *end = z + part.n_out * LANES;
            for (ptrdiff_t k = 0; k < part.n_out * LANES; k += LANES) {
                v_store(y + k, v_select(observed, v_load(y + k), v_all(1))); /* a target of every loss */
            }
            loss_of_block(&part, z, y, weight_of_head * weight, &loss, &of_errors);
            total = total + v_mask(observed, weight_of_head * loss);
            square = square + v_mask(observed, of_errors);
            for (; z < end; z += LANES, y += LANES) {
                v_store(z, v_mask(observed, v_load(z)));
            }
        }
    }
    *losses = total;
    *squares = square;
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

/* Of n rows from `first` on, one a lane, the last for those that are missing: z, y, and the share of the weight. */
SMALL void find_rows(const output_layer *of, ptrdiff_t first, int n, const real *z, const real *y,
                     const real *sample_weight, const ptrdiff_t *rows, double total, const real **z_rows,
                     const real **y_rows, real *share) {
    real even = (real)(total != 0 ? 1 / total : 0);
    for (int r = 0; r < LANES; r++) {
        ptrdiff_t row = first + (r < n ? r : n - 1);
        z_rows[r] = z + row * of->stride;
        row = rows ? rows[row] : row;
        y_rows[r] = y + row * of->n_out;
        share[r] = !sample_weight ? even : (real)(total != 0 ? sample_weight[row] / total : 0);
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
        find_rows(of, first, n, z, y, sample_weight, rows, total, z_rows, y_rows, share);
        if (stride > 1) {
            load_lanes(z_rows, stride, of_z);
        } else {
            v_store(of_z, v_load(z + first));
        }
        if (n_out == 1) {
            ROLLED for (int r = 0; r < LANES; r++) { of_y[r] = *y_rows[r]; }
        } else {
            load_lanes(y_rows, n_out, of_y);
        }
        vec losses, squares;
        if (of->n_blocks) {
            loss_of_heads(of, of_z, of_y, v_load(share), &losses, &squares);
        } else {
            loss_of_block(of, of_z, of_y, v_load(share), &losses, &squares);
        }
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

/* The blocks of a last layer's outputs, one if it has a joint activation or several; NULL if it is elementwise. */
INLINE const fastnn_layer *blocks_of(const fastnn_layer *layer, ptrdiff_t *n_blocks) {
    *n_blocks = layer->n_blocks ? layer->n_blocks : 1;
    return layer->n_blocks ? layer + 1 : is_joint((fastnn_activation)layer->activation) ? layer : NULL;
}

/* The activations of blocks of each row of z (n_rows, n_vectors) in place. work: n_vectors * LANES * LANES numbers. */
static void activate_blocks(const fastnn_layer *blocks, ptrdiff_t n_blocks, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                            real *z, real *work) {
    ptrdiff_t stride = n_vectors * LANES;
    for (ptrdiff_t first = 0; first < n_rows; first += LANES) {
        int n = n_rows - first < LANES ? (int)(n_rows - first) : LANES;
        const real *rows[LANES];
        ROLLED for (int r = 0; r < LANES; r++) { rows[r] = z + (first + (r < n ? r : n - 1)) * stride; }
        load_lanes(rows, stride, work);
        real *of_block = work;
        for (ptrdiff_t b = 0; b < n_blocks; b++) {
            fastnn_activation activation = (fastnn_activation)blocks[b].activation;
            if (is_joint(activation)) {
                joint_lanes(activation, (real)blocks[b].parameter, blocks[b].n_out, of_block);
            } else {
                activate(activation, (real)blocks[b].parameter, 1, blocks[b].n_out, of_block, 0, NULL);
            }
            of_block += blocks[b].n_out * LANES;
        }
        store_lanes(n, stride, work, z + first * stride);
    }
}
#endif
