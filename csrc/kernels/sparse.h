/* sparse.h: the first layer's sums of CSR rows and their gradient, from the entries alone.
   0 * x adds nothing to a chain of finite multiply-adds, so that all have the bits of dense rows; two things apart: a
   weight or delta that is not finite counts only where there is an entry for it, and a sum of -0 stays one. */
#ifndef FASTNN_SPARSE_H
#define FASTNN_SPARSE_H

#include <string.h>

#include "fastnn.h"      /* fastnn_data */
#include "simd/vector.h" /* vec, v_load, v_store, v_fma, v_all, v_max, UNROLL */

/* Of X, one in so many numbers is an entry, or fewer are, where taking the entries alone pays; entries that are sorted
   at a time: more than a chunk has in one column, and few enough for the L2 cache. */
#ifndef SPARSE_FROM
#define SPARSE_FROM 4
#define SORTED 16384
#endif

/* Vectors of outputs whose weights prediction turns together. */
enum { TURNED = 2 };

/* Rows of a matrix: those listed, or without a list those from `first` on. */
typedef struct {
    const ptrdiff_t *list;
    ptrdiff_t first;
    ptrdiff_t n;        /* rows of the chunk */
    ptrdiff_t n_listed; /* and of what comes after it in the list, to be asked for early */
} row_list;

INLINE ptrdiff_t row_at(const row_list *rows, ptrdiff_t r) { return rows->list ? rows->list[r] : rows->first + r; }

/* An entry of a column. */
typedef struct {
    ptrdiff_t row; /* of the chunk */
    real x;
} column_entry;

/* What the gradient needs, and prediction. A thread has its own columns, and its own room to sort. */
typedef struct {
    int32_t *ends;          /* (n_in,): of the sorted entries of each column */
    unsigned char *touched; /* (n_in,): columns that had an entry in this batch; no other has a gradient */
    column_entry *sorted;   /* (n_threads, SORTED) */
    ptrdiff_t *next;        /* (n_threads, chunk): of the entries of each row, the first that is not sorted yet */
    real *zeros;            /* (stride,): the gradient of a column without entries */
    real *panel;            /* (n_threads, n_in, TURNED * LANES): weights of prediction, turned */
} sparse_work;

INLINE double n_entries(const fastnn_data *data) {
    return (double)(data->csr_starts[data->n_samples] - data->csr_starts[0]);
}

static int takes_entries(const fastnn_data *data, ptrdiff_t n_in) {
    int in_order = data->csr_columns && data->csr_in_order;
    return in_order && n_entries(data) * SPARSE_FROM <= (double)data->n_samples * (double)n_in;
}

