"""Frames of pandas and polars: taken where all their columns are numbers, named where not, and remembered by name."""

import copy
import datetime
import decimal
import pickle

import numpy as np
import pytest
from conftest import LABELS, X, Y

import fastnn

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

INTEGERS = np.arange(23)
MIXED = {"a": X[:, 0], "b": LABELS == 1, "c": INTEGERS, "d": LABELS}
EXPECTED = np.column_stack(list(MIXED.values())).astype(float)


def frame(**changes):
    return pd.DataFrame({**MIXED, **changes})


def outputs(X, y=Y, **options):
    return fastnn.train([4, 3], X, y, 3, 1e-3, random_state=0, init="normal", **options).network(EXPECTED)


@pytest.mark.parametrize(
    "make",
    [
        lambda: frame(),
        lambda: frame().to_numpy(),  # an array of objects
        lambda: frame().to_numpy().tolist(),
        lambda: frame(c=pd.array(INTEGERS, "Int64"), b=pd.array(LABELS == 1, "boolean")),
        lambda: frame(c=pd.array(INTEGERS.astype(float), "Float64"), d=pd.array(LABELS, "UInt8")),
        lambda: frame(a=[decimal.Decimal(value) for value in X[:, 0].tolist()]),
        lambda: frame(d=pd.Categorical(LABELS)),
        lambda: pl.DataFrame(MIXED),
        lambda: pl.DataFrame(MIXED, schema_overrides={"c": pl.Int8}),
        lambda: frame().set_axis(["a", "a", "b", "b"], axis=1),
        lambda: frame().set_axis([0, 1, 2, 3], axis=1),
    ],
)
def test_columns_of_numbers_are_taken(make):
    x = make()
    before = copy.deepcopy(x)
    assert (outputs(x) == outputs(EXPECTED)).all()
    assert (np.asarray(x) == np.asarray(before)).all()


def test_dummies_beside_floats():
    x = pd.get_dummies(pd.DataFrame({"a": X[:, 0], "kind": np.array(["u", "v", "w"])[LABELS]}))
    assert (outputs(x) == outputs(np.column_stack([X[:, 0], np.eye(3)[LABELS]]))).all()


@pytest.mark.parametrize(
    "y", [pd.array(LABELS, "Int64"), pl.Series(LABELS), np.array(LABELS, object), pd.Series(LABELS)]
)
def test_labels_of_nullable_columns(y):
    result = fastnn.train([4, 3], X, y, 3, 0.1, loss="log_loss", random_state=0)
    assert result.network.classes.dtype == np.int64
    assert result.network.classes.tolist() == [0, 1, 2]


GAP = [None, *INTEGERS.tolist()[1:]]
DATES = [datetime.date(2020, 1, day + 1) for day in range(23)]


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (frame(c=["u"] * 23), TypeError, "its column 'c' of dtype (object|str) holds text: encode it first"),
        (frame(c=pd.Categorical(["u", "v"] + ["u"] * 21)), TypeError, "'c' of dtype category holds text"),
        (
            frame(c=pd.date_range("2020-01-01", periods=23)),
            TypeError,
            r"its column 'c' of dtype datetime64.* holds dates: turn them into numbers first, .* days since the first",
        ),
        (frame(c=pd.to_timedelta(INTEGERS, "s")), TypeError, "'c' of dtype timedelta.* holds time spans: .* seconds"),
        (frame(c=[1j] * 23), TypeError, "'c' of dtype complex128 holds complex numbers"),
        (frame(c=[[]] * 23), TypeError, "'c' of dtype object holds objects: make numbers of them first"),
        (frame(c=pd.array(GAP, "Int64")), ValueError, "X has nan in row 0, column 'c'; fill or drop"),
        (frame(c=np.array(GAP, object)), ValueError, "X has no value in row 0, column 'c'; fill or drop"),
        (frame(b=[pd.NA, *[True] * 22]), ValueError, "X has no value in row 0, column 'b'; fill or drop"),
        (pl.DataFrame({**MIXED, "c": ["u"] * 23}), TypeError, "its column 'c' of dtype String holds text"),
        (frame(b=[None] * 23).to_numpy(), ValueError, "X has None in row 0, column 1; fill or drop"),
        (pl.DataFrame({**MIXED, "c": GAP}), ValueError, "X has nan in row 0, column 'c'"),
        (pl.DataFrame({"a": X[:, 0], "b": DATES}), TypeError, "its column 'b' of dtype Date holds dates"),
        (pl.DataFrame({"a": X[:, 0], "b": DATES}).cast({"b": pl.Datetime}), TypeError, "'b' of dtype Datetime.* dates"),
        (frame(c=pd.Series(DATES).astype("datetime64[ns]").dt.to_period("D")), TypeError, "dtype period.* holds dates"),
        (frame(c=pd.Series(DATES)), TypeError, "its column 'c' of dtype object holds dates: turn them into numbers"),
        (
            frame(c=pd.date_range("2020-01-01", periods=23, tz="UTC")),
            TypeError,
            "'c' of dtype datetime64.* holds dates",
        ),
    ],
)
def test_what_cannot_be_taken_is_named(x, error, message):
    with pytest.raises(error, match=message):
        fastnn.train([4, 3], x, Y, 3)


