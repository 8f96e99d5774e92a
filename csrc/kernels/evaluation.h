/* evaluation.h: objective and gradient of all samples, as a minimizer of SciPy asks for them: in and out as flat
   parameters. */
#ifndef FASTNN_EVALUATION_H
#define FASTNN_EVALUATION_H

#include <string.h>

#include "fastnn.h"        /* fastnn_layer, fastnn_objective, fastnn_data, fastnn_work_begins, fastnn_work_ends */
#include "kernels/batch.h" /* team_state, member, sample_batch, batch_pass, lay_out_training, share_out, copy_share, meet */
#include "kernels/layout.h" /* packed_network */
#include "kernels/pack.h"   /* pack, unpack */
#include "simd/vector.h"    /* v_load, v_store, v_fma, v_all, LANES */

SMALL size_t gradient_work_size(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_data *data,
                                int n_threads) {
    packed_network net;
    return lay_out_training(&net, layers, n_layers, data, 0, NULL, data->n_samples, n_threads, NULL);
}

/* One pass over all samples, for engine_loss_and_gradient. */
typedef struct {
    team_state team;
    const sample_batch *batch;
    int with_gradient;
    double l2;
    fastnn_ask ask;
    double *value, *cost;
} whole_pass;

static void make_pass(void *job, int thread, int n_threads) {
    whole_pass *pass = job;
    member me = member_of(&pass->team, thread, n_threads, pass->ask);
    double value, cost;
    if (pass->with_gradient) {
        copy_share(&me);
        meet(&me);
    }
    int is_interrupted = batch_pass(&me, pass->batch, pass->with_gradient, pass->l2, &value, &cost);
    if (thread == 0 && !is_interrupted) {
        *pass->value = value;
        *pass->cost = cost;
    }
}

SMALL int engine_loss_and_gradient(const fastnn_layer *layers, ptrdiff_t n_layers, const fastnn_objective *objective,
                                   double l2, const fastnn_data *data, const void *parameters, void *gradient,
                                   void *outputs, double *value, double *cost, int n_threads, fastnn_ask ask,
                                   void *work) {
    packed_network net;
    lay_out_training(&net, layers, n_layers, data, 0, NULL, data->n_samples, n_threads, work);
    pack(&net, parameters, net.parameters);
    sample_batch b = {data, NULL, data->n_samples, 0, objective, {NULL, 0, 0, 1}, outputs};
    whole_pass pass = {{.net = &net}, &b, gradient != NULL, l2, ask, value, cost};
    fastnn_work_begins();
    share_out(&pass.team, net.plan.a_row * (double)data->n_samples, make_pass, &pass);
    fastnn_work_ends();
    if (pass.team.is_interrupted) {
        return FASTNN_INTERRUPTED;
    }
    if (gradient) {
        for (ptrdiff_t j = 0; net.takes_entries && j < layers[0].n_in; j++) {
            if (!net.sparse.touched[j]) {
                memset(net.gradient + j * net.layers[0].stride, 0, (size_t)net.layers[0].stride * sizeof(real));
            }
        }
        for (ptrdiff_t i = 0; i < net.n_weights; i += LANES) {
            v_store(net.gradient + i, v_fma(v_all((real)l2), v_load(net.parameters + i), v_load(net.gradient + i)));
        }
        unpack(&net, net.gradient, gradient);
    }
    return FASTNN_RAN;
}
#endif
