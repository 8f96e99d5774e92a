/* dense.h: the three matrix products of a dense layer, over blocks of rows, in an order that finds what it reads in a
   cache; and what a layer does beside them. One row alone takes the kernels of row.h, with the same bits. */
#ifndef FASTNN_DENSE_H
#define FASTNN_DENSE_H

#include <string.h>

#include "kernels/activations.h" /* slope_terms, v_slope */
#include "kernels/poll.h"        /* poll */
#include "kernels/tile.h"        /* dense_product, product_kind, tiles, ROWS_1, ROWS_2, ROWS_3, MAX_VECTORS */
#include "simd/transpose.h"      /* turn_rows */
#include "simd/vector.h"         /* vec, v_load, v_store, v_all, v_mask, v_less, UNROLL */

/* Steps of a chain before the sums go to memory and come back. */
enum { STEPS = 256 };

/* A matrix of so many bytes is far: tiles wait for it, those of few rows sooner. Bytes of a gradient's first matrix
   that are copied at a time. Measured: docs/decisions/0015. */
#ifndef FAR_BYTES
#define FAR_BYTES ((ROWS_2 >= 12 ? 3072 : 512) * 1024)
#define COPIED_BYTES (128 * 1024)
#endif

/* Numbers that are copied at a time: a panel of the second matrix, and a part of a gradient's first. */
enum { COPIED_B = STEPS * MAX_VECTORS * LANES, COPIED_A = COPIED_BYTES / REAL_BYTES, COPIES = COPIED_B + COPIED_A };
/* Rows from which on it pays. */
enum { COPYING_ROWS = 4 * ROWS_2 };

/* Whether a matrix of n rows is far. */
INLINE int is_far(ptrdiff_t n, ptrdiff_t n_vectors) { return n_vectors >= FAR_BYTES / (ptrdiff_t)sizeof(vec) / n; }

/* Whether forward and backward copy panels of weights of n rows: as often as rows go through the network. */
INLINE int copies_weights(ptrdiff_t n, ptrdiff_t n_vectors) { return ROWS_2 < 12 && is_far(n, n_vectors); }

/* n_rows rows of a panel of C vectors, in strips of equal height, or the first of them two rows higher; and the last
   row of an odd number. */
static void panel(enum product_kind kind, int C, const dense_product *p, ptrdiff_t row, ptrdiff_t n_rows,
                  ptrdiff_t vector) {
    static const ptrdiff_t most[] = {0, ROWS_1, ROWS_2, ROWS_3};
    ptrdiff_t n_pairs = n_rows / 2;
    if (n_pairs > 0) {
        ptrdiff_t n_strips = (2 * n_pairs + most[C] - 1) / most[C], height = n_pairs / n_strips * 2;
        ptrdiff_t n_higher = n_pairs % n_strips;
        if (n_higher > 0) {
            tiles[kind][C][height + 2](p, row, n_higher, vector);
        }
        tiles[kind][C][height](p, row + n_higher * (height + 2), n_strips - n_higher, vector);
    }
    if (n_rows % 2 > 0) {
        tiles[kind][C][1](p, row + n_rows - 1, 1, vector);
    }
}

/* Vectors of the next panel: two; one or three of the first where their number is odd. */
INLINE int vectors_of_panel(const dense_product *p, ptrdiff_t vector) {
    return vector > 0 || p->n_vectors % 2 == 0 ? 2 : p->n_vectors == 1 ? 1 : 3;
}

static int asks(const dense_product *p, ptrdiff_t n_rows, ptrdiff_t n_vectors) {
    return p->asked && poll(p->asked, (double)(n_rows * p->n_steps * LANES) * (double)n_vectors);
}

/* A block of steps by blocks of rows, whose part of the first matrix stays in the L1 cache while all vectors of the
   second go by. Returns whether it was stopped. */
