/* outputs.h: what a network hands out: the last layer's outputs from its sums, as (n_rows, n_out). */
#ifndef FASTNN_OUTPUTS_H
#define FASTNN_OUTPUTS_H

#include <string.h>

#include "fastnn.h"              /* fastnn_layer */
#include "kernels/activations.h" /* activate */
#include "kernels/inputs.h"      /* copy_numbers */
#include "kernels/layout.h"      /* packed_network, packed_layer, whole_vectors */
#include "kernels/losses.h"      /* activate_blocks, blocks_of */
#include "simd/vector.h"         /* real, vec, v_load, v_all, LANE, LANES */

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
    UNROLL for (int lane = 0; lane < LANES; lane++) { rest += LANE(bad, lane); }
    return rest == 0;
}

/* The last layer's outputs from its sums, of n rows. Returns whether these are finite. */
static int finish_outputs(const packed_network *net, ptrdiff_t n, real *out) {
    const packed_layer *last = &net->layers[net->n_layers - 1];
    int are_finite = all_finite(last->h, n * last->stride);
    if (last->is_single) { /* a column: to an elementwise activation, a row of n */
        activate(last->activation, last->parameter, 1, whole_vectors(n), last->h, 0, NULL);
        memcpy(out, last->h, (size_t)n * sizeof(real));
        return are_finite;
    }
    ptrdiff_t n_blocks;
    const fastnn_layer *blocks = blocks_of(last->flat, &n_blocks);
    if (blocks) {
        activate_blocks(blocks, n_blocks, n, last->n_vectors, last->h, net->lanes);
    } else {
        activate(last->activation, last->parameter, n, last->n_vectors, last->h, last->stride, NULL);
    }
    for (ptrdiff_t r = 0; r < n; r++) {
        copy_numbers(last->h + r * last->stride, last->n_out, out + r * last->n_out);
    }
    return are_finite;
}
#endif
