/* dispatch.c: which instruction sets this build has and this machine can run, and which one is in use.
   The compiler's own test of the CPU asks the operating system too whether it saves the registers. Nothing
   here computes. */
#include "core/atomic.h" /* atomic_read, atomic_write */
#include "fastnn.h"      /* fastnn_kernels */

#define FASTNN_TARGET(name, supported) extern const fastnn_kernels fastnn_##name##_float32, fastnn_##name##_float64;
#include "tables/targets.def"
#undef FASTNN_TARGET

enum {
#define FASTNN_TARGET(name, supported) +1
    N_BUILT =
#include "tables/targets.def"
#undef FASTNN_TARGET
};

static const fastnn_kernels *targets[N_BUILT][2]; /* those that can run; float32 and float64 */
static ptrdiff_t n_targets;
static volatile long in_use;

ptrdiff_t fastnn_n_targets(void) {
    if (n_targets == 0) {
        ptrdiff_t n = 0;
#define FASTNN_TARGET(name, supported)              \
    if (supported) {                                \
        targets[n][0] = &fastnn_##name##_float32;   \
        targets[n++][1] = &fastnn_##name##_float64; \
    }
#include "tables/targets.def"
#undef FASTNN_TARGET
        n_targets = n;
        atomic_write(&in_use, (long)(n - 1));
    }
    return n_targets;
}

const char *fastnn_target_name(ptrdiff_t target) { return targets[target][0]->target; }

void fastnn_use(ptrdiff_t target) { atomic_write(&in_use, (long)target); }

const fastnn_kernels *fastnn_active(int is_float64) { return targets[atomic_read(&in_use)][is_float64]; }
