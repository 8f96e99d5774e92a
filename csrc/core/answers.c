/* answers.c: a few rows of a table's numbers on their way to networks, and what comes of their outputs; in the bits of
   NumPy's way for whole tables, which `fastnn.tabular` has. Called by the binding. */
#include <math.h>

#include "fastnn.h" /* fastnn_raw_rows, fastnn_answer */

static float bounded(double x, double centre, double factor) {
    const double far = 1e100; /* as in parts.py */
    double z = (x - centre) * factor;
    z = z < -far ? -far : z > far ? far : z;
    double third = z / 3;
    return z == z ? (float)(z / sqrt(1 + third * third)) : 0;
}

int fastnn_raw_rows(const void *X, int is_float64, ptrdiff_t n_rows, ptrdiff_t n_columns, const ptrdiff_t *places,
                    const double *numbers, ptrdiff_t n_raw, float *raw) {
    for (ptrdiff_t row = 0; row < n_rows; row++) {
        for (ptrdiff_t k = 0; k < n_raw; k++) {
            ptrdiff_t place = row * n_columns + (places[k] < 0 ? ~places[k] : places[k]);
            double x = is_float64 ? ((const double *)X)[place] : ((const float *)X)[place];
            if (isinf(x)) {
                return 0;
            }
            *raw++ = places[k] < 0 ? (float)isnan(x) : bounded(x, numbers[2 * k], numbers[2 * k + 1]);
        }
    }
    return 1;
}

int fastnn_answer(ptrdiff_t n_members, ptrdiff_t n_rows, ptrdiff_t n_out, const float *outputs, const double *units,
                  ptrdiff_t *codes, double *out) {
    ptrdiff_t n = n_rows * n_out;
    for (ptrdiff_t row = 0; row < n_rows; row++) {
        double total = 0;
        float largest = 0;
        for (ptrdiff_t j = 0; j < n_out; j++) {
            float sum = 0;
            for (ptrdiff_t k = 0; k < n_members; k++) {
                float output = outputs[k * n + row * n_out + j];
                if (!isfinite(output)) {
                    return 0;
                }
                sum = k ? sum + output : output;
            }
            float mean = n_members > 1 ? sum / (float)n_members : sum;
            if (codes) {
                codes[row] = j && mean <= largest ? codes[row] : j;
                largest = j && mean <= largest ? largest : mean;
            } else if (units) {
                const double *unit = units + j;
                double y = mean * unit[0] + unit[n_out];
                y = y > unit[2 * n_out] ? y : unit[2 * n_out];
                out[row * n_out + j] = y < unit[3 * n_out] ? y : unit[3 * n_out];
            } else {
                total += out[row * n_out + j] = mean;
            }
        }
        for (ptrdiff_t j = 0; j < n_out && !codes && !units; j++) {
            out[row * n_out + j] /= total;
        }
    }
    return 1;
}
