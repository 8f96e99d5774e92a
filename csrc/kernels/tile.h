/* tile.h: the inner loop of a layer's three products.
   forward   Z = b + H W^T,        fused with ReLU; `activate` does the other activations
   backward  dH = (dZ W) * slope,  fused with the derivative of the activation before
   gradient  gW^T = H^T dZ,        stored, or added to what is there

   All three are one loop: a tile of R rows x C vectors of sums stays in registers, one number a row is broadcast
   and multiplied with C vectors of the second matrix, whose rows are padded to whole vectors. So each output is one
   chain of multiply-adds, in the same order in a tile of any size. R and C are constants, a function for
   each pair, or the compiler keeps the sums in memory.

   Where a multiply-add takes a number from a lane, LANES of them are loaded at once: of a row the numbers of as many
   steps, of a gradient's step those of as many rows. docs/decisions/0016 has what that saves. */
#ifndef FASTNN_TILE_H
#define FASTNN_TILE_H

#include "kernels/activations.h" /* slope_terms, v_slope */
#include "kernels/poll.h"        /* poll_state */
#include "simd/vector.h"         /* vec, v_load, v_store, v_fma, v_fma_lane, v_max, TAKES_LANES, N_REGISTERS, UNROLL */

/* Tiles: how many rows go with one, two or three vectors: one, or an even number. They fill the registers. All heights
   would be half as much code again, and no faster: docs/decisions/0017. */
#define TILES_4(F, kind, C) F(kind, 1, C) F(kind, 2, C) F(kind, 4, C)
#define TILES_6(F, kind, C) TILES_4(F, kind, C) F(kind, 6, C)
#define TILES_8(F, kind, C) TILES_6(F, kind, C) F(kind, 8, C)
#define TILES_12(F, kind, C) TILES_8(F, kind, C) F(kind, 10, C) F(kind, 12, C)
#if N_REGISTERS >= 32 && TAKES_LANES /* beside the sums stands a vector of each row */
enum { ROWS_1 = 12, ROWS_2 = 8, ROWS_3 = 6 };
#define EACH_TILE(F, kind) TILES_12(F, kind, 1) TILES_8(F, kind, 2) TILES_6(F, kind, 3)
#elif N_REGISTERS >= 32
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 8 };
#define EACH_TILE(F, kind) TILES_12(F, kind, 1) TILES_12(F, kind, 2) TILES_8(F, kind, 3)
#else
enum { ROWS_1 = 8, ROWS_2 = 6, ROWS_3 = 4 };
#define EACH_TILE(F, kind) TILES_8(F, kind, 1) TILES_6(F, kind, 2) TILES_4(F, kind, 3)
#endif
enum { MAX_ROWS = 12, MAX_VECTORS = 3 };

enum product_kind { FORWARD, BACKWARD, GRADIENT };

/* One product: out (n_rows, n_vectors) from n_steps steps of each chain, or from a block of them. */
typedef struct {
    ptrdiff_t n_rows, n_vectors, n_steps;
    const real *a; /* FORWARD, BACKWARD: (n_rows, n_steps); GRADIENT: (n_steps, n_rows) */
    ptrdiff_t a_stride;
    const real *b; /* (n_steps, n_vectors) */
    ptrdiff_t b_stride;
    ptrdiff_t n_turned; /* FORWARD: not 0: b is (n_turned, n_steps), and is turned as it is copied */
    const real *start;  /* FORWARD: (n_vectors,) the biases */
    real lowest;        /* FORWARD: outputs are no smaller: 0 for ReLU, else -inf */
    const real *h;      /* BACKWARD: like out, the outputs of the layer before, or its slopes where they are kept */
    slope_terms slope_before; /* BACKWARD: of its activation */
    int adds;                 /* GRADIENT: to what is in out */
    real *out;
    ptrdiff_t out_stride;
    poll_state *asked; /* what is left undone when it is to stop; NULL: nothing */
    real *copies;      /* (COPIES,), for what dense.h copies of matrices that are far; NULL: they are near */
    int is_continued;  /* FORWARD, BACKWARD: the chains go on from what is in out, */
    int goes_on;       /* and will: nothing is fused with them yet */
    int asks_early;    /* GRADIENT: for what comes out, which is far */
} dense_product;

/* The first n_steps steps, whole vectors of them, of FORWARD and BACKWARD, by lanes. */
INLINE void steps_by_lanes(const int R, const int C, ptrdiff_t n_steps, const real *a, ptrdiff_t a_stride,
                           const real *b, ptrdiff_t b_stride, vec sum[MAX_ROWS][MAX_VECTORS]) {
    for (ptrdiff_t k = 0; k < n_steps; k += LANES, a += LANES) {
        vec of_a[MAX_ROWS], of_b[MAX_VECTORS];
        UNROLL for (int r = 0; r < R; r++) { of_a[r] = v_load(a + r * a_stride); }
        UNROLL for (int i = 0; i < LANES; i++, b += b_stride) {
            UNROLL for (int c = 0; c < C; c++) { of_b[c] = v_load(b + c * LANES); }
            UNROLL for (int r = 0; r < R; r++) {
                UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_fma_lane(of_a[r], i, of_b[c], sum[r][c]); }
            }
        }
    }
}

