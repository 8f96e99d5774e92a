/* layout.h: the engine's own copy of a network, and where each number of a call lives.
   Weights stand transposed, W^T (n_in, n_out), with rows padded to whole vectors by zeros that stay zero; the weights
   of all layers come first, then the biases of all, in one block, and the gradient and each number of solver state
   in blocks laid out alike. pack.h translates from and to the flat parameters of spec.py.
   Rows that would be a page apart, or half of one, get a gap of a line: rows that a tile takes together would else fall
   into the same few places of a cache (docs/decisions/0015).
   A last layer of a single output would be all padding. It stands the other way round: W (1, n_in to whole vectors),
   its outputs and deltas a column without padding.
   The rows that go through the network together, a chunk, have their numbers in a slot; a team of threads has a round
   of several chunks on the way at a time (team.h).
   One function lays out the work area and says how large it is. */
#ifndef FASTNN_LAYOUT_H
#define FASTNN_LAYOUT_H

#include <string.h>

#include "fastnn.h"              /* fastnn_data, fastnn_layer, fastnn_activation, fastnn_activations */
#include "kernels/activations.h" /* is_joint */
#include "kernels/dense.h"       /* COPIES, is_far */
#include "kernels/sparse.h"      /* sparse_work, takes_entries, SORTED */
#include "kernels/totals.h"      /* loss_totals */
#include "simd/vector.h"         /* real, vec, LANES */

enum {
    SQUARES = 4096, /* weights whose squares are summed together, for the penalty */
};

#ifndef HALF_A_PAGE
#define HALF_A_PAGE 2048
#endif

/* Bytes of a layer's weights from which on prediction does not pack them. */
#ifndef UNPACKED_BYTES
#define UNPACKED_BYTES (256 * 1024)
#endif

/* CSR rows at most that prediction takes through all layers together, so that it need not pack the weights, and bytes
   of a panel of these that is read here and there. */
#ifndef TURNED_ROWS
#define TURNED_ROWS 4096
#define TURNED_BYTES (2 << 20)
#endif

/* Units of a layer that can be counted in vectors, chunks and bytes. */
#define COUNTABLE (PTRDIFF_MAX / 65536)

/* One layer of weights. */
typedef struct {
    ptrdiff_t n_in, n_out;
    ptrdiff_t n_vectors; /* of the outputs */
    ptrdiff_t stride;    /* from one row of h, delta or weights to the next, maybe with a gap; or 1: see above */
    int is_single;       /* the last layer with one output, see above */
    ptrdiff_t n_columns; /* that a first layer encodes: encode.h */
    const fastnn_layer *columns;
    fastnn_activation activation;
    real parameter;                      /* of the activation */
    const fastnn_layer *flat;            /* as the binding has it, before the blocks of its outputs */
    real scale;                          /* of the outputs that dropout lets stay */
    ptrdiff_t flat_weights, flat_biases; /* in the flat parameters */
    ptrdiff_t weights, biases;           /* in a packed block */
    ptrdiff_t flat_gates, gates;         /* likewise; 0: none */
    int stays_unpacked;                  /* weights that prediction reads as the user has them; see there */
    ptrdiff_t before;                    /* weights of the layers before, in whole vectors, without gaps */
    /* W (n_out, n_in to whole vectors), for the backward pass: a copy; not of the first layer, nor of a single output,
       whose weights are in this order already. */
    real *back;
    ptrdiff_t slot; /* numbers of h, and of delta, in a slot */
    real *h;        /* outputs (n_slots, chunk, stride) */
    real *slopes;   /* of the outputs likewise, where their activation or dropout keeps them; else NULL */
    real *gaps;     /* likewise, where there are gates: by how much an activation differs from its sum; then the slope
                       of the loss by each gate */
    real *delta;
} packed_layer;

/* How many threads compute, and what they share out. */
typedef struct {
    int n_threads;      /* at most */
    int by_chunks;      /* whole chunks, and then weights; otherwise rows, and then weights */
    ptrdiff_t n_chunks; /* of a round; of one thread alone, which takes them through the network together */
    ptrdiff_t n_slots;
    double a_row; /* vector multiply-adds */
} team_plan;

