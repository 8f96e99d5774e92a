"""How sure models for tables are, and what can be seen of them: against the maths, SciPy, scikit-learn, simulation."""

from contextlib import nullcontext
from copy import copy
from itertools import combinations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from scipy.stats import binom
from sklearn.calibration import CalibrationDisplay
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import NotFittedError
from sklearn.inspection import PartialDependenceDisplay, permutation_importance
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

from fastnn import TabularClassifier, TabularRegressor
from fastnn.tabular import conformal
from fastnn.tabular.calibration import temperature

pd = pytest.importorskip("pandas")

DIABETES, WINE = load_diabetes(as_frame=True), load_wine(as_frame=True)


def drawn(n_rows, seed, sharpness=1.0, n_classes=3, n_members=1):
    """Probabilities of members whose logits are so many times as large as they should be, and classes."""
    draws = np.random.default_rng(seed)
    z = 2.0 * draws.normal(size=(n_rows, n_classes))
    y = (softmax(z, axis=1).cumsum(axis=1) < draws.uniform(size=(n_rows, 1))).sum(axis=1)
    return softmax(sharpness * (z + 0.1 * draws.normal(size=(n_members, *z.shape))), axis=2), y


def smoothed_loss(log_t, probabilities, y, weight):
    """Log-loss of rows of which one part in n + 2 belongs to all classes alike."""
    logs = np.log(softmax(np.log(probabilities) / np.exp(log_t), axis=2).mean(axis=0))
    unknown = 1 / (len(y) + 2)
    targets = (1 - unknown) * np.eye(logs.shape[1])[y] + unknown / logs.shape[1]
    return -np.average((targets * logs).sum(axis=1), weights=weight)


@pytest.mark.parametrize("n_members", [1, 3])
@pytest.mark.parametrize(("sharpness", "weighted"), [(0.5, False), (1, True), (3, False), (3, True)])
def test_the_temperature_is_where_the_loss_is_smallest(sharpness, weighted, n_members):
    probabilities, y = drawn(200, 0, sharpness, n_members=n_members)
    weight = np.random.default_rng(1).uniform(size=200) if weighted else None
    found = minimize_scalar(smoothed_loss, (-1, 1), args=(probabilities, y, weight))
    assert temperature(probabilities, y, weight) == pytest.approx(np.exp(found.x), rel=2e-3)


@pytest.mark.parametrize("sharpness", [0.5, 1, 2, 4])
def test_the_temperature_undoes_what_logits_were_multiplied_by(sharpness):
    probabilities, y = drawn(20_000, 3, sharpness)
    assert temperature(probabilities, y) == pytest.approx(sharpness, rel=0.05)


@pytest.mark.parametrize("n_rows", [1, 10, 100])
def test_rows_that_are_all_right_do_not_make_it_sure_of_everything(n_rows):
    probabilities = np.broadcast_to([0.9, 0.1], (1, n_rows, 2))
    y = np.zeros(n_rows, int)
    right = softmax(np.log([0.9, 0.1]) / temperature(probabilities, y))[0]
    assert right == pytest.approx(1 - 0.5 / (n_rows + 2), abs=1e-3)  # of two classes, half of what is unknown


def test_rows_of_no_weight_are_not_there_and_no_rows_leave_it_1():
    probabilities, y = drawn(100, 4, 3)
    weight = np.r_[np.ones(60), np.zeros(40)]
    assert temperature(probabilities, y, weight) == temperature(probabilities[:, :60], y[:60])
    assert temperature(probabilities, y, np.zeros(100)) == 1
    assert temperature(probabilities[:, :0], y[:0]) == 1


def test_probabilities_of_0_are_no_infinities():
    probabilities, y = np.array([[[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]]], np.float32), np.array([0, 1, 1])
    assert 1 < temperature(probabilities, y) <= 10


@pytest.mark.parametrize("n_members", [1, 2])
def test_the_temperature_divides_the_logits_of_each_member(n_members):
    own = {"max_epochs": 6, "n_members": n_members, "random_state": 0}
    plain = TabularClassifier(calibration=None, **own).fit(WINE.data, WINE.target)
    calibrated = TabularClassifier(**own).fit(WINE.data, WINE.target)
    assert plain.temperature_ == 1 != calibrated.temperature_
    raw = plain._columns.transform(WINE.data)
    expected = [softmax(np.log(network(raw)) / calibrated.temperature_, axis=1) for network in plain.members_]
    np.testing.assert_allclose(calibrated.predict_proba(WINE.data), np.mean(expected, axis=0), atol=2e-6)


