/* team.h: how many threads a batch is worth, and who of them does what.
   In turns the threads share out the rows of a round, which is some chunks of a batch, and then, when all of these are
   through the network, its weights, each thread the sums and the step of its own. Of a large network, the rows of a
   chunk are shared out, and each thread finds the gradient of its own weights from all of them. Of a small one, each
   thread takes whole chunks, with their gradients, and then adds up its own weights' parts of these.
   Either way a chunk's gradient is summed by itself, and added to those of the chunks before: the bits are the same by
   any number of threads. A thread that is alone does all of a chunk while it is in its cache; where the weights are
   far, a few chunks go through the network together, to read them less often. */
#ifndef FASTNN_TEAM_H
#define FASTNN_TEAM_H

#include "fastnn.h"         /* fastnn_layer, fastnn_team_take, fastnn_team_is_awake */
#include "kernels/dense.h"  /* copies_weights */
#include "kernels/layout.h" /* packed_network, packed_layer, team_plan, whole_vectors, chunk_rows */
#include "simd/vector.h"    /* vec, LANES */

/* What a team costs, in vector multiply-adds, and how much of a batch is on the way at a time. Measured:
   docs/decisions/0009. */
#ifndef MEETING
#define MEETING 3000.0                /* of all threads */
#define LINE 20.0                     /* a vector from another core's cache */
#define GAIN 0.75                     /* of the time on one thread, that a team has to stay below */
#define COLD_START 1e7                /* of a call that is worth waking threads which sleep */
#define BYTES_ON_THE_WAY (256 * 1024) /* of each thread */
#endif

/* Chunks that go through the network together at most, and bytes of their rows: docs/decisions/0017. */
#ifndef MOST_TOGETHER
#define MOST_TOGETHER 4
#define BYTES_TOGETHER (16 << 20)
#endif

/* Thread i's part of n things begins here; that of thread n_threads would begin at n. */
INLINE ptrdiff_t part_begins(ptrdiff_t n, int i, int n_threads) {
    return n / n_threads * i + n % n_threads * i / n_threads;
}

/* Rows of a batch's chunks, the last of which may be shorter: one chunk, or an even number of one size. At least 1. */
static ptrdiff_t chunk_of(ptrdiff_t n_rows, ptrdiff_t most) {
    ptrdiff_t usual = most * 2 / 3, n_pairs = (n_rows + usual) / (2 * usual);
    ptrdiff_t n = n_rows <= most || n_pairs == 0 ? 1 : 2 * n_pairs;
    return n_rows > 0 ? (n_rows + n - 1) / n : 1;
}

/* Of so many chunks of so many rows, those that a thread alone takes through the network together: one where no weights
   are far that both passes read, and where a single output has its deltas, and their padding, in a column a chunk. */
static ptrdiff_t chunks_together(const fastnn_layer *layers, ptrdiff_t n_layers, int takes_entries, ptrdiff_t n_chunks,
                                 ptrdiff_t chunk) {
    double bytes_a_row = takes_entries ? 0 : (double)layers[0].n_in * sizeof(real);
    int copies = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        bytes_a_row += 2 * (double)whole_vectors(layers[l].n_out) * sizeof(vec);
        copies |= l > 0 && copies_weights(layers[l].n_in, whole_vectors(layers[l].n_out));
    }
    double most = BYTES_TOGETHER / bytes_a_row / (double)chunk;
    if (!copies || is_single(layers, n_layers, n_layers - 1) || most < 2) {
        return 1;
    }
    ptrdiff_t at_a_time = most < MOST_TOGETHER ? (ptrdiff_t)most : MOST_TOGETHER;
    ptrdiff_t n_rounds = (n_chunks + at_a_time - 1) / at_a_time;
    return (n_chunks + n_rounds - 1) / n_rounds;
}

/* For batches of n_rows, whose rows take `a_row` multiply-adds each: the plan that should take least time. CSR entries
   have no gradients by chunks: a thread's own would be as large as the weights, and mostly zeros. */
SMALL team_plan plan_of(const fastnn_layer *layers, ptrdiff_t n_layers, double a_row, ptrdiff_t n_rows,
                        int takes_entries, int most) {
    double vectors_a_row = (double)whole_vectors(layers[0].n_in), vectors = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        vectors_a_row += 2 * (double)whole_vectors(layers[l].n_out);
        vectors += (double)layers[l].n_in * (double)whole_vectors(layers[l].n_out);
    }
    ptrdiff_t chunk = chunk_of(n_rows, chunk_rows(layers, n_layers)), n_chunks = (n_rows + chunk - 1) / chunk;
    double rows_cost = a_row / LANES, alone = rows_cost * (double)n_rows, best = GAIN * alone;
    ptrdiff_t alone_together = chunks_together(layers, n_layers, takes_entries, n_chunks, chunk);
    team_plan plan = {1, 0, alone_together, alone_together, rows_cost};
    for (int n = 2; n <= most && n <= whole_vectors(n_rows); n++) {
        double others = (double)(n - 1) / n; /* share of what comes from another core */
        for (int by_chunks = 0; by_chunks < (takes_entries ? 1 : 2); by_chunks++) {
            double rows = by_chunks ? (double)((n_chunks + n - 1) / n * chunk) : (double)n_rows / n;
            double lines = by_chunks ? (double)n_chunks * vectors : (double)n_rows * vectors_a_row;
            double on_the_way = by_chunks ? vectors : (double)chunk * vectors_a_row; /* a chunk */
            double at_a_time = n * (BYTES_ON_THE_WAY / sizeof(vec)) / on_the_way;
            ptrdiff_t together = at_a_time < (double)n_chunks ? (ptrdiff_t)at_a_time : n_chunks;
            together = together < n ? (n < n_chunks ? n : n_chunks) : together;
            ptrdiff_t n_rounds = (n_chunks + together - 1) / together;
            double time = rows * rows_cost + LINE * (lines + vectors) * others + 2 * MEETING * (double)n_rounds;
            if (time < best) {
                best = time;
                together = (n_chunks + n_rounds - 1) / n_rounds;
                plan = (team_plan){n, by_chunks, together, by_chunks ? n : together, rows_cost};
            }
        }
    }
    return plan;
}

