/* network.h: all layers of a network, forward and backward, for a chunk of rows, and for one row. */
#ifndef FASTNN_NETWORK_H
#define FASTNN_NETWORK_H

#include <string.h>

#include "kernels/activations.h" /* activate, slope_of, times_slope_row */
#include "kernels/dense.h"       /* dense_forward, dense_backward, dense_gradient, column_sums, turn_panel */
#include "kernels/dropout.h"     /* drop_site, drop_outputs */
#include "kernels/encode.h"      /* encode, encoder_gradient */
#include "kernels/inputs.h"      /* chunk_inputs */
#include "kernels/layout.h"      /* packed_network, packed_layer */
#include "kernels/pack.h"        /* clear_padding */
#include "kernels/poll.h"        /* poll, poll_state */
#include "kernels/row.h"         /* matrix_vector, row_forward, rank_one_gradient */
#include "kernels/sparse.h"      /* row_at, sparse_forward, sparse_gradient, sparse_panel */
#include "kernels/tile.h"        /* dense_product */
#include "simd/vector.h"         /* vec, v_load, v_store */

/* The first layer's sums of CSR rows, from their entries and the user's weights, which are turned C vectors of outputs
   at a time: what a packed copy would write and read of far memory stays in the cache. */
INLINE void turned_panel(const int C, const packed_network *net, const chunk_inputs *in, ptrdiff_t n, ptrdiff_t vector,
                         real lowest, real *out, poll_state *asked) {
    const packed_layer *layer = &net->layers[0];
    const fastnn_data *data = in->data;
    ptrdiff_t first_output = vector * LANES, n_in = layer->n_in;
    const real *biases = net->parameters + layer->biases + first_output;
    double taken = (double)n_in;
    turn_panel(C, n_in, layer->n_out - first_output, net->unpacked + layer->flat_weights + first_output * n_in, n_in,
               net->sparse.panel);
    for (ptrdiff_t r = 0; r < n; r++) {
        ptrdiff_t row = row_at(&in->rows, r), first = data->csr_starts[row],
                  n_of_row = data->csr_starts[row + 1] - first;
        taken += (double)n_of_row;
        sparse_panel(C, (const real *)data->X + first, data->csr_columns + first, n_of_row, net->sparse.panel,
                     C * LANES, biases, v_all(lowest), out + r * layer->stride + first_output);
    }
    poll(asked, taken * C * LANES);
}

/* The first layer's sums of CSR rows, from their entries. */
SMALL void sparse_chunk(const packed_network *net, const chunk_inputs *in, ptrdiff_t n, real lowest, real *out,
                        poll_state *asked) {
    const packed_layer *layer = &net->layers[0];
    double taken = 0;
    if (layer->stays_unpacked) {
        ptrdiff_t vector = 0;
        for (; vector + TURNED <= layer->n_vectors && !asked->stops; vector += TURNED) {
            turned_panel(TURNED, net, in, n, vector, lowest, out, asked);
        }
        for (; vector < layer->n_vectors && !asked->stops; vector++) {
            turned_panel(1, net, in, n, vector, lowest, out, asked);
        }
        return;
    }
    for (ptrdiff_t r = 0; r < n; r++) {
        ptrdiff_t row = row_at(&in->rows, r);
        taken += (double)(in->data->csr_starts[row + 1] - in->data->csr_starts[row]);
        sparse_forward(in->data, row, layer->n_vectors, net->parameters + layer->weights, layer->stride,
                       net->parameters + layer->biases, lowest, out + r * layer->stride);
    }
    poll(asked, taken * (double)layer->n_out);
}

/* h = z + a (f(z) - z) of the sums z of a layer, in place, a each unit's gate; and the slopes and gaps. */
static void activate_gated(const packed_layer *layer, ptrdiff_t n, const real *gates) {
    real *h = layer->h, *gaps = layer->gaps, *slopes = layer->slopes;
    const slope_terms terms = slope_of(layer->activation);
    const int has_slopes = fastnn_activations[layer->activation].keeps_slope;
    memcpy(gaps, h, (size_t)(n * layer->stride) * sizeof(real));
    activate(layer->activation, layer->parameter, n, layer->n_vectors, h, layer->stride, slopes);
    for (ptrdiff_t r = 0; r < n; r++) {
        for (ptrdiff_t i = 0; i < layer->n_vectors * LANES; i += LANES) {
            ptrdiff_t at = r * layer->stride + i;
            vec gate = v_load(gates + i), z = v_load(gaps + at), f = v_load(h + at), gap = f - z;
            v_store(h + at, v_fma(gate, gap, z));
            v_store(gaps + at, gap);
            if (slopes) {
                vec slope = has_slopes ? v_load(slopes + at) : v_slope(&terms, f);
                v_store(slopes + at, v_fma(gate, slope - v_all(1), v_all(1)));
            }
        }
    }
}

