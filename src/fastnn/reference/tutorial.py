"""The tutorials' own functions, by their own names and arguments: per-sample NumPy loops and their helpers.

They are here to be called by readers who know them, to be read, and to be timed and compared against; `fastnn.train`
does the same, faster. Nothing else in fastnn calls them. The order of the steps and of the random draws is theirs.
"""

import math

import numpy as np

# -- a feed-forward pass, two ways ------------------------------------------------------------------------------


def f(x):
    """Return the sigmoid 1 / (1 + e^-x) of a number or of each entry of an array.

    Parameters
    ----------
    x : float or ndarray

    Returns
    -------
    h : float or ndarray of the same shape
    """
    with np.errstate(over="ignore"):  # e^-x may overflow to infinity, which gives 0
        return 1 / (1 + np.exp(-x))


def f_deriv(x):
    """Return the derivative of the sigmoid, f(x) (1 - f(x)).

    Parameters
    ----------
    x : float or ndarray

    Returns
    -------
    slope : float or ndarray of the same shape
    """
    return f(x) * (1 - f(x))


def simple_looped_nn_calc(n_layers, x, w, b):
    """Return the outputs of a sigmoid network for one sample, by naive loops.

    Parameters
    ----------
    n_layers : int
        The number of layers, the inputs counted.
    x : sequence of n_in numbers
    w, b : list
        ``w[l]`` (n_out, n_in) and ``b[l]`` (n_out,) of each layer of weights, from 0.

    Returns
    -------
    h : list of float
        The outputs (n_out,).
    """
    h = list(x)
    for l in range(n_layers - 1):
        node_in = h
        h = []
        for i in range(len(w[l])):
            f_sum = 0.0
            for j in range(len(node_in)):
                f_sum += w[l][i][j] * node_in[j]
            f_sum += b[l][i]
            h.append(1.0 / (1.0 + math.exp(-f_sum)) if f_sum > -700 else 0.0)
    return h


def matrix_feed_forward_calc(n_layers, x, w, b):
    """Return what `simple_looped_nn_calc` returns, as an array, by matrix products.

    Parameters
    ----------
    n_layers : int
        The number of layers, the inputs counted.
    x : sequence of n_in numbers
    w, b : list of ndarray
        ``w[l]`` (n_out, n_in) and ``b[l]`` (n_out,) of each layer of weights, from 0.

    Returns
    -------
    h : ndarray of shape (n_out,)
    """
    h = np.asarray(x)
    for l in range(n_layers - 1):
        h = f(np.dot(w[l], h) + b[l])
    return h


# -- training by per-sample loops -------------------------------------------------------------------------------


def convert_y_to_vect(y):
    """Return labels 0 ... 9 as one-hot rows.

    Parameters
    ----------
    y : sequence of int of shape (n_samples,)

    Returns
    -------
    y_vect : ndarray of shape (n_samples, 10)
    """
    y_vect = np.zeros((len(y), 10))
    for i in range(len(y)):
        y_vect[i, y[i]] = 1
    return y_vect


def setup_and_init_weights(nn_structure):
    """Return start weights drawn from [0, 1) by NumPy's global generator, layer by layer, weights before biases.

    Parameters
    ----------
    nn_structure : list of int
        Units of each layer, the inputs first.

    Returns
    -------
    W, b : dict
        ``W[l]`` (n_out, n_in) and ``b[l]`` (n_out,), keyed from 1.
    """
    W, b = {}, {}
    for l in range(1, len(nn_structure)):
        W[l] = np.random.random_sample((nn_structure[l], nn_structure[l - 1]))
        b[l] = np.random.random_sample((nn_structure[l],))
    return W, b


def init_tri_values(nn_structure):
    """Return zeros to sum the gradient in, shaped like the weights and biases.

    Parameters
    ----------
    nn_structure : list of int
        Units of each layer, the inputs first.

    Returns
    -------
    tri_W, tri_b : dict
        ``tri_W[l]`` (n_out, n_in) and ``tri_b[l]`` (n_out,), keyed from 1.
    """
    tri_W, tri_b = {}, {}
    for l in range(1, len(nn_structure)):
        tri_W[l] = np.zeros((nn_structure[l], nn_structure[l - 1]))
        tri_b[l] = np.zeros((nn_structure[l],))
    return tri_W, tri_b


def feed_forward(x, W, b):
    """Return the outputs and the weighted sums of all layers for one sample.

    Parameters
    ----------
    x : ndarray of shape (n_in,)
    W, b : dict
        Weights (n_out, n_in) and biases (n_out,), keyed from 1.

    Returns
    -------
    h : dict
        Outputs (n_out,) of each layer, keyed from 1, which are the inputs.
    z : dict
        Weighted sums (n_out,) of each layer, keyed from 2.
    """
    h, z = {1: x}, {}
    for l in range(1, len(W) + 1):
        z[l + 1] = W[l].dot(h[l]) + b[l]
        h[l + 1] = f(z[l + 1])
    return h, z


