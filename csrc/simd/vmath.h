/* vmath.h: exp, log, log1p, logistic and tanh of a vector, branch-free: each lane's bits depend on its number alone.
   Largest errors in units in the last place, in both dtypes: exp 1.5, log 1,
   logistic 2.5, tanh 3; measured by tests/test_vmath.py, in float32 over all 2^32 numbers where it is asked to. ±0,
   ±inf, NaN and subnormals are right. The bounds of what is made of the others, e^x - 1, the
   normal distribution's tail, sine and cosine, stand with the activations, in activations.h.

   The methods are the textbook ones: exp and tanh reduce by multiples of log 2, log by the exponent and
   log(1 + f) = 2 artanh(f / (2 + f)). The polynomials are Chebyshev fits on the reduced ranges; one term more than
   the error asks for would cost and change nothing. */
#ifndef FASTNN_VMATH_H
#define FASTNN_VMATH_H

#include "simd/vector.h" /* vec, words, v_fma, v_select, v_bits, w_shift_left */

#ifdef FASTNN_FLOAT32
#define SCALE_BITS 64 /* of e^x that is to stay a normal number: see v_exp_scaled */
#define SCALED_LOWEST -110.0f
#define SCALED_BACK 0x1p-64f
#define EXPM1_LOWEST -87.0f    /* e^x is normal to here, and e^x - 1 has rounded to -1 long before */
#define NORMAL_HIGHEST 14.75f  /* beyond it even this number times the normal tail is 0 */
#define SINE_HIGHEST 1500.0f   /* from here on sine and cosine are those of the C library */
#define UPPER_HALF 0xfffff000u /* the bits of a number whose square is exact */
#define EXP_LOWEST -104.0f     /* exp is 0 from here down */
#define EXP_HIGHEST 89.0f      /* exp is inf from here up */
#define TANH_LOWEST -40.0f     /* of -2|x|: tanh rounds to 1 long before */
#define ROUNDER 0x1.8p23f      /* adding and taking it away again rounds to an integer */
#define LN2_HIGH 0x1.62e4p-1f  /* few enough bits that its product with an exponent is exact */
#define LN2_LOW 0x1.7f7d1cp-20f
#define LOG2_E 0x1.715476p0f
#define SQRT_HALF 0x1.6a09e6p-1f
#define SMALLEST_NORMAL 0x1p-126f
#define LAST_BITS 0x1p-24f /* 2^-(MANTISSA_BITS + 1) */
#else
#define SCALE_BITS 100
#define SCALED_LOWEST -755.0
#define SCALED_BACK 0x1p-100
#define EXPM1_LOWEST -708.0
#define NORMAL_HIGHEST 38.75
#define SINE_HIGHEST 1e5
#define UPPER_HALF 0xfffffffff8000000u
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

/* Vectors whose polynomials are evaluated together: each is a chain that waits for itself, and a core looks ahead no
   further than three or four of them. docs/decisions/0017 has what was measured. */
enum { SIDE_BY_SIDE = 6 };

/* (e^r - 1 - r) / r^2 of n vectors side by side, for |r| <= log(2) / 2, which are only read. (Of a `const` r GCC for
   AArch64 sees an n of 0, and warns that nobody has set it.) */
INLINE void exp_tails(const int n, vec *r, vec *tail) {
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
    enum { TERMS = sizeof term / sizeof *term };
    UNROLL for (int k = 0; k < n; k++) { tail[k] = v_all(term[TERMS - 1]); }
    UNROLL for (int i = TERMS - 2; i >= 0; i--) {
        UNROLL for (int k = 0; k < n; k++) { tail[k] = v_fma(tail[k], r[k], v_all(term[i])); }
    }
}

