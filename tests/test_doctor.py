"""``fastnn.diagnose``: trainings that were broken on purpose, in one way each, and healthy ones.

What is wrong is known from how it was made. The figures are checked against NumPy's and scikit-learn's.
"""

import copy
import pickle
import re
import warnings
from functools import cache

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.metrics import r2_score, recall_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier as OfSklearn
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn
from fastnn import MLPClassifier, MLPRegressor, diagnose
from fastnn.doctor import Diagnosis, Finding
from fastnn.doctor.findings import ORDER
from fastnn.input_scale import root_mean_squares

LOADERS = {
    "digits": load_digits,
    "iris": load_iris,
    "wine": load_wine,
    "cancer": load_breast_cancer,
    "diabetes": load_diabetes,
}
GLOROT = {"activation": "tanh", "init": "glorot_normal", "random_state": 0}


@cache
def data(name, is_scaled=True):
    """X, new X, y, new y; the targets of diabetes are scaled too."""
    parts = train_test_split(*LOADERS[name](return_X_y=True), random_state=0)
    if is_scaled:
        scaler = StandardScaler().fit(parts[0])
        parts[:2] = map(scaler.transform, parts[:2])
        if name == "diabetes":
            parts[2:] = [(y - 152) / 77 for y in parts[2:]]
    return parts


def quietly(work, *args, **options):
    """The result of a training that warns, or diverges."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return work(*args, **options)
        except FloatingPointError as error:
            return error.result


def rare_eights():
    X, _, y, _ = data("digits")
    is_eight = y == 8
    kept = ~is_eight | (np.cumsum(is_eight) % 12 == 0)
    return X[kept], np.where(is_eight[kept], "eight", "other")


# -- ten broken trainings, each with its cause ----------------------------------------------------------------------


def raw_wine():
    X, _, y, _ = data("wine", is_scaled=False)
    return quietly(MLPClassifier(random_state=0).fit, X, y), X, y, None


def logistic_outputs_for_numbers():
    X, _, _, _ = data("diabetes")
    _, _, y, _ = data("diabetes", is_scaled=False)
    options = {"output_activation": "logistic", "init": "glorot_normal", "random_state": 0}
    return quietly(fastnn.train, [10, 8, 1], X, y, 300, 0.1, **options), X, y, None


def raw_diabetes_targets():
    X, _, _, _ = data("diabetes")
    _, _, y, _ = data("diabetes", is_scaled=False)
    return quietly(MLPRegressor(random_state=0).fit, X, y), X, y, None


def the_tutorials_start_in_a_wide_network():
    X, _, y, _ = data("digits")
    return quietly(fastnn.train, [64, 100, 10], X, np.eye(10)[y], 300, random_state=0), X, y, None


def oscillating_adam():
    X, _, y, _ = data("cancer")
    return MLPClassifier(learning_rate_init=1.0, random_state=0).fit(X, y), X, y, None


def diverged():
    X, _, y, _ = data("diabetes")
    return quietly(fastnn.train, [10, 16, 1], X, y, 1000, 2.0, output_activation="identity", **GLOROT), X, y, None


def dead_relu():
    """By biases that no row can lift."""
    X, _, y, _ = data("iris")
    start = [np.full((6, 4), 0.1), np.full((3, 6), 0.1)], [np.full(6, -9.0), np.zeros(3)]
    options = {"activation": "relu", "loss": "log_loss", "init": start}
    with pytest.warns(UserWarning, match="training has ended in one answer for all rows"):
        return fastnn.train([4, 6, 3], X, y, 300, 0.1, **options), X, y, None


def saturated_tanh():
    X, _, y, _ = data("iris")
    start = [10.0 * np.random.default_rng(0).choice([-9.0, 9.0], (6, 4)), np.zeros((3, 6))], None
    return (
        fastnn.train([4, 6, 3], X, y, 300, 0.1, activation="tanh", loss="log_loss", init=start, bias=False),
        X,
        y,
        None,
    )


def a_timid_rate():
    X, _, y, _ = data("digits")
    return fastnn.train([64, 16, 10], X, y, 500, 1e-4, loss="log_loss", **GLOROT), X, y, None


def a_rare_class():
    X, y = rare_eights()
    return quietly(MLPClassifier((4,), alpha=30.0, max_iter=60, random_state=0).fit, X, y), X, y, None


def learned_by_heart():
    X, X_new, y, y_new = data("diabetes")
    options = {"solver": "adam", "output_activation": "identity", "validation_data": (X_new, y_new), **GLOROT}
    return fastnn.train([10, 50, 1], X[:100], y[:100], 600, 0.01, report_every=10, **options), X[:100], y[:100], None


BROKEN = {
    raw_wine: "unscaled_inputs",
    logistic_outputs_for_numbers: "targets_out_of_reach",
    raw_diabetes_targets: "unscaled_targets",
    the_tutorials_start_in_a_wide_network: "saturated_start",
    oscillating_adam: "rate_too_large",
    diverged: "rate_too_large",
    dead_relu: "dead_units",
    saturated_tanh: "saturated_units",
    a_timid_rate: "rate_too_small",
    a_rare_class: "class_imbalance",
    learned_by_heart: "over_fitting",
}


@pytest.mark.parametrize("make", BROKEN, ids=lambda make: make.__name__)
def test_the_cause_comes_first(make):
    model, X, y, validation_data = make()
    diagnosis = diagnose(model, X, y, validation_data=validation_data)
    print(diagnosis)
    assert diagnosis.names[0] == BROKEN[make], diagnosis


# -- healthy ones ---------------------------------------------------------------------------------------------------


def digits_by_adam():
    X, X_new, y, y_new = data("digits")
    return MLPClassifier((32,), random_state=0).fit(X, y), X, y, (X_new, y_new)


def pixels_as_they_are():
    """0 to 16, from which scikit-learn's own examples learn."""
    X, X_new, y, y_new = data("digits", is_scaled=False)
    return MLPClassifier((32,), random_state=0).fit(X, y), X, y, (X_new, y_new)


