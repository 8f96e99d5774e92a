/* plain.h: a network, its losses and its solvers by plain loops in double, from the maths: what the engine's entry
   points are compared with. Parameters are flat, as fastnn.h has them. */
#ifndef PLAIN_H
#define PLAIN_H

#include "check.h"

enum { MOST_LAYERS = 4, MOST_UNITS = 128 };

static double plain_activation(fastnn_activation activation, double z) {
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return 1 / (1 + exp(-z));
    case FASTNN_ACTIVATION_tanh: return tanh(z);
    case FASTNN_ACTIVATION_relu: return z > 0 ? z : 0;
    case FASTNN_ACTIVATION_step: return z >= 0;
    case FASTNN_ACTIVATION_exp: return exp(z);
    case FASTNN_ACTIVATION_identity: return z;
    case FASTNN_ACTIVATION_softmax: break;
    }
    return NAN;
}

/* The derivative by z, of the input z itself. */
static double plain_slope(fastnn_activation activation, double z) {
    double h = plain_activation(activation, z);
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return exp(-z) / ((1 + exp(-z)) * (1 + exp(-z)));
    case FASTNN_ACTIVATION_tanh: return 1 / (cosh(z) * cosh(z));
    case FASTNN_ACTIVATION_relu: return z > 0;
    case FASTNN_ACTIVATION_step: return 0;
    case FASTNN_ACTIVATION_exp: return h;
    case FASTNN_ACTIVATION_identity: return 1;
    case FASTNN_ACTIVATION_softmax: break;
    }
    return NAN;
}

static void plain_outputs(fastnn_activation activation, int n, const double *z, double *h) {
    double sum = 0;
    for (int i = 0; i < n; i++) {
        h[i] = activation == FASTNN_ACTIVATION_softmax ? exp(z[i]) : plain_activation(activation, z[i]);
        sum += h[i];
    }
    for (int i = 0; activation == FASTNN_ACTIVATION_softmax && i < n; i++) {
        h[i] /= sum;
    }
}

/* Loss of one row, and its derivative by z in delta. */
static double plain_loss(fastnn_loss loss, fastnn_activation activation, int n, const double *z, const double *y,
                         double *delta) {
    double h[MOST_UNITS], total = 0;
    plain_outputs(activation, n, z, h);
    for (int i = 0; i < n; i++) {
        delta[i] = h[i] - y[i];
        switch (loss) {
        case FASTNN_LOSS_squared_error:
            total += 0.5 * (h[i] - y[i]) * (h[i] - y[i]);
            delta[i] *= plain_slope(activation, z[i]);
            break;
        case FASTNN_LOSS_poisson: total += (y[i] > 0 ? y[i] * log(y[i] / h[i]) : 0) - y[i] + h[i]; break;
        case FASTNN_LOSS_perceptron: total += (h[i] - y[i]) * z[i]; break;
        case FASTNN_LOSS_log_loss:
            total -= y[i] > 0 ? y[i] * log(h[i]) : 0;
            total -= activation == FASTNN_ACTIVATION_logistic && y[i] < 1 ? (1 - y[i]) * log(1 - h[i]) : 0;
            break;
        }
    }
    return total;
}

/* Sums z of the last layer for one row; the gradient of weight * loss is added where it is asked for. */
static double plain_row(const fastnn_layer *layers, int n_layers, fastnn_loss loss, const double *parameters,
                        const double *x, const double *y, double weight, double *z_last, double *gradient) {
    double z[MOST_LAYERS][MOST_UNITS], h[MOST_LAYERS + 1][MOST_UNITS], delta[MOST_LAYERS][MOST_UNITS];
    memcpy(h[0], x, (size_t)layers[0].n_in * sizeof(double));
    for (int l = 0; l < n_layers; l++) {
        const fastnn_layer *layer = &layers[l];
        for (int i = 0; i < layer->n_out; i++) {
            z[l][i] = parameters[layer->biases + i];
            for (int j = 0; j < layer->n_in; j++) {
                z[l][i] += parameters[layer->weights + i * layer->n_in + j] * h[l][j];
            }
        }
        plain_outputs((fastnn_activation)layer->activation, (int)layer->n_out, z[l], h[l + 1]);
    }
    int last = n_layers - 1, n_out = (int)layers[last].n_out;
    memcpy(z_last, z[last], (size_t)n_out * sizeof(double));
    if (!y) {
        return 0;
    }
    double value = plain_loss(loss, (fastnn_activation)layers[last].activation, n_out, z[last], y, delta[last]);
    for (int l = last; gradient && l >= 0; l--) {
        const fastnn_layer *layer = &layers[l];
        for (int j = 0; l > 0 && j < layer->n_in; j++) {
            double sum = 0;
            for (int i = 0; i < layer->n_out; i++) {
                sum += delta[l][i] * parameters[layer->weights + i * layer->n_in + j];
            }
            delta[l - 1][j] = sum * plain_slope((fastnn_activation)layers[l - 1].activation, z[l - 1][j]);
        }
        for (int i = 0; i < layer->n_out; i++) {
            gradient[layer->biases + i] += weight * delta[l][i];
            for (int j = 0; j < layer->n_in; j++) {
                gradient[layer->weights + i * layer->n_in + j] += weight * delta[l][i] * h[l][j];
            }
        }
    }
    return value;
}

