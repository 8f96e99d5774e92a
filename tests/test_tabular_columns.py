"""What the columns of a table are, and the raw matrix: against scikit-learn's scalers and encoders, pandas, NumPy."""

import copy
import datetime
import decimal
import pickle
import tracemalloc
import warnings

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_diabetes, load_iris
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, RobustScaler

from fastnn.checks import check_matrix
from fastnn.portable import ModelFormatError
from fastnn.tabular.columns import Columns, learn
from fastnn.tabular.moments import parts_of

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")

N = 60
RNG = np.random.default_rng(0)
NUMBERS = RNG.normal(size=(N, 4)) * [1, 100, 1e-5, 3] + [0, 5, 0, -2]
CITIES = RNG.choice([f"c{i}" for i in range(12)], N).tolist()
COLOURS = RNG.choice(["red", "green", "blue"], N).tolist()
ROWS = np.arange(0, N, 2)
MOMENTS = pd.date_range("2019-06-03 00:30", periods=N, freq="319h")
GAPS = np.where(np.arange(N) % 7 == 4, np.nan, NUMBERS[:, 1])


def frame(**changes):
    """A bit of everything."""
    columns = {
        "size": NUMBERS[:, 0], "gaps": GAPS, "count": RNG.integers(0, 9, N), "city": CITIES, "colour": COLOURS,
        "is_new": NUMBERS[:, 2] > 0, "when": MOMENTS,
    }  # fmt: skip
    return pd.DataFrame({**columns, **changes})


FRAME = frame()


def smooth(z):
    return z / np.sqrt(1 + (z / 3) ** 2)


def raw_of(values, rows=None, **options):
    """The raw matrix of a column."""
    X = pd.DataFrame({"x": values})
    return learn(X, rows, **options).transform(X)


def kind_of(values, **options):
    return next(iter(learn(pd.DataFrame({"x": values}), **options).table))["kind"]


# -- numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X", [NUMBERS, load_iris().data, load_diabetes(scaled=False).data], ids=["drawn", "iris", "diabetes"]
)
@pytest.mark.parametrize("make", [np.array, pd.DataFrame, np.ndarray.tolist, lambda X: X.astype(object)])
def test_numbers_are_centred_scaled_and_bounded(X, make):
    raw = learn(make(X), ROWS).transform(make(X))
    expected = smooth(RobustScaler().fit(X[ROWS]).transform(X))
    assert raw.dtype == np.float32
    assert raw.flags.c_contiguous
    two_levels = [len({*column}) == 2 for column in X.T]
    np.testing.assert_allclose(
        raw[:, np.logical_not(two_levels)], expected[:, np.logical_not(two_levels)], rtol=2e-6, atol=1e-6
    )


def test_where_the_quartiles_meet_half_the_range_is_the_scale():
    x = np.array([0.0] * 9 + [4.0])
    assert np.allclose(raw_of(x)[:, 0], smooth(x / 2))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([decimal.Decimal("1.5"), decimal.Decimal(2), None], [1.5, 2, np.nan]),
        ([True, 2, None, 5], [1, 2, np.nan, 5]),
        (pd.array([1, None, 4, 7], "Int64"), [1, np.nan, 4, 7]),
        (pd.array([1.5, None, 4, 7], "Float32"), [1.5, np.nan, 4, 7]),
        (np.array([1, 3, 250, 4], np.uint8), [1, 3, 250, 4]),
        (pd.to_timedelta([1, 5, 90, None], "s"), [1, 5, 90, np.nan]),
        ([datetime.timedelta(seconds=1.5), datetime.timedelta(days=2), None], [1.5, 172800, np.nan]),
        ([datetime.time(1, 2, 3), datetime.time(0, 0, 1, 500000), None], [3723, 1.5, np.nan]),
        ([1e308, -1e308, 5.0, 7.0], [1e308, -1e308, 5.0, 7.0]),
        ([0.0, 5e-324, 1e-310, 0.0], [0, 5e-324, 1e-310, 0.0]),
    ],
)
def test_all_kinds_of_numbers(values, expected):
    assert np.array_equal(raw_of(values), learn(x := np.array(expected)[:, None]).transform(x))
    assert np.isfinite(raw_of(values)).all()


@pytest.mark.parametrize("kind", [int, object, np.uint64, "Int64"])
def test_integers_that_floats_cannot_hold_keep_their_differences(kind):
    steps = RNG.integers(0, 50, N)
    values = pd.Series(steps + 1_700_000_000_000_000_001).astype(kind)
    assert (raw_of(values, ROWS) == raw_of(steps, ROWS)).all()
    assert (learn(x := pd.DataFrame({"x": values})).transform(x.iloc[[3]]) == raw_of(steps)[3]).all()


