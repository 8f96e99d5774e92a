/* training.h: objective and gradient of a batch, and the loop over updates: gather, forward, losses, backward, step,
   curves, tol. Entered once for many updates; allocates nothing. Used by engine.h, whose table the binding calls.

   All threads of a team run the same loop, and meet after their rows and after their weights. What thread 0 alone knows,
   it writes while the rows are on the way, and all read it while the weights are; everything else, each of them finds
   out for itself from the same numbers, so that they always agree when to stop. */
#ifndef FASTNN_TRAINING_H
#define FASTNN_TRAINING_H

#include "kernels/network.h"
#include "kernels/optimizers.h"
#include "kernels/team.h"

/* One batch: the rows rows[0] ... of data, or without `rows` all of them, in order. */
typedef struct {
    const fastnn_data *data;
    const ptrdiff_t *rows;
    ptrdiff_t n_rows;
    ptrdiff_t n_listed; /* rows of this batch and of those after it */
    int loss, as_sklearn;
} batch;

/* What a team shares besides the network. */
typedef struct {
    const network *net;
    fastnn_run *run;     /* of make_updates */
    ptrdiff_t next;      /* update */
    int stop;            /* how the run ended */
    int may_grow;        /* a thread that is alone would rather have the team */
    int is_interrupted;  /* thread 0 writes, see above */
    int changes;         /* likewise: the team, after this update */
} team;

/* One thread of it. */
typedef struct {
    team *team;
    const network *net;
    int thread, n_threads;
    weight_share share;
    fastnn_poll asked;     /* thread 0 asks, */
    double since, waited, met; /* and sees how long it has waited for the others: until it met them last */
} member;

static member member_of(team *t, int thread, int n_threads, fastnn_ask ask) {
    return (member){.team = t, .net = t->net, .thread = thread, .n_threads = n_threads,
                    .share = share_of(t->net, thread, n_threads), .asked = {.ask = thread == 0 ? ask : NULL}};
}

static void meet(member *me) {
    if (me->n_threads > 1) {
        double came = me->thread == 0 ? fastnn_seconds() : 0;
        fastnn_meet();
        if (me->thread == 0) {
            me->met = fastnn_seconds();
            me->waited += me->met - came;
        }
    }
}

/* Of one row of a batch, in multiply-adds: products, and the rest. */
static double work_of_row(double n_weights) { return 3 * n_weights + 200; }

static double total_weight(const batch *b) {
    const real *weight = b->data->sample_weight;
    double total = 0;
    if (!weight) {
        return (double)b->n_rows;
    }
    for (ptrdiff_t r = 0; r < b->n_rows; r++) {
        total += weight[b->rows ? b->rows[r] : r];
    }
    return total;
}

/* The sums of the squares of every SQUARES weights: those that are this thread's. */
static void squares_of(const member *me) {
    const network *net = me->net;
    for (ptrdiff_t first = (ptrdiff_t)me->thread * SQUARES; first < net->n_weights; first += me->n_threads * SQUARES) {
        ptrdiff_t end = net->n_weights - first < SQUARES ? net->n_weights : first + SQUARES;
        vec squares = v_all(0);
        for (ptrdiff_t i = first; i < end; i += LANES) {
            squares = v_fma(v_load(net->parameters + i), v_load(net->parameters + i), squares);
        }
        double total = 0;
        for (int i = 0; i < LANES; i++) {
            total += LANE(squares, i);
        }
        net->squares[first / SQUARES] = total;
    }
}

/* Half of l2 times the sum of the squared weights. */
static double penalty(const network *net, double l2) {
    double total = 0;
    for (ptrdiff_t i = 0; l2 != 0 && i * SQUARES < net->n_weights; i++) {
        total += net->squares[i];
    }
    return 0.5 * l2 * total;
}

/* What a batch's objective has of the sum of its losses. */
static double reported(const network *net, const batch *b, double loss) {
    int averages = b->as_sklearn && b->loss == FASTNN_LOSS_squared_error;
    return averages ? loss / (double)net->layers[net->n_layers - 1].n_out : loss;
}

