/* step.h: an update's step, of the weights that are a thread's: the solver's own pass, and the rules around it. A
   gradient of all layers that is too long is made shorter before it; weights of a unit that are, after it. A layer's
   weights and biases may have a factor of the rate of their own, or stand still.

   Every sum is of packed rows that are some thread's as a whole, or of a column, so that the bits do not depend on how
   the weights are shared out. */
#ifndef FASTNN_STEP_H
#define FASTNN_STEP_H

#include <math.h>
#include <string.h>

#include "fastnn.h"          /* fastnn_training */
#include "kernels/batch.h"   /* member, meet */
#include "kernels/layout.h"  /* packed_network, packed_layer, whole_vectors */
#include "kernels/solvers.h" /* step_constants, solver_step, prepare_step, squared_norm, see_what_prepares */
#include "kernels/team.h"    /* owns_biases, part_begins, rows_of_share, shared_rows, weight_share */
#include "simd/vector.h"     /* vec, LANES, LANE, v_load, v_store, v_all, v_fma, v_less, v_select, v_sqrt */

/* One step of the numbers `begin` to before `end` of the packed blocks: weights, or biases. */
static void step_between(const packed_network *net, const fastnn_training *training, const step_constants *step,
                         int are_weights, ptrdiff_t begin, ptrdiff_t end) {
    if (step->prepares) {
        prepare_step(step, are_weights, end - begin, net->parameters + begin, net->gradient + begin);
    }
    solver_step(training, step, are_weights && !step->prepares, begin, end, net->n_packed, net->parameters,
                net->gradient + begin, net->state);
}

/* Whether a weight without a gradient stays as it is. */
static int rests(const fastnn_training *training, const step_constants *step) {
    int is_descent = training->solver == FASTNN_SOLVER_sgd && training->momentum == 0;
    int needs_one = is_descent || training->solver == FASTNN_SOLVER_adagrad;
    return needs_one && step->l2 == 0 && step->l1 == 0 && step->decay == 0;
}

/* A step of packed rows of the first layer's weights, `row` to before `end`, of which those without entries have no
   gradient. */
SMALL void step_columns(const packed_network *net, const fastnn_training *training, const step_constants *step,
                        ptrdiff_t row, ptrdiff_t end) {
    ptrdiff_t stride = net->layers[0].stride;
    int rest = rests(training, step);
    while (row < end) {
        ptrdiff_t first = row, is_touched = net->sparse.touched[row++];
        while (is_touched && row < end && net->sparse.touched[row]) {
            row++;
        }
        if (is_touched) {
            step_between(net, training, step, 1, first * stride, row * stride);
        } else if (!rest && step->prepares) {
            memset(net->gradient + first * stride, 0, (size_t)stride * sizeof(real));
            step_between(net, training, step, 1, first * stride, row * stride);
        } else if (!rest) {
            solver_step(training, step, 1, first * stride, row * stride, net->n_packed, net->parameters,
                        net->sparse.zeros, net->state);
        }
    }
}

/* A step of the weights of a share. */
SMALL void step_weights(const packed_network *net, const fastnn_training *training, const step_constants *step,
                        const weight_share *share) {
    ptrdiff_t begin = share->begin.place, row;
    if (net->takes_entries) {
        ptrdiff_t end_row = rows_of_share(net, share, 0, &row);
        if (row < end_row) {
            step_columns(net, training, step, row, end_row);
            begin = end_row * net->layers[0].stride;
        }
    }
    step_between(net, training, step, 1, begin, share->end.place);
}

/* A step of the biases of those layers whose last weights are in a share. */
SMALL void step_biases(const packed_network *net, const fastnn_training *training, const step_constants *step,
                       const weight_share *share) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        if (owns_biases(net, share, l)) {
            step_between(net, training, step, 0, layer->biases, layer->biases + layer->n_vectors * LANES);
        }
    }
}

/* Factors of the rate: of a layer's weights, or its biases. */
static real rate_of(const fastnn_training *training, ptrdiff_t l, int are_weights) {
    return training->rates ? (real)training->rates[2 * l + !are_weights] : 1;
}

/* Numbers of a packed row of weights: the only one of a single output has them along. */
static ptrdiff_t row_length(const packed_layer *layer) {
    return layer->is_single ? whole_vectors(layer->n_in) * LANES : layer->stride;
}

/* A step of an encoder's own numbers, each column's by its own rate. */
static void step_encodings(const packed_network *net, const fastnn_training *training, const step_constants *step) {
    const packed_layer *layer = &net->layers[0];
    ptrdiff_t place = layer->weights;
    for (const fastnn_layer *column = layer->columns; column < layer->columns + layer->n_columns; column++) {
        ptrdiff_t end = place + packed_numbers(column);
        step_constants own = *step;
        own.rate *= (real)column->parameter;
        own.decay *= (real)column->parameter;
        if (column->parameter != 0 && place < end) {
            step_between(net, training, &own, 1, place, end);
        }
        place = end;
    }
}

/* A step of a share, each layer by its own rate. */
SMALL void step_by_layers(const packed_network *net, const fastnn_training *training, const step_constants *step,
                          const weight_share *share) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        ptrdiff_t row, end = rows_of_share(net, share, l, &row), length = row_length(layer);
        for (int are_weights = 1; are_weights >= 0; are_weights--) {
            real rate = rate_of(training, l, are_weights);
            step_constants own = *step;
            own.rate *= rate;
            own.decay *= training->decays ? (real)training->decays[l] : rate;
            if (rate == 0 || row >= end) {
                continue;
            }
            if (!are_weights && owns_biases(net, share, l)) {
                step_between(net, training, &own, 0, layer->biases, layer->biases + layer->n_vectors * LANES);
            } else if (are_weights && layer->n_columns) {
                step_encodings(net, training, &own);
            } else if (are_weights && l == 0 && net->takes_entries) {
                step_columns(net, training, &own, row, end);
            } else if (are_weights) {
                step_between(net, training, &own, 1, layer->weights + row * length, layer->weights + end * length);
            }
        }
        if (layer->gates && owns_biases(net, share, l)) {
            step_constants own = *step;
            own.rate *= (real)training->gate_rate;
            step_between(net, training, &own, 0, layer->gates, layer->gates + layer->n_vectors * LANES);
        }
    }
}

