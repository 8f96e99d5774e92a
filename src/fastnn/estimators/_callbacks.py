"""Those who listen to a fit: the user's function, scikit-learn's callbacks, the progress bar, the limit of time.

scikit-learn 1.9 and newer have a protocol of callbacks: a tree of contexts, one for the fit and one for each epoch,
whose hooks are called as each begins and ends. Nothing of it is made unless there are callbacks. Called by the base.
"""

from contextlib import nullcontext

from fastnn.estimators._history import TRACKED, Tracked, columns_of
from fastnn.estimators._weights import Weights
from fastnn.progress import Bar
from fastnn.training.listeners import Listener, ProgressBar, TimeLimit, says_end
from fastnn.training.measures import check_track

try:
    from sklearn.callback import CallbackSupportMixin
except ImportError:  # before 1.9

    class CallbackSupportMixin:
        """Nothing: this scikit-learn has no callbacks."""


class Callback(Listener):
    """The user's function, with the number of the epoch in this fit, its loss and the live network."""

    def __init__(self, every, function, progress, network):
        super().__init__(every)
        self.function, self.progress, self.network = function, progress, network

    def hear(self, moment):
        progress = self.progress
        return says_end(self.function(progress.n_passes, progress.loss_curve[-1], self.network), "fit")


class Hooks(Listener):
    """scikit-learn's callbacks: a task for each epoch.

    Parameters
    ----------
    every : int
    estimator : MultilayerPerceptron
    context : sklearn.callback.CallbackContext
        Of the fit, which has begun.
    given : dict
        X, y and metadata for the hooks.
    progress : fastnn.training.passes.Progress
    """

    def __init__(self, every, estimator, context, given, progress):
        super().__init__(every)
        self.estimator, self.context, self.given, self.progress = estimator, context, given, progress
        self.epoch = None

    def next_stop(self, n_done):
        if self.epoch is None:  # the next one begins
            self.epoch = self.context.subcontext(task_name="epoch")
            self.epoch.call_on_fit_task_begin(estimator=self.estimator, **self.given)
        return super().next_stop(n_done)

    def hear(self, moment):
        epoch, self.epoch = self.epoch, None
        return epoch.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=self.attributes, **self.given
        )

    def attributes(self):
        """What makes of a copy of the estimator one that had been fitted up to here."""
        weights, progress = Weights(self.estimator._weights.network.copy()), self.progress
        return {
            "_weights": weights,
            "coefs_": list(weights.coefs),
            "intercepts_": list(weights.intercepts),
            "loss_curve_": list(progress.loss_curve),
            "n_iter_": progress.n_passes,
            "t_": progress.n_seen,
        }


def begin_task(estimator, max_iter, given):
    """Return the context of a fit for scikit-learn's callbacks, which has begun; None if there are none."""
    if not estimator.__dict__.get("_skl_callbacks"):
        return None
    context = estimator._init_callback_context(max_subtasks=max_iter)
    return context.call_on_fit_task_begin(estimator=estimator, **given)


def bar_of(estimator, n_updates):
    """Return the progress bar of a fit, to be opened, or what stands for none."""
    return Bar(n_updates) if estimator.progress else nullcontext()


def listeners_of(estimator, every, job, samples, l2, progress, context, given, bar):
    """Return who listens to a fit beside the one who judges it, in the order in which they hear.

    Parameters
    ----------
    estimator : MultilayerPerceptron
    every : int
        Updates of an epoch.
    job : fastnn.training.run.Job
    samples : fastnn.training.passes.Samples
    l2 : float
        The penalty over all rows.
    progress : fastnn.training.passes.Progress
    context : sklearn.callback.CallbackContext or None
        Of `begin_task`.
    given : dict
        X, y and metadata for scikit-learn's hooks.
    bar : Bar or None
    """
    listeners, track = [], check_track(estimator.track, TRACKED, estimator.solver)
    if track:
        columns = columns_of(estimator, track, job, samples, l2)
        listeners.append(Tracked(every, columns, progress.tracked, len(progress.loss_curve)))
    if estimator.callback is not None:
        listeners.append(Callback(every, estimator.callback, progress, estimator._weights.network))
    if context is not None:
        listeners.append(Hooks(every, estimator, context, given, progress))
    if isinstance(bar, Bar):
        listeners.append(ProgressBar(bar, {"val_loss": progress.validation_losses, "val_score": progress.scores}))
    if estimator.max_time is not None:
        listeners.append(TimeLimit(estimator.max_time))
    return listeners
