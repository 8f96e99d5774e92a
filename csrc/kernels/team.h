/* team.h: who of a team does what. In turns the threads share out the rows of a round, some chunks of a batch, and then,
   when all rows are through the network, its weights: each thread sums the gradient of its own over the chunks, one
   after the other, and steps them. So every sum is cut and added in the same way by any number of threads, and a thread
   that is alone does all of a chunk while it is in its cache. Used by training.h and predict.h. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include "kernels/layout.h"

/* What makes a team worth while, and how much of a batch is on the way at a time. Measured: docs/decisions/0009. */
#ifndef LEAST_PART
#define LEAST_PART 8000              /* vector multiply-adds of each thread between two meetings, or so */
#define BYTES_ON_THE_WAY (256 * 1024) /* of each thread's rows */
#endif

/* Thread i's part of n things begins here; that of thread n_threads would begin at n. */
INLINE ptrdiff_t part_begins(ptrdiff_t n, int i, int n_threads) {
    return n / n_threads * i + n % n_threads * i / n_threads;
}

/* Threads that pay for a step of this many multiply-adds on n_groups groups of LANES rows. What a thread gets must be
   worth meeting the others, in the cache of each of whom lies a part of what all need. */
static int threads_worth(double multiply_adds, ptrdiff_t n_groups, int most) {
    int n = multiply_adds / LANES < (double)LEAST_PART * most ? (int)(multiply_adds / LANES / LEAST_PART) : most;
    n = n_groups < n ? (int)n_groups : n;
    return n < 1 ? 1 : n;
}

/* Threads and slots for batches of n_rows: rounds of equal size, whose numbers stay in the threads' caches. */
static void plan_team(const fastnn_layer *layers, ptrdiff_t n_layers, double multiply_adds, ptrdiff_t n_rows, int most,
                      int *n_threads, ptrdiff_t *n_slots) {
    ptrdiff_t chunk = chunk_rows(layers, n_layers), n_chunks = (n_rows + chunk - 1) / chunk;
    double bytes = (double)layers[0].n_in;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        bytes += 2.0 * (double)(whole_vectors(layers[l].n_out) * LANES);
    }
    bytes *= (double)chunk * sizeof(real);
    *n_threads = threads_worth(multiply_adds, whole_vectors(n_rows), most);
    *n_slots = 1;
    if (*n_threads > 1) {
        double at_a_time = *n_threads * (BYTES_ON_THE_WAY / bytes);
        ptrdiff_t n = at_a_time < (double)n_chunks ? (ptrdiff_t)at_a_time : n_chunks;
        n = n < *n_threads ? *n_threads : n;
        ptrdiff_t n_rounds = (n_chunks + n - 1) / n;
        *n_slots = (n_chunks + n_rounds - 1) / n_rounds;
    }
}

/* Rows of a batch that are on the way together: n from `first` on, a slot for each chunk. */
typedef struct {
    ptrdiff_t first, n;
} fastnn_round;

/* The rows of a round that a thread takes from one chunk. */
typedef struct {
    ptrdiff_t slot;
    ptrdiff_t chunk_first, chunk_n; /* the chunk in the batch */
    ptrdiff_t row, n;               /* and in the chunk, the rows */
} piece;

/* The next piece from the group of LANES rows `group` on, of those before `end`; returns the group after it. */
static ptrdiff_t next_piece(const network *net, const fastnn_round *r, ptrdiff_t group, ptrdiff_t end, piece *p) {
    ptrdiff_t per_chunk = whole_vectors(net->chunk), left;
    p->slot = group / per_chunk;
    p->chunk_first = r->first + p->slot * net->chunk;
    left = r->n - p->slot * net->chunk;
    p->chunk_n = left < net->chunk ? left : net->chunk;
    ptrdiff_t next = (p->slot + 1) * per_chunk;
    next = next < end ? next : end;
    p->row = group % per_chunk * LANES;
    ptrdiff_t last = (next - p->slot * per_chunk) * LANES;
    p->n = (last < p->chunk_n ? last : p->chunk_n) - p->row;
    return next;
}

static ptrdiff_t groups_of(const network *net, const fastnn_round *r) {
    return r->n / net->chunk * whole_vectors(net->chunk) + whole_vectors(r->n % net->chunk);
}

/* Where a thread's weights begin: a layer, one of its packed rows, and the place of that in the packed block. */
typedef struct {
    ptrdiff_t layer, row, place;
} weight_place;

/* Rows of a layer of packed weights that can be shared out; of a single output there is one. */
static ptrdiff_t shared_rows(const layer *of) { return of->is_single ? 1 : of->n_in; }

/* Equal parts by work, to whole vectors of rows where these stand transposed in `back` too. */
static weight_place weights_begin(const network *net, int i, int n_threads) {
    double work = 0, done = 0;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        work += (double)shared_rows(&net->layers[l]) * (double)net->layers[l].n_vectors;
    }
    double before = work * i / n_threads;
    for (ptrdiff_t l = 0; l < net->n_layers && i < n_threads; l++) {
        const layer *of = &net->layers[l];
        ptrdiff_t n_rows = shared_rows(of), step = l && !of->is_single ? LANES : 1;
        double rows = (before - done) / (double)of->n_vectors;
        if (rows < (double)n_rows) {
            ptrdiff_t row = (ptrdiff_t)(rows / (double)step + 0.5) * step;
            row = row < n_rows ? row : n_rows;
            ptrdiff_t numbers = of->is_single ? whole_vectors(of->n_in) * LANES : of->stride;
            return (weight_place){l, row, of->weights + row * numbers};
        }
        done += (double)n_rows * (double)of->n_vectors;
    }
    return (weight_place){net->n_layers, 0, net->n_weights};
}

/* The weights of one thread. */
typedef struct {
    weight_place begin, end;
} weight_share;

static weight_share share_of(const network *net, int thread, int n_threads) {
    return (weight_share){weights_begin(net, thread, n_threads), weights_begin(net, thread + 1, n_threads)};
}

/* Its packed rows of layer l: from `first` to before the returned one. */
static ptrdiff_t rows_of_share(const network *net, const weight_share *s, ptrdiff_t l, ptrdiff_t *first) {
    ptrdiff_t n_rows = shared_rows(&net->layers[l]);
    *first = l < s->begin.layer ? n_rows : l == s->begin.layer ? s->begin.row : 0;
    return l < s->end.layer ? n_rows : l == s->end.layer ? s->end.row : 0;
}
#endif
