/* test_engine.c: the C tests of one target and dtype. Compiled like a stub of csrc/targets, by -D macros instead of
   #define, with sanitizers; tests/test_c.py builds and runs it for all of them, behind main.c. */
#define WORK_BETWEEN_LOOKS 0 /* small networks poll too */
#define SECONDS_BETWEEN_POLLS 0
#define MEETING 0.0 /* and have teams, whose rounds are short */
#define LINE 20.0
#define GAIN 1e9
#define COLD_START 0
#define BYTES_ON_THE_WAY 1
#define SPARSE_FROM 1 /* and few entries */
#define SORTED 150
#define HALF_A_PAGE 64 /* whose rows would fall together */
#define FAR_BYTES 4096 /* and wide layers */
#define COPIED_BYTES (4096 * REAL_BYTES)
#define UNPACKED_BYTES 512 /* which prediction does not pack */
#include "drops.h"
#include "encodings.h"
#include "entries.h"
#include "heads.h"
#include "kernels.h"
#include "teams.h"

int test_engine(void);

int test_engine(void) {
    test_teams();
    test_squares();
    test_activations();
    test_activated_rows();
    test_products();
    test_column_sums();
    test_rows();
    test_losses();
    test_softmax();
    test_heads();
    test_drops();
    test_encodings();
    test_entries();
    printf("%ld checks, vectors of %d bytes\n", n_checks, (int)(LANES * sizeof(real)));
    return n_checks > 100000 ? 0 : 1;
}
