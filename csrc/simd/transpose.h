/* transpose.h: squares of LANES rows by LANES columns, transposed in registers, and loaded that way from memory. */
#ifndef FASTNN_TRANSPOSE_H
#define FASTNN_TRANSPOSE_H

#include "simd/vector.h" /* vec, words, LANES, v_load, v_store, v_mask, v_first */

/* Transpose LANES vectors as a square: rows become columns. Halves of the square change places until the halves are
   as small as 16 bytes, which the instruction sets interleave faster. */

#if LANES == 16
#define EACH_LANE(F, n)                                                                                           \
    F(0, n), F(1, n), F(2, n), F(3, n), F(4, n), F(5, n), F(6, n), F(7, n), F(8, n), F(9, n), F(10, n), F(11, n), \
        F(12, n), F(13, n), F(14, n), F(15, n)
#elif LANES == 8
#define EACH_LANE(F, n) F(0, n), F(1, n), F(2, n), F(3, n), F(4, n), F(5, n), F(6, n), F(7, n)
#elif LANES == 4
#define EACH_LANE(F, n) F(0, n), F(1, n), F(2, n), F(3, n)
#elif LANES == 2
#define EACH_LANE(F, n) F(0, n), F(1, n)
#endif

/* Lanes of a and b by number; GCC has the first name from version 12 on. */
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAS_SHUFFLEVECTOR
#endif
#endif
#ifdef HAS_SHUFFLEVECTOR
#define SHUFFLE(a, b, ...) __builtin_shufflevector(a, b, __VA_ARGS__)
#else
#define SHUFFLE(a, b, ...) __builtin_shuffle(a, b, (words){__VA_ARGS__})
#endif

#define SWAP_LOW(i, n) ((i) & (n) ? LANES + (i) - (n) : (i))
#define SWAP_HIGH(i, n) ((i) & (n) ? LANES + (i) : (i) + (n))
#define INTERLEAVE_LOW(i, n) ((i) / (n) * (n) + (i) % (n) / 2 + ((i) & 1 ? LANES : 0))
#define INTERLEAVE_HIGH(i, n) (INTERLEAVE_LOW(i, n) + (n) / 2)
#define SWAP_STAGE(n)                                                        \
    UNROLL for (int i = 0; i < LANES; i++) {                                 \
        if (!(i & (n))) {                                                    \
            vec low = SHUFFLE(v[i], v[i + (n)], EACH_LANE(SWAP_LOW, n));     \
            v[i + (n)] = SHUFFLE(v[i], v[i + (n)], EACH_LANE(SWAP_HIGH, n)); \
            v[i] = low;                                                      \
        }                                                                    \
    }

/* All stages but the first. */
INLINE void v_transpose_rest(vec v[LANES]) {
    enum { N = 16 / REAL_BYTES }; /* lanes of 16 bytes */
#if LANES > 8
    SWAP_STAGE(4)
#endif
#if LANES > 4 && REAL_BYTES == 8
    SWAP_STAGE(2)
#endif
#if LANES > 1
    UNROLL for (int square = 0; square < LANES; square += N) {
        UNROLL for (int width = 1; width < N; width *= 2) {
            vec old[N];
            UNROLL for (int i = 0; i < N; i++) { old[i] = v[square + i]; }
            UNROLL for (int i = 0; i < N / 2; i++) {
                v[square + 2 * i] = SHUFFLE(old[i], old[i + N / 2], EACH_LANE(INTERLEAVE_LOW, N));
                v[square + 2 * i + 1] = SHUFFLE(old[i], old[i + N / 2], EACH_LANE(INTERLEAVE_HIGH, N));
            }
        }
    }
#endif
    (void)v;
}

INLINE void v_transpose(vec v[LANES]) {
#if LANES * REAL_BYTES > 16
    SWAP_STAGE(LANES / 2)
#endif
    v_transpose_rest(v);
}

/* The transposed square of LANES rows, `row(i)` the address of row i. The first stage costs nothing: each vector is
   loaded as two halves, from two rows. */
#if LANES * REAL_BYTES > 16 && defined(HAS_SHUFFLEVECTOR)
typedef real half_vec __attribute__((vector_size(FASTNN_VECTOR_BYTES / 2)));
#define SAME_LANE(i, n) (i)

INLINE vec v_load_halves(const real *low, const real *high) {
    half_vec a, b;
    memcpy(&a, low, sizeof a);
    memcpy(&b, high, sizeof b);
    return SHUFFLE(a, b, EACH_LANE(SAME_LANE, 0));
}

#define LOAD_TRANSPOSED(v, row)                                                     \
    do {                                                                            \
        UNROLL for (int i_ = 0; i_ < LANES / 2; i_++) {                             \
            const real *low_ = row(i_), *high_ = row(i_ + LANES / 2);               \
            v[i_] = v_load_halves(low_, high_);                                     \
            v[i_ + LANES / 2] = v_load_halves(low_ + LANES / 2, high_ + LANES / 2); \
        }                                                                           \
        v_transpose_rest(v);                                                        \
    } while (0)
#else
#define LOAD_TRANSPOSED(v, row)                                                \
    do {                                                                       \
        UNROLL for (int i_ = 0; i_ < LANES; i_++) { v[i_] = v_load(row(i_)); } \
        v_transpose(v);                                                        \
    } while (0)
#endif

/* Columns first ... of LANES rows, a column in each vector. */
INLINE void load_square(const real *const rows[LANES], ptrdiff_t first, vec columns[LANES]) {
#define ROW(i) (rows[i] + first)
    LOAD_TRANSPOSED(columns, ROW);
#undef ROW
}

/* The last n < LANES columns likewise, of rows of n_columns, without reading past the end of a row. */
OUTLINE void load_rest(const real *const rows[LANES], ptrdiff_t n_columns, ptrdiff_t n, vec columns[LANES]) {
    if (n_columns >= LANES) {
        vec square[LANES];
        load_square(rows, n_columns - LANES, square);
        for (ptrdiff_t i = 0; i < n; i++) {
            columns[i] = square[LANES - n + i];
        }
        return;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        real of_lane[LANES];
        UNROLL for (int r = 0; r < LANES; r++) { of_lane[r] = rows[r][n_columns - n + i]; }
        columns[i] = v_load(of_lane);
    }
}

/* LANES rows of n_columns numbers, of which the last LANES - n_rows are not there, turned: a vector for each column,
   with zeros for what is not there. */
OUTLINE void turn_rows(ptrdiff_t n_rows, ptrdiff_t n_columns, const real *from, ptrdiff_t stride, real *to,
                       ptrdiff_t to_stride) {
    const real *rows[LANES];
    words valid = v_first(n_rows);
    ROLLED for (int r = 0; r < LANES; r++) { rows[r] = from + (r < n_rows ? r : n_rows - 1) * stride; }
    for (ptrdiff_t j = 0; j < n_columns; j += LANES) {
        vec columns[LANES];
        ptrdiff_t n = n_columns - j < LANES ? n_columns - j : LANES;
        if (n == LANES) {
            load_square(rows, j, columns);
        } else {
            load_rest(rows, n_columns, n, columns);
        }
        for (ptrdiff_t k = 0; k < n; k++, to += to_stride) {
            v_store(to, v_mask(valid, columns[k]));
        }
    }
}
#endif