def iris_by_gradient_descent():
    X, X_new, y, y_new = data("iris")
    result = fastnn.train([4, 8, 3], X, y, 1500, 0.1, loss="log_loss", l2=1e-3, **GLOROT)
    return result, X, y, (X_new, y_new)


def wine_by_mini_batches():
    X, X_new, y, y_new = data("wine")
    options = {"loss": "log_loss", "solver": "adam", "batch_size": 32, "l2": 1e-3, **GLOROT}
    return fastnn.train([13, 16, 3], X, y, 1500, 0.003, **options), X, y, (X_new, y_new)


def cancer_with_logistic_units():
    X, X_new, y, y_new = data("cancer")
    return MLPClassifier((16,), activation="logistic", random_state=0).fit(X, y), X, y, (X_new, y_new)


def diabetes_with_early_stopping():
    X, X_new, y, y_new = data("diabetes")
    options = {"solver": "adam", "output_activation": "identity", "validation_data": (X_new, y_new), **GLOROT}
    result = fastnn.train([10, 8, 1], X, y, 2000, 0.01, report_every=10, early_stopping=True, **options)
    return result, X, y, (X_new, y_new)


def diabetes_with_a_penalty():
    X, X_new, y, y_new = data("diabetes")
    settings = {"hidden_layer_sizes": (8,), "alpha": 10.0, "learning_rate_init": 0.005, "random_state": 0}
    return MLPRegressor(**settings).fit(X, y), X, y, (X_new, y_new)


HEALTHY = [
    digits_by_adam, pixels_as_they_are, iris_by_gradient_descent, wine_by_mini_batches, cancer_with_logistic_units,
    diabetes_with_early_stopping, diabetes_with_a_penalty,
]  # fmt: skip


@pytest.mark.parametrize("make", HEALTHY, ids=lambda make: make.__name__)
def test_nothing_is_found_where_nothing_is_wrong(make):
    model, X, y, validation_data = quietly(make)
    diagnosis = diagnose(model, X, y, validation_data=validation_data)
    assert diagnosis == ()
    assert diagnosis.unchecked == ()
    assert repr(diagnosis) == "Nothing found"
    assert not diagnosis


