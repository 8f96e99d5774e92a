"""scikit-learn's face: its multi-layer perceptrons, trained and run by fastnn.

Change one import, keep every number: same parameters, attributes, draws and results as ``sklearn.neural_network``.
Needs scikit-learn, which nothing else of fastnn does.
"""

from fastnn.estimators._classifier import MLPClassifier
from fastnn.estimators._regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]


def __dir__():
    return __all__
