/* portable.h: arithmetic that has no operator, for any machine: what x86.h or neon.h has by an instruction stands
   there, and is a macro of its own name. Here it is a loop over lanes, which the compiler often, but not always, finds
   the instruction for. (Within a tile of dense.h GCC 12 made a hundred scalar instructions of twelve maxima.) */
#ifndef FASTNN_PORTABLE_H
#define FASTNN_PORTABLE_H

#include <math.h>

#include "simd/types.h" /* vec, LANES, LANE, v_all, v_select */

#ifndef N_REGISTERS /* of vectors, that a tile may reckon with */
#define N_REGISTERS 16
#endif

#ifdef FASTNN_FLOAT32
#define SCALAR(name) name##f
#else
#define SCALAR(name) name
#endif

/* a * b + c in one rounding where the target has the instruction, else in two. The compiler never contracts by
   itself (-ffp-contract=off), so that a result does not depend on how it arranged the code. */
#ifndef v_fma
INLINE vec v_fma(vec a, vec b, vec c) {
#if defined(__FMA__) || defined(__ARM_FEATURE_FMA)
    for (int i = 0; i < LANES; i++) {
        LANE(c, i) = SCALAR(fma)(LANE(a, i), LANE(b, i), LANE(c, i));
    }
    return c;
#else
    return a * b + c;
#endif
}
#endif

/* a[lane] * b + c, of a lane that is known when compiling; TAKES_LANES: by one instruction, or for a test's sake. */
#ifndef v_fma_lane
INLINE vec v_fma_lane(vec a, int lane, vec b, vec c) {
    (void)lane; /* LANE of a single number has none */
    return v_fma(v_all(LANE(a, lane)), b, c);
}
#endif
#ifndef TAKES_LANES
#define TAKES_LANES 0
#endif

#ifndef v_sqrt
INLINE vec v_sqrt(vec a) {
    for (int i = 0; i < LANES; i++) {
        LANE(a, i) = SCALAR(sqrt)(LANE(a, i));
    }
    return a;
}
#endif

/* The larger; a where either is NaN. */
#ifndef v_max
INLINE vec v_max(vec a, vec b) { return v_select(v_less(a, b), b, a); }
#endif

/* The smaller; a where either is NaN. */
#ifndef v_min
INLINE vec v_min(vec a, vec b) { return v_select(v_less(b, a), b, a); }
#endif
#endif
