/* vmath.h: exp, log, log1p, logistic and tanh of a vector, branch-free: each lane's bits depend on its number alone.
   Largest errors in units in the last place, in both dtypes: exp 1.5, log 1,
   logistic 2.5, tanh 3; measured by tests/test_vmath.py, in float32 over all 2^32 numbers where it is asked to. ±0,
   ±inf, NaN and subnormals are right.

   The methods are the textbook ones: exp and tanh reduce by multiples of log 2, log by the exponent and
   log(1 + f) = 2 artanh(f / (2 + f)). The polynomials are Chebyshev fits on the reduced ranges; one term more than
   the error asks for would cost and change nothing. */
#ifndef FASTNN_VMATH_H
#define FASTNN_VMATH_H

#include "simd/vector.h" /* vec, words, v_fma, v_select, v_bits, w_shift_left */

#ifdef FASTNN_FLOAT32
#define EXP_LOWEST -104.0f    /* exp is 0 from here down */
#define EXP_HIGHEST 89.0f     /* exp is inf from here up */
#define TANH_LOWEST -40.0f    /* of -2|x|: tanh rounds to 1 long before */
#define ROUNDER 0x1.8p23f     /* adding and taking it away again rounds to an integer */
#define LN2_HIGH 0x1.62e4p-1f /* few enough bits that its product with an exponent is exact */
#define LN2_LOW 0x1.7f7d1cp-20f
#define LOG2_E 0x1.715476p0f
#define SQRT_HALF 0x1.6a09e6p-1f
#define SMALLEST_NORMAL 0x1p-126f
#define LAST_BITS 0x1p-24f /* 2^-(MANTISSA_BITS + 1) */
#else
#define EXP_LOWEST -746.0
#define EXP_HIGHEST 710.0
#define TANH_LOWEST -80.0
#define ROUNDER 0x1.8p52
#define LN2_HIGH 0x1.62e42feep-1
#define LN2_LOW 0x1.a39ef35793c76p-33
#define LOG2_E 0x1.71547652b82fep0
#define SQRT_HALF 0x1.6a09e667f3bcdp-1
#define SMALLEST_NORMAL 0x1p-1022
#define LAST_BITS 0x1p-53
#endif

/* (e^r - 1 - r) / r^2 for |r| <= log(2) / 2. */
INLINE vec exp_tail(vec r) {
#ifdef FASTNN_FLOAT32
    static const real term[] = {0.5f, 0.16666577f, 0.0416665546f, 0.00836317905f, 0.00139261836f};
#else
    static const real term[] = {0.5,
                                0.16666666666666667,
                                0.041666666666624128,
                                0.0083333333333300618,
                                0.0013888888917213717,
                                0.00019841269863053617,
                                2.4801521295954375e-5,
                                2.7557268459997065e-6,
                                2.7620088445409748e-7,
                                2.5100385495510319e-8};
#endif
    int n = sizeof term / sizeof *term;
    vec sum = v_all(term[n - 1]);
    UNROLL for (int i = n - 2; i >= 0; i--) { sum = v_fma(sum, r, v_all(term[i])); }
    return sum;
}

/* x = n log 2 + r, |r| <= log(2) / 2: returns r, and n as a real; the last bits of `shifted` are the integer
   n + offset. */
INLINE vec reduce(vec x, int offset, vec *n, words *shifted) {
    vec rounder = v_all(ROUNDER + (real)offset), sum = v_fma(x, v_all(LOG2_E), rounder);
    *shifted = v_bits(sum);
    *n = sum - rounder;
    return v_fma(*n, v_all(-LN2_LOW), v_fma(*n, v_all(-LN2_HIGH), x));
}

/* 2^n from an integer whose last bits are n + EXPONENT_BIAS, n in the range of normal exponents. */
INLINE vec power_of_two(words biased) { return v_from_bits(w_shift_left(biased, MANTISSA_BITS)); }

INLINE vec v_exp(vec x) {
    vec n;
    words shifted;
    x = v_min(v_max(x, v_all(EXP_LOWEST)), v_all(EXP_HIGHEST));
    vec r = reduce(x, 2 * EXPONENT_BIAS, &n, &shifted);
    vec power = v_fma(r * r, exp_tail(r), r) + v_all(1);
    /* 2^n in two factors: n may lie outside of the normal exponents. */
    words half = v_bits(v_fma(n, v_all((real)0.5), v_all(ROUNDER + EXPONENT_BIAS)));
    return power * power_of_two(half) * power_of_two(shifted - half);
}

