"""scikit-learn's multi-layer perceptrons as networks, and networks as fitted ones of scikit-learn.

Called by `Network.from_sklearn` and `.to_sklearn`, and by the estimators for what a fitted one has.
"""

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    MaxAbsScaler,
    MinMaxScaler,
    RobustScaler,
    StandardScaler,
)
from sklearn.utils.validation import check_is_fitted

from fastnn.interop.chain import Chain
from fastnn.labels import Labels
from fastnn.network import Network

#: Of hidden layers, in scikit-learn.
HIDDEN = ("identity", "logistic", "tanh", "relu")

#: Kind of labels -> the output activations that scikit-learn's training goes on from by the right gradient.
OUTPUTS = {
    "binary": ("logistic",),
    "multiclass": ("softmax", "logistic"),
    "multilabel": ("logistic",),
    "values": ("identity", "exp"),
}


def from_sklearn(model):
    """Return the Network of a fitted perceptron, or of a Pipeline of scalers that ends in one; see `Network`."""
    *transformers, (name, last) = _steps("", model)
    if not isinstance(last, MLPClassifier | MLPRegressor) and not hasattr(type(last), "network_"):
        raise TypeError(
            f"{name or 'the model'} is a {type(last).__name__}; expected an MLPClassifier or MLPRegressor of "
            "scikit-learn or fastnn, or a Pipeline that ends in one"
        )
    check_is_fitted(last)
    chain = Chain()
    for step, transformer in transformers:
        _fold(chain, f"step {step!r} ({type(transformer).__name__})", transformer)
    network = last.network_.copy() if hasattr(last, "network_") else _network_of(last)
    if not transformers:
        return network
    chain.append(network)
    names = getattr(transformers[0][1], "feature_names_in_", network.feature_names)
    return chain.network(labels=network._labels, feature_names=None if names is None else tuple(names))


def to_sklearn(network):
    """Return a fitted perceptron of scikit-learn that predicts what the network does."""
    hidden, (out, kind) = network.activations[:-1], _outputs_of(network)
    parameters = {"hidden_layer_sizes": network.layer_sizes[1:-1], "activation": hidden[0] if hidden else "relu"}
    if kind != "values":
        return show(MLPClassifier(**parameters), network)
    return show(MLPRegressor(loss="poisson" if out == "exp" else "squared_error", **parameters), network)


def show(estimator, network):
    """Give a perceptron of scikit-learn what a fitted one has, with these weights and a training at its start."""
    out, kind = _outputs_of(network)
    estimator.coefs_ = [np.array(W.T, order="C") for W in network.W.values()]
    estimator.intercepts_ = [b.copy() for b in network.b.values()]
    estimator._best_coefs, estimator._best_intercepts = estimator.coefs_, estimator.intercepts_  # as after a fit
    estimator.n_features_in_, *_, estimator.n_outputs_ = network.layer_sizes
    if network.feature_names is not None:
        estimator.feature_names_in_ = np.array(network.feature_names, object)
    estimator.n_layers_, estimator.out_activation_ = len(network.layer_sizes), out
    estimator.n_iter_ = estimator.t_ = 0
    if estimator.solver != "lbfgs":
        judges, estimator._no_improvement_count = estimator.early_stopping, 0
        estimator.loss_curve_, estimator.best_loss_ = [], None if judges else np.inf
        estimator.validation_scores_, estimator.best_validation_score_ = ([], -np.inf) if judges else (None, None)
    if kind != "values":
        labels = np.eye(network.layer_sizes[-1], dtype=int) if kind == "multilabel" else network.classes
        estimator._label_binarizer = LabelBinarizer().fit(labels)
        estimator.classes_ = estimator._label_binarizer.classes_
    return estimator


def _steps(name, model):
    """Pairs of the names and the steps of a pipeline, and of those in it, without those that do nothing."""
    if not isinstance(model, Pipeline):
        return [(name, model)]
    steps = [pair for step, part in model.steps for pair in _steps(step, part)]
    return [pair for pair in steps[:-1] if not _does_nothing(pair[1])] + steps[-1:]


def _does_nothing(step):
    return step in (None, "passthrough") or (isinstance(step, FunctionTransformer) and step.func is None)


def _fold(chain, where, scaler):
    known = {
        StandardScaler: lambda own: (own.mean_ if own.with_mean else 0.0, own.scale_),
        RobustScaler: lambda own: (own.center_, own.scale_),
        MaxAbsScaler: lambda own: (0.0, own.scale_),
        MinMaxScaler: lambda own: (-own.min_ / own.scale_, 1 / own.scale_),
    }
    if type(scaler) not in known or getattr(scaler, "clip", False):
        raise ValueError(
            f"{where} cannot be carried over{' with clip=True' if type(scaler) in known else ''}; it takes "
            f"{', '.join(kind.__name__ for kind in known)} and 'passthrough'. Carry over the last step alone, "
            "and transform X before the network"
        )
    check_is_fitted(scaler)
    center, scale = known[type(scaler)](scaler)
    center, scale = (0.0 if center is None else center), (1.0 if scale is None else scale)
    chain.scale_inputs(where, np.divide(1.0, scale), -np.divide(center, scale))


def _network_of(mlp):
    W, dtype = [coefs.T for coefs in mlp.coefs_], np.result_type(*mlp.coefs_)
    hidden = [mlp.activation] * (len(W) - 1)
    options = {"activation": hidden, "output_activation": mlp.out_activation_, "dtype": dtype}
    network = Network(W, mlp.intercepts_, **options)
    names = getattr(mlp, "feature_names_in_", None)
    names = None if names is None else tuple(map(str, names))
    return Network._from_parts(network._spec, network.parameters, _labels_of(mlp), "auto", names)


def _labels_of(mlp):
    binarizer = getattr(mlp, "_label_binarizer", None)
    if binarizer is None:
        return Labels("values")
    kind, classes = binarizer.y_type_.removesuffix("-indicator"), np.array(binarizer.classes_)
    if kind == "multilabel":
        return Labels(kind)
    if classes.dtype.kind == "O" and all(isinstance(label, str) for label in classes):
        classes = classes.astype(str)
    return Labels(kind, classes.repeat(2) if len(classes) == 1 else classes)


def _outputs_of(network):
    """The output activation and the kind of labels of a network, or what scikit-learn's lack."""
    *hidden, out = network.activations
    labels = network._labels
    lacks = [f"hidden layers of {name!r}" for name in dict.fromkeys(hidden) if name not in HIDDEN]
    if len(set(hidden)) > 1:
        lacks.append(f"hidden layers of different activations, {tuple(hidden)}")
    if labels.kind not in OUTPUTS:
        lacks.append({"heads": "several heads", "means": "variances"}.get(labels.kind, labels.kind))
    elif out not in OUTPUTS[labels.kind] or labels.threshold != 0.5:
        what = "values, without classes," if labels.kind == "values" else f"{labels.kind} labels"
        margin = "" if labels.threshold == 0.5 else f" and a threshold of {labels.threshold:g}"
        lacks.append(f"outputs of {out!r} for {what}{margin}")
    if lacks:
        raise ValueError(
            f"scikit-learn's perceptrons have no {' and no '.join(lacks)}; their hidden layers are all "
            f"{' or all '.join(HIDDEN)}, their outputs softmax or logistic with classes, else identity or exp"
        )
    return out, labels.kind
