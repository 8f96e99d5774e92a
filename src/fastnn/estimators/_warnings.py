"""How the estimators warn: for filters scikit-learn's own module, for the eye the user's line.

Filters by module that were written for scikit-learn's networks hold here too. Called wherever the estimators, or what
they call of NumPy, have something to say.
"""

import sys
import warnings

import numpy as np

from fastnn.input_scale import targets_in_words, unscaled_in_words
from fastnn.warned import is_kept

#: Where scikit-learn's networks warn.
MODULE = "sklearn.neural_network._multilayer_perceptron"

#: Packages whose frames may stand between the user's line and an estimator's method.
BETWEEN = ("fastnn", "sklearn", "joblib", "threading", "concurrent", "multiprocessing")


def warn(message, category=UserWarning):
    """Warn as of scikit-learn's module, at the nearest line outside of `BETWEEN`; at this one, if there is none."""
    if is_kept(message, category, warn):
        return
    here = frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in BETWEEN:
        frame = frame.f_back
    if frame is None or frame.f_code.co_filename.startswith("<"):
        frame = here
    registry = frame.f_globals.setdefault("__warningregistry__", {})  # "once a line" counts the user's lines
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno, MODULE, registry)


def floating_point(message, *kinds):
    """Warn of what NumPy would call errors of these kinds ("over", "invalid", "divide"), as ``numpy.errstate`` says."""
    wanted = {np.geterr()[kind] for kind in kinds}
    if "raise" in wanted:
        raise FloatingPointError(message)
    if wanted != {"ignore"}:
        warn(message, RuntimeWarning)


def cause_in_words(estimator, X, rows=None, y=None):
    """What is to be seen at once of why a training went wrong, to follow its message; "" where nothing is."""
    words = [unscaled_in_words(X, getattr(estimator, "feature_names_in_", None), rows)]
    if y is not None and estimator.out_activation_ == "identity":  # numbers, or signs, which are small
        words.append(targets_in_words(y, rows))
    return "".join(f" {one}." for one in words if one)


def tell_of_overflow(estimator, n_before, X, rows=None):
    """Warn if a loss was not finite after so many epochs, or what the last one left behind is not."""
    losses = np.asarray(estimator.loss_curve_[n_before:])
    epoch = n_before + len(losses)
    if not np.isfinite(losses).all():
        first = int(np.argmin(np.isfinite(losses)))
        what = f"The loss is {losses[first]} in epoch {n_before + first + 1}: training has diverged"
    elif not np.isfinite(estimator._weights.network.parameters).all():
        what = f"The weights are not finite after epoch {epoch}: training has diverged"
    elif not np.isfinite(estimator._optimizer.moments).all():
        what = (
            f"The {estimator.solver} optimizer's moments are not finite after epoch {epoch}: some weights stand still"
        )
    else:
        return
    floating_point(
        f"{what}; scale X and y, for example with StandardScaler, or try a smaller learning_rate_init (it is "
        f"{estimator.learning_rate_init!r:.60})"
        + (
            "; the weights are those of this fit's best validation score, else those it began with"
            if estimator.early_stopping
            else ""
        )
        + cause_in_words(estimator, X, rows).replace(" ", "; ", 1).rstrip("."),
        "over",
        "invalid",
    )
