/* dropout.h: which units are dropped in an update, and their zeros (Srivastava et al., 2014; inverted: those that stay
   are scaled up, and prediction knows nothing of it).

   A unit's bits follow from the seed, the number of the update, the layer, the unit and the row's number in its batch
   alone, so that they are the same by any number of threads, in any chunks, by vectors of any width. Units come in
   slots of 16, as many as the widest vectors have lanes; slots are counted on from row to row, and four of them take
   the halves of two words of the same 16 numbers. So a rate is a multiple of 1/65536. reference/dropout.py says the
   same in NumPy. */
#ifndef FASTNN_DROPOUT_H
#define FASTNN_DROPOUT_H

#include <stdint.h>
#include <string.h>

#include "fastnn.h"              /* fastnn_training, fastnn_activations */
#include "kernels/activations.h" /* slope_of, slope_terms, v_slope */
#include "kernels/layout.h"      /* packed_layer */
#include "simd/threefry.h"       /* threefry, threefry_one, words_32, LANES_32 */
#include "simd/vector.h"         /* vec, v_load, v_store, v_less, v_mask, LANES */

enum { SLOT = 16, SLOTS = 4 };

/* Rows of an update: from which of its batch on. */
typedef struct {
    const fastnn_training *training;
    int64_t update;
    ptrdiff_t row;
} drop_site;

/* The units of a layer, of which the factors of one block of slots are known. */
typedef struct {
    uint32_t key[2], threshold;
    real scale;
    ptrdiff_t slots_a_row;
    int64_t block;
    real factors[SLOTS][SLOT]; /* 0: dropped */
} dropper;

/* What a unit that stays is multiplied with. */
INLINE real scale_of(int32_t dropped) { return (real)(65536.0 / (65536.0 - dropped)); }

/* Of the inputs of layer l. */
static dropper dropper_of(const drop_site *site, ptrdiff_t l, ptrdiff_t n_units) {
    const fastnn_training *training = site->training;
    const uint32_t seed[2] = {(uint32_t)training->seed, (uint32_t)(training->seed >> 32)};
    uint64_t update = (uint64_t)site->update;
    dropper d = {.threshold = (uint32_t)training->dropped[l], .scale = scale_of(training->dropped[l]), .block = -1};
    d.slots_a_row = (n_units + SLOT - 1) / SLOT;
    threefry_one(seed, (uint32_t)update, (uint32_t)(update >> 32), d.key);
    threefry_one(d.key, (uint32_t)l, 0, d.key);
    return d;
}

static void draw_block(dropper *d, int64_t block) {
    uint32_t low[SLOT], high[SLOT];
    for (uint32_t i = 0; i < SLOT; i++) {
        low[i] = (uint32_t)((uint64_t)block * SLOT) + i;
        high[i] = (uint32_t)((uint64_t)block * SLOT >> 32);
    }
    for (int i = 0; i < SLOT; i += LANES_32) {
        words_32 x, y;
        memcpy(&x, low + i, sizeof x);
        memcpy(&y, high + i, sizeof y);
        threefry(d->key, &x, &y);
        memcpy(low + i, &x, sizeof x);
        memcpy(high + i, &y, sizeof y);
    }
    const uint32_t threshold = d->threshold;
    const real scale = d->scale;
    for (int i = 0; i < SLOT; i++) {
        d->factors[0][i] = (low[i] & 0xFFFF) < threshold ? 0 : scale;
        d->factors[1][i] = low[i] >> 16 < threshold ? 0 : scale;
        d->factors[2][i] = (high[i] & 0xFFFF) < threshold ? 0 : scale;
        d->factors[3][i] = high[i] >> 16 < threshold ? 0 : scale;
    }
    d->block = block;
}

/* The factors of a row's units from `unit`, the first of a slot, on. */
INLINE const real *factors_of(dropper *d, ptrdiff_t row, ptrdiff_t unit) {
    int64_t slot = (int64_t)row * d->slots_a_row + unit / SLOT;
    if (slot / SLOTS != d->block) {
        draw_block(d, slot / SLOTS);
    }
    return d->factors[slot % SLOTS];
}

/* Drop outputs h (n, n_vectors) of a hidden layer, the inputs of layer l, in place. Slopes that are kept get the
   factors too; those that the output tells are found first. */
static void drop_outputs(const drop_site *site, ptrdiff_t l, const packed_layer *before, ptrdiff_t n) {
    dropper d = dropper_of(site, l, before->n_out);
    const slope_terms terms = slope_of(before->activation);
    const int has_slopes = fastnn_activations[before->activation].keeps_slope;
    real *h = before->h, *slopes = before->slopes;
    for (ptrdiff_t r = 0; r < n; r++, h += before->stride, slopes = slopes ? slopes + before->stride : NULL) {
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
                v_store(h + unit + i, v_mask(stays, of_h * factor));
            }
        }
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