/* e^x for x <= 0, or NaN: one factor fewer, since n is at most 0. Of a positive x it is wrong. */
INLINE vec v_exp_of_negative(vec x) {
    vec n;
    words shifted;
    vec r = reduce(v_max(x, v_all(EXP_LOWEST)), EXPONENT_BIAS + MANTISSA_BITS + 1, &n, &shifted);
    vec power = v_fma(r * r, exp_tail(r), r) + v_all(1);
    return power * power_of_two(shifted) * v_all(LAST_BITS);
}

/* log(x) = e log 2 + log(1 + f) with 1 + f in [sqrt(1/2), sqrt(2)). */
INLINE vec v_log(vec x) {
#ifdef FASTNN_FLOAT32
    static const real term[] = {0.666666666f, 0.400001219f, 0.285508169f, 0.233305743f};
#else
    static const real term[] = {0.66666666666666697, 0.39999999999899447, 0.28571428626001426, 0.22222211130560726,
                                0.18182889433757516, 0.15331711346672996, 0.14616576421644386};
#endif
    words tiny = v_less(x, v_all(SMALLEST_NORMAL));
    vec scaled = v_select(tiny, x * v_all((real)((uword)1 << (MANTISSA_BITS + 1))), x);
    words bits = w_add(v_bits(scaled), v_bits(v_all(1)) - v_bits(v_all(SQRT_HALF)));
    words mantissa = bits & w_all(((word)1 << MANTISSA_BITS) - 1);
    vec f = v_from_bits(mantissa + v_bits(v_all(SQRT_HALF))) - v_all(1);
    /* The biased exponent becomes a real by standing in the last bits of 2^MANTISSA_BITS. */
    vec integer = v_all((real)((uword)1 << MANTISSA_BITS));
    vec e = v_from_bits(w_shift_right(bits, MANTISSA_BITS) | v_bits(integer)) - (integer + v_all(EXPONENT_BIAS));
    e = e - v_mask(tiny, v_all(MANTISSA_BITS + 1));

    vec s = f / (v_all(2) + f), z = s * s;
    int n = sizeof term / sizeof *term;
    vec sum = v_all(term[n - 1]);
    UNROLL for (int i = n - 2; i >= 0; i--) { sum = v_fma(sum, z, v_all(term[i])); }
    vec half_square = v_all((real)0.5) * f * f;
    vec correction = v_fma(s, v_fma(z, sum, half_square), e * v_all(LN2_LOW));
    vec result = v_fma(e, v_all(LN2_HIGH), f - (half_square - correction));

    result = v_select(v_equal(x, v_all((real)INFINITY)), x, result);
    result = v_select(v_equal(x, v_all(0)), v_all(-(real)INFINITY), result);
    return v_select(v_at_least(x, v_all(0)), result, v_all((real)NAN));
}

/* log(1 + t) for t in [0, 1]: what rounding 1 + t loses is put back. */
INLINE vec v_log1p(vec t) {
    vec u = v_all(1) + t;
    return v_log(u) + (t - (u - v_all(1))) / u;
}

INLINE vec v_logistic(vec x) {
    vec power = v_exp_of_negative(-v_abs(x));
    return v_select(v_less(x, v_all(0)), power, v_all(1)) / (v_all(1) + power);
}

/* tanh |x| = m / (2 - m) with m = 1 - e^y, y = -2|x|, free of cancellation near 0. */
INLINE vec v_tanh(vec x) {
    vec n;
    words shifted;
    vec y = v_max(v_all(-2) * v_abs(x), v_all(TANH_LOWEST));
    vec r = reduce(y, EXPONENT_BIAS, &n, &shifted);
    vec power = power_of_two(shifted);
    vec m = v_fma(-power, v_fma(r * r, exp_tail(r), r), v_all(1) - power);
    return v_from_bits(v_bits(m / (v_all(2) - m)) | (v_bits(x) & SIGN_BIT));
}
#endif
