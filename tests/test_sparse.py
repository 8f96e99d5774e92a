"""Sparse X of every format: the bits of dense rows, never made dense, converted once a call, never changed."""

import itertools

import numpy as np
import pytest
import scipy.sparse
import sklearn.neural_network
from conftest import DTYPES, run_program
from fits import ESTIMATORS, QUICK, outputs

import fastnn
from fastnn._tables import SOLVERS
from fastnn.spec import TAKE_ALL_ROWS
from fastnn.training.batches import ORDERS

RNG = np.random.default_rng(0)
DENSE = np.where(RNG.random((57, 41)) < 0.15, RNG.standard_normal((57, 41)), 0)
LABELS = RNG.integers(0, 3, 57)
FORMATS = ("csr", "csc", "coo", "lil", "dok", "bsr", "dia")
KINDS = [getattr(scipy.sparse, f"{name}_{kind}") for name in FORMATS for kind in ("matrix", "array")]
STEPS = {"iter_num": 30, "alpha": 0.02, "loss": "log_loss", "init": "glorot_uniform", "batch_size": 16}


def train(rows, **options):
    return fastnn.train([41, 9, 3], rows, LABELS, **{**STEPS, "random_state": 0, **options})


def same_bits(ours, expected):
    assert ours.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert ours.loss_curve == expected.loss_curve
    assert ours.cost == expected.cost
    assert ours.history == expected.history


def scrambled(dtype=np.float64):
    """DENSE as CSR rows that run backwards, some entries twice: those at even places in halves, which sum exactly."""
    found = scipy.sparse.coo_array(DENSE.astype(dtype))
    halves = np.arange(found.nnz) % 2 == 0
    entries = np.where(halves, found.data / 2, found.data).astype(dtype)
    row, column = np.append(found.row, found.row[halves]), np.append(found.col, found.col[halves])
    entries = np.append(entries, entries[halves])
    order = np.lexsort((-column, row))
    starts = np.append(0, np.bincount(row, minlength=57).cumsum())
    rows = scipy.sparse.csr_matrix((entries[order], column[order], starts), DENSE.shape)
    assert not rows.has_canonical_format
    assert np.array_equal(rows.toarray(), DENSE.astype(dtype))
    return rows


def arrays_of(rows):
    return [rows.data.copy(), rows.indices.copy(), rows.indptr.copy()]


def assert_unchanged(rows, before):
    """The matrix still has the arrays that `arrays_of` found, bit by bit."""
    for after, earlier in zip(arrays_of(rows), before, strict=True):
        assert after.tobytes() == earlier.tobytes()


@pytest.fixture
def never_dense(monkeypatch):
    """Whatever makes a sparse matrix dense fails."""

    def refusing(method):
        def call(self, *args, **kwargs):
            assert self.shape[1] != 41, f"a {type(self).__name__} of shape {self.shape} was made dense"
            return method(self, *args, **kwargs)

        return call

    for kind in KINDS:
        for name in ("toarray", "todense"):
            monkeypatch.setattr(kind, name, refusing(getattr(kind, name)))


@pytest.fixture
def conversions(monkeypatch):
    """Counts what makes CSR of another format, or sorts: a list of names."""
    seen = []

    def counted(cls, method):
        original = getattr(cls, method)

        def call(self, *args, **kwargs):
            if method != "tocsr" or self.format != "csr":
                seen.append(f"{self.format}.{method}")
            return original(self, *args, **kwargs)

        monkeypatch.setattr(cls, method, call)

    for name in ("csc", "csr"):
        for kind in ("matrix", "array"):
            counted(getattr(scipy.sparse, f"{name}_{kind}"), "tocsr" if name == "csc" else "sum_duplicates")
    return seen


# -- train ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_format_trains_and_predicts_as_dense_rows(kind, never_dense):
    rows = kind(DENSE)
    dense, ours = train(DENSE), train(rows)
    same_bits(ours, dense)
    network = ours.network
    assert type(network(rows)) is np.ndarray
    assert network(rows).tobytes() == network(DENSE).tobytes()
    assert np.array_equal(network.predict(rows), network.predict(DENSE))
    assert network.predict_proba(rows).tobytes() == network.predict_proba(DENSE).tobytes()
    assert np.array_equal(ours.predict(rows), dense.predict(DENSE))
    assert np.array_equal(fastnn.predict(ours.W, ours.b, rows), network.predict(DENSE))
    plain = dict(ours.W), dict(ours.b)
    assert np.array_equal(fastnn.predict(*plain, rows), fastnn.predict(*plain, DENSE))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver(solver, dtype):
    rows = scipy.sparse.csr_matrix(DENSE)
    for batch_size in (None,) if solver in TAKE_ALL_ROWS else (16, None):
        options = {"solver": solver, "dtype": dtype, "batch_size": batch_size, "l2": 0.01}
        same_bits(train(rows, **options), train(DENSE, **options))


