"""The scores of early stopping: scikit-learn's ``r2_score`` and ``accuracy_score``, bit for bit."""

import warnings

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from fits import QUICK
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import accuracy_score, r2_score

import fastnn
from fastnn.estimators._scores import accuracy_of, r2_of
from fastnn.labels import decode

DTYPES = ("float32", "float64")


def same_bits(found, expected):
    assert isinstance(found, float)
    assert np.float64(found).tobytes() == np.float64(expected).tobytes(), (found, expected)


def same_r2(targets, outputs, weight):
    before = outputs.copy(), targets.copy()
    score = r2_of(targets, weight)
    with np.errstate(all="ignore"):
        expected = r2_score(targets, outputs, sample_weight=weight)
        for _ in range(2):  # what is worked out once stays as it is
            same_bits(score(outputs), expected)
    assert np.array_equal(before, (outputs, targets))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_out", [1, 2, 3, 17])
@pytest.mark.parametrize("n_rows", [2, 3, 9, 45, 1000, 9001])
def test_r2(n_rows, n_out, dtype):
    rng = np.random.default_rng(n_rows)
    targets, outputs = (rng.normal(100, 3, (n_rows, n_out)).astype(dtype) for _ in range(2))
    weight = rng.random(n_rows).astype(dtype)
    for each in (None, weight, np.ones(n_rows, dtype), (weight > 0.5).astype(dtype)):
        if each is None or each.any():
            same_r2(targets, outputs, each)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_out", [1, 3])
def test_r2_in_corners(n_out, dtype):
    rng = np.random.default_rng(n_out)
    targets, outputs = (rng.standard_normal((12, n_out)).astype(dtype) for _ in range(2))
    constant, huge = np.full_like(targets, 7), targets * (np.finfo(dtype).max / 100)
    weight = np.zeros(12, dtype)
    weight[3] = 2
    for pair in (
        (constant, outputs), (constant, constant), (targets, targets), (targets, constant),
        (huge, outputs), (targets, huge), (huge, huge), (constant, huge),
    ):  # fmt: skip
        same_r2(*pair, None)
        same_r2(*pair, weight)
    targets[:, 0] = 7  # one column that is the same throughout, among others
    same_r2(targets, outputs, None)


numbers = st.sampled_from([0.0, 1.0, 1.0 + 1e-15, -3.0, 0.1, 1e-170, 1e-320, 1e160, -1e308])


@settings(max_examples=200, deadline=None)
@given(st.data(), st.integers(2, 6), st.integers(1, 3), st.booleans())
def test_r2_of_numbers_that_are_hard(data, n_rows, n_out, has_weight):
    targets, outputs = (data.draw(arrays(np.float64, (n_rows, n_out), elements=numbers)) for _ in range(2))
    weight = data.draw(arrays(np.float64, n_rows, elements=st.sampled_from([0.0, 0.5, 1.0, -0.25])))
    if has_weight and weight.sum() == 0:
        return  # such rows are not held back
    same_r2(targets, outputs, weight if has_weight else None)


def test_squares_beyond_the_range_are_told():
    targets = np.array([[1.0], [2.0], [4.0]])
    for score, outputs in ((r2_of(targets, None), targets * 1e200), (r2_of(targets * 1e200, None), targets)):
        with pytest.warns(RuntimeWarning, match="squares in the validation score are beyond the range of float64"):
            score(outputs)
        with np.errstate(over="ignore"), warnings.catch_warnings():
            warnings.simplefilter("error")
            score(outputs)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_rows", [2, 45, 9001])
@pytest.mark.parametrize(("kind", "n_out"), [("binary", 1), ("multiclass", 2), ("multiclass", 7), ("multilabel", 3)])
def test_accuracy(kind, n_out, n_rows, dtype):
    rng = np.random.default_rng(n_rows)
    outputs = rng.random((n_rows, n_out)).astype(dtype)
    outputs[::2] = outputs[::2].round(1)  # ties
    labels = np.array(["a", "bb", "c", "d", "e", "f", "g"])[: max(n_out, 2)]
    targets = (rng.random((n_rows, n_out)) > 0.5).astype(dtype)
    if kind == "multiclass":
        targets = np.eye(n_out, dtype=dtype)[rng.integers(n_out, size=n_rows)]
    words = [decode(kind, rows, labels) for rows in (targets, outputs)]
    for weight in (None, rng.random(n_rows).astype(dtype)):
        expected = accuracy_score(*words, sample_weight=weight)
        same_bits(accuracy_of(kind, len(labels), targets, weight)(outputs), expected)


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_matrix])
@pytest.mark.parametrize("has_weight", [False, True])
@pytest.mark.parametrize("problem", ["values", "columns", "labels", "words", "indicator"])
def test_a_fit_scores_as_scikit_learn_does(problem, has_weight, kind):
    """Rows held back, dense and sparse, of every kind of target: their scores, and the weights of the best."""
    rng = np.random.default_rng(0)
    X = np.where(rng.random((200, 6)) < 0.3, 0, rng.standard_normal((200, 6)))
    columns = X @ rng.standard_normal((6, 3))
    y = {
        "values": columns[:, 0], "columns": columns, "labels": columns.argmax(1),
        "words": np.where(columns[:, 0] > 0, "yes", "no"), "indicator": (columns > 0).astype(int),
    }[problem]  # fmt: skip
    name = "MLPRegressor" if problem in ("values", "columns") else "MLPClassifier"
    parameters = {**QUICK, "max_iter": 40, "early_stopping": True, "learning_rate_init": 0.02, "n_iter_no_change": 3}
    weight = rng.random(200) if has_weight else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours = getattr(fastnn, name)(**parameters).fit(kind(X), y, weight)
        known = y == "yes" if problem == "words" else y  # scikit-learn 1.7 cannot score words
        theirs = getattr(sklearn.neural_network, name)(**parameters).fit(kind(X), known, weight)
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-9, atol=1e-12)
    assert ours.best_validation_score_ == max(ours.validation_scores_)
    for layer, right in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        np.testing.assert_allclose(layer, right, rtol=1e-8, atol=1e-10)
