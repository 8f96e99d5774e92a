/* drops.h: what dropout drops, unit by unit: the generator against its authors' known answers and written out again for
   one number, and rows of all sizes, from whichever row of a batch on. */
#ifndef DROPS_TESTS_H
#define DROPS_TESTS_H

#include "plain.h"

static void plain_threefry(const uint32_t key[2], uint32_t low, uint32_t high, uint32_t out[2]) {
    static const int BY[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    uint32_t parts[3] = {key[0], key[1], 0x1BD11BDAu ^ key[0] ^ key[1]}, x = low + key[0], y = high + key[1];
    for (uint32_t round = 0; round < 20; round++) {
        int by = BY[round / 4 % 2][round % 4];
        x += y;
        y = (y << by | y >> (32 - by)) ^ x;
        if (round % 4 == 3) {
            uint32_t i = round / 4 + 1;
            x += parts[i % 3];
            y += parts[(i + 1) % 3] + i;
        }
    }
    out[0] = x;
    out[1] = y;
}

static double plain_factor(const drop_site *site, uint32_t l, int64_t row, int unit, int n_units) {
    int64_t slot = row * ((n_units + 15) / 16) + unit / 16, number = slot / 4 * 16 + unit % 16;
    uint32_t key[2] = {(uint32_t)site->training->seed, (uint32_t)(site->training->seed >> 32)}, out[2];
    plain_threefry(key, (uint32_t)site->update, (uint32_t)((uint64_t)site->update >> 32), key);
    plain_threefry(key, l, 0, key);
    plain_threefry(key, (uint32_t)number, (uint32_t)((uint64_t)number >> 32), out);
    uint32_t bits = out[slot % 4 / 2] >> slot % 2 * 16 & 0xFFFF;
    int32_t dropped = site->training->dropped[l];
    return bits < (uint32_t)dropped ? 0 : (double)(real)(65536.0 / (65536.0 - dropped));
}

static void test_generator(void) {
    TESTING("threefry");
    static const uint32_t KEY[2] = {0x13198A2Eu, 0x03707344u};
    uint32_t out[2];
    threefry_one(KEY, 0x243F6A88u, 0x85A308D3u, out);
    n_checks++;
    if (out[0] != 0xC4923A9Cu || out[1] != 0x483DF7A0u) {
        fail("not the words of Random123");
    }
}

/* n rows of a layer, from row `first` of the batch on. */
static void test_rows_dropped(int n_units, int n, ptrdiff_t first, fastnn_activation a) {
    static const int32_t DROPPED[] = {16384, 40000};
    fastnn_training training = {.dropped = DROPPED, .seed = 0x0123456789ABCDEFu};
    drop_site site = {&training, ((int64_t)3 << 32) + 5, first, 1};
    int stride = (int)whole_vectors(n_units) * LANES, has_slopes = a != FASTNN_ACTIVATION_relu;
    real *h = numbers(n * stride), *slopes = zeros(n * stride), *before = get((size_t)(n * stride) * sizeof(real));
    real *inputs = numbers(n * n_units), *inputs_before = get((size_t)(n * n_units) * sizeof(real));
    memcpy(before, h, (size_t)(n * stride) * sizeof(real));
    memcpy(inputs_before, inputs, (size_t)(n * n_units) * sizeof(real));
    packed_layer layer = {.n_out = n_units, .n_vectors = stride / LANES, .stride = stride, .activation = a, .h = h};
    layer.slopes = has_slopes ? slopes : NULL;
    drop_outputs(&site, 1, &layer, n);
    drop_inputs(&site, n_units, n, inputs);
    slope_terms terms = slope_of(a);
    for (int r = 0; r < n; r++) {
        for (int i = 0; i < n_units; i++) {
            double factor = plain_factor(&site, 1, first + r, i, n_units), of_h = before[r * stride + i];
            double slope = LANE(v_slope(&terms, v_all((real)of_h)), 0) * factor;
            double of_input = plain_factor(&site, 0, first + r, i, n_units);
            close_to(h[r * stride + i], of_h * factor, fabs(of_h * factor), 1);
            close_to(slopes[r * stride + i], has_slopes ? slope : 0, fabs(slope), 1);
            double input = inputs_before[r * n_units + i] * of_input;
            close_to(inputs[r * n_units + i], input, fabs(input), 1);
        }
    }
    free(h), free(slopes), free(before), free(inputs), free(inputs_before);
}

static void test_drops(void) {
    static const ptrdiff_t FIRST[] = {0, 1, 5, 1000003, ((ptrdiff_t)1 << 31) + 7};
    test_generator();
    for (int s = 0; s < N_SIZES; s++) {
        for (int i = 0; i < 5; i++) {
            TESTING("dropout of %d units from row %ld on", SIZES[s], (long)FIRST[i]);
            test_rows_dropped(SIZES[s], 7, FIRST[i], i % 2 ? FASTNN_ACTIVATION_relu : FASTNN_ACTIVATION_tanh);
        }
    }
}
#endif
