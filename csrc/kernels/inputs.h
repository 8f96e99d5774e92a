/* inputs.h: what goes into the first layer: rows of X where they lie, copied side by side, or as CSR entries. */
#ifndef FASTNN_INPUTS_H
#define FASTNN_INPUTS_H

#include <string.h>

#include "fastnn.h"         /* fastnn_data */
#include "kernels/layout.h" /* packed_network */
#include "kernels/sparse.h" /* row_list, row_at */
#include "simd/vector.h"    /* v_load, v_store, PREFETCH */

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

/* What goes into a chunk. */
typedef struct {
    const real *dense; /* n_in numbers a row; NULL: the entries of */
    const fastnn_data *data;
    row_list rows;
} chunk_inputs;

/* Where the inputs of a chunk stand, each row n_in numbers after the one before: in X, if they lie side by side there,
   and none is dropped, else in net->inputs, once they are gathered. NULL: nowhere, as their entries are taken from X.
 */
static const real *inputs_of(const packed_network *net, const fastnn_data *data, const row_list *rows) {
    ptrdiff_t row = row_at(rows, 0);
    if (net->takes_entries) {
        return NULL;
    }
    if (net->drops_inputs) { /* of a copy */
        return net->inputs;
    }
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
        copy_row(data, row_at(rows, r), n_in, to + r * n_in);
    }
}

/* A chunk's inputs, or those of the rows from `row` of it on, which a thread takes; gathered to `to` where they are
   copied. */
SMALL chunk_inputs gathered(const packed_network *net, const fastnn_data *data, const row_list *chunk,
                            const row_list *rows, ptrdiff_t row, real *to) {
    const real *inputs = inputs_of(net, data, chunk);
    if (inputs) {
        int copies = inputs == net->inputs;
        gather(net, data, rows, copies, to);
        inputs = copies ? to : inputs + row * net->layers[0].n_in;
    }
    return (chunk_inputs){inputs, data, *rows};
}
#endif
