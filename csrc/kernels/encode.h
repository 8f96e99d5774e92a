/* encode.h: an encoder, the first layer of a network whose inputs are raw columns: each becomes some numbers by itself,
   and each of these has a factor that is learned.
   plain       x
   periodic    x, and b + W c of c = cos(w x + p): frequencies w (n,), phases p (n,), W (width, n), b (width,)
   one_hot     1 at the place of a code 1 ... n, 0 elsewhere; of code 0, which is missing, zeros
   embedding   the row of a code 0 ... n in a table (n + 1, width)
   A column is done for all rows of a chunk, LANES of them side by side where there is much to compute; of a row alone
   LANES frequencies are, in the same bits. Sums over rows go by lanes, group after group. */
#ifndef FASTNN_ENCODE_H
#define FASTNN_ENCODE_H

#include <string.h>

#include "fastnn.h"         /* fastnn_layer, fastnn_encoding */
#include "kernels/layout.h" /* own_numbers, packed_numbers */
#include "kernels/row.h"    /* matrix_vector */
#include "simd/transpose.h" /* v_transpose */
#include "simd/vector.h"    /* vec, LANES, v_load, v_store, v_all, v_fma, v_mask, v_first */
#include "simd/vmath.h"     /* v_wave */

/* The most that a column may have; the binding looks. */
enum { MOST_FREQUENCIES = 32, MOST_PERIODIC = 8 };

/* A code 0 ... n; what is none is 0, as whatever is missing. */
INLINE ptrdiff_t code_of(real x, ptrdiff_t n) { return x >= 1 && x <= (real)n ? (ptrdiff_t)x : 0; }

/* The numbers of a periodic encoding. */
typedef struct {
    ptrdiff_t n, width;
    const real *frequencies, *phases, *weights, *biases;
} periodic;

static periodic periodic_of(const fastnn_layer *column, const real *own) {
    ptrdiff_t n = column->n_in, width = column->n_out - 1;
    return (periodic){n, width, own, own + n, own + 2 * n, own + (2 + width) * n};
}

/* LANES rows of a column from `row` on; the last one stands for those that are missing. */
OUTLINE vec load_column(const real *from, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t n) {
    real of_lane[LANES];
    from += row * stride;
    for (ptrdiff_t i = 0; i < LANES; i++) {
        of_lane[i] = *from;
        from += row + i + 1 < n ? stride : 0;
    }
    return v_load(of_lane);
}

OUTLINE void store_column(vec values, real *to, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t n) {
    real of_lane[LANES];
    v_store(of_lane, values);
    ptrdiff_t left = n - row < LANES ? n - row : LANES;
    ROLLED for (ptrdiff_t i = 0; i < left; i++) { to[(row + i) * stride] = of_lane[i]; }
}

/* The waves of LANES numbers, and what is made of them. */
OUTLINE void waves_of(const periodic *p, vec x, vec *sines, vec *cosines) {
    for (ptrdiff_t k = 0; k < p->n; k++) {
        sines[k] = v_wave(v_fma(v_all(p->frequencies[k]), x, v_all(p->phases[k])), &cosines[k]);
    }
}

INLINE vec value_of(const periodic *p, const vec *cosines, ptrdiff_t j) {
    vec sum = v_all(p->biases[j]);
    for (ptrdiff_t k = 0; k < p->n; k++) {
        sum = v_fma(v_all(p->weights[j * p->n + k]), cosines[k], sum);
    }
    return sum;
}

static void encode_periodic(const periodic *p, ptrdiff_t n, const real *x, ptrdiff_t x_stride, const real *scales,
                            real *out, ptrdiff_t stride) {
    vec sines[MOST_FREQUENCIES], cosines[MOST_FREQUENCIES];
    for (ptrdiff_t row = 0; row < n; row += LANES) {
        vec z = load_column(x, x_stride, row, n);
        waves_of(p, z, sines, cosines);
        store_column(v_all(scales[0]) * z, out, stride, row, n);
        for (ptrdiff_t j = 0; j < p->width; j++) {
            store_column(v_all(scales[1 + j]) * value_of(p, cosines, j), out + 1 + j, stride, row, n);
        }
    }
}