typedef struct {
    ptrdiff_t n_layers;
    ptrdiff_t chunk;               /* rows that go through the network together, at most */
    ptrdiff_t n_weights, n_packed; /* numbers of a packed block: weights and their padding, and all */
    ptrdiff_t n_gapless;           /* weights in whole vectors, without gaps */
    team_plan plan;
    packed_layer *layers;
    packed_layer *views;  /* (n_threads, n_layers): of view_of */
    const real *unpacked; /* of a prediction: the flat parameters */
    real *parameters;     /* packed blocks: one, */
    real *gradient;       /* one, */
    real *state;          /* and one per number of solver state */
    real *partial;        /* packed blocks: the gradients of the chunks of a round, where threads take whole chunks */
    real *inputs;         /* (n_slots, chunk, n_in): gathered rows; NULL: */
    int takes_entries;    /* rows are CSR, and stay so */
    int drops_inputs;     /* which are gathered in any case */
    sparse_work sparse;   /* then, for their gradient */
    real *copies;         /* (n_threads, COPIES): work of dense.h; NULL where no layer is wide */
    real *lanes;          /* (n_threads, n_lanes): work of losses.h */
    ptrdiff_t n_lanes;
    loss_totals *totals; /* (n_chunks, chunk to whole vectors): of LANES rows each */
    double *squares;     /* of SQUARES weights each, */
    double *magnitudes;  /* and their absolute values */
    double *of_rows;     /* sums of the squared gradient: of each packed row of weights, then of each layer's biases */
} packed_network;

INLINE ptrdiff_t whole_vectors(ptrdiff_t n) { return (n + LANES - 1) / LANES; }

/* The most rows of a chunk; usual are two thirds of them. Many enough that what is done once a chunk does not count,
   few enough that their numbers stay in the cache. It depends on the network and the width of its vectors alone, so
   that the sums over a batch are cut at the same rows however the work is shared out. */
SMALL ptrdiff_t chunk_rows(const fastnn_layer *layers, ptrdiff_t n_layers) {
    enum { BYTES = 144 * 1024, STEP = 36, LEAST = 72, MOST = 144 }; /* 36 and 288 were slower by 5 and 2 % */
    double bytes = (double)layers[0].n_in * sizeof(real), n_weights = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        bytes += 2.0 * (double)(whole_vectors(layers[l].n_out) * LANES) * sizeof(real);
        n_weights += (double)layers[l].n_in * (double)layers[l].n_out;
    }
    ptrdiff_t rows = (ptrdiff_t)(BYTES / bytes) / STEP * STEP;
    if (n_weights > 16384 || rows > MOST) { /* of a large network, the weights are what comes from far */
        return MOST;
    }
    return rows < LEAST ? LEAST : rows;
}

/* Take n times m things of some bytes from the work area; with `base` NULL only count. More than there are addresses
   stays SIZE_MAX, which nobody allocates. */
static void *take(char *base, size_t *used, ptrdiff_t n, ptrdiff_t m, size_t bytes) {
    char *start = base ? base + *used : NULL;
    size_t most = SIZE_MAX / 2 - FASTNN_ALIGNMENT;
    if (*used > most || (n > 0 && (size_t)m > most / bytes / (size_t)n)) {
        *used = SIZE_MAX;
        return NULL;
    }
    size_t size = (size_t)n * (size_t)m * bytes;
    *used += (size + FASTNN_ALIGNMENT - 1) / FASTNN_ALIGNMENT * FASTNN_ALIGNMENT;
    return start;
}

static real *take_reals(char *base, size_t *used, ptrdiff_t n, ptrdiff_t m) {
    return take(base, used, n, m, sizeof(real));
}

static int is_single(const fastnn_layer *flat, ptrdiff_t n_layers, ptrdiff_t l) {
    return l > 0 && l == n_layers - 1 && flat[l].n_out == 1 && !flat[l].n_blocks &&
           !is_joint((fastnn_activation)flat[l].activation);
}

/* Numbers of its own that an encoding has. */
INLINE ptrdiff_t own_numbers(const fastnn_layer *column) {
    switch ((fastnn_encoding)column->activation) {
    case FASTNN_ENCODING_plain:
    case FASTNN_ENCODING_one_hot: break;
    case FASTNN_ENCODING_periodic: return column->n_in * (column->n_out + 1) + column->n_out - 1;
    case FASTNN_ENCODING_embedding: return (column->n_in + 1) * column->n_out;
    }
    return 0;
}

