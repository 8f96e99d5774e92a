"""The estimators beyond what scikit-learn's own tests ask: parameters, warm starts, messages."""

import inspect
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn
import sklearn.neural_network
from conftest import run_program
from fits import ESTIMATORS, LABELS, QUICK, VALUES, X, both, fitted, same_outputs, target
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.estimators._base import MultilayerPerceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# -- parameters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_parameters_are_those_of_scikit_learn(name):
    import inspect

    ours, theirs = (inspect.signature(getattr(module, name)) for module in (fastnn, sklearn.neural_network))
    n_shared = len(theirs.parameters)
    assert list(ours.parameters.values())[:n_shared] == list(theirs.parameters.values())
    assert all(more.kind is more.KEYWORD_ONLY for more in list(ours.parameters.values())[n_shared:])
    defaults = getattr(sklearn.neural_network, name)().get_params()
    assert defaults.items() <= getattr(fastnn, name)().get_params().items()
    for method in ("fit", "partial_fit", "predict", "score"):
        ours, theirs = (
            inspect.signature(getattr(getattr(module, name), method)) for module in (fastnn, sklearn.neural_network)
        )
        own = list(ours.parameters.values())
        assert [parameter.name for parameter in own[: len(theirs.parameters)]] == list(theirs.parameters)
        assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in own[len(theirs.parameters) :])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_parameter_and_attribute_is_documented(name):
    estimator = getattr(fastnn, name)
    documentation = inspect.getdoc(estimator)
    for parameter in estimator().get_params():
        assert (
            f"\n{parameter} : " in documentation
            or f", {parameter} : " in documentation
            or f"\n{parameter}, " in documentation
        )
    theirs = {key for key in vars(fitted(name, sklearn.neural_network)) if key.endswith("_") and key[0] != "_"}
    for attribute in {*theirs, "network_", "feature_names_in_"}:
        assert f"\n{attribute} : " in documentation, attribute
    assert theirs <= set(vars(fitted(name)))
    assert "<" not in documentation


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": -1},
        {"activation": "swish"},
        {"batch_size": 0},
        {"learning_rate_init": 0},
        {"momentum": 1.5},
        {"max_iter": 0},
        {"n_iter_no_change": 0},
        {"validation_fraction": 1.0},
        {"hidden_layer_sizes": (0,)},
        {"hidden_layer_sizes": (5, -1)},
        {"random_state": "seed"},
    ],
)
def test_wrong_parameters_are_refused_in_scikit_learns_words(name, wrong):
    said = []
    for module in (fastnn, sklearn.neural_network):
        with pytest.raises(ValueError, match="must be") as error:
            fitted(name, module, **wrong)
        said.append(sorted(re.findall(r"\w+", str(error.value))))  # names of a set come in any order
    if wrong.keys() & {"activation", "learning_rate_init"}:  # of which there are more here
        assert set(said[1]) < set(said[0])
    else:
        assert said[0] == said[1]


@pytest.mark.parametrize("sizes", [5.5, (5, 2.0), "ab", [[3], [4]]])
def test_hidden_layer_sizes_are_integers(sizes):
    with pytest.raises((TypeError, ValueError), match="hidden_layer_sizes"):
        fitted("MLPClassifier", hidden_layer_sizes=sizes)
    for fine in (6, np.int64(6), [6], np.array([6])):
        same_outputs(fitted("MLPRegressor", hidden_layer_sizes=fine), fitted("MLPRegressor", hidden_layer_sizes=(6,)))


def test_without_scikit_learn_the_package_works_and_the_estimators_say_what_is_missing():
    out = run_program(
        """
        import sys
        sys.modules["sklearn"] = None
        import fastnn
        from fastnn import *
        print(fastnn.train([2, 2, 1], [[0, 1]], [[1]], 3).n_iter)
        assert "MLPClassifier" in dir(fastnn)
        try:
            fastnn.MLPClassifier
        except ImportError as error:
            print(error)
        try:
            fastnn.NoSuchName
        except AttributeError as error:
            print(error)
        """
    )
    assert out.splitlines() == [
        "3",
        "fastnn.MLPClassifier needs scikit-learn 1.7 or newer; install it: "
        'python -m pip install "narwhals>=2.0.1" "scikit-learn>=1.7"',
        "module 'fastnn' has no attribute 'NoSuchName'",
    ]