def test_large_offsets_keep_their_differences():
    steps = RNG.integers(0, 50, N) / 4
    assert (raw_of(steps + 1e12) == raw_of(steps)).all()


def test_far_numbers_are_bounded():
    X = NUMBERS[:, :1]
    far = learn(X).transform(np.array([[1.7e308], [-1.7e308], [1e200]]))
    assert np.allclose(far[:, 0], [3, -3, 3])


@pytest.mark.parametrize("make", [np.array, pd.DataFrame, pl.DataFrame, np.ndarray.tolist, scipy.sparse.csr_array])
@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_infinite_numbers_are_named(make, value):
    X = NUMBERS.copy()
    X[7, 2] = value
    with pytest.raises(ValueError, match=r"X has -?inf \(infinity\) in row 7, column .*2'?; .*NaN"):
        learn(make(X), ROWS)
    with pytest.raises(ValueError, match=r"X has -?inf \(infinity\) in row 0, column .*2'?;"):
        learn(make(NUMBERS)).transform(make(X[7:8]))


# -- what is missing --------------------------------------------------------------------------------------------------


def test_missing_numbers_are_the_median_and_said():
    raw = raw_of(GAPS)
    known = ~np.isnan(GAPS)
    expected = smooth(RobustScaler().fit_transform(GAPS[:, None]))[:, 0]
    assert np.allclose(raw[known, 0], expected[known], atol=1e-6)
    assert (raw[~known, 0] == 0).all()
    assert (raw[:, 1] == ~known).all()
    assert (raw_of(GAPS, missing_indicator=False) == raw[:, :1]).all()


def test_gaps_beyond_the_training_rows_have_no_indicator():
    rows = np.flatnonzero(~np.isnan(GAPS))
    assert raw_of(GAPS, rows).shape == (N, 1)
    assert (raw_of(GAPS, rows)[np.isnan(GAPS)] == 0).all()


@pytest.mark.parametrize("nothing", [None, np.nan, pd.NA, pd.NaT, np.float32("nan"), decimal.Decimal("nan")])
def test_whatever_says_that_nothing_is_there(nothing):
    assert (raw_of([1.0, nothing, 3.0, 7.0])[:, 1] == [0, 1, 0, 0]).all()
    assert (raw_of(pd.Series(["a", nothing, "b", "c"], dtype=object))[:, 0] == [1, 0, 2, 3]).all()
    assert (raw_of(pd.Series([True, nothing, False, True], dtype=object))[:, 0] == [1, 0, -1, 1]).all()


def test_masked_entries_are_missing():
    X = np.ma.masked_array(NUMBERS, np.isnan(GAPS)[:, None] & [True, False, False, False])
    assert (learn(X).transform(X)[:, 1] == np.isnan(GAPS)).all()


def test_where_only_the_gaps_tell_something():
    x = np.where(np.isnan(GAPS), np.nan, 3.0)
    assert (raw_of(x)[:, 0] == np.isnan(GAPS)).all()
    words = np.where(np.isnan(GAPS), None, "yes")
    assert (raw_of(words)[:, 0] == ~np.isnan(GAPS)).all()


# -- categories -------------------------------------------------------------------------------------------------------

MAKERS = {
    "str": lambda words: pd.DataFrame({"x": words}),
    "object": lambda words: pd.DataFrame({"x": np.array(words, object)}),
    "category": lambda words: pd.DataFrame({"x": pd.Categorical(words)}),
    "backwards": lambda words: pd.DataFrame({"x": pd.Categorical(words, sorted({*words}, reverse=True))}),
    "polars": lambda words: pl.DataFrame({"x": words}),
    "categorical": lambda words: pl.DataFrame({"x": words}, {"x": pl.Categorical}),
    "enum": lambda words: pl.DataFrame({"x": words}, {"x": pl.Enum(["unused", *sorted({*words})])}),
    "array": lambda words: np.array(words)[:, None],
    "rows": lambda words: [[word] for word in words],
}


@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_levels_are_in_their_order_and_unknown_ones_are_nought(make):
    columns = learn(make(CITIES), ROWS[:20])
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    seen = np.array(CITIES, object)[:, None]
    expected = encoder.fit(seen[ROWS[:20]]).transform(seen) + 1
    assert (columns.transform(make(CITIES)) == expected).all()
    assert (columns.transform(make(["c1", "nowhere", ""]))[1:] == 0).all()
    (encoding,) = columns.encodings
    assert (encoding.kind, encoding.n, encoding.width) == ("embedding", len(encoder.categories_[0]), 8)


