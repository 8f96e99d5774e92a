"""Keras' models of dense layers, one after another, as networks; of Keras 3, whichever backend it has.

Called by `Network.from_keras`. What a model is is asked of its layers; files are read by Keras, in its safe mode.
"""

import os

import keras
import numpy as np
from keras import activations, layers

from fastnn.interop.chain import Chain
from fastnn.portable import ModelFormatError

#: Activation function -> ours, with the parameter that the function has by default.
FUNCTIONS = {
    activations.linear: "identity",
    activations.sigmoid: "logistic",
    activations.tanh: "tanh",
    activations.relu: "relu",
    activations.softmax: "softmax",
    activations.exponential: "exp",
    activations.leaky_relu: ("leaky_relu", 0.2),
    activations.elu: "elu",
    activations.selu: "selu",
    activations.gelu: "gelu",
    activations.silu: "silu",
    activations.mish: "mish",
    activations.softplus: "softplus",
    activations.hard_sigmoid: "hard_sigmoid",
    activations.hard_silu: "hard_swish",
    activations.softsign: "softsign",
}

#: Layer -> the activation that it is, as users write it; None: none of ours.
ASKED = {
    layers.Activation: lambda own: FUNCTIONS.get(own.activation),
    layers.LeakyReLU: lambda own: ("leaky_relu", own.negative_slope),
    layers.ELU: lambda own: ("elu", own.alpha),
    layers.ReLU: lambda own: (
        None if own.max_value is not None or own.threshold else ("leaky_relu", own.negative_slope)
        if own.negative_slope else "relu"
    ),
    layers.Softmax: lambda own: "softmax" if own.axis in (-1, 1) else None,
}  # fmt: skip

#: These do nothing when a model predicts.
NOTHING = (
    layers.Dropout, layers.AlphaDropout, layers.GaussianDropout, layers.GaussianNoise, layers.ActivityRegularization,
    layers.Identity,
)  # fmt: skip

KNOWN = {
    layers.InputLayer, layers.Flatten, layers.Dense, layers.BatchNormalization, layers.Normalization, layers.Rescaling,
    *ASKED, *NOTHING,
}  # fmt: skip


def from_keras(model, output_activation=None, classes=None):
    """Return the Network of a Keras model, or of the ``.keras`` file that it is in; see `Network`."""
    if isinstance(model, str | os.PathLike):
        model = _load(model)
    if not isinstance(model, keras.Model):
        raise TypeError(f"model must be a Sequential or Functional model of Keras 3, got a {type(model).__name__}")
    chain = Chain()
    _append_model(chain, model, 2)
    return chain.network(output_activation, classes)


def _load(path):
    name = os.fspath(path)
    os.stat(name)  # whose error says that it is not there
    if not os.path.isfile(name) or not str(name).endswith(".keras"):
        raise ModelFormatError(
            f"{name!r} is no .keras file; load others yourself, by keras.saving.load_model, and pass the model"
        )
    try:
        return keras.saving.load_model(name, compile=False, safe_mode=True)
    except Exception as error:  # it has no errors of its own for files that are damaged
        raise ModelFormatError(f"{name!r} cannot be read by Keras, in its safe mode: {error}") from error


def _append_model(chain, model, rank):
    """Append the layers of a model that takes arrays of so many dimensions; return how many its outputs have."""
    for layer in _layers_of(model):
        rank = _append_model(chain, layer, rank) if isinstance(layer, keras.Model) else _append(chain, layer, rank)
    return rank


