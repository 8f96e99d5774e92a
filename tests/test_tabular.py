"""TabularClassifier and TabularRegressor: y of any kind, weights, what is held back, members, time, what is refused."""

import pickle
import threading
import time
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import fastnn
from fastnn import TabularClassifier, TabularRegressor
from fastnn.schedules import cycles
from fastnn.tabular import member, members, pacing
from fastnn.tabular.split import FEWEST, hold_back
from fastnn.training.listeners import Moment
from fastnn.training.manners import DivergenceError
from fastnn.training.schedules import Constant, Planned


def quick(kind=TabularClassifier, **given):
    of_kind = {"calibration": None} if kind is TabularClassifier else {}
    return kind(**of_kind, **{"max_epochs": 16, "hidden_layer_sizes": 16, "random_state": 0, "refit": False, **given})


def iris(n=150):
    """Flowers with a category and gaps besides, and their species by name."""
    X, y = load_iris(return_X_y=True, as_frame=True)
    rows = np.random.RandomState(0).permutation(150)[:n]
    X, y = X.iloc[rows].reset_index(drop=True), y.iloc[rows].to_numpy()
    X["wide"] = np.where(X["sepal width (cm)"] > 3, "yes", "no")
    X.loc[::7, "petal length (cm)"] = np.nan
    X.loc[3::11, "wide"] = None
    return X, np.array(["setosa", "versicolor", "virginica"])[y]


def diabetes(n=200):
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return X.iloc[:n], y.to_numpy()[:n]


def same(one, other, X):
    np.testing.assert_array_equal(one.predict_proba(X), other.predict_proba(X))


X, Y = iris()
D, T = diabetes()


# What y may be


@pytest.mark.parametrize(
    ("of", "dtype"),
    [
        (lambda y: y, "U"),
        (lambda y: y.tolist(), "U"),
        (lambda y: y.astype(object), "O"),
        (lambda y: pd.Series(y, dtype="category"), "O"),
        (lambda y: pd.Series(y == "setosa"), "b"),
        (lambda y: pd.Series((y == "setosa") * 5, dtype="Int64"), "i"),
        (lambda y: (y == "setosa").astype(object), "b"),
        (lambda y: (y == "setosa") * 2.0, "f"),
        (lambda y: np.where(y == "setosa", np.int8(-3), np.int8(7)), "i"),
        (lambda y: np.where(y == "setosa", np.datetime64("2024-01-01"), np.datetime64("2025-01-01")), "M"),
        pytest.param(lambda y: pytest.importorskip("polars").Series(y.tolist()), "O", id="polars"),
    ],
)
def test_labels_of_any_kind_come_back(of, dtype):
    given = of(Y)
    model = quick().fit(X, given)
    expected = np.unique(np.asarray(given, object if dtype == "O" else None).tolist())
    assert model.classes_.dtype.kind in dtype + "UT"
    assert list(model.classes_) == list(np.unique(np.asarray(given)))
    assert len(expected) == len(model.classes_) == model.predict_proba(X).shape[1]
    assert np.mean(model.predict(X) == np.asarray(given)) > 0.6
    assert model.predict_proba(X).sum(axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        (None, ValueError, "y to be passed, but the target y is None"),
        (["a"] * 149 + [None], ValueError, "contains NaN: None in row 149"),
        ([1.0] * 75 + [2.0] * 70 + [np.nan] * 5, ValueError, "in row 145"),
        (pd.Series([0, 1, pd.NA] * 50, dtype="Int64"), ValueError, "(nan|<NA>) in row 2"),
        ([0] * 150, ValueError, "one class alone, 0"),
        (["a", np.nan] * 75, ValueError, "contains NaN: nan in row 1"),
        (np.array(["a", None] * 75, object), ValueError, "contains NaN: None in row 1"),
        (["a", 1] * 75, TypeError, "y mixes labels of the types int, str"),
        (np.linspace(0, 1, 150), ValueError, "continuous"),
        (np.eye(150, 3, dtype=int), ValueError, r"y has 3 columns, several labels a row; fit .*MultiOutputClassifier"),
        (scipy.sparse.eye(150, 3), TypeError, "sparse"),
        ([0, 1] * 74, ValueError, "inconsistent numbers of samples"),
        ([], ValueError, "0 sample"),
        ("kind", TypeError, r"y is 'kind'; pass the column, X\['kind'\], and drop it from X"),
    ],
)
def test_labels_that_are_refused(y, error, said):
    with pytest.raises(error, match=said):
        quick().fit(X, y)


