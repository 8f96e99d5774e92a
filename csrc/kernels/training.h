/* training.h: objective and gradient of a batch, and the loop over updates: gather, forward, losses, backward, step,
   curves, tol. Entered once for many updates; allocates nothing. Used by engine.h, whose table the binding calls. */
#ifndef FASTNN_TRAINING_H
#define FASTNN_TRAINING_H

#include "kernels/network.h"
#include "kernels/optimizers.h"

/* One batch: the rows rows[0] ... of data, or without `rows` all of them, in order. */
typedef struct {
    const fastnn_data *data;
    const ptrdiff_t *rows;
    ptrdiff_t n_rows;
    ptrdiff_t n_listed; /* rows of this batch and of those after it */
    int loss;
} batch;

/* Of n rows and a step, in multiply-adds: products, the rest of a row, the optimizer, the rest of an update. */
static double work_of(const network *net, ptrdiff_t n) {
    return 3.0 * (double)n * (double)net->n_weights + 200.0 * (double)n + 10.0 * (double)net->n_packed + 1000;
}

static double total_weight(const batch *b) {
    const real *weight = b->data->sample_weight;
    double total = 0;
    if (!weight) {
        return (double)b->n_rows;
    }
    for (ptrdiff_t r = 0; r < b->n_rows; r++) {
        total += weight[b->rows ? b->rows[r] : r];
    }
    return total;
}

/* Half of l2 times the sum of the squared weights. */
static double penalty(const network *net, double l2) {
    if (l2 == 0) {
        return 0;
    }
    vec squares = v_all(0);
    for (ptrdiff_t i = 0; i < net->n_weights; i += LANES) {
        squares = v_fma(v_load(net->parameters + i), v_load(net->parameters + i), squares);
    }
    double total = 0;
    for (int i = 0; i < LANES; i++) {
        total += LANE(squares, i);
    }
    return 0.5 * l2 * total;
}

/* The deltas of the last layer from its logits, which stand where the deltas will. */
static void loss_chunk(const network *net, const batch *b, ptrdiff_t first, ptrdiff_t n, double total,
                       fastnn_totals *totals) {
    const layer *last = &net->layers[net->n_layers - 1];
    const real *y = b->data->y, *weight = b->data->sample_weight;
    if (!b->rows) {
        y += first * last->n_out;
        weight = weight ? weight + first : NULL;
    }
    loss_and_delta(b->loss, last->activation, n, last->n_out, last->stride, y, weight,
                   b->rows ? b->rows + first : NULL, total, last->delta, net->lanes, totals);
}

/* Objective without the penalty and cost of a batch; the gradient without the penalty's where it is wanted. Each
   chunk is summed by itself and then added, so that chunks may one day be summed by different threads. Returns
   whether poll said to stop. */
static int batch_pass(const network *net, const batch *b, int with_gradient, fastnn_poll *asked, double *objective,
                      double *cost) {
    fastnn_totals totals = {0, 0};
    double total = total_weight(b);
    const layer *last = &net->layers[net->n_layers - 1];
    if (with_gradient) {
        copy_back(net);
    }
    for (ptrdiff_t first = 0; first < b->n_rows; first += net->chunk) {
        ptrdiff_t n = b->n_rows - first < net->chunk ? b->n_rows - first : net->chunk;
        if (poll(asked, work_of(net, n))) {
            return 1;
        }
        row_list rows = {b->rows ? b->rows + first : NULL, first, n, b->n_listed - first};
        const real *inputs = inputs_of(net, b->data, &rows);
        forward_chunk(net, inputs, n, last->delta);
        loss_chunk(net, b, first, n, total, &totals);
        if (with_gradient) {
            backward_chunk(net, inputs, n, first > 0);
        }
    }
    *objective = totals.loss;
    *cost = totals.norms / (double)b->n_rows;
    return 0;
}

/* A batch of one row up to its deltas, and then one step: straight into the weights where the step is along the
   gradient, or from a gradient of rank one. */
static int row_update(const network *net, const fastnn_training *training, const batch *b, const fastnn_step *step,
                      double l2, double *objective, double *cost) {
    fastnn_totals totals = {0, 0};
    double total = total_weight(b);
    ptrdiff_t last = net->n_layers - 1;
    row_list rows = {b->rows, 0, 1, b->n_listed};
    const real *inputs = inputs_of(net, b->data, &rows);
    forward_one(net, inputs, net->layers[last].delta);
    loss_chunk(net, b, 0, 1, total, &totals);
    *objective = totals.loss + penalty(net, l2);
    *cost = totals.norms;
    if (!isfinite(*objective)) {
        return 0;
    }
    backward_one(net);
    static const real one[] = {1};
    int descends = training->solver == FASTNN_OPTIMIZER_sgd && training->momentum == 0 && l2 == 0;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const layer *of = &net->layers[l];
        const real *h = l ? of[-1].h : inputs;
        real *weights = net->parameters + of->weights, *biases = net->parameters + of->biases;
        real *of_weights = net->gradient + of->weights, *of_biases = net->gradient + of->biases;
        /* Of a single output the weights are one row, and h stands across it. */
        ptrdiff_t n_rows = of->is_single ? 1 : of->n_in, n_vectors = of->is_single ? of[-1].n_vectors : of->n_vectors;
        const real *down = of->is_single ? of->delta : h, *across = of->is_single ? h : of->delta;
        if (descends) {
            rank_one_step(n_rows, n_vectors, down, across, -step->rate, weights, n_vectors * LANES);
            rank_one_step(1, of->n_vectors, one, of->delta, -step->rate, biases, 0);
        } else {
            rank_one_gradient(n_rows, n_vectors, down, across, of_weights);
            memcpy(of_biases, of->delta, (size_t)(of->n_vectors * LANES) * sizeof(real));
        }
        if (of->is_single) {
            clear_padding(of, descends ? weights : of_weights);
        }
    }
    if (!descends) {
        optimizer_step(training, step, net->n_weights, net->n_packed, net->parameters, net->gradient, net->state);
    }
    return 1;
}

