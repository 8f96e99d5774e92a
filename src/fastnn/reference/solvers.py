"""The step of each solver, and the rules that hold for all of them, in NumPy, from the maths: for ``batched``.

Everything is in place, on flat arrays: constants are computed in double, arrays stay in their dtype.
"""

import math

import numpy as np

#: The step sizes of rprop: what a change of sign and an unchanged one make of them, and their bounds.
SHRINKS, GROWS, SMALLEST, LARGEST = 0.5, 1.2, 1e-6, 50.0


def sgd(training, learning_rate, gradient, parameters, state, t):
    """Gradient descent, plain or with momentum: v = μ v - η g, p += v, or with Nesterov's p += μ v - η g."""
    (velocity,) = state
    momentum, rate = parameters.dtype.type(training.momentum), parameters.dtype.type(learning_rate)
    velocity *= momentum
    velocity -= rate * gradient
    parameters += momentum * velocity - rate * gradient if training.nesterov else velocity


def rmsprop(training, learning_rate, gradient, parameters, state, t):
    """The gradient over the root of its mean square: s = β₂ s + (1 - β₂) g², p -= η g / (√s + ε)."""
    cast, (square,) = parameters.dtype.type, state
    square *= cast(training.beta_2)
    square += cast(1 - training.beta_2) * gradient**2
    parameters -= cast(learning_rate) * gradient / (np.sqrt(square) + cast(training.epsilon))


def _moments(training, gradient, state):
    """The means of the gradients and of their squares: m = β₁ m + (1 - β₁) g, v = β₂ v + (1 - β₂) g²."""
    cast, (mean, square) = gradient.dtype.type, state
    mean *= cast(training.beta_1)
    mean += cast(1 - training.beta_1) * gradient
    square *= cast(training.beta_2)
    square += cast(1 - training.beta_2) * gradient**2
    return mean, square


def adam(training, learning_rate, gradient, parameters, state, t):
    """The mean gradient over the root of the mean square, both corrected for their start from zero.

    m and v are the moments, p -= η √(1 - β₂^t) / (1 - β₁^t) m / (√v + ε).
    """
    cast = parameters.dtype.type
    mean, square = _moments(training, gradient, state)
    rate = learning_rate * math.sqrt(1 - training.beta_2**t) / (1 - training.beta_1**t)
    parameters -= cast(rate) * mean / (np.sqrt(square) + cast(training.epsilon))


def nadam(training, learning_rate, gradient, parameters, state, t):
    """Adam with Nesterov's look ahead and a momentum that grows, μ_t = β₁ (1 - ½ 0.96^(0.004 t)).

    p -= η ((1 - μ_t) / (1 - Π_t) g + μ_(t+1) / (1 - Π_(t+1)) m) / (√(v / (1 - β₂^t)) + ε), where Π_t is the product of
    the μ up to t.
    """
    cast = parameters.dtype.type
    mean, square = _moments(training, gradient, state)
    momenta = training.beta_1 * (1 - 0.5 * 0.96 ** (0.004 * np.arange(1, t + 2)))
    now, ahead = np.prod(momenta[:-1]), np.prod(momenta)
    of_gradient, of_mean = (1 - momenta[-2]) / (1 - now), momenta[-1] / (1 - ahead)
    root = np.sqrt(square / cast(1 - training.beta_2**t)) + cast(training.epsilon)
    parameters -= cast(learning_rate) * (cast(of_gradient) * gradient + cast(of_mean) * mean) / root


def adagrad(training, learning_rate, gradient, parameters, state, t):
    """The gradient over the root of the sum of all squares: s += g², p -= η g / (√s + ε)."""
    cast, (square,) = parameters.dtype.type, state
    square += gradient**2
    parameters -= cast(learning_rate) * gradient / (np.sqrt(square) + cast(training.epsilon))


def lion(training, learning_rate, gradient, parameters, state, t):
    """The sign of a mean of gradients: p -= η sign(β₁ m + (1 - β₁) g), then m = β₂ m + (1 - β₂) g."""
    cast, (mean,) = parameters.dtype.type, state
    direction = cast(training.beta_1) * mean + cast(1 - training.beta_1) * gradient
    parameters -= cast(learning_rate) * np.sign(direction)
    mean *= cast(training.beta_2)
    mean += cast(1 - training.beta_2) * gradient