def test_few_levels_are_one_hot():
    columns = learn(X := pd.DataFrame({"x": COLOURS}))
    expected = OneHotEncoder(sparse_output=False).fit_transform(X)
    (encoding,) = columns.encodings
    assert (encoding.kind, encoding.n) == ("one_hot", 3)
    assert (np.vstack([np.zeros(3), np.eye(3)])[columns.transform(X)[:, 0].astype(int)] == expected).all()
    assert learn(X, max_one_hot=2).encodings[0].kind == "embedding"


@pytest.mark.parametrize("values", [["no", "yes", None], [False, True, None], pd.array([False, True, None], "boolean")])
def test_two_levels_are_one_number(values):
    columns = learn(X := pd.DataFrame({"x": values}))
    assert columns.encodings[0].kind == "plain"
    assert (columns.transform(X)[:, 0] == [-1, 1, 0]).all()


def test_truth_without_gaps():
    assert (raw_of([True, False, True])[:, 0] == [1, -1, 1]).all()
    assert kind_of([True, False, True]) == "boolean"


def test_a_string_and_a_number_are_two_levels():
    raw = raw_of(pd.Series(["1", 1, 2, "b", 1.0, None], dtype=object))
    assert raw[:, 0].tolist() == [3, 1, 2, 4, 1, 0]


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        (pd.cut(NUMBERS[:, 0], 3), 3),
        (pd.Series([3, 5, 7] * 20).astype("category"), 3),
        (pd.Series(pd.to_datetime(["2020-01-01", "2021-01-01", "2022-01-01"] * 20)).astype("category"), 3),
        (pd.Series([b"a", b"b", b"c"] * 20), 3),
        (pd.Series([("a", 1), ("b", 2), ("c", 3)] * 20), 3),
        (pd.Series([datetime.date(2020, 1, 1), "never", 5] * 20), 3),
        (pd.Series([2**60, 2**60 + 1, 2**60 + 2] * 20).astype("category"), 3),
    ],
)
def test_other_levels(values, levels):
    columns = learn(X := pd.DataFrame({"x": values}))
    (row,) = columns.table
    assert (row["kind"], row["levels"]) == ("category", levels)
    assert len({*columns.transform(X)[:, 0]}) == levels
    again = Columns.from_state(columns.to_state())
    assert (again.transform(X) == columns.transform(X)).all()


def test_rare_levels_and_those_beyond_the_most_frequent_count_as_unknown():
    words = ["a"] * 5 + ["b"] * 3 + ["c"] * 3 + ["d"]
    assert raw_of(words, min_level_count=2)[:, 0].tolist() == [1] * 5 + [2] * 3 + [3] * 3 + [0]
    assert raw_of(words, max_levels=2)[:, 0].tolist() == [-1] * 5 + [1] * 3 + [0] * 4


# -- what is left out -------------------------------------------------------------------------------------------------


def test_identifiers_are_left_out_and_said():
    X = FRAME.assign(name=[f"n{i}" for i in range(N)], row=np.arange(N) + 17, same="x", nothing=np.nan, none=None)
    with pytest.warns(UserWarning, match="left out: 'name', 'row'; .*drop_identifiers=False") as told:
        columns = learn(X, ROWS)
    assert told[0].filename == __file__
    assert columns.names_out == learn(FRAME, ROWS).names_out
    assert (columns.transform(X) == learn(FRAME, ROWS).transform(FRAME)).all()
    notes = {row["column"]: row["note"] for row in columns.table if row["note"]}
    assert notes == {
        "name": "left out: 30 values in 30 rows", "row": "left out: the number of the row",
        "same": "left out: always the same", "nothing": "left out: always missing", "none": "left out: always missing",
    }  # fmt: skip
    kept = learn(X, ROWS, drop_identifiers=False)
    assert kept.names_out[-2:] == ["name", "row"]