# -- names ------------------------------------------------------------------------------------------------------------


@pytest.fixture(params=[pd.DataFrame, pl.DataFrame])
def make(request):
    return request.param


def networks(x):
    """A network that has seen names, by every way that it can go."""
    result = fastnn.train([4, 3], x, Y, 3, 1e-3, init="normal", random_state=0)
    yield result.network
    yield result.network.copy()
    yield pickle.loads(pickle.dumps(result.network))
    yield fastnn.Network(result.W, result.b)
    yield fastnn.Network(result.W.copy(), pickle.loads(pickle.dumps(result.b)))
    yield fastnn.Network(result.network.W, result.network.b)


def test_a_network_that_has_seen_names_checks_them(make):
    x = make(MIXED)
    swapped = x[["b", "a", "c", "d"]]
    for network in networks(x):
        assert network.feature_names == ("a", "b", "c", "d")
        assert (network(x) == network(EXPECTED)).all()  # an array has no names
        assert (network(swapped[list(network.feature_names)]) == network(EXPECTED)).all()
        for call in (network, network.predict):
            with pytest.raises(
                ValueError, match=r"another order than .* got 'b', 'a', 'c', 'd', expected 'a', 'b', 'c', 'd'"
            ):
                call(swapped)
            with pytest.raises(ValueError, match="not those that the network learned from: missing 'd'; new 'e'"):
                call(make({**{name: MIXED[name] for name in "abc"}, "e": LABELS}))


def test_a_row_of_a_frame_has_names_too():
    for network in networks(frame()):
        row = pd.DataFrame(EXPECTED, columns=list("abcd")).iloc[3]
        assert (network(row) == network(EXPECTED[3])).all()
        with pytest.raises(ValueError, match="the columns of X stand in another order"):
            network(row[["b", "a", "c", "d"]])


def test_predict_and_validation_check_them_too(make):
    x = make(MIXED)
    result = fastnn.train([4, 3], x, Y, 3, 1e-3, init="normal", random_state=0, validation_data=(x, Y))
    swapped = x[["b", "a", "c", "d"]]
    with pytest.raises(ValueError, match="the columns of X stand in another order"):
        fastnn.predict(result.W, result.b, swapped)
    with pytest.raises(ValueError, match="the columns of validation X stand in another order"):
        fastnn.train([4, 3], x, Y, 3, 1e-3, init="normal", validation_data=(swapped, Y))


def test_without_names_nothing_is_checked():
    for x in (EXPECTED, frame().set_axis([0, 1, 2, 3], axis=1)):
        network = fastnn.train([4, 3], x, Y, 3, 1e-3, init="normal", random_state=0).network
        assert network.feature_names is None
        assert (network(frame()[["b", "a", "c", "d"]]) == network(EXPECTED[:, [1, 0, 2, 3]])).all()


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_the_network_of_an_estimator_checks_them_too(name):
    x = frame()
    estimator = getattr(fastnn, name)(hidden_layer_sizes=(5,), tol=1e9, n_iter_no_change=1).fit(x, LABELS)
    expected = estimator.network_(EXPECTED)
    assert estimator.network_.feature_names == ("a", "b", "c", "d")
    assert (estimator.network_(x) == expected).all()
    with pytest.raises(ValueError, match="the columns of X stand in another order"):
        estimator.network_(x[["b", "a", "c", "d"]])
    assert estimator.fit(EXPECTED, LABELS).network_.feature_names is None
