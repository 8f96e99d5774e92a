/* activations.h: each activation of a vector, its derivative from its output or its input, and both over the rows of a
   block. Softmax and others are not elementwise: they stand in joint.h, beside the losses they belong to.
   Largest errors of those whose slope is kept, in units in the last place, in both dtypes: leaky_relu 0.5, elu 2,
   selu 3.5, gelu 7, silu 4, mish 5, softplus 2.5, hard_sigmoid 2, hard_swish 3, sin 3, softsign 2.5; of their slopes 3
   units of 1; measured by tests/test_vmath.py. At infinity they are their limits, where there is one. */
#ifndef FASTNN_ACTIVATIONS_H
#define FASTNN_ACTIVATIONS_H

#include "fastnn.h"      /* fastnn_activation, fastnn_activations */
#include "simd/vector.h" /* vec, v_load, v_store, v_max, v_min, v_mask, v_select, v_less, v_abs, v_fma */
#include "simd/vmath.h"  /* v_exp, v_logistics, v_tanhs, SIDE_BY_SIDE, v_exp_scaled, v_normal_tail, v_sine, v_log1p */

/* z where z > 0 or NaN, else 0; -0 stays, as in the tiles of dense.h. */
INLINE vec v_relu(vec z) { return v_max(z, v_all(0)); }

INLINE vec v_step(vec z) { return v_mask(v_at_least(z, v_all(0)), v_all(1)); }

/* The activations whose slope is kept, each with it in one pass, which shares what is dear: an exponential, a division.
   Where the slope is not wanted, the compiler leaves out what is for it alone. */

typedef struct {
    vec h, slope;
} with_slope;

INLINE vec v_within(vec z, real bound) { return v_min(v_max(z, v_all(-bound)), v_all(bound)); }

INLINE with_slope v_leaky_relu(real negative_slope, vec z) {
    vec a = v_all(negative_slope);
    return (with_slope){v_select(v_less(z, v_all(0)), a * z, z), v_select(v_less(v_all(0), z), v_all(1), a)};
}

/* scale z above 0, below it lower (e^z - 1). */
INLINE with_slope v_exponential_unit(real scale, real lower, vec z) {
    vec power, below = v_all(lower) * v_expm1_of_negative(v_min(z, v_all(0)), &power);
    return (with_slope){v_select(v_less(z, v_all(0)), below, v_all(scale) * z),
                        v_select(v_less(v_all(0), z), v_all(scale), v_all(lower) * power)};
}

#define SELU_SCALE ((real)1.0507009873554805)
#define SELU_LOWER \
    ((real)1.7580993408473766) /* scale times alpha, of Klambauer, Unterthiner, Mayr and Hochreiter, 2017 */

/* z P(X < z), X standard normal. P above 0 is 1 - P(X < -z), of which little is lost; below it is the tail itself. */
INLINE with_slope v_gelu(vec z) {
    vec scaled, bounded = v_within(z, NORMAL_HIGHEST), share = v_normal_tail(v_abs(bounded), &scaled);
    vec density = scaled * v_all(SCALED_BACK), tail = share * density; /* the density times sqrt(2 pi) */
    words negative = v_less(z, v_all(0));
    vec p = v_select(negative, tail, v_all(1) - tail);
    return (with_slope){v_select(negative, bounded * share * scaled * v_all(SCALED_BACK), z * p),
                        v_fma(bounded * density, v_all((real)0.3989422804014327), p)};
}

/* z logistic(z), whose slope is p (1 + z (1 - p)), p the logistic of z. */
INLINE with_slope v_silu(vec z) {
    vec bounded = v_within(z, -SCALED_LOWEST), scaled = v_exp_scaled(-v_abs(bounded));
    vec power = scaled * v_all(SCALED_BACK), larger = v_all(1) / (v_all(1) + power), smaller = power * larger;
    words negative = v_less(z, v_all(0));
    vec p = v_select(negative, smaller, larger), rest = v_select(negative, larger, smaller);
    return (with_slope){v_select(negative, bounded * larger * scaled * v_all(SCALED_BACK), z * larger),
                        p * v_fma(bounded, rest, v_all(1))};
}

/* z tanh(log(1 + e^z)): with p = e^-|z| the tanh is n / d, n = p (p + 2) and d = n + 2 below 0, n = 1 + 2 p and
   d = n + 2 p^2 above, and its slope 4 (1 + p) (p or p^2) / d^2. */
INLINE with_slope v_mish(vec z) {
    vec bounded = v_within(z, -SCALED_LOWEST), scaled = v_exp_scaled(-v_abs(bounded));
    vec power = scaled * v_all(SCALED_BACK), square = power * power, twice = v_all(2) + power;
    words negative = v_less(z, v_all(0));
    vec above = v_all(1) + power + power, below = power * twice;
    vec share = v_all(1) / v_select(negative, below + v_all(2), above + square + square);
    vec h = v_select(negative, bounded * twice * share * scaled * v_all(SCALED_BACK), z * (above * share));
    vec rises = v_all(4) * (v_all(1) + power) * v_select(negative, power, square) * share * share;
    return (with_slope){h, v_fma(bounded, rises, v_select(negative, below, above) * share)};
}

