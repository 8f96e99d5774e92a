/* entries.h: the functions of the engine's table on whole networks: runs, loss_and_gradient, forward, against plain
   loops in double; the work area is used within its declared size; CSR rows have the bits of dense ones, a row the bits
   it has alone, any team of threads those of one thread; and poll stops. */
#ifndef ENTRIES_TESTS_H
#define ENTRIES_TESTS_H

#include "plain.h"

typedef struct {
    fastnn_layer layers[MOST_LAYERS];
    int n_layers, n_in, n_out;
    ptrdiff_t n_weights, n;
} network_shape;

static network_shape shape_of(const int *sizes, int n_layers, int hidden, int output) {
    network_shape p = {.n_layers = n_layers, .n_in = sizes[0], .n_out = sizes[n_layers]};
    for (int l = 0; l < n_layers; l++) {
        p.n_weights += sizes[l] * sizes[l + 1];
    }
    ptrdiff_t weights = 0, biases = p.n_weights;
    for (int l = 0; l < n_layers; l++) {
        p.layers[l] = (fastnn_layer){
            sizes[l], sizes[l + 1], weights, biases, 0, 0, l < n_layers - 1 ? hidden : output, 0.25 + 0.25 * l, 0, 0,
            0};
        weights += sizes[l] * sizes[l + 1];
        biases += sizes[l + 1];
    }
    if (output == FASTNN_ACTIVATION_increasing) {
        p.layers[n_layers - 1].parameter = 3;
    }
    p.n = biases;
    return p;
}

/* n samples: X sparse enough for CSR to be one, y a class a row. */
typedef struct {
    fastnn_data dense, csr;
    real *X, *y, *weight, *entries;
    int32_t *columns;
    ptrdiff_t *starts;
} samples;

static samples samples_of(const network_shape *p, int n, fastnn_loss loss) {
    samples s = {.X = numbers(n * p->n_in), .y = zeros(n * p->n_out), .weight = numbers(n)};
    ptrdiff_t n_entries = 0;
    for (int i = 0; i < n * p->n_in; i++) {
        s.X[i] = below(3) ? 0 : s.X[i];
        n_entries += s.X[i] != 0;
    }
    s.entries = get((size_t)n_entries * sizeof(real));
    s.columns = get((size_t)n_entries * sizeof(int32_t));
    s.starts = get((size_t)(n + 1) * sizeof(ptrdiff_t));
    n_entries = 0;
    for (int r = 0; r < n; r++) {
        s.starts[r] = n_entries;
        s.y[r * p->n_out + below(p->n_out)] = 1;
        for (int i = r * p->n_out; loss == FASTNN_LOSS_gamma && i < (r + 1) * p->n_out; i++) {
            s.y[i] += (real)0.5;
        }
        s.weight[r] = (real)(1.5 + s.weight[r]);
        for (int j = 0; j < p->n_in; j++) {
            if (s.X[r * p->n_in + j] != 0) {
                s.entries[n_entries] = s.X[r * p->n_in + j];
                s.columns[n_entries++] = j;
            }
        }
    }
    s.starts[n] = n_entries;
    s.dense = (fastnn_data){.n_samples = n, .X = s.X, .y = s.y, .sample_weight = s.weight};
    s.csr = (fastnn_data){n, s.entries, s.columns, s.starts, 0, s.y, s.weight};
    return s;
}

static void samples_end(samples *s) {
    free(s->X), free(s->y), free(s->weight), free(s->entries), free(s->columns), free(s->starts);
}

static double *doubles(const real *x, ptrdiff_t n) {
    double *to = get((size_t)n * sizeof(double));
    for (ptrdiff_t i = 0; i < n; i++) {
        to[i] = x[i];
    }
    return to;
}

/* Objective and gradient of the rows listed, in double. */
static double plain_batch(const network_shape *p, fastnn_loss loss, double l2, const double *parameters,
                          const samples *s, const ptrdiff_t *rows, int n, double *gradient) {
    double total = 0, weight = 0, x[MOST_UNITS], y[MOST_UNITS], z[MOST_UNITS];
    memset(gradient, 0, (size_t)p->n * sizeof(double));
    for (int r = 0; r < n; r++) {
        for (int j = 0; j < p->n_in; j++) {
            x[j] = s->X[rows[r] * p->n_in + j];
        }
        for (int i = 0; i < p->n_out; i++) {
            y[i] = s->y[rows[r] * p->n_out + i];
        }
        double w = s->weight[rows[r]];
        total += w * plain_row(p->layers, p->n_layers, loss, parameters, x, y, w, z, gradient);
        weight += w;
    }
    double penalty = 0;
    for (ptrdiff_t i = 0; i < p->n; i++) {
        gradient[i] = gradient[i] / weight + (i < p->n_weights ? l2 * parameters[i] : 0);
        penalty += i < p->n_weights ? parameters[i] * parameters[i] : 0;
    }
    return total / weight + 0.5 * l2 * penalty;
}