/* Count one update; return whether it ends a pass whose mean cost differs from the last by less than tol. */
static int finish_update(fastnn_counters *counters, const fastnn_training *training, double cost, ptrdiff_t n_rows) {
    counters->n_updates++;
    counters->pass_cost += cost * (double)n_rows;
    counters->pass_rows += n_rows;
    if (counters->n_updates % training->updates_per_pass != 0) {
        return 0;
    }
    double mean = counters->pass_cost / (double)counters->pass_rows;
    double change = fabs(mean - counters->previous_cost);
    counters->pass_cost = 0;
    counters->pass_rows = 0;
    counters->previous_cost = mean;
    return change < training->tol;
}

static int make_updates(const network *net, fastnn_run *run) {
    const fastnn_training *training = run->training;
    fastnn_poll asked = {run->poll, 0};
    for (ptrdiff_t k = 0; k < run->n_updates; k++) {
        batch b = {&run->data, NULL, run->data.n_samples, 0, training->loss};
        if (run->rows) {
            b.rows = run->rows + run->starts[k];
            b.n_rows = run->starts[k + 1] - run->starts[k];
            b.n_listed = run->starts[run->n_updates] - run->starts[k];
        }
        double l2 = run->l2[k], *objective = &run->objective[k];
        fastnn_step step = step_of(training, run->learning_rate[k], l2, run->counters->n_updates);
        if (b.n_rows == 1) {
            if (poll(&asked, work_of(net, 1))) {
                return FASTNN_INTERRUPTED;
            }
            if (!row_update(net, training, &b, &step, l2, objective, &run->cost[k])) {
                return FASTNN_DIVERGED;
            }
        } else {
            if (batch_pass(net, &b, 1, &asked, objective, &run->cost[k])) {
                return FASTNN_INTERRUPTED;
            }
            *objective += penalty(net, l2);
            if (!isfinite(*objective)) {
                return FASTNN_DIVERGED;
            }
            optimizer_step(training, &step, net->n_weights, net->n_packed, net->parameters, net->gradient, net->state);
        }
        run->n_done = k + 1;
        if (finish_update(run->counters, training, run->cost[k], b.n_rows)) {
            return FASTNN_CONVERGED;
        }
    }
    return FASTNN_RAN;
}

/* NULL where all weights are 1: shuffled rows then have one place less to be fetched from. */
static const real *weights_that_differ(const fastnn_data *data) {
    const real *weight = data->sample_weight;
    for (ptrdiff_t row = 0; row < data->n_samples; row++) {
        if (weight[row] != 1) {
            return weight;
        }
    }
    return NULL;
}

static size_t work_size(const fastnn_layer *layers, ptrdiff_t n_layers, int n_state) {
    network net;
    return lay_out(&net, layers, n_layers, n_state, NULL);
}

static int engine_run(fastnn_run *run, void *work) {
    network net;
    int n_state = fastnn_optimizers[run->training->solver].n_state;
    lay_out(&net, run->layers, run->n_layers, n_state, work);
    ptrdiff_t n_flat = n_parameters(run->layers, run->n_layers);
    pack(&net, run->parameters, net.parameters);
    for (int s = 0; s < n_state; s++) {
        pack(&net, (real *)run->state + s * n_flat, net.state + s * net.n_packed);
    }
    run->data.sample_weight = weights_that_differ(&run->data);
    run->n_done = 0;
    int stop = make_updates(&net, run);
    unpack(&net, net.parameters, run->parameters);
    for (int s = 0; s < n_state; s++) {
        unpack(&net, net.state + s * net.n_packed, (real *)run->state + s * n_flat);
    }
    return stop;
}

static int engine_loss_and_gradient(const fastnn_layer *layers, ptrdiff_t n_layers, int loss, double l2,
                                    const fastnn_data *data, const void *parameters, void *gradient, double *objective,
                                    double *cost, int (*ask)(void), void *work) {
    network net;
    lay_out(&net, layers, n_layers, 0, work);
    pack(&net, parameters, net.parameters);
    fastnn_poll asked = {ask, 0};
    batch b = {data, NULL, data->n_samples, 0, loss};
    if (batch_pass(&net, &b, gradient != NULL, &asked, objective, cost)) {
        return FASTNN_INTERRUPTED;
    }
    *objective += penalty(&net, l2);
    if (gradient) {
        for (ptrdiff_t i = 0; i < net.n_weights; i += LANES) {
            v_store(net.gradient + i, v_fma(v_all((real)l2), v_load(net.parameters + i), v_load(net.gradient + i)));
        }
        unpack(&net, net.gradient, gradient);
    }
    return FASTNN_RAN;
}
#endif