/* Deltas of the sums of a layer with gates from those of its outputs, in place; and of each gate, a row each. */
static void pass_gates(const packed_layer *layer, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n * layer->stride; i += LANES) {
        vec delta = v_load(layer->delta + i);
        v_store(layer->gaps + i, delta * v_load(layer->gaps + i));
        v_store(layer->delta + i, delta * v_load(layer->slopes + i));
    }
}

/* Whether outputs of layer l are dropped. */
INLINE int drops_after(const drop_site *site, ptrdiff_t l) { return site && site->training->dropped[l + 1]; }

/* Outputs of all hidden layers, and in `logits` (n, stride of the last layer) the sums of the last. site: of the
   dropout, NULL where there is none. */
SMALL void forward_chunk(const packed_network *net, const chunk_inputs *in, ptrdiff_t n, const drop_site *site,
                         real *logits, poll_state *asked) {
    ptrdiff_t last = net->n_layers - 1;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *h = l ? layer[-1].h : in->dense;
        const real *weights = net->parameters + layer->weights, *biases = net->parameters + layer->biases;
        if (layer->n_columns) {
            encode(layer->columns, layer->n_columns, 1, n, in->dense, layer->n_in, weights, biases, layer->h,
                   layer->stride);
            continue;
        }
        int turns = layer->stays_unpacked;
        ptrdiff_t h_stride = l ? layer[-1].stride : layer->n_in;
        if (layer->is_single) {
            matrix_vector(n, layer->n_in, h, h_stride, weights, biases, 0, logits);
            return;
        }
        int is_relu = l < last && layer->activation == FASTNN_ACTIVATION_relu && !layer->gates;
        dense_product p = {
            .n_rows = n,
            .n_vectors = layer->n_vectors,
            .n_steps = layer->n_in,
            .a = h,
            .a_stride = h_stride,
            .b = turns ? net->unpacked + layer->flat_weights : weights,
            .b_stride = turns ? layer->n_in : layer->stride,
            .n_turned = turns ? layer->n_out : 0,
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
            sparse_chunk(net, in, n, p.lowest, p.out, asked);
        }
        if (l < last && layer->gates) {
            activate_gated(layer, n, net->parameters + layer->gates);
        } else if (l < last && !is_relu) {
            activate(layer->activation, layer->parameter, n, layer->n_vectors, layer->h, layer->stride, layer->slopes);
        }
        if (l < last && drops_after(site, l)) {
            drop_outputs(site, l + 1, layer, n);
        }
    }
}

