/* fastnn.h: the whole C interface of fastnn, all that Cython sees of csrc.
   It owns the ids of the tables and the structs that Python, Cython and C share.
   Included by _tables.pyx (names and ids for Python) and _sample.pxd and _loops.pyx (ids and structs). */
#ifndef FASTNN_H
#define FASTNN_H

#include <stddef.h>
#include <stdint.h>

/* Ids: FASTNN_ACTIVATION_relu, FASTNN_LOSS_log_loss, ... */

enum fastnn_activation {
#define FASTNN_ACTIVATION(name, hidden, output) FASTNN_ACTIVATION_##name,
#include "tables/activations.def"
#undef FASTNN_ACTIVATION
    FASTNN_N_ACTIVATIONS
};

enum fastnn_loss {
#define FASTNN_LOSS(name, output_activations) FASTNN_LOSS_##name,
#include "tables/losses.def"
#undef FASTNN_LOSS
    FASTNN_N_LOSSES
};

enum fastnn_optimizer {
#define FASTNN_OPTIMIZER(name, n_state) FASTNN_OPTIMIZER_##name,
#include "tables/optimizers.def"
#undef FASTNN_OPTIMIZER
    FASTNN_N_OPTIMIZERS
};

/* Rows, for those who list the tables. */

typedef struct {
    const char *name;
    int hidden; /* may be the activation of a hidden layer */
    int output; /* may be the activation of the output layer */
} fastnn_activation_row;

typedef struct {
    const char *name;
    uint32_t output_activations; /* bit i: may be paired with the output activation of id i */
} fastnn_loss_row;

typedef struct {
    const char *name;
    int n_state; /* numbers of optimizer state a parameter */
} fastnn_optimizer_row;

static const fastnn_activation_row fastnn_activations[] = {
#define FASTNN_ACTIVATION(name, hidden, output) {#name, hidden, output},
#include "tables/activations.def"
#undef FASTNN_ACTIVATION
};

static const fastnn_loss_row fastnn_losses[] = {
#define FASTNN_BIT(name) (UINT32_C(1) << FASTNN_ACTIVATION_##name)
#define FASTNN_LOSS(name, output_activations) {#name, output_activations},
#include "tables/losses.def"
#undef FASTNN_LOSS
#undef FASTNN_BIT
};

static const fastnn_optimizer_row fastnn_optimizers[] = {
#define FASTNN_OPTIMIZER(name, n_state) {#name, n_state},
#include "tables/optimizers.def"
#undef FASTNN_OPTIMIZER
};

/* How a call of run ended. */
enum fastnn_stop {
    FASTNN_RAN = 0,       /* made every update that was asked for */
    FASTNN_CONVERGED = 1, /* stopped by tol, after the update that completed a pass */
    FASTNN_DIVERGED = 2   /* stopped before an update whose objective is not finite */
};

/* One layer of weights: where its numbers are. Offsets count numbers, not bytes. */
typedef struct {
    ptrdiff_t n_in;
    ptrdiff_t n_out;
    ptrdiff_t weights; /* of (n_out, n_in) in the parameter block, rows contiguous */
    ptrdiff_t biases;  /* of (n_out,) in the parameter block */
    ptrdiff_t inputs;  /* of the layer's inputs in a row of unit values: input units first */
    ptrdiff_t outputs; /* of its outputs in the same row */
    ptrdiff_t activation;
} fastnn_layer;

/* What a training run has counted so far; it goes on in the next call of run. */
typedef struct {
    int64_t n_updates;    /* made since the start */
    double pass_cost;     /* sum over the rows of the current pass of the mean error norm */
    int64_t pass_rows;    /* rows of the current pass so far */
    double previous_cost; /* mean over the last complete pass, +inf before there is one */
} fastnn_counters;

#endif