/* In a packed block each encoding begins with a whole vector. */
INLINE ptrdiff_t packed_numbers(const fastnn_layer *column) { return whole_vectors(own_numbers(column)) * LANES; }

/* Rows of a layer's packed weights: whole vectors of them, where a transposed copy is made. */
static ptrdiff_t packed_rows(const fastnn_layer *flat, ptrdiff_t l) {
    return l ? whole_vectors(flat[l].n_in) * LANES : flat[l].n_in;
}

/* CSR rows at most for which the first layer's weights are turned: their outputs, of all layers, which then go to far
   memory, are no more than these weights, which do not. (4,000 rows of 200 columns to 8,000 units took twice the time
   of packed weights, and 20 times the memory.) */
static double turned_rows(const fastnn_layer *flat, ptrdiff_t n_layers) {
    double outputs = 0, rows;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        outputs += (double)flat[l].n_out;
    }
    rows = (double)flat[0].n_in * (double)flat[0].n_out / outputs;
    return rows < TURNED_ROWS ? rows : TURNED_ROWS;
}

/* Whether prediction turns a layer's weights a panel at a time, for each chunk anew, rather than all of them before.
   entries: CSR rows that the layer takes so, or NULL. */
static int stays_unpacked(const fastnn_layer *flat, ptrdiff_t n_layers, ptrdiff_t l, const fastnn_data *entries) {
    ptrdiff_t n_in = flat[l].n_in;
    if (flat[l].n_columns) {
        return 0;
    }
    int are_few = !entries || ((double)entries->n_samples <= turned_rows(flat, n_layers) &&
                               n_in <= TURNED_BYTES / TURNED / (ptrdiff_t)sizeof(vec));
    return are_few && !is_single(flat, n_layers, l) && n_in >= UNPACKED_BYTES / (ptrdiff_t)sizeof(real) / flat[l].n_out;
}

/* The gradient of CSR rows has its own room, and so has a panel of weights that is turned for them. */
SMALL void lay_out_sparse(packed_network *net, const fastnn_layer *flat, int trains, int turns, char *base,
                          size_t *used) {
    memset(&net->sparse, 0, sizeof net->sparse);
    net->sparse.panel = turns ? take_reals(base, used, flat[0].n_in, net->plan.n_threads * TURNED * LANES) : NULL;
    if (net->takes_entries && trains) {
        net->sparse.ends = take(base, used, flat[0].n_in, 1, sizeof *net->sparse.ends);
        net->sparse.touched = take(base, used, flat[0].n_in, 1, 1);
        net->sparse.sorted = take(base, used, net->plan.n_threads, SORTED, sizeof *net->sparse.sorted);
        net->sparse.next = take(base, used, net->plan.n_threads, net->chunk, sizeof *net->sparse.next);
    }
}

/* From one row of a hidden layer to the next, or of the last one. */
static ptrdiff_t stride_of(ptrdiff_t n_vectors, int is_hidden) {
    enum { CACHE_LINE = 64 / REAL_BYTES };
    ptrdiff_t stride = n_vectors * LANES;
    int falls_together = stride % (HALF_A_PAGE / REAL_BYTES) == 0;
    return is_hidden && falls_together ? stride + (CACHE_LINE > LANES ? CACHE_LINE : LANES) : stride;
}

