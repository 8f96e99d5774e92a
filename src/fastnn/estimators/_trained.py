"""How an estimator is trained once X and y are arrays: by epochs or by L-BFGS, watched by whoever listens.

The part of the estimators' base that hands over to ``training`` and takes back what came of it.
"""

from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from functools import partial
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from fastnn.backends import BACKENDS
from fastnn.estimators import _lbfgs
from fastnn.estimators._callbacks import bar_of, begin_task, listeners_of
from fastnn.estimators._checkpoints import Snapshot, checkpoints_of, known_of, take_up
from fastnn.estimators._course import Course
from fastnn.estimators._moved import optimizer_from
from fastnn.estimators._plan import plan_of
from fastnn.estimators._solvers import as_of_now, batch_size_of, optimizer_of, take_rate
from fastnn.estimators._validation import ValidationRows, hold_back, measure_anew, validation_of
from fastnn.estimators._warnings import cause_in_words, tell_of_overflow, warn
from fastnn.spoiled import spoiled_in_words
from fastnn.training import passes

ENGINE = BACKENDS["simd"]


@dataclass
class Given:
    """The arguments of a fit as the user gave them, for scorers and callbacks; and rows to validate on, checked."""

    X: Any
    y: Any
    sample_weight: Any
    validation: ValidationRows | None = None

    @property
    def for_hooks(self):
        """What scikit-learn's callbacks are handed."""
        metadata = None if self.sample_weight is None else {"sample_weight": self.sample_weight}
        return {"X": self.X, "y": self.y, "metadata": metadata}


