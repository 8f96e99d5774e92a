"""The quick way of a call, for lists and arrays of numbers: the same bits, words and warnings as the careful way."""

import array
import itertools
import warnings
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from fits import QUICK, RNG, VALUES, X

import fastnn
from fastnn import MLPClassifier, MLPRegressor

DTYPES = ("float64", "float32")
W = [RNG.standard_normal((5, 4)), RNG.standard_normal((3, 5))]
B = [RNG.standard_normal(5), RNG.standard_normal(3)]
ROWS = X[:3]


def unaligned(rows):
    block = np.zeros(rows.nbytes + 1, np.uint8)[1:]
    block[:] = np.frombuffer(rows.tobytes(), np.uint8)
    return block.view(rows.dtype).reshape(rows.shape)


def with_entry(value):
    rows = ROWS.tolist()
    rows[1][2] = value
    return rows


#: Plain: the quick way is taken.
PLAIN = {
    "floats": ROWS.tolist(),
    "a tuple of lists": tuple(ROWS.tolist()),
    "tuples": list(map(tuple, ROWS.tolist())),
    "arrays in a list": list(ROWS),
    "integers": [[1, 2, 3, 4], [-5, 6, 7, 8]],
    "integers and floats": [[1, 2.5, -3, 4]],
    "truth values": [[True, False, True, True]],
    "truth values and floats": [[True, 0.5, 2, 4]],
    "integers beyond float's": [[2**53 + 1, 2**62 + 1, -(2**63), 3]],
    "integers of 64 bits": [[2**63, 2**64 - 1, 0, 1]],
    "of float32 numbers": [[np.float32(0.1), np.float32(2), np.float32(3), np.float32(-1)]],
    "0-d arrays": [[np.array(0.1), np.array(2.0), np.array(3), np.array(-1)]],
    "tiny": [[1e-300, 1e-40, 5e-324, -1e-45]],
    "float64 view": np.repeat(ROWS, 2, axis=1)[:, ::2],
    "by columns": np.asfortranarray(ROWS),
    "backwards": ROWS[::-1, ::-1],
    "one row for all": np.broadcast_to(ROWS[0], (3, 4)),
    "unaligned": unaligned(ROWS),
    "read-only": np.frombuffer(ROWS.tobytes()).reshape(3, 4),
    "other byte order": ROWS.astype(ROWS.dtype.newbyteorder()),
    **{
        letter: (ROWS * 50).astype(letter)
        for letter in ("f2", "f4", "f8", "g", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "?")
    },
}

#: Whatever else: the careful way says what is wrong with it, or takes it.
ODD = {
    "ragged": [[1.0, 2.0, 3.0, 4.0], [1.0]],
    "empty": [],
    "no columns": [[]],
    "no rows": np.empty((0, 4)),
    "too wide": [[1.0] * 5],
    "too narrow": np.ones((2, 3), int),
    "a long row": [1.0] * 9,
    "one number": 3.0,
    "one number in an array": np.array(3),
    "three dimensions": np.ones((1, 1, 4), int),
    "words": [["1", "2", "3", "4"]],
    "bytes": [[b"1", b"2", b"3", b"4"]],
    "text": "1234",
    "None": None,
    "None inside": with_entry(None),
    "NaN": with_entry(np.nan),
    "NaN in an array": np.array(with_entry(np.nan)),
    "NaN in half floats": np.array(with_entry(np.nan), "f2"),
    "infinity": with_entry(-np.inf),
    "beyond float32": with_entry(1e39),
    "beyond float32 in an array": np.array(with_entry(-1e300)),
    "beyond half of float32": np.array(with_entry(3.4028235677973366e38)),
    "beyond float64": np.array(with_entry("1e400"), "g"),
    "large integers": with_entry(10**30),
    "huge integers": with_entry(10**400),
    "complex": with_entry(1j),
    "complex array": ROWS + 0j,
    "decimals": [[Decimal("0.1"), 2, 3, 4]],
    "fractions": [[Fraction(1, 3), 2, 3, 4]],
    "objects": ROWS.astype(object),
    "other objects": [[object()] * 4],
    "dates": np.ones((2, 4), "M8[s]"),
    "structured": np.ones(4, [("a", float), ("b", int)]),
    "strings": ROWS.astype(str),
    "masked": np.ma.masked_array(ROWS, mask=ROWS > 1),
    "nothing masked": np.ma.masked_array(ROWS),
    "matrix": np.matrix(ROWS),
    "frame": pd.DataFrame(ROWS, columns=list("abcd")),
    "frame of integers": pd.DataFrame((ROWS * 50).astype(int)),
    "series": pd.Series(ROWS[0]),
    "sparse": scipy.sparse.csr_matrix(ROWS),
    "range": range(4),
    "set": {1.0, 2.0, 3.0, 4.0},
    "dict": {"a": 1.0},
    "an array of the standard library": array.array("d", ROWS[0]),
    "a view of memory": memoryview(ROWS),
    "a list that is more": type("Rows", (list,), {})(ROWS.tolist()),
}  # fmt: skip
CASES = {**PLAIN, **ODD}
CASES |= {f"row of {name}": rows[0] for name, rows in PLAIN.items()}


