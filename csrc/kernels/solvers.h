/* solvers.h: one step of each solver, in one pass over the packed parameters, with the L2 penalty and, of those that
   have it, the decoupled weight decay, on the weights alone; and the pass before it for what else a step is made of.
   Padding has gradient 0 and stays 0.
   Formulas: reference/solvers.py has the same from the maths, on flat arrays. */
#ifndef FASTNN_SOLVERS_H
#define FASTNN_SOLVERS_H

#include <math.h>

#include "fastnn.h"      /* fastnn_training */
#include "simd/vector.h" /* vec, v_load, v_store, v_all, v_fma, v_sqrt, v_sign, v_max, v_min */

/* The constants of one update, ready to be broadcast. */
typedef struct {
    real l2, momentum, beta_1, beta_2, epsilon;
    real rest_1, rest_2;       /* 1 - beta */
    real rate;                 /* with a bias correction, where there is one */
    real decay;                /* the share of a weight that is taken away */
    real of_gradient, of_mean; /* nadam: their parts of the step */
    real l1, scale;            /* what else becomes of a gradient: its clipping */
    int prepares;              /* there is something for prepare_step */
} step_constants;

/* The momentum of nadam at an update, and the product of all up to it: soon too small to count beside 1. */
static double momentum_at(double beta_1, double t) { return beta_1 * (1 - 0.5 * pow(0.96, 0.004 * t)); }

static double momenta_until(double beta_1, double t) {
    double product = 1;
    if (t > 100) { /* each of these is below 0.51 */
        return 0;
    }
    for (double i = 1; i <= t; i++) {
        product *= momentum_at(beta_1, i);
    }
    return product;
}

/* Whether the solver's own pass lets weights decay. */
static int has_decay(const fastnn_training *training) {
    return training->solver == FASTNN_SOLVER_adam || training->solver == FASTNN_SOLVER_adamw;
}

/* Whether prepare_step has anything to do. */
static void see_what_prepares(const fastnn_training *training, step_constants *s) {
    s->prepares = s->l1 != 0 || s->scale != 1 || (s->decay != 0 && !has_decay(training));
}

/* What is the same in all updates of a run. */
SMALL step_constants constants_of(const fastnn_training *training) {
    return (step_constants){
        .momentum = (real)training->momentum,
        .beta_1 = (real)training->beta_1,
        .beta_2 = (real)training->beta_2,
        .rest_1 = (real)(1 - training->beta_1),
        .rest_2 = (real)(1 - training->beta_2),
        .epsilon = (real)training->epsilon,
        .l1 = (real)training->l1,
    };
}

/* And what is an update's own. share: of the decay that is left. */
SMALL void set_update(const fastnn_training *training, double learning_rate, double l2, int64_t n_updates_before,
                      double share, step_constants *step) {
    double t = (double)(n_updates_before + 1);
    step->l2 = (real)l2;
    step->rate = (real)learning_rate;
    step->decay = (real)(learning_rate * training->weight_decay * share);
    step->scale = 1;
    see_what_prepares(training, step);
    switch (training->solver) {
    case FASTNN_SOLVER_sgd:
    case FASTNN_SOLVER_rmsprop:
    case FASTNN_SOLVER_adagrad:
    case FASTNN_SOLVER_lion:
    case FASTNN_SOLVER_rprop: break;
    case FASTNN_SOLVER_nadam: {
        double corrects = sqrt(1 - pow(training->beta_2, t)), b1 = training->beta_1, now = momentum_at(b1, t);
        double ahead = momentum_at(b1, t + 1), product = momenta_until(b1, t);
        step->rate = (real)(learning_rate * corrects);
        step->epsilon = (real)(training->epsilon * corrects);
        step->of_gradient = (real)((1 - now) / (1 - product));
        step->of_mean = (real)(ahead / (1 - product * ahead));
        break;
    }
    case FASTNN_SOLVER_adamw:
    case FASTNN_SOLVER_adam:
        step->rate = (real)(learning_rate * sqrt(1 - pow(training->beta_2, t)) / (1 - pow(training->beta_1, t)));
        break;
    }
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

INLINE void nadam(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g, real *first, real *second) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i));
        vec m = v_fma(v_all(s->beta_1), v_load(first + i), v_all(s->rest_1) * gradient);
        vec v = v_fma(v_all(s->beta_2), v_load(second + i), v_all(s->rest_2) * (gradient * gradient));
        v_store(first + i, m);
        v_store(second + i, v);
        vec direction = v_fma(v_all(s->of_mean), m, v_all(s->of_gradient) * gradient);
        v_store(p + i, v_load(p + i) - v_all(s->rate) * direction / (v_sqrt(v) + v_all(s->epsilon)));
    }
}

