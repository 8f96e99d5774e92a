/* pack.h: from the flat parameters of spec.py to packed blocks, as layout.h has them, and back; and the copies of
   weights that the backward pass reads. */
#ifndef FASTNN_PACK_H
#define FASTNN_PACK_H

#include <string.h>

#include "fastnn.h"         /* fastnn_layer */
#include "kernels/layout.h" /* packed_network, packed_layer, whole_vectors, own_numbers, packed_numbers */
#include "simd/transpose.h" /* v_transpose, turn_rows */
#include "simd/vector.h"    /* real, vec, LANES, v_load, v_store */

/* What stands across a single output's row of weights is padded by whatever an activation makes of 0; not the row. */
static void clear_padding(const packed_layer *layer, real *row) {
    memset(row + layer->n_in, 0, (size_t)(whole_vectors(layer->n_in) * LANES - layer->n_in) * sizeof(real));
}

/* Numbers of a flat block: the last gates end it, or else the last biases. */
static ptrdiff_t n_parameters(const fastnn_layer *layers, ptrdiff_t n_layers) {
    const fastnn_layer *last = &layers[n_layers - 1];
    ptrdiff_t end = last->biases + last->n_out;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        end = layers[l].gates ? layers[l].gates + layers[l].n_out : end;
    }
    return end;
}

/* Where the numbers of an encoder's columns stand, to or from the packed block. */
static void copy_columns(const packed_layer *layer, real *flat, real *packed, int packs) {
    for (const fastnn_layer *column = layer->columns; column < layer->columns + layer->n_columns; column++) {
        size_t bytes = (size_t)own_numbers(column) * sizeof(real);
        memcpy(packs ? packed : flat, packs ? flat : packed, bytes);
        flat += own_numbers(column);
        packed += packed_numbers(column);
    }
}

/* A flat block, one number a parameter, into a packed block of zeros. */
SMALL void pack(const packed_network *net, const real *flat, real *packed) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        const real *weights = flat + layer->flat_weights;
        ptrdiff_t stride = layer->stride;
        memcpy(packed + layer->biases, flat + layer->flat_biases, (size_t)layer->n_out * sizeof(real));
        if (layer->gates) {
            memcpy(packed + layer->gates, flat + layer->flat_gates, (size_t)layer->n_out * sizeof(real));
        }
        if (layer->n_columns) {
            copy_columns(layer, (real *)weights, packed + layer->weights, 1);
        }
        if (layer->stays_unpacked || layer->n_columns) {
            continue;
        }
        if (layer->is_single) {
            memcpy(packed + layer->weights, weights, (size_t)layer->n_in * sizeof(real));
            continue;
        }
        for (ptrdiff_t i = 0; i < layer->n_out; i += LANES) {
            turn_rows(layer->n_out - i, layer->n_in, weights + i * layer->n_in, layer->n_in,
                      packed + layer->weights + i, stride);
        }
    }
}

/* A packed block back into a flat one. */
SMALL void unpack(const packed_network *net, const real *packed, real *flat) {
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        real *weights = flat + layer->flat_weights;
        ptrdiff_t stride = layer->stride;
        memcpy(flat + layer->flat_biases, packed + layer->biases, (size_t)layer->n_out * sizeof(real));
        if (layer->gates) {
            memcpy(flat + layer->flat_gates, packed + layer->gates, (size_t)layer->n_out * sizeof(real));
        }
        if (layer->n_columns) {
            copy_columns(layer, weights, (real *)packed + layer->weights, 0);
            continue;
        }
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
