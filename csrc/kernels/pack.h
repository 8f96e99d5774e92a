/* pack.h: from the flat parameters of spec.py to packed blocks, as layout.h has them, and back; and the copies of
   weights that the backward pass reads. */
#ifndef FASTNN_PACK_H
#define FASTNN_PACK_H

#include <string.h>

#include "fastnn.h"         /* fastnn_layer */
#include "kernels/layout.h" /* packed_network, packed_layer, whole_vectors */
#include "simd/transpose.h" /* v_transpose, load_square, load_rest */
#include "simd/vector.h"    /* real, vec, words, LANES, v_load, v_store, v_mask, v_first */

/* What stands across a single output's row of weights is padded by whatever an activation makes of 0; not the row. */
static void clear_padding(const packed_layer *layer, real *row) {
    memset(row + layer->n_in, 0, (size_t)(whole_vectors(layer->n_in) * LANES - layer->n_in) * sizeof(real));
}

/* Numbers of a flat block: the last biases end it. */
static ptrdiff_t n_parameters(const fastnn_layer *layers, ptrdiff_t n_layers) {
    return layers[n_layers - 1].biases + layers[n_layers - 1].n_out;
}

/* A flat block, one number a parameter, into a packed block of zeros. */
static void pack(const packed_network *net, const real *flat, real *packed) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *weights = flat + layer->flat_weights;
        ptrdiff_t stride = layer->stride;
        memcpy(packed + layer->biases, flat + layer->flat_biases, (size_t)layer->n_out * sizeof(real));
        if (layer->stays_unpacked) {
            continue;
        }
        if (layer->is_single) {
            memcpy(packed + layer->weights, weights, (size_t)layer->n_in * sizeof(real));
            continue;
        }
        for (ptrdiff_t i = 0; i < layer->n_out; i += LANES) {
            words valid = v_first(layer->n_out - i);
            const real *rows[LANES];
            for (int r = 0; r < LANES; r++) {
                rows[r] = weights + (i + r < layer->n_out ? i + r : layer->n_out - 1) * layer->n_in;
            }
            real *to = packed + layer->weights + i;
            for (ptrdiff_t j = 0; j < layer->n_in; j += LANES) {
                vec columns[LANES];
                ptrdiff_t n = layer->n_in - j < LANES ? layer->n_in - j : LANES;
                if (n == LANES) {
                    load_square(rows, j, columns);
                } else {
                    load_rest(rows, layer->n_in, n, columns);
                }
                for (ptrdiff_t k = 0; k < n; k++) {
                    v_store(to + (j + k) * stride, v_mask(valid, columns[k]));
                }
            }
        }
    }
}

/* A packed block back into a flat one. */
static void unpack(const packed_network *net, const real *packed, real *flat) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        real *weights = flat + layer->flat_weights;
        ptrdiff_t stride = layer->stride;
        memcpy(flat + layer->flat_biases, packed + layer->biases, (size_t)layer->n_out * sizeof(real));
        if (layer->is_single) {
            memcpy(weights, packed + layer->weights, (size_t)layer->n_in * sizeof(real));
            continue;
        }
        for (ptrdiff_t i = 0; i < layer->n_out; i += LANES) {
            ptrdiff_t n_rows = layer->n_out - i < LANES ? layer->n_out - i : LANES;
            const real *from = packed + layer->weights + i;
            for (ptrdiff_t j = 0; j < layer->n_in; j += LANES) {
                vec square[LANES];
                ptrdiff_t n = layer->n_in - j < LANES ? layer->n_in - j : LANES;
                for (int k = 0; k < LANES; k++) {
                    square[k] = v_load(from + (j + (k < n ? k : n - 1)) * stride);
                }
                v_transpose(square);
                for (ptrdiff_t r = 0; r < n_rows; r++) {
                    if (n == LANES) {
                        v_store(weights + (i + r) * layer->n_in + j, square[r]);
                    } else {
                        memcpy(weights + (i + r) * layer->n_in + j, &square[r], (size_t)n * sizeof(real));
                    }
                }
            }
        }
    }
}

/* The copies that the backward pass reads of a layer's packed rows of weights from `first` to before `end`, by whole
   vectors of them. */
static void copy_back(const packed_layer *layer, const real *parameters, ptrdiff_t first, ptrdiff_t end) {
    ptrdiff_t stride = layer->stride, back_stride = layer[-1].stride;
    for (ptrdiff_t j = first; j < end; j += LANES) {
        for (ptrdiff_t i = 0; i < layer->n_vectors * LANES; i += LANES) {
            vec square[LANES];
            const real *from = parameters + layer->weights + j * stride + i;
            real *to = layer->back + i * back_stride + j;
            UNROLL for (int k = 0; k < LANES; k++) { square[k] = v_load(from + k * stride); }
            v_transpose(square);
            UNROLL for (int k = 0; k < LANES; k++) { v_store(to + k * back_stride, square[k]); }
        }
    }
}
#endif
