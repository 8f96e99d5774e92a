/* failing_malloc.c: preloaded by test_memory.py, makes the n-th allocation fail that code of fastnn or NumPy asks for.
   arm(n) starts the count, and returns what was counted since; n = 0 lets all succeed. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *block, size_t n);

static volatile long count, fails_at;

long arm(long n) {
    long counted = count;
    fails_at = n;
    count = 0;
    return counted;
}

static int fails(void *caller) {
    Dl_info library;
    if (fails_at == 0 || !dladdr(caller, &library) || !library.dli_fname) {
        return 0;
    }
    int is_ours = strstr(library.dli_fname, "/_engine.") || strstr(library.dli_fname, "/_loops.");
    if (!is_ours && !strstr(library.dli_fname, "multiarray")) {
        return 0;
    }
    return __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) == fails_at;
}

void *malloc(size_t n) { return fails(__builtin_return_address(0)) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails(__builtin_return_address(0)) ? NULL : __libc_calloc(n, size); }
void *realloc(void *block, size_t n) { return fails(__builtin_return_address(0)) ? NULL : __libc_realloc(block, n); }