/* Of one row. */
static void encode_periodic_row(const periodic *p, real x, const real *scales, real *out) {
    enum { MOST = MOST_FREQUENCIES + LANES };
    real frequencies[MOST], phases[MOST], cosines[MOST], values[MOST_PERIODIC + LANES];
    v_store(frequencies + p->n, v_all(0)); /* what the last vector has beyond them */
    v_store(phases + p->n, v_all(0));
    memcpy(frequencies, p->frequencies, (size_t)p->n * sizeof(real));
    memcpy(phases, p->phases, (size_t)p->n * sizeof(real));
    for (ptrdiff_t k = 0; k < p->n; k += LANES) {
        vec cosine;
        v_wave(v_fma(v_load(frequencies + k), v_all(x), v_load(phases + k)), &cosine);
        v_store(cosines + k, cosine);
    }
    matrix_vector(p->width, p->n, p->weights, p->n, cosines, p->biases, 1, values);
    out[0] = scales[0] * x;
    for (ptrdiff_t j = 0; j < p->width; j++) {
        out[1 + j] = scales[1 + j] * values[j];
    }
}

/* What a column gives, (n, n_out) from `out` on. own: its numbers. */
static void encode_column(const fastnn_layer *column, const real *own, ptrdiff_t n, const real *x, ptrdiff_t x_stride,
                          const real *scales, real *out, ptrdiff_t stride) {
    ptrdiff_t n_out = column->n_out;
    switch ((fastnn_encoding)column->activation) {
    case FASTNN_ENCODING_plain:
        for (ptrdiff_t r = 0; r < n; r++) {
            out[r * stride] = scales[0] * x[r * x_stride];
        }
        break;
    case FASTNN_ENCODING_periodic: {
        periodic p = periodic_of(column, own);
        if (n == 1) {
            encode_periodic_row(&p, *x, scales, out);
        } else {
            encode_periodic(&p, n, x, x_stride, scales, out, stride);
        }
        break;
    }
    case FASTNN_ENCODING_one_hot:
        for (ptrdiff_t r = 0; r < n; r++) {
            ptrdiff_t code = code_of(x[r * x_stride], column->n_in);
            memset(out + r * stride, 0, (size_t)n_out * sizeof(real));
            if (code > 0) {
                out[r * stride + code - 1] = scales[code - 1];
            }
        }
        break;
    case FASTNN_ENCODING_embedding:
        for (ptrdiff_t r = 0; r < n; r++) {
            const real *row = own + code_of(x[r * x_stride], column->n_in) * n_out;
            for (ptrdiff_t j = 0; j < n_out; j++) {
                out[r * stride + j] = scales[j] * row[j];
            }
        }
        break;
    }
}

/* Outputs (n, stride) of an encoder from the rows X (n, n_in) of raw columns; numbers: its own, packed or flat. */
static void encode(const fastnn_layer *columns, ptrdiff_t n_columns, int are_packed, ptrdiff_t n, const real *X,
                   ptrdiff_t n_in, const real *numbers, const real *scales, real *out, ptrdiff_t stride) {
    for (const fastnn_layer *column = columns; column < columns + n_columns; column++) {
        encode_column(column, numbers, n, X + column->inputs, n_in, scales + column->outputs, out + column->outputs,
                      stride);
        numbers += are_packed ? packed_numbers(column) : own_numbers(column);
    }
}

/* Sums over the lanes of n vectors, stored or added. */
static void sum_lanes(vec *sums, ptrdiff_t n, int adds, real *out) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec total = v_all(0);
        v_transpose(sums + i);
        UNROLL for (int k = 0; k < LANES; k++) { total = total + sums[i + k]; }
        real of_lane[LANES];
        v_store(of_lane, total);
        for (ptrdiff_t k = 0; k < LANES && i + k < n; k++) {
            out[i + k] = adds ? out[i + k] + of_lane[k] : of_lane[k];
        }
    }
}

