/* penalty.h: half the sum of the squared weights, which several threads can find in pieces of one size. */
#ifndef FASTNN_PENALTY_H
#define FASTNN_PENALTY_H

#include "kernels/layout.h" /* packed_network, packed_layer, SQUARES */
#include "simd/vector.h"    /* vec, v_load, v_fma, v_all, LANE */

/* The squares of the weights from `first` to before `end`, which are counted without gaps, a lane each. */
static vec squares_between(const packed_network *net, ptrdiff_t first, ptrdiff_t end) {
    vec squares = v_all(0);
    ptrdiff_t l = 0;
    while (first < end) {
        while (l + 1 < net->n_layers && net->layers[l + 1].before <= first) {
            l++;
        }
        const packed_layer *layer = &net->layers[l];
        ptrdiff_t layer_end = l + 1 < net->n_layers ? net->layers[l + 1].before : net->n_gapless;
        ptrdiff_t row_size = layer->n_vectors * LANES, place = first - layer->before, stop = end;
        stop = stop < layer_end ? stop : layer_end;
        const real *weights = net->parameters + layer->weights + place;
        if (!layer->is_single && layer->stride != row_size) { /* a row at a time */
            ptrdiff_t row = place / row_size, row_end = layer->before + (row + 1) * row_size;
            stop = stop < row_end ? stop : row_end;
            weights += row * (layer->stride - row_size);
        }
        for (; first < stop; first += LANES, weights += LANES) {
            squares = v_fma(v_load(weights), v_load(weights), squares);
        }
    }
    return squares;
}

/* The sums of the squares of every SQUARES weights: those that are a thread's. */
static void squares_of(const packed_network *net, int thread, int n_threads) {
    for (ptrdiff_t first = (ptrdiff_t)thread * SQUARES; first < net->n_gapless; first += n_threads * SQUARES) {
        vec squares = squares_between(net, first, net->n_gapless - first < SQUARES ? net->n_gapless : first + SQUARES);
        double total = 0;
        for (int i = 0; i < LANES; i++) {
            total += LANE(squares, i);
        }
        net->squares[first / SQUARES] = total;
    }
}

/* Half of l2 times the sum of the squared weights. */
static double penalty(const packed_network *net, double l2) {
    double total = 0;
    for (ptrdiff_t i = 0; l2 != 0 && i * SQUARES < net->n_gapless; i++) {
        total += net->squares[i];
    }
    return 0.5 * l2 * total;
}
#endif
