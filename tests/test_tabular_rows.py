"""A few rows of a table predicted at once: the bits of the whole table's, and what goes the general way.

Expected is what the estimator answers to the same rows in an array that is not C-contiguous, or in a whole table: of
these NumPy makes the raw matrix and the mean. ``python -m bench --export`` prints how long a row takes.
"""

import copy
import pickle

import numpy as np
import pytest

import fastnn
from fastnn import TabularClassifier, TabularRegressor

N_ROWS = 61


def numbers(n_columns=4):
    """Rows of numbers of all sizes, with gaps in columns 1 and 3."""
    X = np.random.default_rng(0).standard_normal((N_ROWS, n_columns)) * [1, 1e-3, 1e6, 1][:n_columns]
    X[::5, 1] = X[3::7, 3] = np.nan
    return X


X = numbers()

#: Targets by name.
TARGETS = {
    "two classes": np.where(X[:, 0] > 0, "yes", "no"),
    "eleven classes": np.arange(N_ROWS) % 11,
    "a number": 3 * X[:, 0] + 7,
    "two numbers": X[:, [0, 2]],
}

CASES = [(name, n_members) for name in TARGETS for n_members in (1, 3, 8)]


def fitted(name, n_members=1, X=X, **parameters):
    kind = TabularClassifier if "classes" in name else TabularRegressor
    return kind(max_epochs=2, n_members=n_members, random_state=0, **parameters).fit(X, TARGETS[name])


def answers(model, X):
    """All that a model says of rows."""
    return [model.predict(X), *([model.predict_proba(X)] if hasattr(model, "predict_proba") else [])]


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert (one.dtype, one.shape) == (other.dtype, other.shape)
        np.testing.assert_array_equal(one, other)


def assert_quick(model, X):
    assert model._quickly(X) is not None


@pytest.mark.parametrize(("name", "n_members"), CASES)
def test_a_row_alone_has_the_bits_of_the_table(name, n_members):
    model = fitted(name, n_members)
    rows = X.copy()
    rows[5] *= 1e300
    rows[6] *= -1e9
    rows[7] = np.nan
    rows[8] = 1.7e308
    general = np.asfortranarray(rows)
    assert model._quickly(general) is None
    whole = answers(model, general)
    assert_quick(model, rows[:1])
    alone = [answers(model, row[None]) for row in rows]
    assert_same([np.concatenate(parts) for parts in zip(*alone, strict=True)], whole)
    for n in (2, 4, 5, 9):
        assert_same(answers(model, rows[:n]), [one[:n] for one in whole])


@pytest.mark.parametrize("name", TARGETS)
def test_float32_and_other_dtypes(name):
    model, rows = fitted(name, 2), X[:3].astype(np.float32)
    assert_quick(model, rows)
    assert_same(answers(model, rows), answers(model, np.asfortranarray(rows)))
    whole = np.round(X[[1, 2, 4]] * [2, 2e3, 2e-4, 2])  # no gaps
    for dtype in ("int64", "float16", ">f8", object):
        cast = whole.astype(dtype)
        assert model._quickly(cast) is None
        assert_same(answers(model, cast), answers(model, np.asfortranarray(cast.astype(np.float64))))


@pytest.mark.parametrize(
    "given",
    [X[::2], X[:, ::-1], np.asfortranarray(X), X.tolist(), np.ma.array(X)],
    ids=["steps", "backwards", "Fortran", "list", "masked"],
)
def test_what_goes_the_general_way(given):
    model = fitted("a number")
    assert model._quickly(given) is None
    assert_same(answers(model, given), answers(model, np.array(given)))


def test_rows_are_never_modified():
    model, rows = fitted("two classes", 2), X[:2].copy()
    rows.setflags(write=False)
    assert_quick(model, rows)
    answers(model, rows)
    np.testing.assert_array_equal(rows, X[:2])


@pytest.mark.parametrize("value", [np.inf, -np.inf])
@pytest.mark.parametrize("column", range(4))
def test_infinity_is_an_error(column, value):
    row = X[4:5].copy()
    row[0, column] = value
    for name in ("two classes", "a number"):
        with pytest.raises(ValueError, match="infinit"):
            fitted(name).predict(row)


@pytest.mark.parametrize("shape", [(4,), (1, 3), (1, 5), (0, 4), (1, 4, 1)])
def test_other_shapes_are_errors(shape):
    with pytest.raises(ValueError, match="X "):
        fitted("a number").predict(np.zeros(shape))


