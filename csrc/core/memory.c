/* memory.c: the engine's blocks of memory, aligned to 64 bytes, and the scratch that predictions use again and again.
   Called by _engine.pyx; kernels get their work area ready. */
#include <stdlib.h>

#include "fastnn.h"

enum { ALIGNMENT = 64 };

void *fastnn_allocate(size_t n) {
    if (n > SIZE_MAX - 2 * ALIGNMENT) {
        return NULL;
    }
    /* By malloc, which every C library has: the block's own address stands just before what is handed out. */
    char *block = malloc(n + ALIGNMENT + sizeof(void *));
    if (!block) {
        return NULL;
    }
    uintptr_t start = ((uintptr_t)block + sizeof(void *) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    ((void **)start)[-1] = block;
    return (void *)start;
}

void fastnn_free(void *start) {
    if (start) {
        free(((void **)start)[-1]);
    }
}

/* By the compilers' own names: a C11 atomic in fastnn.h would be one more thing that Cython has to know. */
#if defined(__GNUC__)
static int test_and_set(volatile int *flag) { return __atomic_exchange_n(flag, 1, __ATOMIC_ACQUIRE); }
static void clear(volatile int *flag) { __atomic_store_n(flag, 0, __ATOMIC_RELEASE); }
#else
#include <intrin.h>
static int test_and_set(volatile int *flag) { return (int)_InterlockedExchange((volatile long *)flag, 1); }
static void clear(volatile int *flag) { _InterlockedExchange((volatile long *)flag, 0); }
#endif

void *fastnn_scratch_take(fastnn_scratch *scratch, size_t n) {
    if (test_and_set(&scratch->is_taken)) {
        return fastnn_allocate(n); /* another thread has it */
    }
    if (n > scratch->size) {
        void *larger = fastnn_allocate(n);
        if (!larger) {
            clear(&scratch->is_taken);
            return NULL;
        }
        void *smaller = scratch->block;
        scratch->block = larger; /* first: an address that is free may be another thread's a moment later */
        fastnn_free(smaller);
        scratch->size = n;
    }
    return scratch->block;
}

void fastnn_scratch_give_back(fastnn_scratch *scratch, void *block) {
    if (block == scratch->block) {
        clear(&scratch->is_taken);
    } else {
        fastnn_free(block);
    }
}

void fastnn_scratch_free(fastnn_scratch *scratch) { fastnn_free(scratch->block); }