def test_calibration_makes_the_log_loss_of_new_rows_smaller():
    draws, losses = np.random.default_rng(6), []
    for seed in range(4):
        X = draws.normal(size=(600, 5))
        y = X[:, 0] + draws.logistic(size=600) > 0
        for calibration in (None, "temperature"):
            model = TabularClassifier(
                calibration=calibration, dropout=0, weight_decay=0, max_epochs=20, random_state=seed
            ).fit(X[:300], y[:300])
            losses.append(-np.log(model.predict_proba(X[300:])[np.arange(300), y[300:].astype(int)]).mean())
    plain, calibrated = np.reshape(losses, (4, 2)).T
    assert calibrated.mean() < plain.mean()


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("n_rows", [1, 8, 9, 99, 100, 150])
def test_half_a_width_is_the_residual_of_that_rank(n_rows, coverage):
    residuals = np.random.default_rng(n_rows).exponential(size=(n_rows, 2))
    found = conformal.learn(residuals, np.zeros((n_rows, 4)))  # nothing to learn a spread by
    rank = int(np.ceil(round((n_rows + 1) * coverage, 9)))
    if rank > n_rows:
        needed = int(np.ceil(round(coverage / (1 - coverage), 9)))
        with pytest.raises(ValueError, match=rf"takes {needed} rows held back or more, and there are {n_rows};"):
            found.half_widths(np.zeros((3, 4)), coverage)
        return
    expected = np.sort(residuals, axis=0)[rank - 1]
    np.testing.assert_allclose(found.half_widths(np.zeros((3, 4)), coverage), [expected] * 3, rtol=1e-12)


@pytest.mark.parametrize("coverage", [0.3, 0.7, 0.95])
def test_weights_count_rows(coverage):
    draws = np.random.default_rng(7)
    residuals, weight = draws.exponential(size=(80, 1)), draws.integers(0, 4, 80)
    found = conformal.learn(residuals, np.zeros((80, 1)), weight).half_widths(np.zeros((1, 1)), coverage)[0, 0]
    wanted = coverage * (weight.sum() + weight[weight > 0].mean())
    expected = min(r for r in residuals[weight > 0, 0] if weight[residuals[:, 0] <= r].sum() >= wanted)
    assert found == pytest.approx(expected, rel=1e-12)


def test_equal_weights_change_nothing():
    draws = np.random.default_rng(8)
    residuals, hidden, new = draws.exponential(size=(40, 1)), draws.normal(size=(40, 3)), draws.normal(size=(5, 3))
    plain = conformal.learn(residuals, hidden).half_widths(new, 0.9)
    np.testing.assert_allclose(conformal.learn(residuals, hidden, np.full(40, 0.3)).half_widths(new, 0.9), plain)


@pytest.mark.parametrize("coverage", [0.7, 0.9])
@pytest.mark.parametrize(("n_rows", "weighted"), [(12, False), (50, False), (50, True), (400, False)])
def test_the_share_of_new_residuals_is_the_coverage(n_rows, weighted, coverage):
    """Over draws of the rows held back and of new ones; the noise depends on what is seen, and is heavy-tailed."""
    draws, inside, trials = np.random.default_rng(n_rows), 0, 300
    for _ in range(trials):
        hidden = draws.normal(size=(n_rows + 20, 5))
        residuals = np.abs(draws.standard_t(3, size=(n_rows + 20, 1))) * np.exp(hidden[:, :1])
        found = conformal.learn(residuals[:n_rows], hidden[:n_rows], np.full(n_rows, 2.0) if weighted else None)
        inside += (residuals[n_rows:] <= found.half_widths(hidden[n_rows:], coverage)).mean() / trials
    deviation = np.sqrt(coverage * (1 - coverage) * (1 / n_rows + 1 / 20) / trials)
    assert coverage - 4 * deviation <= inside <= coverage + 1 / (n_rows + 1) + 4 * deviation


@pytest.mark.parametrize("weighted", [False, True])
def test_the_spread_of_a_row_is_by_the_others(weighted):
    draws = np.random.default_rng(10)
    hidden = draws.normal(2, 3, size=(403, 6))
    residuals = np.exp(0.2 * hidden[:, :2]) * draws.exponential(size=(403, 2))
    weight = draws.uniform(0.5, 2, 403) if weighted else np.ones(403)
    weight /= weight.mean()
    middle = np.average(hidden, axis=0, weights=weight)
    Z = (hidden - middle) / np.sqrt(np.average((hidden - middle) ** 2, axis=0, weights=weight))
    logs = np.log(residuals + 0.1 * np.average(residuals, axis=0, weights=weight))
    sizes, folds = np.empty_like(residuals), np.arange(403) % 5
    for fold in range(5):
        own, others = folds == fold, folds != fold
        ridge = Ridge(alpha=1000.0).fit(Z[others], logs[others], weight[others])
        sizes[own] = residuals[own] / np.exp(Z[own] @ ridge.coef_.T)
    found = conformal.learn(residuals, hidden, weight)
    np.testing.assert_allclose(found.sizes, np.sort(sizes, axis=0), rtol=1e-5)