def test_importing_fastnn_does_not_import_scikit_learn():
    code = "import sys, fastnn; assert not {'sklearn', 'scipy'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# -- warm starts, partial_fit -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_warm_start_goes_on_as_there(name, early_stopping, solver):
    """With early stopping the best weights are those of the moment, until there is a better score."""
    settings = {"warm_start": True, "early_stopping": early_stopping, "solver": solver, "learning_rate": "invscaling"}
    pair = both(name, **settings)
    for _ in range(3):
        for estimator in pair:
            estimator.fit(X, target(name))
    same_outputs(*pair)
    for attribute in ("t_", "n_iter_"):
        assert getattr(pair[0], attribute) == getattr(pair[1], attribute)
    assert pair[0].loss_curve_ == pytest.approx(pair[1].loss_curve_, rel=1e-10)
    if early_stopping:
        assert pair[0].validation_scores_ == pytest.approx(pair[1].validation_scores_, rel=1e-10)
        assert pair[0].best_validation_score_ == pytest.approx(pair[1].best_validation_score_, rel=1e-10)
        assert pair[0].best_loss_ is None
    else:
        assert pair[0].best_loss_ == pytest.approx(pair[1].best_loss_, rel=1e-10)
        assert len(pair[0].loss_curve_) == 20


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_partial_fit_goes_on_with_the_optimizer_of_fit(name, solver):
    pair = both(name, solver=solver, shuffle=False)
    for _ in range(4):
        for estimator in pair:
            estimator.partial_fit(X[:50], target(name)[:50])
    same_outputs(*pair)
    assert pair[0].n_iter_ == pair[1].n_iter_ == 1
    assert pair[0].loss_curve_ == pytest.approx(pair[1].loss_curve_, rel=1e-10)


def test_partial_fit_of_a_classifier_needs_its_classes_once():
    pair = [module.MLPClassifier(random_state=0) for module in (fastnn, sklearn.neural_network)]
    for estimator in pair:
        with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
            estimator.partial_fit(X, LABELS)
        first = LABELS < 2
        estimator.partial_fit(X[first], LABELS[first], classes=[0, 1, 2, 5])
        estimator.partial_fit(X, LABELS)
        with pytest.raises(ValueError, match="is not the same as on last call"):
            estimator.partial_fit(X, LABELS, classes=[0, 1])
        with pytest.raises(ValueError, match="`y` has classes not in"):
            estimator.partial_fit(X, LABELS + 7)
    same_outputs(*pair)
    weighted = [module.MLPClassifier(random_state=0) for module in (fastnn, sklearn.neural_network)]
    for estimator in weighted:
        estimator.partial_fit(X, LABELS, np.arange(80.0), classes=[0, 1, 2])
    same_outputs(*weighted)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_partial_fit_is_not_for_lbfgs_nor_for_early_stopping(name):
    assert not hasattr(getattr(fastnn, name)(solver="lbfgs"), "partial_fit")
    classes = {"classes": [0, 1, 2]} if name == "MLPClassifier" else {}
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        getattr(fastnn, name)(early_stopping=True).partial_fit(X, target(name), **classes)


def test_a_warm_start_needs_the_same_classes_and_outputs():
    classifier = fitted("MLPClassifier", warm_start=True)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        classifier.fit(X, LABELS % 2)
    regressor = fitted("MLPRegressor", warm_start=True)
    with pytest.raises(ValueError, match=r"y has 2 outputs, but the network .* has 1"):
        regressor.fit(X, np.c_[VALUES, VALUES])
    assert regressor.n_outputs_ == 1
    same_outputs(regressor, fitted("MLPRegressor"))


def test_a_fit_that_fails_leaves_nothing_of_the_one_before():
    for estimator in both("MLPRegressor"):
        with pytest.raises(ValueError, match="validation set is too small"):
            estimator.set_params(early_stopping=True, validation_fraction=0.01).fit(X, VALUES)
        assert estimator.loss_curve_ == estimator.validation_scores_ == []
        assert estimator.t_ == estimator.n_iter_ == 0


def test_n_iter_no_change_counts_as_there():
    for patience in (1, 4):
        ours, theirs = both("MLPRegressor", tol=1e9, n_iter_no_change=patience, max_iter=50)
        assert ours.n_iter_ == theirs.n_iter_ == patience + 2
    assert fitted("MLPRegressor", tol=1e9, n_iter_no_change=np.inf, max_iter=50).n_iter_ == 50
    for early_stopping in (False, True):  # a loss, or a score, that stays as it is
        still = {"tol": 0.0, "learning_rate_init": 1e-300, "n_iter_no_change": 1, "early_stopping": early_stopping}
        ours, theirs = both("MLPRegressor", **still, shuffle=False)
        assert ours.n_iter_ == theirs.n_iter_ == 5


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_number_is_a_weight_for_all_and_ones_change_nothing(name, solver):
    pair = both(name, solver=solver)
    for weight in (2.0, np.ones(80), np.ones(80, int), [1.0] * 80):
        ours = getattr(fastnn, name)(**QUICK, solver=solver, alpha=0).fit(X, target(name), weight)
        theirs = getattr(sklearn.neural_network, name)(**QUICK, solver=solver, alpha=0).fit(X, target(name), weight)
        same_outputs(ours, theirs)
    ours = getattr(fastnn, name)(**QUICK, solver=solver).fit(X, target(name), np.ones(80))
    same_outputs(ours, pair[1])


def test_weights_may_be_negative():
    weight = np.where(VALUES > 0.5, -0.5, 1.3)  # of no batch is the sum 0
    ours, theirs = (
        module.MLPRegressor(**QUICK, batch_size=3).fit(X, VALUES, weight) for module in (fastnn, sklearn.neural_network)
    )
    same_outputs(ours, theirs)


