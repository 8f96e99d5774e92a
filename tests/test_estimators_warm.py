"""Estimators that go on with all they know: ``warm_start="solver"``, new classes, the quick way of ``partial_fit``."""

import contextlib
import copy
import pickle
import re

import numpy as np
import pytest
from fits import LABELS, VALUES, X
from sklearn.base import clone

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn.estimators import _base, _quick

SOLVERS = ("sgd", "adam", "adamw", "rmsprop", "nadam", "adagrad", "lion", "rprop")
WARM = {
    "hidden_layer_sizes": (5,), "batch_size": 16, "tol": 1e-9, "random_state": 0, "learning_rate_init": 0.01,
    "warm_start": "solver",
}  # fmt: skip


def assert_same(one, other):
    assert np.array_equal(one.network_.parameters, other.network_.parameters)
    assert one.loss_curve_ == other.loss_curve_
    assert (one.t_, one.best_loss_, one._no_improvement_count) == (
        other.t_, other.best_loss_, other._no_improvement_count
    )  # fmt: skip


# -- warm starts --------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize(
    "options",
    [{}, {"dropout": 0.3}, {"shuffle": False}, {"learning_rate": "invscaling"}, {"learning_rate": "adaptive"}],
)
def test_two_fits_have_the_bits_of_one(solver, options):
    options = {**WARM, **options, "solver": solver, **({"batch_size": "auto"} if solver == "rprop" else {})}
    for estimator, y in ((MLPClassifier, LABELS), (MLPRegressor, VALUES)):
        one = estimator(**options, max_iter=8).fit(X, y)
        two = estimator(**options, max_iter=3).fit(X, y)
        two = pickle.loads(pickle.dumps(two)).set_params(max_iter=5).fit(X, y)
        assert_same(one, two)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_by_levenberg_marquardt_and_by_the_global_generator():
    options = {**WARM, "solver": "levenberg_marquardt", "batch_size": "auto"}
    assert_same(
        MLPRegressor(**options, max_iter=6).fit(X, VALUES),
        MLPRegressor(**options, max_iter=3).fit(X, VALUES).fit(X, VALUES),
    )
    np.random.seed(0)
    one = MLPClassifier(**{**WARM, "random_state": None}, max_iter=6).fit(X, LABELS)
    np.random.seed(0)
    assert_same(one, MLPClassifier(**{**WARM, "random_state": None}, max_iter=3).fit(X, LABELS).fit(X, LABELS))


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_plain_warm_start_begins_the_solver_anew():
    one = MLPClassifier(**WARM, max_iter=6).fit(X, LABELS)
    two = MLPClassifier(**{**WARM, "warm_start": True}, max_iter=3).fit(X, LABELS).fit(X, LABELS)
    assert not np.array_equal(one.network_.parameters, two.network_.parameters)
    assert not hasattr(two, "_course")


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer", "ignore:lbfgs failed")
def test_what_a_warm_start_takes_up():
    classifier = MLPClassifier(**WARM, max_iter=3).fit(X, LABELS)
    assert clone(classifier).get_params()["warm_start"] == "solver"
    with pytest.raises(ValueError, match=r"state of solver='adam', but solver='sgd' now; set\s+warm_start=True"):
        classifier.set_params(solver="sgd").fit(X, LABELS)
    before = classifier.set_params(solver="adam", learning_rate_init=1e-6).network_.parameters.copy()
    classifier.fit(X, LABELS)
    assert np.abs(classifier.network_.parameters - before).max() < 1e-4  # 15 steps of about the rate
    classifier.fit(X[:40], LABELS[:40])  # of other rows, in an order of their own
    classifier.set_params(early_stopping=True).fit(X, LABELS)
    held_back = classifier._course["held_back"].copy()
    classifier.fit(X, LABELS)
    assert np.array_equal(classifier._course["held_back"], held_back)
    classifier.set_params(solver="lbfgs", early_stopping=False).fit(X, LABELS).fit(X, LABELS)
    with pytest.raises(ValueError, match="'warm_start' parameter"):
        MLPClassifier(warm_start="weights").fit(X, LABELS)


# -- new classes --------------------------------------------------------------------------------------------------


