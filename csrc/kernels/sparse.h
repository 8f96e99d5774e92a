/* sparse.h: the first layer's sums of CSR rows, from their entries alone.
   0 * w adds nothing to a chain of finite multiply-adds, so that the outputs have the bits of dense rows; two things
   apart: a weight that is not finite counts only where a row has an entry for it, and a sum of -0 stays one. */
#ifndef FASTNN_SPARSE_H
#define FASTNN_SPARSE_H

#include "fastnn.h"      /* fastnn_data */
#include "simd/vector.h" /* vec, v_load, v_store, v_fma, v_all, v_max, UNROLL */

INLINE void sparse_panel(const int C, const real *x, const ptrdiff_t *columns, ptrdiff_t n, const real *weights,
                         ptrdiff_t stride, const real *biases, vec lowest, real *out) {
    enum { MOST = 8 };
    vec sum[MOST];
    UNROLL for (int c = 0; c < C; c++) { sum[c] = v_load(biases + c * LANES); }
    for (ptrdiff_t i = 0; i < n; i++) {
        const real *row = weights + columns[i] * stride;
        vec of_x = v_all(x[i]);
        UNROLL for (int c = 0; c < C; c++) { sum[c] = v_fma(of_x, v_load(row + c * LANES), sum[c]); }
    }
    UNROLL for (int c = 0; c < C; c++) { v_store(out + c * LANES, v_max(sum[c], lowest)); }
}

/* out (n_vectors) = biases + W^T x of one row, whose entries are in the order of their columns, each once; no smaller
   than `lowest`. weights (n_in, n_vectors). */
static void sparse_forward(const fastnn_data *data, ptrdiff_t row, ptrdiff_t n_vectors, const real *weights,
                           const real *biases, real lowest, real *out) {
    ptrdiff_t first = data->csr_starts[row], n = data->csr_starts[row + 1] - first, stride = n_vectors * LANES;
    const real *x = (const real *)data->X + first;
    const ptrdiff_t *columns = data->csr_columns + first;
    vec least = v_all(lowest);
    ptrdiff_t i = 0;
    for (; i + 8 * LANES <= stride; i += 8 * LANES) {
        sparse_panel(8, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
    for (; i + 4 * LANES <= stride; i += 4 * LANES) {
        sparse_panel(4, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
    for (; i < stride; i += LANES) {
        sparse_panel(1, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
}
#endif