/* The squares of this thread's part of the gradient, by packed rows. */
SMALL void square_gradient(const member *me, const fastnn_training *training, const step_constants *step) {
    const packed_network *net = me->net;
    double *of_rows = net->of_rows;
    ptrdiff_t n_rows = 0;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        n_rows += shared_rows(&net->layers[l]);
    }
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        ptrdiff_t row, end = rows_of_share(net, &me->share, l, &row), length = row_length(layer);
        int moves = rate_of(training, l, 1) != 0; /* else there may be no gradient */
        for (; row < end; row++) {
            const real *w = net->parameters + layer->weights + row * length;
            int is_empty = moves && l == 0 && net->takes_entries && !net->sparse.touched[row];
            const real *g = is_empty ? net->sparse.zeros : net->gradient + layer->weights + row * length;
            of_rows[row] = moves ? squared_norm(step, 1, length, w, g) : 0;
        }
        if (owns_biases(net, &me->share, l)) {
            const real *bias = net->parameters + layer->biases, *g = net->gradient + layer->biases;
            moves = rate_of(training, l, 0) != 0;
            net->of_rows[n_rows + l] = moves ? squared_norm(step, 0, layer->n_vectors * LANES, bias, g) : 0;
        }
        of_rows += shared_rows(layer);
    }
}

/* What a gradient is scaled by, so that it is no longer than max_grad_norm; as PyTorch does. */
SMALL double clipping_of(const packed_network *net, const fastnn_training *training) {
    ptrdiff_t n = net->n_layers;
    double total = 0;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        n += shared_rows(&net->layers[l]);
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        total += net->of_rows[i];
    }
    double scale = training->max_grad_norm / (sqrt(total) + 1e-6);
    return scale >= 1 ? 1 : scale; /* NaN shall be seen */
}

/* Make the columns of packed weights, `first` to before `end` in vectors, no longer than max_norm. */
static void bound_columns(const packed_layer *layer, real max_norm, ptrdiff_t first, ptrdiff_t end, real *weights,
                          real *sums) {
    ptrdiff_t begin = first * LANES, n = (end - first) * LANES;
    int is_long = 0;
    memset(sums, 0, (size_t)n * sizeof(real));
    for (ptrdiff_t row = 0; row < layer->n_in; row++) {
        const real *w = weights + row * layer->stride + begin;
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            v_store(sums + i, v_fma(v_load(w + i), v_load(w + i), v_load(sums + i)));
        }
    }
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec norm = v_sqrt(v_load(sums + i)), most = v_all(max_norm);
        v_store(sums + i, v_select(v_less(most, norm), most / norm, v_all(1)));
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        is_long |= sums[i] != 1;
    }
    for (ptrdiff_t row = 0; is_long && row < layer->n_in; row++) {
        real *w = weights + row * layer->stride + begin;
        for (ptrdiff_t i = 0; i < n; i += LANES) {
            v_store(w + i, v_load(w + i) * v_load(sums + i));
        }
    }
}

/* The same of a single output's row. */
SMALL void bound_row(const packed_layer *layer, real max_norm, real *weights) {
    vec squares = v_all(0);
    real total = 0;
    for (ptrdiff_t i = 0; i < layer->n_in; i += LANES) {
        squares = v_fma(v_load(weights + i), v_load(weights + i), squares);
    }
    for (int i = 0; i < LANES; i++) {
        total += LANE(squares, i);
    }
    real norm = (real)sqrt((double)total);
    for (ptrdiff_t i = 0; norm > max_norm && i < layer->n_in; i++) {
        weights[i] *= max_norm / norm;
    }
}

/* Make the weights that come into a unit no longer than max_norm: those of this thread's units. */
SMALL void bound_weights(const member *me, const fastnn_training *training) {
    const packed_network *net = me->net;
    real max_norm = (real)training->max_norm, *sums = net->lanes + me->thread * net->n_lanes;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        real *weights = net->parameters + layer->weights;
        ptrdiff_t first = part_begins(layer->n_vectors, me->thread, me->n_threads);
        ptrdiff_t end = part_begins(layer->n_vectors, me->thread + 1, me->n_threads);
        if (first == end || rate_of(training, l, 1) == 0) {
            continue;
        }
        if (layer->is_single) {
            bound_row(layer, max_norm, weights);
        } else {
            bound_columns(layer, max_norm, first, end, weights, sums);
        }
    }
}

/* The step of this thread's share, once all threads have their part of the gradient, or are about to. */
SMALL void take_step(member *me, const fastnn_training *training, step_constants *step) {
    if (training->max_grad_norm != 0) {
        square_gradient(me, training, step);
        meet(me);
        step->scale = (real)clipping_of(me->net, training);
        see_what_prepares(training, step);
    }
    if (training->rates || me->net->layers[0].n_columns) { /* of which gates are, too */
        step_by_layers(me->net, training, step, &me->share);
    } else {
        step_weights(me->net, training, step, &me->share);
        step_biases(me->net, training, step, &me->share);
    }
    if (training->max_norm != 0) {
        meet(me);
        bound_weights(me, training);
        meet(me);
    }
}
#endif
