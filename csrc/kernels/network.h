/* network.h: all layers of a network, forward and backward, for a chunk of rows, and for one row. */
#ifndef FASTNN_NETWORK_H
#define FASTNN_NETWORK_H

#include "fastnn.h"              /* fastnn_data */
#include "kernels/activations.h" /* activate, slope_of, times_slope_row */
#include "kernels/dense.h"       /* dense_product, dense_forward, dense_backward, dense_gradient, column_sums */
#include "kernels/layout.h"      /* packed_network, packed_layer, clear_padding */
#include "kernels/poll.h"        /* poll, poll_state */
#include "kernels/sparse.h"      /* sparse_forward */
#include "kernels/row.h"         /* matrix_vector, row_forward, rank_one_gradient */
#include "simd/vector.h"         /* vec, v_load, v_store, PREFETCH */

/* Copy n numbers: whole vectors, and the last ones again where they do not fill one; likewise by 16 bytes. */
INLINE void copy_numbers(const real *from, ptrdiff_t n, real *to) {
    enum { N = 16 / REAL_BYTES };
    if (n >= LANES) {
        for (ptrdiff_t j = 0; j + LANES < n; j += LANES) {
            v_store(to + j, v_load(from + j));
        }
        v_store(to + n - LANES, v_load(from + n - LANES));
    } else if (n >= N) {
        for (ptrdiff_t j = 0; j + N < n; j += N) {
            memcpy(to + j, from + j, 16);
        }
        memcpy(to + n - N, from + n - N, 16);
    } else {
        for (ptrdiff_t j = 0; j < n; j++) {
            to[j] = from[j];
        }
    }
}

/* Copy one row of X, dense or CSR, to `to` (n_in,). */
INLINE void copy_row(const fastnn_data *data, ptrdiff_t row, ptrdiff_t n_in, real *to) {
    if (!data->csr_columns) {
        copy_numbers((const real *)data->X + row * n_in, n_in, to);
        return;
    }
    memset(to, 0, (size_t)n_in * sizeof(real));
    for (ptrdiff_t entry = data->csr_starts[row]; entry < data->csr_starts[row + 1]; entry++) {
        to[data->csr_columns[entry]] += ((const real *)data->X)[entry]; /* duplicates add up, as everywhere */
    }
}

/* Ask for a row of X and y, whose turn to be copied comes soon: shuffled rows lie where no cache expects them. */
static void prefetch_row(const fastnn_data *data, ptrdiff_t row, ptrdiff_t n_in, ptrdiff_t n_out) {
    PREFETCH((const real *)data->y + row * n_out);
    const char *start = (const char *)((const real *)data->X + row * n_in);
    for (ptrdiff_t byte = 0; byte < n_in * (ptrdiff_t)sizeof(real); byte += 64) {
        PREFETCH(start + byte);
    }
}

/* Rows of a matrix: those listed, or without a list those from `first` on. */
typedef struct {
    const ptrdiff_t *list;
    ptrdiff_t first;
    ptrdiff_t n;        /* rows of the chunk */
    ptrdiff_t n_listed; /* and of what comes after it in the list, to be asked for early */
} row_list;

/* Where the inputs of a chunk stand, each row n_in numbers after the one before: in X, if they lie side by side there,
   else in net->inputs, once they are gathered. */
static const real *inputs_of(const packed_network *net, const fastnn_data *data, const row_list *rows) {
    ptrdiff_t row = rows->list ? rows->list[0] : rows->first;
    for (ptrdiff_t r = 1; rows->list && r < rows->n; r++) {
        if (rows->list[r] != row + r) {
            return net->inputs;
        }
    }
    return data->csr_columns ? net->inputs : (const real *)data->X + row * net->layers[0].n_in;
}

