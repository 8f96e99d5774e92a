/* x86.h: what SSE2, AVX2 and AVX-512 have an instruction for, named by its intrinsic; portable.h says what it does. */
#ifndef FASTNN_X86_H
#define FASTNN_X86_H

#include <immintrin.h>

#include "simd/types.h" /* vec */

/* A test may say so too: it runs AVX-512's tiles where the CPU has none. */
#if defined(__AVX512F__) && !defined(N_REGISTERS)
#define N_REGISTERS 32
#endif

#if defined(__AVX512F__) && FASTNN_VECTOR_BYTES == 64
#define NATIVE(name, suffix) _mm512_##name##_##suffix
#elif defined(__AVX2__) && FASTNN_VECTOR_BYTES == 32
#define NATIVE(name, suffix) _mm256_##name##_##suffix
#elif defined(__SSE2__) && FASTNN_VECTOR_BYTES == 16
#define NATIVE(name, suffix) _mm_##name##_##suffix
#endif

#ifdef FASTNN_FLOAT32
#define INTRINSIC(name) NATIVE(name, ps)
#else
#define INTRINSIC(name) NATIVE(name, pd)
#endif

#if defined(NATIVE) && defined(__FMA__)
#define v_fma v_fma
INLINE vec v_fma(vec a, vec b, vec c) { return INTRINSIC(fmadd)(a, b, c); }
#endif

#ifdef NATIVE
#define v_sqrt v_sqrt
INLINE vec v_sqrt(vec a) { return INTRINSIC(sqrt)(a); }

/* Of two numbers the instructions return the second where either is NaN. */
#define v_max v_max
INLINE vec v_max(vec a, vec b) { return INTRINSIC(max)(b, a); }

#define v_min v_min
INLINE vec v_min(vec a, vec b) { return INTRINSIC(min)(b, a); }
#endif
#endif
