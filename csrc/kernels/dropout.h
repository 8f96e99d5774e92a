/* dropout.h: which units are dropped in an update, and their zeros (Srivastava et al., 2014; inverted: those that stay
   are scaled up, and prediction knows nothing of it).

   A unit's bits follow from the seed, the number of the update, the layer, the unit and the row's number in its batch
   alone, so that they are the same by any number of threads, in any chunks, by vectors of any width. Units come in
   slots of 16, as many as the widest vectors have lanes; slots are counted on from row to row, and four of them take
   the halves of two words of the same 16 numbers. So a rate is a multiple of 1/65536. reference/dropout.py says the
   same in NumPy. */
#ifndef FASTNN_DROPOUT_H
#define FASTNN_DROPOUT_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "fastnn.h"              /* fastnn_training, fastnn_activations */
#include "kernels/activations.h" /* slope_of, slope_terms, v_slope */
#include "kernels/layout.h"      /* packed_layer */
#include "simd/threefry.h"       /* threefry, threefry_one, words_32, LANES_32 */
#include "simd/vector.h"         /* vec, v_load, v_store, v_less, v_mask, LANES */

enum { SLOT = 16, SLOTS = 4, BLOCKS = 2 };

/* Rows of an update: from which of its batch on. */
typedef struct {
    const fastnn_training *training;
    int64_t update;
    ptrdiff_t row;
    double share; /* of the rates, in this update */
} drop_site;

/* The units of a layer, of which the factors of some blocks of slots are known. */
typedef struct {
    uint32_t key[2], threshold;
    real scale;
    ptrdiff_t slots_a_row;
    int64_t blocks;                     /* how many came before, over BLOCKS */
    real factors[BLOCKS * SLOTS][SLOT]; /* 0: dropped */
} dropper;

/* What a unit that stays is multiplied with. */
INLINE real scale_of(int32_t dropped) { return (real)(65536.0 / (65536.0 - dropped)); }

/* What is left of the rates of dropout and decay at an update: all, then half a cosine less. */
static double share_left(const fastnn_training *training, int64_t update) {
    double from = (double)training->fade_from, until = (double)training->fade_until, t = (double)update;
    if (until == 0 || t <= from) {
        return 1;
    }
    return t < until ? 0.5 * (1 + cos(3.14159265358979323846 * (t - from) / (until - from))) : 0;
}

/* Of the inputs of layer l. */
SMALL dropper dropper_of(const drop_site *site, ptrdiff_t l, ptrdiff_t n_units) {
    const fastnn_training *training = site->training;
    const uint32_t seed[2] = {(uint32_t)training->seed, (uint32_t)(training->seed >> 32)};
    uint64_t update = (uint64_t)site->update;
    int32_t dropped = (int32_t)(training->dropped[l] * site->share);
    dropper d = {.threshold = (uint32_t)dropped, .scale = scale_of(dropped), .blocks = -1};
    d.slots_a_row = (n_units + SLOT - 1) / SLOT;
    threefry_one(seed, (uint32_t)update, (uint32_t)(update >> 32), d.key);
    threefry_one(d.key, (uint32_t)l, 0, d.key);
    return d;
}

/* The factors by whether each is dropped. */
INLINE void put_factors(const uint32_t *dropped, real scale, real *factors) {
#if defined(FASTNN_FLOAT32) && defined(FASTNN_VECTOR_BYTES)
    for (int i = 0; i < SLOT; i += LANES) {
        words is_dropped;
        memcpy(&is_dropped, dropped + i, sizeof is_dropped);
        v_store(factors + i, v_mask(is_dropped - 1, v_all(scale)));
    }
#else
    for (int i = 0; i < SLOT; i++) {
        factors[i] = (real)(1 - dropped[i]) * scale;
    }
#endif
}

