/* fastnn.h: the whole C interface of fastnn, all that Cython sees of csrc.
   It owns the ids of the tables, the structs that Python, Cython and C share, and the engine's functions. What begins
   with fastnn_ stands here: of a unit nothing else leaves. */
#ifndef FASTNN_H
#define FASTNN_H

#include <stddef.h>
#include <stdint.h>

/* Ids: FASTNN_ACTIVATION_relu, FASTNN_LOSS_log_loss, ... A switch over them has a case for each and no default, so that
   a row without its case does not compile (-Werror=switch). */

typedef enum {
#define FASTNN_ACTIVATION(name, hidden, output, keeps_slope, parameter, by_default) FASTNN_ACTIVATION_##name,
#include "tables/activations.def"
#undef FASTNN_ACTIVATION
} fastnn_activation;

typedef enum {
#define FASTNN_LOSS(name, targets, takes_labels, times_slope) FASTNN_LOSS_##name,
#define FASTNN_PAIR(loss, output_activation)
#include "tables/losses.def"
#undef FASTNN_LOSS
#undef FASTNN_PAIR
} fastnn_loss;

typedef enum {
#define FASTNN_SOLVER(name, n_state) FASTNN_SOLVER_##name,
#include "tables/solvers.def"
#undef FASTNN_SOLVER
} fastnn_solver;

typedef enum {
#define FASTNN_ENCODING(name) FASTNN_ENCODING_##name,
#include "tables/encodings.def"
#undef FASTNN_ENCODING
} fastnn_encoding;

/* Rows, for those who list the tables. The names are in them: a pointer to each would be relocated in every unit, when
   the library is loaded. */

typedef struct {
    char name[16];
    int hidden;         /* may be the activation of a hidden layer */
    int output;         /* may be the activation of the output layer */
    int keeps_slope;    /* its slope is kept beside its output */
    char parameter[16]; /* what it is called; "none": it has none */
    double by_default;  /* the parameter where none is given */
} fastnn_activation_row;

typedef struct {
    char name[16];
    char targets[16]; /* that it takes */
    int takes_labels; /* a vector of targets holds class labels */
    int times_slope;  /* delta is the derivative by h times the slope of the output activation, else one by z */
} fastnn_loss_row;

typedef struct {
    fastnn_loss loss;
    fastnn_activation output_activation;
} fastnn_pair;

typedef struct {
    char name[16];
    int n_state; /* numbers of solver state a parameter */
} fastnn_solver_row;

