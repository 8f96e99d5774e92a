/* avx2_float32.c: the engine in float32 for AVX2 and FMA. Flags: setup.py. */
#define FASTNN_TARGET_NAME avx2
#define FASTNN_VECTOR_BYTES 32
#define FASTNN_FLOAT32
#include "kernels/engine.h"
