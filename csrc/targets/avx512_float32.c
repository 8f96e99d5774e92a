/* avx512_float32.c: the engine in float32 for AVX-512 (F, VL, DQ, BW). Flags: setup.py. */
#define FASTNN_TARGET_NAME avx512
#define FASTNN_VECTOR_BYTES 64
#define FASTNN_FLOAT32
#include "kernels/engine.h"
