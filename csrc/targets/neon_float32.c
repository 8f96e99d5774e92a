/* neon_float32.c: the engine in float32 for AArch64's NEON by its own instructions. Flags: setup.py. */
#define FASTNN_TARGET_NAME neon
#define FASTNN_VECTOR_BYTES 16
#define FASTNN_NEON
#define FASTNN_FLOAT32
#include "kernels/engine.h"
