/* neon.h: what AArch64's NEON has an instruction for, named by its intrinsic; portable.h says what it does. Of its two
   maxima one is NaN where either number is, the other only where both are; that of the kernels is neither. */
#ifndef FASTNN_NEON_H
#define FASTNN_NEON_H

#include <arm_neon.h>

#include "simd/types.h" /* vec */

#define N_REGISTERS 32
#define TAKES_LANES 1

#ifdef FASTNN_FLOAT32
#define INTRINSIC(name) name##_f32
#else
#define INTRINSIC(name) name##_f64
#endif

#define v_fma v_fma
INLINE vec v_fma(vec a, vec b, vec c) { return INTRINSIC(vfmaq)(c, a, b); }

/* The intrinsic wants a literal. */
#define v_fma_lane v_fma_lane
INLINE vec v_fma_lane(vec a, int lane, vec b, vec c) {
    switch (lane) {
#ifdef FASTNN_FLOAT32
    case 3: return INTRINSIC(vfmaq_laneq)(c, b, a, 3);
    case 2: return INTRINSIC(vfmaq_laneq)(c, b, a, 2);
#endif
    case 1: return INTRINSIC(vfmaq_laneq)(c, b, a, 1);
    default: return INTRINSIC(vfmaq_laneq)(c, b, a, 0);
    }
}

#define v_sqrt v_sqrt
INLINE vec v_sqrt(vec a) { return INTRINSIC(vsqrtq)(a); }
#endif
