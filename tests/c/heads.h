/* heads.h: several heads, a block of the outputs each, against plain loops: targets that are NaN add nothing. */
#ifndef HEADS_TESTS_H
#define HEADS_TESTS_H

#include "kernels.h" /* target_of, sum_of_totals */
#include "plain.h"

enum { N_HEADS = 3 };

/* A head of n outputs, or as many as its activation takes; returns them. */
static int head_of(fastnn_pair pair, int n, double weight, fastnn_layer *block, fastnn_head *head) {
    int a = (int)pair.output_activation;
    *head = (fastnn_head){{.loss = pair.loss, .parameter = PERCENT / 100.0, .quantiles = LEVELS}, weight};
    *block = (fastnn_layer){
        .n_out = joint_size(a, n), .activation = a, .parameter = a == FASTNN_ACTIVATION_increasing ? 3 : (real)0.3};
    return (int)block->n_out;
}

/* Targets of n outputs of a row, NaN for some of them, or for all where they have a loss together. */
static void gaps(fastnn_pair pair, int n, real *y) {
    int together = is_joint(pair.output_activation), none = below(3) == 0;
    for (int i = 0; i < n; i++) {
        y[i] = target_of(pair.loss, (real)number());
    }
    for (int i = 0, one = below(n); pair.output_activation == FASTNN_ACTIVATION_softmax && i < n; i++) {
        y[i] = i == one;
    }
    for (int i = 0; i < n; i++) {
        y[i] = together ? (none ? NAN : y[i]) : below(3) == 0 ? NAN : y[i];
    }
}

/* What a block adds to the loss and the squared error of a row, from its logits, and its deltas. */
static double plain_head(const fastnn_head *head, const fastnn_layer *block, const double *z, const double *y,
                         double *delta, double *square) {
    fastnn_activation a = (fastnn_activation)block->activation;
    int n = (int)block->n_out, part = is_joint(a) ? n : 1;
    double total = 0, h[MOST_UNITS];
    for (int first = 0; first < n; first += part) {
        if (isnan(y[first])) {
            memset(delta + first, 0, (size_t)part * sizeof *delta);
            continue;
        }
        total +=
            head->weight * plain_loss(head->objective.loss, a, (real)0.3, part, z + first, y + first, delta + first);
        plain_outputs(a, (real)0.3, part, z + first, h);
        for (int i = 0; i < part; i++) {
            int counts = a != FASTNN_ACTIVATION_mean_variance || i < part / 2;
            *square += counts ? (h[i] - y[first + i]) * (h[i] - y[first + i]) : 0;
            delta[first + i] *= head->weight;
        }
    }
    return total;
}

static void test_heads(void) {
    fastnn_pair other[] = {{FASTNN_LOSS_squared_error, FASTNN_ACTIVATION_tanh},
                           {FASTNN_LOSS_log_loss, FASTNN_ACTIVATION_logistic}};
    for (int pair = 0; pair < FASTNN_N_PAIRS; pair++) {
        for (int s = 0; s < N_SIZES; s++) {
            fastnn_pair pairs[N_HEADS] = {other[0], fastnn_pairs[pair], other[1]};
            fastnn_layer blocks[N_HEADS];
            fastnn_head heads[N_HEADS];
            int n_out = 0, n = SIZES[(s * 5 + pair) % N_SIZES], wide = SIZES[(s * 3) % N_SIZES] % 20;
            for (int b = 0; b < N_HEADS; b++) {
                n_out += head_of(pairs[b], b == 1 ? 1 + SIZES[s] % 24 : 1 + wide, 0.5 + b, &blocks[b], &heads[b]);
            }
            TESTING("heads, %s in the middle, %d x %d", fastnn_losses[pairs[1].loss].name, n, n_out);
            int stride = (int)whole_vectors(n_out) * LANES;
            real *z = numbers(n * stride), *logits = numbers(n * stride), *outputs = numbers(n * stride);
            real *y = numbers(n * n_out), *work = zeros(2 * stride * LANES);
            for (int r = 0; r < n; r++) {
                real *of_head = y + r * n_out;
                for (int b = 0; b < N_HEADS; of_head += blocks[b++].n_out) {
                    gaps(pairs[b], (int)blocks[b].n_out, of_head);
                }
            }
            memcpy(logits, z, (size_t)(n * stride) * sizeof(real));
            memcpy(outputs, z, (size_t)(n * stride) * sizeof(real));
            loss_totals *groups = get((size_t)whole_vectors(n) * sizeof *groups);
            fastnn_objective objective = {.heads = heads};
            output_layer of = {&objective, FASTNN_ACTIVATION_identity, 0, n_out, stride, blocks, N_HEADS};
            loss_and_delta(&of, n, y, NULL, NULL, 4, z, work, groups);
            activate_blocks(blocks, N_HEADS, n, whole_vectors(n_out), outputs, work);
            loss_totals totals = sum_of_totals(groups, whole_vectors(n));
            double sum = 0, norms = 0;
            for (int r = 0; r < n; r++) {
                double zr[MOST_UNITS], yr[MOST_UNITS], h[MOST_UNITS], delta[MOST_UNITS], square = 0;
                for (int i = 0; i < n_out; i++) {
                    zr[i] = logits[r * stride + i];
                    yr[i] = y[r * n_out + i];
                }
                for (int b = 0, i = 0; b < N_HEADS; i += (int)blocks[b++].n_out) {
                    sum += plain_head(&heads[b], &blocks[b], zr + i, yr + i, delta + i, &square) / 4;
                    plain_outputs((fastnn_activation)blocks[b].activation, (real)0.3, (int)blocks[b].n_out, zr + i,
                                  h + i);
                }
                norms += sqrt(square);
                for (int i = 0; i < n_out; i++) {
                    close_to(z[r * stride + i], delta[i] / 4, 4, 8);
                    close_to(outputs[r * stride + i], h[i], 4, 8);
                }
                for (int i = n_out; i < stride; i++) {
                    is_zero(z[r * stride + i], "padding of the delta");
                }
            }
            close_to((real)totals.loss, sum, 10.0 * n * n_out, 8);
            close_to((real)totals.norms, norms, 10.0 * n * n_out, 8);
            free(z), free(logits), free(outputs), free(y), free(work), free(groups);
        }
    }
}
#endif