def test_intervals_are_wide_where_the_noise_is():
    draws = np.random.default_rng(9)
    hidden = draws.normal(size=(3000, 8))
    residuals = np.abs(draws.normal(size=(3000, 1))) * np.exp(hidden[:, :1])
    found = conformal.learn(residuals[:2000], hidden[:2000]).half_widths(hidden[2000:], 0.9)
    assert np.corrcoef(np.log(found[:, 0]), hidden[2000:, 0])[0, 1] > 0.95
    assert found.mean() < 0.9 * np.quantile(residuals, 0.9)


def test_residuals_of_0_make_intervals_of_no_width():
    found = conformal.learn(np.zeros((30, 1)), np.random.default_rng(0).normal(size=(30, 3)))
    assert (found.half_widths(np.ones((2, 3)), 0.9) == 0).all()


def regression(n_rows, seed):
    draws = np.random.default_rng(seed)
    X = draws.uniform(-1, 1, size=(n_rows, 3))
    return X, 100 + 10 * X[:, 0] + draws.normal(size=n_rows) * np.exp(2 * X[:, 1])


@pytest.mark.parametrize("n_members", [1, 2])
def test_models_cover_the_share_of_new_targets(n_members):
    """The rows held back chose the epoch, too: the bound would tell if that mattered."""
    inside, width, n_fits, n_held = [], [], 6, 120
    for seed in range(n_fits):
        X, y = regression(1600, seed)
        model = TabularRegressor(max_epochs=10, n_members=n_members, random_state=seed).fit(X[:600], y[:600])
        low, high = model.predict_interval(X[600:], coverage=0.9)
        inside.append((low <= y[600:]) & (y[600:] <= high))
        width.append(np.corrcoef(np.log(high - low), X[600:, 1])[0, 1])
    deviation = np.sqrt(0.09 * (1 / n_held + 1 / 1000) / n_fits)
    assert abs(np.mean(inside) - 0.9) < 3 * deviation
    assert np.mean(width) > 0.3


def test_models_cover_targets_of_a_real_table():
    inside, n_fits = [], 6
    for seed in range(n_fits):
        rows = np.random.default_rng(seed).permutation(442)
        model = TabularRegressor(max_epochs=16, random_state=seed)
        model.fit(DIABETES.data.iloc[rows[:300]], DIABETES.target.iloc[rows[:300]])
        low, high = model.predict_interval(DIABETES.data.iloc[rows[300:]], coverage=0.8)
        own = DIABETES.target.iloc[rows[300:]]
        inside.append(((low <= own) & (own <= high)).mean())
    assert binom.cdf(n_fits * 60 * np.mean(inside), n_fits * 60, 0.8) > 0.005


@pytest.fixture(scope="module")
def regressor():
    return TabularRegressor(max_epochs=5, n_members=2, importances=True, random_state=0).fit(
        DIABETES.data, DIABETES.target
    )


@pytest.fixture(scope="module")
def classifier():
    return TabularClassifier(max_epochs=5, refit=False, random_state=0).fit(WINE.data, WINE.target)


def test_intervals_are_around_the_prediction_and_grow_with_the_coverage(regressor):
    y, bounds = regressor.predict(DIABETES.data), {c: regressor.predict_interval(DIABETES.data, c) for c in (0.5, 0.9)}
    for low, high in bounds.values():
        assert low.shape == high.shape == y.shape
        np.testing.assert_allclose((low + high) / 2, y)
    assert (bounds[0.5][1] < bounds[0.9][1]).all()


def test_each_of_several_targets_has_an_interval_of_its_own():
    X, y = regression(500, 0)
    y = np.column_stack([y, 1e4 * np.random.default_rng(1).normal(size=500)])
    model = TabularRegressor(max_epochs=5, refit=False, random_state=0).fit(X, y)
    low, high = model.predict_interval(X[model.held_back_], coverage=0.8)
    assert low.shape == (100, 2)
    inside = ((low <= y[model.held_back_]) & (y[model.held_back_] <= high)).mean(axis=0)
    np.testing.assert_allclose(inside, 0.8, atol=0.05)  # the rows that it was learned from
    assert ((high - low)[:, 1] > 1e3 * (high - low)[:, 0]).all()


