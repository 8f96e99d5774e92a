/* neon_float64.c: the engine in float64 for AArch64's NEON by its own instructions. Flags: setup.py. */
#define FASTNN_TARGET_NAME neon
#define FASTNN_VECTOR_BYTES 16
#define FASTNN_NEON
#include "kernels/engine.h"
