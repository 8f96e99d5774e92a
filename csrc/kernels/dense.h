/* dense.h: the three matrix products of a dense layer, over blocks of rows.
   forward   Z = b + H W^T,        fused with ReLU; `activate` does the other activations
   backward  dH = (dZ W) * slope,  fused with the derivative of the activation before
   gradient  gW^T = H^T dZ,        stored, or added to what is there
   One row alone takes the kernels of row.h, with the same bits.

   All three are one loop: a tile of R rows x C vectors of sums stays in registers, one number a row is broadcast
   and multiplied with C vectors of the second matrix, whose rows are padded to whole vectors. So each output is one
   chain of multiply-adds, in the same order in a tile of any size. R and C are constants in each case of a switch,
   or the compiler keeps the sums in memory. */
#ifndef FASTNN_DENSE_H
#define FASTNN_DENSE_H

#include "fastnn.h"              /* fastnn_activation */
#include "kernels/activations.h" /* slope_terms, slope_of, v_slope */
#include "kernels/poll.h"        /* poll, poll_state */
#include "simd/vector.h"         /* vec, v_load, v_store, v_fma, v_max, N_REGISTERS, UNROLL, OPAQUE */

/* Tiles: how many rows go with one, two or three vectors. They fill the registers. */
#define TILES_4(F, kind, C) F(kind, 1, C) F(kind, 2, C) F(kind, 3, C) F(kind, 4, C)
#define TILES_6(F, kind, C) TILES_4(F, kind, C) F(kind, 5, C) F(kind, 6, C)
#define TILES_8(F, kind, C) TILES_6(F, kind, C) F(kind, 7, C) F(kind, 8, C)
#define TILES_12(F, kind, C) TILES_8(F, kind, C) F(kind, 9, C) F(kind, 10, C) F(kind, 11, C) F(kind, 12, C)
#if N_REGISTERS >= 32
enum { ROWS_1 = 12, ROWS_2 = 12, ROWS_3 = 8 };
#define EACH_TILE(F, kind) TILES_12(F, kind, 1) TILES_12(F, kind, 2) TILES_8(F, kind, 3)
#else
enum { ROWS_1 = 8, ROWS_2 = 6, ROWS_3 = 4 };
#define EACH_TILE(F, kind) TILES_8(F, kind, 1) TILES_6(F, kind, 2) TILES_4(F, kind, 3)
#endif
enum { MAX_ROWS = 12, MAX_VECTORS = 3 };

/* Steps of a chain before the sums go to memory and come back. */
enum { STEPS = 256 };

enum product_kind { FORWARD, BACKWARD, GRADIENT };

/* One product: out (n_rows, n_vectors) from n_steps steps of each chain. */
typedef struct {
    ptrdiff_t n_rows, n_vectors, n_steps;
    const real *a; /* FORWARD, BACKWARD: (n_rows, n_steps); GRADIENT: (n_steps, n_rows) */
    ptrdiff_t a_stride;
    const real *b; /* (n_steps, n_vectors) */
    ptrdiff_t b_stride;
    const real *start; /* FORWARD: (n_vectors,) the biases */
    real lowest;       /* FORWARD: outputs are no smaller: 0 for ReLU, else -inf */
    const real *h;     /* BACKWARD: like out, the outputs of the layer before, or its slopes where they are kept */
    slope_terms slope_before; /* BACKWARD: of its activation */
    int adds;                 /* GRADIENT: to what is in out */
    real *out;
    ptrdiff_t out_stride;
    poll_state *asked; /* what is left undone when it is to stop; NULL: nothing */
} dense_product;

INLINE void tile(const enum product_kind kind, const int R, const int C, const dense_product *p, ptrdiff_t row,
                 ptrdiff_t vector, ptrdiff_t first, ptrdiff_t n_steps) {
    const ptrdiff_t a_row = kind == GRADIENT ? 1 : p->a_stride, a_step = kind == GRADIENT ? p->a_stride : 1;
    const ptrdiff_t b_step = p->b_stride, out_stride = p->out_stride;
    const real *a = p->a + row * a_row + first * a_step;
    const real *b = p->b + vector * LANES + first * b_step;
    real *out = p->out + row * out_stride + vector * LANES;
    const int is_first = first == 0, is_last = first + n_steps == p->n_steps;
    vec sum[MAX_ROWS][MAX_VECTORS];
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int c = 0; c < C; c++) {
            sum[r][c] = kind != GRADIENT && !is_first ? v_load(out + r * out_stride + c * LANES)
                        : kind == FORWARD             ? v_load(p->start + (vector + c) * LANES)
                                                      : v_all(0);
        }
    }
    /* One pointer serves three rows, at 0, 1 and 2 strides, as x86 addresses them. One pointer a row, which the
       compiler makes when it sees through them, does not fit into the registers. */
    const real *a3 = a + 3 * a_row, *a6 = a + 6 * a_row, *a9 = a + 9 * a_row;
    for (ptrdiff_t k = 0; k < n_steps; k++) {
        vec of_b[MAX_VECTORS];
        UNROLL for (int c = 0; c < C; c++) { of_b[c] = v_load(b + c * LANES); }
        UNROLL for (int r = 0; r < R; r++) {
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
    if (kind == GRADIENT && (p->adds || !is_first)) {
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_load(out + r * out_stride + c * LANES) + sum[r][c]; }
        }
    }
    if (kind == FORWARD && is_last) {
        vec lowest = v_all(p->lowest);
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) { sum[r][c] = v_max(sum[r][c], lowest); }
        }
    }
    if (kind == BACKWARD && is_last) {
        const real *h = p->h + row * out_stride + vector * LANES;
        UNROLL for (int r = 0; r < R; r++) {
            UNROLL for (int c = 0; c < C; c++) {
                sum[r][c] = sum[r][c] * v_slope(&p->slope_before, v_load(h + r * out_stride + c * LANES));
            }
        }
    }
    UNROLL for (int r = 0; r < R; r++) {
        UNROLL for (int c = 0; c < C; c++) { v_store(out + r * out_stride + c * LANES, sum[r][c]); }
    }
}

