"""What an estimator's parameters say of solver and step: a TrainingSpec, the batch size, an optimizer that goes on."""

import math
from dataclasses import replace

from fastnn.dropout import check_dropout, check_drops
from fastnn.estimators._warnings import warn
from fastnn.spec import (
    DEFAULT_BETA_2,
    DEFAULT_WEIGHT_DECAY,
    TAKE_ALL_ROWS,
    TrainingSpec,
    check_batch_size,
    refuse_rules,
)
from fastnn.state import OTHER_SOLVERS
from fastnn.step_rules import check_rates
from fastnn.training.levenberg_marquardt import check_problem
from fastnn.training.passes import Optimizer


def training_of(estimator, layer_sizes, X):
    """Return how an estimator trains a network of these layers on X, or say what does not go together."""
    solver, beta_2, weight_decay = estimator.solver, estimator.beta_2, estimator.weight_decay
    if beta_2 == TrainingSpec.beta_2:  # the default of scikit-learn's constructor, which is adam's
        beta_2 = DEFAULT_BETA_2.get(solver, beta_2)
    if weight_decay is None:
        weight_decay = DEFAULT_WEIGHT_DECAY.get(solver, 0.0)
    training = TrainingSpec(
        estimator._objective(),
        solver=solver,
        momentum=estimator.momentum,
        nesterov=estimator.nesterovs_momentum,
        beta_1=estimator.beta_1,
        beta_2=beta_2,
        epsilon=estimator.epsilon,
        weight_decay=weight_decay,
        l1=estimator.l1,
        max_grad_norm=math.inf if estimator.max_grad_norm is None else estimator.max_grad_norm,
        max_norm=math.inf if estimator.max_norm is None else estimator.max_norm,
        rates=check_rates(len(layer_sizes) - 1, estimator.layer_rates, estimator.frozen, estimator.bias),
        mu=estimator.mu,
        mu_inc=estimator.mu_inc,
        mu_dec=estimator.mu_dec,
        dropout=check_dropout(len(layer_sizes) - 2, estimator.dropout, estimator.input_dropout),
    )
    if solver in OTHER_SOLVERS:
        refuse_rules(training)
    check_drops(training.dropout, solver, OTHER_SOLVERS, X)
    if solver == "levenberg_marquardt":
        check_problem(training.objective.loss, layer_sizes, X)
    return training


#: What a call that goes on takes as its own; solver, constants and rate stay the optimizer's, as in scikit-learn.
TAKEN_UP = ("objective", "dropout", "rates", "l1", "weight_decay", "max_grad_norm", "max_norm")


def as_of_now(kept, training):
    """Return the TrainingSpec of an optimizer that goes on, with what the estimator now says of loss and rules."""
    return replace(kept, **{name: getattr(training, name) for name in TAKEN_UP})


def optimizer_of(estimator, training, network, plan):
    """Return an optimizer at its start; its rates are those of a plan, if there is one."""
    goes_by_name = estimator.solver == "sgd" and plan is None
    schedule = estimator.learning_rate if goes_by_name else "constant"
    rate = estimator.learning_rate_init if plan is None else plan.largest
    return Optimizer(training, network, rate, schedule, estimator.power_t)


def keeps_solver(estimator):
    """Whether a fit goes on from the solver's state, too; if there is one, of this solver."""
    if estimator.warm_start != "solver" or estimator.solver == "lbfgs":
        return False
    optimizer = getattr(estimator, "_optimizer", None)
    kept = optimizer.training.solver if isinstance(optimizer, Optimizer) else estimator.solver
    if kept != estimator.solver:
        raise ValueError(
            f"warm_start='solver' goes on from the state of solver={kept!r}, but solver={estimator.solver!r} now; set "
            "warm_start=True to go on from the weights alone"
        )
    return optimizer is not None


def take_rate(optimizer, rate):
    """Go on by another rate, if this is not what training began with."""
    if float(rate) != optimizer.learning_rate_init:
        optimizer.learning_rate = optimizer.learning_rate_init = float(rate)


def batch_size_of(estimator, n_rows):
    """Return the rows of an update."""
    batch_size = estimator.batch_size
    if batch_size == "auto":
        return n_rows if estimator.solver in TAKE_ALL_ROWS else min(200, n_rows)
    check_batch_size(estimator.solver, batch_size, n_rows)
    if batch_size > n_rows:
        warn("Got `batch_size` less than 1 or larger than sample size. It is going to be clipped")
    return min(batch_size, n_rows)
