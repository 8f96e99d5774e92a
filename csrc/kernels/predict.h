/* predict.h: the outputs of rows, from the flat parameters as they are in the moment of the call.
   A few rows go one by one, reading the user's weights where they lie; more are worth a packed copy of the weights,
   and go in chunks. Both give a row the same bits. */
#ifndef FASTNN_PREDICT_H
#define FASTNN_PREDICT_H

#include "core/atomic.h"         /* atomic_read, atomic_write */
#include "fastnn.h"              /* fastnn_data, fastnn_layer, fastnn_parallel, fastnn_team_pays */
#include "kernels/activations.h" /* activate */
#include "kernels/layout.h"      /* packed_network, lay_out, take_reals, view_of, team_plan */
#include "kernels/pack.h"        /* pack */
#include "kernels/losses.h"      /* activate_blocks, blocks_of */
#include "kernels/inputs.h"      /* chunk_inputs, gathered, copy_row */
#include "kernels/network.h"     /* forward_chunk, activate_gated */
#include "kernels/outputs.h"     /* all_finite, finish_outputs */
#include "kernels/poll.h"        /* poll_state */
#include "kernels/row.h"         /* matrix_vector */
#include "kernels/sparse.h"      /* row_list, sparse_row, takes_entries, n_entries */
#include "kernels/team.h"        /* part_begins, take_team, GAIN, LINE, MEETING */

/* Rows from which on packing pays, also where they have fewer entries than an eighth of the columns. */
enum { MANY_ROWS = 5, MANY_SPARSE_ROWS = 33 };

static int are_few(const fastnn_data *data, ptrdiff_t n_in) {
    int sparse = data->n_samples < MANY_SPARSE_ROWS && takes_entries(data, n_in);
    return data->n_samples < MANY_ROWS || (sparse && n_entries(data) * 8 < (double)n_in);
}

/* Work of forward_row: inputs made dense, two rows of the widest layer, lanes of the last; of layers with gates these,
   and their sums. */
typedef struct {
    real *inputs, *h[2], *lanes, *gates, *sums;
} row_work;

static size_t lay_out_row(row_work *w, const fastnn_layer *layers, ptrdiff_t n_layers, char *base) {
    size_t used = 0;
    ptrdiff_t widest = 0, n_out = layers[n_layers - 1].n_out;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        widest = layers[l].n_out > widest ? layers[l].n_out : widest;
    }
    w->inputs = take_reals(base, &used, layers[0].n_in, 1);
    w->h[0] = take_reals(base, &used, whole_vectors(widest) * LANES, 1);
    w->h[1] = take_reals(base, &used, whole_vectors(widest) * LANES, 1);
    w->lanes = take_reals(base, &used, whole_vectors(n_out) * LANES, LANES);
    w->gates = w->sums = NULL;
    if (n_layers > 1 && layers[n_layers - 2].gates) {
        w->gates = take_reals(base, &used, whole_vectors(widest) * LANES, 1);
        w->sums = take_reals(base, &used, whole_vectors(widest) * LANES, 1);
    }
    return used;
}

/* The outputs of a layer with gates from its sums, in place. */
static void gate_row(const row_work *w, const fastnn_layer *layer, ptrdiff_t n_vectors, const real *gates, real *z) {
    packed_layer one = {.n_vectors = n_vectors,
                        .stride = n_vectors * LANES,
                        .activation = (fastnn_activation)layer->activation,
                        .parameter = (real)layer->parameter,
                        .h = z,
                        .gaps = w->sums};
    memset(w->gates + (n_vectors - 1) * LANES, 0, LANES * sizeof(real));
    memcpy(w->gates, gates, (size_t)layer->n_out * sizeof(real));
    activate_gated(&one, 1, w->gates);
}

/* Outputs of one row: of its inputs, or without these of its entries. Returns whether the sums behind them are finite:
   an activation may make a number of what is none. */
static int forward_row(const row_work *w, const fastnn_layer *layers, ptrdiff_t n_layers, const real *parameters,
                       const real *inputs, const fastnn_data *data, ptrdiff_t row, real *out) {
    const real *h = inputs;
    int are_finite = 1;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        const fastnn_layer *layer = &layers[l];
        real *z = w->h[l % 2];
        ptrdiff_t n_vectors = whole_vectors(layer->n_out);
        const real *weights = parameters + layer->weights, *biases = parameters + layer->biases;
        if (layer->n_columns) {
            encode(layers + n_layers + layers[n_layers - 1].n_blocks, layer->n_columns, 0, 1, h, layer->n_in, weights,
                   biases, z, n_vectors * LANES);
            h = z;
            continue;
        }
        if (h) {
            matrix_vector(layer->n_out, layer->n_in, weights, layer->n_in, h, biases, 1, z);
        } else {
            sparse_row(data, row, layer->n_out, layer->n_in, weights, biases, z);
        }
        if (l == n_layers - 1) {
            are_finite = all_finite(z, layer->n_out);
        }
        ptrdiff_t n_blocks;
        const fastnn_layer *blocks = blocks_of(layer, &n_blocks);
        if (layer->gates) {
            gate_row(w, layer, n_vectors, parameters + layer->gates, z);
        } else if (blocks) {
            activate_blocks(blocks, n_blocks, 1, n_vectors, z, w->lanes);
        } else {
            activate((fastnn_activation)layer->activation, (real)layer->parameter, 1, n_vectors, z, 0, NULL);
        }
        h = z;
    }
    memcpy(out, h, (size_t)layers[n_layers - 1].n_out * sizeof(real));
    return are_finite;
}