static const fastnn_counters *polled; /* of the run that asks */

static int ask(void) { return polled->n_updates >= 2; }

enum { TEAM = 3 }; /* threads */

static void test_forward(const network_shape *p, const samples *s, int n, const real *parameters) {
    real *together = zeros(n * p->n_out), *other = zeros(n * p->n_out);
    double *exact = doubles(parameters, p->n), x[MOST_UNITS], z[MOST_UNITS], h[MOST_UNITS];
    static const char *const DIFFERS[] = {
        "",
        "a row alone has other bits",
        "CSR has other bits",
        "a team has other bits",
        "entries alone have other bits",
    };
    for (int how = 0; how < 5; how++) { /* together; one by one; CSR; by a team; CSR in order */
        for (int first = 0; first < n; first += how == 1 ? 1 : n) {
            fastnn_data data = how == 2 || how == 4 ? s->csr : s->dense;
            data.csr_in_order = how == 4;
            data.n_samples = how == 1 ? 1 : n;
            data.X = how == 1 ? s->X + first * p->n_in : data.X;
            int n_threads = how == 3 ? TEAM : 1;
            work_area work = work_begins(forward_work_size(p->layers, p->n_layers, &data, n_threads));
            real *out = (how ? other : together) + first * p->n_out;
            engine_forward(p->layers, p->n_layers, &data, parameters, out, 1, n_threads, NULL, work.start);
            work_ends(&work);
        }
        if (how) {
            same(other, together, n * p->n_out, DIFFERS[how]);
        }
    }
    for (int r = 0; r < n; r++) {
        for (int j = 0; j < p->n_in; j++) {
            x[j] = s->X[r * p->n_in + j];
        }
        plain_row(p->layers, p->n_layers, 0, exact, x, NULL, 1, z, NULL);
        plain_outputs((int)p->layers[p->n_layers - 1].activation, p->layers[p->n_layers - 1].parameter, p->n_out, z, h);
        for (int i = 0; i < p->n_out; i++) {
            close_to(together[r * p->n_out + i], h[i], 1, 200);
        }
    }
    real kept = s->X[(n - 1) * p->n_in];
    s->X[(n - 1) * p->n_in] = (real)NAN;
    work_area work = work_begins(forward_work_size(p->layers, p->n_layers, &s->dense, TEAM));
    if (engine_forward(p->layers, p->n_layers, &s->dense, parameters, other, 1, TEAM, NULL, work.start) !=
        FASTNN_NOT_FINITE) {
        fail("NaN in the last row was not seen");
    }
    work_ends(&work);
    s->X[(n - 1) * p->n_in] = kept;
    free(together), free(other), free(exact);
}

static void test_gradient(const network_shape *p, const samples *s, int n, fastnn_loss loss, const real *parameters) {
    real *gradient = zeros(p->n), *again = zeros(p->n);
    double *exact = doubles(parameters, p->n), *expected = get((size_t)p->n * sizeof(double)), value[5], cost[5];
    ptrdiff_t *rows = get((size_t)n * sizeof *rows);
    for (int r = 0; r < n; r++) {
        rows[r] = r;
    }
    static const char *const DIFFERS[] = {
        "",
        "gradient: CSR has other bits",
        "gradient: a team has other bits",
        "gradient: entries alone have other bits",
        "gradient: a team has other bits from entries alone",
    };
    for (int how = 0; how < 5; how++) { /* one thread; CSR; a team; CSR in order; this by a team */
        int n_threads = how == 2 || how == 4 ? TEAM : 1;
        fastnn_objective what = {.loss = loss, .parameter = PERCENT / 100.0, .quantiles = LEVELS};
        fastnn_data data = how % 2 || how == 4 ? s->csr : s->dense;
        data.csr_in_order = how >= 3;
        work_area work = work_begins(gradient_work_size(p->layers, p->n_layers, &data, n_threads));
        engine_loss_and_gradient(p->layers, p->n_layers, &what, 0.1, &data, parameters, how ? again : gradient, NULL,
                                 &value[how], &cost[how], n_threads, NULL, work.start);
        work_ends(&work);
        if (how && (value[how] != value[0] || cost[how] != cost[0])) {
            fail(DIFFERS[how]);
        }
        if (how) {
            same(gradient, again, p->n, DIFFERS[how]);
        }
    }
    close_to((real)value[0], plain_batch(p, loss, 0.1, exact, s, rows, n, expected), 10, 200);
    for (ptrdiff_t i = 0; i < p->n; i++) {
        close_to(gradient[i], expected[i], 4, 200);
    }
    free(gradient), free(again), free(exact), free(expected), free(rows);
}

