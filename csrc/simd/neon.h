/* neon.h: what AArch64's NEON has an instruction for, named by its intrinsic; portable.h says what it does. Its maximum
   and minimum are NaN where either number is, so they are not those of the kernels.
   It has 32 registers, of which tiles for 32 ask too much: as GCC 12 orders the loads of the broadcast numbers, four of
   the sums of 12 x 2 vectors go to memory and back at each step. So it takes the tiles for 16, whose sums stay. */
#ifndef FASTNN_NEON_H
#define FASTNN_NEON_H

#include <arm_neon.h>

#include "simd/types.h" /* vec */

#if FASTNN_VECTOR_BYTES == 16
#ifdef FASTNN_FLOAT32
#define INTRINSIC(name) name##_f32
#else
#define INTRINSIC(name) name##_f64
#endif

#define v_fma v_fma
INLINE vec v_fma(vec a, vec b, vec c) { return INTRINSIC(vfmaq)(c, a, b); }

#define v_sqrt v_sqrt
INLINE vec v_sqrt(vec a) { return INTRINSIC(vsqrtq)(a); }
#endif
#endif