/* The gradient of a periodic encoding and its factors, from the deltas of its outputs. */
static void periodic_gradient(const periodic *p, ptrdiff_t n, const real *x, ptrdiff_t x_stride, const real *scales,
                              const real *delta, ptrdiff_t stride, int adds, real *gradient, real *of_scales) {
    enum { MOST = MOST_FREQUENCIES * (2 + MOST_PERIODIC) + MOST_PERIODIC };
    vec sines[MOST_FREQUENCIES], cosines[MOST_FREQUENCIES], of_values[MOST_PERIODIC];
    vec sums[MOST + LANES], scale_sums[MOST_PERIODIC + 1 + LANES];
    ptrdiff_t n_frequencies = p->n, n_own = n_frequencies * (2 + p->width) + p->width;
    memset(sums, 0, (size_t)(n_own + LANES) * sizeof(vec));
    memset(scale_sums, 0, sizeof scale_sums);
    vec *of_frequencies = sums, *of_phases = sums + n_frequencies, *of_weights = sums + 2 * n_frequencies;
    vec *of_biases = of_weights + p->width * n_frequencies;
    for (ptrdiff_t row = 0; row < n; row += LANES) {
        words valid = v_first(n - row);
        vec z = load_column(x, x_stride, row, n);
        waves_of(p, z, sines, cosines);
        scale_sums[0] = v_fma(v_mask(valid, load_column(delta, stride, row, n)), z, scale_sums[0]);
        for (ptrdiff_t j = 0; j < p->width; j++) {
            vec d = v_mask(valid, load_column(delta + 1 + j, stride, row, n));
            scale_sums[1 + j] = v_fma(d, value_of(p, cosines, j), scale_sums[1 + j]);
            of_values[j] = d * v_all(scales[1 + j]);
            of_biases[j] = of_biases[j] + of_values[j];
        }
        for (ptrdiff_t k = 0; k < n_frequencies; k++) {
            vec of_wave = v_all(0);
            for (ptrdiff_t j = 0; j < p->width; j++) {
                vec *of_weight = &of_weights[j * n_frequencies + k];
                of_wave = v_fma(v_all(p->weights[j * n_frequencies + k]), of_values[j], of_wave);
                *of_weight = v_fma(of_values[j], cosines[k], *of_weight);
            }
            of_wave = -sines[k] * of_wave;
            of_phases[k] = of_phases[k] + of_wave;
            of_frequencies[k] = v_fma(of_wave, z, of_frequencies[k]);
        }
    }
    sum_lanes(sums, n_own, adds, gradient);
    sum_lanes(scale_sums, p->width + 1, adds, of_scales);
}

/* The gradient of a column's numbers and factors. */
static void encoding_gradient(const fastnn_layer *column, const real *own, ptrdiff_t n, const real *x,
                              ptrdiff_t x_stride, const real *scales, const real *delta, ptrdiff_t stride, int adds,
                              real *gradient, real *of_scales) {
    ptrdiff_t n_out = column->n_out;
    if (column->activation == FASTNN_ENCODING_periodic) {
        periodic p = periodic_of(column, own);
        periodic_gradient(&p, n, x, x_stride, scales, delta, stride, adds, gradient, of_scales);
        return;
    }
    if (!adds) {
        memset(gradient, 0, (size_t)own_numbers(column) * sizeof(real));
        memset(of_scales, 0, (size_t)n_out * sizeof(real));
    }
    for (ptrdiff_t r = 0; r < n; r++, x += x_stride, delta += stride) {
        ptrdiff_t code = code_of(*x, column->n_in);
        switch ((fastnn_encoding)column->activation) {
        case FASTNN_ENCODING_plain: of_scales[0] += *delta * *x; break;
        case FASTNN_ENCODING_one_hot:
            if (code > 0) {
                of_scales[code - 1] += delta[code - 1];
            }
            break;
        case FASTNN_ENCODING_embedding:
            for (ptrdiff_t j = 0; j < n_out; j++) {
                of_scales[j] += delta[j] * own[code * n_out + j];
                gradient[code * n_out + j] += delta[j] * scales[j];
            }
            break;
        case FASTNN_ENCODING_periodic: break; /* above */
        }
    }
}

/* The gradient of an encoder's own numbers and of its factors, both packed, from the deltas (n, stride) of its outputs;
   stored, or added to what is there. */
SMALL void encoder_gradient(const fastnn_layer *columns, ptrdiff_t n_columns, ptrdiff_t n, const real *X,
                            ptrdiff_t n_in, const real *numbers, const real *scales, const real *delta,
                            ptrdiff_t stride, int adds, real *gradient, real *of_scales) {
    for (const fastnn_layer *column = columns; column < columns + n_columns; column++) {
        encoding_gradient(column, numbers, n, X + column->inputs, n_in, scales + column->outputs,
                          delta + column->outputs, stride, adds, gradient, of_scales + column->outputs);
        numbers += packed_numbers(column);
        gradient += packed_numbers(column);
    }
}
#endif