INLINE void sparse_panel(const int C, const real *x, const int32_t *columns, ptrdiff_t n, const real *weights,
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
                           ptrdiff_t stride, const real *biases, real lowest, real *out) {
    ptrdiff_t first = data->csr_starts[row], n = data->csr_starts[row + 1] - first, n_out = n_vectors * LANES;
    const real *x = (const real *)data->X + first;
    const int32_t *columns = data->csr_columns + first;
    vec least = v_all(lowest);
    ptrdiff_t i = 0;
    for (; i + 8 * LANES <= n_out; i += 8 * LANES) {
        sparse_panel(8, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
    for (; i + 4 * LANES <= n_out; i += 4 * LANES) {
        sparse_panel(4, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
    for (; i < n_out; i += LANES) {
        sparse_panel(1, x, columns, n, weights + i, stride, biases + i, least, out + i);
    }
}

/* The same of one row from the user's weights (n_out, n_in), where they lie: for so few entries that they are not worth
   a packed copy. out: to whole vectors. */
static void sparse_row(const fastnn_data *data, ptrdiff_t row, ptrdiff_t n_out, ptrdiff_t n_in, const real *weights,
                       const real *biases, real *out) {
    ptrdiff_t first = data->csr_starts[row], end = data->csr_starts[row + 1];
    for (ptrdiff_t i = 0; i < n_out; i += LANES) {
        const real *rows[LANES];
        real of_lane[LANES];
        for (int lane = 0; lane < LANES; lane++) { /* the last row stands for those that are missing */
            ptrdiff_t output = i + lane < n_out ? i + lane : n_out - 1;
            rows[lane] = weights + output * n_in;
            of_lane[lane] = biases[output];
        }
        vec sum = v_load(of_lane);
        for (ptrdiff_t k = first; k < end; k++) {
            for (int lane = 0; lane < LANES; lane++) {
                of_lane[lane] = rows[lane][data->csr_columns[k]];
            }
            sum = v_fma(v_all(((const real *)data->X)[k]), v_load(of_lane), sum);
        }
        v_store(out + i, sum);
    }
}

INLINE void column_panel(const int C, const column_entry *entries, ptrdiff_t n, const real *delta, ptrdiff_t stride,
                         int adds, real *out) {
    enum { MOST = 8 };
    vec sum[MOST];
    UNROLL for (int c = 0; c < C; c++) { sum[c] = v_all(0); }
    for (ptrdiff_t i = 0; i < n; i++) {
        const real *row = delta + entries[i].row * stride;
        vec of_x = v_all(entries[i].x);
        UNROLL for (int c = 0; c < C; c++) { sum[c] = v_fma(of_x, v_load(row + c * LANES), sum[c]); }
    }
    UNROLL for (int c = 0; c < C; c++) { v_store(out + c * LANES, adds ? v_load(out + c * LANES) + sum[c] : sum[c]); }
}

/* The gradient (n_vectors) of one column's weights, from its entries in the order of their rows. */
static void column_gradient(const column_entry *entries, ptrdiff_t n, const real *delta, ptrdiff_t n_vectors,
                            ptrdiff_t stride, int adds, real *out) {
    ptrdiff_t n_out = n_vectors * LANES, i = 0;
    for (; i + 8 * LANES <= n_out; i += 8 * LANES) {
        column_panel(8, entries, n, delta + i, stride, adds, out + i);
    }
    for (; i + 4 * LANES <= n_out; i += 4 * LANES) {
        column_panel(4, entries, n, delta + i, stride, adds, out + i);
    }
    for (; i < n_out; i += LANES) {
        column_panel(1, entries, n, delta + i, stride, adds, out + i);
    }
}

/* The first of a row's entries from `entry` on that is not before a column: by halves, as columns rise. */
INLINE ptrdiff_t entry_from(const fastnn_data *data, ptrdiff_t row, ptrdiff_t entry, ptrdiff_t column) {
    ptrdiff_t end = data->csr_starts[row + 1];
    while (entry < end) {
        ptrdiff_t middle = entry + (end - entry) / 2;
        if (data->csr_columns[middle] < column) {
            entry = middle + 1;
        } else {
            end = middle;
        }
    }
    return entry;
}

/* The gradient of the weights of columns `first` to before `end`, from a chunk's rows and deltas; of the columns that
   have entries. `adds`: to that of the batch's chunks before. The entries are sorted by column, as many columns at a
   time as there is room for. */
static void sparse_gradient(const sparse_work *w, const fastnn_data *data, const row_list *rows, ptrdiff_t first,
                            ptrdiff_t end, const real *delta, ptrdiff_t n_vectors, ptrdiff_t stride, int adds,
                            real *gradient) {
    const int32_t *columns = data->csr_columns;
    memset(w->ends + first, 0, (size_t)(end - first) * sizeof *w->ends);
    if (!adds) {
        memset(w->touched + first, 0, (size_t)(end - first));
    }
    for (ptrdiff_t r = 0; r < rows->n; r++) {
        ptrdiff_t row = row_at(rows, r), last = data->csr_starts[row + 1];
        w->next[r] = entry_from(data, row, data->csr_starts[row], first);
        for (ptrdiff_t i = w->next[r]; i < last && columns[i] < end; i++) {
            w->ends[columns[i]]++;
        }
    }
    while (first < end) {
        ptrdiff_t stop = first, n = 0;
        for (; stop < end && n + w->ends[stop] <= SORTED; stop++) { /* from how many there are to where they begin */
            int32_t begins = (int32_t)n;
            n += w->ends[stop];
            w->ends[stop] = begins;
        }
        for (ptrdiff_t r = 0; n > 0 && r < rows->n; r++) {
            ptrdiff_t i = w->next[r], last = data->csr_starts[row_at(rows, r) + 1];
            for (; i < last && columns[i] < stop; i++) {
                w->sorted[w->ends[columns[i]]++] = (column_entry){r, ((const real *)data->X)[i]};
            }
            w->next[r] = i;
        }
        for (ptrdiff_t begins = 0; first < stop; first++) {
            if (w->ends[first] > begins) {
                column_gradient(w->sorted + begins, w->ends[first] - begins, delta, n_vectors, stride,
                                w->touched[first], gradient + first * stride);
                w->touched[first] = 1;
            }
            begins = w->ends[first];
        }
    }
}
#endif
