/* avx512_float64.c: the engine in float64 for AVX-512 (F, VL, DQ, BW). Flags: setup.py. */
#define FASTNN_TARGET_NAME avx512
#define FASTNN_VECTOR_BYTES 64
#include "kernels/engine.h"