def _layers_of(model):
    """The layers, or whatever computes something, from the inputs to the outputs."""
    if not getattr(model, "inputs", None) or type(model).call.__module__.partition(".")[0] != "keras":
        raise ValueError(
            f"model {model.name!r} cannot be carried over: it is not built, or is a subclass of Model whose call may "
            "do anything; build it, or pass its layers as a Sequential"
        )
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ValueError(
            f"model {model.name!r} cannot be carried over: it has {len(model.inputs)} inputs and {len(model.outputs)} "
            "outputs, expected one of each"
        )
    (tensor,), found = model.outputs, []
    while True:
        operation, node, _ = tensor._keras_history
        found.append(operation)
        tensors = operation._inbound_nodes[node].input_tensors
        if not tensors or tensor is model.inputs[0]:
            return found[::-1]
        if len(tensors) != 1:
            raise _refusal(_where(operation), f"it takes {len(tensors)} arrays, and a network is one chain")
        (tensor,) = tensors


def _append(chain, layer, rank):
    """Append a layer that takes arrays of so many dimensions; return that of its outputs."""
    where = _where(layer)
    kind = next((kind for kind in type(layer).__mro__ if kind in KNOWN), None)
    if kind is None or type(layer).call is not kind.call:
        raise _refusal(where, "it is none that is known")
    if kind is layers.InputLayer:
        return len(layer.batch_shape)
    if kind is layers.Flatten:
        if rank > 2 and layer.data_format != "channels_last":
            raise _refusal(where, f"with data_format={layer.data_format!r} it changes the order")
        return 2
    if kind not in NOTHING:
        if rank != 2 and not (kind is layers.Rescaling and np.ndim(layer.scale) == np.ndim(layer.offset) == 0):
            raise _refusal(where, f"it takes arrays of {rank} dimensions, a network rows; flatten them before it")
        _append_known(chain, where, kind, layer)
    return rank


def _append_known(chain, where, kind, layer):
    if kind is layers.Dense:
        if layer.quantization_mode is not None:
            raise _refusal(where, f"its weights are quantized ({layer.quantization_mode})")
        chain.dense(where, _array(layer.kernel).T, _array(layer.bias) if layer.use_bias else None)
        _activate(chain, where, layer.activation)
    elif kind is layers.BatchNormalization:
        factor = (_array(layer.moving_variance, float) + layer.epsilon) ** -0.5
        factor = factor * _array(layer.gamma) if layer.scale else factor
        shift = _array(layer.beta) if layer.center else 0.0
        chain.scale(where, factor, shift - _array(layer.moving_mean, float) * factor)
    elif kind is layers.Normalization:
        if layer.mean is None:
            raise _refusal(where, "it has no mean yet; adapt it")
        mean, variance = (_array(own, float).ravel() for own in (layer.mean, layer.variance))
        scale = np.maximum(np.sqrt(variance), keras.config.epsilon())
        chain.scale_inputs(where, *((scale, mean) if layer.invert else (1 / scale, -mean / scale)))
    elif kind is layers.Rescaling:
        chain.scale(where, np.ravel(layer.scale), np.ravel(layer.offset))
    else:
        _activate(chain, where, layer)


def _activate(chain, where, activation):
    """Follow by a function, or a layer that is one."""
    if isinstance(activation, layers.Layer):
        kind = next((kind for kind in type(activation).__mro__ if kind in ASKED), None)
        found = ASKED[kind](activation) if kind is not None and type(activation).call is kind.call else None
        if kind is layers.Activation and isinstance(activation.activation, layers.Layer):
            return _activate(chain, where, activation.activation)
    else:
        found = FUNCTIONS.get(activation)
    if found is None:
        what = getattr(activation, "activation", activation)
        raise _refusal(where, f"fastnn has no activation {getattr(what, '__name__', what)!r:.60}, or not as it is set")
    return chain.activate(where, found)


def _array(variable, dtype=None):
    """The numbers of a variable; those of half precision in float32, which holds them all."""
    array = keras.ops.convert_to_numpy(variable)
    return array.astype(dtype or (np.float64 if array.dtype == np.float64 else np.float32))


def _where(layer):
    return f"layer {layer.name!r} ({type(layer).__name__})"


def _refusal(where, why):
    return ValueError(
        f"{where} cannot be carried over: {why}. What can: Dense, BatchNormalization, Normalization, Rescaling, "
        "Flatten, Dropout and activations that fastnn has"
    )
