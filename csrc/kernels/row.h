/* row.h: kernels for one row alone, where there is no second row to share a load of the weights with.
   matrix_vector       out = start + M x, from a matrix as it lies in memory, row by row
   row_forward         z = b + W h, from the engine's own transposed and padded weights
   rank_one_gradient   gW^T = h d^T
   rank_one_step       W^T += rate h d^T
   Each output is the same chain of multiply-adds as in dense.h, so it has the same
   bits. What limits a chain is the latency of its additions; several stand side by side in registers.

   matrix_vector has its vectors across the outputs although the outputs' weights are a row apart in memory: squares
   of LANES rows are transposed in registers. docs/decisions/0007 has what was measured. */
#ifndef FASTNN_ROW_H
#define FASTNN_ROW_H

#include "simd/transpose.h" /* LOAD_TRANSPOSED, load_square, load_rest */
#include "simd/vector.h"    /* vec, v_load, v_store, v_all, v_fma */

/* `columns` columns of LANES rows times x, added to the sums. */
INLINE vec add_columns(vec sum, const vec *columns, const real *x, ptrdiff_t n) {
    for (ptrdiff_t i = 0; i < n; i++) {
        sum = v_fma(v_all(x[i]), columns[i], sum);
    }
    return sum;
}

/* Groups of LANES outputs from row first[g] on. */
INLINE void matrix_vector_groups(const int G, const ptrdiff_t *first, ptrdiff_t n_columns, const real *matrix,
                                 ptrdiff_t stride, const real *x, const real *start, ptrdiff_t start_step, real *out) {
    enum { MOST = 4 };
    /* Eight rows are addressed from one pointer by a few multiples of the stride, as x86 can; a pointer a row would not
       fit into the registers. */
    const ptrdiff_t by1 = stride * (ptrdiff_t)sizeof(real), by3 = 3 * by1, by5 = 5 * by1, by7 = 7 * by1;
    const char *group[MOST];
    vec sum[MOST], columns[LANES];
    UNROLL for (int g = 0; g < G; g++) {
        group[g] = (const char *)(matrix + first[g] * stride);
        sum[g] = start_step ? v_load(start + first[g]) : v_all(*start);
    }
    ptrdiff_t column = 0;
    for (; column + LANES <= n_columns; column += LANES) {
        UNROLL for (int g = 0; g < G; g++) {
            const char *from = group[g], *from8 = from + 8 * by1;
            OPAQUE(from);
#define MULTIPLE(i) ((i) == 3 ? by3 : (i) == 5 ? by5 : (i) == 6 ? by3 * 2 : (i) == 7 ? by7 : by1 * (i))
#define ROW(i) ((const real *)(((i) < 8 ? from : from8) + MULTIPLE((i) % 8)))
            LOAD_TRANSPOSED(columns, ROW);
#undef ROW
#undef MULTIPLE
            UNROLL for (int i = 0; i < LANES; i++) { sum[g] = v_fma(v_all(x[column + i]), columns[i], sum[g]); }
            group[g] += LANES * sizeof(real);
        }
    }
    if (column < n_columns) {
        for (int g = 0; g < G; g++) {
            const real *rows[LANES];
            ROLLED for (int i = 0; i < LANES; i++) { rows[i] = matrix + (first[g] + i) * stride; }
            load_rest(rows, n_columns, n_columns - column, columns);
            sum[g] = add_columns(sum[g], columns, x + column, n_columns - column);
        }
    }
    UNROLL for (int g = 0; g < G; g++) { v_store(out + first[g], sum[g]); }
}

/* The outputs of fewer than LANES rows: the last row stands for those that are missing. */
static void matrix_vector_few(ptrdiff_t n_rows, ptrdiff_t n_columns, const real *matrix, ptrdiff_t stride,
                              const real *x, const real *start, ptrdiff_t start_step, real *out) {
    const real *rows[LANES];
    real of_lane[LANES];
    vec columns[LANES];
    ROLLED for (int i = 0; i < LANES; i++) {
        ptrdiff_t row = i < n_rows ? i : n_rows - 1;
        rows[i] = matrix + row * stride;
        of_lane[i] = start[row * start_step];
    }
    vec sum = v_load(of_lane);
    ptrdiff_t column = 0;
    for (; column + LANES <= n_columns; column += LANES) {
        load_square(rows, column, columns);
        sum = add_columns(sum, columns, x + column, LANES);
    }
    if (column < n_columns) {
        load_rest(rows, n_columns, n_columns - column, columns);
        sum = add_columns(sum, columns, x + column, n_columns - column);
    }
    v_store(out, sum);
}

/* out (n_rows, to whole vectors) = start + M x. start_step 1: start is (n_rows,); 0: one number for all rows. What out
   has past n_rows is undefined. */