static int near_product(enum product_kind kind, const dense_product *p) {
    enum { BYTES = 20 * 1024 };
    ptrdiff_t most = BYTES / (p->n_steps * REAL_BYTES) / ROWS_2 * ROWS_2;
    most = most < ROWS_2 ? ROWS_2 : most;
    for (ptrdiff_t row = 0; row < p->n_rows; row += most) {
        ptrdiff_t n_rows = p->n_rows - row < most ? p->n_rows - row : most;
        if (asks(p, n_rows, p->n_vectors)) {
            return 1;
        }
        for (ptrdiff_t vector = 0, C; vector < p->n_vectors; vector += C) {
            C = vectors_of_panel(p, vector);
            panel(kind, (int)C, p, row, n_rows, vector);
        }
    }
    return 0;
}

/* Copy a panel: n rows of C vectors, side by side from wherever they are. */
INLINE void copy_panel(const int C, ptrdiff_t n, const real *from, ptrdiff_t stride, real *to) {
    for (ptrdiff_t k = 0; k < n; k++, from += stride, to += C * LANES) {
        UNROLL for (int c = 0; c < C; c++) { v_store(to + c * LANES, v_load(from + c * LANES)); }
    }
}

/* Copy a panel turned: n columns of C vectors of rows, of which the last n_rows - C * LANES at most are not there. */
OUTLINE void turn_panel(int C, ptrdiff_t n, ptrdiff_t n_rows, const real *from, ptrdiff_t stride, real *to) {
    for (int c = 0; c < C; c++) {
        turn_rows(n_rows - c * LANES, n, from + c * LANES * stride, stride, to + c * LANES, C * LANES);
    }
}

/* The panel of C vectors from `vector` on, for a far product. */
INLINE void fetch_panel(const int C, const dense_product *p, ptrdiff_t vector) {
    if (p->n_turned) {
        turn_panel(C, p->n_steps, p->n_turned - vector * LANES, p->b + vector * LANES * p->b_stride, p->b_stride,
                   p->copies);
    } else {
        copy_panel(C, p->n_steps, p->b + vector * LANES, p->b_stride, p->copies);
    }
}

/* A block of steps of a far product: each panel of the second matrix is copied to where it stays in the L1 cache while
   all rows go by, and of a gradient as many rows of the first, which are columns there, as stay in the L2 cache.
   Returns whether it was stopped. */
static int far_product(enum product_kind kind, const dense_product *p) {
    ptrdiff_t most = kind == GRADIENT ? COPIED_A / p->n_steps / ROWS_2 * ROWS_2 : p->n_rows;
    for (ptrdiff_t row = 0; row < p->n_rows; row += most) {
        dense_product rows = *p;
        rows.n_rows = p->n_rows - row < most ? p->n_rows - row : most;
        rows.b = p->copies;
        rows.out += row * p->out_stride;
        if (kind == GRADIENT) {
            real *to = p->copies + COPIED_B;
            for (ptrdiff_t k = 0; k < p->n_steps; k++) {
                memcpy(to + k * rows.n_rows, p->a + k * p->a_stride + row, (size_t)rows.n_rows * sizeof(real));
            }
            rows.a = to;
            rows.a_stride = rows.n_rows;
        }
        for (ptrdiff_t vector = 0, C; vector < p->n_vectors; vector += C) {
            C = vectors_of_panel(p, vector);
            switch (C) {
            case 1: fetch_panel(1, p, vector); break;
            case 2: fetch_panel(2, p, vector); break;
            default: fetch_panel(3, p, vector); break;
            }
            rows.b_stride = C * LANES;
            if (asks(p, rows.n_rows, C)) {
                return 1;
            }
            panel(kind, (int)C, &rows, 0, rows.n_rows, 0);
            rows.out += C * LANES;
            rows.start += kind == FORWARD ? C * LANES : 0;
            rows.h += kind == BACKWARD ? C * LANES : 0;
        }
    }
    return 0;
}