/* The deltas of the last layer from its logits, which stand where the deltas will, of n rows from `first` on. */
static void losses_of(const network *view, const batch *b, ptrdiff_t first, ptrdiff_t n, double total) {
    const layer *last = &view->layers[view->n_layers - 1];
    const real *y = b->data->y, *weight = b->data->sample_weight;
    if (!b->rows) {
        y += first * last->n_out;
        weight = weight ? weight + first : NULL;
    }
    loss_and_delta(b->loss, b->as_sklearn, last->activation, n, last->n_out, last->stride, y, weight,
                   b->rows ? b->rows + first : NULL, total, last->delta, view->lanes, view->totals);
}

static row_list listed(const batch *b, ptrdiff_t first, ptrdiff_t n) {
    return (row_list){b->rows ? b->rows + first : NULL, first, n, b->n_listed - first};
}

/* A piece through the network, to the losses, and to the deltas of all layers where they are wanted. Returns its
   inputs. */
static const real *through_network(member *me, const network *view, const batch *b, const piece *p, int with_deltas,
                                   double total) {
    const network *net = me->net;
    row_list chunk = listed(b, p->chunk_first, p->chunk_n), rows = listed(b, p->chunk_first + p->row, p->n);
    const real *inputs = inputs_of(net, b->data, &chunk);
    int copies = inputs == net->inputs;
    gather(net, b->data, &rows, copies, view->inputs);
    inputs = copies ? view->inputs : inputs + p->row * net->layers[0].n_in;
    forward_chunk(view, inputs, p->n, view->layers[net->n_layers - 1].delta, &me->asked);
    losses_of(view, b, p->chunk_first + p->row, p->n, total);
    if (with_deltas) {
        backward_chunk(view, p->n, &me->asked);
    }
    return inputs;
}

/* This thread's rows of a round likewise, in the chunks' slots. */
static void rows_of_round(member *me, const batch *b, const fastnn_round *r, int with_deltas, double total) {
    const network *net = me->net;
    ptrdiff_t n_groups = groups_of(r), end = part_begins(n_groups, me->thread + 1, me->n_threads);
    piece p;
    for (ptrdiff_t group = part_begins(n_groups, me->thread, me->n_threads); group < end;) {
        group = next_piece(r, group, end, &p);
        network view = view_of(net, me->thread, p.chunk, p.chunk, p.row);
        through_network(me, &view, b, &p, with_deltas, total);
    }
}

/* Whole chunks of a round likewise, in the thread's own slot, and their gradients. */
static void chunks_of_round(member *me, const batch *b, const fastnn_round *r, double total) {
    const network *net = me->net;
    ptrdiff_t n = chunks_of(r), end = part_begins(n, me->thread + 1, me->n_threads);
    for (ptrdiff_t chunk = part_begins(n, me->thread, me->n_threads); chunk < end; chunk++) {
        network view = view_of(net, me->thread, me->thread, chunk, 0);
        view.gradient = net->partial + chunk * net->n_packed;
        piece p = whole_chunk(r, chunk);
        const real *inputs = through_network(me, &view, b, &p, 1, total);
        for (ptrdiff_t l = net->n_layers - 1; l >= 0; l--) {
            gradient_chunk(&view, &view.layers[l], inputs, p.n, 0, shared_rows(&view.layers[l]), 0);
        }
    }
}

/* Numbers `begin` to before `end` of the gradient: the sum of the chunks', in their order, and of the rounds before. */
static void add_partial(const network *net, ptrdiff_t n_chunks, ptrdiff_t begin, ptrdiff_t end, int adds) {
    for (ptrdiff_t i = begin; i < end; i += LANES) {
        vec sum = v_load(net->partial + i);
        sum = adds ? v_load(net->gradient + i) + sum : sum;
        for (ptrdiff_t chunk = 1; chunk < n_chunks; chunk++) {
            sum = sum + v_load(net->partial + chunk * net->n_packed + i);
        }
        v_store(net->gradient + i, sum);
    }
}

