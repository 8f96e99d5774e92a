/* training.h: a run: its packed network, and the loop over updates: a batch's gradient, a step, curves, tol. Entered
   once for many updates; allocates nothing.

   All threads of a team run the same loop. What they need not be told, each of them finds out for itself from the same
   numbers, so that they always agree when to stop. */
#ifndef FASTNN_TRAINING_H
#define FASTNN_TRAINING_H

#include <string.h>

#include "fastnn.h"          /* fastnn_run, fastnn_updates, fastnn_training, fastnn_counters, fastnn_team_is_wanted */
#include "kernels/batch.h"   /* team_state, member, sample_batch, batch_pass, row_pass, copy_share, lowest_moving */
#include "kernels/layout.h"  /* packed_network, packed_layer */
#include "kernels/pack.h"    /* pack, unpack, clear_padding, n_parameters */
#include "kernels/inputs.h"  /* chunk_inputs, inputs_of */
#include "kernels/network.h" /* backward_one */
#include "kernels/row.h"     /* rank_one_gradient, rank_one_step */
#include "kernels/solvers.h" /* constants_of, set_update, step_constants */
#include "kernels/sparse.h"  /* row_list, row_at */
#include "kernels/step.h"    /* bound_weights, rate_of, step_between, step_weights, take_step */
#include "kernels/team.h"    /* share_of, weight_share */

/* What a row's entries do to the weights of their columns: a step along their gradient, or this alone. */
static void row_columns(const packed_network *net, const chunk_inputs *in, int descends, real rate) {
    const packed_layer *layer = &net->layers[0];
    ptrdiff_t row = row_at(&in->rows, 0);
    if (!descends) {
        memset(net->sparse.touched, 0, (size_t)layer->n_in);
    }
    for (ptrdiff_t i = in->data->csr_starts[row]; i < in->data->csr_starts[row + 1]; i++) {
        const real *x = (const real *)in->data->X + i;
        ptrdiff_t column = in->data->csr_columns[i], place = column * layer->stride;
        if (descends) {
            rank_one_step(1, layer->n_vectors, x, layer->delta, rate, net->parameters + place, layer->stride);
        } else {
            net->sparse.touched[column] = 1;
            rank_one_gradient(1, layer->n_vectors, x, layer->delta, net->gradient + place, layer->stride);
        }
    }
}

/* A row's part of a layer's gradient, or of this a step straight into the weights and biases. */
static void row_layer(const packed_network *net, const chunk_inputs *in, ptrdiff_t l, int descends, real weight_rate,
                      real bias_rate) {
    static const real one[] = {1};
    const packed_layer *layer = &net->layers[l];
    const real *h = l ? layer[-1].h : in->dense;
    real *weights = net->parameters + layer->weights, *biases = net->parameters + layer->biases;
    real *of_weights = net->gradient + layer->weights, *of_biases = net->gradient + layer->biases;
    /* Of a single output the weights are one row, and h stands across it. */
    ptrdiff_t n_rows = layer->is_single ? 1 : layer->n_in;
    ptrdiff_t n_vectors = layer->is_single ? layer[-1].n_vectors : layer->n_vectors;
    const real *down = layer->is_single ? layer->delta : h, *across = layer->is_single ? h : layer->delta;
    if (descends && weight_rate == 0) { /* it stays */
    } else if (!h) {
        row_columns(net, in, descends, weight_rate);
    } else if (descends) {
        rank_one_step(n_rows, n_vectors, down, across, weight_rate, weights, layer->stride);
    } else {
        rank_one_gradient(n_rows, n_vectors, down, across, of_weights, layer->stride);
    }
    if (descends && bias_rate != 0) {
        rank_one_step(1, layer->n_vectors, one, layer->delta, bias_rate, biases, 0);
    } else if (!descends) {
        memcpy(of_biases, layer->delta, (size_t)(layer->n_vectors * LANES) * sizeof(real));
    }
    if (layer->is_single) {
        clear_padding(layer, descends ? weights : of_weights);
    }
}

