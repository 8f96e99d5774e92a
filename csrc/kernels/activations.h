/* activations.h: each activation of a vector, its derivative from its output or its input, and both over the rows of a
   block. Softmax is not elementwise: it stands in losses.h, beside the loss it belongs to. */
#ifndef FASTNN_ACTIVATIONS_H
#define FASTNN_ACTIVATIONS_H

#include "fastnn.h"      /* fastnn_activation, fastnn_activations */
#include "simd/vector.h" /* vec, v_load, v_store, v_max, v_mask, v_fma */
#include "simd/vmath.h"  /* v_exp, v_logistic, v_tanh */

/* z where z > 0 or NaN, else 0; -0 stays, as in the tiles of dense.h. */
INLINE vec v_relu(vec z) { return v_max(z, v_all(0)); }

INLINE vec v_step(vec z) { return v_mask(v_at_least(z, v_all(0)), v_all(1)); }

/* An elementwise activation, with its parameter if it has one; where the name is a constant, so is the choice. */
INLINE vec v_activate(fastnn_activation activation, real parameter, vec z) {
    (void)parameter; /* of no row yet */
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return v_logistic(z);
    case FASTNN_ACTIVATION_tanh: return v_tanh(z);
    case FASTNN_ACTIVATION_relu: return v_relu(z);
    case FASTNN_ACTIVATION_step: return v_step(z);
    case FASTNN_ACTIVATION_exp: return v_exp(z);
    case FASTNN_ACTIVATION_identity: return z;
    case FASTNN_ACTIVATION_softmax: break; /* of all outputs together: losses.h */
    }
    return v_all(NAN);
}

/* The derivative by z of an activation whose slope is kept. */
INLINE vec v_kept_slope(fastnn_activation activation, real parameter, vec z) {
    (void)parameter, (void)z;
    switch (activation) {
    case FASTNN_ACTIVATION_identity:
    case FASTNN_ACTIVATION_logistic:
    case FASTNN_ACTIVATION_tanh:
    case FASTNN_ACTIVATION_relu:
    case FASTNN_ACTIVATION_step:
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_exp: break; /* it is not: slope_of */
    }
    return v_all(NAN);
}

/* The derivative of an elementwise activation by its input, from its output h: a polynomial where h > above, else 0.
   So a kernel that multiplies by it has no choice to make. Where the slope is kept, h is the slope, and so is this. */
typedef struct {
    vec constant, linear, square, above;
} slope_terms;

INLINE slope_terms slope_of(fastnn_activation activation) {
    slope_terms s = {v_all(0), v_all(0), v_all(0), v_all(-(real)INFINITY)};
    if (fastnn_activations[activation].keeps_slope) {
        s.linear = v_all(1);
        return s;
    }
    switch (activation) {
    case FASTNN_ACTIVATION_identity: s.constant = v_all(1); break;
    case FASTNN_ACTIVATION_logistic: /* (1 - h) h */
        s.linear = v_all(1);
        s.square = v_all(-1);
        break;
    case FASTNN_ACTIVATION_tanh: /* 1 - h^2 */
        s.constant = v_all(1);
        s.square = v_all(-1);
        break;
    case FASTNN_ACTIVATION_relu:
        s.constant = v_all(1);
        s.above = v_all(0);
        break;
    case FASTNN_ACTIVATION_exp: s.linear = v_all(1); break;
    case FASTNN_ACTIVATION_step: break;
    case FASTNN_ACTIVATION_softmax: break; /* its delta comes with the loss */
    }
    return s;
}

INLINE vec v_slope(const slope_terms *s, vec h) {
    return v_mask(v_less(s->above, h), v_fma(v_fma(s->square, h, s->linear), h, s->constant));
}

INLINE void activate_with(const fastnn_activation activation, real parameter, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                          real *h, ptrdiff_t stride, real *slopes) {
    const int keeps = fastnn_activations[activation].keeps_slope && slopes;
    for (ptrdiff_t first = 0; n_rows > 0; n_rows--, first += stride) {
        for (ptrdiff_t i = first; i < first + n_vectors * LANES; i += LANES) {
            vec z = v_load(h + i);
            v_store(h + i, v_activate(activation, parameter, z));
            if (keeps) {
                v_store(slopes + i, v_kept_slope(activation, parameter, z));
            }
        }
    }
}

/* The elementwise activation of h (n_rows, n_vectors), in place; identity and softmax leave it as it is. slopes: OUT,
   likewise, where they are kept and wanted; else NULL. */
static void activate(fastnn_activation activation, real parameter, ptrdiff_t n_rows, ptrdiff_t n_vectors, real *h,
                     ptrdiff_t stride, real *slopes) {
    switch (activation) {
#define CASE(name)                                                                                \
    case FASTNN_ACTIVATION_##name:                                                                \
        activate_with(FASTNN_ACTIVATION_##name, parameter, n_rows, n_vectors, h, stride, slopes); \
        break;
        CASE(logistic)
        CASE(tanh)
        CASE(relu)
        CASE(step)
        CASE(exp)
#undef CASE
    case FASTNN_ACTIVATION_identity:
    case FASTNN_ACTIVATION_softmax: break;
    }
}

/* d (n_vectors) times the slopes of one row, in place. */
static void times_slope_row(const slope_terms *s, ptrdiff_t n_vectors, const real *h, real *d) {
    for (ptrdiff_t i = 0; i < n_vectors * LANES; i += LANES) {
        v_store(d + i, v_load(d + i) * v_slope(s, v_load(h + i)));
    }
}
#endif
