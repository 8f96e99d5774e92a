/* plain.h: a network, its losses and its solvers by plain loops in double, from the maths: what the engine's entry
   points are compared with. Parameters are flat, as fastnn.h has them. */
#ifndef PLAIN_H
#define PLAIN_H

#include "check.h"

enum { MOST_LAYERS = 4, MOST_UNITS = 128 };

/* P(X < z) of a standard normal X, and its density. */
static double normal(double z) { return 0.5 * erfc(-z / sqrt(2)); }
static double normal_density(double z) { return exp(-z * z / 2) / 2.5066282746310005; }

static double between(double low, double z, double high) { return z < low ? low : z > high ? high : z; }

static double plain_activation(fastnn_activation activation, double parameter, double z) {
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return 1 / (1 + exp(-z));
    case FASTNN_ACTIVATION_tanh: return tanh(z);
    case FASTNN_ACTIVATION_relu: return z > 0 ? z : 0;
    case FASTNN_ACTIVATION_step: return z >= 0;
    case FASTNN_ACTIVATION_exp: return exp(z);
    case FASTNN_ACTIVATION_identity: return z;
    case FASTNN_ACTIVATION_leaky_relu: return z > 0 ? z : parameter * z;
    case FASTNN_ACTIVATION_elu: return z > 0 ? z : parameter * expm1(z);
    case FASTNN_ACTIVATION_selu: return 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * expm1(z));
    case FASTNN_ACTIVATION_gelu: return z * normal(z);
    case FASTNN_ACTIVATION_silu: return z / (1 + exp(-z));
    case FASTNN_ACTIVATION_mish: return z * tanh(log1p(exp(z)));
    case FASTNN_ACTIVATION_softplus: return log1p(exp(z));
    case FASTNN_ACTIVATION_hard_sigmoid: return between(0, z / 6 + 0.5, 1);
    case FASTNN_ACTIVATION_hard_swish: return z * between(0, z / 6 + 0.5, 1);
    case FASTNN_ACTIVATION_sin: return sin(z);
    case FASTNN_ACTIVATION_softsign: return z / (1 + fabs(z));
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_mean_variance:
    case FASTNN_ACTIVATION_increasing: break;
    }
    return NAN;
}

/* The derivative by z, of the input z itself. */
static double plain_slope(fastnn_activation activation, double parameter, double z) {
    double h = plain_activation(activation, parameter, z), t = tanh(log1p(exp(z))), p = 1 / (1 + exp(-z));
    switch (activation) {
    case FASTNN_ACTIVATION_logistic: return exp(-z) / ((1 + exp(-z)) * (1 + exp(-z)));
    case FASTNN_ACTIVATION_tanh: return 1 / (cosh(z) * cosh(z));
    case FASTNN_ACTIVATION_relu: return z > 0;
    case FASTNN_ACTIVATION_step: return 0;
    case FASTNN_ACTIVATION_exp: return h;
    case FASTNN_ACTIVATION_identity: return 1;
    case FASTNN_ACTIVATION_leaky_relu: return z > 0 ? 1 : parameter;
    case FASTNN_ACTIVATION_elu: return z > 0 ? 1 : parameter * exp(z);
    case FASTNN_ACTIVATION_selu: return 1.0507009873554805 * (z > 0 ? 1 : 1.6732632423543772 * exp(z));
    case FASTNN_ACTIVATION_gelu: return normal(z) + z * normal_density(z);
    case FASTNN_ACTIVATION_silu: return p + h * (1 - p);
    case FASTNN_ACTIVATION_mish: return t + z * (1 - t * t) * p;
    case FASTNN_ACTIVATION_softplus: return p;
    case FASTNN_ACTIVATION_hard_sigmoid: return fabs(z) < 3 ? 1.0 / 6 : 0;
    case FASTNN_ACTIVATION_hard_swish: return fabs(z) < 3 ? z / 3 + 0.5 : z > 0;
    case FASTNN_ACTIVATION_sin: return cos(z);
    case FASTNN_ACTIVATION_softsign: return 1 / ((1 + fabs(z)) * (1 + fabs(z)));
    case FASTNN_ACTIVATION_softmax:
    case FASTNN_ACTIVATION_mean_variance:
    case FASTNN_ACTIVATION_increasing: break;
    }
    return NAN;
}