INLINE void adagrad(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g, real *sum) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i));
        vec v = v_fma(gradient, gradient, v_load(sum + i));
        v_store(sum + i, v);
        v_store(p + i, v_load(p + i) - v_all(s->rate) * gradient / (v_sqrt(v) + v_all(s->epsilon)));
    }
}

INLINE void lion(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g, real *mean) {
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i)), m = v_load(mean + i);
        vec direction = v_fma(v_all(s->beta_1), m, v_all(s->rest_1) * gradient);
        v_store(mean + i, v_fma(v_all(s->beta_2), m, v_all(s->rest_2) * gradient));
        v_store(p + i, v_fma(v_all(-s->rate), v_sign(direction), v_load(p + i)));
    }
}

/* A size of 0 has not been used yet. Where the sign has changed there is no step, and no sign to change next time. */
INLINE void rprop(const step_constants *s, vec l2, ptrdiff_t n, real *p, const real *g, real *before, real *size) {
    const vec zero = v_all(0), shrinks = v_all((real)0.5), grows = v_all((real)1.2);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = v_fma(l2, v_load(p + i), v_load(g + i)), of_size = v_load(size + i);
        vec turns = v_sign(gradient) * v_sign(v_load(before + i));
        words has_turned = v_less(turns, zero);
        vec factor = v_select(v_less(zero, turns), grows, v_select(has_turned, shrinks, v_all(1)));
        of_size = v_select(v_equal(of_size, zero), v_all(s->rate), of_size) * factor;
        of_size = v_min(v_max(of_size, v_all((real)1e-6)), v_all(50));
        gradient = v_mask(~has_turned, gradient);
        v_store(size + i, of_size);
        v_store(before + i, gradient);
        v_store(p + i, v_fma(-of_size, v_sign(gradient), v_load(p + i)));
    }
}

/* A range of the blocks: weights, or biases, which neither penalty nor decay touches. */
static void step_range(const fastnn_training *training, const step_constants *s, real l2, real decay, ptrdiff_t n,
                       real *p, const real *g, real *state, ptrdiff_t to_second) {
    switch (training->solver) {
    case FASTNN_SOLVER_rmsprop: rmsprop(s, v_all(l2), n, p, g, state); break;
    case FASTNN_SOLVER_nadam: nadam(s, v_all(l2), n, p, g, state, state + to_second); break;
    case FASTNN_SOLVER_adagrad: adagrad(s, v_all(l2), n, p, g, state); break;
    case FASTNN_SOLVER_lion: lion(s, v_all(l2), n, p, g, state); break;
    case FASTNN_SOLVER_rprop: rprop(s, v_all(l2), n, p, g, state, state + to_second); break;
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

/* A gradient at w with its penalties. */
INLINE vec with_penalties(vec l1, vec l2, vec w, vec gradient) { return v_fma(l1, v_sign(w), v_fma(l2, w, gradient)); }

/* What is before the solver's own pass: penalties and clipping in the gradient, in place, and decay. After it, a step
   as of biases is all that is left. */
static void prepare_step(const step_constants *s, int are_weights, ptrdiff_t n, real *p, real *g) {
    vec l1 = v_all(are_weights ? s->l1 : 0), l2 = v_all(are_weights ? s->l2 : 0), scale = v_all(s->scale);
    vec decay = v_all(are_weights ? -s->decay : 0);
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec w = v_load(p + i);
        v_store(g + i, scale * with_penalties(l1, l2, w, v_load(g + i)));
        v_store(p + i, v_fma(decay, w, w));
    }
}

/* The sum of the squares of a gradient with its penalties. */
static double squared_norm(const step_constants *s, int are_weights, ptrdiff_t n, const real *p, const real *g) {
    vec l1 = v_all(are_weights ? s->l1 : 0), l2 = v_all(are_weights ? s->l2 : 0), sum = v_all(0);
    double total = 0;
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = with_penalties(l1, l2, v_load(p + i), v_load(g + i));
        sum = v_fma(gradient, gradient, sum);
    }
    for (int i = 0; i < LANES; i++) {
        total += LANE(sum, i);
    }
    if (isfinite(total)) {
        return total;
    }
    total = 0; /* of float32, squares may be too large where their sum is not */
    for (ptrdiff_t i = 0; i < n; i += LANES) {
        vec gradient = with_penalties(l1, l2, v_load(p + i), v_load(g + i));
        for (int k = 0; k < LANES; k++) {
            total += (double)LANE(gradient, k) * (double)LANE(gradient, k);
        }
    }
    return total;
}
#endif