@pytest.mark.parametrize(
    "values",
    [NUMBERS[:, 0], np.arange(N)[::-1], np.arange(N) * 2, [f"n{i}" for i in range(N // 2)] * 2],
    ids=["reals", "falling", "even", "twice"],
)
def test_other_columns_of_many_values_stay(values):
    assert learn(FRAME.assign(x=values)).names_out[-1] == "x"


def test_the_number_of_the_row_stays_where_nothing_else_is():
    assert raw_of(np.arange(N)).shape == (N, 1)
    assert learn(np.arange(2 * N).reshape(N, 2)).n_raw == 2  # and in arrays


def test_nothing_left_is_an_error():
    with pytest.raises(
        ValueError, match=r"no column of X is left to learn from: 'a' \(left out: .* same\), 'b' .*miss"
    ):
        learn(pd.DataFrame({"a": [1, 1], "b": [np.nan, np.nan]}))


# -- dates ------------------------------------------------------------------------------------------------------------


def parts(moments, columns):
    """The numbers before they are scaled, by pandas."""
    clock = pd.Series(moments).dt
    first = moments[ROWS].min()
    own = {
        "days": (pd.Series(moments) - first) / pd.Timedelta(days=1),
        "year": clock.year, "month": clock.month, "day": clock.day, "weekday": clock.day_of_week,
        "hour": clock.hour + clock.minute / 60 + clock.second / 3600,
    }  # fmt: skip
    return np.column_stack([own[name.removeprefix("x_")] for name in columns.names_out])


@pytest.mark.parametrize("zone", [None, "UTC", "Europe/Berlin", "America/St_Johns", "+05:30"])
def test_dates_become_their_parts_by_the_clocks_of_their_zone(zone):
    moments = MOMENTS if zone is None else MOMENTS.tz_localize("UTC").tz_convert(zone)
    columns = learn(X := pd.DataFrame({"x": moments}), ROWS)
    assert columns.names_out == [f"x_{part}" for part in ("days", "year", "month", "day", "weekday", "hour")]
    raw, expected = columns.transform(X), parts(moments, columns)
    scaled = smooth(RobustScaler().fit(expected[ROWS]).transform(expected))
    for place, name in enumerate(columns.names_out):
        if name in ("x_weekday", "x_month", "x_day"):
            encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
            values = expected[:, [place]]
            assert (raw[:, [place]] == encoder.fit(values[ROWS]).transform(values) + 1).all()
        else:
            np.testing.assert_allclose(raw[:, place], scaled[:, place], rtol=1e-5, atol=1e-6)


DAYS = [day.to_pydatetime().date() for day in MOMENTS]


@pytest.mark.parametrize(
    "values",
    [
        DAYS,
        [day.isoformat() for day in DAYS],
        [f" {day}T00:00:00.000" for day in DAYS],
        pd.Series(DAYS).astype("datetime64[ns]").dt.to_period("D"),
        pd.Series(DAYS).astype("datetime64[s]"),
        pl.Series(DAYS),
        pl.Series(DAYS).cast(pl.Datetime("ns")),
        [np.datetime64(day) for day in DAYS],
        [datetime.datetime(day.year, day.month, day.day) for day in DAYS],
    ],
)
def test_all_kinds_of_dates(values):
    make = pl.DataFrame if isinstance(values, pl.Series) else pd.DataFrame
    columns = learn(X := make({"x": values}), ROWS)
    expected = learn(Y := pd.DataFrame({"x": pd.to_datetime(pd.Series(DAYS))}), ROWS)
    assert columns.names_out == expected.names_out
    assert (columns.transform(X) == expected.transform(Y)).all()
    assert (
        expected.transform(pd.DataFrame(X.to_dict(as_series=False) if make is pl.DataFrame else X))
        == expected.transform(Y)
    ).all()


def test_dates_of_several_zones_and_gaps():
    text = ["2024-03-01T12:00:00+01:00", "2024-03-02T09:30:00-05:00", None, "2024-04-01T00:00:00Z"]
    utc = pd.to_datetime(pd.Series(text), utc=True)
    assert (raw_of(text) == raw_of(utc)).all()
    assert raw_of(text)[:, -1].tolist() == [0, 0, 1, 0]


def test_dates_far_off_and_close_together():
    close = pd.to_datetime(1_700_000_000_000_000_000 + RNG.integers(0, 900, N), unit="ns")
    steps = (close - close.min()).astype(int)
    assert np.allclose(raw_of(close)[:, 0], raw_of(np.asarray(steps))[:, 0], atol=1e-5)
    assert np.isfinite(raw_of([datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31), None, *MOMENTS[:5]])).all()
    aware = [datetime.datetime(9999, 12, 31, 23, tzinfo=datetime.UTC), MOMENTS[0].tz_localize("UTC"), None]
    assert np.isfinite(raw_of(aware)).all()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns", "Asia/Kathmandu"])
def test_the_hours_around_a_change_of_the_clocks(zone):
    moments = pd.date_range("2021-01-01", "2022-01-01", freq="37min", tz="UTC").tz_convert(zone)
    hours = parts_of(moments.tz_convert("UTC").tz_localize(None).to_numpy("M8[us]"), zone, 0)["hour"]
    np.testing.assert_allclose(hours, moments.hour + moments.minute / 60, rtol=1e-12)


def test_text_that_is_not_all_dates_stays_text():
    assert kind_of(["2020-01-01", "2020-13-01", "2020-01-02"] * 9) == "category"
    assert kind_of(["2020-01-01", "soon", "2020-01-02"] * 9) == "category"
    assert kind_of(["12", "13", "14"] * 9) == "category"


# -- tables -----------------------------------------------------------------------------------------------------------


def test_columns_are_found_by_name():
    columns = learn(FRAME, ROWS)
    raw = columns.transform(FRAME)
    assert (columns.transform(FRAME[FRAME.columns[::-1]]) == raw).all()
    assert (columns.transform(FRAME.to_numpy()) == raw).all()  # an array has no names
    with pytest.raises(ValueError, match=r"feature names should match .* X lacks 'colour'; pass"):
        columns.transform(FRAME.drop(columns="colour"))
    with pytest.raises(ValueError, match=r"names should match .* unseen at fit time, 'new'; .*: X\[list\(model\.f"):
        columns.transform(FRAME.assign(new=1))
    with pytest.raises(ValueError, match=r"X lacks 'colour'; .* order; did you mean 'colour' by 'Color'\?$"):
        columns.transform(FRAME.rename(columns={"colour": "Color"}))
    with pytest.raises(ValueError, match=r"X lacks 'colour'; pass the columns of fit, in any order$"):
        columns.transform(FRAME.rename(columns={"colour": "hue"}))
    with pytest.raises(ValueError, match="X has 6 features, but Columns is expecting 7 features as input"):
        columns.transform(FRAME.to_numpy()[:, :6])


def test_frames_of_other_libraries_are_the_same():
    arrow = pytest.importorskip("pyarrow")
    columns = learn(FRAME, ROWS)
    for other in (pl.from_pandas(FRAME), arrow.Table.from_pandas(FRAME, preserve_index=False)):
        assert learn(other, ROWS).to_state() == columns.to_state()
        assert (learn(other, ROWS).transform(other) == columns.transform(FRAME)).all()


def test_sparse_matrices_are_as_dense_ones():
    X = np.where(RNG.random((N, 6)) < 0.4, RNG.normal(size=(N, 6)), 0)
    for make in (scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_array):
        assert (learn(make(X), ROWS).transform(make(X)) == learn(X, ROWS).transform(X)).all()


def test_names_that_are_no_strings():
    assert (learn(X := pd.DataFrame(NUMBERS)).transform(X) == learn(NUMBERS).transform(NUMBERS)).all()
    assert learn(X).names is None
    with pytest.raises(TypeError, match="must all have strings as names, or none of them, got 1 beside"):
        learn(pd.DataFrame({"a": [1, 2], 1: [3, 4]}))
    with pytest.raises(ValueError, match="two columns of the name 'a'"):
        learn(pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]))


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (np.arange(3), ValueError, r"2 dimensions, got 1 \(shape \(3,\)\). Reshape your data"),
        (5.0, ValueError, "2 dimensions, got 0"),
        (np.empty((0, 3)), ValueError, r"0 sample\(s\) \(shape=\(0, 3\)\) while a minimum of 1 is required"),
        (np.empty((3, 0)), ValueError, r"0 feature\(s\) \(shape=\(3, 0\)\) while a minimum of 1 is required"),
        (FRAME[:0], ValueError, r"0 sample\(s\)"),
        (pd.DataFrame({"a": [1, 2], "c": [1j, 2]}), ValueError, "Complex data not supported: column 'c' of X"),
        (np.ones((2, 2), complex), ValueError, "Complex data not supported"),
        (pd.DataFrame({"a": [1, 2], "c": [[1], [2]]}), TypeError, "a list in row 0, column 'c': .*of their own"),
        (pd.DataFrame({"a": [1, 2], "c": ["x", {}]}), TypeError, "a dict in row 1, column 'c'"),
        (pl.DataFrame({"a": [1, 2], "c": [[1], [2]]}), TypeError, "a list in row 0, column 'c'"),
        (pl.DataFrame({"c": [{"u": 1}, {"u": 2}]}), TypeError, "a dict in row 0, column 'c'"),
        (pd.DataFrame({"c": pd.Series([object(), object()])}), TypeError, "an? object in row 0, column 'c'"),
        (pd.DataFrame({"c": pd.Series([pd.DataFrame()] * 2)}), TypeError, "a DataFrame in row 0, column 'c'"),
        ((row for row in NUMBERS), TypeError, "generator, which can be read only once"),
        (pl.DataFrame({"a": [1, 2]}).lazy(), TypeError, r"a LazyFrame, .*X.collect\(\)"),
        (np.zeros(3, [("a", float), ("b", float)]), ValueError, "2 dimensions"),
        ([[1, 2], [3]], ValueError, "X cannot be made a table|2 dimensions"),
        (pd.DataFrame({"x": [MOMENTS[0].tz_localize("UTC"), MOMENTS[0]]}), ValueError, "a time zone and .* without"),
    ],
)  # fmt: skip
def test_what_is_no_table(X, error, message):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(error, match=message):
            learn(X)