static double sign_of(double x) { return (x > 0) - (x < 0); }

/* What Adam with Nesterov's look ahead multiplies the rate by. */
static double plain_nadam(const fastnn_training *how, double t, double g, double m, double v) {
    double momentum = 0, next = 0, product = 1;
    for (double i = 1; i <= t + 1; i++) {
        momentum = next;
        next = how->beta_1 * (1 - 0.5 * pow(0.96, 0.004 * i));
        product *= i <= t ? next : 1;
    }
    double direction = (1 - momentum) / (1 - product) * g + next / (1 - product * next) * m;
    return direction / (sqrt(v / (1 - pow(how->beta_2, t))) + how->epsilon);
}

/* One step of a number from its gradient; t counts from 1. */
static void plain_number(const fastnn_training *how, double rate, double t, double *p, double g, double *s,
                         double *second) {
    double b1 = how->beta_1, b2 = how->beta_2, turns;
    switch (how->solver) {
    case FASTNN_SOLVER_rmsprop:
        *s = b2 * *s + (1 - b2) * g * g;
        *p -= rate * g / (sqrt(*s) + how->epsilon);
        break;
    case FASTNN_SOLVER_adam:
    case FASTNN_SOLVER_adamw:
    case FASTNN_SOLVER_nadam:
        *s = b1 * *s + (1 - b1) * g;
        *second = b2 * *second + (1 - b2) * g * g;
        if (how->solver == FASTNN_SOLVER_nadam) {
            *p -= rate * plain_nadam(how, t, g, *s, *second);
        } else {
            *p -= rate * sqrt(1 - pow(b2, t)) / (1 - pow(b1, t)) * *s / (sqrt(*second) + how->epsilon);
        }
        break;
    case FASTNN_SOLVER_adagrad:
        *s += g * g;
        *p -= rate * g / (sqrt(*s) + how->epsilon);
        break;
    case FASTNN_SOLVER_lion:
        *p -= rate * sign_of(b1 * *s + (1 - b1) * g);
        *s = b2 * *s + (1 - b2) * g;
        break;
    case FASTNN_SOLVER_rprop:
        turns = sign_of(g) * sign_of(*s);
        *second = (*second == 0 ? rate : *second) * (turns > 0 ? 1.2 : turns < 0 ? 0.5 : 1);
        *second = fmin(fmax(*second, 1e-6), 50);
        *s = turns < 0 ? 0 : g;
        *p -= *second * sign_of(*s);
        break;
    case FASTNN_SOLVER_sgd:
        *s = how->momentum * *s - rate * g;
        *p += how->nesterov ? how->momentum * *s - rate * g : *s;
        break;
    }
}

/* One step by all rules, from a gradient that has the L2 penalty in it. */
static void plain_step(const fastnn_training *how, double rate, double t, const fastnn_layer *layers, int n_layers,
                       double *p, double *g, double *state) {
    ptrdiff_t n_weights = layers[0].biases, n = layers[n_layers - 1].biases + layers[n_layers - 1].n_out;
    double norm = 0, scale = 1, factor[MOST_LAYERS][2];
    for (int l = 0; l < n_layers; l++) {
        factor[l][0] = how->rates ? how->rates[2 * l] : 1;
        factor[l][1] = how->rates ? how->rates[2 * l + 1] : 1;
    }
    for (int pass = 0; pass < 2; pass++) { /* the norm, then the step */
        for (int l = 0; l < n_layers; l++) {
            for (ptrdiff_t k = 0; k < layers[l].n_out * (layers[l].n_in + 1); k++) {
                int is_bias = k >= layers[l].n_out * layers[l].n_in;
                ptrdiff_t i = is_bias ? layers[l].biases + k - layers[l].n_out * layers[l].n_in : layers[l].weights + k;
                double of_this = factor[l][is_bias];
                if (pass == 0) {
                    g[i] += is_bias ? 0 : how->l1 * sign_of(p[i]);
                    norm += of_this != 0 ? g[i] * g[i] : 0;
                } else if (of_this != 0) {
                    p[i] -= i < n_weights ? rate * of_this * how->weight_decay * p[i] : 0;
                    plain_number(how, rate * of_this, t, &p[i], scale * g[i], &state[i], &state[n + i]);
                }
            }
        }
        scale = how->max_grad_norm != 0 ? fmin(1, how->max_grad_norm / (sqrt(norm) + 1e-6)) : 1;
    }
    for (int l = 0; how->max_norm != 0 && l < n_layers; l++) {
        for (ptrdiff_t unit = 0; factor[l][0] != 0 && unit < layers[l].n_out; unit++) {
            double *w = p + layers[l].weights + unit * layers[l].n_in, squares = 0;
            for (ptrdiff_t j = 0; j < layers[l].n_in; j++) {
                squares += w[j] * w[j];
            }
            for (ptrdiff_t j = 0; j < layers[l].n_in && sqrt(squares) > how->max_norm; j++) {
                w[j] *= how->max_norm / sqrt(squares);
            }
        }
    }
}
#endif
