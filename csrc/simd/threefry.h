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

/* Four rounds, then the next part of the key. */
#define FOUR_ROUNDS(a, b, c, d, i)                               \
    UNROLL for (int r = 0; r < 4; r++) {                         \
        const int by = r == 0 ? a : r == 1 ? b : r == 2 ? c : d; \
        x = x + y;                                               \
        y = rotated(y, by) ^ x;                                  \
    }                                                            \
    x = x + part[i % 3];                                         \
    y = y + (part[(i + 1) % 3] + i)

/* The two words of each number, whose low and high 32 bits come in, of a key. */
INLINE void threefry(const uint32_t key[2], words_32 *low, words_32 *high) {
    const uint32_t part[3] = {key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDAu};
    words_32 x = *low + part[0], y = *high + part[1];
    FOUR_ROUNDS(13, 15, 26, 6, 1u);
    FOUR_ROUNDS(17, 29, 16, 24, 2u);
    FOUR_ROUNDS(13, 15, 26, 6, 3u);
    FOUR_ROUNDS(17, 29, 16, 24, 4u);
    FOUR_ROUNDS(13, 15, 26, 6, 5u);
    *low = x;
    *high = y;
}

/* The two words of one number: a key made of another. */
static void threefry_one(const uint32_t key[2], uint32_t low, uint32_t high, uint32_t out[2]) {
    words_32 x = {0}, y = {0};
    memcpy(&x, &low, sizeof low);
    memcpy(&y, &high, sizeof high);
    threefry(key, &x, &y);
    memcpy(&out[0], &x, sizeof low);
    memcpy(&out[1], &y, sizeof high);
}
#endif
