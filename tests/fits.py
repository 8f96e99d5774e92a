"""What the tests of the estimators share: a small problem, and fits of it, ours and scikit-learn's."""

import numpy as np
import sklearn.neural_network

import fastnn

ESTIMATORS = ("MLPClassifier", "MLPRegressor")
RNG = np.random.default_rng(0)
X = RNG.standard_normal((80, 4))
LABELS = (X @ RNG.standard_normal((4, 3))).argmax(1)
VALUES = X @ RNG.standard_normal(4)
QUICK = {"hidden_layer_sizes": (6, 5), "max_iter": 5, "random_state": 0}


def target(name):
    return LABELS if name == "MLPClassifier" else VALUES


def fitted(name, module=fastnn, **parameters):
    return getattr(module, name)(**{**QUICK, **parameters}).fit(X, target(name))


def both(name, **parameters):
    """Ours and scikit-learn's."""
    return [fitted(name, module, **parameters) for module in (fastnn, sklearn.neural_network)]


def outputs(estimator, rows=X):
    return estimator.predict_proba(rows) if hasattr(estimator, "predict_proba") else estimator.predict(rows)


def same_outputs(ours, theirs, rows=X):
    np.testing.assert_allclose(outputs(ours, rows), outputs(theirs, rows), rtol=1e-10, atol=1e-12)