@pytest.mark.parametrize("order", ORDERS)
def test_every_order(order):
    same_bits(train(scipy.sparse.csc_array(DENSE), order=order), train(DENSE, order=order))


@pytest.mark.parametrize("validate", [np.array, scipy.sparse.csr_matrix, scipy.sparse.coo_array])
def test_reports_weights_callbacks_and_early_stopping(validate, never_dense):
    def run(kind, of_validation):
        heard = []
        result = train(
            kind(DENSE), iter_num=400, alpha=0.3, sample_weight=np.arange(57) % 4, report_every=7, early_stopping=True,
            n_iter_no_change=3, validation_data=(of_validation(DENSE[::3]), LABELS[::3], np.arange(19) % 3),
            callback=lambda iteration, loss, network: heard.append((iteration, loss, network(kind(DENSE)).tobytes())),
        )  # fmt: skip
        return result, heard

    (ours, heard), (dense, expected) = run(scipy.sparse.csr_matrix, validate), run(np.array, np.array)
    same_bits(ours, dense)
    assert heard == expected
    assert ours.best_iteration == dense.best_iteration
    assert dense.history["iteration"][-1] < 400


@pytest.mark.parametrize("dtype", ["float64", "float32", ">f8", "int8", "bool", "uint16", "longdouble"])
def test_entries_of_every_dtype(dtype):
    values = np.abs(DENSE * 4).astype(dtype)
    held = scipy.sparse.coo_matrix(values.astype(np.dtype(dtype).newbyteorder("=")))
    starts = np.append(0, np.bincount(held.row, minlength=57).cumsum())
    rows = scipy.sparse.csr_matrix((held.data.astype(dtype), held.col, starts), DENSE.shape)
    for of_network in DTYPES:
        same_bits(train(rows, dtype=of_network), train(values, dtype=of_network))


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_out_of_order_are_sorted_in_a_copy(dtype, conversions):
    rows = scrambled(dtype)
    before = arrays_of(rows)
    result = train(rows, dtype=dtype)
    assert conversions == ["csr.sum_duplicates"]
    same_bits(result, train(DENSE.astype(dtype), dtype=dtype))
    assert result.network(rows).tobytes() == result.network(DENSE).tobytes()
    assert_unchanged(rows, before)


def test_other_formats_are_converted_once_a_call(conversions):
    rows = scipy.sparse.csc_matrix(DENSE)
    result = train(rows, validation_data=(DENSE, LABELS), report_every=3)
    assert conversions == ["csc.tocsr"]
    result.network(rows)
    assert conversions == 2 * ["csc.tocsr"]


def test_indices_of_64_bits_spare_room_strides_and_read_only_arrays():
    rows = scipy.sparse.csr_matrix(DENSE)
    odd = [rows.copy() for _ in range(4)]
    odd[0].indices, odd[0].indptr = odd[0].indices.astype(np.int64), odd[0].indptr.astype(np.int64)
    odd[1].data, odd[1].indices = np.append(odd[1].data, [np.nan] * 9), np.append(odd[1].indices, [10**6] * 9)
    odd[2].data = np.repeat(odd[2].data, 2)[::2]
    for array in (odd[3].data, odd[3].indices, odd[3].indptr):
        array.flags.writeable = False
    for rows in odd:
        same_bits(train(rows), train(DENSE))


def test_the_start_is_looked_at_without_making_it_dense(never_dense):
    big = [1000.0 * DENSE, scipy.sparse.csr_matrix(1000.0 * DENSE)]
    for rows in big:
        with pytest.warns(UserWarning, match="saturate 100% of the logistic units of layer 1"):
            train(rows, init="uniform", iter_num=1)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n_in", "units"), [(2000, (40, 5)), (300, (250,)), (5000, ()), (1100, (33, 2, 130))], ids=str)