/* A layer, and its numbers of rows. Returns 0 if there are no such sizes. */
SMALL int lay_out_layer(packed_network *net, const fastnn_layer *flat, ptrdiff_t n_layers, ptrdiff_t l, int trains,
                        const fastnn_data *entries, int32_t dropped, packed_layer *layer, char *base, size_t *used) {
    const team_plan *plan = &net->plan;
    *layer = (packed_layer){
        .n_in = flat[l].n_in,
        .n_out = flat[l].n_out,
        .n_vectors = whole_vectors(flat[l].n_out),
        .is_single = is_single(flat, n_layers, l),
        .activation = (fastnn_activation)flat[l].activation,
        .parameter = (real)flat[l].parameter,
        .flat = &flat[l],
        .scale = (real)(65536.0 / (65536.0 - dropped)),
        .flat_weights = flat[l].weights,
        .flat_biases = flat[l].biases,
        .flat_gates = flat[l].gates,
        .n_columns = flat[l].n_columns,
        .columns = flat + n_layers + flat[n_layers - 1].n_blocks,
        .weights = net->n_packed,
        .before = net->n_gapless,
    };
    layer->stride = layer->is_single ? 1 : stride_of(layer->n_vectors, l < n_layers - 1);
    layer->stays_unpacked = !trains && stays_unpacked(flat, n_layers, l, entries);
    ptrdiff_t n_rows = layer->stays_unpacked || layer->n_columns ? 0 : packed_rows(flat, l);
    if (n_rows > 0 && layer->stride > (PTRDIFF_MAX / 2 - net->n_packed) / n_rows) {
        return 0;
    }
    for (ptrdiff_t c = 0; c < layer->n_columns; c++) {
        net->n_packed += packed_numbers(&layer->columns[c]);
    }
    net->n_packed += n_rows * layer->stride;
    net->n_gapless += n_rows * (layer->is_single ? 1 : layer->n_vectors * LANES);
    layer->slot = layer->is_single ? whole_vectors(net->chunk) * LANES : net->chunk * layer->stride;
    layer->h = take_reals(base, used, plan->n_slots, layer->slot);
    /* Outputs of ReLU tell it still, unless the rates fall on the way, as they may where columns are encoded. */
    int is_dropped = dropped && (layer->activation != FASTNN_ACTIVATION_relu || flat[0].n_columns);
    int keeps_slope = fastnn_activations[layer->activation].keeps_slope || layer->flat_gates;
    int keeps = trains && l < n_layers - 1 && (is_dropped || keeps_slope);
    layer->slopes = keeps ? take_reals(base, used, plan->n_slots, layer->slot) : NULL;
    layer->gaps = layer->flat_gates ? take_reals(base, used, plan->n_slots, layer->slot) : NULL;
    layer->delta = trains ? take_reals(base, used, plan->n_slots, layer->slot) : NULL;
    return 1;
}

/* Lay out the work area at `base`, whose packed blocks become zeros, and return its size in bytes, SIZE_MAX if there
   are no such sizes. n_state: numbers of solver state a parameter; less than 0: for prediction, without gradient and
   deltas. dropped: as in fastnn_training. base NULL: only the size. */
