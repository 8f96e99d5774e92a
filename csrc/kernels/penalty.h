/* penalty.h: sums over the weights, of their squares and of their absolute values, which several threads can find in
   pieces of one size. */
#ifndef FASTNN_PENALTY_H
#define FASTNN_PENALTY_H

#include "kernels/layout.h" /* packed_network, packed_layer, SQUARES */
#include "simd/vector.h"    /* vec, v_load, v_fma, v_all, v_abs, LANE */

/* The sum of the squares of the weights from `first` to before `end`, or of their absolute values; they are counted
   without gaps, a lane each. */
INLINE vec sum_between(const packed_network *net, int absolute, ptrdiff_t first, ptrdiff_t end) {
    vec sum = v_all(0);
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
            vec w = v_load(weights);
            sum = absolute ? sum + v_abs(w) : v_fma(w, w, sum);
        }
    }
    return sum;
}

/* The sums of every SQUARES weights: those that are a thread's. */
OUTLINE void sums_between(const packed_network *net, int absolute, int thread, int n_threads, double *sums) {
    for (ptrdiff_t first = (ptrdiff_t)thread * SQUARES; first < net->n_gapless; first += n_threads * SQUARES) {
        ptrdiff_t end = net->n_gapless - first < SQUARES ? net->n_gapless : first + SQUARES;
        vec sum = sum_between(net, absolute, first, end);
        double total = 0;
        for (int i = 0; i < LANES; i++) {
            total += LANE(sum, i);
        }
        sums[first / SQUARES] = total;
    }
}

/* A thread's part of what the penalties need. */
INLINE void sum_weights(const packed_network *net, double l1, double l2, int thread, int n_threads) {
    if (l2 != 0) {
        sums_between(net, 0, thread, n_threads, net->squares);
    }
    if (l1 != 0) {
        sums_between(net, 1, thread, n_threads, net->magnitudes);
    }
}

/* Half of l2 times the sum of the squared weights, and l1 times that of their absolute values. */
static double penalty(const packed_network *net, double l1, double l2) {
    double squares = 0, magnitudes = 0;
    for (ptrdiff_t i = 0; l2 != 0 && i * SQUARES < net->n_gapless; i++) {
        squares += net->squares[i];
    }
    for (ptrdiff_t i = 0; l1 != 0 && i * SQUARES < net->n_gapless; i++) {
        magnitudes += net->magnitudes[i];
    }
    return 0.5 * l2 * squares + l1 * magnitudes;
}
#endif