INLINE vec exp_tail(vec r) {
    vec tail;
    exp_tails(1, &r, &tail);
    return tail;
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

/* e^x of n vectors, in place, for x <= 0, or NaN: one factor fewer, since the multiple of log 2 is at most 0. Of a
   positive x it is wrong. n at most SIDE_BY_SIDE. */
INLINE void v_exps_of_negative(const int n, vec *x) {
    vec r[SIDE_BY_SIDE], tail[SIDE_BY_SIDE], multiple;
    words shifted[SIDE_BY_SIDE];
    enum { OFFSET = EXPONENT_BIAS + MANTISSA_BITS + 1 };
    UNROLL for (int k = 0; k < n; k++) {
        r[k] = reduce(v_max(x[k], v_all(EXP_LOWEST)), OFFSET, &multiple, &shifted[k]);
    }
    exp_tails(n, r, tail);
    UNROLL for (int k = 0; k < n; k++) {
        vec power = v_fma(r[k] * r[k], tail[k], r[k]) + v_all(1);
        x[k] = power * power_of_two(shifted[k]) * v_all(LAST_BITS);
    }
}

INLINE vec v_exp_of_negative(vec x) {
    v_exps_of_negative(1, &x);
    return x;
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

/* The same as functions that are called, where a call is nothing beside what is around it: a copy in each of the losses
   took 10 KB of the wheel. */
OUTLINE vec exp_of_negative(vec x) { return v_exp_of_negative(x); }
OUTLINE vec log_of(vec x) { return v_log(x); }
OUTLINE vec log1p_of(vec t) { return v_log1p(t); }

/* The logistic of n vectors, in place; n at most SIDE_BY_SIDE. */
INLINE void v_logistics(const int n, vec *x) {
    vec power[SIDE_BY_SIDE];
    UNROLL for (int k = 0; k < n; k++) { power[k] = -v_abs(x[k]); }
    v_exps_of_negative(n, power);
    UNROLL for (int k = 0; k < n; k++) {
        x[k] = v_select(v_less(x[k], v_all(0)), power[k], v_all(1)) / (v_all(1) + power[k]);
    }
}

INLINE vec v_logistic(vec x) {
    v_logistics(1, &x);
    return x;
}

/* Likewise tanh |x| = m / (2 - m) with m = 1 - e^y, y = -2|x|, free of cancellation near 0. */
INLINE void v_tanhs(const int n, vec *x) {
    vec r[SIDE_BY_SIDE], tail[SIDE_BY_SIDE], multiple;
    words shifted[SIDE_BY_SIDE];
    UNROLL for (int k = 0; k < n; k++) {
        r[k] = reduce(v_max(v_all(-2) * v_abs(x[k]), v_all(TANH_LOWEST)), EXPONENT_BIAS, &multiple, &shifted[k]);
    }
    exp_tails(n, r, tail);
    UNROLL for (int k = 0; k < n; k++) {
        vec power = power_of_two(shifted[k]);
        vec m = v_fma(-power, v_fma(r[k] * r[k], tail[k], r[k]), v_all(1) - power);
        x[k] = v_from_bits(v_bits(m / (v_all(2) - m)) | (v_bits(x[k]) & SIGN_BIT));
    }
}

INLINE vec v_tanh(vec x) {
    v_tanhs(1, &x);
    return x;
}

/* e^x 2^SCALE_BITS for SCALED_LOWEST <= x <= 0, of lower x as of that: so what is still to be multiplied by a number
   beyond 1 keeps its digits where e^x by itself has few. Times SCALED_BACK it is e^x. */
INLINE vec v_exp_scaled(vec x) {
    vec n;
    words shifted;
    vec r = reduce(v_max(x, v_all(SCALED_LOWEST)), EXPONENT_BIAS + SCALE_BITS, &n, &shifted);
    return (v_fma(r * r, exp_tail(r), r) + v_all(1)) * power_of_two(shifted);
}

/* e^x - 1 for x <= 0, free of cancellation near 0, and e^x in `power`. */
INLINE vec v_expm1_of_negative(vec x, vec *power) {
    vec n;
    words shifted;
    vec r = reduce(v_max(x, v_all(EXPM1_LOWEST)), EXPONENT_BIAS, &n, &shifted);
    vec scale = power_of_two(shifted), part = v_fma(r * r, exp_tail(r), r);
    *power = v_mask(~v_less(x, v_all(EXPM1_LOWEST)), v_fma(scale, part, scale));
    return v_fma(scale, part, scale - v_all(1));
}

/* The standard normal distribution at -a, for 0 <= a <= NORMAL_HIGHEST: returns P(X < -a) / e^(-a^2 / 2), which is
   1 / (a + 4) times a polynomial in (a - 4) / (a + 4), where the rounding of the quotient all but cancels, and in
   `scaled` the power, as of v_exp_scaled. The square is taken in two parts, as its rounding would be multiplied by a^2.
 */
INLINE vec v_normal_tail(vec a, vec *scaled) {
#ifdef FASTNN_FLOAT32
    static const real term[] = {0.755285144f,    -0.607896626f,   0.387136668f,   -0.186523154f,   0.0604063347f,
                                -0.00752628036f, -0.00352227013f, 0.00156803255f, 0.000191822488f, -0.000124297294f};
#else
    static const real term[] = {
        0.7552851304157515,     -0.6078966419718917,     0.38713740074221875,    -0.1865218579596943,
        0.06039657489070528,    -0.007540188965586067,   -0.0034796923623551176, 0.0016308184417546862,
        0.00013334425511490728, -0.00023109481693212562, -1.9078725674256e-06,   3.514417290569839e-05,
        7.150253136995719e-07,  -5.91886274353252e-06,   -6.251699257410369e-07, 1.0197374264673777e-06,
        2.6372073183413765e-07, -1.5417176920524172e-07, -7.639152713825614e-08, 1.4510115593787822e-08,
        1.3911162304744424e-08, 9.443374759528878e-11,   -9.566036775699095e-10};
#endif
    vec share = v_all(1) / (a + v_all(4)), q = (a - v_all(4)) * share;
    int terms = sizeof term / sizeof *term;
    vec sum = v_all(term[terms - 1]);
    UNROLL for (int i = terms - 2; i >= 0; i--) { sum = v_fma(sum, q, v_all(term[i])); }

    vec upper = v_from_bits(v_bits(a) & w_all((word)UPPER_HALF)), n;
    vec half_square = v_all((real)-0.5) * upper * upper, rest = v_all((real)-0.5) * (a - upper) * (a + upper);
    words shifted;
    reduce(half_square + rest, EXPONENT_BIAS + SCALE_BITS, &n, &shifted);
    vec r = v_fma(n, v_all(-LN2_LOW), v_fma(n, v_all(-LN2_HIGH), half_square) + rest);
    *scaled = (v_fma(r * r, exp_tail(r), r) + v_all(1)) * power_of_two(shifted);
    return share * sum;
}

/* Sine and cosine by the C library, lane by lane. */
typedef struct {
    vec sine, cosine;
} sine_pair;

OUTLINE sine_pair sines_one_by_one(vec x) {
    sine_pair both = {x, x};
    ROLLED for (int i = 0; i < LANES; i++) {
        LANE(both.sine, i) = SCALAR(sin)(LANE(x, i));
        LANE(both.cosine, i) = SCALAR(cos)(LANE(x, i));
    }
    return both;
}

/* The polynomials of sine and cosine up to a quarter of pi. */
#ifdef FASTNN_FLOAT32
enum { SINE_TERMS = 3 };
static const real OF_SINE[] = {-0.166666642f, 0.00833273679f, -0.000195853732f};
static const real OF_COSINE[] = {0.0416666642f, -0.00138882909f, 2.45454194e-05f};
#else
enum { SINE_TERMS = 6 };
static const real OF_SINE[] = {-0.16666666666666666,  0.008333333333330827,    -0.0001984126983657571,
                               2.755731600817155e-06, -2.5051112272573243e-08, 1.5916726193889336e-10};
static const real OF_COSINE[] = {0.041666666666666664,   -0.0013888888888887322, 2.4801587298651292e-05,
                                 -2.755731721268659e-07, 2.0876134024090145e-09, -1.1381754653662937e-11};
#endif

/* The sine of x, and the cosine. |x| = n pi/2 + r by Cody and Waite, who take pi/2 in parts of so few bits that n times
   each is exact. That ends where n has more bits than they leave, at SINE_HIGHEST: larger numbers are taken one by one,
   in as many bits of pi as they need. A network that comes there has lost its way. */
INLINE vec v_sine(vec x, vec *cosine) {
#ifdef FASTNN_FLOAT32
    static const real part[] = {0x1.9218p0f, 0x1.ed5p-14f, 0x1.10bp-30f, 0x1.184698p-44f};
#else
    static const real part[] = {0x1.921fb54440000p+0, 0x1.68c234c4c0000p-39, 0x1.98a2e03707345p-77};
#endif
    vec r = v_abs(x), sum = v_fma(r, v_all((real)0.63661977236758134), v_all(ROUNDER));
    words n = v_bits(sum), odd = w_all(0) - (n & w_all(1)), huge = v_less(v_all(SINE_HIGHEST), r);
    vec times = sum - v_all(ROUNDER);
    UNROLL for (int i = 0; i < (int)(sizeof part / sizeof *part); i++) { r = v_fma(times, v_all(-part[i]), r); }

    vec z = r * r, s = v_all(OF_SINE[SINE_TERMS - 1]), c = v_all(OF_COSINE[SINE_TERMS - 1]);
    UNROLL for (int i = SINE_TERMS - 2; i >= 0; i--) {
        s = v_fma(s, z, v_all(OF_SINE[i]));
        c = v_fma(c, z, v_all(OF_COSINE[i]));
    }
    s = v_fma(r * z, s, r);
    c = v_fma(z * z, c, v_fma(v_all((real)-0.5), z, v_all(1)));
    enum { TO_SIGN = 8 * sizeof(real) - 2 }; /* from the second of the last bits */
    words turned = w_shift_left(n & w_all(2), TO_SIGN), next = w_shift_left(w_add(n, w_all(1)) & w_all(2), TO_SIGN);
    vec sine = v_from_bits(v_bits(v_select(odd, c, s)) ^ turned ^ (v_bits(x) & SIGN_BIT));
    *cosine = v_from_bits(v_bits(v_select(odd, s, c)) ^ next);
    if (w_any(huge)) {
        sine_pair exact = sines_one_by_one(x);
        sine = v_select(huge, exact.sine, sine);
        *cosine = v_select(huge, exact.cosine, *cosine);
    }
    return sine;
}

/* The sine of numbers that are no more than some turns away from 0, and their cosine: by the same polynomials, of a
   quarter of what is left of whole turns, whose angle is doubled twice. Within 6 units in the last place of 1, and
   |x| / 4 more where v_fma rounds twice; far beyond (float32: 1e7) they are no longer waves. */
INLINE vec v_wave(vec x, vec *cosine) {
#ifdef FASTNN_FLOAT32
    static const real turn[] = {0x1.921fb6p2f, -0x1.777a5cp-23f};
#else
    static const real turn[] = {0x1.921fb54442d18p2, 0x1.1a62633145c07p-52};
#endif
    vec turns = v_fma(x, v_all((real)0.15915494309189535), v_all(ROUNDER)) - v_all(ROUNDER);
    vec r = v_all((real)0.25) * v_fma(turns, v_all(-turn[1]), v_fma(turns, v_all(-turn[0]), x)), z = r * r;
    vec s = v_all(OF_SINE[SINE_TERMS - 1]), c = v_all(OF_COSINE[SINE_TERMS - 1]);
    UNROLL for (int i = SINE_TERMS - 2; i >= 0; i--) {
        s = v_fma(s, z, v_all(OF_SINE[i]));
        c = v_fma(c, z, v_all(OF_COSINE[i]));
    }
    s = v_fma(r * z, s, r);
    c = v_fma(z * z, c, v_fma(v_all((real)-0.5), z, v_all(1)));
    UNROLL for (int i = 0; i < 2; i++) {
        vec twice = s + s;
        vec doubled = v_fma(-twice, s, v_all(1));
        s = twice * c;
        c = doubled;
    }
    *cosine = c;
    return s;
}
#endif