/* A run, from its begin to its end, that is advanced by the updates: in one call, or one by one. */
static int run_whole(const fastnn_run *run, fastnn_updates *updates, int at_once) {
    work_area work = work_begins(run_work_size(run));
    engine_begin(run, work.start);
    fastnn_updates part = *updates;
    int stop = FASTNN_RAN;
    ptrdiff_t n_done = 0;
    while (n_done < updates->n && stop == FASTNN_RAN) {
        part.starts = updates->starts + n_done;
        part.n = at_once ? updates->n - n_done : 1;
        part.learning_rate = updates->learning_rate + n_done;
        part.l2 = updates->l2 + n_done;
        part.objective = updates->objective + n_done;
        part.cost = updates->cost + n_done;
        stop = engine_advance(run, &part, work.start);
        n_done += part.n_done;
    }
    engine_end(run, work.start);
    work_ends(&work);
    updates->n_done = n_done;
    return stop;
}

/* Three updates by batches of a size. */
static void test_run(const network_shape *p, const samples *s, int n, fastnn_loss loss, const real *start,
                     fastnn_training training, int size) {
    enum { UPDATES = 3 };
    int n_state = fastnn_solvers[training.solver].n_state;
    real *parameters = zeros(p->n), *state = zeros(n_state * p->n);
    memcpy(parameters, start, (size_t)p->n * sizeof(real));
    double *exact = doubles(start, p->n), *exact_state = calloc((size_t)(2 * p->n), sizeof(double));
    double *gradient = get((size_t)p->n * sizeof(double));
    double rate[UPDATES] = {0.1, 0.05, 0.1}, l2[UPDATES] = {0, 0.1, 0.02}, objective[UPDATES], cost[UPDATES];
    for (int k = 0; k < UPDATES && (training.solver == FASTNN_SOLVER_lion || training.solver == FASTNN_SOLVER_rprop);
         k++) {
        rate[k] *= 0.05; /* of steps that are as long whatever the gradient */
    }
    ptrdiff_t starts[UPDATES + 1], *rows = get((size_t)(UPDATES * size) * sizeof *rows);
    for (int k = 0; k < UPDATES * size; k++) {
        rows[k] = below(n);
    }
    for (int k = 0; k <= UPDATES; k++) {
        starts[k] = k * size;
    }
    fastnn_counters counters = {0, 0, 0, INFINITY};
    fastnn_run run = {
        .n_layers = p->n_layers,
        .layers = p->layers,
        .training = &training,
        .data = s->dense,
        .largest_batch = size,
        .parameters = parameters,
        .state = state,
        .counters = &counters,
        .n_threads = 1,
    };
    fastnn_updates updates = {
        .rows = rows,
        .starts = starts,
        .n = UPDATES,
        .learning_rate = rate,
        .l2 = l2,
        .objective = objective,
        .cost = cost,
    };
    if (run_whole(&run, &updates, 1) != FASTNN_RAN || updates.n_done != UPDATES || counters.n_updates != UPDATES) {
        fail("did not make its updates");
    }
    for (int k = 0; k < UPDATES; k++) {
        double expected = plain_batch(p, loss, l2[k], exact, s, rows + k * size, size, gradient);
        double penalty = 0;
        for (ptrdiff_t i = 0; i < p->n_weights; i++) {
            penalty += training.l1 * fabs(exact[i]);
        }
        close_to((real)objective[k], expected + penalty, fmax(10, expected), 2000);
        plain_step(&training, rate[k], k + 1, p->layers, p->n_layers, exact, gradient, exact_state);
    }
    for (ptrdiff_t i = 0; i < p->n; i++) {
        close_to(parameters[i], exact[i], 4, 2000);
    }

    /* By a team; one by one; likewise from entries alone; to the second update; stopped by poll before the third: as
       after the second. */
    real *all = zeros(p->n), *two = zeros(p->n), *first_state = zeros(n_state * p->n);
    memcpy(all, parameters, (size_t)p->n * sizeof(real));
    memcpy(first_state, state, (size_t)(n_state * p->n) * sizeof(real));
    enum { BY_TEAM, ONE_BY_ONE, ENTRIES, ENTRIES_BY_TEAM, TO_SECOND, STOPPED, TEAM_STOPPED, N_WAYS };
    for (int how = 0; how < N_WAYS; how++) {
        memcpy(parameters, start, (size_t)p->n * sizeof(real));
        memset(state, 0, (size_t)(n_state * p->n) * sizeof(real));
        counters = (fastnn_counters){0, 0, 0, INFINITY};
        updates.n = how == TO_SECOND ? 2 : UPDATES;
        run.ask = how >= STOPPED ? ask : NULL;
        run.n_threads = how == BY_TEAM || how == ENTRIES_BY_TEAM || how == TEAM_STOPPED ? TEAM : 1;
        run.data = how == ENTRIES || how == ENTRIES_BY_TEAM ? s->csr : s->dense;
        run.data.csr_in_order = 1;
        polled = &counters;
        int stop = run_whole(&run, &updates, how != ONE_BY_ONE);
        if (stop != (how >= STOPPED ? FASTNN_INTERRUPTED : FASTNN_RAN) ||
            updates.n_done != (how >= TO_SECOND ? 2 : UPDATES)) {
            fail("poll did not stop the run after two updates");
        }
        if (how < TO_SECOND) {
            same(parameters, all, p->n, "by a team, one by one, or from entries: other bits");
            same(state, first_state, n_state * p->n, "by a team, one by one, or from entries: another state");
        } else if (how == TO_SECOND) {
            memcpy(two, parameters, (size_t)p->n * sizeof(real));
        } else {
            same(parameters, two, p->n, "interrupted: not as after the last update");
        }
    }
    free(parameters), free(state), free(exact), free(exact_state), free(gradient), free(rows);
    free(all), free(two), free(first_state);
}