def calculate_out_layer_delta(y, h_out, z_out):
    """Return the delta of the output layer, -(y - h) f'(z).

    Parameters
    ----------
    y, h_out, z_out : ndarray of shape (n_out,)
        Targets, outputs and weighted sums of one sample.

    Returns
    -------
    delta : ndarray of shape (n_out,)
    """
    return -(y - h_out) * f_deriv(z_out)


def calculate_hidden_delta(delta_plus_1, w_l, z_l):
    """Return the delta of a hidden layer, (W^T delta) f'(z).

    Parameters
    ----------
    delta_plus_1 : ndarray of shape (n_out,)
        The delta of the layer after it.
    w_l : ndarray of shape (n_out, n_in)
        The weights between them.
    z_l : ndarray of shape (n_in,)
        The weighted sums of the hidden layer.

    Returns
    -------
    delta : ndarray of shape (n_in,)
    """
    return np.dot(np.transpose(w_l), delta_plus_1) * f_deriv(z_l)


def train_nn(nn_structure, X, y, iter_num=3000, alpha=0.25):
    """Train a sigmoid network by full-batch gradient descent, one sample at a time.

    Parameters
    ----------
    nn_structure : list of int
        Units of each layer, the inputs first.
    X : ndarray of shape (n_samples, n_in)
    y : ndarray of shape (n_samples, n_out)
        One-hot.
    iter_num : int, default 3000
        Updates, each from all samples.
    alpha : float, default 0.25
        The learning rate.

    Returns
    -------
    W, b : dict
        ``W[l]`` (n_out, n_in) and ``b[l]`` (n_out,), keyed from 1.
    avg_cost_func : list of float
        The mean of ||y - h|| of each iteration, before its step.
    """
    W, b = setup_and_init_weights(nn_structure)
    m = len(y)
    avg_cost_func = []
    print(f"Starting gradient descent for {iter_num} iterations")
    for cnt in range(iter_num):
        if cnt % 1000 == 0:
            print(f"Iteration {cnt} of {iter_num}")
        tri_W, tri_b = init_tri_values(nn_structure)
        avg_cost = 0.0
        for i in range(m):
            delta = {}
            h, z = feed_forward(X[i, :], W, b)
            for l in range(len(nn_structure), 0, -1):
                if l == len(nn_structure):
                    delta[l] = calculate_out_layer_delta(y[i, :], h[l], z[l])
                    avg_cost += np.linalg.norm(y[i, :] - h[l])
                else:
                    if l > 1:
                        delta[l] = calculate_hidden_delta(delta[l + 1], W[l], z[l])
                    tri_W[l] += np.dot(delta[l + 1][:, np.newaxis], np.transpose(h[l][:, np.newaxis]))
                    tri_b[l] += delta[l + 1]
        for l in range(len(nn_structure) - 1, 0, -1):
            W[l] += -alpha * (1.0 / m * tri_W[l])
            b[l] += -alpha * (1.0 / m * tri_b[l])
        avg_cost_func.append(avg_cost / m)
    return W, b, avg_cost_func


def predict_y(W, b, X, n_layers):
    """Return the class of each row of X: the index of the largest output.

    Parameters
    ----------
    W, b : dict
        Weights (n_out, n_in) and biases (n_out,), keyed from 1.
    X : ndarray of shape (n_samples, n_in)
    n_layers : int
        The number of layers, the inputs counted.

    Returns
    -------
    y : ndarray of float, shape (n_samples,)
    """
    m = X.shape[0]
    y = np.zeros((m,))
    for i in range(m):
        h, _ = feed_forward(X[i, :], W, b)
        y[i] = np.argmax(h[n_layers])
    return y


# -- a ReLU and softmax classifier ------------------------------------------------------------------------------


def relu_activation(data_array):
    """Return max(0, x) of each entry.

    Parameters
    ----------
    data_array : ndarray of any shape

    Returns
    -------
    h : ndarray of the same shape
    """
    return np.maximum(data_array, 0)


def softmax(output_array):
    """Return e^x / Σ e^x along each row.

    Parameters
    ----------
    output_array : ndarray of shape (n_samples, n_classes)

    Returns
    -------
    probabilities : ndarray of the same shape
    """
    powers = np.exp(output_array - output_array.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def accuracy(predictions, labels):
    """Return how many rows have their largest prediction where the label is largest.

    Parameters
    ----------
    predictions, labels : ndarray of shape (n_samples, n_classes)
        Labels are one-hot.

    Returns
    -------
    accuracy : float
        In percent.
    """
    return 100.0 * np.mean(np.argmax(predictions, axis=1) == np.argmax(labels, axis=1))