@pytest.mark.parametrize(
    ("learned", "given", "message"),
    [
        ([1, 2, 5], ["1", "2", "5"], "'x' of X held numbers when the network learned, now '1' in row 0"),
        ([1, 2, 5], MOMENTS[:3], "held numbers when the network learned, now dates"),
        (["1", "2", "5"], [1, 2, 5], "held text when the network learned, now numbers, such as 1"),
        (["1", "2", "5"], [1.5, 2, None], "held text when the network learned, now numbers"),
        (pd.Categorical([1, 2, 5]), ["1", "2", "5"], "held numbers when the network learned, now text, such as '1'"),
        (MOMENTS[:3], [1, 2, 3], "held dates when the network learned, now numbers"),
        (MOMENTS[:3], ["soon"], "held dates when the network learned, now 'soon' in row 0"),
        (MOMENTS[:3], MOMENTS[:3].tz_localize("UTC"), "had the time zone none when the network learned, now 'UTC'"),
        (MOMENTS[:3].tz_localize("UTC"), MOMENTS[:3], "had the time zone 'UTC' when the network learned, now none"),
        (pd.to_timedelta([1, 2, 5], "s"), [1, 2, 3], "held time spans when the network learned, now numbers"),
        (pd.to_timedelta([1, 2, 5], "s"), ["1"], "held time spans or times of day .* now '1' in row 0"),
    ],
)
def test_a_column_that_holds_something_else_is_refused(learned, given, message):
    columns = learn(pd.DataFrame({"x": learned}))
    for values in (given, given[:1]):  # a row alone, too
        with pytest.raises(TypeError, match=message):
            columns.transform(pd.DataFrame({"x": values}))