class Trained:
    """The training of an estimator: its attributes before and after."""

    def _show_progress(self, progress):
        """What training has come to, as attributes; those that begin with an underscore are scikit-learn's own, too."""
        self.n_iter_, self.t_ = progress.n_passes, progress.n_seen
        self.loss_curve_, self._no_improvement_count = progress.loss_curve, progress.n_stale
        self.best_loss_ = None if self.early_stopping else progress.best_loss
        self.validation_scores_ = progress.scores if self.early_stopping or progress.scores else None
        self.best_validation_score_ = progress.best_score if self.early_stopping else None
        self.validation_loss_curve_ = progress.validation_losses or None
        self._tracked = progress.tracked
        vars(self).pop("_curve", None)
        if progress.loss_curve:
            self.loss_ = progress.loss_curve[-1]

    def _show_iterations(self, progress):
        """Likewise, of "lbfgs": what those who listened have been told."""
        self.n_iter_, self._curve, self._tracked = progress.n_passes, progress.loss_curve, progress.tracked
        self.validation_loss_curve_ = progress.validation_losses or None
        self.validation_scores_ = progress.scores or None
        if progress.loss_curve:
            self.loss_ = progress.loss_curve[-1]

    def _progress(self):
        """What training has come to, from the attributes."""

        def of(attribute, default):
            value = getattr(self, attribute, None)
            return default if value is None else value

        is_of_passes = "_curve" not in vars(self)  # else the fit before was by "lbfgs", whose iterations are none
        return passes.Progress(
            n_seen=of("t_", 0),
            loss_curve=of("loss_curve_", []),
            scores=of("validation_scores_", []) if is_of_passes else [],
            validation_losses=of("validation_loss_curve_", []) if is_of_passes else [],
            tracked=of("_tracked", {}) if is_of_passes else {},
            best_loss=of("best_loss_", np.inf),
            best_score=of("best_validation_score_", -np.inf),
            n_stale=of("_no_improvement_count", 0),
        )

    def _optimizer_of_now(self, training, plan, incremental, goes_on):
        """Set the optimizer of this call: a new one, or the one that there was, with what the call says of rules."""
        network, optimizer = self._weights.network, getattr(self, "_optimizer", None)
        is_moved = optimizer is not None and not isinstance(optimizer, passes.Optimizer)  # from scikit-learn
        if is_moved:
            self.loss_curve_ = list(self.loss_curve_)
            self.validation_scores_ = None if self.validation_scores_ is None else list(self.validation_scores_)
        if not (incremental or goes_on) or optimizer is None:
            self._optimizer = optimizer_of(self, training, network._spec, plan)
        elif is_moved:
            self._optimizer = optimizer_from(optimizer, training.objective, network._spec)
        if goes_on and plan is None:
            take_rate(self._optimizer, self.learning_rate_init)
        self._optimizer.training = as_of_now(self._optimizer.training, training)

    def _train_by_epochs(self, samples, training, given, is_first, incremental, goes_on):
        plan = plan_of(self, incremental)
        with samples.feed or nullcontext(), checkpoints_of(self, samples, given, plan) as checkpoints:
            self._train_kept(samples, training, given, is_first, incremental, goes_on, plan, checkpoints)

    def _train_kept(self, samples, training, given, is_first, incremental, goes_on, plan, checkpoints):
        network, found = self._weights.network, None if checkpoints is None else checkpoints.found
        course = known_of(found, samples.n_rows, Course)
        if goes_on:
            course = Course.of(self, samples.n_rows, bool(self.early_stopping and given.validation is None))
        dropout = training.dropout and course.seeded(training.dropout, partial(self._random_state.randint, 0))
        self._optimizer_of_now(replace(training, dropout=dropout), plan, incremental, goes_on)
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        max_iter = 1 if incremental else self.max_iter
        context, rows = begin_task(self, max_iter, given.for_hooks), given.validation
        progress = self._progress()
        if self.early_stopping:
            rows = rows or hold_back(self, samples, course, (given.X, given.y, given.sample_weight), self._random_state)
            if is_first:
                progress.best_parameters = network.parameters.copy()
            elif goes_on:
                progress.best_parameters = course.take_back(network.parameters)
        progress.order = course.order if samples.selected is None else None
        if found is not None:
            progress = take_up(found, self, samples, course)
        job = passes.job_of(ENGINE, self._optimizer, network._spec, network.parameters, samples)
        validation = None if rows is None else validation_of(self, rows, job)
        if self.early_stopping and not is_first and (rows.are_own or self.scoring is not None):
            measure_anew(progress, validation, network.parameters)
        n_before, size = len(progress.loss_curve), batch_size_of(self, samples.n_rows)
        bar = bar_of(self, max_iter * -(-samples.n_rows // size))

        def watch(every, n_updates):
            l2 = penalty_of(self.alpha, samples)
            return listeners_of(self, every, job, samples, l2, progress, context, given.for_hooks, bar)

        snapshot = None if checkpoints is None else Snapshot(self, samples, course, progress)
        with bar, shown_if_broken(self, self._show_progress, progress):
            ended = passes.fit(
                job,
                self._optimizer,
                samples,
                size,
                self._random_state if self.shuffle else None,
                self.alpha,
                passes.Limits(max_iter, self.tol, self.n_iter_no_change),
                progress,
                validation,
                plan,
                print if self.verbose else None,
                watch,
                checkpoints,
                snapshot,
                isinstance(self.random_state, Integral),
            )
        self._show_progress(progress)
        if self.warm_start == "solver":
            course.leave(progress)
            self._course = course.to_plain()
        if context is not None:
            context.call_on_fit_task_end(estimator=self, **given.for_hooks)
        X, y, rows = samples.seen
        if ended == passes.INTERRUPTED:
            warn("Training interrupted by user.")
        elif ended == passes.REACHED_MAX_ITER and not incremental:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({self.max_iter}) reached and the optimization hasn't "
                "converged yet." + cause_in_words(self, X, rows, y),
                ConvergenceWarning,
            )
        tell_of_overflow(self, n_before, X, rows)
        if ended != passes.INTERRUPTED and not incremental:
            rate = f", or try another learning_rate_init (it is {self.learning_rate_init!r:.60})"
            self._tell_if_spoiled(samples, training, rate, ended == passes.REACHED_MAX_ITER)

    def _tell_if_spoiled(self, samples, training, rate="", has_cause=False):
        """Warn of it; `has_cause` says that what X and y are like has been told."""
        X, y, rows = samples.seen
        if spoiled := spoiled_in_words(self._weights.network, X, y, training.objective.loss, rows):
            warn(
                f"Training has ended in {spoiled}; scale X and y, for example with StandardScaler{rate}."
                + ("" if has_cause else cause_in_words(self, X, rows, y)),
                ConvergenceWarning,
            )

    def _train_by_lbfgs(self, samples, training, given):
        network = self._weights.network
        if samples.sample_weight is None:
            samples.sample_weight = np.ones(len(samples.y))
        if given.validation is not None and self.early_stopping:
            raise ValueError(
                "early_stopping=True does not judge the iterations of solver='lbfgs'; fit with early_stopping=False, "
                "where X_val is only measured, or by another solver"
            )
        context, progress = begin_task(self, self.max_iter, given.for_hooks), passes.Progress()
        l2 = penalty_of(self.alpha, samples)
        bar = bar_of(self, self.max_iter)
        job = _lbfgs.job_of(ENGINE, network._spec, network.parameters, training, samples)
        listeners = listeners_of(self, 1, job, samples, l2, progress, context, given.for_hooks, bar)
        rows = given.validation
        validation = None if rows is None else validation_of(self, rows, job)
        if listeners or validation is not None:
            listeners = [_lbfgs.Iterations(progress, validation, network.parameters), *listeners]
        with bar, shown_if_broken(self, self._show_iterations, progress):
            found = _lbfgs.minimize(job, l2, self.max_iter, self.max_fun, self.tol, self.verbose, listeners)
        progress.give_back(network.parameters)
        self._show_iterations(progress)
        self.loss_, self.n_iter_ = found
        if context is not None:
            context.call_on_fit_task_end(estimator=self, **given.for_hooks)
        self._tell_if_spoiled(samples, training)


def penalty_of(alpha, samples):
    """The L2 penalty of the loss over all rows that are learned from."""
    weight = samples.sample_weight
    if weight is None:
        total = samples.n_rows
    else:
        total = float(weight.sum() if samples.rows is None else weight[samples.rows].sum())
    return alpha / samples.weight_unit / total if total else 0.0


@contextmanager
def shown_if_broken(estimator, show, progress):
    """Where an exception comes through, show what training had come to, and hand the estimator to the exception."""
    try:
        yield
    except BaseException as error:
        show(progress)
        with suppress(AttributeError):  # of an exception that takes no attributes
            error.result = estimator
        raise
