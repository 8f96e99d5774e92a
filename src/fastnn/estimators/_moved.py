"""The optimizers of scikit-learn's networks as ours, so that a model that is moved over trains on as it would there."""

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
