"""How the estimators warn: for filters scikit-learn's own module, for the eye the user's line.

Filters by module that were written for scikit-learn's networks hold here too. Called wherever the estimators, or what
they call of NumPy, have something to say.
"""

import sys
import warnings

import numpy as np

#: Where scikit-learn's networks warn.
MODULE = "sklearn.neural_network._multilayer_perceptron"

#: Packages whose frames may stand between the user's line and an estimator's method.
BETWEEN = ("fastnn", "sklearn", "joblib", "threading", "concurrent", "multiprocessing")


def warn(message, category=UserWarning):
    """Warn as of scikit-learn's module, at the nearest line outside of `BETWEEN`; at this one, if there is none."""
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