# -- what is printed, warned, raised ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"early_stopping": True, "tol": 1.0, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 5.0, "n_iter_no_change": 1, "max_iter": 60},
        {"tol": 5.0, "n_iter_no_change": 1},
    ],
)
def test_verbose_prints_the_same_lines(name, settings, capsys):
    printed = []
    for module in (fastnn, sklearn.neural_network):
        fitted(name, module, verbose=True, **settings)
        printed.append(capsys.readouterr().out)
    assert printed[0] == printed[1]
    assert printed[0].startswith("Iteration 1, loss = ")


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.filterwarnings("default")
def test_the_same_warnings(name):
    def warned(module, y=None, **settings):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            getattr(module, name)(**{**QUICK, **settings}).fit(X, target(name) if y is None else y)
        return [(w.category, str(w.message)) for w in caught], caught

    for settings in (
        {},
        {"batch_size": 500},
        {"max_iter": 1000, "tol": 1.0},
        {"solver": "lbfgs", "max_iter": 2},
        {"solver": "lbfgs", "max_iter": 500, "max_fun": 3},
        {"y": target(name)[:, None]},
    ):
        (ours, caught), (theirs, _) = warned(fastnn, **settings), warned(sklearn.neural_network, **settings)
        assert [category for category, _ in ours] == [category for category, _ in theirs]
        for (category, our_words), (_, their_words) in zip(ours, theirs, strict=True):
            assert category is DataConversionWarning or our_words == their_words
        for warning in caught:
            if warning.category is ConvergenceWarning:
                assert warning.filename == __file__  # points to the caller
    assert not warned(fastnn, max_iter=1000, tol=1.0)[0]


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize(
    ("rows", "y", "weight"),
    [
        (X[:, 0], None, None),
        (X[:0], None, None),
        (np.where(X > 2, np.nan, X), None, None),
        (np.where(X > 2, np.inf, X), None, None),
        (X, VALUES[:-1], None),
        (X, np.where(VALUES > 2, np.nan, VALUES), None),
        (X, None, np.ones(3)),
        (X, None, np.ones((80, 1))),
        (X, None, np.full(80, np.nan)),
        ([["a"] * 4] * 80, None, None),
        (X.astype(complex), None, None),
    ],
)
def test_bad_data_is_refused_in_scikit_learns_words(name, rows, y, weight):
    said = []
    for module in (fastnn, sklearn.neural_network):
        with pytest.raises((ValueError, TypeError)) as error:
            getattr(module, name)(**QUICK).fit(rows, target(name)[: len(rows)] if y is None else y, weight)
        said.append(str(error.value).replace(name, ""))
    is_older = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 9)
    if is_older:  # it says less in some of its messages; ours are those of the newest
        said[0] = said[0][: len(said[1])]
    assert said[0] == said[1]


def test_what_scikit_learn_does_not_catch():
    with pytest.raises(ValueError, match="negative, the smallest -1"):
        MLPRegressor("poisson").fit(X, np.where(VALUES > 0, 1, -1))
    with pytest.raises(ValueError, match="at least one non-zero number"):
        MLPRegressor().fit(X, VALUES, np.zeros(80))
    words = r"learning_rate_init \(it is 1e\+20\)"
    with (
        pytest.warns(RuntimeWarning, match=words),
        pytest.raises(ValueError, match=f"non-finite parameter weights.*{words}"),
    ):
        MLPRegressor(solver="sgd", learning_rate_init=1e20, max_iter=50).fit(X, VALUES)
    # A batch of zero weights changes nothing by itself.
    weight = np.repeat([0.0, 1.0], 10)
    regressor = MLPRegressor(
        solver="sgd", momentum=0, batch_size=10, alpha=5, shuffle=False, max_iter=1, random_state=0
    )
    with_it = clone(regressor).fit(X[:20], VALUES[:20], weight)
    without = clone(regressor).fit(X[10:20], VALUES[10:20])
    assert np.array_equal(with_it.predict(X), without.predict(X))
    assert np.isfinite(with_it.loss_curve_).all()
    # Labels that are strings, with early stopping.
    words = np.array(["no", "yes", "perhaps"])[LABELS]
    classifier = MLPClassifier(**QUICK, early_stopping=True).fit(X, words)
    assert set(classifier.predict(X)) <= set(words)
    numbers = MLPClassifier(**QUICK, early_stopping=True).fit(X, np.array([0, 2, 1])[LABELS])
    assert classifier.validation_scores_ == numbers.validation_scores_


def test_the_base_of_both_is_abstract():
    """As in scikit-learn: it cannot be made, nor can a kind of it that leaves out a method."""
    with pytest.raises(TypeError, match="abstract"):
        MultilayerPerceptron()

    class HalfDone(MultilayerPerceptron):
        def _labels(self):
            return None

    with pytest.raises(TypeError, match="abstract"):
        HalfDone()
    assert MLPClassifier().get_params() == type("Mine", (MLPClassifier,), {})().get_params()
