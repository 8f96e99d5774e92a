/* engine.h: what a target offers: one table of functions, under the name that its stub gives it.
   A stub in targets/ defines FASTNN_TARGET_NAME, the width and the dtype, and includes this file. */
#ifndef FASTNN_ENGINE_H
#define FASTNN_ENGINE_H

#include "fastnn.h"              /* fastnn_kernels */
#include "kernels/activations.h" /* activate */
#include "kernels/evaluation.h"  /* engine_loss_and_gradient */
#include "kernels/predict.h"     /* engine_forward */
#include "kernels/training.h"    /* engine_begin, engine_advance, engine_put_state, engine_end */
#include "simd/vector.h"         /* vec, v_load, v_store, v_fma */
#include "simd/vmath.h"          /* v_log */

/* The logarithm of n numbers; exp, logistic and tanh are activations. */
SMALL void engine_log(const void *x, void *out, ptrdiff_t n) {
    real rest[LANES] = {0};
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        size_t left = (size_t)(n - i) * sizeof(real);
        int is_whole = n - i >= LANES;
        const real *from = (const real *)x + i;
        real *to = (real *)out + i;
        if (!is_whole) {
            memcpy(rest, from, left);
        }
        vec log = v_log(v_load(is_whole ? from : rest));
        v_store(is_whole ? to : rest, log);
        if (!is_whole) {
            memcpy(to, rest, left);
        }
    }
}

SMALL void engine_activation(fastnn_activation activation, double parameter, const void *x, void *out, void *slopes,
                             ptrdiff_t n) {
    const real *from = x;
    real *to = out, *of_slopes = slopes, rest[2][LANES] = {{0}};
    ptrdiff_t whole = n / LANES * LANES, left = n - whole;
    memcpy(to, from, (size_t)whole * sizeof(real));
    activate(activation, (real)parameter, 1, whole / LANES, to, 0, of_slopes);
    memcpy(rest[0], from + whole, (size_t)left * sizeof(real));
    activate(activation, (real)parameter, 1, 1, rest[0], 0, slopes ? rest[1] : NULL);
    memcpy(to + whole, rest[0], (size_t)left * sizeof(real));
    if (slopes) {
        memcpy(of_slopes + whole, rest[1], (size_t)left * sizeof(real));
    }
}

SMALL double multiply_adds(ptrdiff_t n) {
    enum { CHAINS = 12 }; /* enough to hide the latency, few enough for the registers */
    vec sum[CHAINS];
    volatile real noise = (real)0.999;
    vec factor = v_all(noise);
    UNROLL for (int c = 0; c < CHAINS; c++) { sum[c] = v_all((real)c); }
    for (ptrdiff_t i = 0; i < n; i++) {
        UNROLL for (int c = 0; c < CHAINS; c++) { sum[c] = v_fma(sum[c], factor, factor); }
    }
    UNROLL for (int c = 1; c < CHAINS; c++) { sum[0] = sum[0] + sum[c]; }
    noise = LANE(sum[0], 0);
    return 2.0 * CHAINS * LANES * (double)n;
}

#define PASTE(a, b, c) a##_##b##_##c
#define TABLE(target, dtype) PASTE(fastnn, target, dtype)
#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#ifdef FASTNN_FLOAT32
#define DTYPE float32
#else
#define DTYPE float64
#endif

const fastnn_kernels TABLE(FASTNN_TARGET_NAME, DTYPE) = {
    .target = STRING(FASTNN_TARGET_NAME),
    .vector_bytes = LANES * REAL_BYTES,
    .run_work_size = run_work_size,
    .begin = engine_begin,
    .advance = engine_advance,
    .put_state = engine_put_state,
    .end = engine_end,
    .gradient_work_size = gradient_work_size,
    .loss_and_gradient = engine_loss_and_gradient,
    .forward_work_size = forward_work_size,
    .forward = engine_forward,
    .log = engine_log,
    .activation = engine_activation,
    .multiply_adds = multiply_adds,
};
#endif