def rprop(training, learning_rate, gradient, parameters, state, t):
    """A step size for each parameter, which grows while the gradient keeps its sign and shrinks where that changes.

    Δ begins at η; p -= Δ sign g, and nothing where the sign has just changed.
    """
    cast, (before, size) = parameters.dtype.type, state
    turns = np.sign(gradient) * np.sign(before)
    size[size == 0] = cast(learning_rate)
    size *= np.where(turns > 0, cast(GROWS), np.where(turns < 0, cast(SHRINKS), cast(1)))
    size.clip(cast(SMALLEST), cast(LARGEST), out=size)
    before[:] = np.where(turns < 0, cast(0), gradient)
    parameters -= size * np.sign(before)


#: Each solver's step.
UPDATE = {
    "sgd": sgd,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adam,
    "nadam": nadam,
    "adagrad": adagrad,
    "lion": lion,
    "rprop": rprop,
}


def update(training, learning_rate, gradient, state):
    """One step of the solver, by its rules; it is number state.n_updates + 1."""
    network, parameters = state.network, state.parameters
    cast, n_weights = parameters.dtype.type, network.n_weights
    tensors = _tensors(network, training, state.n_updates)
    if training.l1:
        gradient[:n_weights] += cast(training.l1) * np.sign(parameters[:n_weights])
    for place, rate, _ in tensors:
        if rate == 0:
            gradient[place] = 0
    clip(gradient, training.max_grad_norm)
    kinds = state.optimizer.reshape(-1, len(parameters))
    for place, rate, decay in tensors:
        if rate != 0:
            own, step = parameters[place], learning_rate * rate
            if decay and training.weight_decay:
                own -= cast(learning_rate * decay * training.weight_decay) * own
            UPDATE[training.solver](training, step, gradient[place], own, kinds[:, place], state.n_updates + 1)
    if training.max_norm < math.inf:
        W, _ = network.views(parameters)
        for l, (of_weights, _) in enumerate(training.rates or [(1.0, 1.0)] * network.n_layers, start=1):
            if of_weights:
                bound_rows(W[l], training.max_norm)


def _tensors(network, training, n_updates):
    """Slices of the flat parameters, and in each the factor of the rate and that of the decay, which weights have."""
    n_weights = network.n_weights
    if not training.rates and not network.encodings:
        return [(slice(n_weights), 1.0, 1.0), (slice(n_weights, None), 1.0, 0.0)]
    rates = training.rates or [(1.0, 1.0)] * network.n_layers
    decays = training.decay_rates or [of_weights for of_weights, _ in rates]
    share, layers, found = training.share(n_updates), network.layers.tolist(), []
    for layer, (of_weights, of_biases), decay in zip(layers[: network.n_layers], rates, decays, strict=True):
        n_in, n_out, weights, biases, *_, gates, n_columns = layer
        owns = [(weights, n_in * n_out, 1.0)]
        if n_columns:
            rows = zip(network.encodings, layers[network.n_layers :], strict=True)
            owns = [(row[2], encoding.n_parameters, encoding.rate) for encoding, row in rows]
        for own, n, rate in owns:
            found.append((slice(own, own + n), of_weights * rate, share * decay * rate))
        found.append((slice(biases, biases + n_out), of_biases, 0.0))
        if gates:
            found.append((slice(gates, gates + n_out), training.gate_rate, 0.0))
    return found


def clip(gradient, max_grad_norm):
    """Scale a gradient whose norm is larger, as PyTorch does, by max_grad_norm / (norm + 1e-6)."""
    if max_grad_norm < math.inf:
        scale = max_grad_norm / (math.sqrt(float((gradient.astype(np.float64) ** 2).sum())) + 1e-6)
        if not scale >= 1:  # nor where the norm is NaN, which shall be seen
            gradient *= gradient.dtype.type(scale)


def bound_rows(W, max_norm):
    """Scale the rows of W, the weights that come into a unit each, whose norm is larger."""
    norms, most = np.sqrt((W**2).sum(axis=1, keepdims=True)), W.dtype.type(max_norm)
    np.multiply(W, most / np.maximum(norms, most), out=W, where=norms > most)


def l1_penalty(training, state):
    """What the objective has of it."""
    return training.l1 * float(np.abs(state.parameters[: state.network.n_weights]).sum())