static void draw_blocks(dropper *d, int64_t blocks) {
    enum { N = BLOCKS * SLOT, VECTORS = N / LANES_32 };
    uint32_t low[N], high[N], dropped[SLOTS][N];
    words_32 x[VECTORS], y[VECTORS];
    for (uint32_t i = 0; i < N; i++) {
        low[i] = (uint32_t)((uint64_t)blocks * N) + i;
        high[i] = (uint32_t)((uint64_t)blocks * N >> 32);
    }
    memcpy(x, low, sizeof x);
    memcpy(y, high, sizeof y);
    threefry(VECTORS, d->key, x, y);
    for (int k = 0; k < VECTORS; k++) { /* 1 where half a word is below the threshold */
        words_32 below[SLOTS] = {((x[k] & 0xFFFF) - d->threshold) >> 31, ((x[k] >> 16) - d->threshold) >> 31,
                                 ((y[k] & 0xFFFF) - d->threshold) >> 31, ((y[k] >> 16) - d->threshold) >> 31};
        for (int slot = 0; slot < SLOTS; slot++) {
            memcpy(dropped[slot] + k * LANES_32, &below[slot], sizeof below[slot]);
        }
    }
    for (int slot = 0; slot < BLOCKS * SLOTS; slot++) {
        put_factors(dropped[slot % SLOTS] + slot / SLOTS * SLOT, d->scale, d->factors[slot]);
    }
    d->blocks = blocks;
}

/* The factors of a row's units from `unit`, the first of a slot, on. */
INLINE const real *factors_of(dropper *d, ptrdiff_t row, ptrdiff_t unit) {
    int64_t slot = (int64_t)row * d->slots_a_row + unit / SLOT;
    if (slot / (BLOCKS * SLOTS) != d->blocks) {
        draw_blocks(d, slot / (BLOCKS * SLOTS));
    }
    return d->factors[slot % (BLOCKS * SLOTS)];
}

/* Drop outputs h (n, n_vectors) of a hidden layer, the inputs of layer l, in place. Slopes that are kept get the
   factors too; those that the output tells are found first. */
static void drop_outputs(const drop_site *site, ptrdiff_t l, const packed_layer *before, ptrdiff_t n) {
    dropper d = dropper_of(site, l, before->n_out);
    const slope_terms terms = slope_of(before->activation);
    const int has_slopes = before->gaps || fastnn_activations[before->activation].keeps_slope;
    real *h = before->h, *slopes = before->slopes, *gaps = before->gaps;
    for (ptrdiff_t r = 0; r < n; r++, h += before->stride) {
        for (ptrdiff_t unit = 0; unit < before->n_vectors * LANES; unit += SLOT) {
            const real *factors = factors_of(&d, site->row + r, unit);
            ptrdiff_t left = before->n_vectors * LANES - unit;
            for (ptrdiff_t i = 0; i < SLOT && i < left; i += LANES) {
                vec factor = v_load(factors + i), of_h = v_load(h + unit + i);
                words stays = v_less(v_all(0), factor);
                if (slopes) {
                    vec slope = has_slopes ? v_load(slopes + unit + i) : v_slope(&terms, of_h);
                    v_store(slopes + unit + i, v_mask(stays, slope * factor));
                }
                if (gaps) {
                    v_store(gaps + unit + i, v_mask(stays, v_load(gaps + unit + i) * factor));
                }
                v_store(h + unit + i, v_mask(stays, of_h * factor));
            }
        }
        slopes = slopes ? slopes + before->stride : NULL;
        gaps = gaps ? gaps + before->stride : NULL;
    }
}

/* Drop inputs (n, n_in), in place. */
static void drop_inputs(const drop_site *site, ptrdiff_t n_in, ptrdiff_t n, real *inputs) {
    dropper d = dropper_of(site, 0, n_in);
    for (ptrdiff_t r = 0; r < n; r++, inputs += n_in) {
        for (ptrdiff_t unit = 0; unit < n_in; unit += SLOT) {
            const real *factors = factors_of(&d, site->row + r, unit);
            ptrdiff_t i = 0, left = n_in - unit < SLOT ? n_in - unit : SLOT;
            for (; i + LANES <= left; i += LANES) {
                v_store(inputs + unit + i, v_load(inputs + unit + i) * v_load(factors + i));
            }
            for (; i < left; i++) {
                inputs[unit + i] *= factors[i];
            }
        }
    }
}
#endif