/* log(1 + e^z), whose slope is the logistic. */
INLINE with_slope v_softplus(vec z) {
    vec power = v_exp_of_negative(-v_abs(z));
    return (with_slope){v_max(z, v_all(0)) + v_log1p(power),
                        v_select(v_less(z, v_all(0)), power, v_all(1)) / (v_all(1) + power)};
}

/* z / 6 + 1/2 from 0 to 1; z + 3 is exact where it is small. */
INLINE with_slope v_hard_sigmoid(vec z) {
    vec sixth = v_all((real)(1.0 / 6));
    return (with_slope){v_min(v_max(z + v_all(3), v_all(0)), v_all(6)) * sixth,
                        v_mask(v_less(v_abs(z), v_all(3)), sixth)};
}

/* z times that. */
INLINE with_slope v_hard_swish(vec z) {
    vec within = v_fma(z, v_all((real)(1.0 / 3)), v_all((real)0.5)), beyond = v_mask(v_less(v_all(0), z), v_all(1));
    return (with_slope){v_max(z, v_all(-3)) * v_hard_sigmoid(z).h,
                        v_select(v_less(v_abs(z), v_all(3)), within, beyond)};
}

INLINE with_slope v_sin(vec z) {
    with_slope both;
    both.h = v_sine(z, &both.slope);
    return both;
}

/* z / (1 + |z|), whose slope is 1 / (1 + |z|)^2. */
INLINE with_slope v_softsign(vec z) {
    vec size = v_min(v_abs(z), v_all((real)0x1p100)), share = v_all(1) / (v_all(1) + size);
    return (with_slope){v_from_bits(v_bits(size * share) | (v_bits(z) & SIGN_BIT)), share * share};
}

/* An activation whose slope is kept, with its parameter if it has one, and the slope; where the name is a constant, so
   is the choice. */
INLINE with_slope v_with_slope(fastnn_activation activation, real parameter, vec z) {
    switch (activation) {
    case FASTNN_ACTIVATION_leaky_relu: return v_leaky_relu(parameter, z);
    case FASTNN_ACTIVATION_elu: return v_exponential_unit(1, parameter, z);
    case FASTNN_ACTIVATION_selu: return v_exponential_unit(SELU_SCALE, SELU_LOWER, z);
    case FASTNN_ACTIVATION_gelu: return v_gelu(z);
    case FASTNN_ACTIVATION_silu: return v_silu(z);
    case FASTNN_ACTIVATION_mish: return v_mish(z);
    case FASTNN_ACTIVATION_softplus: return v_softplus(z);
    case FASTNN_ACTIVATION_hard_sigmoid: return v_hard_sigmoid(z);
    case FASTNN_ACTIVATION_hard_swish: return v_hard_swish(z);
    case FASTNN_ACTIVATION_sin: return v_sin(z);
    case FASTNN_ACTIVATION_softsign: return v_softsign(z);
    case FASTNN_ACTIVATION_identity:
    case FASTNN_ACTIVATION_logistic:
    case FASTNN_ACTIVATION_tanh:
    case FASTNN_ACTIVATION_relu:
    case FASTNN_ACTIVATION_step:
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_mean_variance:
    case FASTNN_ACTIVATION_increasing:
    case FASTNN_ACTIVATION_exp: break; /* it is not: slope_of */
    }
    return (with_slope){v_all(NAN), v_all(NAN)};
}

/* Whether an activation is of all outputs together. */
INLINE int is_joint(fastnn_activation activation) {
    return activation == FASTNN_ACTIVATION_softmax || activation == FASTNN_ACTIVATION_mean_variance ||
           activation == FASTNN_ACTIVATION_increasing;
}

/* Any elementwise activation. */
INLINE vec v_activate(fastnn_activation activation, real parameter, vec z) {
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return v_logistic(z);
    case FASTNN_ACTIVATION_tanh: return v_tanh(z);
    case FASTNN_ACTIVATION_relu: return v_relu(z);
    case FASTNN_ACTIVATION_step: return v_step(z);
    case FASTNN_ACTIVATION_exp: return v_exp(z);
    case FASTNN_ACTIVATION_identity: return z;
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_mean_variance:
    case FASTNN_ACTIVATION_increasing: break; /* of all outputs together: joint.h */
    case FASTNN_ACTIVATION_leaky_relu:
    case FASTNN_ACTIVATION_elu:
    case FASTNN_ACTIVATION_selu:
    case FASTNN_ACTIVATION_gelu:
    case FASTNN_ACTIVATION_silu:
    case FASTNN_ACTIVATION_mish:
    case FASTNN_ACTIVATION_softplus:
    case FASTNN_ACTIVATION_hard_sigmoid:
    case FASTNN_ACTIVATION_hard_swish:
    case FASTNN_ACTIVATION_sin:
    case FASTNN_ACTIVATION_softsign: return v_with_slope(activation, parameter, z).h;
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
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_mean_variance:
    case FASTNN_ACTIVATION_increasing: break; /* its delta comes with the loss */
    case FASTNN_ACTIVATION_leaky_relu:
    case FASTNN_ACTIVATION_elu:
    case FASTNN_ACTIVATION_selu:
    case FASTNN_ACTIVATION_gelu:
    case FASTNN_ACTIVATION_silu:
    case FASTNN_ACTIVATION_mish:
    case FASTNN_ACTIVATION_softplus:
    case FASTNN_ACTIVATION_hard_sigmoid:
    case FASTNN_ACTIVATION_hard_swish:
    case FASTNN_ACTIVATION_sin:
    case FASTNN_ACTIVATION_softsign: break; /* see above */
    }
    return s;
}