/* Copy rows to `to`, or leave them in X; ask for those that come next. */
static void gather(const packed_network *net, const fastnn_data *data, const row_list *rows, int copies, real *to) {
    ptrdiff_t n_in = net->layers[0].n_in, n_out = net->layers[net->n_layers - 1].n_out;
    ptrdiff_t ahead = rows->n_listed; /* a distance that brings some 2 KiB on the way */
    if (rows->list && !data->csr_columns) {
        ahead = 1 + 2048 / (n_in * (ptrdiff_t)sizeof(real));
    }
    if (!copies) {
        if (ahead < rows->n_listed) {
            prefetch_row(data, rows->list[ahead], n_in, n_out);
        }
        return;
    }
    for (ptrdiff_t r = 0; r < rows->n; r++) {
        if (r + ahead < rows->n_listed) {
            prefetch_row(data, rows->list[r + ahead], n_in, n_out);
        }
        copy_row(data, rows->list ? rows->list[r] : rows->first + r, n_in, to + r * n_in);
    }
}

/* The first layer's sums of CSR rows in order, from row `first` on. */
static void sparse_chunk(const packed_network *net, const fastnn_data *data, ptrdiff_t first, ptrdiff_t n, real lowest,
                         real *out, poll_state *asked) {
    const packed_layer *layer = &net->layers[0];
    double n_entries = (double)(data->csr_starts[first + n] - data->csr_starts[first]);
    poll(asked, n_entries * (double)layer->n_out);
    for (ptrdiff_t r = 0; r < n; r++) {
        sparse_forward(data, first + r, layer->n_vectors, net->parameters + layer->weights,
                       net->parameters + layer->biases, lowest, out + r * layer->stride);
    }
}

/* Outputs of all hidden layers, and in `logits` (n, stride of the last layer) the sums of the last; from the inputs, or
   without these from the CSR rows from `first` on. */
static void forward_chunk(const packed_network *net, const real *inputs, const fastnn_data *data, ptrdiff_t first,
                          ptrdiff_t n, real *logits, poll_state *asked) {
    ptrdiff_t last = net->n_layers - 1;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *h = l ? layer[-1].h : inputs;
        const real *weights = net->parameters + layer->weights, *biases = net->parameters + layer->biases;
        ptrdiff_t h_stride = l ? layer[-1].stride : layer->n_in;
        if (layer->is_single) {
            matrix_vector(n, layer->n_in, h, h_stride, weights, biases, 0, logits);
            return;
        }
        int is_relu = l < last && layer->activation == FASTNN_ACTIVATION_relu;
        dense_product p = {
            .n_rows = n,
            .n_vectors = layer->n_vectors,
            .n_steps = layer->n_in,
            .a = h,
            .a_stride = h_stride,
            .b = weights,
            .b_stride = layer->stride,
            .start = biases,
            .lowest = is_relu ? 0 : -(real)INFINITY,
            .out = l < last ? layer->h : logits,
            .out_stride = layer->stride,
            .asked = asked,
            .copies = net->copies,
        };
        if (h) {
            dense_forward(&p);
        } else {
            sparse_chunk(net, data, first, n, p.lowest, p.out, asked);
        }
        if (l < last && !is_relu) {
            activate(layer->activation, layer->parameter, n, layer->n_vectors, layer->h, layer->stride, layer->slopes);
        }
    }
}

/* The gradient of a last layer of a single output: one row of weights, from a column of deltas padded by zeros. */
static void single_gradient(const packed_network *net, const packed_layer *layer, ptrdiff_t n, int adds) {
    const packed_layer *before = layer - 1;
    real *gradient = net->gradient + layer->weights, *bias = net->gradient + layer->biases;
    row_forward(n, before->n_vectors, layer->delta, before->h, before->stride, NULL, net->lanes);
    for (ptrdiff_t i = 0; i < before->stride; i += LANES) {
        vec sum = v_load(net->lanes + i);
        v_store(gradient + i, adds ? v_load(gradient + i) + sum : sum);
    }
    clear_padding(layer, gradient);
    vec sums = v_all(0);
    for (ptrdiff_t row = 0; row < n; row += LANES) {
        sums = sums + v_load(layer->delta + row);
    }
    real total = 0;
    for (int i = 0; i < LANES; i++) {
        total += LANE(sums, i);
    }
    *bias = adds ? *bias + total : total;
}