def trained(labels, n=20, **options):
    classifier = MLPClassifier((6,), extend_classes=True, random_state=0, learning_rate_init=0.01, **options)
    for _ in range(n):
        classifier.partial_fit(X, labels)
    return classifier


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("new", [[0, 1, 2], [1, 2, 5], [1, 2, 3, 4], [0, 1, 2, 9]])
def test_two_classes_become_several_and_keep_their_ratio(solver, new):
    """The logistic function of z is the softmax of (0, z); a pass of no steps shows what was there before it."""
    classifier = trained(1 + LABELS % 2, solver=solver)
    assert (classifier.out_activation_, classifier.n_outputs_) == ("logistic", 1)
    before, moments = classifier.predict_proba(X), classifier._optimizer.moments.copy()
    classifier.set_params(frozen=["W1", "b1", "W2"])  # the biases of the outputs alone move, and are put back
    grown = copy.deepcopy(classifier)
    grown.partial_fit(X[:4], [*new, *new][:4])
    assert grown.classes_.tolist() == new
    assert (grown.out_activation_, grown.n_outputs_, grown.network_.layer_sizes) == (
        "softmax",
        len(new),
        (4, 6, len(new)),
    )
    places = np.searchsorted(new, [1, 2])
    first, second = grown.coefs_[1].T[places]
    assert not first.any()
    assert np.array_equal(second, classifier.coefs_[1][:, 0])
    grown.intercepts_[1][places] = [0.0, classifier.intercepts_[1][0]]
    after = grown.predict_proba(X)[:, places]
    np.testing.assert_allclose(after / after.sum(axis=1, keepdims=True), before, atol=1e-14)
    assert np.array_equal(grown._optimizer.moments[: 4 * 6], moments[: 4 * 6])  # of a frozen layer: as they were
    assert grown._optimizer.counters["n_updates"] == 21


def test_classes_are_inserted_in_order_and_go_on():
    classifier = trained(np.array(["b", "d", "f"])[LABELS])
    before, old = classifier.predict_proba(X), classifier.coefs_[1].copy()
    classifier.set_params(frozen=[1, "W2"]).partial_fit(X[:3], ["a", "e", "f"])
    assert classifier.classes_.tolist() == ["a", "b", "d", "e", "f"]
    assert np.array_equal(classifier.coefs_[1][:, [1, 2, 4]], old)
    bound = np.sqrt(6 / (6 + 5))
    drawn = classifier.coefs_[1][:, [0, 3]]
    assert 0 < np.abs(drawn).max() <= bound
    after = classifier.predict_proba(X)[:, [1, 2, 4]]
    np.testing.assert_allclose(after / after.sum(axis=1, keepdims=True), before, atol=0.03)  # one step of the biases
    classifier.set_params(frozen=None)
    for _ in range(300):
        classifier.partial_fit(X, np.array(["a", "e", "f"])[LABELS])
    assert classifier.score(X, np.array(["a", "e", "f"])[LABELS]) > 0.9
    assert classifier.network_.classes.tolist() == ["a", "b", "d", "e", "f"]


@pytest.mark.parametrize("momentum", [0.9])
def test_the_velocity_goes_with_its_output(momentum):
    """One step of momentum after two classes became three, by NumPy from the formula."""
    options = {"solver": "sgd", "momentum": momentum, "nesterovs_momentum": False, "alpha": 0.0}
    classifier = trained(LABELS % 2, **options)
    z = classifier.network_
    velocity = classifier._optimizer.moments.copy()
    h = np.maximum(X @ z.W[1].T + z.b[1], 0)
    w, b = z.W[2][0].copy(), z.b[2][0]
    classifier.partial_fit(X, LABELS)  # draws the row of class 2: read off a second, frozen twin
    twin = trained(LABELS % 2, **options).set_params(frozen=[1, "W2"]).partial_fit(X, LABELS)
    drawn = twin.coefs_[1][:, 2]
    bias = twin.intercepts_[1][2]
    logits = h @ np.column_stack([np.zeros(6), w, drawn])
    logits += np.array([0.0, b, 0.0])
    # The drawn bias is the twin's without its own step, which has the same gradient.
    lr, n_weights = 0.01, 4 * 6 + 6
    low, high = -1.0, 1.0
    for _ in range(60):
        guess = (low + high) / 2
        p = np.exp(logits + np.array([0, 0, guess]))
        p /= p.sum(axis=1, keepdims=True)
        step = guess - lr * (p - np.eye(3)[LABELS]).mean(axis=0)[2]
        low, high = (guess, high) if step < bias else (low, guess)
    p = np.exp(logits + np.array([0, 0, guess]))
    delta = (p / p.sum(axis=1, keepdims=True) - np.eye(3)[LABELS]) / len(X)
    expected = np.column_stack([np.zeros(6), w, drawn]) - lr * h.T @ delta
    expected[:, 1] += momentum * velocity[4 * 6 : n_weights]
    np.testing.assert_allclose(classifier.coefs_[1], expected, atol=1e-12)