def test_predictions_of_more_and_fewer_rows(n_in, units, dtype):
    """Whether the weights are turned for the rows depends on how many these are; their outputs do not."""
    rng = np.random.default_rng(0)
    sizes = [n_in, *units, 9]
    weights = [(rng.standard_normal((b, a)) / 9).astype(dtype) for a, b in itertools.pairwise(sizes)]
    biases = [rng.standard_normal(b).astype(dtype) for b in sizes[1:]]
    network = fastnn.Network(weights, biases, activation="relu", output_activation="identity", dtype=dtype)
    columns = np.sort(rng.integers(0, n_in, (4200, 12))).ravel()
    entries = rng.standard_normal(columns.size).astype(dtype)
    rows = scipy.sparse.csr_array((entries, columns, np.arange(4201) * 12), (4200, n_in))
    rows.sum_duplicates()
    h = rows.astype(np.float64)
    for l, (W, b) in enumerate(zip(weights, biases, strict=True)):
        h = h @ W.T.astype(np.float64) + b
        h = h if l == len(units) else np.maximum(h, 0)
    outputs = network(rows)
    assert np.abs(outputs - h).max() < (1e-12 if dtype == "float64" else 1e-4)
    for n in (1, 20, n_in // 2, n_in - 1, n_in, n_in + 1, 4095, 4096, 4097):
        n = min(n, 4200)
        assert np.array_equal(network(rows[:n]), outputs[:n])
        assert np.array_equal(network(rows[4200 - n :]), outputs[4200 - n :])


def test_one_thread_and_several():
    rows = scipy.sparse.random(3000, 500, 0.02, "csr", random_state=np.random.RandomState(0))
    y = np.arange(3000) % 3
    options = {**STEPS, "batch_size": 700, "random_state": 0, "iter_num": 8}
    one, two = (fastnn.train([500, 64, 3], rows, y, n_threads=n, **options) for n in (1, 2))
    assert one.network.parameters.tobytes() == two.network.parameters.tobytes()


@pytest.mark.parametrize("backend", ["numpy", "cython", "python"])
def test_other_backends_refuse_with_the_way_out(backend):
    rows = scipy.sparse.csr_matrix(DENSE)
    message = (
        rf"{{}}X is a sparse matrix \(csr_matrix\), which backend='{backend}' does not take; use backend='simd' or "
    )
    with pytest.raises(TypeError, match=message.format("^") + r"backend='auto', or pass a dense array: X.toarray\(\)"):
        train(rows, backend=backend)
    with pytest.raises(TypeError, match=message.format("validation ")):
        train(DENSE, backend=backend, validation_data=(rows, LABELS))
    network = train(DENSE, backend=backend, iter_num=1).network
    with pytest.raises(TypeError, match=message.format("^")):
        network(rows)
    assert train(rows, backend="simd").network.backend == "simd"


def test_scipy_is_not_imported_for_dense_rows():
    out = run_program(
        """
import sys
import numpy as np
import fastnn
X = np.eye(4)
result = fastnn.train([4, 3, 2], X, [0, 1, 0, 1], 3, random_state=0, validation_data=(X, [0, 1, 0, 1]))
result.network.predict(X)
print("scipy" in sys.modules)
"""
    )
    assert out == "False\n"


# -- what is wrong ----------------------------------------------------------------------------------------------------


def with_entry(value, dtype=float):
    rows = np.where(DENSE != 0, 1, 0).astype(dtype)
    rows[7, 11] = value
    return rows


@pytest.mark.parametrize("kind", [scipy.sparse.csr_matrix, scipy.sparse.csc_array, scipy.sparse.coo_matrix])
@pytest.mark.parametrize("rows", [with_entry(bad) for bad in (np.nan, -np.inf, 1e300)], ids=["nan", "inf", "big"])
def test_entries_that_are_not_finite_are_named_as_dense_ones(kind, rows):
    def message(call):
        with pytest.raises(ValueError, match="in row 7, column 11") as raised:
            call()
        return str(raised.value)

    def both(call):
        assert message(lambda: call(kind(rows))) == message(lambda: call(rows))

    network = train(DENSE, iter_num=1, dtype="float32").network
    both(lambda X: train(X, dtype="float32"))
    both(lambda X: train(DENSE, dtype="float32", validation_data=(X, LABELS)))
    both(network)
    both(lambda X: fastnn.predict(network.W, network.b, X))


def out_of_range():
    rows = scipy.sparse.csr_matrix(DENSE)
    rows.indices[3] = 41
    return rows


def begins_beyond(indptr):
    rows = scipy.sparse.csr_matrix(DENSE)
    rows.indptr = np.asarray(indptr(rows.indptr), rows.indptr.dtype)
    return rows


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (scipy.sparse.csr_matrix(DENSE[:, :40]), ValueError, "X has 40 columns, but the first layer has 41"),
        (scipy.sparse.csc_matrix((0, 41)), ValueError, r"X is empty: its shape is \(0, 41\)"),
        (scipy.sparse.csr_matrix(DENSE.astype(complex)), TypeError, "X must hold real numbers, got a sparse matrix of"),
        (scipy.sparse.dok_array(DENSE.astype("F")), TypeError, r"dtype complex64; .* with X.astype\(float\)"),
        (scipy.sparse.coo_array(DENSE[0]), ValueError, r"X must have 2 dimensions, got 1 .*X.reshape\(1, -1\)"),
        (out_of_range(), ValueError, "X is not a CSR matrix of 41 columns: indices or indptr are out of range"),
        (begins_beyond(lambda starts: starts * 1000), ValueError, "X is not a CSR matrix: its indptr is out of range"),
        (begins_beyond(lambda starts: starts[::-1]), ValueError, "X is not a CSR matrix: its indptr is out of range"),
        (begins_beyond(lambda starts: starts[:-1]), ValueError, "X is not a CSR matrix: its indptr is out of range"),
    ],
)
def test_what_is_no_matrix_of_numbers_is_refused(rows, error, message):
    network = train(DENSE, iter_num=1).network
    for call in (train, network, network.predict):
        with pytest.raises(error, match=message):
            call(rows)