/* What is done with the sums when their chains have come to an end. */
INLINE void fuse(const enum product_kind kind, const int R, const int C, const dense_product *p, ptrdiff_t row,
                 ptrdiff_t vector, vec sum[MAX_ROWS][MAX_VECTORS]) {
    const ptrdiff_t out_stride = p->out_stride;
    const real *out = p->out + row * out_stride + vector * LANES;
    if (kind == GRADIENT && p->adds) {
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_load(out + r * out_stride + c * LANES) + sum[r][c]; }
        }
    }
    if (kind == FORWARD && !p->goes_on) {
        vec lowest = v_all(p->lowest);
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_max(sum[r][c], lowest); }
        }
    }
    if (kind == BACKWARD && !p->goes_on) {
        const real *h = p->h + row * out_stride + vector * LANES;
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) {
                sum[r][c] = sum[r][c] * v_slope(&p->slope_before, v_load(h + r * out_stride + c * LANES));
            }
        }
    }
}

INLINE void tile(const enum product_kind kind, const int R, const int C, const dense_product *p, ptrdiff_t row,
                 ptrdiff_t vector) {
    const ptrdiff_t a_row = kind == GRADIENT ? 1 : p->a_stride, a_step = kind == GRADIENT ? p->a_stride : 1;
    const ptrdiff_t b_step = p->b_stride, out_stride = p->out_stride;
    const real *a = p->a + row * a_row, *b = p->b + vector * LANES;
    real *out = p->out + row * out_stride + vector * LANES;
    vec sum[MAX_ROWS][MAX_VECTORS];
    if (kind == GRADIENT && p->asks_early) { /* what comes out is not a row but a page apart */
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) { PREFETCH(out + r * out_stride + c * LANES); }
        }
    }
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int c = 0; c < C; c++) {
            sum[r][c] = kind != GRADIENT && p->is_continued ? v_load(out + r * out_stride + c * LANES)
                        : kind == FORWARD                   ? v_load(p->start + (vector + c) * LANES)
                                                            : v_all(0);
        }
    }
    ptrdiff_t k = 0;
    if (TAKES_LANES && kind != GRADIENT) {
        k = p->n_steps / LANES * LANES;
        steps_by_lanes(R, C, k, a, a_row, b, b_step, sum);
        a += k;
        b += k * b_step;
    }
    /* One pointer serves three rows, at 0, 1 and 2 strides, as x86 addresses them. One pointer a row, which the
       compiler makes when it sees through them, does not fit into the registers. */
    const real *a3 = a + 3 * a_row, *a6 = a + 6 * a_row, *a9 = a + 9 * a_row;
    for (; k < p->n_steps; k++) {
        vec of_b[MAX_VECTORS];
        UNROLL for (int c = 0; c < C; c++) { of_b[c] = v_load(b + c * LANES); }
        UNROLL for (int r = 0; r < R; r++) {
            if (TAKES_LANES && kind == GRADIENT && r < R / LANES * LANES) {
                vec of_a = v_load(a + r / LANES * LANES);
                UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_fma_lane(of_a, r % LANES, of_b[c], sum[r][c]); }
                continue;
            }
            const real *from = kind == GRADIENT || r < 3 ? a + r * a_row
                               : r < 6                   ? a3 + (r - 3) * a_row
                               : r < 9                   ? a6 + (r - 6) * a_row
                                                         : a9 + (r - 9) * a_row;
            vec of_a = v_all(*from);
            UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_fma(of_a, of_b[c], sum[r][c]); }
        }
        a += a_step;
        a3 += a_step;
        a6 += a_step;
        a9 += a_step;
        b += b_step;
        if (kind != GRADIENT) {
            OPAQUE(a);
            if (R > 3) {
                OPAQUE(a3);
            }
            if (R > 6) {
                OPAQUE(a6);
            }
            if (R > 9) {
                OPAQUE(a9);
            }
        }
    }
    fuse(kind, R, C, p, row, vector, sum);
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int c = 0; c < C; c++) { v_store(out + r * out_stride + c * LANES, sum[r][c]); }
    }
}

/* `n_strips` tiles of R rows one below the other. */
INLINE void strips(const enum product_kind kind, const int R, const int C, const dense_product *p, ptrdiff_t row,
                   ptrdiff_t n_strips, ptrdiff_t vector) {
    for (; n_strips > 0; n_strips--, row += R) {
        tile(kind, R, C, p, row, vector);
    }
}

/* One function for each size of tile: inside of a larger one the compiler runs out of registers. */
typedef void strips_of(const dense_product *p, ptrdiff_t row, ptrdiff_t n_strips, ptrdiff_t vector);

#define STRIPS(kind, R, C)                                                                                       \
    OUTLINE void kind##_##R##_##C(const dense_product *p, ptrdiff_t row, ptrdiff_t n_strips, ptrdiff_t vector) { \
        strips(kind, R, C, p, row, n_strips, vector);                                                            \
    }
EACH_TILE(STRIPS, FORWARD)
EACH_TILE(STRIPS, BACKWARD)
EACH_TILE(STRIPS, GRADIENT)
#undef STRIPS

static strips_of *const tiles[3][MAX_VECTORS + 1][MAX_ROWS + 1] = {
#define ENTRY(kind, R, C) [kind][C][R] = kind##_##R##_##C,
    EACH_TILE(ENTRY, FORWARD) EACH_TILE(ENTRY, BACKWARD) EACH_TILE(ENTRY, GRADIENT)
#undef ENTRY
};
#endif