/* Backward, and one step: straight into the weights where the step is along the gradient, or from a gradient of rank
   one. */
static void row_step(const member *me, const fastnn_training *training, const sample_batch *b, step_constants *step,
                     double l2) {
    const packed_network *net = me->net;
    row_list row = listed(b, 0, 1);
    chunk_inputs inputs = {inputs_of(net, b->data, &row), b->data, row};
    backward_one(net, lowest_moving(me));
    int descends = training->solver == FASTNN_SOLVER_sgd && training->momentum == 0 && l2 == 0 && !step->prepares &&
                   training->max_grad_norm == 0;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        if (!stands_still(me, l)) {
            row_layer(net, &inputs, l, descends, -step->rate * rate_of(training, l, 1),
                      -step->rate * rate_of(training, l, 0));
        }
    }
    if (training->rates || training->max_grad_norm != 0 || training->max_norm != 0) {
        member alone = *me; /* with all weights, and nobody to meet */
        alone.n_threads = 1;
        alone.share = share_of(net, 0, 1);
        if (!descends) {
            take_step(&alone, training, step);
        } else if (training->max_norm != 0) {
            bound_weights(&alone, training);
        }
    } else if (!descends) {
        weight_share all = share_of(net, 0, 1);
        step_weights(net, training, step, &all);
        step_between(net, training, step, 0, net->n_weights, net->n_packed);
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
SMALL int wants_change(member *me) {
    if (me->n_threads > 1) {
        double elapsed = me->met - me->since;
        int judges = elapsed > FASTNN_TIME_TO_JUDGE, is_first = me->since == 0, pays = 1;
        if (judges && !is_first) {
            pays = fastnn_team_pays(me->waited, elapsed, me->n_threads);
            me->team->is_judged = 1;
        }
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

/* The batch of update k, before which n_before were made since the start. */
static sample_batch batch_of(const fastnn_run *run, const fastnn_updates *updates, ptrdiff_t k, int64_t n_before) {
    const fastnn_training *drops = run->training->dropped ? run->training : NULL;
    drop_site site = {drops, n_before, 0, share_left(run->training, n_before)};
    sample_batch b = {&run->data, NULL, run->data.n_samples, 0, &run->training->objective, site, NULL};
    if (updates->rows) {
        b.rows = updates->rows + updates->starts[k];
        b.n_rows = updates->starts[k + 1] - updates->starts[k];
        b.n_listed = updates->starts[updates->n] - updates->starts[k];
    }
    return b;
}

/* The updates from team->next on, until all are made, or the run ends, or the team changes. */
SMALL void make_updates(void *job, int thread, int n_threads) {
    team_state *shared = job;
    const fastnn_run *run = shared->run;
    fastnn_updates *updates = shared->updates;
    const fastnn_training *training = run->training;
    member me = member_of(shared, thread, n_threads, run->ask);
    fastnn_counters counters = *run->counters;
    step_constants step = constants_of(training);
    int stop = FASTNN_RAN, changes = 0, is_copied = 0;
    ptrdiff_t k = shared->next;
    for (; k < updates->n && stop == FASTNN_RAN && !changes; k++) {
        sample_batch b = batch_of(run, updates, k, counters.n_updates);
        int is_row = b.n_rows == 1 && !me.net->layers[0].n_columns;
        double l2 = updates->l2[k], objective, cost;
        set_update(training, updates->learning_rate[k], l2, counters.n_updates, b.drops.share, &step);
        if (!is_row && !is_copied) {
            copy_share(&me);
            meet(&me);
        }
        if (thread == 0) {
            shared->changes = wants_change(&me);
        }
        int is_interrupted =
            is_row ? row_pass(&me, &b, l2, &objective, &cost) : batch_pass(&me, &b, 1, l2, &objective, &cost);
        if (is_interrupted) {
            stop = FASTNN_INTERRUPTED;
            break;
        }
        if (thread == 0) {
            updates->objective[k] = objective;
            updates->cost[k] = cost;
        }
        if (!isfinite(objective) && !training->objective.as_sklearn) {
            stop = FASTNN_DIVERGED;
            break;
        }
        changes = shared->changes;
        is_copied = !is_row && k + 1 < updates->n;
        if (!is_row) {
            take_step(&me, training, &step);
        } else if (thread == 0) {
            row_step(&me, training, &b, &step, l2);
        }
        if (is_copied) {
            copy_share(&me);
        }
        stop = finish_update(&counters, training, cost, b.n_rows) ? FASTNN_CONVERGED : FASTNN_RAN;
        if (thread == 0) {
            *run->counters = counters;
            updates->n_done = k + 1;
        }
        meet(&me);
    }
    if (thread == 0) {
        shared->next = k;
        shared->stop = stop;
    }
}

/* A run's work area begins with its packed network, whose blocks follow. */
SMALL size_t lay_out_run(const fastnn_run *run, packed_network *net, char *work) {
    size_t head = (sizeof(packed_network) + FASTNN_ALIGNMENT - 1) / FASTNN_ALIGNMENT * FASTNN_ALIGNMENT;
    int n_state = fastnn_solvers[run->training->solver].n_state;
    size_t size = lay_out_training(net, run->layers, run->n_layers, &run->data, n_state, run->training->dropped,
                                   run->largest_batch, run->n_threads, work ? work + head : NULL);
    return size > SIZE_MAX - head ? SIZE_MAX : head + size;
}

static size_t run_work_size(const fastnn_run *run) {
    packed_network net;
    return lay_out_run(run, &net, NULL);
}

SMALL void engine_begin(const fastnn_run *run, void *work) {
    packed_network *net = work;
    lay_out_run(run, net, work);
    ptrdiff_t n_flat = n_parameters(run->layers, run->n_layers);
    for (int s = 0; s < fastnn_solvers[run->training->solver].n_state; s++) {
        pack(net, (real *)run->state + s * n_flat, net->state + s * net->n_packed);
    }
}

SMALL int engine_advance(const fastnn_run *run, fastnn_updates *updates, void *work) {
    const packed_network *net = work;
    memset(net->parameters, 0, (size_t)net->n_packed * sizeof(real)); /* and what infinities made of the padding */
    pack(net, run->parameters, net->parameters);
    updates->n_done = 0;
    team_state shared = {.net = net, .run = run, .updates = updates, .stop = FASTNN_RAN};
    fastnn_work_begins();
    while (shared.stop == FASTNN_RAN && shared.next < updates->n) {
        ptrdiff_t n_rows = updates->rows ? updates->starts[updates->n] - updates->starts[shared.next]
                                         : (updates->n - shared.next) * run->data.n_samples;
        share_out(&shared, net->plan.a_row * (double)n_rows, make_updates, &shared);
    }
    fastnn_work_ends();
    unpack(net, net->parameters, run->parameters);
    return shared.stop;
}

SMALL void engine_put_state(const fastnn_run *run, void *work) {
    const packed_network *net = work;
    ptrdiff_t n_flat = n_parameters(run->layers, run->n_layers);
    for (int s = 0; s < fastnn_solvers[run->training->solver].n_state; s++) {
        unpack(net, net->state + s * net->n_packed, (real *)run->state + s * n_flat);
    }
}

SMALL void engine_end(const fastnn_run *run, void *work) {
    const packed_network *net = work;
    fastnn_forget(net->parameters, (size_t)net->n_packed * sizeof(real)); /* before the user's state takes its memory */
    fastnn_forget(net->gradient, (size_t)net->n_packed * sizeof(real));
    engine_put_state(run, work);
}
#endif