def test_sparse_rows_and_targets_of_other_lengths():
    with pytest.raises(ValueError, match="X has 57 rows, but y has 56 rows"):
        fastnn.train([41, 3], scipy.sparse.csr_matrix(DENSE), LABELS[1:])
    with pytest.raises(TypeError, match=r"y is a sparse matrix .* only the X of"):
        fastnn.train([41, 3], DENSE, scipy.sparse.csr_matrix(np.eye(3)[LABELS]))


# -- estimators -------------------------------------------------------------------------------------------------------


def target(name):
    return LABELS if name == "MLPClassifier" else DENSE @ np.arange(41.0)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_estimators_learn_from_every_format(name, kind, early_stopping, never_dense):
    rows, y = kind(DENSE), target(name)
    options = {**QUICK, "early_stopping": early_stopping}
    ours, dense, theirs = (
        getattr(module, name)(**options).fit(X, y)
        for module, X in ((fastnn, rows), (fastnn, DENSE), (sklearn.neural_network, DENSE))
    )
    assert outputs(ours, rows).tobytes() == outputs(dense, DENSE).tobytes()
    np.testing.assert_allclose(outputs(ours, rows), outputs(theirs, DENSE), rtol=1e-9, atol=1e-11)
    if not early_stopping:
        ours.partial_fit(rows, y), dense.partial_fit(DENSE, y)
        assert outputs(ours, rows).tobytes() == outputs(dense, DENSE).tobytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_estimators_convert_and_sort_once_a_call(name, solver, dtype, conversions):
    y = target(name)
    options = {**QUICK, "solver": solver, "early_stopping": solver == "adam"}
    dense = getattr(fastnn, name)(**options).fit(DENSE.astype(dtype), y)
    for rows, once in (
        (scipy.sparse.csc_matrix(DENSE.astype(dtype)), ["csc.tocsr"]),
        (scrambled(dtype), ["csr.sum_duplicates"]),
    ):
        before = arrays_of(rows)
        del conversions[:]
        ours = getattr(fastnn, name)(**options).fit(rows, y)
        assert conversions == once
        found = outputs(ours, rows)
        assert conversions == 2 * once
        assert found.tobytes() == outputs(dense, DENSE.astype(dtype)).tobytes()
        for other in DTYPES:
            assert (
                outputs(ours, rows.astype(other)).tobytes()
                == outputs(dense, DENSE.astype(dtype).astype(other)).tobytes()
            )
        if solver == "adam":
            ours.set_params(early_stopping=False).partial_fit(rows, y)
            assert conversions == 5 * once
        assert_unchanged(rows, before)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_early_stopping_takes_the_rows_held_back_once(name, monkeypatch):
    taken = []
    take = scipy.sparse.csr_matrix.__getitem__
    monkeypatch.setattr(scipy.sparse.csr_matrix, "__getitem__", lambda self, key: taken.append(key) or take(self, key))
    getattr(fastnn, name)(**QUICK, early_stopping=True).fit(scipy.sparse.csr_matrix(DENSE), target(name))
    held = [key for key in taken if not isinstance(key, slice) and len(key) == len(DENSE) // 10 + 1]
    assert len(held) == 1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimators_take_indices_of_64_bits(name):
    rows = scipy.sparse.csr_matrix(DENSE)
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    ours, dense = (getattr(fastnn, name)(**QUICK).fit(X, target(name)) for X in (rows, DENSE))
    assert outputs(ours, rows).tobytes() == outputs(dense, DENSE).tobytes()
