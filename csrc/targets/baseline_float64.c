/* baseline_float64.c: the engine in float64 for the instructions that every CPU of the architecture has: SSE2 on
   x86-64, NEON on AArch64, as the compiler finds them. Flags: setup.py. */
#define FASTNN_TARGET_NAME baseline
#if defined(__GNUC__) || defined(__clang__) /* any other compiler: one number at a time */
#define FASTNN_VECTOR_BYTES 16
#endif
#include "kernels/engine.h"