# -- figures, against NumPy and scikit-learn ------------------------------------------------------------------------


def figures(diagnosis, name):
    return next(finding.figures for finding in diagnosis if finding.name == name)


@pytest.mark.parametrize("factor", [1.0, 1e200, 1e-200])
@pytest.mark.parametrize("form", [np.asarray, scipy.sparse.csr_array])
def test_root_mean_squares(form, factor):
    rows = np.random.default_rng(0).standard_normal((50, 6)) * [1, 5, 0, 0.1, 40, 1]
    rows[rows < -0.5] = 0
    expected = factor * np.sqrt((rows**2).mean(axis=0))
    np.testing.assert_allclose(root_mean_squares(form(factor * rows)), expected, rtol=1e-12)


def test_large_columns_are_named_with_their_size():
    model, X, y, _ = raw_wine()
    found = figures(diagnose(model, X, y), "unscaled_inputs")
    sizes = np.sqrt((X**2).mean(axis=0))
    assert found["columns"] == [12, 4]
    assert found["largest"] == pytest.approx(sizes.max())
    assert found["smallest"] == pytest.approx(sizes.min())
    assert f"{sizes.max():.3g} in column 12" in str(diagnose(model, X, y)[0])


def test_a_frame_has_names():
    frame, y = load_wine(return_X_y=True, as_frame=True)
    model = quietly(MLPClassifier((4,), max_iter=30, random_state=0).fit, frame, y)
    assert "in column 'proline'" in diagnose(model, frame, y)[0].message
    with pytest.raises(ValueError, match="column"):
        diagnose(model, frame[frame.columns[::-1]], y)


def test_the_share_of_dead_units_is_counted():
    X, _, y, _ = data("iris")
    result = fastnn.train(
        [4, 9, 3], X, y, 50, 0.1, activation="relu", loss="log_loss", init="he_normal", random_state=0
    )
    W, b = result.W.copy(), result.b.copy()
    b[1] = b[1] - np.where(np.arange(9) < 5, 30.0, 0.0)
    network = fastnn.Network(W, b)
    expected = float((X @ W[1].T + b[1] <= 0).all(axis=0).mean())
    assert expected >= 5 / 9
    assert figures(diagnose(network, X, y), "dead_units")["shares"] == {1: pytest.approx(expected)}
    b[1] = b[1] + np.where((np.arange(9) < 5) & (np.arange(9) > 1), 30.0, 0.0)
    assert "dead_units" not in diagnose(fastnn.Network(W, b), X, y).names


@pytest.mark.parametrize(("activation", "slope"), [
    ("tanh", lambda z: 1 - np.tanh(z) ** 2), ("logistic", lambda z: 4 * np.exp(-z) / (1 + np.exp(-z)) ** 2),
])  # fmt: skip
def test_the_share_of_saturated_outputs_is_counted(activation, slope):
    X, _, y, _ = data("iris")
    W = [np.full((5, 4), 40.0) * np.array([1, -1, 1, -1, 1])[:, None], np.zeros((3, 5))]
    network = fastnn.Network(W, None, activation=activation, output_activation="softmax", classes=[0, 1, 2])
    expected = float((slope(X @ W[0].T) < 0.01).mean())
    assert figures(diagnose(network, X, y), "saturated_units")["shares"] == {1: pytest.approx(expected)}
    assert diagnose(fastnn.Network([W[0] / 40, W[1]], None, activation=activation, output_activation="softmax",
                                   classes=[0, 1, 2]), X, y).names == ()  # fmt: skip


def test_a_last_layer_that_is_stuck_on_the_wrong_side():
    X, _, y, _ = data("iris")
    start = [np.zeros((3, 4))], [np.full(3, 20.0)]
    result = fastnn.train([4, 3], X, np.eye(3)[y], 1, 1e-9, init=start)
    assert figures(diagnose(result, X, y), "saturated_units")["share"] == pytest.approx(2 / 3)
    result = fastnn.train([4, 3], X, np.eye(3)[y], 1, 1e-9, init=start, loss="log_loss", output_activation="logistic")
    assert "saturated_units" not in diagnose(result, X, y).names  # its delta needs no slope