SMALL size_t lay_out(packed_network *net, const fastnn_layer *flat, ptrdiff_t n_layers, const fastnn_data *data,
                     int n_state, const int32_t *dropped, const team_plan *plan, char *base) {
    size_t used = 0;
    packed_layer measured;
    int trains = n_state >= 0;
    net->n_layers = n_layers;
    net->plan = *plan;
    net->chunk = chunk_rows(flat, n_layers);
    net->takes_entries = takes_entries(data, flat[0].n_in);
    net->drops_inputs = dropped && dropped[0];
    const fastnn_data *entries = net->takes_entries ? data : NULL; /* of the first layer */
    int turns = !trains && entries && stays_unpacked(flat, n_layers, 0, entries);
    ptrdiff_t of_thread = (data->n_samples + plan->n_threads - 1) / plan->n_threads;
    if (turns && of_thread > net->chunk) {
        net->chunk = of_thread;
    }
    net->unpacked = NULL;
    net->layers = take(base, &used, n_layers, 1, sizeof(packed_layer));
    net->views = take(base, &used, n_layers, plan->n_threads, sizeof(packed_layer));
    net->n_packed = 0;
    net->n_gapless = 0;
    ptrdiff_t widest = 0, n_rows = 0;
    int is_wide = 0;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        packed_layer *layer = base ? &net->layers[l] : &measured;
        if (flat[l].n_in > COUNTABLE || flat[l].n_out > COUNTABLE) {
            return SIZE_MAX;
        }
        int32_t of_outputs = dropped && l < n_layers - 1 ? dropped[l + 1] : 0;
        if (!lay_out_layer(net, flat, n_layers, l, trains, l ? NULL : entries, of_outputs, layer, base, &used)) {
            return SIZE_MAX;
        }
        int comes_back = trains && l > 0; /* there is a backward product */
        is_wide |= (l > 0 || !net->takes_entries) && is_far(layer->n_in, layer->n_vectors);
        is_wide |= (l > 0 || !net->takes_entries) && layer->stays_unpacked;
        is_wide |= comes_back && is_far(layer->n_out, whole_vectors(layer->n_in));
        widest = layer->n_vectors * LANES > widest ? layer->n_vectors * LANES : widest;
        n_rows += layer->n_in;
    }
    net->n_weights = net->n_packed;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        if (base) {
            net->layers[l].biases = net->n_packed;
        }
        net->n_packed += whole_vectors(flat[l].n_out) * LANES;
    }
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        if (base) {
            net->layers[l].gates = flat[l].gates ? net->n_packed : 0;
        }
        net->n_packed += flat[l].gates ? whole_vectors(flat[l].n_out) * LANES : 0;
    }
    net->inputs = net->takes_entries ? NULL : take_reals(base, &used, plan->n_slots * net->chunk, flat[0].n_in);
    lay_out_sparse(net, flat, trains, turns, base, &used);
    net->copies = is_wide ? take_reals(base, &used, plan->n_threads, COPIES) : NULL;
    net->n_lanes = 2 * widest * LANES;
    net->lanes = take_reals(base, &used, plan->n_threads, net->n_lanes);
    net->totals = take(base, &used, plan->n_chunks, whole_vectors(net->chunk), sizeof(loss_totals));
    net->squares = take(base, &used, net->n_gapless / SQUARES + 1, 1, sizeof(double));
    net->magnitudes = trains ? take(base, &used, net->n_gapless / SQUARES + 1, 1, sizeof(double)) : NULL;
    net->of_rows = trains ? take(base, &used, n_rows + n_layers, 1, sizeof(double)) : NULL;

    size_t zeros = used; /* from here on: what has padding */
    net->parameters = take_reals(base, &used, net->n_packed, 1);
    net->gradient = trains ? take_reals(base, &used, net->n_packed, 1) : NULL;
    net->partial = plan->by_chunks ? take_reals(base, &used, net->n_packed, plan->n_chunks) : NULL;
    ptrdiff_t first_stride = stride_of(whole_vectors(flat[0].n_out), n_layers > 1);
    net->sparse.zeros = net->takes_entries && trains ? take_reals(base, &used, first_stride, 1) : NULL;
    net->state = n_state > 0 ? take_reals(base, &used, net->n_packed, n_state) : NULL;
    for (ptrdiff_t l = 0; l < n_layers; l++) {
        packed_layer *layer = base ? &net->layers[l] : &measured;
        layer->back = NULL;
        if (trains && l && !is_single(flat, n_layers, l)) {
            ptrdiff_t stride = stride_of(whole_vectors(flat[l].n_in), 1);
            layer->back = take_reals(base, &used, whole_vectors(flat[l].n_out) * LANES, stride);
        }
    }
    if (base && trains) {
        memset(base + zeros, 0, used - zeros);
    } else if (base) { /* of the weights nobody reads the padding that `pack` leaves out */
        memset(net->parameters + net->n_weights, 0, (size_t)(net->n_packed - net->n_weights) * sizeof(real));
    }
    return used;
}

/* The network as it stands for a thread's rows from `row` of a chunk on, whose numbers are in a slot. */
SMALL packed_network view_of(const packed_network *net, int thread, ptrdiff_t slot, ptrdiff_t chunk, ptrdiff_t row) {
    packed_network view = *net;
    if (thread == 0 && slot == 0 && chunk == 0 && row == 0) {
        return view;
    }
    view.layers = net->views + thread * net->n_layers;
    for (ptrdiff_t l = 0; l < net->n_layers; l++) {
        packed_layer *layer = &view.layers[l];
        *layer = net->layers[l];
        layer->h += slot * layer->slot + row * layer->stride;
        layer->slopes = layer->slopes ? layer->slopes + slot * layer->slot + row * layer->stride : NULL;
        layer->gaps = layer->gaps ? layer->gaps + slot * layer->slot + row * layer->stride : NULL;
        layer->delta = layer->delta ? layer->delta + slot * layer->slot + row * layer->stride : NULL;
    }
    view.inputs = view.inputs ? view.inputs + (slot * net->chunk + row) * net->layers[0].n_in : NULL;
    view.sparse.sorted = view.sparse.sorted ? view.sparse.sorted + thread * SORTED : NULL;
    view.sparse.panel = view.sparse.panel ? view.sparse.panel + thread * net->layers[0].n_in * TURNED * LANES : NULL;
    view.sparse.next = view.sparse.next ? view.sparse.next + thread * net->chunk : NULL;
    view.copies = view.copies ? view.copies + thread * COPIES : NULL;
    view.lanes += thread * net->n_lanes;
    view.totals += chunk * whole_vectors(net->chunk) + row / LANES;
    return view;
}
#endif
