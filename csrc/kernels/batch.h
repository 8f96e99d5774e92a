/* batch.h: objective and gradient of a batch, by one thread or a team: gather, forward, losses, backward, gradient; and
   the same of a single row.

   The threads of a team meet after their rows and after their weights. What thread 0 alone knows, it writes while the
   rows are on the way, and all read it while the weights are. */
#ifndef FASTNN_BATCH_H
#define FASTNN_BATCH_H

#include <string.h>

#include "fastnn.h" /* fastnn_data, fastnn_objective, fastnn_run, fastnn_updates, fastnn_meet, fastnn_parallel, fastnn_team_pays */
#include "kernels/layout.h"   /* packed_network, packed_layer, lay_out, view_of */
#include "kernels/pack.h"     /* copy_back */
#include "kernels/formulas.h" /* output_layer */
#include "kernels/losses.h"   /* loss_and_delta */
#include "kernels/dropout.h"  /* drop_site, drop_inputs */
#include "kernels/inputs.h"   /* chunk_inputs, inputs_of, gathered */
#include "kernels/network.h"  /* forward_chunk, backward_chunk, gradient_chunk, forward_one */
#include "kernels/outputs.h"  /* finish_outputs */
#include "kernels/penalty.h"  /* sum_weights, penalty */
#include "kernels/poll.h"     /* poll, poll_state */
#include "kernels/sparse.h"   /* row_list, takes_entries */
#include "kernels/team.h"     /* plan_of, take_team, chunk_round, piece, weight_share, share_of */
#include "kernels/totals.h"   /* loss_totals */
#include "simd/vector.h"      /* vec, v_load, v_store */

/* One batch: the rows rows[0] ... of data, or without `rows` all of them, in order. */
typedef struct {
    const fastnn_data *data;
    const ptrdiff_t *rows;
    ptrdiff_t n_rows;
    ptrdiff_t n_listed; /* rows of this batch and of those after it */
    const fastnn_objective *objective;
    drop_site drops; /* whose training is NULL where nothing is dropped */
    real *outputs;   /* OUT (n_rows, n_out), of the rows of X in their order; NULL if not wanted */
} sample_batch;

/* What a team shares besides the network. */
typedef struct {
    const packed_network *net;
    const fastnn_run *run;
    fastnn_updates *updates; /* of make_updates */
    ptrdiff_t next;          /* update */
    int stop;                /* how they ended */
    int may_grow;            /* a thread that is alone would rather have the team */
    int is_interrupted;      /* thread 0 writes, see above */
    int changes;             /* likewise: the team, after this update */
    int is_judged;           /* whether fastnn_team_pays was asked on the way */
    double waited;           /* thread 0 for the others, in all */
} team_state;

/* One thread of it. */
typedef struct {
    team_state *team;
    const packed_network *net;
    int thread, n_threads;
    double l1;           /* of a run, */
    const double *rates; /* likewise: by layers, or NULL */
    weight_share share;
    poll_state asked;          /* thread 0 asks, */
    double since, waited, met; /* and sees how long it has waited for the others: until it met them last */
} member;

static member member_of(team_state *t, int thread, int n_threads, fastnn_ask ask) {
    return (member){
        .team = t,
        .net = t->net,
        .thread = thread,
        .n_threads = n_threads,
        .l1 = t->run ? t->run->training->l1 : 0,
        .rates = t->run ? t->run->training->rates : NULL,
        .share = share_of(t->net, thread, n_threads),
        .asked = {.ask = thread == 0 ? ask : NULL},
    };
}

static void meet(member *me) {
    if (me->n_threads > 1) {
        double came = me->thread == 0 ? fastnn_seconds() : 0;
        fastnn_meet();
        if (me->thread == 0) {
            me->met = fastnn_seconds();
            me->waited += me->met - came;
            me->team->waited += me->met - came;
        }
    }
}