@pytest.mark.parametrize(
    ("option", "value", "error"),
    [
        ("max_one_hot", 0, ValueError), ("embedding_size", 1.5, TypeError), ("missing_indicator", "no", TypeError),
        ("numeric_embedding_rate", -1.0, ValueError), ("max_embedded", "all", TypeError), ("max_levels", 0, ValueError),
    ],
)  # fmt: skip
def test_settings_are_checked(option, value, error):
    with pytest.raises(error, match=option):
        learn(NUMBERS, **{option: value})


def test_rows_of_no_weight_are_not_learned_from():
    weight = np.isin(np.arange(N), ROWS).astype(float)
    assert learn(FRAME, sample_weight=weight).to_state() == learn(FRAME, ROWS).to_state()
    assert learn(FRAME, weight > 0).to_state() == learn(FRAME, ROWS).to_state()
    with pytest.raises(ValueError, match="no rows to learn from"):
        learn(FRAME, sample_weight=np.zeros(N))


def test_encodings_and_names_out():
    columns = learn(FRAME)
    kinds = [(encoding.kind, encoding.n, encoding.width, encoding.rate) for encoding in columns.encodings]
    periodic = ("periodic", 16, 3, 0.1)
    assert kinds == [
        *[periodic] * 2, ("plain", 1, 1, 1.0), periodic, ("embedding", 12, 8, 1.0), ("one_hot", 3, 1, 1.0),
        ("plain", 1, 1, 1.0), *[periodic] * 2, ("embedding", 12, 8, 1.0), ("embedding", len({*MOMENTS.day}), 8, 1.0),
        ("one_hot", 7, 1, 1.0), periodic,
    ]  # fmt: skip
    assert columns.names_out == [
        "size", "gaps", "gaps_missing", "count", "city", "colour", "is_new", "when_days", "when_year", "when_month",
        "when_day", "when_weekday", "when_hour",
    ]  # fmt: skip
    assert columns.n_raw == 13
    assert {encoding.kind for encoding in learn(NUMBERS, max_embedded=3).encodings} == {"plain"}


def test_inputs_stay_as_they_are():
    for X in (FRAME.copy(), NUMBERS.copy(), pl.DataFrame(NUMBERS), NUMBERS.tolist(), scipy.sparse.csr_array(NUMBERS)):
        before = copy.deepcopy(X)
        learn(X, ROWS).transform(X)
        same = (before != X).nnz == 0 if scipy.sparse.issparse(X) else np.array_equal(np.asarray(X), np.asarray(before))
        assert same or before.equals(X)


def test_memory_beside_the_raw_matrix():
    X = np.random.default_rng(0).normal(size=(20_000, 40))
    columns = learn(X[:100])
    columns.transform(X)
    tracemalloc.start()
    raw = columns.transform(X)
    assert tracemalloc.get_traced_memory()[1] < 1.5 * raw.nbytes
    tracemalloc.stop()