def test_columns_left_out_and_without_indicators():
    table = np.column_stack([X, np.full(N_ROWS, 3.0)])
    for parameters in ({}, {"missing_indicator": False}, {"max_embedded": 1}):
        model = fitted("a number", X=table, **parameters)
        row = table[:1].copy()
        row[0, 4] = np.inf  # of a column that is not used
        assert_quick(model, row)
        assert_same(answers(model, row), answers(model, np.asfortranarray(np.vstack([row, row]))[:1].astype(object)))


def test_arrays_that_are_not_all_numbers_go_the_general_way():
    table = X.astype(object)
    table[:, 0] = np.where(X[:, 2] > 0, "a", "b")
    model = fitted("a number", X=table)
    assert_same(answers(model, table[:1]), [answers(model, table)[0][:1]])
    integers = np.column_stack([np.arange(N_ROWS) % 7 + 2**60, np.arange(N_ROWS)])  # beyond float64
    model = fitted("a number", X=integers)
    assert model._quickly(integers[:1].astype(np.float64)) is None
    assert_same(answers(model, integers[:1]), [answers(model, integers)[0][:1]])


def test_a_model_of_a_frame_warns_of_an_array():
    pd = pytest.importorskip("pandas")
    model = fitted("two classes", X=pd.DataFrame(X, columns=list("abcd")))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X[:1])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict_proba(X[:1])


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize(("name", "n_members"), [case for case in CASES if case[1] != 3])
def test_the_row_of_a_frame(library, name, n_members):
    frames = pytest.importorskip(library)
    words = [["red", "green", None, "blue"][i % 4] for i in range(N_ROWS)]
    frame = frames.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": words, "d": np.arange(N_ROWS) * 3 % 50})
    model = fitted(name, n_members, X=frame)
    assert_quick(model, frame[:1])
    alone = [answers(model, frame[i : i + 1]) for i in range(N_ROWS)]
    assert_same([np.concatenate(parts) for parts in zip(*alone, strict=True)], answers(model, frame))
    if library == "pandas":
        assert_same(answers(model, frame.iloc[[3]][["d", "c", "b", "a"]]), answers(model, frame.iloc[[3]]))
        with pytest.raises(ValueError, match="feature names should match"):
            model.predict(frame.iloc[[3]].rename(columns={"a": "z"}))


@pytest.mark.parametrize("how", ["pickle", "deepcopy", "copy", "file"])
@pytest.mark.parametrize("name", TARGETS)
def test_models_that_have_travelled(name, how, tmp_path):
    model = fitted(name, 2)
    if how == "file":
        model.save(tmp_path / "model.safetensors")
        other = fastnn.load(tmp_path / "model.safetensors")
    else:
        ways = {"pickle": lambda m: pickle.loads(pickle.dumps(m)), "deepcopy": copy.deepcopy, "copy": copy.copy}
        other = ways[how](model)
    assert_quick(other, X[:1])
    assert_same(answers(other, X[:3]), answers(model, np.asfortranarray(X[:3])))


@pytest.mark.parametrize("name", TARGETS)
def test_fitted_again(name):
    model = fitted(name, 2)
    before = copy.copy(model)
    expected = answers(model, X[:1])
    model.fit(X[:, ::-1], TARGETS[name])
    assert_same(answers(model, X[:2]), answers(model, np.asfortranarray(X[:2])))
    assert_same(answers(before, X[:1]), expected)
    model.fit(X[:, :2], TARGETS[name])
    assert_same(answers(model, X[:2, :2].copy()), answers(model, np.asfortranarray(X[:2, :2])))
    with pytest.raises(ValueError, match="features"):
        model.predict(X[:1])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        model.fit(X, TARGETS[name][:9])
    assert_quick(model, X[:1, :2].copy())


def test_members_are_those_of_the_moment():
    model = fitted("two numbers", 3)
    assert_quick(model, X[:1])
    model.members_ = model.members_[:2]
    two = answers(model, X[:3])
    assert_same(two, answers(model, np.asfortranarray(X[:3])))
    del model.members_[1]
    assert_same(answers(model, X[:3]), answers(model, np.asfortranarray(X[:3])))
    assert not np.array_equal(answers(model, X[:3])[0], two[0])


def test_scores_of_epochs_are_of_the_network_that_is_trained():
    """A scorer gets the raw matrix, plain float32, in place of a table, also where something was fitted before."""
    model = TabularRegressor(max_epochs=3, random_state=0, scoring="r2").fit(X, TARGETS["a number"])
    first = copy.deepcopy(model.history_)
    assert model.fit(X, TARGETS["a number"]).history_ == first


def test_outputs_beyond_all_numbers_go_the_general_way():
    model = fitted("a number")
    model.members_[0].parameters[:] = 1e30
    assert model._quickly(X[4:5]) is None


def test_before_a_fit():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        TabularRegressor().predict(X[:1])