/* The gradient of a last layer of a single output: one row of weights, from a column of deltas padded by zeros. */
static void single_gradient(const packed_network *net, const packed_layer *layer, ptrdiff_t n, int adds) {
    const packed_layer *before = layer - 1;
    real *gradient = net->gradient + layer->weights, *bias = net->gradient + layer->biases;
    row_forward(n, before->n_vectors, layer->delta, before->h, before->stride, NULL, net->lanes);
    for (ptrdiff_t i = 0; i < before->n_vectors * LANES; i += LANES) {
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

/* And which: where dropout keeps the slopes, or scales those of ReLU, its factors are in them. */
INLINE slope_terms terms_of(const packed_layer *layer) {
    slope_terms s = slope_of(layer->gates ? FASTNN_ACTIVATION_identity : layer->activation);
    if (layer->gates) { /* pass_gates multiplies by it */
    } else if (layer->slopes) {
        s = (slope_terms){v_all(0), v_all(1), v_all(0), v_all(-(real)INFINITY)};
    } else if (layer->scale != 1) {
        s.constant = v_all(layer->scale);
    }
    return s;
}

/* Deltas of the hidden layers, down to that of layer `lowest`, from those of the last. */
SMALL void backward_chunk(const packed_network *net, ptrdiff_t n, ptrdiff_t lowest, poll_state *asked) {
    for (ptrdiff_t l = net->n_layers - 1; l > lowest; l--) {
        const packed_layer *layer = &net->layers[l], *before = layer - 1;
        if (layer->is_single) {
            slope_terms s = terms_of(before);
            int is_relu = before->activation == FASTNN_ACTIVATION_relu && before->scale == 1 && !before->gates;
            backward_single(&s, is_relu, n, before->n_vectors, before->stride, layer->delta,
                            net->parameters + layer->weights, slope_source(before), before->delta);
            if (before->gates) {
                pass_gates(before, n);
            }
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
            .slope_before = terms_of(before),
            .out = before->delta,
            .out_stride = before->stride,
            .asked = asked,
            .copies = net->copies,
        };
        dense_backward(&backward);
        if (before->gates) {
            pass_gates(before, n);
        }
    }
}

/* The gradient of a layer's packed rows of weights from `first` to before `end`, and with the last of them that of its
   biases; from the outputs of the layer before, or the inputs, and its deltas. Stored, or added to what is there. */
SMALL void gradient_chunk(const packed_network *net, const packed_layer *layer, const chunk_inputs *in, ptrdiff_t n,
                          ptrdiff_t first, ptrdiff_t end, int adds) {
    const packed_layer *before = layer > net->layers ? layer - 1 : NULL;
    if (layer->gates && end == layer->n_in) {
        column_sums(n, layer->n_vectors, layer->gaps, layer->stride, adds, net->gradient + layer->gates);
    }
    if (layer->n_columns) {
        encoder_gradient(layer->columns, layer->n_columns, n, in->dense, layer->n_in, net->parameters + layer->weights,
                         net->parameters + layer->biases, layer->delta, layer->stride, adds,
                         net->gradient + layer->weights, net->gradient + layer->biases);
        return;
    }
    if (layer->is_single) {
        single_gradient(net, layer, n, adds);
        return;
    }
    dense_product gradient = {
        .n_rows = end - first,
        .n_vectors = layer->n_vectors,
        .n_steps = n,
        .a = before      ? before->h + first
             : in->dense ? in->dense + first
                         : NULL,
        .a_stride = before ? before->stride : layer->n_in,
        .b = layer->delta,
        .b_stride = layer->stride,
        .adds = adds,
        .out = net->gradient + layer->weights + first * layer->stride,
        .out_stride = layer->stride,
        .copies = net->copies,
    };
    if (gradient.a) {
        dense_gradient(&gradient);
    } else {
        sparse_gradient(&net->sparse, in->data, &in->rows, first, end, layer->delta, layer->n_vectors, layer->stride,
                        adds, net->gradient + layer->weights);
    }
    if (end == layer->n_in) {
        column_sums(n, layer->n_vectors, layer->delta, layer->stride, adds, net->gradient + layer->biases);
    }
}

/* The same for one row, whose outputs and deltas stand in the first row of each block. */
static void forward_one(const packed_network *net, const chunk_inputs *in, const drop_site *site, real *logits) {
    ptrdiff_t last = net->n_layers - 1;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *h = l ? layer[-1].h : in->dense;
        const real *weights = net->parameters + layer->weights, *biases = net->parameters + layer->biases;
        if (layer->is_single) {
            matrix_vector(1, layer->n_in, h, layer[-1].stride, weights, biases, 0, logits);
            return;
        }
        real *out = l < last ? layer->h : logits;
        if (h) {
            row_forward(layer->n_in, layer->n_vectors, h, weights, layer->stride, biases, out);
        } else {
            sparse_forward(in->data, row_at(&in->rows, 0), layer->n_vectors, weights, layer->stride, biases,
                           -(real)INFINITY, out);
        }
        if (l < last) {
            activate(layer->activation, layer->parameter, 1, layer->n_vectors, out, 0, layer->slopes);
        }
        if (l < last && drops_after(site, l)) {
            drop_outputs(site, l + 1, layer, 1);
        }
    }
}

/* The same for one row. The weights' rows are padded, by zeros, to whole vectors. */
static void backward_one(const packed_network *net, ptrdiff_t lowest) {
    static const real zero = 0;
    for (ptrdiff_t l = net->n_layers - 1; l > lowest; l--) {
        const packed_layer *layer = &net->layers[l], *before = layer - 1;
        const real *weights = net->parameters + layer->weights;
        if (layer->is_single) {
            rank_one_gradient(1, before->n_vectors, layer->delta, weights, before->delta, 0);
        } else {
            matrix_vector(before->n_vectors * LANES, layer->n_vectors * LANES, weights, layer->stride, layer->delta,
                          &zero, 0, before->delta);
        }
        slope_terms s = terms_of(before);
        times_slope_row(&s, before->n_vectors, slope_source(before), before->delta);
    }
}
#endif
