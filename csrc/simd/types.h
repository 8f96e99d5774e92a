/* types.h: the numbers and vectors of a unit, between memory and registers, bit by bit, and compared.
   A stub in targets/ says how wide (FASTNN_VECTOR_BYTES) and of what (FASTNN_FLOAT32 or not).

   Vectors are GCC's and Clang's vector extensions: the compiler knows them as values, keeps them in registers and picks
   the instructions of the target; docs/decisions/0006 has what was measured. For any other compiler
   (FASTNN_VECTOR_BYTES undefined) a vector is one number, and everything works unvectorised. */
#ifndef FASTNN_TYPES_H
#define FASTNN_TYPES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef FASTNN_FLOAT32
typedef float real;
typedef int32_t word; /* an integer as wide as a real */
typedef uint32_t uword;
#define REAL_BYTES 4
#define MANTISSA_BITS 23
#define EXPONENT_BIAS 127
#else
typedef double real;
typedef int64_t word;
typedef uint64_t uword;
#define REAL_BYTES 8
#define MANTISSA_BITS 52
#define EXPONENT_BIAS 1023
#endif

#ifdef FASTNN_VECTOR_BYTES
#define LANES (FASTNN_VECTOR_BYTES / REAL_BYTES)
typedef real vec __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
typedef word words __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
typedef uword uwords __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
#define INLINE static inline __attribute__((always_inline))
#define OUTLINE static __attribute__((noinline))
#define UNROLL _Pragma("GCC unroll 32")
#define ROLLED _Pragma("GCC unroll 1") /* a loop over lanes, of little time, that would be a copy a lane */
#ifdef __clang__
#define SMALL static __attribute__((noinline, minsize))
#else
#define SMALL static __attribute__((noinline, optimize("Os"))) /* what takes little of the time */
#endif
#define PREFETCH(address) __builtin_prefetch(address)
#define OPAQUE(pointer) __asm__("" : "+r"(pointer)) /* the compiler forgets how the pointer was computed */
#else
#define LANES 1
typedef real vec;
typedef word words;
typedef uword uwords;
#define INLINE static inline
#define OUTLINE static
#define SMALL static
#define UNROLL
#define ROLLED
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
#endif