/* Do a task by the team, if it is to be had for work that takes so many vector multiply-adds; else by this thread. */
SMALL void share_out(team_state *t, double vectors, fastnn_task *task, void *job) {
    const team_plan *plan = &t->net->plan;
    int has_team = take_team(plan, vectors);
    double began = has_team ? fastnn_seconds() : 0;
    t->may_grow = plan->n_threads > 1 && !has_team;
    t->is_judged = 0;
    t->waited = 0;
    fastnn_parallel(has_team ? plan->n_threads : 1, task, job);
    if (has_team) {
        if (!t->is_judged) {
            fastnn_team_pays(t->waited, fastnn_seconds() - began, plan->n_threads);
        }
        fastnn_team_give_back();
    }
}

/* Of one row of a batch, in multiply-adds: products, and the rest. */
static double work_of_row(double n_weights) { return 3 * n_weights + 200; }

static double total_weight(const sample_batch *b) {
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

/* What a batch's objective has of the sum of its losses. */
static double reported(const packed_network *net, const sample_batch *b, double loss) {
    const fastnn_objective *o = b->objective;
    int averages = o->as_sklearn && !o->heads && o->loss == FASTNN_LOSS_squared_error;
    return averages ? loss / (double)net->layers[net->n_layers - 1].n_out : loss;
}

/* The deltas of the last layer from its logits, which stand where the deltas will, of n rows from `first` on. */
static void losses_of(const packed_network *view, const sample_batch *b, ptrdiff_t first, ptrdiff_t n, double total,
                      real *deltas, loss_totals *totals) {
    const packed_layer *last = &view->layers[view->n_layers - 1];
    const real *y = b->data->y, *weight = b->data->sample_weight;
    if (!b->rows) {
        y += first * last->n_out;
        weight = weight ? weight + first : NULL;
    }
    output_layer of = {b->objective, last->activation, last->parameter,     last->n_out,
                       last->stride, last->flat + 1,   last->flat->n_blocks};
    loss_and_delta(&of, n, y, weight, b->rows ? b->rows + first : NULL, total, deltas, view->lanes, totals);
}

/* The same of a piece, whose rows may be those of several chunks, of so many rows: each has its own totals. */
static void losses_of_piece(const packed_network *view, const sample_batch *b, const piece *p, ptrdiff_t of_chunk,
                            double total) {
    const packed_layer *last = &view->layers[view->n_layers - 1];
    loss_totals *totals = view->totals;
    for (ptrdiff_t row = 0; row < p->n; row += of_chunk, totals += whole_vectors(view->chunk)) {
        ptrdiff_t n = p->n - row < of_chunk ? p->n - row : of_chunk;
        losses_of(view, b, p->chunk_first + p->row + row, n, total, last->delta + row * last->stride, totals);
    }
}

static row_list listed(const sample_batch *b, ptrdiff_t first, ptrdiff_t n) {
    return (row_list){b->rows ? b->rows + first : NULL, first, n, b->n_listed - first};
}

/* Drop of gathered inputs what is to be dropped; return the site, or NULL if nothing is anywhere. */
static const drop_site *dropped_at(const packed_network *net, const drop_site *site, ptrdiff_t n, real *inputs) {
    if (!site->training) {
        return NULL;
    }
    if (net->drops_inputs) {
        drop_inputs(site, net->layers[0].n_in, n, inputs);
    }
    return site;
}

/* Whether a layer needs no gradient: neither its weights nor its biases move. */
INLINE int stands_still(const member *me, ptrdiff_t l) {
    return me->rates && me->rates[2 * l] == 0 && me->rates[2 * l + 1] == 0;
}

/* The lowest layer that moves: nobody asks for the deltas of those below. */
INLINE ptrdiff_t lowest_moving(const member *me) {
    ptrdiff_t l = 0;
    while (l < me->net->n_layers - 1 && stands_still(me, l)) {
        l++;
    }
    return l;
}

/* A piece through the network, to the losses, and to the deltas of the layers where they are wanted. of_chunk: rows of
   a chunk. Returns its inputs. */
SMALL chunk_inputs through_network(member *me, const packed_network *view, const sample_batch *b, const piece *p,
                                   ptrdiff_t of_chunk, int with_deltas, double total) {
    const packed_network *net = me->net;
    row_list chunk = listed(b, p->chunk_first, p->chunk_n), rows = listed(b, p->chunk_first + p->row, p->n);
    chunk_inputs inputs = gathered(net, b->data, &chunk, &rows, p->row, view->inputs);
    drop_site here = {b->drops.training, b->drops.update, p->chunk_first + p->row, b->drops.share};
    const drop_site *site = dropped_at(net, &here, p->n, view->inputs);
    const packed_layer *last = &view->layers[net->n_layers - 1];
    forward_chunk(view, &inputs, p->n, site, last->delta, &me->asked);
    if (b->outputs) {
        memcpy(last->h, last->delta, (size_t)(whole_vectors(p->n * last->stride) * LANES) * sizeof(real));
        finish_outputs(view, p->n, b->outputs + (p->chunk_first + p->row) * last->n_out);
    }
    losses_of_piece(view, b, p, of_chunk, total);
    if (with_deltas) {
        backward_chunk(view, p->n, lowest_moving(me), &me->asked);
    }
    return inputs;
}

/* This thread's rows of a round likewise, in the chunks' slots. */
SMALL void rows_of_round(member *me, const sample_batch *b, const chunk_round *r, int with_deltas, double total) {
    const packed_network *net = me->net;
    ptrdiff_t n_groups = groups_of(r), end = part_begins(n_groups, me->thread + 1, me->n_threads);
    piece p;
    if (net->plan.n_threads == 1) {
        p = whole_round(r);
        through_network(me, net, b, &p, r->chunk, with_deltas, total);
        return;
    }
    for (ptrdiff_t group = part_begins(n_groups, me->thread, me->n_threads); group < end;) {
        group = next_piece(r, group, end, &p);
        packed_network view = view_of(net, me->thread, p.chunk, p.chunk, p.row);
        through_network(me, &view, b, &p, r->chunk, with_deltas, total);
    }
}

/* Whole chunks of a round likewise, in the thread's own slot, and their gradients. */
SMALL void chunks_of_round(member *me, const sample_batch *b, const chunk_round *r, double total) {
    const packed_network *net = me->net;
    ptrdiff_t n = chunks_of(r), end = part_begins(n, me->thread + 1, me->n_threads);
    for (ptrdiff_t chunk = part_begins(n, me->thread, me->n_threads); chunk < end; chunk++) {
        packed_network view = view_of(net, me->thread, me->thread, chunk, 0);
        view.gradient = net->partial + chunk * net->n_packed;
        piece p = whole_chunk(r, chunk);
        chunk_inputs inputs = through_network(me, &view, b, &p, r->chunk, 1, total);
        for (ptrdiff_t l = net->n_layers - 1; l >= 0; l--) {
            if (!stands_still(me, l)) {
                gradient_chunk(&view, &view.layers[l], &inputs, p.n, 0, shared_rows(&view.layers[l]), 0);
            }
        }
    }
}

/* Numbers `begin` to before `end` of the gradient: the sum of the chunks', in their order, and of the rounds before. */
static void add_partial(const packed_network *net, ptrdiff_t n_chunks, ptrdiff_t begin, ptrdiff_t end, int adds) {
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
SMALL void weights_of_round(const member *me, const sample_batch *b, const chunk_round *r) {
    const packed_network *net = me->net;
    for (ptrdiff_t i = 0; i < chunks_of(r); i++) {
        int alone = net->plan.n_threads == 1; /* its chunks stand one below the other, without room between */
        packed_network view = alone ? view_of(net, 0, 0, 0, i * r->chunk) : view_of(net, me->thread, i, i, 0);
        piece p = whole_chunk(r, i);
        row_list chunk = listed(b, p.chunk_first, p.n);
        chunk_inputs inputs = {inputs_of(&view, b->data, &chunk), b->data, chunk};
        for (ptrdiff_t l = net->n_layers - 1; l >= 0; l--) {
            ptrdiff_t row, end = rows_of_share(net, &me->share, l, &row);
            if (row < end && !stands_still(me, l)) {
                gradient_chunk(&view, &view.layers[l], &inputs, p.n, row, end, p.chunk_first > 0);
            }
        }
    }
}

/* The same from the gradients of the chunks. */
SMALL void sums_of_round(const member *me, const chunk_round *r) {
    const packed_network *net = me->net;
    add_partial(net, chunks_of(r), me->share.begin.place, me->share.end.place, r->first > 0);
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        const packed_layer *layer = &net->layers[l];
        if (owns_biases(net, &me->share, l)) {
            add_partial(net, chunks_of(r), layer->biases, layer->biases + layer->n_vectors * LANES, r->first > 0);
        }
    }
}

static void add_totals(const packed_network *net, const chunk_round *r, loss_totals *totals) {
    for (ptrdiff_t chunk = 0; chunk < chunks_of(r); chunk++) {
        const loss_totals *of_group = net->totals + chunk * whole_vectors(net->chunk);
        for (ptrdiff_t group = 0; group < whole_vectors(whole_chunk(r, chunk).n); group++) {
            totals->loss += of_group[group].loss;
            totals->norms += of_group[group].norms;
        }
    }
}

/* Objective and cost of a batch; the gradient without the penalty's where it is wanted. Returns whether to stop. The
   threads have met after their rows, and not after their weights. */
SMALL int batch_pass(member *me, const sample_batch *b, int with_gradient, double l2, double *objective, double *cost) {
    const packed_network *net = me->net;
    loss_totals totals = {0, 0};
    double total = total_weight(b);
    int by_chunks = with_gradient && net->plan.by_chunks && me->n_threads > 1;
    chunk_round r = {.chunk = chunk_of(b->n_rows, net->chunk)};
    int is_left_alone = me->n_threads == 1 && net->plan.n_threads > 1;
    ptrdiff_t n_chunks = is_left_alone ? 1 : by_chunks ? net->plan.n_chunks : net->plan.n_slots;
    ptrdiff_t most = n_chunks * r.chunk;
    sum_weights(net, me->l1, l2, me->thread, me->n_threads);
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
    *objective = reported(net, b, totals.loss) + penalty(net, me->l1, l2);
    *cost = totals.norms / (double)b->n_rows;
    return 0;
}

static void copy_share(const member *me) {
    const packed_network *net = me->net;
    for (ptrdiff_t l = 1; l < net->n_layers; l++) {
        ptrdiff_t row, end = rows_of_share(net, &me->share, l, &row);
        if (!net->layers[l].is_single) { /* which has no copy */
            copy_back(&net->layers[l], net->parameters, row, end);
        }
    }
}

/* A batch of one row, which is thread 0's: forward, to its losses. */
static int row_pass(member *me, const sample_batch *b, double l2, double *objective, double *cost) {
    const packed_network *net = me->net;
    if (me->thread == 0) {
        row_list row = listed(b, 0, 1);
        chunk_inputs inputs = gathered(net, b->data, &row, &row, 0, net->inputs);
        poll(&me->asked, work_of_row((double)net->n_weights));
        const drop_site *site = dropped_at(net, &b->drops, 1, net->inputs);
        forward_one(net, &inputs, site, net->layers[net->n_layers - 1].delta);
        losses_of(net, b, 0, 1, total_weight(b), net->layers[net->n_layers - 1].delta, net->totals);
        me->team->is_interrupted = me->asked.stops;
    }
    sum_weights(net, me->l1, l2, me->thread, me->n_threads);
    meet(me);
    *objective = reported(net, b, net->totals[0].loss) + penalty(net, me->l1, l2);
    *cost = net->totals[0].norms;
    return me->team->is_interrupted;
}

/* Lay out the work area for batches of n_rows; see lay_out. */
SMALL size_t lay_out_training(packed_network *net, const fastnn_layer *layers, ptrdiff_t n_layers,
                              const fastnn_data *data, int n_state, const int32_t *dropped, ptrdiff_t n_rows, int most,
                              char *base) {
    double n_weights = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        n_weights += (double)layers[l].n_in * (double)layers[l].n_out;
    }
    int sparse = takes_entries(data, layers[0].n_in);
    most = layers[0].n_columns ? 1 : most;
    team_plan plan = plan_of(layers, n_layers, work_of_row(n_weights), n_rows, sparse, most);
    return lay_out(net, layers, n_layers, data, n_state, dropped, &plan, base);
}
#endif
