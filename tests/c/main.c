/* main.c: asks whether this CPU can run the test program, before anything compiled for an instruction set does.
   Compiled without the flags of one; tests/test_c.py says by -DNEEDS which row of csrc/tables/targets.def it has the
   instructions of, whose condition is asked. Exit code 77: no. */
#include <string.h>

#define FASTNN_BUILT_avx2
#define FASTNN_BUILT_avx512

int test_engine(void);

int main(void) {
#define FASTNN_TARGET(name, supported)               \
    if (strcmp(NEEDS, #name) == 0 && !(supported)) { \
        return 77;                                   \
    }
#if defined(__x86_64__) || defined(_M_X64)
#include "tables/targets.def"
#endif
    return test_engine();
}