/* A number of outputs that a joint activation takes: near that which is asked for. */
static int joint_size(int activation, int n) {
    return activation == FASTNN_ACTIVATION_mean_variance ? (n + 1) / 2 * 2
           : activation == FASTNN_ACTIVATION_increasing  ? (n + 2) / 3 * 3
                                                         : n;
}

static void plain_outputs(fastnn_activation activation, double parameter, int n, const double *z, double *h) {
    double sum = 0;
    if (activation == FASTNN_ACTIVATION_mean_variance || activation == FASTNN_ACTIVATION_increasing) {
        for (int i = 0; i < n; i++) {
            int rises = activation == FASTNN_ACTIVATION_increasing && i % 3;
            int spreads = activation == FASTNN_ACTIVATION_mean_variance && i >= n / 2;
            double power = log1p(exp(z[i]));
            h[i] = rises ? h[i - 1] + power : spreads ? power + 1e-6 : z[i];
        }
        return;
    }
    for (int i = 0; i < n; i++) {
        h[i] = activation == FASTNN_ACTIVATION_softmax ? exp(z[i]) : plain_activation(activation, parameter, z[i]);
        sum += h[i];
    }
    for (int i = 0; activation == FASTNN_ACTIVATION_softmax && i < n; i++) {
        h[i] /= sum;
    }
}

enum { PERCENT = 70 }; /* the parameter, in hundredths, of the losses that have one */

/* -log p of p = logistic(z). */
static double plain_surprise(double z) { return z > 0 ? log1p(exp(-z)) : log1p(exp(z)) - z; }

/* Loss of one output, and in delta its derivative by z; the focal loss of softmax has its in plain_loss. */
static double plain_term(fastnn_loss loss, fastnn_activation activation, double parameter, double z, double h, double y,
                         double *delta) {
    double p = PERCENT / 100.0, slope = plain_slope(activation, parameter, z), margin = 1 - y * z;
    *delta = h - y;
    switch (loss) {
    case FASTNN_LOSS_squared_error: *delta *= slope; return 0.5 * (h - y) * (h - y);
    case FASTNN_LOSS_poisson: return (y > 0 ? y * log(y / h) : 0) - y + h;
    case FASTNN_LOSS_perceptron: return (h - y) * z;
    case FASTNN_LOSS_log_loss:
        return (y > 0 ? -y * log(h) : 0) -
               (activation == FASTNN_ACTIVATION_logistic && y < 1 ? (1 - y) * log(1 - h) : 0);
    case FASTNN_LOSS_absolute_error: *delta = (h > y ? 1 : -1) * slope; return fabs(h - y);
    case FASTNN_LOSS_huber:
        *delta = fabs(h - y) < p ? (h - y) * slope : (h > y ? p : -p) * slope;
        return fabs(h - y) < p ? 0.5 * (h - y) * (h - y) : p * fabs(h - y) - 0.5 * p * p;
    case FASTNN_LOSS_quantile: *delta = (h > y ? 1 - p : -p) * slope; return h > y ? (1 - p) * (h - y) : p * (y - h);
    case FASTNN_LOSS_gamma: *delta = 1 - y / h; return y / h - log(y / h) - 1;
    case FASTNN_LOSS_hinge: *delta = margin > 0 ? -y : 0; return margin > 0 ? margin : 0;
    case FASTNN_LOSS_squared_hinge: *delta = margin > 0 ? -2 * y * margin : 0; return margin > 0 ? margin * margin : 0;
    case FASTNN_LOSS_gaussian_nll: break; /* see plain_joint */
    case FASTNN_LOSS_focal:
        if (activation == FASTNN_ACTIVATION_logistic) {
            double of_one = pow(1 - h, p) * plain_surprise(z), of_zero = pow(h, p) * plain_surprise(-z);
            *delta = y * (-p * h * of_one - pow(1 - h, p + 1)) + (1 - y) * (p * (1 - h) * of_zero + pow(h, p + 1));
            return y * of_one + (1 - y) * of_zero;
        }
        return -y * pow(1 - h, p) * log(h);
    }
    return NAN;
}