OUTLINE void matrix_vector(ptrdiff_t n_rows, ptrdiff_t n_columns, const real *matrix, ptrdiff_t stride, const real *x,
                           const real *start, ptrdiff_t start_step, real *out) {
    if (n_rows < LANES) {
        matrix_vector_few(n_rows, n_columns, matrix, stride, x, start, start_step, out);
        return;
    }
    ptrdiff_t last = n_rows - LANES; /* a group that would go past the end starts earlier, and does some rows again */
    for (ptrdiff_t row = 0; row < n_rows; row += 4 * LANES) {
        ptrdiff_t first[4];
        for (int g = 0; g < 4; g++) {
            first[g] = row + g * LANES < last ? row + g * LANES : last;
        }
        ptrdiff_t left = n_rows - row;
        if (left > 2 * LANES) {
            matrix_vector_groups(4, first, n_columns, matrix, stride, x, start, start_step, out);
        } else if (left > LANES) {
            matrix_vector_groups(2, first, n_columns, matrix, stride, x, start, start_step, out);
        } else {
            matrix_vector_groups(1, first, n_columns, matrix, stride, x, start, start_step, out);
        }
    }
}

INLINE void row_forward_group(const int G, ptrdiff_t n_in, const real *h, const real *weights, ptrdiff_t stride,
                              const real *biases, real *z) {
    enum { MOST = 8 };
    vec sum[MOST];
    UNROLL for (int g = 0; g < G; g++) { sum[g] = biases ? v_load(biases + g * LANES) : v_all(0); }
    for (ptrdiff_t j = 0; j < n_in; j++) {
        vec x = v_all(h[j]);
        UNROLL for (int g = 0; g < G; g++) { sum[g] = v_fma(x, v_load(weights + j * stride + g * LANES), sum[g]); }
    }
    UNROLL for (int g = 0; g < G; g++) { v_store(z + g * LANES, sum[g]); }
}

/* z (n_vectors) = biases + the rows of weights (n_in, n_vectors) times h (n_in,); biases NULL: zeros. */
static void row_forward(ptrdiff_t n_in, ptrdiff_t n_vectors, const real *h, const real *weights, ptrdiff_t stride,
                        const real *biases, real *z) {
    while (n_vectors > 0) {
        ptrdiff_t n = n_vectors >= 8 ? 8 : n_vectors >= 4 ? 4 : n_vectors >= 2 ? 2 : 1;
        switch (n) {
        case 8: row_forward_group(8, n_in, h, weights, stride, biases, z); break;
        case 4: row_forward_group(4, n_in, h, weights, stride, biases, z); break;
        case 2: row_forward_group(2, n_in, h, weights, stride, biases, z); break;
        default: row_forward_group(1, n_in, h, weights, stride, biases, z); break;
        }
        weights += n * LANES;
        biases = biases ? biases + n * LANES : NULL;
        z += n * LANES;
        n_vectors -= n;
    }
}

/* gradient (n_in, n_vectors) = h d^T. */
static void rank_one_gradient(ptrdiff_t n_in, ptrdiff_t n_vectors, const real *h, const real *d, real *gradient,
                              ptrdiff_t stride) {
    for (ptrdiff_t j = 0; j < n_in; j++, gradient += stride) {
        vec x = v_all(h[j]);
        for (ptrdiff_t i = 0; i < n_vectors * LANES; i += LANES) {
            v_store(gradient + i, x * v_load(d + i));
        }
    }
}

INLINE void rank_one_step_group(const int G, ptrdiff_t n_in, const real *h, const real *d, real rate, real *weights,
                                ptrdiff_t stride) {
    enum { MOST = 8 };
    vec step[MOST];
    UNROLL for (int g = 0; g < G; g++) { step[g] = v_all(rate) * v_load(d + g * LANES); }
    for (ptrdiff_t j = 0; j < n_in; j++, weights += stride) {
        vec x = v_all(h[j]);
        UNROLL for (int g = 0; g < G; g++) {
            v_store(weights + g * LANES, v_fma(x, step[g], v_load(weights + g * LANES)));
        }
    }
}

/* weights (n_in, n_vectors) += rate h d^T. */
static void rank_one_step(ptrdiff_t n_in, ptrdiff_t n_vectors, const real *h, const real *d, real rate, real *weights,
                          ptrdiff_t stride) {
    while (n_vectors > 0) {
        ptrdiff_t n = n_vectors >= 8 ? 8 : n_vectors >= 4 ? 4 : n_vectors >= 2 ? 2 : 1;
        switch (n) {
        case 8: rank_one_step_group(8, n_in, h, d, rate, weights, stride); break;
        case 4: rank_one_step_group(4, n_in, h, d, rate, weights, stride); break;
        case 2: rank_one_step_group(2, n_in, h, d, rate, weights, stride); break;
        default: rank_one_step_group(1, n_in, h, d, rate, weights, stride); break;
        }
        weights += n * LANES;
        d += n * LANES;
        n_vectors -= n;
    }
}
#endif