/* The gradient of this thread's weights, without the penalty's, from the rows of a round; added to that of the rounds
   before. */
static void weights_of_round(const member *me, const batch *b, const fastnn_round *r) {
    const network *net = me->net;
    for (ptrdiff_t i = 0; i < chunks_of(r); i++) {
        network view = view_of(net, me->thread, i, i, 0);
        piece p = whole_chunk(r, i);
        row_list chunk = listed(b, p.chunk_first, p.n);
        const real *inputs = inputs_of(&view, b->data, &chunk);
        for (ptrdiff_t l = net->n_layers - 1; l >= 0; l--) {
            ptrdiff_t row, end = rows_of_share(net, &me->share, l, &row);
            if (row < end) {
                gradient_chunk(&view, &view.layers[l], inputs, p.n, row, end, p.chunk_first > 0);
            }
        }
    }
}

/* The same from the gradients of the chunks. */
static void sums_of_round(const member *me, const fastnn_round *r) {
    const network *net = me->net;
    add_partial(net, chunks_of(r), me->share.begin.place, me->share.end.place, r->first > 0);
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const layer *of = &net->layers[l];
        if (owns_biases(net, &me->share, l)) {
            add_partial(net, chunks_of(r), of->biases, of->biases + of->n_vectors * LANES, r->first > 0);
        }
    }
}

static void add_totals(const network *net, const fastnn_round *r, fastnn_totals *totals) {
    for (ptrdiff_t chunk = 0; chunk < chunks_of(r); chunk++) {
        const fastnn_totals *of = net->totals + chunk * whole_vectors(net->chunk);
        for (ptrdiff_t group = 0; group < whole_vectors(whole_chunk(r, chunk).n); group++) {
            totals->loss += of[group].loss;
            totals->norms += of[group].norms;
        }
    }
}

/* Objective and cost of a batch; the gradient without the penalty's where it is wanted. Returns whether to stop. The
   threads have met after their rows, and not after their weights. */
static int batch_pass(member *me, const batch *b, int with_gradient, double l2, double *objective, double *cost) {
    const network *net = me->net;
    fastnn_totals totals = {0, 0};
    double total = total_weight(b);
    int by_chunks = with_gradient && net->plan.by_chunks && me->n_threads > 1;
    fastnn_round r = {.chunk = chunk_of(b->n_rows, net->chunk)};
    ptrdiff_t n_chunks = me->n_threads == 1 ? 1 : by_chunks ? net->plan.n_chunks : net->plan.n_slots;
    ptrdiff_t most = n_chunks * r.chunk;
    if (l2 != 0) {
        squares_of(me);
    }
    for (; r.first < b->n_rows; r.first += most) {
        if (r.first > 0) {
            meet(me);
        }
        r.n = b->n_rows - r.first < most ? b->n_rows - r.first : most;
        poll(&me->asked, work_of_row((double)net->n_weights) * (double)r.n / me->n_threads);
        if (by_chunks) {
            chunks_of_round(me, b, &r, total);
        } else {
            rows_of_round(me, b, &r, with_gradient, total);
        }
        if (me->thread == 0) {
            me->team->is_interrupted = me->asked.stops;
        }
        meet(me);
        if (me->team->is_interrupted) {
            return 1;
        }
        add_totals(net, &r, &totals);
        if (by_chunks) {
            sums_of_round(me, &r);
        } else if (with_gradient) {
            weights_of_round(me, b, &r);
        }
    }
    *objective = reported(net, b, totals.loss) + penalty(net, l2);
    *cost = totals.norms / (double)b->n_rows;
    return 0;
}

/* A step of this thread's weights, and of the biases of those layers whose last weights are its own. */
static void step_share(const member *me, const fastnn_training *training, const fastnn_step *step) {
    const network *net = me->net;
    optimizer_step(training, step, 1, me->share.begin.place, me->share.end.place, net->n_packed, net->parameters,
                   net->gradient, net->state);
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const layer *of = &net->layers[l];
        if (owns_biases(net, &me->share, l)) {
            optimizer_step(training, step, 0, of->biases, of->biases + of->n_vectors * LANES, net->n_packed,
                           net->parameters, net->gradient, net->state);
        }
    }
}