@pytest.mark.parametrize(
    ("y", "error", "said"),
    [
        (None, ValueError, "y to be passed, but the target y is None"),
        ([1.0] * 199 + [np.nan], ValueError, "y has nan in row 199"),
        ([1.0, np.inf] * 100, ValueError, "y has inf in row 1"),
        (["a"] * 200, TypeError, "y must hold real numbers, .*; for classes: TabularClassifier$"),
        ("price", TypeError, r"y is 'price'; pass the column, X\['price'\], and drop it from X"),
        (np.zeros((200, 2, 2)), ValueError, "a number a row, or several in columns"),
        ([1.0, 2.0] * 90, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_numbers_that_are_refused(y, error, said):
    with pytest.raises(error, match=said):
        quick(TabularRegressor).fit(D, y)


def test_a_score_refuses_labels_as_fit_does():
    model = quick().fit(X, Y)
    assert model.score(X, Y, np.arange(len(Y))) == accuracy_score(Y, model.predict(X), sample_weight=np.arange(len(Y)))
    with pytest.raises(ValueError, match="Input y contains NaN: None in row 149; fill or drop rows without a label"):
        model.score(X, [*Y[:-1], None])


def test_a_column_of_y_is_a_vector_with_a_warning():
    for kind, X_, y in ((TabularClassifier, X, Y), (TabularRegressor, D, T)):
        with pytest.warns(DataConversionWarning, match="column-vector y"):
            model = quick(kind).fit(X_, y[:, None])
        np.testing.assert_array_equal(model.predict(X_), quick(kind).fit(X_, y).predict(X_))


def test_what_is_given_is_not_changed():
    X_, y, weight = X.copy(), Y.copy(), np.linspace(0, 1, 150)
    quick().fit(X_, y, sample_weight=weight)
    pd.testing.assert_frame_equal(X_, X)
    assert (y == Y).all()
    assert (weight == np.linspace(0, 1, 150)).all()


@pytest.mark.parametrize("scale", [1e-300, 1e-9, 1.0, 1e9, 1e300])
def test_numbers_of_any_size(scale):
    model = quick(TabularRegressor, max_epochs=32).fit(D, T * scale)
    assert np.isfinite(model.predict(D)).all()
    assert r2_score(T, model.predict(D) / scale) > 0.3
    assert model.predict(D).max() <= (T * scale).max()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, 0.1, -7.5, 1e300, 1.7e308, 5e-324])
def test_a_constant_is_predicted(value):
    assert (quick(TabularRegressor).fit(D, np.full(200, value)).predict(D) == value).all()


@pytest.mark.parametrize("factor", [1e-200, 1e200, 1e305])
def test_targets_are_scaled_whatever_the_others_are(factor):
    alone = quick(TabularRegressor).fit(D, np.column_stack([T, T]))
    beside = quick(TabularRegressor).fit(D, np.column_stack([T, T * factor]))
    np.testing.assert_allclose(beside.predict(D)[:, 0], alone.predict(D)[:, 0], rtol=1e-4)


def test_several_targets_are_learned_each_on_its_scale():
    y = np.column_stack([T, 1e6 * D["bmi"], np.full(200, 3.0)])
    model = quick(TabularRegressor, max_epochs=64).fit(D, y)
    assert model.predict(D).shape == (200, 3)
    scores = r2_score(y[:, :2], model.predict(D)[:, :2], multioutput="raw_values")
    assert scores[0] > 0.4
    assert scores[1] > 0.8
    assert (model.predict(D)[:, 2] == 3).all()


# Few rows


@pytest.mark.parametrize("n", [2, 3, 5, 11, 19])
@pytest.mark.parametrize("kind", [TabularClassifier, TabularRegressor])
def test_few_rows_are_all_learned_from(kind, n):
    rows = np.arange(n)
    table = pd.DataFrame({"a": rows * 1.5, "b": ["x", "y"] * (n // 2) + ["x"] * (n % 2)})
    with pytest.warns(UserWarning, match=f"{n} rows are too few to hold some of them back"):
        model = quick(kind, max_epochs=64).fit(table, rows % 2)
    assert len(model.held_back_) == 0
    assert model.best_epochs_ == [64]
    assert np.isfinite(model.predict(table)).all()
    assert "val_loss" not in model.history_[0]
    if kind is TabularClassifier:
        assert model.score(table, rows % 2) == 1


def test_one_row_is_refused():
    with pytest.raises(ValueError, match="1 sample to learn from"):
        quick(TabularRegressor).fit([[1.0, 2.0]], [1.0])


def test_other_numbers_of_columns_are_refused_by_the_estimator_that_the_user_knows():
    model = quick().fit(X.to_numpy(), Y)
    for n_rows in (1, 5):
        with pytest.raises(ValueError, match="X has 3 features, but TabularClassifier is expecting 5 features"):
            model.predict(X.to_numpy()[:n_rows, :3])


def test_a_class_of_one_row_is_learned_from():
    y = np.where(np.arange(150) == 17, "rare", Y)
    model = quick().fit(X, y)
    assert 17 not in model.held_back_
    assert list(model.classes_) == ["rare", "setosa", "versicolor", "virginica"]


def test_more_classes_than_rows_to_hold_back():
    y = np.arange(60) // 2
    model = quick().fit(np.random.RandomState(0).standard_normal((60, 3)), y)
    assert len(model.held_back_) == 12
    assert len({*np.delete(y, model.held_back_)}) == 30


# Which rows are held back


@pytest.mark.parametrize("fraction", [0.1, 0.2, 0.5])
def test_both_parts_keep_the_shares_of_the_classes(fraction):
    codes = np.repeat([0, 1, 2], [700, 250, 50])
    train, held = hold_back(np.arange(1000), fraction, np.random.RandomState(3), codes)
    assert sorted([*train, *held]) == list(range(1000))
    assert np.bincount(codes[held]).tolist() == [700 * fraction, 250 * fraction, 50 * fraction]


def test_a_row_of_each_class_is_learned_from_whatever_is_held_back():
    codes = np.repeat([0, 1, 2], [100, 3, 1])
    train, held = hold_back(np.arange(104), 0.999, np.random.RandomState(0), codes)
    assert codes[train].tolist() == [0, 1, 2]
    assert len(held) == 101


@pytest.mark.parametrize(
    "of", [np.asarray, list, lambda g: pd.Series(g, index=g[::-1]), lambda g: [f"g{i}" for i in g]]
)
def test_rows_of_a_group_stay_together(of):
    groups = np.random.RandomState(0).randint(20, size=150)
    model = quick().fit(X, Y, groups=of(groups))
    held = model.held_back_
    assert 15 <= len(held) <= 45
    assert not {*groups[held]} & {*np.delete(groups, held)}


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        (np.zeros(150), "one group alone"),
        (np.zeros((150, 2)), "one label a row"),
        ([None, "a", "b"] * 50, "groups has None in row 0"),
        ([1.0, np.nan, 2.0] * 50, "groups has nan in row 1"),
        ([1, 2], "inconsistent numbers of samples"),
    ],
)
def test_groups_that_are_refused(groups, said):
    with pytest.raises(ValueError, match=said):
        quick().fit(X, Y, groups=groups)


def test_a_class_that_is_all_held_back_is_told_of():
    groups = np.where(Y == "setosa", 0, np.arange(150) % 2 + 1)
    seen = 0
    for seed in range(6):
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model = quick(random_state=seed, validation_fraction=0.4).fit(X, Y, groups=groups)
        is_lost = {*Y[model.held_back_]} == {"setosa"}
        assert any("the class 'setosa'" in str(one.message) for one in told) == is_lost
        seen += is_lost
    assert 0 < seen < 6


def test_nothing_is_held_back_by_a_fraction_of_0():
    model = quick(validation_fraction=0).fit(X, Y)
    assert len(model.held_back_) == 0
    assert model.best_epochs_ == [16]


def test_an_eval_set_takes_the_place_of_rows_held_back():
    model = quick().fit(X[:100], Y[:100], eval_set=(X[100:], Y[100:]))
    assert len(model.held_back_) == 0
    assert min(model.history_[0]["val_loss"]) == pytest.approx(
        log_loss(Y[100:], model.predict_proba(X[100:])), rel=1e-5
    )
    weighed = quick().fit(X[:100], Y[:100], eval_set=(X[100:], Y[100:], np.arange(50)))
    expected = log_loss(Y[100:], weighed.predict_proba(X[100:]), sample_weight=np.arange(50))
    assert min(weighed.history_[0]["val_loss"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("eval_set", "error", "said"),
    [
        (X, TypeError, r"eval_set must be \(X, y\)"),
        ((X,), TypeError, r"eval_set must be \(X, y\)"),
        ((X[:3], ["setosa", "setosa", "rose"]), ValueError, "the y of eval_set has the label 'rose' in row 2"),
        ((X[:3], Y[:2]), ValueError, "inconsistent numbers of samples"),
        ((X[["wide"]], Y), ValueError, "lacks 'sepal length"),
        ((X, Y, np.zeros(150)), ValueError, "the sample_weight of eval_set is zero for every row"),
    ],
)
def test_eval_sets_that_are_refused(eval_set, error, said):
    with pytest.raises(error, match=said):
        quick().fit(X, Y, eval_set=eval_set)


def test_an_eval_set_of_other_columns_of_y_is_refused():
    with pytest.raises(ValueError, match="the y of eval_set has 2 columns, y has 1"):
        quick(TabularRegressor).fit(D, T, eval_set=(D, np.column_stack([T, T])))


# Weights


@pytest.mark.parametrize(("kind", "X_", "y"), [(TabularClassifier, X, Y), (TabularRegressor, D, T)], ids=["c", "r"])
def test_rows_of_weight_0_are_as_if_they_were_not_there(kind, X_, y):
    kept = np.arange(len(y)) % 5 != 0
    y_other = y.copy()
    y_other[~kept] = y[0]
    one = quick(kind).fit(X_, y_other, sample_weight=3.0 * kept)
    other = quick(kind).fit(X_[kept], y[kept])
    np.testing.assert_array_equal(one.predict(X_), other.predict(X_))
    assert (np.flatnonzero(kept)[other.held_back_] == one.held_back_).all()


def test_the_rows_held_back_are_weighed():
    weight = np.random.RandomState(0).uniform(0.1, 5, 150)
    model = quick().fit(X, Y, sample_weight=weight)
    held = model.held_back_
    expected = log_loss(Y[held], model.predict_proba(X.iloc[held]), sample_weight=weight[held])
    assert min(model.history_[0]["val_loss"]) == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_weights_of_rows():
    factors = {"setosa": 1.0, "versicolor": 2.0, "virginica": 4.0}
    one = quick(class_weight=factors).fit(X, Y)
    same(one, quick().fit(X, Y, sample_weight=[factors[label] for label in Y]), X)
    y = np.where(Y == "setosa", "a", "b")
    counts = {label: 150 / (2 * np.sum(y == label)) for label in ("a", "b")}
    same(quick(class_weight="balanced").fit(X, y), quick(class_weight=counts).fit(X, y), X)


@pytest.mark.parametrize(
    ("weight", "said"),
    [
        (np.zeros(150), "is zero for every row"),
        (-np.ones(150), "is negative"),
        ([np.nan] * 150, "sample_weight has nan in row 0"),
        ([1.0, 2.0], "one entry per row"),
    ],
)
def test_weights_that_are_refused(weight, said):
    with pytest.raises(ValueError, match=said):
        quick().fit(X, Y, sample_weight=weight)


def test_class_weights_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="leave no row of a weight above 0"):
        quick(class_weight=dict.fromkeys(np.unique(Y), 0.0)).fit(X, Y)


# The best epoch


def test_the_best_epoch_by_the_loss_is_given_back():
    model = quick(max_epochs=30).fit(X, Y)
    history, held = model.history_[0], model.held_back_
    assert history["epoch"] == list(range(1, 31))
    assert model.n_iter_ == 30
    assert model.best_epochs_ == [1 + np.argmin(history["val_loss"])]
    assert min(history["val_loss"]) == pytest.approx(log_loss(Y[held], model.predict_proba(X.iloc[held])), rel=1e-5)


@pytest.mark.filterwarnings("ignore:R.2 score is not well-defined")
def test_a_scorer_that_tells_nothing_is_named():
    with pytest.raises(ValueError, match="scoring='r2' gives nan for the 1 rows held back"):
        quick(TabularRegressor, scoring="r2").fit(D, T, eval_set=(D[:1], T[:1]))


@pytest.mark.parametrize("scoring", ["accuracy", "neg_log_loss", "roc_auc_ovr", lambda model, X, y: model.score(X, y)])
def test_the_best_epoch_by_a_scorer_is_given_back(scoring):
    model = quick(scoring=scoring).fit(X, Y)
    history, held = model.history_[0], model.held_back_
    if scoring in ("accuracy", "neg_log_loss"):
        expected = {"accuracy": -model.score(X.iloc[held], Y[held])}.get(
            scoring, log_loss(Y[held], model.predict_proba(X.iloc[held]))
        )
        assert min(history["val_score"]) == pytest.approx(expected, rel=1e-5)
    last = len(history["val_score"]) - 1 - np.argmin(history["val_score"][::-1])
    assert model.best_epochs_ == [last + 1]  # of several the last


def test_a_regressor_may_be_judged_by_a_scorer():
    model = quick(TabularRegressor, scoring="neg_mean_absolute_error").fit(D, T)
    held = model.held_back_
    expected = np.abs(model.predict(D.iloc[held]) - T[held]).mean()
    assert min(model.history_[0]["val_score"]) == pytest.approx(expected, rel=1e-6)


# Members


def test_members_have_the_same_bits_on_any_number_of_cores():
    models = [quick(n_members=3, n_jobs=n).fit(X, Y) for n in (1, 2, None)]
    for model in models[1:]:
        same(models[0], model, X)
    one, several = quick(n_members=1).fit(X, Y), models[0]
    assert several.n_members_ == 3 == len(several.members_)
    np.testing.assert_array_equal(one.members_[0].parameters, several.members_[0].parameters)
    raw = several._columns.transform(X)
    np.testing.assert_allclose(several.predict_proba(X), np.mean([m(raw) for m in several.members_], axis=0), rtol=1e-6)


def test_a_refit_learns_from_all_rows_beside_a_network_that_has_some_held_back():
    one, both = (quick(refit=refit).fit(X, Y) for refit in (False, True))
    assert (one.n_members_, both.n_members_, len(both.held_back_)) == (1, 2, 30)
    np.testing.assert_array_equal(one.members_[0].parameters, both.members_[0].parameters)
    assert [list(history) for history in both.history_] == [["epoch", "loss", "val_loss"], ["epoch", "loss"]]
    same(both, quick(refit=True, n_jobs=1).fit(X, Y), X)
    assert quick(refit=True, n_members=3).fit(X, Y).n_members_ == 4
    assert quick(refit=True, n_members=3).fit(X, Y, eval_set=(X[:30], Y[:30])).n_members_ == 3
    assert quick(refit=True, n_members=3, validation_fraction=0.0).fit(X, Y).n_members_ == 3


def test_a_refit_alone_learns_from_the_rows_held_back():
    model = quick(TabularRegressor, refit=True, max_epochs=1).fit(D, T)
    other = np.array(T, float)
    other[model.held_back_] += 100.0
    again = quick(TabularRegressor, refit=True, max_epochs=1).fit(D, other)
    (judged, judged_again), (of_all, of_all_again) = zip(model.members_, again.members_, strict=True)
    np.testing.assert_array_equal(judged.parameters, judged_again.parameters)
    assert not np.array_equal(of_all.parameters, of_all_again.parameters)
    assert [list(history) for history in model.history_] == [["epoch", "loss", "val_loss"], ["epoch", "loss"]]


@pytest.mark.parametrize("refit", [False, True])
def test_outputs_of_rows_held_back_are_of_members_that_have_not_learned_from_them(refit):
    class Kept(TabularClassifier):
        def _after_training(self, held, outputs, rows):
            self.kept = held, outputs, rows

    model = Kept(max_epochs=4, n_members=3, refit=refit, calibration=None, random_state=0).fit(X, Y)
    held, outputs, rows = model.kept
    np.testing.assert_array_equal(rows, model.held_back_)
    np.testing.assert_array_equal(held.X, model._columns.transform(X)[rows])
    assert outputs.shape == (1 if refit else 3, 30, 3)
    for network, own in zip(model.members_, outputs, strict=False):
        np.testing.assert_array_equal(own, network(held.X))


def test_a_preset_gives_what_is_none():
    assert quick(preset="fast", max_epochs=None).fit(X, Y).n_iter_ == 16
    assert quick(preset="fast", max_epochs=3).fit(X, Y).n_iter_ == 3
    assert quick(preset="best").fit(X, Y).n_members_ == 8
    assert quick(preset="best", n_members=2).fit(X, Y).n_members_ == 2
    assert quick(hidden_layer_sizes=[7, 5]).fit(X, Y).members_[0].spec.layer_sizes[2:] == (7, 5, 3)
    with pytest.raises(ValueError, match="hidden_layer_sizes must have one hidden layer at least, got none"):
        quick(hidden_layer_sizes=()).fit(X, Y)


# A training that does not go as it should


def test_a_training_that_diverges_at_any_rate_is_an_error():
    with pytest.raises(DivergenceError, match="smaller learning rate"):
        quick(TabularRegressor, learning_rate=1e37).fit(D, T)


def test_a_training_that_diverges_is_begun_again_at_a_lower_rate(monkeypatch):
    hear = member.Judge.hear

    def diverges(judge, moment):
        if judge.rate > 0.02:
            raise DivergenceError
        return hear(judge, moment)

    monkeypatch.setattr(member.Judge, "hear", diverges)
    with pytest.warns(UserWarning, match=r"by learning_rate=0.2, and was begun again by 0.0125 for 2 of 2 members"):
        model = quick(TabularRegressor, n_members=2).fit(D, T)
    monkeypatch.undo()
    np.testing.assert_array_equal(
        model.predict(D), quick(TabularRegressor, n_members=2, learning_rate=0.0125).fit(D, T).predict(D)
    )


def interrupted(monkeypatch, model, member_, epoch, y=Y):
    """Fit, with a Ctrl-C once a member has done so many epochs."""
    hear = member.Judge.hear
    numbers = {}

    def then(judge, moment):
        answer = hear(judge, moment)
        number = numbers.setdefault(id(judge), len(numbers))
        if (number, len(judge.history["epoch"])) == (member_, epoch):
            raise KeyboardInterrupt
        return answer

    monkeypatch.setattr(member.Judge, "hear", then)
    return model.fit(X, y)


def test_a_ctrl_c_keeps_the_best_so_far(monkeypatch):
    with pytest.warns(UserWarning, match="training was interrupted: .* of 1 member$"):
        model = interrupted(monkeypatch, quick(max_epochs=20), 0, 5)
    history, held = model.history_[0], model.held_back_
    assert len(history["epoch"]) == 5
    assert model.best_epochs_ == [1 + np.argmin(history["val_loss"])]
    assert min(history["val_loss"]) == pytest.approx(log_loss(Y[held], model.predict_proba(X.iloc[held])), rel=1e-5)
    assert pickle.loads(pickle.dumps(model)).predict(X[:3]).shape == (3,)


def test_a_ctrl_c_keeps_the_members_that_are_done(monkeypatch):
    with pytest.warns(UserWarning, match="training was interrupted"):
        model = interrupted(monkeypatch, quick(max_epochs=20, n_members=4, n_jobs=1), 2, 1)
    assert model.n_members_ == 2
    assert [len(history["epoch"]) for history in model.history_] == [20, 20]


@pytest.mark.parametrize(("kind", "y"), [(TabularClassifier, Y), (TabularRegressor, X.iloc[:, 0])], ids=["c", "r"])
@pytest.mark.parametrize("n_epochs", [0, 5])
def test_a_ctrl_c_while_the_network_of_all_rows_is_done_and_the_judged_one_is_not(monkeypatch, n_epochs, kind, y):
    monkeypatch.setattr(members, "_by_itself", lambda fit, n: [fit(number) for number in reversed(range(n))])

    def begins(watch, number, judge):
        if number == n_epochs == 0:
            raise KeyboardInterrupt
        watch.judges[number] = judge

    monkeypatch.setattr(members.Watch, "begins", begins)
    with pytest.warns(UserWarning, match="training was interrupted"):
        model = interrupted(monkeypatch, kind(max_epochs=9, n_jobs=1, random_state=0), 1, n_epochs, y)
    assert [len(history["epoch"]) for history in model.history_] == ([5, 9] if n_epochs else [9])
    assert model.score(X, y) > 0


def test_a_ctrl_c_leaves_no_network_that_is_neither_done_nor_judged():
    judged, of_all = (member.Trained(None, 1.0, best, {}, 0.1) for best in (0.3, None))
    judges = {number: SimpleNamespace(trained=lambda one=one: one) for number, one in enumerate((judged, of_all))}
    assert members._left(judges, set()) == {0: judged}
    assert members._left(judges, {1}) == {0: judged, 1: of_all}
    assert members._left({1: judges[1]}, set()) == {1: of_all}


@pytest.mark.parametrize("n_members", [1, 2])
def test_a_ctrl_c_reaches_members_wherever_they_are_trained(n_members):
    import _thread

    model = quick(max_epochs=100_000, n_members=n_members, n_jobs=2)
    timer = threading.Timer(0.7, _thread.interrupt_main)
    timer.start()
    before = time.monotonic()
    with pytest.warns(UserWarning, match="training was interrupted"):
        model.fit(X, Y)
    assert time.monotonic() - before < 5
    assert 1 <= model.n_members_ <= 2
    assert 0 < model.n_iter_ < 100_000
    assert model.score(X, Y) > 0.9


def test_a_ctrl_c_before_the_first_epoch_leaves_what_there_was(monkeypatch):
    model = quick().fit(X, Y)
    before = model.predict_proba(X)
    monkeypatch.setattr(pacing.member, "train", None)
    monkeypatch.setattr("fastnn.tabular.members.train", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y[::-1])
    np.testing.assert_array_equal(model.predict_proba(X), before)


# What is seen of it


def test_lines_say_what_came_of_each_member(capsys):
    quick(n_members=2, n_jobs=1, verbose=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["Member 1 of 2", "Member 2 of 2"]
    assert "16 epochs, val_loss 0." in lines[0]
    assert "after epoch" in lines[0]


@pytest.mark.parametrize(
    ("given", "total"), [({}, "16/16"), ({"n_members": 2}, "32/32"), ({"time_limit": 2.5}, "/2")], ids=["1", "2", "s"]
)
def test_the_bar_shows_epochs_or_seconds_and_the_score(capsys, given, total):
    pytest.importorskip("tqdm")
    quick(progress=True, **given).fit(X, Y)
    shown = capsys.readouterr().err
    assert total in shown
    assert "val_loss=" in shown


# A limit of time


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize(("slower", "expected"), [(1.0, 9000), (2.0, 5300), (0.5, 9000)])
def test_a_schedule_ends_with_the_time_whatever_updates_take(monkeypatch, slower, expected):
    clock = Clock()
    monkeypatch.setattr(pacing, "monotonic", clock)
    paced = pacing.Pacing(100.0, pacing.Cost(0.1, 0.01, 0.0))
    n = paced.plan(100_000, 300)
    assert n == 9300  # 31 epochs of 3 s in 96 of 100 s
    plan = Planned(cycles(1.0), n, Constant(1.0, 0.0))
    schedule, done, rates, moment = paced.paced(plan), 0, [], Moment(np.ones(300))
    moment.is_last = False
    while not moment.is_last and done < n:
        stop = min(paced.next_stop(done), n)
        rates.extend(schedule.of(done % 300, stop - done)[0])
        clock.now += (stop - done) * 0.01 * (slower if clock.now > 10 else 1)
        done = moment.n_done = stop
        if paced.is_due(moment):
            paced.hear(moment)
    assert clock.now <= 100.5
    assert abs(done - expected) <= 0.12 * expected
    assert rates[-1] < 1e-3
    assert max(rates) > 0.99
    if slower <= 1:
        np.testing.assert_allclose(rates, cycles(1.0).rates(np.arange(n), n), atol=1e-9)


def test_a_limit_of_time_is_kept_and_members_fill_it():
    before = time.monotonic()
    model = TabularClassifier(time_limit=1.5, random_state=0).fit(X, Y)
    assert time.monotonic() - before < 3
    assert 1 <= model.n_members_ <= 16
    assert model.n_iter_ <= 64
    assert model.score(X, Y) > 0.9


def test_a_limit_of_time_that_is_ample_changes_nothing():
    same(quick(time_limit=1000.0, n_members=2).fit(X, Y), quick(n_members=2).fit(X, Y), X)


@pytest.mark.parametrize("n_members", [None, 1, 3])
def test_too_little_time_for_one_pass_is_told_of(n_members):
    rows = np.random.RandomState(0).standard_normal((3000, 4))
    with pytest.warns(UserWarning, match="time_limit=1e-06 is less than one pass over the rows takes"):
        model = TabularRegressor(n_members=n_members, time_limit=1e-6, random_state=0).fit(rows, rows[:, 0])
    assert model.n_members_ == 1
    assert "val_loss" in model.history_[0]
    assert 0 < model.best_epochs_[0] < 1
    assert model.n_iter_ == 1
    assert np.isfinite(model.predict(rows)).all()


# scikit-learn's ways


def test_searches_pipelines_clones_and_pickles():
    model = quick()
    assert cross_val_score(model, X, Y, cv=2).mean() > 0.7
    found = GridSearchCV(model, {"dropout": [0.0, 0.3]}, cv=2).fit(X, Y)
    assert found.best_params_["dropout"] in (0.0, 0.3)
    piped = make_pipeline(FunctionTransformer(lambda X: X.drop(columns="wide")), model).fit(X, Y)
    assert accuracy_score(Y, piped.predict(X)) > 0.8
    again = clone(model).fit(X, Y)
    same(again, pickle.loads(pickle.dumps(again)), X)
    assert list(again.feature_names_in_) == list(X.columns)
    assert again.n_features_in_ == 5


def test_columns_are_found_by_their_names():
    model = quick().fit(X, Y)
    same(model, model, X)
    np.testing.assert_array_equal(model.predict_proba(X[X.columns[::-1]]), model.predict_proba(X))
    with pytest.raises(ValueError, match="lacks 'wide'"):
        model.predict(X.drop(columns="wide"))


def test_names_that_are_there_once_alone_are_told_of():
    numbers = load_breast_cancer().data[:, :4]
    y, frame = load_breast_cancer().target, pd.DataFrame(numbers, columns=list("abcd"))
    named, nameless = quick().fit(frame, y), quick().fit(numbers, y)
    with pytest.warns(UserWarning, match="X does not have valid feature names, but TabularClassifier"):
        named.predict(numbers)
    with pytest.warns(UserWarning, match="X has feature names, but TabularClassifier was fitted without"):
        nameless.predict(frame)


def test_a_fit_that_fails_leaves_the_model_of_before():
    model = quick().fit(X, Y)
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(X, [None] * 150)
    with pytest.raises(ValueError, match="one class alone"):
        model.fit(X, ["a"] * 150)
    np.testing.assert_array_equal(model.predict_proba(X), before)


def test_weights_and_groups_are_routed():
    import sklearn

    with sklearn.config_context(enable_metadata_routing=True):
        model = quick().set_fit_request(sample_weight=True, groups=True, eval_set=False)
        piped = make_pipeline(FunctionTransformer(), model)
        groups = np.arange(150) % 10
        piped.fit(X, Y, sample_weight=np.ones(150), groups=groups)
    assert not {*groups[piped[-1].held_back_]} & {*np.delete(groups, piped[-1].held_back_)}


def test_importing_fastnn_brings_none_of_it():
    import subprocess
    import sys

    said = "import sys, fastnn; print([name for name in sys.modules if 'sklearn' in name or 'tabular' in name])"
    assert subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert fastnn.TabularClassifier is TabularClassifier
    assert FEWEST == 20
