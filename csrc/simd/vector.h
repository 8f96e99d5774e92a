/* vector.h: the vector vocabulary, one set of names for every instruction set and both dtypes.
   A stub in targets/ says how wide (FASTNN_VECTOR_BYTES) and of what (FASTNN_FLOAT32 or not); the kernels use nothing
   but these names and the operators + - * /, so each is written once.

   Vectors are GCC's and Clang's vector extensions: the compiler knows them as values, keeps them in registers and
   picks the instructions of the target, for all but the four functions that name one; docs/decisions/0006 has what was
   measured. For any other compiler (FASTNN_VECTOR_BYTES undefined) a vector is one number, and everything works
   unvectorised. Another architecture needs a stub with its width and nothing here. */
#ifndef FASTNN_VECTOR_H
#define FASTNN_VECTOR_H

#if (defined(__x86_64__) || defined(_M_X64)) && defined(FASTNN_VECTOR_BYTES)
#define HAS_INTRINSICS
#include <immintrin.h>
#endif
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef FASTNN_FLOAT32
typedef float real;
typedef int32_t word; /* an integer as wide as a real */
typedef uint32_t uword;
#define FASTNN_REAL_BYTES 4
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#else
typedef double real;
typedef int64_t word;
typedef uint64_t uword;
#define FASTNN_REAL_BYTES 8
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#endif

#ifdef FASTNN_VECTOR_BYTES
#define LANES (FASTNN_VECTOR_BYTES / FASTNN_REAL_BYTES)
typedef real vec __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
typedef word words __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
typedef uword uwords __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
#define INLINE static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline))
#define UNROLL _Pragma("GCC unroll 32")
#define PREFETCH(address) __builtin_prefetch(address)
#define OPAQUE(pointer) __asm__("" : "+r"(pointer)) /* the compiler forgets how the pointer was computed */
#else
#define LANES 1
typedef real vec;
typedef word words;
typedef uword uwords;
#define INLINE static inline
#define OUTLINE static
#define UNROLL
#define PREFETCH(address) ((void)(address))
#define OPAQUE(pointer)
#endif

/* Memory: addresses need no alignment beyond that of a real. */

INLINE vec v_load(const real *p) {
    vec v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void v_store(real *p, vec v) { memcpy(p, &v, sizeof v); }

INLINE vec v_all(real x) {
#ifdef FASTNN_VECTOR_BYTES
    return x - (vec){0}; /* one broadcast: x - 0 is x, -0 and NaN too */
#else
    return x;
#endif
}

INLINE words w_all(word x) {
#ifdef FASTNN_VECTOR_BYTES
    return x - (words){0};
#else
    return x;
#endif
}

/* Bits. */

INLINE words v_bits(vec v) {
    words w;
    memcpy(&w, &v, sizeof w);
    return w;
}

INLINE vec v_from_bits(words w) {
    vec v;
    memcpy(&v, &w, sizeof v);
    return v;
}

/* Comparisons give masks: all bits set in a lane where it holds, else none. NaN compares false. */

#ifdef FASTNN_VECTOR_BYTES
INLINE words v_less(vec a, vec b) { return (words)(a < b); }
INLINE words v_at_least(vec a, vec b) { return (words)(a >= b); }
INLINE words v_equal(vec a, vec b) { return (words)(a == b); }
#define LANE(v, i) (v)[i]
#else
INLINE words v_less(vec a, vec b) { return -(words)(a < b); }
INLINE words v_at_least(vec a, vec b) { return -(words)(a >= b); }
INLINE words v_equal(vec a, vec b) { return -(words)(a == b); }
#define LANE(v, i) (v)
#endif

INLINE vec v_mask(words mask, vec a) { return v_from_bits(mask & v_bits(a)); } /* a, or 0 where the mask is unset */

INLINE vec v_select(words mask, vec a, vec b) { return v_from_bits((mask & v_bits(a)) | (~mask & v_bits(b))); }

/* All bits set in the first n lanes. */
INLINE words v_first(ptrdiff_t n) {
    real index[LANES];
    for (int i = 0; i < LANES; i++) {
        index[i] = (real)i;
    }
    return v_less(v_load(index), v_all((real)n));
}

#define SIGN_BIT w_all((word)((uword)1 << (8 * sizeof(real) - 1)))

INLINE vec v_abs(vec a) { return v_from_bits(v_bits(a) & ~SIGN_BIT); }

/* Of bits, not of signed integers: zeros come in, and a sum wraps around. */
INLINE words w_shift_right(words a, int n) { return (words)((uwords)a >> n); }
INLINE words w_shift_left(words a, int n) { return (words)((uwords)a << n); }
INLINE words w_add(words a, words b) { return (words)((uwords)a + (uwords)b); }

/* Arithmetic that has no operator: by the target's instruction, named by its intrinsic. The portable form is beside it,
   for other targets: a loop over lanes, which the compiler often, but not always, finds the instruction for. (Within a
   tile of dense.h GCC 12 made a hundred scalar instructions of twelve such maxima.) */

#if !defined(HAS_INTRINSICS)
/* no names */
#elif defined(__AVX512F__) && FASTNN_VECTOR_BYTES == 64
#define NATIVE(name, suffix) _mm512_##name##_##suffix
#elif defined(__AVX2__) && FASTNN_VECTOR_BYTES == 32
#define NATIVE(name, suffix) _mm256_##name##_##suffix
#elif defined(__SSE2__) && FASTNN_VECTOR_BYTES == 16
#define NATIVE(name, suffix) _mm_##name##_##suffix
#endif

#ifdef FASTNN_FLOAT32
#define INTRINSIC(name) NATIVE(name, ps)
#define SCALAR(name) name##f
#else
#define INTRINSIC(name) NATIVE(name, pd)
#define SCALAR(name) name
#endif

/* a * b + c in one rounding where the target has the instruction, else in two. The compiler never contracts by
   itself (-ffp-contract=off), so that a result does not depend on how it arranged the code. */
INLINE vec v_fma(vec a, vec b, vec c) {
#if defined(NATIVE) && defined(__FMA__)
    return INTRINSIC(fmadd)(a, b, c);
#elif defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    for (int i = 0; i < LANES; i++) {
        LANE(c, i) = SCALAR(fma)(LANE(a, i), LANE(b, i), LANE(c, i));
    }
    return c;
#else
    return a * b + c;
#endif
}