static void copy_share(const member *me) {
    const network *net = me->net;
    for (ptrdiff_t l = 1; l < net->n_layers; l++) {
        ptrdiff_t row, end = rows_of_share(net, &me->share, l, &row);
        if (!net->layers[l].is_single) { /* which has no copy */
            copy_back(&net->layers[l], net->parameters, row, end);
        }
    }
}

/* A batch of one row, which is thread 0's: forward, to its losses. */
static int row_pass(member *me, const batch *b, double l2, double *objective, double *cost) {
    const network *net = me->net;
    if (me->thread == 0) {
        row_list row = listed(b, 0, 1);
        const real *inputs = inputs_of(net, b->data, &row);
        gather(net, b->data, &row, inputs == net->inputs, net->inputs);
        poll(&me->asked, work_of_row((double)net->n_weights));
        forward_one(net, inputs, net->layers[net->n_layers - 1].delta);
        losses_of(net, b, 0, 1, total_weight(b));
        me->team->is_interrupted = me->asked.stops;
    }
    if (l2 != 0) {
        squares_of(me);
    }
    meet(me);
    *objective = reported(net, b, net->totals[0].loss) + penalty(net, l2);
    *cost = net->totals[0].norms;
    return me->team->is_interrupted;
}

/* Backward, and one step: straight into the weights where the step is along the gradient, or from a gradient of rank
   one. */
static void row_step(const member *me, const fastnn_training *training, const batch *b, const fastnn_step *step,
                     double l2) {
    const network *net = me->net;
    ptrdiff_t last = net->n_layers - 1;
    row_list row = listed(b, 0, 1);
    const real *inputs = inputs_of(net, b->data, &row);
    backward_one(net);
    static const real one[] = {1};
    int descends = training->solver == FASTNN_OPTIMIZER_sgd && training->momentum == 0 && l2 == 0;
    for (ptrdiff_t l = 0; l <= last; l++) {
        const layer *of = &net->layers[l];
        const real *h = l ? of[-1].h : inputs;
        real *weights = net->parameters + of->weights, *biases = net->parameters + of->biases;
        real *of_weights = net->gradient + of->weights, *of_biases = net->gradient + of->biases;
        /* Of a single output the weights are one row, and h stands across it. */
        ptrdiff_t n_rows = of->is_single ? 1 : of->n_in, n_vectors = of->is_single ? of[-1].n_vectors : of->n_vectors;
        const real *down = of->is_single ? of->delta : h, *across = of->is_single ? h : of->delta;
        if (descends) {
            rank_one_step(n_rows, n_vectors, down, across, -step->rate, weights, n_vectors * LANES);
            rank_one_step(1, of->n_vectors, one, of->delta, -step->rate, biases, 0);
        } else {
            rank_one_gradient(n_rows, n_vectors, down, across, of_weights);
            memcpy(of_biases, of->delta, (size_t)(of->n_vectors * LANES) * sizeof(real));
        }
        if (of->is_single) {
            clear_padding(of, descends ? weights : of_weights);
        }
    }
    if (!descends) {
        optimizer_step(training, step, 1, 0, net->n_weights, net->n_packed, net->parameters, net->gradient, net->state);
        optimizer_step(training, step, 0, net->n_weights, net->n_packed, net->n_packed, net->parameters, net->gradient,
                       net->state);
    }
}

/* Count one update; return whether it ends a pass whose mean cost differs from the last by less than tol. */
static int finish_update(fastnn_counters *counters, const fastnn_training *training, double cost, ptrdiff_t n_rows) {
    counters->n_updates++;
    counters->pass_cost += cost * (double)n_rows;
    counters->pass_rows += n_rows;
    if (counters->n_updates % training->updates_per_pass != 0) {
        return 0;
    }
    double mean = counters->pass_cost / (double)counters->pass_rows;
    double change = fabs(mean - counters->previous_cost);
    counters->pass_cost = 0;
    counters->pass_rows = 0;
    counters->previous_cost = mean;
    return change < training->tol;
}