def test_many_rows_go_through_in_pieces(monkeypatch):
    model, X, y, _ = saturated_tanh()
    whole = diagnose(model, X, y)
    monkeypatch.setattr("fastnn.doctor.units.N_ROWS", 7)
    in_pieces = diagnose(model, X, y)
    assert figures(in_pieces, "saturated_units")["share"] == pytest.approx(figures(whole, "saturated_units")["share"])


def test_what_is_explained_is_r2_weighted_by_variance():
    model, X, y, _ = a_timid_rate()
    expected = r2_score(np.eye(10)[y], model.network(X), multioutput="variance_weighted")
    assert figures(diagnose(model, X, y), "rate_too_small")["explained"] == pytest.approx(expected)
    model, X, y, _ = raw_diabetes_targets()
    found = figures(diagnose(model, X, y), "unscaled_targets")
    assert found["explained"] == pytest.approx(r2_score(y, model.predict(X)))
    assert found["mean_error"] == pytest.approx(abs((y - model.predict(X)).mean()) / y.std())


@pytest.mark.parametrize(("activation", "low", "high"), [
    ("relu", 0, np.inf), ("logistic", 0, 1), ("tanh", -1, 1), (("elu", 0.5), -0.5, np.inf),
    ("identity", -np.inf, np.inf),
])  # fmt: skip
def test_the_share_of_targets_beyond_reach_is_counted(activation, low, high):
    X, _, y, _ = data("diabetes")
    network = fastnn.Network([np.full((1, 10), 0.1)], None, output_activation=activation)
    share = float(((y < low) | (y > high)).mean())
    diagnosis = diagnose(network, X, y)
    assert ("targets_out_of_reach" in diagnosis.names) == (share > 0)
    assert share == 0 or figures(diagnosis, "targets_out_of_reach")["share"] == pytest.approx(share)


def test_missed_classes_are_those_without_recall():
    model, X, y, _ = a_rare_class()
    assert recall_score(y, model.predict(X), average=None)[0] == 0
    found = figures(diagnose(model, X, y), "class_imbalance")
    assert found == {"classes": ["eight"], "rows": [(y == "eight").sum()], "found": [0]}
    balanced = MLPClassifier((4,), class_weight="balanced", tol=1e-2, random_state=0).fit(X, y)
    assert "class_imbalance" not in diagnose(balanced, X, y).names


def test_a_class_that_is_not_rare_may_be_missed():
    """That has another cause."""
    X, _, y, _ = data("iris")
    network = fastnn.Network([np.zeros((3, 4))], [[0.0, 1.0, 0.0]], output_activation="softmax", classes=[0, 1, 2])
    assert diagnose(network, X, y).names == ()


def test_labels_of_an_indicator_matrix_have_both_sides():
    X, _, y, _ = data("digits")
    Y = np.column_stack([y == 1, y >= 0, y < 5]).astype(int)
    Y[::100, 1] = 0
    network = fastnn.train([64, 3], X, Y, 1, 1e-9, loss="log_loss", init="zeros").network
    network.b[1][:] = [-5, 5, 0]
    found = figures(diagnose(network, X, Y), "class_imbalance")
    assert found["classes"] == ["not label 1", "label 0"]


def test_over_fitting_is_measured_on_rows_that_were_not_learned_from():
    model, X, y, _ = learned_by_heart()
    _, X_new, _, y_new = data("diabetes")
    network = model.network
    found = figures(diagnose(network, X, y, validation_data=(X_new, y_new)), "over_fitting")
    left = ((y_new - network.predict(X_new)) ** 2).sum() / ((y_new - y.mean()) ** 2).sum()
    assert found == {
        "explained": pytest.approx(r2_score(y, network.predict(X))),
        "explained_new": pytest.approx(1 - left),
    }
    assert diagnose(network, X, y, validation_data=(X, y)).names == ()