/* What slope_of's polynomial is of. */
INLINE const real *slope_source(const packed_layer *layer) { return layer->slopes ? layer->slopes : layer->h; }

/* Deltas of the hidden layers from those of the last. */
static void backward_chunk(const packed_network *net, ptrdiff_t n, poll_state *asked) {
    for (ptrdiff_t l = net->n_layers - 1; l > 0; l--) {
        const packed_layer *layer = &net->layers[l], *before = layer - 1;
        if (layer->is_single) {
            backward_single(before->activation, n, before->n_vectors, layer->delta, net->parameters + layer->weights,
                            slope_source(before), before->delta);
            continue;
        }
        dense_product backward = {
            .n_rows = n,
            .n_vectors = before->n_vectors,
            .n_steps = layer->n_out,
            .a = layer->delta,
            .a_stride = layer->stride,
            .b = layer->back,
            .b_stride = before->stride,
            .h = slope_source(before),
            .slope_before = slope_of(before->activation),
            .out = before->delta,
            .out_stride = before->stride,
            .asked = asked,
            .copies = net->copies,
        };
        dense_backward(&backward);
    }
}

/* The gradient of a layer's packed rows of weights from `first` to before `end`, and with the last of them that of its
   biases; from the outputs of the layer before, or the inputs, and its deltas. Stored, or added to what is there. */
static void gradient_chunk(const packed_network *net, const packed_layer *layer, const real *inputs, ptrdiff_t n,
                           ptrdiff_t first, ptrdiff_t end, int adds) {
    const packed_layer *before = layer > net->layers ? layer - 1 : NULL;
    if (layer->is_single) {
        single_gradient(net, layer, n, adds);
        return;
    }
    dense_product gradient = {
        .n_rows = end - first,
        .n_vectors = layer->n_vectors,
        .n_steps = n,
        .a = (before ? before->h : inputs) + first,
        .a_stride = before ? before->stride : layer->n_in,
        .b = layer->delta,
        .b_stride = layer->stride,
        .adds = adds,
        .out = net->gradient + layer->weights + first * layer->stride,
        .out_stride = layer->stride,
        .copies = net->copies,
    };
    dense_gradient(&gradient);
    if (end == layer->n_in) {
        column_sums(n, layer->n_vectors, layer->delta, layer->stride, adds, net->gradient + layer->biases);
    }
}

/* The same for one row, whose outputs and deltas stand in the first row of each block. */
static void forward_one(const packed_network *net, const real *inputs, real *logits) {
    ptrdiff_t last = net->n_layers - 1;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *h = l ? layer[-1].h : inputs;
        const real *weights = net->parameters + layer->weights, *biases = net->parameters + layer->biases;
        if (layer->is_single) {
            matrix_vector(1, layer->n_in, h, layer[-1].stride, weights, biases, 0, logits);
            return;
        }
        real *out = l < last ? layer->h : logits;
        row_forward(layer->n_in, layer->n_vectors, h, weights, layer->stride, biases, out);
        if (l < last) {
            activate(layer->activation, layer->parameter, 1, layer->n_vectors, out, 0, layer->slopes);
        }
    }
}

/* Deltas of the hidden layers from that of the last. The weights' rows are padded, by zeros, to whole vectors. */
static void backward_one(const packed_network *net) {
    static const real zero = 0;
    for (ptrdiff_t l = net->n_layers - 1; l > 0; l--) {
        const packed_layer *layer = &net->layers[l], *before = layer - 1;
        const real *weights = net->parameters + layer->weights;
        if (layer->is_single) {
            rank_one_gradient(1, before->n_vectors, layer->delta, weights, before->delta);
        } else {
            matrix_vector(before->stride, layer->stride, weights, layer->stride, layer->delta, &zero, 0, before->delta);
        }
        times_slope_row(before->activation, before->n_vectors, slope_source(before), before->delta);
    }
}
#endif