/* `n_strips` tiles of R rows one below the other. */
INLINE void strips(const enum product_kind kind, const int R, const int C, const dense_product *p, ptrdiff_t row,
                   ptrdiff_t n_strips, ptrdiff_t vector, ptrdiff_t first, ptrdiff_t n_steps) {
    for (; n_strips > 0; n_strips--, row += R) {
        tile(kind, R, C, p, row, vector, first, n_steps);
    }
}

/* One function for each size of tile: inside of a larger one the compiler runs out of registers. */
typedef void strips_of(const dense_product *p, ptrdiff_t row, ptrdiff_t n_strips, ptrdiff_t vector, ptrdiff_t first,
                       ptrdiff_t n_steps);

#define STRIPS(kind, R, C)                                                                                     \
    OUTLINE void kind##_##R##_##C(const dense_product *p, ptrdiff_t row, ptrdiff_t n_strips, ptrdiff_t vector, \
                                  ptrdiff_t first, ptrdiff_t n_steps) {                                        \
        strips(kind, R, C, p, row, n_strips, vector, first, n_steps);                                          \
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

/* n_rows rows of a panel of C vectors, in strips of equal height, or the first of them one row higher. */
static void panel(enum product_kind kind, int C, const dense_product *p, ptrdiff_t row, ptrdiff_t n_rows,
                  ptrdiff_t vector, ptrdiff_t first, ptrdiff_t n_steps) {
    static const ptrdiff_t most[] = {0, ROWS_1, ROWS_2, ROWS_3};
    ptrdiff_t n_strips = (n_rows + most[C] - 1) / most[C], height = n_rows / n_strips;
    ptrdiff_t n_higher = n_rows % n_strips;
    if (n_higher > 0) {
        tiles[kind][C][height + 1](p, row, n_higher, vector, first, n_steps);
    }
    tiles[kind][C][height](p, row + n_higher * (height + 1), n_strips - n_higher, vector, first, n_steps);
}

/* All vectors of a block of rows: panels of two; of one or three where their number is odd. */
static void panels(enum product_kind kind, const dense_product *p, ptrdiff_t row, ptrdiff_t n_rows, ptrdiff_t first,
                   ptrdiff_t n_steps) {
    ptrdiff_t vector = 0;
    if (p->n_vectors % 2 == 1) {
        vector = p->n_vectors == 1 ? 1 : 3;
        panel(kind, (int)vector, p, row, n_rows, 0, first, n_steps);
    }
    for (; vector < p->n_vectors; vector += 2) {
        panel(kind, 2, p, row, n_rows, vector, first, n_steps);
    }
}

/* By blocks of steps, and in each by blocks of rows whose part of the first matrix stays in the L1 cache while all
   vectors of the second go by. */
static void product(enum product_kind kind, const dense_product *p) {
    enum { BYTES = 20 * 1024 };
    for (ptrdiff_t first = 0; first < p->n_steps; first += STEPS) {
        ptrdiff_t n_steps = p->n_steps - first < STEPS ? p->n_steps - first : STEPS;
        ptrdiff_t most = BYTES / (n_steps * (ptrdiff_t)sizeof(real)) / ROWS_2 * ROWS_2;
        most = most < ROWS_2 ? ROWS_2 : most;
        for (ptrdiff_t row = 0; row < p->n_rows; row += most) {
            ptrdiff_t n_rows = p->n_rows - row < most ? p->n_rows - row : most;
            if (p->asked && poll(p->asked, (double)(n_rows * n_steps * LANES) * (double)p->n_vectors)) {
                return;
            }
            panels(kind, p, row, n_rows, first, n_steps);
        }
    }
}

static void dense_forward(const dense_product *p) { product(FORWARD, p); }

static void dense_backward(const dense_product *p) { product(BACKWARD, p); }

static void dense_gradient(const dense_product *p) { product(GRADIENT, p); }

INLINE void backward_single_with(const int is_relu, const slope_terms *s, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                                 const real *d, const real *w, const real *h, real *out) {
    for (ptrdiff_t row = 0; row < n_rows; row++) {
        for (ptrdiff_t i = 0; i < n_vectors * LANES; i += LANES, h += LANES, out += LANES) {
            vec delta = v_all(d[row]) * v_load(w + i), of_h = v_load(h);
            v_store(out, is_relu ? v_mask(v_less(v_all(0), of_h), delta) : delta * v_slope(s, of_h));
        }
    }
}

/* backward from a single output: its deltas d (n_rows,), its weights w (n_vectors); h and out (n_rows, n_vectors). As
   products of one step this took twice as long. */
OUTLINE void backward_single(fastnn_activation activation, ptrdiff_t n_rows, ptrdiff_t n_vectors, const real *d,
                             const real *w, const real *h, real *out) {
    slope_terms s = slope_of(activation);
    if (activation == FASTNN_ACTIVATION_relu) {
        backward_single_with(1, &s, n_rows, n_vectors, d, w, h, out);
    } else {
        backward_single_with(0, &s, n_rows, n_vectors, d, w, h, out);
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