# -- curves by formula ----------------------------------------------------------------------------------------------


def with_curve(losses, history=None, bias=0.0):
    """A result with this curve, of a network that explains nothing."""
    network = fastnn.Network([np.zeros((1, 4))], [[bias]], output_activation="identity")
    result = fastnn.TrainResult(network.W, network.b, list(losses), network, list(losses), history or {})
    return result, *data("iris")[::2]


@pytest.mark.parametrize("n", [10, 200, 5000])
@pytest.mark.parametrize(("constants", "is_falling"), [(0.1, True), (2, True), (2.6, False), (8, False)])
def test_a_decay_is_still_falling_for_some_two_time_constants(n, constants, is_falling):
    """What it falls by in the last of five parts to the second is e to the minus 0.6 times their number."""
    curve = 1.0 + np.exp(-constants * np.linspace(0, 1, n))
    assert ("rate_too_small" in diagnose(*with_curve(curve)).names) == is_falling


def test_noise_is_no_fall():
    for seed in range(20):
        curve = 1.0 + 0.05 * np.random.default_rng(seed).standard_normal(200)
        assert "rate_too_small" not in diagnose(*with_curve(curve, bias=1.0)).names


def test_a_loss_that_rises_was_driven():
    curve = 1 + np.linspace(0, 0.5, 100) ** 2
    assert diagnose(*with_curve(curve)).names == ("rate_too_large",)
    assert "rate_too_large" not in diagnose(*with_curve(curve[::-1])).names


@pytest.mark.parametrize(("width", "is_found"), [(0.5, True), (0.05, False)])
def test_a_loss_that_jumps_was_driven(width, is_found):
    curve = np.exp(-np.arange(100) / 5) + 0.5 + width * (np.arange(100) % 2) / 2
    assert ("rate_too_large" in diagnose(*with_curve(curve)).names) == is_found


def test_a_loss_that_may_be_negative_has_no_level():
    curve = np.exp(-np.arange(100) / 5) - 0.5 + 0.25 * (np.arange(100) % 2)
    assert diagnose(*with_curve(curve, bias=1.0)).names == ()


def test_targets_far_from_0_are_no_sign_of_steps_too_large():
    """What is far away is so from the start, which the mean of the first pass does not have."""
    X, _, y, _ = data("diabetes")
    options = {"solver": "adam", "batch_size": 32, "output_activation": "identity", **GLOROT}
    assert diagnose(fastnn.train([10, 8, 1], X, 0.1 * y + 3, 1500, 0.01, **options), X, 0.1 * y + 3).names == ()


@pytest.mark.parametrize("spoiled", [np.nan, np.inf])
def test_a_loss_that_is_no_number_diverged(spoiled):
    (finding,) = diagnose(*with_curve([1.0, 2.0, spoiled]))
    assert finding.name == "rate_too_large"
    assert "training diverged" in finding.message


def test_weights_that_are_no_numbers_are_told_whatever_the_solver():
    X, _, y, _ = data("iris")
    model = MLPClassifier((4,), solver="lbfgs", max_iter=1000, random_state=0).fit(X, y)
    model.coefs_[0][:2] = np.nan
    (finding,) = diagnose(model, X, y)
    assert finding.figures["lost_parameters"] == 8
    assert "8 of 35 weights and biases are no finite numbers" in finding.message
    assert finding.message.endswith("scale X and y, or take another solver")


def test_a_validation_curve_that_turns():
    reports = np.arange(1, 41)
    history = {"iteration": (10 * reports).tolist(), "loss": (1 / reports).tolist()}
    turned = np.where(reports < 10, 1 / reports, 0.1 + 0.01 * (reports - 10))
    result, X, y = with_curve(1 / np.arange(1, 401), {**history, "val_loss": turned.tolist()})
    (finding,) = diagnose(result, X, y)
    assert finding.name == "over_fitting"
    assert "at update 100" in finding.message
    assert finding.figures["lowest"] == pytest.approx(0.1)
    assert "early_stopping=True, with validation_data, a larger l2" in finding.message
    result.best_iteration = 100  # early stopping gave it back
    assert diagnose(result, X, y).names == ()


