"""MLPRegressor with several heads: against one of several outputs, its score over what was observed, its travels."""

import copy
import pickle

import numpy as np
import pytest
from conftest import assert_close
from sklearn.base import clone
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV

import fastnn
from fastnn import Head, MLPRegressor
from fastnn.estimators._plain import optimizer_from_plain, optimizer_to_plain

RNG = np.random.default_rng(4)
X = RNG.standard_normal((120, 3))
FULL = np.column_stack([X[:, 0], np.sin(X[:, 1]), X[:, 2] > 0, X[:, 0] + 1])
Y = np.where(RNG.random(FULL.shape) < 0.3, np.nan, FULL)
HEADS = [Head(2), Head(1, "log_loss", weight=0.5), Head(2, "gaussian_nll")]
QUICK = {"hidden_layer_sizes": (8,), "max_iter": 30, "tol": 0.0, "n_iter_no_change": 1000, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("options", [{}, {"solver": "sgd", "learning_rate": "adaptive"}, {"batch_size": 1}], ids=str)
def test_heads_of_one_output_each_are_a_regressor(options):
    """The same bits; what is reported is the sum over outputs, where scikit-learn's is the mean."""
    y = FULL[:, :2]
    one = MLPRegressor(alpha=0.0, **QUICK, **options).fit(X, y)
    several = MLPRegressor(alpha=0.0, heads=[Head(1), Head(1)], **QUICK, **options).fit(X, y)
    for ours, theirs in zip(several.coefs_, one.coefs_, strict=True):
        assert ours.tobytes() == theirs.tobytes()
    assert np.array_equal(several.predict(X), one.predict(X))
    assert_close(several.loss_curve_, 2 * np.array(one.loss_curve_), 1e-12)
    assert several.score(X, y) == pytest.approx(one.score(X, y), abs=1e-13)


@pytest.mark.parametrize("sample_weight", [None, RNG.random(120) * (RNG.random(120) < 0.7)], ids=["plain", "weighed"])
def test_the_score_is_over_what_was_observed(sample_weight):
    model = MLPRegressor(heads=HEADS, **QUICK).fit(X, Y, sample_weight)
    assert model.predict(X).shape == (120, 4)
    found = []
    for column, predicted in zip(Y.T, model.predict(X).T, strict=True):
        seen = ~np.isnan(column)
        weight = None if sample_weight is None else sample_weight[seen]
        found.append(r2_score(column[seen], predicted[seen], sample_weight=weight))
    assert_close(model.score(X, Y, sample_weight), np.mean(found), 1e-12)


def test_predictions_are_of_each_target():
    model = MLPRegressor(heads=HEADS, **QUICK).fit(X, Y)
    outputs = model.network_(X)
    assert np.array_equal(model.predict(X), outputs[:, :4])  # without the variance
    assert model.out_activation_ == ("identity", "logistic", "mean_variance")
    assert model.n_outputs_ == 5
    assert ((outputs[:, 2] > 0) & (outputs[:, 2] < 1)).all()
    single = MLPRegressor(heads=[Head(1, "huber")], **QUICK).fit(X, Y[:, 0])
    assert single.predict(X).shape == (120,)
    with pytest.raises(ValueError, match="return_std=True needs"):
        model.predict(X, return_std=True)


def test_it_trains_as_the_other_face():
    """From the same weights, by one full batch after the other; the penalty of estimators is over the rows."""
    model = MLPRegressor(
        heads=HEADS, solver="sgd", momentum=0, batch_size=120, shuffle=False, learning_rate_init=0.1, alpha=1.2,
        **{**QUICK, "max_iter": 1},
    )  # fmt: skip
    start = clone(model).set_params(learning_rate_init=1e-300).fit(X, Y).network_
    model.set_params(max_iter=20).fit(X, Y)
    result = fastnn.train(
        [3, 8, 5], X, Y, 20, 0.1, heads=HEADS, activation="relu", init=(dict(start.W), dict(start.b)), l2=0.01
    )
    assert_close(model.network_.parameters, result.network.parameters, 1e-12)
    assert_close(model.loss_curve_, result.loss_curve, 1e-12)


def test_early_stopping_judges_by_what_was_observed():
    options = {**QUICK, "max_iter": 500, "tol": 1e-4, "n_iter_no_change": 10, "early_stopping": True}
    model = MLPRegressor(heads=HEADS, learning_rate_init=0.01, **options).fit(X, Y)
    assert model.n_iter_ < 500
    assert model.best_validation_score_ == max(model.validation_scores_)
    rest = np.full((120, 2), np.nan)
    rest[:, 0] = X[:, 0]
    rest[:2, 1] = 0.0  # which may or may not be held back
    assert MLPRegressor(heads=[Head(2)], learning_rate_init=0.01, **options).fit(X, rest).score(X, rest) > 0.4
    nearly = np.full((120, 1), np.nan)
    nearly[:3] = 1.0
    with pytest.raises(ValueError, match=r"no target was observed twice.*validation_fraction"):
        MLPRegressor(heads=[Head(1)], **options).fit(X, nearly)


@pytest.mark.parametrize("options", [{}, {"solver": "lbfgs"}, {"solver": "rprop"}, {"dropout": 0.2}], ids=str)
def test_solvers(options):
    model = MLPRegressor(heads=HEADS, learning_rate_init=0.01, **{**QUICK, "max_iter": 200}, **options).fit(X, Y)
    assert model.score(X, FULL) > 0.3


def test_batches_without_any_target_of_a_head():
    """`partial_fit` takes them; `fit`, which sees all rows, does not."""
    model = MLPRegressor(heads=HEADS, **QUICK)
    y = FULL.copy()
    y[:60, 2] = y[60:, 3] = np.nan
    for _ in range(3):
        model.partial_fit(X[:60], y[:60]).partial_fit(X[60:], y[60:])
    assert np.isfinite(model.predict(X)).all()
    with pytest.raises(ValueError, match=r"y\[:, 2:3\] has no observed target: all 60 are NaN"):
        model.fit(X[:60], y[:60])


def test_sparse_rows():
    sparse = pytest.importorskip("scipy.sparse")
    rows = X * (RNG.random(X.shape) < 0.3)
    model = MLPRegressor(heads=HEADS, **QUICK).fit(sparse.csr_array(rows), Y)
    assert_close(
        model.predict(sparse.csr_array(rows)), MLPRegressor(heads=HEADS, **QUICK).fit(rows, Y).predict(rows), 1e-12
    )


@pytest.mark.parametrize(
    "way", [copy.deepcopy, copy.copy, lambda model: pickle.loads(pickle.dumps(model))], ids=["deep", "copy", "pickle"]
)
def test_travels_and_goes_on(way):
    model = MLPRegressor(heads=[*HEADS, Head(1, "huber", huber_delta=2.0)], **QUICK)
    y = np.column_stack([Y, Y[:, 0]])
    arrived = way(model.fit(X, y))
    assert arrived.heads == model.heads
    assert np.array_equal(arrived.predict(X), model.predict(X))
    if way is not copy.copy:
        arrived.partial_fit(X, y)
        model.partial_fit(X, y)
        assert np.array_equal(arrived.predict(X), model.predict(X))


def test_skops_must_trust_heads_too():
    sio = pytest.importorskip("skops.io")
    model = MLPRegressor(heads=HEADS, **QUICK).fit(X, Y)
    file = sio.dumps(model)
    found = sio.get_untrusted_types(data=file)
    assert "fastnn.heads.Head" in found
    arrived = sio.loads(file, trusted=found)
    assert arrived.heads == HEADS
    assert np.array_equal(arrived.predict(X), model.predict(X))


def test_its_optimizer_as_plain_data():
    heads = [Head(2, "quantile", quantile=0.2), *HEADS[1:]]
    optimizer = MLPRegressor(heads=heads, **QUICK).fit(X, Y)._optimizer
    plain = optimizer_to_plain(optimizer)
    assert optimizer_from_plain(plain).training == optimizer.training
    with pytest.raises(TypeError, match="heads must be a list of losses"):
        optimizer_from_plain({**plain, "training": {**plain["training"], "heads": 1}})


def test_parameters():
    model = MLPRegressor(heads=HEADS)
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(heads=None).heads is None
    assert "heads=[Head(2), Head(1, 'log_loss', weight=0.5)" in repr(MLPRegressor(heads=HEADS)).replace(
        "\n", ""
    ).replace("  ", "")
    grid = {"heads": [[Head(4)], [Head(4, weight=0.5)]]}
    search = GridSearchCV(MLPRegressor(**QUICK), grid, cv=2).fit(X, FULL)
    assert search.best_params_["heads"] in grid["heads"]


def test_a_warm_start_has_the_same_heads():
    model = MLPRegressor(heads=HEADS, warm_start=True, **QUICK).fit(X, Y)
    model.fit(X, Y)
    for heads in ([Head(1), Head(2), Head(2)], None):
        y = np.column_stack([FULL, FULL[:, 0]])
        with pytest.raises(ValueError, match="to go on from has the heads"):
            model.set_params(heads=heads).fit(X, y)


@pytest.mark.parametrize(
    ("options", "y", "message"),
    [
        ({"heads": HEADS, "loss": "huber"}, Y, "loss='huber' beside heads"),
        ({"heads": HEADS, "output_activation": "tanh"}, Y, "output_activation='tanh' beside heads"),
        ({"heads": HEADS, "quantile": 0.3}, Y, "quantile=0.3 beside heads"),
        ({"heads": HEADS, "solver": "levenberg_marquardt"}, Y, "got several heads"),
        ({"heads": [Head(3)]}, Y, r"all their 3 target columns side by side; its shape is \(120, 4\)"),
        ({"heads": [Head(4)]}, np.where(np.isnan(Y), np.inf, Y), "y contains infinity"),
        ({"heads": [Head(3, "quantile", quantile=[0.1, 0.5, 0.9])]}, Y[:, 0], "several quantiles for a target"),
        ({"heads": [Head(4)]}, Y[:50], "inconsistent numbers of samples"),
        ({"heads": [Head(4, "poisson")]}, Y, "loss='poisson' takes targets at least 0"),
        ({}, Y, "y contains NaN"),
    ],
)
def test_what_does_not_go_together(options, y, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(**QUICK, **options).fit(X, y)


# -- what is scored, and read -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "weight", "message"),
    [
        (Y[:, :2], None, r"y must have the 4 target columns of all heads side by side, its shape is \(120, 2\)"),
        (np.hstack([Y, Y]), None, r"4 target columns of all heads side by side, its shape is \(120, 8\)"),
        (Y[:20], None, "inconsistent numbers of samples"),
        (Y, np.ones(3), r"sample_weight.shape == \(3,\), expected \(120,\)"),
        (Y, np.ones((120, 1)), "must be 1D array or scalar"),
        (Y, np.r_[1.0, -1.0, np.ones(118)], r"sample_weight\[1\] is negative"),
        (Y, np.full(120, np.nan), "sample_weight contains NaN"),
        ([Y[:, :2], Y[:, 2], Y[:, 3]], None, r"an entry for each of 3 heads.*numpy.column_stack\(y\)"),
    ],
)
def test_what_cannot_be_scored(y, weight, message):
    """A part of the columns had a score, twice as many NaN."""
    model = MLPRegressor(heads=HEADS, **QUICK).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        model.score(X, y, weight)


@pytest.mark.parametrize("others", [None, [Head(1)], [Head(4, "gaussian_nll"), Head(1)]], ids=repr)
def test_predictions_are_those_of_the_network_that_was_trained(others):
    """Parameters that are set later are for the next fit, as in scikit-learn."""
    model = MLPRegressor(heads=HEADS, **QUICK).fit(X, Y)
    expected = np.delete(model.network_(X), 4, axis=1)  # without the variance
    model.set_params(heads=others)
    assert np.array_equal(model.predict(X), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    alone = MLPRegressor(**QUICK).fit(X, FULL)
    expected = alone.predict(X)
    alone.set_params(heads=others)
    assert np.array_equal(alone.predict(X), expected)
    if others:
        found = alone.score(X, Y)
        seen = [~np.isnan(column) for column in Y.T]
        by_columns = [r2_score(y[rows], h[rows]) for y, h, rows in zip(Y.T, expected.T, seen, strict=True)]
        assert_close(found, np.mean(by_columns), 1e-12)


def test_y_that_is_no_array_of_columns():
    model = MLPRegressor(heads=HEADS, **QUICK)
    with pytest.raises(ValueError, match=r"an entry for each of 3 heads.*numpy.column_stack\(y\)"):
        model.fit(X, [Y[:, :2], Y[:, 2], Y[:, 3]])
    with pytest.raises(ValueError, match="requires y to be passed, but the target y is None"):
        model.fit(X, None)
    masked = np.ma.masked_array(FULL, mask=np.isnan(Y))
    with pytest.raises(TypeError, match=r"y has masked entries.*filled\(numpy.nan\)"):
        model.fit(X, masked)
    filled = model.fit(X, masked.filled(np.nan)).predict(X)
    assert np.array_equal(filled, MLPRegressor(heads=HEADS, **QUICK).fit(X, Y).predict(X))
    with pytest.raises(ValueError, match=r"return_std=True needs .* ensemble_\(X\)"):
        model.predict(X, return_std=True)


def test_nan_without_heads_points_to_them():
    """Where some columns have gaps; scikit-learn's own words come first."""
    with pytest.raises(ValueError, match=r"^Input y contains NaN\. .* by heads=\[Head\(4\)\] in place of the loss\.$"):
        MLPRegressor(**QUICK).fit(X, Y)
    with pytest.raises(ValueError, match=r"heads=\[Head\(2, 'gaussian_nll'\)\] \* 4 in place"):
        MLPRegressor(loss="gaussian_nll", **QUICK).fit(X, Y)
    assert MLPRegressor(heads=[Head(2, "gaussian_nll")] * 4, **QUICK).fit(X, Y).n_outputs_ == 8
    with pytest.raises(ValueError, match=r"^Input y contains NaN\.$"):
        MLPRegressor(**QUICK).fit(X, Y[:, 0])