@pytest.mark.parametrize("settings", [{"validation_fraction": 0}, {}])
def test_without_rows_held_back_there_are_no_intervals_and_no_calibration(settings):
    rows = slice(None) if settings else slice(10)
    with pytest.warns(UserWarning, match="too few to hold") if not settings else nullcontext():
        model = TabularRegressor(max_epochs=2, **settings).fit(DIABETES.data[rows], DIABETES.target[rows])
    with pytest.raises(ValueError, match="predict_interval goes by rows held back, and there were none"):
        model.predict_interval(DIABETES.data)
    with pytest.raises(ValueError, match="importances=True measures on rows held back, and there are none"):
        TabularRegressor(max_epochs=2, importances=True, validation_fraction=0).fit(DIABETES.data, DIABETES.target)
    plain = TabularClassifier(max_epochs=2, validation_fraction=0).fit(WINE.data, WINE.target)
    assert plain.temperature_ == 1


def test_rows_of_an_eval_set_are_those_that_intervals_go_by():
    X, y = regression(300, 1)
    model = TabularRegressor(max_epochs=3, random_state=0).fit(X[:250], y[:250], eval_set=(X[250:], y[250:]))
    assert len(model._residuals.sizes) == 50
    with pytest.raises(ValueError, match="takes 99 rows held back or more, and there are 50"):
        model.predict_interval(X, 0.99)


@pytest.mark.parametrize("coverage", [0, 1, 90, -0.1, np.nan, "0.9", None])
def test_a_coverage_that_is_none(regressor, coverage):
    with pytest.raises((TypeError, ValueError), match="coverage, the share of targets in the interval"):
        regressor.predict_interval(DIABETES.data, coverage)


def test_a_coverage_that_takes_more_rows(regressor):
    with pytest.raises(ValueError, match=r"0\.999 takes 999 rows held back or more, and there are 89; ask for less"):
        regressor.predict_interval(DIABETES.data, 0.999)


def test_the_spread_of_members(regressor):
    raw = regressor._columns.transform(DIABETES.data)
    each = [regressor._predicted(network(raw)) for network in regressor.members_]
    squares = sum((a - b) ** 2 for a, b in combinations(each, 2))
    np.testing.assert_allclose(regressor.predict_std(DIABETES.data), np.sqrt(squares) / 3)
    two = TabularClassifier(max_epochs=2, random_state=0).fit(WINE.data, WINE.target)  # one, and that of all rows
    a, b = (network(two._columns.transform(WINE.data)) for network in two.members_)
    np.testing.assert_allclose(two.predict_std(WINE.data), np.abs(a - b) / 2, atol=1e-7)


def test_one_network_has_no_spread(classifier):
    with pytest.raises(ValueError, match="predict_std compares members, and this TabularClassifier has one: fit with"):
        classifier.predict_std(WINE.data)


@pytest.mark.parametrize("method", ["predict_std", "predict_interval", "transform"])
def test_before_fit(method):
    with pytest.raises(NotFittedError):
        getattr(TabularRegressor(), method)(DIABETES.data)
    with pytest.raises(NotFittedError):
        TabularRegressor().feature_importances_  # noqa: B018


class Heard(TabularRegressor):
    def _after_training(self, held, outputs, rows):
        self.heard_ = outputs, rows
        super()._after_training(held, outputs, rows)


@pytest.mark.parametrize("refit", [False, True])
def test_of_rows_held_back_those_are_heard_that_have_not_seen_them(refit):
    model = Heard(max_epochs=2, n_members=3, refit=refit, random_state=0).fit(DIABETES.data, DIABETES.target)
    outputs, rows = model.heard_
    assert (rows == model.held_back_).all()
    assert outputs.shape == (1 if refit else 3, 89, 1)
    y, raw = DIABETES.target.to_numpy()[rows], model._columns.transform(DIABETES.data)[rows]
    mean = model._predicted(np.mean([network(raw) for network in model.members_[: len(outputs)]], axis=0))
    half = model._residuals.half_widths(model.transform(DIABETES.data.iloc[rows])[:, :64], 0.8)[:, 0]
    assert (np.abs(y - mean) <= half).mean() == pytest.approx(0.8, abs=0.05)


