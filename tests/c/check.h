/* check.h: what the C tests share: random numbers, arrays of exactly their size so that a sanitizer sees every step
   outside, and comparison with a plain sum. A failed check says what was computed with which sizes, and ends the
   program. */
#ifndef CHECK_H
#define CHECK_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/engine.h"

#define EPS (sizeof(real) == 4 ? 0x1p-23 : 0x1p-52)

static const int SIZES[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97};
enum { N_SIZES = sizeof SIZES / sizeof *SIZES };

static uint64_t seed = 88172645463325252u;
static long n_checks = 0;
static char where[200]; /* the kernel and the sizes under test */

#define TESTING(...) snprintf(where, sizeof where, __VA_ARGS__)

/* Uniform in [-1, 1): xorshift. */
static double number(void) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (double)(seed >> 11) * 0x1p-52 - 1;
}

static int below(int n) { return (int)((number() + 1) / 2 * n); }

static void fail(const char *what) {
    fprintf(stderr, "FAILED %s: %s\n", where, what);
    exit(1);
}

static void *get(size_t n) {
    void *block = malloc(n ? n : 1);
    if (!block) {
        fail("no memory");
    }
    return block;
}

static real *numbers(ptrdiff_t n) {
    real *x = get((size_t)n * sizeof(real));
    for (ptrdiff_t i = 0; i < n; i++) {
        x[i] = (real)number();
    }
    return x;
}

static real *zeros(ptrdiff_t n) {
    real *x = numbers(n);
    memset(x, 0, (size_t)n * sizeof(real));
    return x;
}

/* `actual` within n_roundings of the sum whose terms have the sizes `size` in all. */
static void close_to(real actual, double expected, double size, double n_roundings) {
    n_checks++;
    if (!(fabs((double)actual - expected) <= n_roundings * EPS * size + 1e-300)) {
        char text[120];
        snprintf(text, sizeof text, "got %.17g, expected %.17g", (double)actual, expected);
        fail(text);
    }
}

static void same(const real *a, const real *b, ptrdiff_t n, const char *what) {
    n_checks++;
    if (memcmp(a, b, (size_t)n * sizeof(real)) != 0) {
        fail(what);
    }
}

static void is_zero(real x, const char *what) {
    n_checks++;
    if (x != 0) {
        fail(what);
    }
}

/* A work area of exactly n bytes between guards; `work_ends` sees that they were left alone. */
enum { GUARD = 256 };

typedef struct {
    char *block, *start;
    size_t n;
} work_area;

static work_area work_begins(size_t n) {
    work_area w = {get(n + 2 * GUARD + 64), NULL, n};
    w.start = w.block + GUARD;
    w.start += (64 - (uintptr_t)w.start % 64) % 64;
    memset(w.block, 0xA5, n + 2 * GUARD + 64);
    return w;
}

static void work_ends(work_area *w) {
    for (int i = 1; i <= 64; i++) {
        if ((unsigned char)w->start[-i] != 0xA5 || (unsigned char)w->start[w->n + (size_t)i - 1] != 0xA5) {
            fail("wrote outside of its work area");
        }
    }
    n_checks++;
    free(w->block);
}
#endif
