/* threefry.h: random words by their number: Threefry-2x32 of 20 rounds (Salmon, Moraes, Dror and Shaw, 2011, "Parallel
   random numbers: as easy as 1, 2, 3"), of a vector of numbers at a time. It adds, rotates and takes exclusive ors of
   32-bit lanes, so that the words are the same by vectors of any width. */
#ifndef FASTNN_THREEFRY_H
#define FASTNN_THREEFRY_H

#include <stdint.h>
#include <string.h>

#include "simd/types.h" /* FASTNN_VECTOR_BYTES, INLINE, UNROLL */

#ifdef FASTNN_VECTOR_BYTES
#define LANES_32 (FASTNN_VECTOR_BYTES / 4)
typedef uint32_t words_32 __attribute__((vector_size(FASTNN_VECTOR_BYTES)));
#else
#define LANES_32 1
typedef uint32_t words_32;
#endif

INLINE words_32 rotated(words_32 x, int n) { return (x << n) | (x >> (32 - n)); }

/* Four rounds of n vectors side by side, as a chain alone waits for itself, and the next part of the key. */
INLINE void threefry_rounds(const int n, const int rotations[4], uint32_t of_x, uint32_t of_y, words_32 *x,
                            words_32 *y) {
    UNROLL for (int round = 0; round < 4; round++) {
        UNROLL for (int k = 0; k < n; k++) {
            x[k] = x[k] + y[k];
            y[k] = rotated(y[k], rotations[round]) ^ x[k];
        }
    }
    UNROLL for (int k = 0; k < n; k++) {
        x[k] = x[k] + of_x;
        y[k] = y[k] + of_y;
    }
}

/* The two words of each number, whose low and high 32 bits come in, of a key. */
INLINE void threefry(const int n, const uint32_t key[2], words_32 *x, words_32 *y) {
    const uint32_t third = key[0] ^ key[1] ^ 0x1BD11BDAu;
    const uint32_t part[] = {key[0], key[1], third, key[0], key[1], third, key[0]};
    static const int even[] = {13, 15, 26, 6}, odd[] = {17, 29, 16, 24};
    UNROLL for (int k = 0; k < n; k++) {
        x[k] = x[k] + part[0];
        y[k] = y[k] + part[1];
    }
    ROLLED for (uint32_t i = 1; i <= 5; i += 2) { /* 20 rounds; in one piece they were two and a half times the code */
        threefry_rounds(n, even, part[i], part[i + 1] + i, x, y);
        if (i < 5) {
            threefry_rounds(n, odd, part[i + 1], part[i + 2] + (i + 1), x, y);
        }
    }
}

/* The two words of one number: a key made of another. */
static void threefry_one(const uint32_t key[2], uint32_t low, uint32_t high, uint32_t out[2]) {
    words_32 x = {0}, y = {0};
    memcpy(&x, &low, sizeof low);
    memcpy(&y, &high, sizeof high);
    threefry(1, key, &x, &y);
    memcpy(&out[0], &x, sizeof low);
    memcpy(&out[1], &y, sizeof high);
}
#endif