# -- a row alone ------------------------------------------------------------------------------------------------------

ODD = frame(
    city=[None, "nowhere", *CITIES[2:]],
    span=pd.to_timedelta(NUMBERS[:, 1], "s").round("us"),
    at=[datetime.time(i % 24, i % 60) for i in range(N)],
    zoned=MOMENTS.tz_localize("UTC").tz_convert("Europe/Berlin"),
    iso=[day.isoformat() for day in DAYS],
    kind=pd.Categorical(COLOURS),
    maybe=pd.array([None, True, False] * 20, "boolean"),
    whole=pd.array([1, 2, None, 3] * 15, "Int64"),
)


@pytest.mark.parametrize(
    "X", [FRAME, ODD, FRAME.astype({"size": "float32"}), pd.DataFrame(NUMBERS, columns=list("abcd"))]
)
def test_a_row_alone_has_the_bits_that_it_has_among_others(X):
    columns = learn(X, ROWS)
    raw = columns.transform(X)
    for row in range(12):
        alone = X.iloc[[row]]
        assert columns._raw_row(columns._row_of(alone)) is not None  # by the quick way
        assert (columns.transform(alone) == raw[row]).all()
        assert (columns.transform(alone[alone.columns[::-1]]) == raw[row]).all()


@pytest.mark.parametrize("value", [datetime.datetime.max, datetime.datetime.min])
def test_a_date_beyond_the_years_of_utc(value):
    ahead = datetime.timezone(datetime.timedelta(hours=-12 if value.year > 1 else 12))
    values = [MOMENTS[0].tz_localize("UTC").to_pydatetime(), value.replace(tzinfo=ahead)] * 15
    with pytest.raises(ValueError, match="in row 1, column 'x', in UTC beyond the years 1 to 9999; where"):
        learn(pd.DataFrame({"x": pd.Series(values, dtype=object)}))


@pytest.mark.parametrize("kind", [pl.Int128, pl.Int64])
def test_integers_that_numpy_has_not_are_numbers(kind):
    columns = learn(X := pl.DataFrame({"x": pl.Series([k * k for k in range(N)], dtype=kind)}))
    assert columns.table.rows[0]["kind"] == "number"
    assert (columns.transform(X) == learn(X["x"].cast(pl.Int32).to_frame()).transform(X)).all()


@pytest.mark.parametrize("freq", ["M", "W", "Q", "h"])
def test_a_period_alone_is_its_first_moment_too(freq):
    X = pd.DataFrame({"x": pd.period_range("2020-01-01", periods=N, freq=freq)})
    columns = learn(X, ROWS)
    raw = columns.transform(X)
    assert all((columns.transform(X.iloc[[row]]) == raw[row]).all() for row in range(N))


def test_a_row_alone_of_polars_and_of_arrays():
    X = pl.DataFrame({name: FRAME[name].to_list() for name in ("size", "gaps", "count", "city", "when")}, strict=False)
    columns = learn(X, ROWS)
    raw = columns.transform(X)
    for row in range(12):
        assert columns._raw_row(columns._row_of(X[row])) is not None
        assert (columns.transform(X[row]) == raw[row]).all()
    array = learn(NUMBERS, ROWS)
    for dtype in (np.float32, np.float64, object):
        rows = NUMBERS.astype(dtype)
        assert (np.vstack([array.transform(row[None]) for row in rows]) == array.transform(rows)).all()


# -- plain data -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("X", [FRAME, ODD, NUMBERS])
def test_columns_come_back_from_plain_data(X):
    columns = learn(X, ROWS)
    for again in (Columns.from_state(columns.to_state()), pickle.loads(pickle.dumps(columns)), copy.deepcopy(columns)):
        assert (again.transform(X) == columns.transform(X)).all()
        assert again.encodings == columns.encodings
        assert again.names_out == columns.names_out
        assert repr(again.table) == repr(columns.table)


