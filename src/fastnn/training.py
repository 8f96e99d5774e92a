"""One run of training over any backend: what ``train`` and the estimators share.

It has the order of the rows drawn, cuts the run into calls of the backend's ``run`` (one a pass, or per report if
that is sooner; one for all full-batch updates when nobody watches), and between them reports: history, a printed
line, the callback, early stopping. A backend neither draws nor reports; the faces above do not loop.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fastnn._tables import CONVERGED, DIVERGED
from fastnn.progress import Bar

#: How batches take their rows.
ORDERS = ("shuffled", "sequential", "wraparound", "random")


class DivergenceError(FloatingPointError):
    """The loss, the parameters or the optimizer's state are no longer finite."""


class Batches:
    """The rows of each pass over the data.

    Parameters
    ----------
    n_samples : int
    batch_size : int or None
        None, or all samples: full batches in the samples' order, and nothing is drawn.
    order : {"shuffled", "sequential", "wraparound", "random"}
    draws : fastnn.initial.Draws
    """

    def __init__(self, n_samples, batch_size, order, draws):
        self.n_samples = n_samples
        self.batch_size = n_samples if batch_size is None else min(batch_size, n_samples)
        self.order = order
        self.draws = draws

    @property
    def is_full(self):
        """Whether each batch is all samples."""
        return self.batch_size == self.n_samples

    @property
    def updates_per_pass(self):
        """The number of batches of a pass."""
        return -(-self.n_samples // self.batch_size)

    def next_pass(self, n_updates_before):
        """Return the rows of the next pass, batch after batch, and the starts of its batches and its end."""
        m, size, n_updates = self.n_samples, self.batch_size, self.updates_per_pass
        starts = np.arange(n_updates + 1) * size
        if self.order == "shuffled":
            return self.draws.permutation(m).astype(np.intp), np.minimum(starts, m)
        if self.order == "sequential":
            return np.arange(m), np.minimum(starts, m)
        if self.order == "random":
            return self.draws.integers(m, n_updates * size).astype(np.intp), starts
        offsets = np.arange(n_updates_before, n_updates_before + n_updates) * size % (m - size)
        return (offsets[:, None] + np.arange(size)).ravel(), starts


@dataclass
class Watch:
    """Who watches a run: what happens at each report.

    Parameters
    ----------
    every : int
        Updates between two reports.
    callback : callable or None
        ``callback(iteration, loss, network)``; returning something true ends the run.
    verbose : bool
        Print a line.
    validation : tuple of arrays or None
        X, targets and weights to measure beside the training data.
    n_iter_no_change : int or None
        End the run after so many reports without a better validation loss, and go back to the best parameters.
    bar : Bar or None
        Moved after each call of the backend, which it keeps short; it asks for no reports.
    """

    every: int
    callback: Callable | None = None
    verbose: bool = False
    validation: tuple | None = None
    n_iter_no_change: int | None = None
    bar: Bar | None = None

    @property
    def is_watching(self):
        """Whether anybody is there to report to."""
        return self.callback is not None or self.verbose or self.validation is not None


def fit(
    backend,
    state,
    training,
    network,
    labels,
    X,
    y,
    sample_weight,
    batches,
    learning_rate,
    l2,
    n_updates,
    watch,
    n_threads=None,
):
    """Make up to `n_updates` updates of `state`; return what came of them.

    An exception from outside, such as a KeyboardInterrupt or whatever a callback raises, ends the run, and is returned:
    the parameters are those of the last finished pass, as if the run had ended there.

    Parameters
    ----------
    backend : module
        One of `fastnn.backends.BACKENDS`.
    state : TrainingState
    training : TrainingSpec
    network : Network
        The live network on top of the state's parameters.
    labels : Labels
    X, y, sample_weight : ndarray
        (n_samples, n_in), (n_samples, n_out) and (n_samples,), C-contiguous, of the network's dtype.
    batches : Batches
    learning_rate, l2 : float
    n_updates : int
    watch : Watch
    n_threads : int, optional

    Returns
    -------
    objective, cost : ndarray of shape (n_done,)
    history : dict of lists
    best_iteration : int
        The number of updates after which the parameters were what they are now: n_done, or less with early stopping.
    error : BaseException or None
        What ended the run from outside.

    Raises
    ------
    DivergenceError
        If the objective, the parameters or the optimizer's state stop being finite.
    """
    objective, cost = np.empty(n_updates), np.empty(n_updates)
    reporter = _Reporter(
        backend, state, training, network, labels, (X, y, sample_weight), learning_rate, n_updates, watch, n_threads
    )
    n_before, at_pass_start, error = state.n_updates, state.parameters.copy(), None
    try:
        rows = starts = None
        done = pass_start = pass_end = 0
        stop = None
        while done < n_updates and stop != CONVERGED:
            end = n_updates
            if watch.is_watching:
                end = min(end, done - done % watch.every + watch.every)
            if watch.bar is not None:
                end = min(end, done + watch.bar.stride)
            if not batches.is_full:
                if done == pass_end:
                    at_pass_start[:] = state.parameters
                    rows, starts = batches.next_pass(done)
                    pass_start, pass_end = done, done + batches.updates_per_pass
                end = min(end, pass_end)
            piece, n_piece = slice(done, end), end - done
            piece_starts = None if starts is None else starts[done - pass_start : end - pass_start + 1]
            n_done, stop = backend.run(
                state,
                training,
                X,
                y,
                sample_weight,
                rows,
                piece_starts,
                np.full(n_piece, learning_rate),
                np.full(n_piece, l2),
                objective[piece],
                cost[piece],
                n_threads=n_threads,
            )
            done += n_done
            if stop == DIVERGED:
                raise _divergence(f"the loss is {objective[done]} before update {done + 1}", learning_rate)
            is_last = stop == CONVERGED or done == n_updates
            is_report = watch.is_watching and (is_last or done % watch.every == 0)
            ends = is_report and reporter.report(done, objective[done - 1])
            if watch.bar is not None:
                watch.bar.move(n_done, objective[done - 1], reporter.history)
            if ends:
                break
        # An infinite mean of squares would freeze its parameter, finite, without a word.
        for what, block in (("weights", state.parameters), ("the solver's means", state.optimizer)):
            if not np.isfinite(block).all():
                raise _divergence(f"{what} are not finite after update {done}", learning_rate)
        best_iteration = reporter.finish(done)
    except DivergenceError:
        raise
    except BaseException as raised:
        error = raised
        done = state.n_updates - n_before
        if done % batches.updates_per_pass != 0:
            done -= done % batches.updates_per_pass
            state.parameters[:] = at_pass_start
        reporter.forget_what_came_after(done)
        best_iteration = done
    return objective[:done], cost[:done], reporter.history, best_iteration, error


class _Reporter:
    """Tells those who watch how the run goes, and whether it should end."""

    def __init__(self, backend, state, training, network, labels, data, learning_rate, n_updates, watch, n_threads):
        self.backend, self.state, self.training, self.network = backend, state, training, network
        self.labels, self.data, self.n_updates, self.watch = labels, data, n_updates, watch
        self.learning_rate, self.n_threads = learning_rate, n_threads
        self.history = {}
        self.best_loss, self.best_parameters, self.best_iteration, self.reports_since_best = np.inf, None, 0, 0

    def report(self, iteration, batch_loss):
        """Report once; return whether the run should end."""
        if self.watch.validation is not None:
            self._measure(iteration)
        if self.watch.verbose:
            self._print(iteration, batch_loss)
        ends = False
        if self.watch.callback is not None:
            ends = _is_true(self.watch.callback(iteration, float(batch_loss), self.network))
        if self.watch.n_iter_no_change is not None:
            ends = self._no_better(iteration) or ends
        return ends

    def forget_what_came_after(self, iteration):
        """Drop the reports after an iteration, and one that was not finished."""
        kept = sum(reported <= iteration for reported in self.history.get("iteration", []))
        kept = min([kept, *map(len, self.history.values())])
        for values in self.history.values():
            del values[kept:]

    def finish(self, iteration):
        """Go back to the best parameters where early stopping kept them; return the iteration that they are of."""
        if self.best_parameters is None:
            return iteration
        self.state.parameters[:] = self.best_parameters
        return self.best_iteration

    def _measure(self, iteration):
        X, y, sample_weight = self.data
        X_val, y_val, val_weight = self.watch.validation
        values = {
            "iteration": iteration,
            "loss": self._loss(X, y, sample_weight),
            "val_loss": self._loss(X_val, y_val, val_weight),
        }
        if self.labels.are_classes:
            values["accuracy"] = self.labels.accuracy(self._outputs(X), y)
            values["val_accuracy"] = self.labels.accuracy(self._outputs(X_val), y_val)
        for name in ("loss", "val_loss"):
            if not np.isfinite(values[name]):
                raise _divergence(f"{name} is {values[name]} after update {iteration}", self.learning_rate)
        for name, value in values.items():
            self.history.setdefault(name, []).append(value)

    def _loss(self, X, y, sample_weight):
        """The mean loss without the penalty, so that rows that were learned from compare with others."""
        network = self.state.network
        with np.errstate(over="ignore", invalid="ignore"):  # divergence is reported by the caller
            objective, _ = self.backend.loss_and_gradient(
                network,
                self.training.loss,
                self.state.parameters,
                X,
                y,
                sample_weight,
                0.0,
                n_threads=self.n_threads,
            )
        return objective

    def _outputs(self, X):
        out = np.empty((len(X), self.state.network.n_out), X.dtype)
        self.backend.forward(self.state.network, self.state.parameters, X, out, n_threads=self.n_threads)
        return out

    def _print(self, iteration, batch_loss):
        line = f"Iteration {iteration} of {self.n_updates}, loss {batch_loss:.6f}"
        for name in ("val_loss", "val_accuracy"):
            if name in self.history:
                line += f", {name} {self.history[name][-1]:.6f}"
        write = print if self.watch.bar is None else self.watch.bar.write
        write(line)

    def _no_better(self, iteration):
        val_loss = self.history["val_loss"][-1]
        if val_loss < self.best_loss:
            self.best_loss, self.best_iteration, self.reports_since_best = val_loss, iteration, 0
            self.best_parameters = self.state.parameters.copy()
        else:
            self.reports_since_best += 1
        return self.reports_since_best >= self.watch.n_iter_no_change


def _is_true(answer):
    """Whether a callback asks for the end of the run."""
    try:
        return bool(answer)
    except ValueError:  # an array of several numbers is neither true nor false
        raise TypeError(
            f"callback must return True, to end the run, or None or False; got {type(answer).__name__} {answer!r:.60}"
        ) from None


def _divergence(what, learning_rate):
    return DivergenceError(
        f"training diverged: {what}. Try a smaller learning rate (it was {learning_rate:g}), inputs scaled to mean 0 "
        "and standard deviation 1, or smaller start weights"
    )