@pytest.mark.parametrize(
    ("seen", "then", "expected"),
    [("b", ["a", "b"], ["a", "b"]), ("a", ["b"], ["a", "b"]), ("b", list("ac"), list("abc"))],
)
def test_a_single_class_at_first(seen, then, expected):
    classifier = trained([seen] * 80, n=200)
    classifier.partial_fit(X[: len(then)], then)
    assert classifier.classes_.tolist() == expected
    assert (classifier.predict(X) == seen).mean() > 0.9


def test_margins_turn_their_sign():
    classifier = trained(LABELS % 2, loss="hinge").set_params(learning_rate_init=1e-12)
    before = classifier.decision_function(X)
    classifier = pickle.loads(pickle.dumps(classifier)).set_params(frozen=[1, 2]).set_params(frozen=[1, "W2"])
    classifier.partial_fit(X, LABELS)
    outputs = classifier.decision_function(X)
    np.testing.assert_allclose(
        outputs[:, 0] + outputs[:, 1],
        np.ptp(outputs[:, 0] + outputs[:, 1]) + (outputs[:, 0] + outputs[:, 1]).min(),
        atol=1e-12,
    )  # a constant: -z and z, and a step of each bias
    assert np.array_equal(before > 0, outputs[:, 1] - outputs[:, 0] > 0) or np.abs(before).min() < 0.02


def test_what_fails_leaves_all_as_it_was():
    classifier = trained(LABELS % 2)
    before = copy.deepcopy(vars(classifier))
    with pytest.raises(ValueError, match="sample_weight"):
        classifier.partial_fit(X, LABELS, sample_weight=[1.0])
    with pytest.raises(ValueError, match="NaN"):
        classifier.partial_fit(np.full_like(X, np.nan), LABELS)
    assert classifier.classes_.tolist() == [0, 1]
    assert np.array_equal(classifier.coefs_[1], before["coefs_"][1])
    assert classifier.partial_fit(X, LABELS).classes_.tolist() == [0, 1, 2]


def test_without_it_new_classes_are_refused_and_several_labels_a_row_are_no_classes():
    classifier = MLPClassifier((6,), random_state=0).partial_fit(X, LABELS % 2, classes=[0, 1])
    with pytest.raises(ValueError, match="extend_classes=True takes them in partial_fit"):
        classifier.partial_fit(X, LABELS)
    indicators = np.eye(3, dtype=int)[LABELS] | np.eye(3, dtype=int)[0]
    classifier = MLPClassifier((6,), extend_classes=True, random_state=0).partial_fit(X, indicators)
    assert classifier.partial_fit(X, indicators).predict(X).shape == (80, 3)


def test_classes_that_are_named_before_they_come():
    classifier = MLPClassifier((6,), extend_classes=True, random_state=0)
    assert classifier.partial_fit(X, LABELS, classes=[0, 1, 2, 7]).classes_.tolist() == [0, 1, 2, 7]
    assert classifier.partial_fit(X, LABELS, classes=[0, 1, 2, 3]).classes_.tolist() == [0, 1, 2, 3, 7]


# -- the quick way ------------------------------------------------------------------------------------------------

PROBLEMS = {
    "classifier": (MLPClassifier, LABELS, {"classes": [0, 1, 2]}),
    "two classes": (MLPClassifier, np.array(["no", "yes"])[LABELS % 2], {"classes": ["no", "yes"]}),
    "regressor": (MLPRegressor, VALUES, {}),
}


@pytest.mark.filterwarnings("ignore:Got `batch_size` less")
@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize(
    "options",
    [{}, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 2}, {"solver": "rprop"},
     {"solver": "sgd", "learning_rate": "invscaling"}, {"l1": 0.01, "max_norm": 1.0}, {"random_state": None},
     {"shuffle": False, "alpha": 0.1}, {"batch_size": 40}],
)  # fmt: skip
def test_the_quick_way_has_the_bits_of_the_general_one(problem, options):
    """Which keyword arguments take."""
    estimator, y, first = problem
    quick, general = (estimator(hidden_layer_sizes=(5,), **{"random_state": 0, **options}) for _ in range(2))
    for each, is_quick in ((quick, True), (general, False)):
        np.random.seed(0)
        each.partial_fit(X, y, **first)
        for n in (80, 40, 1, 40, 80, 80, 17):
            each.partial_fit(X[:n], y[:n]) if is_quick else each.partial_fit(X=X[:n], y=y[:n])
        each.drawn = np.random.random_sample()
    assert_same(quick, general)
    assert (quick.drawn, quick.n_iter_, quick.loss_) == (general.drawn, general.n_iter_, general.loss_)
    assert quick._optimizer.learning_rate == general._optimizer.learning_rate