/* Whether this thread's team should be another one: given back to those who work now, or taken once they are done. */
static int wants_change(member *me) {
    enum { MILLISECONDS = 4 };
    if (me->n_threads > 1) {
        double elapsed = me->met - me->since;
        int judges = elapsed > 1e-3 * MILLISECONDS;
        int pays = !judges || me->since == 0 || fastnn_team_pays(me->waited, elapsed, me->n_threads);
        if (judges) { /* from now on; first, when all have come */
            me->since = me->met;
            me->waited = 0;
        }
        return !pays || fastnn_team_is_wanted();
    }
    int looked = me->asked.looked;
    me->asked.looked = 0;
    return looked && me->team->may_grow && fastnn_team_is_free();
}

/* The updates from team->next on, until the run ends, or the team changes. */
static void make_updates(void *job, int thread, int n_threads) {
    team *shared = job;
    fastnn_run *run = shared->run;
    const fastnn_training *training = run->training;
    member me = member_of(shared, thread, n_threads, run->ask);
    fastnn_counters counters = *run->counters;
    int stop = FASTNN_RAN, changes = 0, is_copied = 0;
    ptrdiff_t k = shared->next;
    for (; k < run->n_updates && stop == FASTNN_RAN && !changes; k++) {
        batch b = {&run->data, NULL, run->data.n_samples, 0, training->loss, training->as_sklearn};
        if (run->rows) {
            b.rows = run->rows + run->starts[k];
            b.n_rows = run->starts[k + 1] - run->starts[k];
            b.n_listed = run->starts[run->n_updates] - run->starts[k];
        }
        int is_row = b.n_rows == 1, is_interrupted;
        double l2 = run->l2[k], objective, cost;
        fastnn_step step = step_of(training, run->learning_rate[k], l2, counters.n_updates);
        if (!is_row && !is_copied) {
            copy_share(&me);
            meet(&me);
        }
        if (thread == 0) {
            shared->changes = wants_change(&me);
        }
        is_interrupted = is_row ? row_pass(&me, &b, l2, &objective, &cost)
                                : batch_pass(&me, &b, 1, l2, &objective, &cost);
        if (is_interrupted) {
            stop = FASTNN_INTERRUPTED;
            break;
        }
        if (thread == 0) {
            run->objective[k] = objective;
            run->cost[k] = cost;
        }
        if (!isfinite(objective) && !training->as_sklearn) {
            stop = FASTNN_DIVERGED;
            break;
        }
        changes = shared->changes;
        is_copied = !is_row && k + 1 < run->n_updates;
        if (!is_row) {
            step_share(&me, training, &step);
        } else if (thread == 0) {
            row_step(&me, training, &b, &step, l2);
        }
        if (is_copied) {
            copy_share(&me);
        }
        stop = finish_update(&counters, training, cost, b.n_rows) ? FASTNN_CONVERGED : FASTNN_RAN;
        if (thread == 0) {
            *run->counters = counters;
            run->n_done = k + 1;
        }
        meet(&me);
    }
    if (thread == 0) {
        shared->next = k;
        shared->stop = stop;
    }
}

/* NULL where all weights are 1: shuffled rows then have one place less to be fetched from. */
static const real *weights_that_differ(const fastnn_data *data) {
    const real *weight = data->sample_weight;
    for (ptrdiff_t row = 0; row < data->n_samples; row++) {
        if (weight[row] != 1) {
            return weight;
        }
    }
    return NULL;
}

/* Lay out the work area for batches of n_rows; see lay_out. */
static size_t lay_out_training(network *net, const fastnn_layer *layers, ptrdiff_t n_layers, int n_state,
                               ptrdiff_t n_rows, int most, char *base) {
    double n_weights = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        n_weights += (double)layers[l].n_in * (double)layers[l].n_out;
    }
    fastnn_plan plan = plan_of(layers, n_layers, work_of_row(n_weights), n_rows, most);
    return lay_out(net, layers, n_layers, n_state, &plan, base);
}

