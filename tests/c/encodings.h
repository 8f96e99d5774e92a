/* encodings.h: the first layer of raw columns, forward and backward, column by column against plain loops in double. */
#ifndef ENCODINGS_TESTS_H
#define ENCODINGS_TESTS_H

#include "plain.h"

enum { N_COLUMNS = 4, MOST_GIVEN = 33 };

/* What a column gives for x, before the factors. */
static void plain_values(const fastnn_layer *column, const real *own, double x, double *values) {
    ptrdiff_t n = column->n_in, n_out = column->n_out;
    const real *W = own + 2 * n, *b = W + n * (n_out - 1);
    for (ptrdiff_t j = 0; j < n_out; j++) {
        switch ((fastnn_encoding)column->activation) {
        case FASTNN_ENCODING_plain: values[j] = x; break;
        case FASTNN_ENCODING_one_hot: values[j] = x == (double)(j + 1); break;
        case FASTNN_ENCODING_embedding: values[j] = own[(ptrdiff_t)x * n_out + j]; break;
        case FASTNN_ENCODING_periodic:
            values[j] = j ? b[j - 1] : x;
            for (ptrdiff_t k = 0; j && k < n; k++) {
                values[j] += W[(j - 1) * n + k] * cos(own[k] * x + own[n + k]);
            }
        }
    }
}

/* The gradient of its own numbers from the deltas of what it gives, added. */
static void plain_own_gradient(const fastnn_layer *column, const real *own, double x, const real *scales,
                               const real *delta, double *gradient) {
    ptrdiff_t n = column->n_in, n_out = column->n_out, W = 2 * n, b = W + n * (n_out - 1);
    for (ptrdiff_t j = 0; j < n_out; j++) {
        double d = (double)delta[j] * scales[j];
        if (column->activation == FASTNN_ENCODING_embedding) {
            gradient[(ptrdiff_t)x * n_out + j] += d;
        }
        for (ptrdiff_t k = 0; column->activation == FASTNN_ENCODING_periodic && j && k < n; k++) {
            ptrdiff_t at = W + (j - 1) * n + k;
            double angle = own[k] * x + own[n + k], of_angle = -d * own[at] * sin(angle);
            gradient[k] += of_angle * x;
            gradient[n + k] += of_angle;
            gradient[at] += d * cos(angle);
            gradient[b + j - 1] += k ? 0 : d;
        }
    }
}

/* Of n rows X: all together as one by one, and as the plain loops; and the gradient, stored and added. */
static void check_columns(const fastnn_layer *columns, ptrdiff_t n_out, int n, const real *X) {
    ptrdiff_t stride = n_out + 3, n_packed = 0, n_flat = 0;
    for (int c = 0; c < N_COLUMNS; c++) {
        n_packed += packed_numbers(&columns[c]);
        n_flat += own_numbers(&columns[c]);
    }
    real *own = numbers(n_packed), *flat = zeros(n_flat), *scales = numbers(n_out), *delta = numbers(n * stride);
    real *out = zeros(n * stride), *row = zeros(n_out), *gradient = numbers(n_packed), *of_scales = numbers(n_out);
    real *packed = own, *to = flat, *found = gradient;
    for (int c = 0; c < N_COLUMNS; packed += packed_numbers(&columns[c]), to += own_numbers(&columns[c]), c++) {
        memcpy(to, packed, (size_t)own_numbers(&columns[c]) * sizeof(real));
    }
    encode(columns, N_COLUMNS, 1, n, X, N_COLUMNS, own, scales, out, stride);
    for (int r = 0; r < n; r++) {
        encode(columns, N_COLUMNS, 0, 1, X + r * N_COLUMNS, N_COLUMNS, flat, scales, row, n_out);
        same(out + r * stride, row, n_out, "other bits of a row alone");
    }
    for (int adds = 0; adds < 2; adds++) {
        encoder_gradient(columns, N_COLUMNS, n, X, N_COLUMNS, own, scales, delta, stride, adds, gradient, of_scales);
    }
    packed = own;
    for (const fastnn_layer *column = columns; column < columns + N_COLUMNS; column++) {
        ptrdiff_t n_own = own_numbers(column), first = column->outputs;
        double values[MOST_GIVEN], of_values[MOST_GIVEN] = {0}, *of_own = get((size_t)(n_own + 1) * sizeof(double));
        memset(of_own, 0, (size_t)(n_own + 1) * sizeof(double));
        for (int r = 0; r < n; r++) {
            double x = X[r * N_COLUMNS + column->inputs];
            plain_values(column, packed, x, values);
            plain_own_gradient(column, packed, x, scales + first, delta + r * stride + first, of_own);
            for (ptrdiff_t j = 0; j < column->n_out; j++) {
                close_to(out[r * stride + first + j], scales[first + j] * values[j], 2 + (double)column->n_in, 8);
                of_values[j] += delta[r * stride + first + j] * values[j];
            }
        }
        for (ptrdiff_t j = 0; j < column->n_out; j++) {
            close_to(of_scales[first + j], 2 * of_values[j], n * (2 + (double)column->n_in), 8);
        }
        for (ptrdiff_t i = 0; i < n_own; i++) {
            close_to(found[i], 2 * of_own[i], 2 * n * (double)column->n_out, 8);
        }
        packed += packed_numbers(column);
        found += packed_numbers(column);
        free(of_own);
    }
    free(own), free(flat), free(scales), free(delta), free(out), free(row), free(gradient), free(of_scales);
}

static void test_encodings(void) {
    static const fastnn_encoding KINDS[N_COLUMNS] = {FASTNN_ENCODING_periodic, FASTNN_ENCODING_one_hot,
                                                     FASTNN_ENCODING_plain, FASTNN_ENCODING_embedding};
    for (int s = 0; s < N_SIZES; s++) {
        fastnn_layer columns[N_COLUMNS] = {{0}};
        int n = SIZES[s], size = SIZES[s * 5 % N_SIZES] % 33, width = 1 + s % MOST_PERIODIC;
        ptrdiff_t n_out = 0;
        size += size == 0;
        TESTING("%d rows of columns of %d numbers or codes, width %d", n, size, width);
        for (int c = 0; c < N_COLUMNS; n_out += columns[c].n_out, c++) {
            fastnn_encoding kind = KINDS[c];
            ptrdiff_t gives = kind == FASTNN_ENCODING_periodic    ? 1 + width
                              : kind == FASTNN_ENCODING_one_hot   ? size
                              : kind == FASTNN_ENCODING_embedding ? width
                                                                  : 1;
            columns[c].activation = kind;
            columns[c].n_in = kind == FASTNN_ENCODING_plain ? 1 : size;
            columns[c].n_out = gives;
            columns[c].inputs = c;
            columns[c].outputs = n_out;
        }
        real *X = numbers(n * N_COLUMNS);
        for (int r = 0; r < n; r++) {
            X[r * N_COLUMNS + 1] = (real)below(size + 1);
            X[r * N_COLUMNS + 3] = (real)below(size + 1);
        }
        check_columns(columns, n_out, n, X);
        free(X);
    }
}
#endif
