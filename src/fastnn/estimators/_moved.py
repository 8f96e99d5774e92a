"""The optimizers of scikit-learn's networks as ours and back, so that a model that is moved trains on as it would."""

from itertools import chain

import numpy as np

from fastnn.spec import TrainingSpec
from fastnn.training.passes import Optimizer


def optimizer_from(theirs, objective, network):
    """Return an `Optimizer` that goes on where an AdamOptimizer or SGDOptimizer of scikit-learn is.

    Parameters
    ----------
    theirs : object
    objective : Objective
    network : NetworkSpec
        Which has the parameters that it was made for.
    """
    if hasattr(theirs, "ms"):
        moments = theirs.ms, theirs.vs
        constants = {"solver": "adam", "beta_1": theirs.beta_1, "beta_2": theirs.beta_2, "epsilon": theirs.epsilon}
        schedule = ()
    elif hasattr(theirs, "velocities"):
        moments = (theirs.velocities,)
        constants = {"solver": "sgd", "momentum": theirs.momentum, "nesterov": theirs.nesterov}
        schedule = theirs.lr_schedule, theirs.power_t
    else:
        raise TypeError(
            f"_optimizer is a {type(theirs).__name__}, which is none of fastnn's or scikit-learn's; del it, and "
            "training goes on from the weights alone"
        )
    training = TrainingSpec(objective, **constants)
    ours = Optimizer(training, network, theirs.learning_rate_init, *schedule)
    shapes = [*network.shapes, *((n_out,) for n_out in network.layer_sizes[1:])]
    if any([array.shape for array in kind] != shapes for kind in moments):
        raise ValueError(
            f"the moments of _optimizer are not of a network of {list(network.layer_sizes)} units; del _optimizer, and "
            "training goes on from the weights alone"
        )
    ours.moments[:] = np.concatenate([array.T.ravel() for array in chain(*moments)])
    if training.solver == "adam":
        ours.counters["n_updates"] = theirs.t
    else:
        ours.learning_rate = theirs.learning_rate
    return ours


def optimizer_to(ours, network, params):
    """Return the AdamOptimizer or SGDOptimizer of scikit-learn that goes on where an `Optimizer` is.

    Parameters
    ----------
    ours : Optimizer
        Of solver "adam" or "sgd".
    network : NetworkSpec
    params : list of ndarray
        The weights (n_in, n_out) and the biases that it is to change.
    """
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

    training, rate = ours.training, ours.learning_rate_init
    moments = ours.moments.reshape(-1, network.n_parameters)
    theirs_of = [
        [np.array(layer.T, order="C") for views in network.views(kind) for layer in views.values()] for kind in moments
    ]
    if training.solver == "adam":
        theirs = AdamOptimizer(params, rate, training.beta_1, training.beta_2, training.epsilon)
        theirs.ms, theirs.vs = theirs_of
        theirs.t = int(ours.counters["n_updates"][0])
        return theirs
    theirs = SGDOptimizer(params, rate, ours.schedule, training.momentum, training.nesterov, ours.power_t)
    (theirs.velocities,), theirs.learning_rate = theirs_of, ours.learning_rate
    return theirs
