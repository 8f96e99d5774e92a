/* predict.h: the outputs of rows, from the flat parameters as they are in the moment of the call.
   A few rows go one by one, reading the user's weights where they lie; more are worth a packed copy of the weights,
   and go in chunks. Both give a row the same bits. Used by engine.h. */
#ifndef FASTNN_PREDICT_H
#define FASTNN_PREDICT_H

#include "kernels/network.h"

/* Rows from which on packing pays. */
enum { MANY_ROWS = 5 };

static int all_finite(const real *x, ptrdiff_t n) {
    vec bad = v_all(0);
    real rest = 0;
    ptrdiff_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        bad = bad + (v_load(x + i) - v_load(x + i)); /* 0, or NaN, which stays */
    }
    for (; i < n; i++) {
        rest += x[i] - x[i];
    }
    for (int lane = 0; lane < LANES; lane++) {
        rest += LANE(bad, lane);
    }
    return rest == 0;
}

/* Work of forward_row: inputs made dense, two rows of the widest layer, lanes of the last. */
typedef struct {
    real *inputs, *h[2], *lanes;
} row_work;

static size_t lay_out_row(row_work *w, const fastnn_layer *layers, ptrdiff_t n_layers, char *base) {
    size_t used = 0;
    ptrdiff_t widest = 0, n_out = layers[n_layers - 1].n_out;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        widest = layers[l].n_out > widest ? layers[l].n_out : widest;
    }
    w->inputs = take_reals(base, &used, layers[0].n_in);
    w->h[0] = take_reals(base, &used, whole_vectors(widest) * LANES);
    w->h[1] = take_reals(base, &used, whole_vectors(widest) * LANES);
    w->lanes = take_reals(base, &used, whole_vectors(n_out) * LANES * LANES);
    return used;
}

/* Outputs of one row. */
static void forward_row(const row_work *w, const fastnn_layer *layers, ptrdiff_t n_layers, const real *parameters,
                        const real *inputs, real *out) {
    const real *h = inputs;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        const fastnn_layer *of = &layers[l];
        real *z = w->h[l % 2];
        ptrdiff_t n_vectors = whole_vectors(of->n_out);
        matrix_vector(of->n_out, of->n_in, parameters + of->weights, of->n_in, h, parameters + of->biases, 1, z);
        if (of->activation == FASTNN_ACTIVATION_softmax) {
            softmax_rows(1, of->n_out, n_vectors, z, w->lanes);
        } else {
            activate((int)of->activation, 1, n_vectors, z, 0);
        }
        h = z;
    }
    memcpy(out, h, (size_t)layers[n_layers - 1].n_out * sizeof(real));
}

static size_t forward_work_size(const fastnn_layer *layers, ptrdiff_t n_layers, ptrdiff_t n_samples) {
    row_work w;
    network net;
    return n_samples < MANY_ROWS ? lay_out_row(&w, layers, n_layers, NULL) : lay_out(&net, layers, n_layers, -1, NULL);
}

static int engine_forward(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data,
                          const void *parameters, void *out, int checks, int (*ask)(void), void *work) {
    ptrdiff_t n_in = layers[0].n_in, n_out = layers[n_layers - 1].n_out;
    if (data->n_samples < MANY_ROWS) {
        row_work w;
        lay_out_row(&w, layers, n_layers, work);
        for (ptrdiff_t row = 0; row < data->n_samples; row++) {
            const real *inputs = (const real *)data->X + row * n_in;
            if (data->csr_columns) {
                copy_row(data, row, n_in, w.inputs);
                inputs = w.inputs;
            } else if (checks && !all_finite(inputs, n_in)) {
                return FASTNN_NOT_FINITE;
            }
            forward_row(&w, layers, n_layers, parameters, inputs, (real *)out + row * n_out);
        }
        return FASTNN_RAN;
    }
    network net;
    lay_out(&net, layers, n_layers, -1, work);
    pack(&net, parameters, net.parameters);
    fastnn_poll asked = {ask, 0};
    const layer *last = &net.layers[n_layers - 1];
    for (ptrdiff_t first = 0; first < data->n_samples; first += net.chunk) {
        ptrdiff_t n = data->n_samples - first < net.chunk ? data->n_samples - first : net.chunk;
        if (poll(&asked, (double)n * ((double)net.n_weights + 200))) {
            return FASTNN_INTERRUPTED;
        }
        row_list rows = {NULL, first, n, 0};
        const real *inputs = inputs_of(&net, data, &rows);
        if (checks && !all_finite(inputs, n * n_in)) { /* here, where the chunk comes into the cache anyway */
            return FASTNN_NOT_FINITE;
        }
        forward_chunk(&net, inputs, n, last->h);
        if (last->is_single) { /* a column: to an elementwise activation, a row of n */
            activate(last->activation, 1, whole_vectors(n), last->h, 0);
            memcpy((real *)out + first, last->h, (size_t)n * sizeof(real));
            continue;
        }
        if (last->activation == FASTNN_ACTIVATION_softmax) {
            softmax_rows(n, n_out, last->n_vectors, last->h, net.lanes);
        } else {
            activate(last->activation, n, last->n_vectors, last->h, last->stride);
        }
        for (ptrdiff_t r = 0; r < n; r++) {
            copy_numbers(last->h + r * last->stride, n_out, (real *)out + (first + r) * n_out);
        }
    }
    return FASTNN_RAN;
}
#endif