static size_t work_size(const fastnn_layer *layers, ptrdiff_t n_layers, int n_state, ptrdiff_t n_rows, int n_threads) {
    network net;
    return lay_out_training(&net, layers, n_layers, n_state, n_rows, n_threads, NULL);
}

static int engine_run(fastnn_run *run, void *work) {
    network net;
    int n_state = fastnn_optimizers[run->training->solver].n_state;
    lay_out_training(&net, run->layers, run->n_layers, n_state, run->largest_batch, run->n_threads, work);
    ptrdiff_t n_flat = n_parameters(run->layers, run->n_layers);
    pack(&net, run->parameters, net.parameters);
    for (int s = 0; s < n_state; s++) {
        pack(&net, (real *)run->state + s * n_flat, net.state + s * net.n_packed);
    }
    run->data.sample_weight = weights_that_differ(&run->data);
    run->n_done = 0;
    team shared = {.net = &net, .run = run, .stop = FASTNN_RAN};
    fastnn_work_begins();
    while (shared.stop == FASTNN_RAN && shared.next < run->n_updates) {
        ptrdiff_t n_rows = run->rows ? run->starts[run->n_updates] - run->starts[shared.next]
                                     : (run->n_updates - shared.next) * run->data.n_samples;
        int has_team = take_team(&net.plan, net.plan.a_row * (double)n_rows);
        shared.may_grow = net.plan.n_threads > 1 && !has_team;
        fastnn_parallel(has_team ? net.plan.n_threads : 1, make_updates, &shared);
        if (has_team) {
            fastnn_team_give_back();
        }
    }
    fastnn_work_ends();
    unpack(&net, net.parameters, run->parameters);
    for (int s = 0; s < n_state; s++) {
        unpack(&net, net.state + s * net.n_packed, (real *)run->state + s * n_flat);
    }
    return shared.stop;
}

/* One pass over all samples, for engine_loss_and_gradient. */
typedef struct {
    team team;
    const batch *batch;
    int with_gradient;
    double l2;
    fastnn_ask ask;
    double *objective, *cost;
} whole_pass;

static void make_pass(void *job, int thread, int n_threads) {
    whole_pass *pass = job;
    member me = member_of(&pass->team, thread, n_threads, pass->ask);
    double objective, cost;
    if (pass->with_gradient) {
        copy_share(&me);
        meet(&me);
    }
    int is_interrupted = batch_pass(&me, pass->batch, pass->with_gradient, pass->l2, &objective, &cost);
    if (thread == 0 && !is_interrupted) {
        *pass->objective = objective;
        *pass->cost = cost;
    }
}

static int engine_loss_and_gradient(const fastnn_layer *layers, ptrdiff_t n_layers, int loss, int as_sklearn,
                                    double l2, const fastnn_data *data, const void *parameters, void *gradient,
                                    double *objective, double *cost, int n_threads, fastnn_ask ask, void *work) {
    network net;
    lay_out_training(&net, layers, n_layers, 0, data->n_samples, n_threads, work);
    pack(&net, parameters, net.parameters);
    batch b = {data, NULL, data->n_samples, 0, loss, as_sklearn};
    whole_pass pass = {{.net = &net}, &b, gradient != NULL, l2, ask, objective, cost};
    fastnn_work_begins();
    int has_team = take_team(&net.plan, net.plan.a_row * (double)data->n_samples);
    fastnn_parallel(has_team ? net.plan.n_threads : 1, make_pass, &pass);
    if (has_team) {
        fastnn_team_give_back();
    }
    fastnn_work_ends();
    if (pass.team.is_interrupted) {
        return FASTNN_INTERRUPTED;
    }
    if (gradient) {
        for (ptrdiff_t i = 0; i < net.n_weights; i += LANES) {
            v_store(net.gradient + i, v_fma(v_all((real)l2), v_load(net.parameters + i), v_load(net.gradient + i)));
        }
        unpack(&net, net.gradient, gradient);
    }
    return FASTNN_RAN;
}
#endif
