/* vector.h: the vector vocabulary, one set of names for every instruction set and both dtypes. The kernels use nothing
   but these names and the operators + - * /, so each is written once. What arithmetic has no operator is by machine,
   and what a machine has no instruction for is portable.h's; another architecture needs a stub with its width, and a
   file of its own only where the portable loops are slow. */
#ifndef FASTNN_VECTOR_H
#define FASTNN_VECTOR_H

#include "simd/types.h" /* real, word, uword, vec, words, LANES, v_load, v_less, v_select */
#ifdef FASTNN_VECTOR_BYTES
#if defined(__x86_64__) || defined(_M_X64)
#include "simd/x86.h" /* v_fma, v_sqrt, v_max, v_min, N_REGISTERS */
#elif defined(FASTNN_NEON)
#include "simd/neon.h" /* v_fma, v_fma_lane, v_sqrt, N_REGISTERS, TAKES_LANES */
#endif
#endif
#include "simd/portable.h" /* v_fma, v_fma_lane, v_sqrt, v_max, v_min, N_REGISTERS, TAKES_LANES */

/* All bits set in the first n lanes. */
INLINE words v_first(ptrdiff_t n) {
    real index[LANES];
    UNROLL for (int i = 0; i < LANES; i++) { index[i] = (real)i; }
    return v_less(v_load(index), v_all((real)n));
}

#define SIGN_BIT w_all((word)((uword)1 << (8 * sizeof(real) - 1)))

INLINE vec v_abs(vec a) { return v_from_bits(v_bits(a) & ~SIGN_BIT); }

/* Whether a bit is set in any lane. */
INLINE int w_any(words a) {
    word found = 0;
    UNROLL for (int i = 0; i < LANES; i++) { found |= LANE(a, i); }
    return found != 0;
}

/* 1 with the sign of a; 0 where a is. */
INLINE vec v_sign(vec a) {
    vec one = v_from_bits((v_bits(a) & SIGN_BIT) | v_bits(v_all(1)));
    return v_mask(~v_equal(a, v_all(0)), one);
}

/* Of bits, not of signed integers: zeros come in, and a sum wraps around. */
INLINE words w_shift_right(words a, int n) { return (words)((uwords)a >> n); }
INLINE words w_shift_left(words a, int n) { return (words)((uwords)a << n); }
INLINE words w_add(words a, words b) { return (words)((uwords)a + (uwords)b); }
#endif