def told(call, *arguments):
    """The bits that a call returns, or its error, and what it warned of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        try:
            answer = call(*arguments)
            said = answer.dtype, answer.shape, np.asarray(answer).tobytes(), type(answer)
        except Exception as error:
            said = type(error), str(error)
    return said, [(warning.category, str(warning.message)) for warning in found]


def bits(rows):
    return np.asarray(rows).tobytes() if isinstance(rows, np.ndarray) and rows.dtype != object else repr(rows)


def networks(dtype):
    network = fastnn.Network(W, B, activation="tanh", output_activation="softmax", dtype=dtype)
    named = network.copy()
    named._feature_names = ("a", "b", "c", "d")
    return network, named


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_a_call_says_what_the_careful_way_says(dtype, name):
    rows = CASES[name]
    before = bits(rows)
    for network, kinds in itertools.product(networks(dtype), ({}, {"under": "warn"}, {"all": "raise"})):
        with np.errstate(**kinds):
            assert told(network, rows) == told(network._outputs, rows)
    assert bits(rows) == before


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_generator_is_not_used_up(dtype):
    network, _ = networks(dtype)
    with pytest.raises(TypeError, match="X is a generator, which can be read only once"):
        network(row for row in ROWS)


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_plain_goes_the_quick_way(dtype, name, monkeypatch):
    network, _ = networks(dtype)
    expected = network._outputs(PLAIN[name])
    monkeypatch.setattr(fastnn.Network, "_outputs", lambda *_: pytest.fail("the careful way"))
    assert np.array_equal(network(PLAIN[name]), expected)
    assert np.array_equal(network(PLAIN[name][0]), expected[0])
    assert np.array_equal(network.predict(PLAIN[name]), expected)


def test_other_backends_take_the_careful_way():
    for backend in ("numpy", "cython", "python"):
        network = fastnn.Network(W, B, backend=backend)
        assert told(network, ROWS.tolist()) == told(network._outputs, ROWS.tolist())
        assert told(network, ODD["ragged"]) == told(network._outputs, ODD["ragged"])


#: Estimators of each dtype, and one whose outputs overflow where its dtype is float32.
ESTIMATORS = {
    f"{kind.__name__}, {dtype}{scale}": (kind, dtype, float(scale or 1))
    for kind, dtype, scale in itertools.product((MLPClassifier, MLPRegressor), DTYPES, ("", "1e38"))
}


@pytest.fixture(scope="module")
def estimators():
    found = {}
    for name, (kind, dtype, scale) in ESTIMATORS.items():
        y = VALUES if kind is MLPRegressor else VALUES > 0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found[name] = kind(**QUICK).fit(X.astype(dtype), y)
        found[name].coefs_[-1][:] *= scale
    return found


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("of", ESTIMATORS)
def test_estimators_say_what_they_say_on_the_careful_way(estimators, of, name, monkeypatch):
    estimator, rows = estimators[of], CASES[name]
    methods = ("predict", "predict_proba") if isinstance(estimator, MLPClassifier) else ("predict",)
    before = bits(rows)
    quick = [told(getattr(estimator, method), rows) for method in methods]
    monkeypatch.setattr(fastnn.Network, "_plain_outputs", lambda *_: None)
    assert quick == [told(getattr(estimator, method), rows) for method in methods]
    assert bits(rows) == before


@pytest.mark.parametrize("of", [name for name in ESTIMATORS if not name.endswith("1e38")])
def test_rows_of_numbers_are_predicted_without_scikit_learns_checks(estimators, of, monkeypatch):
    estimator = estimators[of]
    expected = estimator.predict(ROWS)
    monkeypatch.setattr("fastnn.estimators._base.validate_data", lambda *_, **__: pytest.fail("the careful way"))
    for rows in (ROWS, ROWS.tolist(), np.asfortranarray(ROWS)):
        assert np.array_equal(estimator.predict(rows), expected)
    estimator.predict(ROWS.astype(np.float32))
    estimator.predict(ROWS.astype(int))


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_unaligned_rows_are_learned_from(kind):
    y = VALUES if kind is MLPRegressor else VALUES > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found, expected = (kind(**QUICK).fit(rows, y) for rows in (unaligned(X), X))
    assert all(map(np.array_equal, found.coefs_, expected.coefs_))


def test_weights_that_are_changed_are_seen_in_both_dtypes(estimators):
    estimator = estimators["MLPRegressor, float32"]
    before = estimator.predict(ROWS)
    estimator.intercepts_[-1][:] += 1
    np.testing.assert_allclose(estimator.predict(ROWS), before + 1, rtol=1e-6)
    estimator.intercepts_[-1][:] -= 1


def test_names_are_still_asked_for():
    frame = pd.DataFrame(X, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        regressor = MLPRegressor(**QUICK).fit(frame, VALUES)
    for rows in (ROWS, ROWS.tolist()):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            regressor.predict(rows)