/* Lay out the work area for many rows, and as many threads as pay for them; see lay_out and plan_of. */
SMALL size_t lay_out_forward(packed_network *net, const fastnn_layer *layers, ptrdiff_t n_layers,
                             const fastnn_data *data, int most, char *base) {
    ptrdiff_t n_samples = data->n_samples;
    double a_row = 200, vectors = 0; /* multiply-adds; vectors of weights, which all read */
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        a_row += (double)layers[l].n_in * (double)layers[l].n_out;
        vectors += (double)layers[l].n_in * (double)whole_vectors(layers[l].n_out);
    }
    a_row /= LANES;
    team_plan plan = {1, 0, 1, 1, a_row};
    double best = GAIN * a_row * (double)n_samples;
    for (int n = 2; n <= most && n <= n_samples; n++) {
        double time = a_row * (double)n_samples / n + LINE * vectors + 2 * MEETING;
        if (time < best) {
            best = time;
            plan = (team_plan){n, 0, n, n, a_row}; /* each its own rows, in its own slot */
        }
    }
    return lay_out(net, layers, n_layers, data, -1, NULL, &plan, base);
}

static size_t forward_work_size(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data,
                                int n_threads) {
    row_work w;
    packed_network net;
    return are_few(data, layers[0].n_in) ? lay_out_row(&w, layers, n_layers, NULL)
                                         : lay_out_forward(&net, layers, n_layers, data, n_threads, NULL);
}

/* Outputs of few rows, one by one. */
static int forward_few(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data, const void *parameters,
                       real *out, int checks, void *work) {
    ptrdiff_t n_in = layers[0].n_in, n_out = layers[n_layers - 1].n_out;
    row_work w;
    lay_out_row(&w, layers, n_layers, work);
    int sparse = takes_entries(data, n_in), stop = FASTNN_RAN;
    for (ptrdiff_t row = 0; row < data->n_samples; row++) {
        const real *inputs = sparse ? NULL : (const real *)data->X + row * n_in;
        if (data->csr_columns && !sparse) {
            copy_row(data, row, n_in, w.inputs);
            inputs = w.inputs;
        } else if (inputs && checks && !all_finite(inputs, n_in)) {
            return FASTNN_NOT_FINITE;
        }
        if (!forward_row(&w, layers, n_layers, parameters, inputs, data, row, out + row * n_out)) {
            stop = FASTNN_OVERFLOWED;
        }
    }
    return stop;
}

/* Outputs of many rows: what the threads share. */
typedef struct {
    const packed_network *net;
    const fastnn_data *data;
    real *out;
    int checks;
    fastnn_ask ask;
    volatile long is_interrupted, is_not_finite; /* one thread sets it, and all stop */
    volatile long has_overflowed;
    double done; /* when thread 0 was; 0: it was stopped before */
} prediction;

/* One thread's chunks of rows, in a slot of its own. */
SMALL void forward_part(void *job, int thread, int n_threads) {
    prediction *p = job;
    const packed_network *net = p->net;
    packed_network view = view_of(net, thread, thread, 0, 0);
    const packed_layer *last = &view.layers[net->n_layers - 1];
    poll_state asked = {.ask = thread == 0 ? p->ask : NULL};
    ptrdiff_t n_samples = p->data->n_samples, end = part_begins(n_samples, thread + 1, n_threads);
    for (ptrdiff_t first = part_begins(n_samples, thread, n_threads); first < end; first += net->chunk) {
        if (atomic_read(&p->is_interrupted) || atomic_read(&p->is_not_finite)) {
            return;
        }
        ptrdiff_t n = end - first < net->chunk ? end - first : net->chunk;
        row_list rows = {NULL, first, n, 0};
        chunk_inputs inputs = gathered(&view, p->data, &rows, &rows, 0, view.inputs);
        /* Here, where the chunk comes into the cache anyway. */
        if (p->checks && inputs.dense && !all_finite(inputs.dense, n * net->layers[0].n_in)) {
            atomic_write(&p->is_not_finite, 1);
            return;
        }
        forward_chunk(&view, &inputs, n, NULL, last->h, &asked);
        if (asked.stops) {
            atomic_write(&p->is_interrupted, 1);
            return;
        }
        if (!finish_outputs(&view, n, p->out + first * last->n_out)) {
            atomic_write(&p->has_overflowed, 1);
        }
    }
    if (thread == 0) {
        p->done = fastnn_seconds();
    }
}

SMALL int engine_forward(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data,
                         const void *parameters, void *out, int checks, int n_threads, fastnn_ask ask, void *work) {
    if (are_few(data, layers[0].n_in)) {
        return forward_few(layers, n_layers, data, parameters, out, checks, work);
    }
    packed_network net;
    lay_out_forward(&net, layers, n_layers, data, n_threads, work);
    net.unpacked = parameters;
    pack(&net, parameters, net.parameters);
    prediction job = {&net, data, out, checks, ask, 0, 0, 0, 0};
    double began = 0;
    int has_team = 0;
    if (net.plan.n_threads > 1) {
        fastnn_work_begins();
        has_team = take_team(&net.plan, net.plan.a_row * (double)data->n_samples);
        began = fastnn_seconds();
    }
    fastnn_parallel(has_team ? net.plan.n_threads : 1, forward_part, &job);
    if (has_team) {
        double now = fastnn_seconds();
        if (job.done != 0) { /* else it was stopped on the way, and says nothing of the team */
            fastnn_team_pays(now - job.done, now - began, net.plan.n_threads);
        }
        fastnn_team_give_back();
    }
    if (net.plan.n_threads > 1) {
        fastnn_work_ends();
    }
    return job.is_interrupted   ? FASTNN_INTERRUPTED
           : job.is_not_finite  ? FASTNN_NOT_FINITE
           : job.has_overflowed ? FASTNN_OVERFLOWED
                                : FASTNN_RAN;
}
#endif