/* The levels of three quantiles, under the activation increasing by groups of three. */
static const double LEVELS[] = {0.1, 0.5, 0.8};

/* The same of means and variances, or of quantiles that do not cross. */
static double plain_joint(fastnn_loss loss, int n, const double *z, const double *h, const double *y, double *delta) {
    double total = 0;
    for (int i = 0; loss == FASTNN_LOSS_gaussian_nll && i < n / 2; i++) {
        double v = h[n / 2 + i], e = h[i] - y[i];
        total += 0.5 * (log(v) + e * e / v);
        delta[i] = e / v;
        delta[n / 2 + i] = 0.5 * (1 / v - e * e / (v * v)) / (1 + exp(-z[n / 2 + i]));
    }
    for (int i = n - 1; loss == FASTNN_LOSS_quantile && i >= 0; i--) {
        double q = LEVELS[i % 3], by_h = h[i] > y[i] ? 1 - q : -q;
        total += by_h * (h[i] - y[i]);
        delta[i] = by_h; /* and those of the outputs after it, which it moves as much */
        delta[i] += i % 3 < 2 ? delta[i + 1] : 0;
    }
    for (int i = 0; loss == FASTNN_LOSS_quantile && i < n; i++) {
        delta[i] *= i % 3 ? 1 / (1 + exp(-z[i])) : 1;
    }
    return total;
}

/* Loss of one row, and its derivative by z in delta. */
static double plain_loss(fastnn_loss loss, fastnn_activation activation, double parameter, int n, const double *z,
                         const double *y, double *delta) {
    double h[MOST_UNITS], total = 0;
    plain_outputs(activation, parameter, n, z, h);
    if (activation == FASTNN_ACTIVATION_mean_variance || activation == FASTNN_ACTIVATION_increasing) {
        return plain_joint(loss, n, z, h, y, delta);
    }
    for (int i = 0; i < n; i++) {
        total += plain_term(loss, activation, parameter, z[i], h[i], y[i], &delta[i]);
    }
    for (int k = 0; loss == FASTNN_LOSS_focal && activation == FASTNN_ACTIVATION_softmax && k < n; k++) {
        double p = PERCENT / 100.0;
        delta[k] = 0;
        for (int i = 0; i < n; i++) { /* by way of the derivative by each probability */
            double by_h = y[i] * (p * pow(1 - h[i], p - 1) * log(h[i]) - pow(1 - h[i], p) / h[i]);
            delta[k] += n > 1 ? by_h * h[i] * ((i == k) - h[k]) : 0;
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
        plain_outputs((fastnn_activation)layer->activation, layer->parameter, (int)layer->n_out, z[l], h[l + 1]);
    }
    int last = n_layers - 1, n_out = (int)layers[last].n_out;
    memcpy(z_last, z[last], (size_t)n_out * sizeof(double));
    if (!y) {
        return 0;
    }
    double value = plain_loss(loss, (fastnn_activation)layers[last].activation, layers[last].parameter, n_out, z[last],
                              y, delta[last]);
    for (int l = last; gradient && l >= 0; l--) {
        const fastnn_layer *layer = &layers[l];
        for (int j = 0; l > 0 && j < layer->n_in; j++) {
            double sum = 0;
            for (int i = 0; i < layer->n_out; i++) {
                sum += delta[l][i] * parameters[layer->weights + i * layer->n_in + j];
            }
            const fastnn_layer *before = &layers[l - 1];
            delta[l - 1][j] = sum * plain_slope((fastnn_activation)before->activation, before->parameter, z[l - 1][j]);
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