def state_with(path, value):
    state = copy.deepcopy(learn(FRAME, ROWS).to_state())
    *way, last = path
    place = state
    for step in way:
        place = place[step]
    place[last] = value
    return state


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), 2), (("names",), ["size"]), (("names",), [1] * 7), (("names",), ["a"] * 7), (("settings",), {}),
        (("columns",), []), (("columns",), None), (("columns", 0), {}), (("columns", 0, "kind"), "picture"),
        (("columns", 0, "kind"), "category"), (("columns", 0, "kind"), "date"), (("columns", 0, "parts"), 5),
        (("columns", 0, "parts"), [["", {}], ["", {}]]), (("columns", 0, "parts", 0, 0), "year"),
        (("columns", 0, "parts", 0, 1, "centre"), np.nan), (("columns", 0, "parts", 0, 1, "centre"), "0"),
        (("columns", 0, "parts", 0, 1, "factor"), 0.0), (("columns", 0, "parts", 0, 1, "offset"), 2**70),
        (("columns", 0, "parts", 0, 1, "offset"), 0.5), (("columns", 0, "name"), "other"),
        (("columns", 0, "indicator"), 2), (("columns", 3, "indicator"), True), (("columns", 0, "zone"), "UTC"),
        (("columns", 6, "zone"), "../../etc/passwd"), (("columns", 6, "zone"), 5), (("columns", 6, "reference"), 2**70),
        (("columns", 6, "parts", 0, 0), "hour"), (("columns", 3, "parts", 0, 1, "levels"), []),
        (("columns", 3, "parts", 0, 1, "levels"), ["b", "a"]), (("columns", 3, "parts", 0, 1, "levels"), ["a", "a"]),
        (("columns", 3, "parts", 0, 1, "levels"), [[]]), (("columns", 3, "parts", 0, 1, "levels"), [float("nan")]),
        (("columns", 3, "parts", 0, 1, "levels"), [1, True]), (("columns", 0, "missing"), -1.0),
        (("columns", 0, "middle"), "x"), (("columns", 0, "note"), 5), (("settings", "embedding_size"), 0),
        (("settings", "max_levels"), "x"),
    ],
)  # fmt: skip
def test_states_that_nobody_wrote_are_refused(path, value):
    with pytest.raises(ModelFormatError):
        Columns.from_state(state_with(path, value))


@pytest.mark.parametrize("state", [None, 5, [], {}, {"version": 1}])
def test_what_is_no_state_at_all(state):
    with pytest.raises(ModelFormatError):
        Columns.from_state(state)


# -- the table of the columns -----------------------------------------------------------------------------------------


def test_the_table_says_what_was_done():
    X = FRAME.assign(**{"<b>": 1})
    table = learn(X).table
    first, gaps, *_, when, constant = table
    assert first == {
        "column": "size", "kind": "number", "becomes": "periodic", "levels": None, "missing": 0.0,
        "median": pytest.approx(np.median(FRAME["size"])), "note": "",
    }  # fmt: skip
    assert gaps["missing"] == pytest.approx(np.isnan(GAPS).mean())
    assert gaps["becomes"] == "periodic + missing"
    assert when["becomes"] == "days + year + month + day + weekday + hour"
    assert constant["note"] == "left out: always the same"
    lines = repr(table).splitlines()
    assert len(lines) == len(table) + 1 == 9
    assert lines[0].split() == ["column", "kind", "becomes", "levels", "missing", "median", "note"]
    html = table._repr_html_()
    assert "<td>&lt;b&gt;</td>" in html
    assert "<b>" not in html
    assert pd.DataFrame(table.to_dict())["column"].tolist() == list(X)


# -- pandas, polars and rows agree ------------------------------------------------------------------------------------

CELLS = {
    "number": st.floats(-1e6, 1e6) | st.none(),
    "whole": st.integers(-1000, 1000) | st.none(),
    "word": st.sampled_from(["a", "b", "é", "", "2020-01-01"]) | st.none(),
    "truth": st.booleans() | st.none(),
    "moment": st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)) | st.none(),
    "span": st.timedeltas(datetime.timedelta(-99), datetime.timedelta(99)) | st.none(),
}
SCHEMA = {
    "number": pl.Float64, "whole": pl.Int64, "word": pl.String, "truth": pl.Boolean, "moment": pl.Datetime("us"),
    "span": pl.Duration("us"),
}  # fmt: skip


def parts_in(columns):
    return [column["parts"] for column in columns.to_state()["columns"]]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(*CELLS.values()), min_size=2, max_size=15))
def test_frames_and_rows_of_the_same_cells_agree(rows):
    rows = [*rows, (0.5, 3, "c", True, datetime.datetime(2000, 1, 1), datetime.timedelta(1)), (None,) * 6]
    polars = pl.DataFrame(rows, SCHEMA, orient="row")
    pandas = pd.DataFrame({name: list(values) for name, values in zip(CELLS, zip(*rows, strict=True), strict=True)})
    expected = learn(rows)
    raw = expected.transform(rows)
    check_matrix("raw", raw, np.float32)
    for X in (polars, pandas, pandas.astype(object)):
        columns = learn(X)
        assert [c["parts"] for c in columns.to_state()["columns"]] == [
            c["parts"] for c in expected.to_state()["columns"]
        ]
        assert (columns.transform(X) == raw).all()
        assert all((columns.transform(X[i : i + 1]) == raw[i]).all() for i in range(2))