static const fastnn_activation_row fastnn_activations[] = {
#define FASTNN_ACTIVATION(name, hidden, output, keeps_slope, parameter, by_default) \
    {#name, hidden, output, keeps_slope, #parameter, by_default},
#include "tables/activations.def"
#undef FASTNN_ACTIVATION
};

static const fastnn_loss_row fastnn_losses[] = {
#define FASTNN_LOSS(name, targets, takes_labels, times_slope) {#name, #targets, takes_labels, times_slope},
#define FASTNN_PAIR(loss, output_activation)
#include "tables/losses.def"
#undef FASTNN_LOSS
#undef FASTNN_PAIR
};

static const fastnn_pair fastnn_pairs[] = {
#define FASTNN_LOSS(name, targets, takes_labels, times_slope)
#define FASTNN_PAIR(loss, output_activation) {FASTNN_LOSS_##loss, FASTNN_ACTIVATION_##output_activation},
#include "tables/losses.def"
#undef FASTNN_LOSS
#undef FASTNN_PAIR
};

static const fastnn_solver_row fastnn_solvers[] = {
#define FASTNN_SOLVER(name, n_state) {#name, n_state},
#include "tables/solvers.def"
#undef FASTNN_SOLVER
};

enum {
    FASTNN_N_ACTIVATIONS = sizeof fastnn_activations / sizeof *fastnn_activations,
    FASTNN_N_LOSSES = sizeof fastnn_losses / sizeof *fastnn_losses,
    FASTNN_N_PAIRS = sizeof fastnn_pairs / sizeof *fastnn_pairs,
    FASTNN_N_SOLVERS = sizeof fastnn_solvers / sizeof *fastnn_solvers
};

/* Bytes: where blocks of numbers begin. */
enum { FASTNN_ALIGNMENT = 64 };

/* How a call of advance ended. */
enum fastnn_stop {
    FASTNN_RAN = 0,         /* made every update that was asked for */
    FASTNN_CONVERGED = 1,   /* stopped by tol, after the update that completed a pass */
    FASTNN_DIVERGED = 2,    /* stopped before an update whose objective is not finite */
    FASTNN_INTERRUPTED = 3, /* stopped by poll: as after the last update made */
    FASTNN_NOT_FINITE = 4,  /* forward found NaN or infinity in X; outputs of other rows may be written */
    FASTNN_OVERFLOWED = 5   /* forward wrote all outputs, but the sums behind some of them are not finite */
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
    double parameter;    /* of the activation, where it has one */
    ptrdiff_t n_blocks;  /* of the outputs, of the last layer of a network with several heads; else 0 */
    ptrdiff_t gates;     /* of (n_out,) in the parameter block: each unit's share of its activation; 0: it has none */
    ptrdiff_t n_columns; /* of a first layer that encodes raw columns; else 0 */
} fastnn_layer;

/* The outputs of several heads stand in blocks, each with an activation of its own: so many layers follow the last in
   the array, each a part of it, in the order of the outputs. The last layer itself then is identity.

   A first layer that encodes has no weights between its units. After the layers and blocks stands an encoding of each
   of its inputs, a row each: n_in its frequencies or levels, n_out the numbers that it gives, from `outputs` of the
   layer's on, from column `inputs`; `weights` its own parameters; `activation` its fastnn_encoding, `parameter` a
   factor of its learning rate. The layer's biases are what its outputs are multiplied by. */

/* What a training run has counted so far; it goes on in the next one. */
typedef struct {
    int64_t n_updates;    /* made since the start */
    double pass_cost;     /* sum over the rows of the current pass of the mean error norm */
    int64_t pass_rows;    /* rows of the current pass so far */
    double previous_cost; /* mean over the last complete pass, +inf before there is one */
} fastnn_counters;

typedef struct fastnn_head fastnn_head;

/* What is made small. as_sklearn: it is reported as by scikit-learn, with probabilities clipped to [eps, 1 - eps] and
   squared errors averaged over the outputs; and training goes on where it is not finite. The gradient is the same. */
typedef struct {
    fastnn_loss loss;
    int as_sklearn;
    double parameter;         /* of the loss, where it has one */
    int has_soft_targets;     /* of the log loss, which then is reported from the logits in any case */
    const double *quantiles;  /* of the outputs of a group, under the output activation increasing; else NULL */
    const fastnn_head *heads; /* one a block of the outputs, each with its loss, as_sklearn alone is common; or NULL */
} fastnn_objective;

/* One of several heads. Its targets may be NaN, which are not observed: they add nothing to loss and gradient. */
struct fastnn_head {
    fastnn_objective objective;
    double weight; /* of its loss in the sum */
};

/* How a network is trained, below the level of one update. */
typedef struct {
    fastnn_objective objective;
    fastnn_solver solver;
    int nesterov;
    double momentum, beta_1, beta_2, epsilon, weight_decay, tol;
    int64_t updates_per_pass;
    double l1, max_grad_norm, max_norm; /* 0: none */
    const int32_t *dropped; /* (n_layers,): of 65536 inputs of a layer, those that are dropped; NULL: none anywhere */
    uint64_t seed;          /* of which */
    const double *rates;    /* (n_layers, 2): factors of the learning rate of weights and biases; NULL: all are 1 */
    const double *decays;   /* (n_layers,): of the decay of weights, in place of those of their rates; NULL: these */
    double gate_rate;       /* likewise of all gates */
    int64_t fade_from, fade_until; /* updates: between them dropout and decay go to 0; both 0: never */
} fastnn_training;

/* Numbers here are of the dtype of the kernels that are called. */

/* What a network learns from, and predicts: X dense, or CSR. Of CSR rows in order, with few entries, these alone
   are taken; others are made dense when they come. */
typedef struct {
    ptrdiff_t n_samples;
    const void *X;               /* (n_samples, n_in), or the CSR entries */
    const int32_t *csr_columns;  /* (n_entries,): the column of each entry; NULL: X is dense */
    const ptrdiff_t *csr_starts; /* (n_samples + 1,): the first entry of each row, and their number */
    int csr_in_order;            /* each row's columns rise, none comes twice */
    const void *y;               /* (n_samples, n_out) */
    const void *sample_weight;   /* (n_samples,); NULL: all are 1 */
} fastnn_data;

/* Whether to stop; the binding asks Python. */
typedef int (*fastnn_ask)(void);

/* A run, which stays open: begun once, advanced as often as wanted, ended. Between two calls of advance the parameters
   are up to date and may be changed; the solver's state is so again after the end. Both are flat, as spec.py lays them
   out. All of it stays as it was begun with. */
typedef struct {
    ptrdiff_t n_layers;
    const fastnn_layer *layers;
    const fastnn_training *training;
    fastnn_data data;
    ptrdiff_t largest_batch;   /* rows of the largest batch that will come, for the plan of threads */
    void *parameters;          /* IN and OUT */
    void *state;               /* IN and OUT: the solver's */
    fastnn_counters *counters; /* IN and OUT */
    int n_threads;             /* at most; never more than the work of an update pays for */
    fastnn_ask ask;            /* called some 30 times a second by the calling thread; not 0: stop; NULL: never */
} fastnn_run;

/* One call of advance. */
typedef struct {
    const ptrdiff_t *rows;   /* the rows that the updates take, one batch after the other; NULL: all, in order */
    const ptrdiff_t *starts; /* batch k is rows[starts[k]] to rows[starts[k + 1] - 1] */
    ptrdiff_t n;
    const double *learning_rate, *l2; /* (n,) */
    double *objective, *cost;         /* OUT: (n,) */
    ptrdiff_t n_done;                 /* OUT: updates made */
} fastnn_updates;

/* All kernels of one instruction set and one dtype. `work` is an aligned block of as many bytes as the work
   size of its kind says. */
typedef struct {
    const char *target;
    int vector_bytes;

    /* A run, all of whose calls get the same work area. advance returns how it ended. put_state brings the solver's
       numbers into the state meanwhile, as end does at last. */
    size_t (*run_work_size)(const fastnn_run *run);
    void (*begin)(const fastnn_run *run, void *work);
    int (*advance)(const fastnn_run *run, fastnn_updates *updates, void *work);
    void (*put_state)(const fastnn_run *run, void *work);
    void (*end)(const fastnn_run *run, void *work);

    size_t (*gradient_work_size)(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data,
                                 int n_threads);
    /* gradient: OUT, flat; outputs: OUT (n_samples, n_out); either NULL if not wanted. Returns FASTNN_RAN or
     * FASTNN_INTERRUPTED. */
    int (*loss_and_gradient)(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_objective *objective,
                             double l2, const fastnn_data *data, const void *parameters, void *gradient, void *outputs,
                             double *value, double *cost, int n_threads, fastnn_ask ask, void *work);

    /* Outputs (n_samples, n_out) of the rows of X; y and weights are not read. Dense rows are looked at for NaN and
       infinity where `checks`. */
    size_t (*forward_work_size)(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data, int n_threads);
    int (*forward)(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data, const void *parameters,
                   void *out, int checks, int n_threads, fastnn_ask ask, void *work);

    void (*log)(const void *x, void *out, ptrdiff_t n); /* of n numbers */

    /* An elementwise activation of n numbers, and its slope where that is kept; slopes: OUT, or NULL. */
    void (*activation)(fastnn_activation activation, double parameter, const void *x, void *out, void *slopes,
                       ptrdiff_t n);

    /* The yardstick of the benchmark: n rounds of independent multiply-adds; returns the floating-point operations. */
    double (*multiply_adds)(ptrdiff_t n);
} fastnn_kernels;

/* Blocks aligned to FASTNN_ALIGNMENT, NULL where there is no memory; core/memory.c. */
void *fastnn_allocate(size_t n);
void fastnn_free(void *block); /* NULL is allowed */
void fastnn_forget(void *start,
                   size_t n); /* a part of one, whose contents nobody reads again: its memory, if it is much */

/* A block kept for the next call. A thread that finds it taken gets one of its own. Starts as all zeros. */
typedef struct {
    void *block;
    size_t size;
    volatile long is_taken;
} fastnn_scratch;
void *fastnn_scratch_take(fastnn_scratch *scratch, size_t n); /* at least n bytes, or NULL */
void fastnn_scratch_give_back(fastnn_scratch *scratch, void *block);
void fastnn_scratch_free(fastnn_scratch *scratch);

/* Threads: a team of OpenMP's where the build has it, else the calling thread alone; core/threads.c. */
void fastnn_threads_begin(void); /* once, before all else */
int fastnn_has_openmp(void);
int fastnn_is_forked(void);       /* whether this process came out of a fork since fastnn was loaded */
int fastnn_default_threads(void); /* that OMP_NUM_THREADS, threadpoolctl and the process's CPUs allow; forked: 1 */

/* Whoever computes for long says so, so that nobody takes a second core from another run. */
void fastnn_work_begins(void);
void fastnn_work_ends(void);
int fastnn_team_take(void); /* whether the caller, who works, has the team: nobody else works, or did just now */
void fastnn_team_give_back(void);
/* The owner tells how long it waited for the others of n. Short uses are added up until there are some milliseconds to
   judge by. Returns whether the team pays; if not, for some time nobody gets it: another process has the CPUs. */
#define FASTNN_TIME_TO_JUDGE 4e-3 /* seconds: a thread that slept has come, and a short guest of its CPU gone */
int fastnn_team_pays(double waited, double elapsed, int n_threads);
int fastnn_team_is_wanted(void); /* whether somebody else works now */
int fastnn_team_is_free(void);   /* what fastnn_team_take would say */
int fastnn_team_is_awake(void);  /* or would soon be: work has gone on for some time, with short pauses at most */

/* Do a task on up to n threads, the caller being thread 0; the task learns how many there are. One meets the others. */
typedef void fastnn_task(void *job, int thread, int n_threads);
void fastnn_parallel(int n_threads, fastnn_task *task, void *job);
void fastnn_meet(void);

double fastnn_seconds(void); /* of a clock that starts anywhere */

/* Rows of a table of numbers, and the answers of an estimator; core/answers.c. */

/* Raw matrix of rows X (n_rows, n_columns): raw column k is made of the cell at places[k] by its centre and factor,
   numbers (n_raw, 2); one at ~places[k] says where that is missing. Returns 0 if a cell is infinite. */
int fastnn_raw_rows(const void *X, int is_float64, ptrdiff_t n_rows, ptrdiff_t n_columns, const ptrdiff_t *places,
                    const double *numbers, ptrdiff_t n_raw, float *raw);
/* Means of outputs (n_members, n_rows, n_out), and what is made of them: the place of the largest of each row in
   `codes` unless it is NULL; else in `out` (n_rows, n_out) the share of each in its row or, with units (4, n_out),
   which are scales, centres, lowest and highest, numbers between these. Returns 0 if an output is not finite. */
int fastnn_answer(ptrdiff_t n_members, ptrdiff_t n_rows, ptrdiff_t n_out, const float *outputs, const double *units,
                  ptrdiff_t *codes, double *out);

/* Kernels of the instruction set in use, and which there are; core/dispatch.c. */
const fastnn_kernels *fastnn_active(int is_float64);
ptrdiff_t fastnn_n_targets(void);                 /* that this build has and this machine can run */
const char *fastnn_target_name(ptrdiff_t target); /* slowest first */
void fastnn_use(ptrdiff_t target);

#endif