static void test_entries(void) {
    static const int HIDDEN[] = {
        FASTNN_ACTIVATION_tanh,     FASTNN_ACTIVATION_gelu,     FASTNN_ACTIVATION_logistic, FASTNN_ACTIVATION_silu,
        FASTNN_ACTIVATION_identity, FASTNN_ACTIVATION_mish,     FASTNN_ACTIVATION_elu,      FASTNN_ACTIVATION_softplus,
        FASTNN_ACTIVATION_sin,      FASTNN_ACTIVATION_softsign,
    };
    enum { N_HIDDEN = sizeof HIDDEN / sizeof *HIDDEN };
    int shape = 0;
    for (int pair = 0; pair < FASTNN_N_PAIRS; pair++) {
        fastnn_loss loss = fastnn_pairs[pair].loss;
        int a = (int)fastnn_pairs[pair].output_activation;
        seed = 88172645463325252u + (uint64_t)pair; /* whatever the number of pairs */
        for (int i = 0; i < N_SIZES; i++, shape++) {
            int sizes[MOST_LAYERS + 1] = {SIZES[i], SIZES[(i * 5 + a) % N_SIZES], SIZES[(i * 3 + 2) % N_SIZES], 0, 0};
            int n_layers = 1 + shape % 3, n = SIZES[(i * 7 + (int)loss) % N_SIZES] + 1;
            sizes[n_layers] = joint_size(a, shape % 4 == 3 ? 1 : SIZES[(i * 11 + a) % N_SIZES]);
            network_shape p = shape_of(sizes, n_layers, HIDDEN[shape / 3 % N_HIDDEN], a);
            samples s = samples_of(&p, n, loss);
            real *parameters = numbers(p.n);
            for (ptrdiff_t k = 0; k < p.n; k++) {
                parameters[k] *= (real)0.2;
            }
            TESTING("%s of %s, %d-%d-%d-%d, %d layers, %d rows", fastnn_losses[loss].name, fastnn_activations[a].name,
                    sizes[0], sizes[1], sizes[2], sizes[3], n_layers, n);
            test_forward(&p, &s, n, parameters);
            test_gradient(&p, &s, n, loss, parameters);
            fastnn_solver solver = (fastnn_solver)(shape % FASTNN_N_SOLVERS);
            fastnn_training how = {{.loss = loss, .parameter = PERCENT / 100.0, .quantiles = LEVELS},
                                   solver,
                                   shape % 2,
                                   shape % 3 * 0.4,
                                   0.8,
                                   0.9,
                                   0.1,
                                   0.2,
                                   0,
                                   1000,
                                   0,
                                   0,
                                   0,
                                   NULL,
                                   0,
                                   NULL,
                                   NULL,
                                   1,
                                   0,
                                   0};
            test_run(&p, &s, n, loss, parameters, how, shape % 5 == 0 ? 1 : n);
            static const double RATES[MOST_LAYERS][2] = {{1, 0}, {0.5, 2}, {0, 1}, {1, 1}};
            static const double STILL[MOST_LAYERS][2] = {{0, 0}, {0, 2}, {0.5, 1}, {1, 1}};
            how.l1 = shape % 3 == 0 ? 0.02 : 0;
            how.max_grad_norm = shape % 2 == 0 ? 0.3 : 0;
            how.max_norm = shape % 5 < 2 ? 0.5 : 0;
            how.rates = shape % 4 == 1 && n_layers > 1 ? STILL[0] : shape % 4 < 2 ? RATES[0] : NULL;
            test_run(&p, &s, n, loss, parameters, how, shape % 7 == 0 ? 1 : n);
            samples_end(&s);
            free(parameters);
        }
    }
}
#endif