@pytest.fixture
def general_way(monkeypatch):
    """How often the general way is gone."""
    calls = []
    original = _base.MultilayerPerceptron._train

    def train(self, *args, **kwargs):
        calls.append(type(self))
        return original(self, *args, **kwargs)

    monkeypatch.setattr(_base.MultilayerPerceptron, "_train", train)
    return calls


def started(**options):
    return MLPClassifier(hidden_layer_sizes=(5,), **{"random_state": 0, **options}).partial_fit(
        X, LABELS, classes=[0, 1, 2]
    )


def test_plain_calls_take_the_quick_way(general_way):
    classifier = started()
    regressor = MLPRegressor(hidden_layer_sizes=(5,), random_state=0).partial_fit(X, VALUES)
    general_way.clear()
    classifier.partial_fit(X, LABELS).partial_fit(X[:1], LABELS[:1])
    regressor.partial_fit(X, VALUES).partial_fit(X, X[:, 0])
    assert not general_way


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.set_params(alpha=0.5), lambda c: c.set_params(dropout=0.2), lambda c: c.set_params(frozen=[1]),
        lambda c: c.set_params(verbose=True), lambda c: c.set_params(class_weight={0: 2.0}),
        lambda c: setattr(c, "coefs_", [w.copy() for w in c.coefs_]),
        lambda c: setattr(c, "classes_", c.classes_.copy()),
        lambda c: delattr(c, "_optimizer"), lambda c: setattr(c, "n_features_in_", 4.5),
        lambda c: c.set_params(batch_size=7), lambda c: delattr(c, "alpha"),
    ],
)  # fmt: skip
def test_what_has_changed_takes_the_general_way(general_way, change, capsys):
    classifier = started()
    general_way.clear()
    change(classifier)
    with contextlib.suppress(AttributeError, ValueError):
        classifier.partial_fit(X, LABELS)
    assert general_way


@pytest.mark.parametrize(
    ("rows", "labels", "message"),
    [
        (X[:, :3], LABELS, "X has 3 features, but MLPClassifier is expecting 4 features"),
        (np.where(X[3, 2] == X, np.nan, X), LABELS, "Input X contains NaN"),
        (np.where(X[3, 2] == X, np.inf, X), LABELS, "infinity"),
        (X, LABELS[:5], "inconsistent numbers of samples"),
        (X, LABELS + 1, "classes not in `self.classes_`"),
        (X[:0], LABELS[:0], "0 sample"),
        (X[0], LABELS[:1], "Expected 2D array, got 1D array"),
        (X, LABELS + 0.5, "Unknown label type"),
    ],
)
def test_what_is_wrong_is_told_as_before(rows, labels, message):
    first, later = (started() for _ in range(2))
    later.partial_fit(X, LABELS)
    with pytest.raises(ValueError, match=re.escape(message)) as caught:
        later.partial_fit(rows, labels)
    with pytest.raises(ValueError, match=re.escape(message)) as expected:
        first.partial_fit(X=rows, y=labels)
    assert str(caught.value) == str(expected.value)


@pytest.mark.parametrize("warm_start", [True, "solver"])
def test_a_warm_start_wants_all_labels_in_each_call(warm_start):
    classifier = started(warm_start=warm_start).partial_fit(X, LABELS)
    with pytest.raises(ValueError, match="same classes as in the previous call"):
        classifier.partial_fit(X[LABELS == 1], LABELS[LABELS == 1])


def test_a_hook_that_comes_later_is_refused():
    class Own(MLPClassifier):
        pass

    classifier = Own((5,), random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    classifier._backprop = None
    with pytest.raises(TypeError, match="_backprop"):
        classifier.partial_fit(X, LABELS)
    del classifier._backprop
    Own._init_coef = None
    with pytest.raises(TypeError, match="_init_coef"):
        classifier.partial_fit(X, LABELS)


def test_divergence_is_told_and_inputs_stay_as_they_are():
    regressor = MLPRegressor(hidden_layer_sizes=(5,), solver="sgd", learning_rate_init=1e3, random_state=0)
    rows, values = X.copy(), VALUES.copy()
    regressor.partial_fit(X, VALUES)

    def go_on():
        for _ in range(60):
            regressor.partial_fit(X, VALUES)

    with pytest.warns(RuntimeWarning, match="diverged"), pytest.raises(ValueError, match="non-finite parameter"):
        go_on()
    assert np.array_equal(rows, X)
    assert np.array_equal(values, VALUES)


def test_what_was_found_out_stays_at_home():
    classifier = started()
    assert isinstance(classifier._prepared, _quick.Prepared)
    assert not hasattr(pickle.loads(pickle.dumps(classifier)), "_prepared")
    twin = copy.copy(classifier)
    twin.partial_fit(X, LABELS)
    assert fastnn.__version__