INLINE vec v_slope(const slope_terms *s, vec h) {
    return v_mask(v_less(s->above, h), v_fma(v_fma(s->square, h, s->linear), h, s->constant));
}

/* Whether several vectors of an activation are evaluated side by side. */
INLINE int has_groups(fastnn_activation activation) {
    return activation == FASTNN_ACTIVATION_logistic || activation == FASTNN_ACTIVATION_tanh;
}

/* The first vectors of a row of such an activation, as many as make whole groups; returns how many numbers they are. */
INLINE ptrdiff_t activate_groups(const fastnn_activation activation, ptrdiff_t n_vectors, real *h) {
    ptrdiff_t i = 0, end = has_groups(activation) ? n_vectors / SIDE_BY_SIDE * SIDE_BY_SIDE * LANES : 0;
    for (; i < end; i += SIDE_BY_SIDE * LANES) {
        vec z[SIDE_BY_SIDE];
        UNROLL for (int k = 0; k < SIDE_BY_SIDE; k++) { z[k] = v_load(h + i + k * LANES); }
        if (activation == FASTNN_ACTIVATION_logistic) {
            v_logistics(SIDE_BY_SIDE, z);
        } else {
            v_tanhs(SIDE_BY_SIDE, z);
        }
        UNROLL for (int k = 0; k < SIDE_BY_SIDE; k++) { v_store(h + i + k * LANES, z[k]); }
    }
    return i;
}

INLINE void activate_with(const fastnn_activation activation, real parameter, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                          real *h, ptrdiff_t stride, real *slopes) {
    for (ptrdiff_t first = 0; n_rows > 0; n_rows--, first += stride) {
        ptrdiff_t i = first + activate_groups(activation, n_vectors, h + first);
        for (; i < first + n_vectors * LANES; i += LANES) {
            vec z = v_load(h + i);
            if (fastnn_activations[activation].keeps_slope) {
                with_slope both = v_with_slope(activation, parameter, z);
                v_store(h + i, both.h);
                if (slopes) { /* else nobody waits for it: the compiler computes in here what is for it alone */
                    v_store(slopes + i, both.slope);
                }
            } else {
                v_store(h + i, v_activate(activation, parameter, z));
            }
        }
    }
}

#define CASE(name)                                                                                \
    case FASTNN_ACTIVATION_##name:                                                                \
        activate_with(FASTNN_ACTIVATION_##name, parameter, n_rows, n_vectors, h, stride, slopes); \
        break;

/* Those whose slope is kept: beside them, the others would save registers that they do not use. */
OUTLINE void activate_keeping(fastnn_activation activation, real parameter, ptrdiff_t n_rows, ptrdiff_t n_vectors,
                              real *h, ptrdiff_t stride, real *slopes) {
    switch (activation) {
        CASE(leaky_relu)
        CASE(elu)
        CASE(selu)
        CASE(gelu)
        CASE(silu)
        CASE(mish)
        CASE(softplus)
        CASE(hard_sigmoid)
        CASE(hard_swish)
        CASE(sin)
        CASE(softsign)
    default: break;
    }
}

/* The elementwise activation of h (n_rows, n_vectors), in place; identity and what is joint leave it as it is. slopes:
   OUT, likewise, where they are kept and wanted; else NULL. */
static void activate(fastnn_activation activation, real parameter, ptrdiff_t n_rows, ptrdiff_t n_vectors, real *h,
                     ptrdiff_t stride, real *slopes) {
    if (stride == n_vectors * LANES) { /* rows without gaps are one */
        n_vectors *= n_rows;
        n_rows = 1;
    }
    switch (activation) {
        CASE(logistic)
        CASE(tanh)
        CASE(relu)
        CASE(step)
        CASE(exp)
    default: activate_keeping(activation, parameter, n_rows, n_vectors, h, stride, slopes);
    }
}
#undef CASE

/* d (n_vectors) times the slopes of one row, in place. */
static void times_slope_row(const slope_terms *terms, ptrdiff_t n_vectors, const real *h, real *d) {
    slope_terms s = *terms; /* which what is written to d cannot change */
    for (ptrdiff_t i = 0; i < n_vectors * LANES; i += LANES) {
        v_store(d + i, v_load(d + i) * v_slope(&s, v_load(h + i)));
    }
}
#endif