def test_the_history_of_an_estimator_counts():
    X, _, y, _ = data("wine")
    model = MLPClassifier(max_iter=500, random_state=0).fit(X, y)
    assert diagnose(model, X, y).names == ()
    n = np.arange(1, 41)
    kind = type("Recorded", (MLPClassifier,), {"history_": {"loss": 1 / n, "val_loss": 1 / n + n / 40}})
    model.__class__ = kind
    (finding,) = diagnose(model, X, y)
    assert finding.name == "over_fitting"
    assert "Take early_stopping=True, a larger alpha" in finding.message


def test_a_short_curve_is_not_judged():
    diagnosis = diagnose(*with_curve([3.0, 2.0, 1.0]))
    assert diagnosis.names == ()
    assert any("3 entries" in text for text in diagnosis.unchecked)


# -- what it takes, and what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [raw_wine, a_timid_rate, learned_by_heart], ids=lambda make: make.__name__)
def test_nothing_is_changed(make):
    model, X, y, _ = make()
    before = copy.deepcopy((X, y)), pickle.dumps(model)
    diagnose(model, X, y, validation_data=(X, y))
    np.testing.assert_array_equal(before[0][0], X)
    np.testing.assert_array_equal(before[0][1], y)
    assert pickle.dumps(model) == before[1]


@pytest.mark.parametrize("make", [raw_wine, dead_relu, a_rare_class], ids=lambda make: make.__name__)
def test_sparse_rows_are_diagnosed_alike(make):
    model, X, y, _ = make()
    dense, sparse = (diagnose(model, form, y) for form in (X, scipy.sparse.csr_array(X)))
    assert sparse.names == dense.names
    assert [finding.figures.keys() for finding in sparse] == [finding.figures.keys() for finding in dense]
    assert ("MaxAbsScaler" in sparse[0].message) == (sparse.names[0] == "unscaled_inputs")


def test_a_result_survives_pickle_and_is_diagnosed_alike():
    model, X, y, _ = the_tutorials_start_in_a_wide_network()
    assert diagnose(pickle.loads(pickle.dumps(model)), X, y) == diagnose(model, X, y)


def test_one_hot_targets_and_labels_are_the_same():
    model, X, y, _ = the_tutorials_start_in_a_wide_network()
    assert diagnose(model, X, np.eye(10)[y]) == diagnose(model, X, y)


@pytest.mark.parametrize("options", [
    {"loss": "hinge"}, {"loss": "focal"}, {"output_activation": "logistic"}, {"loss": "perceptron"},
    {"loss": "log_loss", "solver": "lbfgs"}, {"loss": "log_loss", "dtype": "float32"},
])  # fmt: skip
def test_other_losses_of_classes(options):
    X, _, y, _ = data("iris")
    y = np.array(["a", "b", "c"])[y]
    result = fastnn.train([4, 3], X, y, 3000, 0.1, init="glorot_normal", random_state=0, **options)
    assert diagnose(result, X, y, validation_data=(X, y)).names == ()


@pytest.mark.parametrize("options", [{"loss": "gaussian_nll"}, {"loss": "poisson"}, {"loss": "absolute_error"},
                                     {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}])  # fmt: skip
def test_other_losses_of_numbers(options):
    X, _, y, _ = data("diabetes")
    n_out = {"gaussian_nll": 2, "quantile": 3}.get(options["loss"], 1)
    result = fastnn.train([10, n_out], X, y + 3, 1000, 0.05, init="glorot_normal", random_state=0, **options)
    diagnosis = diagnose(result, X, y + 3, validation_data=(X, y + 3))
    assert diagnosis.names == ()
    assert (diagnosis.unchecked != ()) == (options["loss"] == "quantile")