/* By blocks of steps. */
static void product(enum product_kind kind, const dense_product *p) {
    dense_product block = *p;
    ptrdiff_t a_step = kind == GRADIENT ? p->a_stride : 1;
    /* As large as the weights is what comes out, or the second matrix, for which tiles of many rows need not wait. */
    int is_large = kind == GRADIENT ? is_far(p->n_rows, p->n_vectors) : copies_weights(p->n_steps, p->n_vectors);
    int copies = p->n_turned || (p->copies && p->n_rows >= COPYING_ROWS && is_large);
    block.asks_early = copies;
    for (ptrdiff_t first = 0; first < p->n_steps; first += STEPS) {
        block.n_steps = p->n_steps - first < STEPS ? p->n_steps - first : STEPS;
        block.is_continued = first > 0;
        block.goes_on = first + block.n_steps < p->n_steps;
        block.adds = p->adds || first > 0;
        if (copies ? far_product(kind, &block) : near_product(kind, &block)) {
            return;
        }
        block.a += block.n_steps * a_step;
        block.b += block.n_steps * (p->n_turned ? 1 : p->b_stride);
    }
}

static void dense_forward(const dense_product *p) { product(FORWARD, p); }

static void dense_backward(const dense_product *p) { product(BACKWARD, p); }

static void dense_gradient(const dense_product *p) { product(GRADIENT, p); }

INLINE void backward_single_with(const int is_relu, const slope_terms *s, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                                 ptrdiff_t stride, const real *d, const real *w, const real *h, real *out) {
    for (ptrdiff_t row = 0; row < n_rows; row++, h += stride, out += stride) {
        for (ptrdiff_t i = 0; i < n_vectors * LANES; i += LANES) {
            vec delta = v_all(d[row]) * v_load(w + i), of_h = v_load(h + i);
            v_store(out + i, is_relu ? v_mask(v_less(v_all(0), of_h), delta) : delta * v_slope(s, of_h));
        }
    }
}

/* backward from a single output: its deltas d (n_rows,), its weights w (n_vectors); h and out (n_rows, n_vectors).
   is_relu: whose slopes are 0 and 1. As products of one step this took twice as long. */
OUTLINE void backward_single(const slope_terms *terms, int is_relu, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                             ptrdiff_t stride, const real *d, const real *w, const real *h, real *out) {
    slope_terms s = *terms; /* which what is written to `out` cannot change */
    if (is_relu) {
        backward_single_with(1, &s, n_rows, n_vectors, stride, d, w, h, out);
    } else {
        backward_single_with(0, &s, n_rows, n_vectors, stride, d, w, h, out);
    }
}

INLINE void column_sums_group(const int G, ptrdiff_t n_rows, const real *d, ptrdiff_t stride, int adds, real *out) {
    enum { MOST = 4 };
    vec sum[MOST];
    UNROLL for (int g = 0; g < G; g++) { sum[g] = v_load(d + g * LANES); }
    for (ptrdiff_t row = 1; row < n_rows; row++) {
        UNROLL for (int g = 0; g < G; g++) { sum[g] = sum[g] + v_load(d + row * stride + g * LANES); }
    }
    UNROLL for (int g = 0; g < G; g++) { v_store(out + g * LANES, adds ? v_load(out + g * LANES) + sum[g] : sum[g]); }
}

/* The sums of the columns of d (n_rows, n_vectors): the gradient of the biases. */
static void column_sums(ptrdiff_t n_rows, ptrdiff_t n_vectors, const real *d, ptrdiff_t stride, int adds, real *out) {
    ptrdiff_t vector = 0;
    for (; vector + 4 <= n_vectors; vector += 4) { /* chains side by side: each waits for its additions */
        column_sums_group(4, n_rows, d + vector * LANES, stride, adds, out + vector * LANES);
    }
    for (; vector < n_vectors; vector++) {
        column_sums_group(1, n_rows, d + vector * LANES, stride, adds, out + vector * LANES);
    }
}
#endif