INLINE vec v_sqrt(vec a) {
#ifdef NATIVE
    return INTRINSIC(sqrt)(a);
#else
    for (int i = 0; i < LANES; i++) {
        LANE(a, i) = SCALAR(sqrt)(LANE(a, i));
    }
    return a;
#endif
}

/* The larger; a where either is NaN. */
INLINE vec v_max(vec a, vec b) {
#ifdef NATIVE
    return INTRINSIC(max)(b, a);
#else
    return v_select(v_less(a, b), b, a);
#endif
}

/* The smaller; a where either is NaN. */
INLINE vec v_min(vec a, vec b) {
#ifdef NATIVE
    return INTRINSIC(min)(b, a);
#else
    return v_select(v_less(b, a), b, a);
#endif
}

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
    enum { N = 16 / FASTNN_REAL_BYTES }; /* lanes of 16 bytes */
#if LANES > 8
    SWAP_STAGE(4)
#endif
#if LANES > 4 && FASTNN_REAL_BYTES == 8
    SWAP_STAGE(2)
#endif
#if LANES > 1
    for (int square = 0; square < LANES; square += N) {
        for (int width = 1; width < N; width *= 2) {
            vec old[N];
            for (int i = 0; i < N; i++) {
                old[i] = v[square + i];
            }
            for (int i = 0; i < N / 2; i++) {
                v[square + 2 * i] = SHUFFLE(old[i], old[i + N / 2], EACH_LANE(INTERLEAVE_LOW, N));
                v[square + 2 * i + 1] = SHUFFLE(old[i], old[i + N / 2], EACH_LANE(INTERLEAVE_HIGH, N));
            }
        }
    }
#endif
    (void)v;
}

INLINE void v_transpose(vec v[LANES]) {
#if LANES * FASTNN_REAL_BYTES > 16
    SWAP_STAGE(LANES / 2)
#endif
    v_transpose_rest(v);
}

/* The transposed square of LANES rows, `row(i)` the address of row i. The first stage costs nothing: each vector is
   loaded as two halves, from two rows. */
#if LANES * FASTNN_REAL_BYTES > 16 && defined(HAS_SHUFFLEVECTOR)
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
#endif