def test_of_several_heads_inputs_units_and_curve_are_looked_at():
    X, _, y, _ = data("wine", is_scaled=False)
    heads = [fastnn.Head(1), fastnn.Head(3, "log_loss")]
    result = quietly(fastnn.train, [13, 6, 4], X, [X[:, 0], y], 50, 1e-3, heads=heads, **GLOROT)
    diagnosis = diagnose(result, X, None)
    assert diagnosis.names[0] == "unscaled_inputs"
    assert any("several heads" in text for text in diagnosis.unchecked)


def test_a_network_alone_says_what_it_does_not_know():
    model, X, y, _ = a_timid_rate()
    diagnosis = diagnose(model.network, X, y)
    assert diagnosis.names == ()
    assert [text.partition(";")[0] for text in diagnosis.unchecked] == ["the learning rate", "over-fitting"]
    assert "Not looked at: the learning rate" in repr(diagnosis)


X, Y = data("iris")[::2]


@pytest.mark.parametrize(("model", "error", "words"), [
    (3, TypeError, "got int"),
    (MLPClassifier(), TypeError, "MLPClassifier, which is not fitted: call its fit first"),
    (OfSklearn((2,), max_iter=1), TypeError, "which is not fitted"),
    (fastnn.TrainResult._make([{}, {}, []]), TypeError, r"diagnose fastnn.Network\(W, b\)"),
    (make_pipeline(StandardScaler(), MLPClassifier()), TypeError, r"the last step, model\[-1\]"),
])  # fmt: skip
def test_a_model_that_is_none_is_refused(model, error, words):
    with pytest.raises(error, match=f"expected a TrainResult, a Network, or a fitted .*{words}"):
        diagnose(model, X, Y)


@pytest.mark.parametrize("kind", [fastnn.TabularClassifier, fastnn.TabularRegressor])
@pytest.mark.parametrize("is_fitted", [False, True])
def test_models_for_tables_are_not_looked_at(kind, is_fitted):
    model = kind(hidden_layer_sizes=(2,), max_epochs=1, random_state=0)
    if is_fitted:
        model.fit(X, Y)
    with pytest.raises(TypeError, match=f"not look at models for tables, got {kind.__name__}; its columns_, and the "):
        diagnose(model, X, Y)


def test_networks_of_scikit_learn_are_refused():
    with pytest.raises(TypeError, match=r"not scikit-learn.s own; fastnn\.MLPClassifier"):
        diagnose(quietly(OfSklearn((2,), max_iter=2).fit, X, Y), X, Y)


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ((X[:, :3], Y), ValueError, "X has 3 columns, but the first layer has 4"),
    ((X, Y[:5]), ValueError, "X has 112 rows, but y has 5 rows"),
    ((X, Y + 1), ValueError, "y has the label 3 in row .*, which is not among the training labels"),
    ((np.full_like(X, np.nan), Y), ValueError, "X has nan in row 0, column 0"),
    ((X, Y, X), TypeError, r"validation_data must be a pair \(X, y\), got ndarray"),
    ((X, Y, (X, Y, Y)), TypeError, r"validation_data must be a pair \(X, y\), got tuple of 3"),
    ((X, Y, (X[:, :3], Y)), ValueError, "validation X has 3 columns"),
    ((X, Y, (X, Y[:5])), ValueError, "validation y has 5 rows"),
])  # fmt: skip
def test_data_that_do_not_fit_are_refused(arguments, error, words):
    X, y, *validation_data = arguments
    network = fastnn.Network([np.zeros((3, 4))], None, classes=[0, 1, 2])
    with pytest.raises(error, match=words):
        diagnose(network, X, y, validation_data=validation_data[0] if validation_data else None)


def test_a_diagnosis_is_a_tuple_in_order():
    found = Diagnosis([Finding("over_fitting", "b < a", {}), Finding("unscaled_inputs", "a", {"x": 1})], ["c & d"])
    assert found.names == ("unscaled_inputs", "over_fitting")
    assert [finding.order for finding in found] == [0, len(ORDER) - 1]
    assert repr(found) == (
        "2 findings, in the order in which to cure them\n1. unscaled_inputs: a\n2. over_fitting: b < a\n"
        "Not looked at: c & d"
    )
    assert "<li><b>over_fitting</b>: b &lt; a</li></ol><p>Not looked at: c &amp; d</p>" in found._repr_html_()
    again = pickle.loads(pickle.dumps(found))
    assert (again, again.unchecked) == (found, ("c & d",))
    assert copy.copy(found) == found


