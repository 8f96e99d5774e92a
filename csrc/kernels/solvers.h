/* solvers.h: one step of each solver, in one pass over the packed parameters, with the L2 penalty and the
   decoupled weight decay on the weights alone. Padding has gradient 0 and stays 0.
   Formulas: reference/batched.py has the same from the maths, on flat arrays. */
#ifndef FASTNN_SOLVERS_H
#define FASTNN_SOLVERS_H

#include <math.h>

#include "fastnn.h"      /* fastnn_training */
#include "simd/vector.h" /* vec, v_load, v_store, v_all, v_fma, v_sqrt */

/* The constants of one update, ready to be broadcast. */
typedef struct {
    real l2, momentum, beta_1, beta_2, epsilon;
    real rest_1, rest_2; /* 1 - beta */
    real rate;           /* of Adam with its bias correction */
    real decay;          /* AdamW: the share of a weight that is taken away */
} step_constants;

static step_constants step_of(const fastnn_training *training, double learning_rate, double l2,
                              int64_t n_updates_before) {
    step_constants step = {
        .l2 = (real)l2,
        .rate = (real)learning_rate,
        .momentum = (real)training->momentum,
        .beta_1 = (real)training->beta_1,
        .beta_2 = (real)training->beta_2,
        .rest_1 = (real)(1 - training->beta_1),
        .rest_2 = (real)(1 - training->beta_2),
        .epsilon = (real)training->epsilon,
        .decay = 0,
    };
    double t = (double)(n_updates_before + 1);
    switch (training->solver) {
    case FASTNN_SOLVER_sgd:
    case FASTNN_SOLVER_rmsprop: break;
    case FASTNN_SOLVER_adamw: step.decay = (real)(learning_rate * training->weight_decay); /* fall through */
    case FASTNN_SOLVER_adam:
        step.rate = (real)(learning_rate * sqrt(1 - pow(training->beta_2, t)) / (1 - pow(training->beta_1, t)));
        break;
    }
    return step;
}

/* The velocity does not matter without momentum, and is left alone. */
INLINE void descend(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i));
        v_store(p + i, v_fma(v_all(-s->rate), gradient, v_load(p + i)));
    }
}

INLINE void momentum(const step_constants *s, vec l2, const int nesterov, ptrdiff_t n, real *p, const real *g,
                     real *velocity) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec step = v_all(-s->rate) * v_fma(l2, v_load(p + i), v_load(g + i));
        vec v = v_fma(v_all(s->momentum), v_load(velocity + i), step);
        v_store(velocity + i, v);
        v_store(p + i, v_load(p + i) + (nesterov ? v_fma(v_all(s->momentum), v, step) : v));
    }
}

INLINE void rmsprop(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g, real *second) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i));
        vec v = v_fma(v_all(s->beta_2), v_load(second + i), v_all(s->rest_2) * (gradient * gradient));
        v_store(second + i, v);
        v_store(p + i, v_load(p + i) - v_all(s->rate) * gradient / (v_sqrt(v) + v_all(s->epsilon)));
    }
}

INLINE void adam(const step_constants *s, vec l2, vec decay, ptrdiff_t n, real *p, const real *g, real *first,
                 real *second) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i));
        vec m = v_fma(v_all(s->beta_1), v_load(first + i), v_all(s->rest_1) * gradient);
        vec v = v_fma(v_all(s->beta_2), v_load(second + i), v_all(s->rest_2) * (gradient * gradient));
        v_store(first + i, m);
        v_store(second + i, v);
        vec rest = v_fma(-decay, v_load(p + i), v_load(p + i));
        v_store(p + i, rest - v_all(s->rate) * m / (v_sqrt(v) + v_all(s->epsilon)));
    }
}

/* A range of the blocks: weights, or biases, which neither penalty nor decay touches. */
static void step_range(const fastnn_training *training, const step_constants *s, real l2, real decay, ptrdiff_t n,
                       real *p, const real *g, real *state, ptrdiff_t to_second) {
    switch (training->solver) {
    case FASTNN_SOLVER_rmsprop: rmsprop(s, v_all(l2), n, p, g, state); break;
    case FASTNN_SOLVER_adam:
    case FASTNN_SOLVER_adamw: adam(s, v_all(l2), v_all(decay), n, p, g, state, state + to_second); break;
    case FASTNN_SOLVER_sgd:
        if (training->momentum == 0) {
            descend(s, v_all(l2), n, p, g);
        } else if (training->nesterov) {
            momentum(s, v_all(l2), 1, n, p, g, state);
        } else {
            momentum(s, v_all(l2), 0, n, p, g, state);
        }
        break;
    }
}

/* One step of the numbers `begin` to before `end` of packed blocks of n_packed: weights or biases; gradient: theirs. */
static void solver_step(const fastnn_training *training, const step_constants *s, int are_weights, ptrdiff_t begin,
                        ptrdiff_t end, ptrdiff_t n_packed, real *parameters, const real *gradient, real *state) {
    step_range(training, s, are_weights ? s->l2 : 0, are_weights ? s->decay : 0, end - begin, parameters + begin,
               gradient, state + begin, n_packed);
}
#endif
