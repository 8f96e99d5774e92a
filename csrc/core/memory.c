/* memory.c: the engine's blocks of memory, aligned to 64 bytes, and the scratch that predictions use again and again.
   Kernels get their work area ready, and may say which part of it they no longer read. */
#define _DEFAULT_SOURCE /* madvise */
#include <stdlib.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

#include "core/atomic.h" /* atomic_swap, atomic_write, atomic_read_pointer, atomic_write_pointer */
#include "fastnn.h"      /* fastnn_scratch, FASTNN_ALIGNMENT */

#if defined(__linux__) && defined(MADV_HUGEPAGE)
enum { LARGE_PAGES = MADV_HUGEPAGE, NOT_NEEDED = MADV_DONTNEED };
#else
enum { LARGE_PAGES, NOT_NEEDED };
#endif

/* Of a block from some bytes on, tell the system how its whole pages are used. It is a request: what comes of it does
   not matter. */
static void advise(char *block, size_t n, int advice) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    enum { PAGE = 4096, LARGE = 4 << 20 };
    size_t gap = (PAGE - (uintptr_t)block % PAGE) % PAGE;
    if (n >= LARGE) {
        madvise(block + gap, (n - gap) / PAGE * PAGE, advice);
    }
#else
    (void)block, (void)n, (void)advice;
#endif
}

void *fastnn_allocate(size_t n) {
    if (n > SIZE_MAX - 2 * FASTNN_ALIGNMENT) {
        return NULL;
    }
    /* By malloc, which every C library has: the block's own address stands just before what is handed out. */
    char *block = malloc(n + FASTNN_ALIGNMENT + sizeof(void *));
    if (!block) {
        return NULL;
    }
    /* As NumPy does for its arrays: of a wide network's block, the faults of small pages take as long as an update. */
    advise(block, n, LARGE_PAGES);
    uintptr_t start = ((uintptr_t)block + sizeof(void *) + FASTNN_ALIGNMENT - 1) / FASTNN_ALIGNMENT * FASTNN_ALIGNMENT;
    ((void **)start)[-1] = block;
    return (void *)start;
}

void fastnn_forget(void *start, size_t n) { advise(start, n, NOT_NEEDED); }

void fastnn_free(void *start) {
    if (start) {
        free(((void **)start)[-1]);
    }
}

void *fastnn_scratch_take(fastnn_scratch *scratch, size_t n) {
    if (atomic_swap(&scratch->is_taken, 1)) {
        return fastnn_allocate(n); /* another thread has it */
    }
    if (n > scratch->size) {
        void *larger = fastnn_allocate(n);
        if (!larger) {
            atomic_write(&scratch->is_taken, 0);
            return NULL;
        }
        void *smaller = scratch->block;
        /* First: an address that is free may a moment later be another thread's, which asks whether it is this one. */
        atomic_write_pointer(&scratch->block, larger);
        fastnn_free(smaller);
        scratch->size = n;
    }
    return scratch->block;
}

void fastnn_scratch_give_back(fastnn_scratch *scratch, void *block) {
    if (block == atomic_read_pointer(&scratch->block)) {
        atomic_write(&scratch->is_taken, 0);
    } else {
        fastnn_free(block);
    }
}

void fastnn_scratch_free(fastnn_scratch *scratch) { fastnn_free(scratch->block); }