# -- what the warnings and errors of a training say by it -----------------------------------------------------------


def test_divergence_has_a_result_and_names_the_column():
    X, _, y, _ = data("wine", is_scaled=False)
    for options in ({}, {"validation_data": (X, y), "report_every": 7}, {"batch_size": 20}):
        with pytest.raises(
            FloatingPointError, match=r"training diverged: .* weights\. X is not scaled: column 12"
        ) as caught:
            fastnn.train([13, 1], X, y[:, None], 500, 1.0, output_activation="identity", random_state=0, **options)
        result = caught.value.result
        assert 0 < result.n_iter == len(result.loss_curve) < 500
        assert result.loss_curve[-1] > result.loss_curve[0]
        names = diagnose(result, X, y).names
        assert names[0] == "unscaled_inputs"
        assert "rate_too_large" in names


def test_divergence_on_scaled_rows_names_none():
    X, _, y, _ = data("wine")
    with pytest.raises(FloatingPointError, match=r"or smaller start weights$"):
        fastnn.train([13, 1], X, y[:, None], 5000, 5.0, output_activation="identity", random_state=0)


def test_a_saturated_start_names_the_column():
    X, _, y, _ = data("wine", is_scaled=False)
    with pytest.warns(UserWarning, match="saturate .*deviation 1; X is not scaled: column 12"):
        fastnn.train([13, 8, 3], X, y, 1, loss="log_loss", **GLOROT)


@pytest.mark.parametrize("is_scaled", [True, False])
def test_training_that_has_not_converged_names_the_column(is_scaled):
    X, _, y, _ = data("wine", is_scaled=is_scaled)
    found = {}
    for kind in (OfSklearn, MLPClassifier):
        with pytest.warns(UserWarning, match="Maximum iterations") as caught:
            kind((4,), max_iter=3, random_state=0).fit(X, y)
        found[kind] = str(caught[0].message)
    more = found[MLPClassifier].removeprefix(found[OfSklearn])
    sizes = np.sqrt((X**2).mean(axis=0))
    assert (more == "") == is_scaled
    assert is_scaled or more.startswith(f" X is not scaled: column {sizes.argmax()} has a root mean square of ")


@pytest.mark.parametrize(("size", "is_told"), [(7.0, False), (15.0, True)])
def test_training_that_has_not_converged_names_the_size_of_y(size, is_told):
    X, _, y, _ = data("diabetes")
    y = y / np.sqrt((y**2).mean()) * size
    with pytest.warns(UserWarning, match="Maximum iterations") as caught:
        MLPRegressor(hidden_layer_sizes=(4,), max_iter=3, random_state=0).fit(X, y)
    more = str(caught[0].message).partition(" converged yet.")[2]
    told = re.match(r" y is not scaled: its root mean square is ([\d.]+), ", more)  # of some of its rows
    assert float(told[1]) == pytest.approx(size, rel=0.2) if is_told else more == ""
    assert more.endswith(" fit TransformedTargetRegressor(model, transformer=StandardScaler()).") == is_told


def test_a_training_that_was_interrupted_has_no_best_weights():
    """Its weights are those of the last finished pass, so that its validation curve counts."""
    X, X_new, y, y_new = data("diabetes")

    def stop(n_done, loss, network):
        if n_done == 1998:
            raise KeyboardInterrupt

    options = {"solver": "adam", "batch_size": 110, "output_activation": "identity", "report_every": 1, **GLOROT}
    with pytest.raises(KeyboardInterrupt) as raised:
        fastnn.train([10, 60, 1], X, y, 5000, 0.01, validation_data=(X_new, y_new), callback=stop, **options)
    result = raised.value.result
    assert result.best_iteration < result.n_updates
    assert "over_fitting" in diagnose(result, X, y).names
