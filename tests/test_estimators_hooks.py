"""Subclasses: overriding what scikit-learn's estimators call inside, and ours do not, is refused; all else works."""

import numpy as np
import pytest
import sklearn.neural_network
from fits import ESTIMATORS, QUICK, X, fitted, outputs, target
from sklearn.base import clone
from sklearn.neural_network import _multilayer_perceptron

import fastnn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

CLASSES = (
    _multilayer_perceptron.BaseMultilayerPerceptron,
    sklearn.neural_network.MLPClassifier,
    sklearn.neural_network.MLPRegressor,
)
#: The private methods of the release that is installed.
HOOKS = sorted(
    name
    for name in {name for kind in CLASSES for name, member in vars(kind).items() if callable(member)}
    if name[:1] == "_" != name[1:2]
)


def test_these_are_the_hooks():
    assert {"_init_coef", "_backprop", "_forward_pass", "_validate_input", "_fit", "_initialize", "_score"} <= set(
        HOOKS
    )


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("hook", HOOKS)
def test_a_subclass_that_overrides_a_hook_is_refused(name, hook):
    estimator = getattr(fastnn, name)
    for member in (lambda self, *args: None, staticmethod(lambda *args: None), property(lambda self: None)):
        with pytest.raises(TypeError, match=rf"^Mine overrides {hook}\(\), which .* never calls"):
            type("Mine", (estimator,), {hook: member})
    mixin = type("Mixin", (), {hook: lambda self, *args: None})
    with pytest.raises(TypeError, match=hook):
        type("Mine", (mixin, estimator), {})
    type("Mine", (estimator, mixin), {})  # overrides nothing, there or here


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_hook_put_there_later_is_refused_by_fit(name):
    estimator = getattr(fastnn, name)(**QUICK)
    estimator._init_coef = lambda *args: None
    with pytest.raises(TypeError, match=r"_init_coef\(\).*coefs_"):
        estimator.fit(X, target(name))

    class Mine(getattr(fastnn, name)):
        pass

    Mine._backprop = lambda self: None
    with pytest.raises(TypeError, match="_backprop"):
        Mine(**QUICK).fit(X, target(name))


def test_the_public_way_is_named():
    for hook, way in (
        ("_init_coef", "warm_start"),
        ("_update_no_improvement_count", "partial_fit"),
        ("_validate_input", "pipeline"),
        ("_forward_pass_fast", "network_"),
    ):
        with pytest.raises(TypeError, match=way):
            type("Mine", (fastnn.MLPRegressor,), {hook: None})


@pytest.mark.parametrize("name", ESTIMATORS)
def test_other_subclasses_work(name):
    class Mine(getattr(fastnn, name)):
        """One with a method, a parameter and private members of its own."""

        _own = 3

        def __init__(self, factor=1.0, hidden_layer_sizes=(6, 5), max_iter=5, random_state=0):
            super().__init__(hidden_layer_sizes=hidden_layer_sizes, max_iter=max_iter, random_state=random_state)
            self.factor = factor

        def fit(self, X, y, sample_weight=None):
            return super().fit(X * self.factor, y, sample_weight)

        def _helper(self):
            return self._own

    mine = clone(Mine()).fit(X, target(name))
    assert np.array_equal(outputs(mine), outputs(fitted(name)))
    assert mine._helper() == 3

    class Both(getattr(fastnn, name), getattr(sklearn.neural_network, name)):
        """One that is to pass as an instance of scikit-learn's."""

        def __init__(self, max_iter=5):
            getattr(fastnn, name).__init__(self, hidden_layer_sizes=(6, 5), max_iter=max_iter, random_state=0)

    assert np.array_equal(outputs(Both().fit(X, target(name))), outputs(fitted(name)))