def test_importances_are_of_the_columns_of_the_table():
    draws, n_rows = np.random.default_rng(0), 400
    frame = pd.DataFrame(
        {
            "noise": draws.normal(size=n_rows),
            "always": 1.0,
            "city": draws.choice(list("abcde"), n_rows),
            "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(draws.integers(0, 700, n_rows), "D"),
        }
    )
    y = frame["city"].isin(["a", "b"])
    model = TabularClassifier(importances=True, max_epochs=20, random_state=0).fit(frame, y)
    found = dict(zip(frame.columns, model.feature_importances_, strict=True))
    assert model.score(frame, y) == 1
    share = y.mean()
    assert found["city"] == pytest.approx(2 * share * (1 - share), abs=0.1)  # accuracy of a label drawn at random
    assert found["always"] == 0
    assert abs(found["noise"]) < 0.05
    assert abs(found["day"]) < 0.05


def test_importances_agree_with_those_of_scikit_learn(regressor):
    held = regressor.held_back_
    X, y = DIABETES.data.iloc[held], DIABETES.target.iloc[held]
    judged = copy(regressor)
    judged.members_ = regressor.members_[:1]  # the others have learned from these rows
    theirs = permutation_importance(judged, X, y, n_repeats=20, random_state=1)
    deviation = theirs.importances_std * np.sqrt(1 / 5 + 1 / 20)
    assert (np.abs(regressor.feature_importances_ - theirs.importances_mean) < 4 * deviation + 1e-3).all()


def test_importances_are_seeded_and_change_nothing_else(regressor):
    again = TabularRegressor(max_epochs=5, n_members=2, random_state=0)
    np.testing.assert_array_equal(
        again.fit(DIABETES.data, DIABETES.target).predict(DIABETES.data), regressor.predict(DIABETES.data)
    )
    again.set_params(importances=True).fit(DIABETES.data, DIABETES.target)
    np.testing.assert_array_equal(again.feature_importances_, regressor.feature_importances_)
    again.set_params(importances=False).fit(DIABETES.data, DIABETES.target)
    assert not hasattr(again, "feature_importances_")


def test_importances_that_were_not_asked_for(classifier):
    with pytest.raises(AttributeError, match="set importances=True; of other rows"):
        classifier.feature_importances_  # noqa: B018


@pytest.mark.parametrize("settings", [{}, {"gated": False}, {"activation": "relu"}])
def test_the_last_layer_goes_on_from_what_transform_returns(settings):
    X, classifier = WINE.data, TabularClassifier(max_epochs=3, refit=False, random_state=0, **settings)
    classifier.fit(X, WINE.target)
    hidden, network = classifier.transform(X), classifier.members_[0]
    weights, biases = network.spec.views(network.parameters)
    logits = hidden @ weights[network.spec.n_layers].T + biases[network.spec.n_layers]
    assert hidden.dtype == np.float32
    assert hidden.shape == (len(X), 64)
    np.testing.assert_allclose(log_softmax(logits, axis=1), np.log(classifier.predict_proba(X)), atol=2e-5)


def test_transform_has_the_outputs_of_all_members_under_names(regressor):
    hidden, names = regressor.transform(DIABETES.data), regressor.get_feature_names_out()
    assert hidden.shape == (442, 192)
    assert names[[0, -1]].tolist() == ["tabularregressor0", "tabularregressor191"]
    frame = TabularRegressor(max_epochs=1, random_state=0).set_output(transform="pandas")
    assert list(frame.fit_transform(DIABETES.data, DIABETES.target).columns[:2]) == list(names[:2])


def test_another_estimator_goes_on_from_transform():
    model = make_pipeline(TabularClassifier(max_epochs=5, random_state=0), LogisticRegression(max_iter=1000))
    assert model.fit(WINE.data, WINE.target).score(WINE.data, WINE.target) > 0.95


def test_displays_of_scikit_learn_take_models_for_tables(regressor):
    plt = pytest.importorskip("matplotlib.pyplot")
    frame = WINE.data[["alcohol", "flavanoids"]].assign(colour=np.where(WINE.data["hue"] > 1, "red", "dark"))
    frame.loc[::7, "alcohol"] = np.nan
    model = TabularClassifier(max_epochs=5, random_state=0).fit(frame, WINE.target == 0)
    shown = PartialDependenceDisplay.from_estimator(
        model, frame, ["flavanoids", "colour"], categorical_features=["colour"], grid_resolution=5
    )
    bars = shown.pd_results[1]
    expected = [model.predict_proba(frame.assign(colour=c))[:, 1].mean() for c in bars["grid_values"][0]]
    np.testing.assert_allclose(bars["average"][0], expected, rtol=1e-6)
    PartialDependenceDisplay.from_estimator(regressor, DIABETES.data, ["bmi", ("bmi", "s5")], grid_resolution=4)
    display = CalibrationDisplay.from_estimator(model, frame, WINE.target == 0, n_bins=3)
    assert display.prob_true.shape == display.prob_pred.shape
    plt.close("all")
