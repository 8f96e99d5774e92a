/* avx2_float64.c: the engine in float64 for AVX2 and FMA. Flags: setup.py. */
#define FASTNN_TARGET_NAME avx2
#define FASTNN_VECTOR_BYTES 32
#include "kernels/engine.h"