/* Whether a call of so many vector multiply-adds now has a team; to be given back. */
static int take_team(const team_plan *plan, double vectors) {
    return plan->n_threads > 1 && (vectors >= COLD_START || fastnn_team_is_awake()) && fastnn_team_take();
}

/* Rows of a batch that are on the way together: n from `first` on, in chunks of so many. */
typedef struct {
    ptrdiff_t first, n, chunk;
} chunk_round;

/* The rows of a round that a thread takes from one chunk. */
typedef struct {
    ptrdiff_t chunk;                /* its number */
    ptrdiff_t chunk_first, chunk_n; /* its rows, in the batch */
    ptrdiff_t row, n;               /* and of them, the thread's */
} piece;

static piece whole_chunk(const chunk_round *r, ptrdiff_t chunk) {
    ptrdiff_t first = chunk * r->chunk, n = r->n - first < r->chunk ? r->n - first : r->chunk;
    return (piece){chunk, r->first + first, n, 0, n};
}

/* All rows of a round, as a piece of no one chunk. */
static piece whole_round(const chunk_round *r) { return (piece){0, r->first, r->n, 0, r->n}; }

static ptrdiff_t chunks_of(const chunk_round *r) { return (r->n + r->chunk - 1) / r->chunk; }

/* Rows are shared out by groups of LANES in a chunk. */
static ptrdiff_t groups_of(const chunk_round *r) {
    return r->n / r->chunk * whole_vectors(r->chunk) + whole_vectors(r->n % r->chunk);
}

/* The piece from `group` on, of the groups before `end`; returns the group after it. */
static ptrdiff_t next_piece(const chunk_round *r, ptrdiff_t group, ptrdiff_t end, piece *p) {
    ptrdiff_t per_chunk = whole_vectors(r->chunk), chunk = group / per_chunk, next = (chunk + 1) * per_chunk;
    next = next < end ? next : end;
    *p = whole_chunk(r, chunk);
    p->row = group % per_chunk * LANES;
    ptrdiff_t last = (next - chunk * per_chunk) * LANES;
    p->n = (last < p->chunk_n ? last : p->chunk_n) - p->row;
    return next;
}

/* Where a thread's weights begin: a layer, one of its packed rows, and the place of that in the packed block. */
typedef struct {
    ptrdiff_t layer, row, place;
} weight_place;

/* Rows of a layer of packed weights that can be shared out; of a single output there is one. */
static ptrdiff_t shared_rows(const packed_layer *layer) { return layer->is_single ? 1 : layer->n_in; }

static double vectors_of_row(const packed_layer *layer) {
    return (double)(layer->is_single ? whole_vectors(layer->n_in) : layer->n_vectors);
}

/* Equal parts by work, to whole vectors of rows where these stand transposed in `back` too, and with them the rows of
   padding that end these: no place is between. */
static weight_place weights_begin(const packed_network *net, int i, int n_threads) {
    double work = 0, done = 0;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        work += (double)shared_rows(&net->layers[l]) * vectors_of_row(&net->layers[l]);
    }
    double before = work * i / n_threads;
    for (ptrdiff_t l = 0; l < net->n_layers && i < n_threads; l++) {
        const packed_layer *layer = &net->layers[l];
        ptrdiff_t n_rows = shared_rows(layer), step = l && !layer->is_single ? LANES : 1;
        double rows = (before - done) / vectors_of_row(layer);
        ptrdiff_t row = rows > 0 ? (ptrdiff_t)(rows / (double)step + 0.5) * step : 0;
        if (row < n_rows) {
            return (weight_place){l, row, layer->weights + row * layer->stride};
        }
        done += (double)n_rows * vectors_of_row(layer);
    }
    return (weight_place){net->n_layers, 0, net->n_weights};
}

/* The weights of one thread. */
typedef struct {
    weight_place begin, end;
} weight_share;

static weight_share share_of(const packed_network *net, int thread, int n_threads) {
    return (weight_share){weights_begin(net, thread, n_threads), weights_begin(net, thread + 1, n_threads)};
}

/* Its packed rows of layer l: from `first` to before the returned one. */
static ptrdiff_t rows_of_share(const packed_network *net, const weight_share *s, ptrdiff_t l, ptrdiff_t *first) {
    ptrdiff_t n_rows = shared_rows(&net->layers[l]);
    *first = l < s->begin.layer ? n_rows : l == s->begin.layer ? s->begin.row : 0;
    return l < s->end.layer ? n_rows : l == s->end.layer ? s->end.row : 0;
}

/* Whether a thread's are the biases of layer l: it has the last of its weights. */
static int owns_biases(const packed_network *net, const weight_share *s, ptrdiff_t l) {
    ptrdiff_t first, end = rows_of_share(net, s, l, &first);
    return first < end && end == shared_rows(&net->layers[l]);
}
#endif
