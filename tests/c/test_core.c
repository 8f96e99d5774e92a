/* test_core.c: core/memory.c and core/dispatch.c, on one thread and by two at once. dispatch.c is part of this file, so
   that the CPU that it asks is the test's own: the program's first argument names the features that the CPU has, the
   second the targets that are to be found. tests/test_c.py builds it with sanitizers. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *features; /* each between two spaces */
static int cpu_has(const char *feature) { return strstr(features, feature) != NULL; }

#define __builtin_cpu_supports(feature) cpu_has(" " feature " ")
#define FASTNN_BUILT_avx2
#define FASTNN_BUILT_avx512
#include "core/dispatch.c"

#define FASTNN_TARGET(name, supported)                                \
    const fastnn_kernels fastnn_##name##_float32 = {.target = #name}; \
    const fastnn_kernels fastnn_##name##_float64 = {.target = #name};
#include "tables/targets.def"
#undef FASTNN_TARGET

static void expect(int is_true, const char *what) {
    if (!is_true) {
        fprintf(stderr, "FAILED %s\n", what);
        exit(1);
    }
}

static void test_targets(const char *expected) {
    char found[100] = "";
    for (ptrdiff_t i = 0; i < fastnn_n_targets(); i++) {
        strcat(strcat(found, i ? " " : ""), fastnn_target_name(i));
    }
    expect(strcmp(found, expected) == 0, found);
    expect(strcmp(fastnn_active(0)->target, fastnn_target_name(fastnn_n_targets() - 1)) == 0, "the last is not in use");
    fastnn_use(0);
    expect(fastnn_active(0) == &fastnn_baseline_float32, "baseline is not in use, in float32");
    expect(fastnn_active(1) == &fastnn_baseline_float64, "baseline is not in use, in float64");
}

static void test_blocks(void) {
    static const size_t SIZES[] = {0, 1, 63, 64, 65, 4095, 4096, 1 << 20};
    for (size_t i = 0; i < sizeof SIZES / sizeof *SIZES; i++) {
        void *block = fastnn_allocate(SIZES[i]);
        expect(block != NULL && (uintptr_t)block % 64 == 0, "a block is not aligned to 64 bytes");
        memset(block, 1, SIZES[i]);
        fastnn_free(block);
    }
    fastnn_free(NULL);
    enum { MANY = 12 << 20, FROM = 100, N = (8 << 20) - 200 }; /* bytes; a part of a block is forgotten */
    unsigned char *block = fastnn_allocate(MANY);
    memset(block, 1, MANY);
    fastnn_forget(block + FROM, N);
    size_t n_kept = 0;
    for (size_t i = 0; i < MANY; i++) {
        n_kept += (i < FROM || i >= FROM + N) && block[i] == 1;
    }
    expect(n_kept == MANY - N, "what stands beside the forgotten part is not kept");
    fastnn_forget(block, 0);
    fastnn_free(block);
    for (size_t less = 0; less < 200; less += 8) {
        expect(fastnn_allocate(SIZE_MAX - less) == NULL, "there are no such sizes");
    }
}

static void test_scratch(void) {
    fastnn_scratch scratch = {0};
    void *first = fastnn_scratch_take(&scratch, 100);
    void *other = fastnn_scratch_take(&scratch, 100);
    expect(first != other, "it was handed out twice");
    memset(first, 1, 100), memset(other, 2, 100);
    fastnn_scratch_give_back(&scratch, other);
    other = fastnn_scratch_take(&scratch, 100);
    expect(first != other, "whoever was given a block of its own freed the scratch");
    fastnn_scratch_give_back(&scratch, other);
    fastnn_scratch_give_back(&scratch, first);
    expect(fastnn_scratch_take(&scratch, 50) == first, "it was not kept");
    fastnn_scratch_give_back(&scratch, first);
    expect(fastnn_scratch_take(&scratch, SIZE_MAX) == NULL, "there are no such sizes");
    expect(fastnn_scratch_take(&scratch, 100) == first, "where there is no memory, it stays as it was, and free");
    fastnn_scratch_give_back(&scratch, first);
    void *larger = fastnn_scratch_take(&scratch, 1 << 16);
    memset(larger, 3, 1 << 16);
    fastnn_scratch_give_back(&scratch, larger);
    expect(fastnn_scratch_take(&scratch, 100) == larger, "the larger one was not kept");
    fastnn_scratch_give_back(&scratch, larger);
    fastnn_scratch_free(&scratch);
}

static fastnn_scratch shared;

/* What two threads do at once: compute in a scratch that grows, by kernels that another may change. */
static void *work(void *own_number) {
    char own = *(const char *)own_number;
    for (size_t n = 2; n < 4000; n++) {
        char *block = fastnn_scratch_take(&shared, n);
        expect(block != NULL, "no memory");
        block[0] = block[n - 1] = own;
        fastnn_use(own);
        expect(fastnn_active(1)->target != NULL, "no kernels are in use");
        expect(block[0] == own && block[n - 1] == own, "two threads had one block");
        fastnn_scratch_give_back(&shared, block);
    }
    return NULL;
}

static void test_two_threads(void) {
    pthread_t other;
    char own = 0, others = (char)(fastnn_n_targets() - 1);
    expect(pthread_create(&other, NULL, work, &others) == 0, "no thread");
    work(&own);
    pthread_join(other, NULL);
    fastnn_scratch_free(&shared);
}

int main(int argc, char **argv) {
    expect(argc == 3, "wants the features of a CPU and the targets that it has");
    features = argv[1];
    test_targets(argv[2]);
    test_blocks();
    test_scratch();
    test_two_threads();
    return 0;
}
