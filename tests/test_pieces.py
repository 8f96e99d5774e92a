"""Data beyond memory: the same bits as of arrays, whatever the pieces and the buffer; and what goes wrong with them."""

import threading
import time

import numpy as np
import pytest

import fastnn
from fastnn import Pieces, schedules
from fastnn.estimators._pieces import Read

N, B = 500, 16
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
WORDS = np.array(["high", "low", "middle"])[np.digitize(X[:, 2], [-0.4, 0.4])]
WEIGHT = RNG.uniform(0.1, 3.0, N)
#: Rows of half the buffer: of one batch, of no multiple of it, of all but one row.
HALVES = (16, 100, N - 1)
SETTINGS = {
    "iter_num": 100, "alpha": 0.05, "activation": "tanh", "loss": "log_loss", "init": "glorot_uniform",
    "solver": "adam", "batch_size": B, "random_state": 0,
}  # fmt: skip


def cut(y, size, weight=None, X=X):
    """A function that gives pieces of so many rows."""

    def pieces():
        for begin in range(0, len(X), size):
            rows = slice(begin, begin + size)
            yield (X[rows], y[rows]) if weight is None else (X[rows], y[rows], weight[rows])

    return pieces


def check_same(result, expected):
    assert result.loss_curve == expected.loss_curve
    np.testing.assert_array_equal(result.network.parameters, expected.network.parameters)


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    assert not [one for one in threading.enumerate() if one.name == "fastnn-pieces"]


# -- bits --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["shuffled", "sequential", "random", "wraparound"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_buffer_that_holds_all_gives_the_bits_of_arrays(order, dtype):
    given = {**SETTINGS, "order": order, "dtype": dtype}
    expected = fastnn.train([4, 5, 1], X, LABELS, sample_weight=WEIGHT, **given)
    check_same(fastnn.train([4, 5, 1], cut(LABELS, 77, WEIGHT), **given), expected)


@pytest.mark.parametrize("solver", ["lbfgs", "rprop", "levenberg_marquardt"])
def test_full_batches_of_all_that_the_buffer_holds(solver):
    given = {**SETTINGS, "solver": solver, "batch_size": None, "iter_num": 5, "loss": "squared_error"}
    expected = fastnn.train([4, 5, 1], X, X[:, :1], output_activation="identity", **given)
    check_same(fastnn.train([4, 5, 1], cut(X[:, :1], 77), output_activation="identity", **given), expected)


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("solver", ["sgd", "adam", "lion"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_in_their_order_give_the_bits_of_arrays_whatever_the_buffer(half, solver, dtype):
    given = {**SETTINGS, "order": "sequential", "solver": solver, "dtype": dtype}
    expected = fastnn.train([4, 5, 1], X, LABELS, sample_weight=WEIGHT, **given)
    check_same(fastnn.train([4, 5, 1], Pieces(cut(LABELS, 77, WEIGHT), buffer_rows=half), **given), expected)


@pytest.mark.parametrize("backend", ["simd", "cython", "numpy", "python"])
def test_all_backends_learn_from_the_buffer(backend):
    given = {**SETTINGS, "order": "sequential", "solver": "sgd", "backend": backend, "iter_num": 40}
    expected = fastnn.train([4, 3, 1], X, LABELS, **given)
    check_same(fastnn.train([4, 3, 1], Pieces(cut(LABELS, 77), buffer_rows=64), **given), expected)


@pytest.mark.parametrize(
    ("y", "sizes", "other"),
    [
        (WORDS, [4, 5, 3], {}),
        (np.eye(3)[np.digitize(X[:, 2], [-0.4, 0.4])], [4, 5, 3], {"label_smoothing": 0.1}),
        ((X[:, :3] > 0).astype(int), [4, 5, 3], {}),
        (X[:, 0] ** 2, [4, 5, 1], {"loss": "squared_error"}),
        (X[:, :2], [4, 5, 2], {"loss": "huber"}),
        (X[:, :2], [4, 5, 4], {"loss": "gaussian_nll"}),
        (X[:, 0], [4, 5, 3], {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}),
        (LABELS, [4, 5, 1], {"loss": "hinge", "dropout": 0.2}),
        (LABELS, [4, 5, 1], {"class_weight": {0: 1.0, 1: 4.0}}),
        (LABELS, [4, 5, 1], {"alpha": schedules.cosine(0.1, warmup=0.1), "l2": 0.01, "max_grad_norm": 1.0}),
    ],
    ids=lambda value: value.dtype.name if isinstance(value, np.ndarray) else str(len(value)),
)
def test_targets_of_all_kinds(y, sizes, other):
    given = {**SETTINGS, "order": "sequential", **other}
    expected = fastnn.train(sizes, X, y, **given)
    result = fastnn.train(sizes, Pieces(cut(y, 77), buffer_rows=64), **given)
    check_same(result, expected)
    assert result.network.activations == expected.network.activations
    assert result.network._labels == expected.network._labels


def test_balanced_weights_of_classes_follow_from_the_first_reading():
    given = {**SETTINGS, "order": "sequential", "class_weight": "balanced"}
    expected = fastnn.train([4, 5, 3], X, WORDS, sample_weight=WEIGHT, **given)
    result = fastnn.train([4, 5, 3], Pieces(cut(WORDS, 77, WEIGHT), buffer_rows=64), **given)
    np.testing.assert_allclose(result.loss_curve, expected.loss_curve, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("half", [64, 1000])
def test_classes_that_are_missing_in_the_data_are_learned_all_the_same(half):
    """The bits are those of the first pass over arrays that have one row more, of the label that is missing."""
    pieces = Pieces(cut(LABELS, 77), buffer_rows=half, classes=[0, 1, 2])
    more, labels = np.append(X, X[:1], axis=0), np.append(LABELS, 2)
    expected = fastnn.train([4, 5, 3], more, labels, **{**SETTINGS, "order": "sequential", "iter_num": 31})
    found = fastnn.train([4, 5, 3], pieces, **{**SETTINGS, "order": "sequential", "iter_num": 31})
    check_same(found, expected)
    assert found.network.classes.tolist() == [0, 1, 2]
    for warm in (False, True):
        model = estimator_of("labels", warm_start=warm)[1].fit(pieces).fit(pieces)
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.predict_proba(X).shape == (N, 3)


def test_pieces_that_are_more_than_the_buffer_holds_are_not_kept():
    """Not of float64 either, whose rows are known to be too many only after the first reading."""
    small, wide = Pieces(cut(LABELS, 77), memory=N * 2 * 40), Pieces(cut(LABELS, 77), memory=N * 2 * 70)
    for pieces, is_held in ((small, False), (wide, True)):
        read = Read(estimator_of("labels")[1], pieces)
        assert read.is_held == is_held == (read.reading.held is not None)


@pytest.mark.parametrize("half", [64, 1000])
def test_pieces_without_rows_are_left_out(half):
    pieces = [([], []), (X[:200], LABELS[:200]), (X[:0], LABELS[:0]), (X[200:], LABELS[200:])]
    given = {**SETTINGS, "order": "sequential"}
    expected = fastnn.train([4, 5, 1], X, LABELS, **given)
    check_same(fastnn.train([4, 5, 1], Pieces(pieces, buffer_rows=half), **given), expected)


def test_rows_are_shuffled_within_half_the_buffer_by_the_seed():
    """The rows of each update are told by a loss that keeps them: a permutation of each half, anew in each pass."""
    seen = []

    def loss(outputs, targets):
        seen.append(targets[:, 0].astype(int).tolist())
        return np.square(outputs - targets).sum(axis=1), 2 * (outputs - targets)

    numbers = np.arange(40.0)[:, None]
    given = {"iter_num": 16, "alpha": 1e-6, "batch_size": 5, "loss": loss, "init": "zeros", "random_state": 3}
    fastnn.train([1, 1], Pieces(cut(numbers, 7, X=numbers), buffer_rows=24), **given)
    draws = np.random.RandomState(3)
    expected = [first + draws.permutation(n) for _ in range(2) for first, n in ((0, 20), (20, 20))]
    assert np.concatenate(seen).tolist() == np.concatenate(expected).tolist()
    assert list(map(len, seen)) == [5] * 16


@pytest.mark.parametrize("size", [1, 3, 64, 500])
def test_how_the_data_are_cut_changes_nothing(size):
    given = {**SETTINGS, "iter_num": 70}
    expected = fastnn.train([4, 3, 1], Pieces(cut(LABELS, 77), buffer_rows=128), **given)
    check_same(fastnn.train([4, 3, 1], Pieces(cut(LABELS, size), buffer_rows=128), **given), expected)


def test_going_on_gives_two_halves_the_bits_of_one_run():
    pieces = Pieces(cut(LABELS, 77), buffer_rows=64)
    expected = fastnn.train([4, 5, 1], pieces, **SETTINGS)
    for n in (1, 3, 4, 30, 32, 50, 64):  # within a stretch, at its end, at the end of a pass
        first = fastnn.train([4, 5, 1], pieces, **{**SETTINGS, "iter_num": n})
        rest = {**SETTINGS, "iter_num": 100 - n, "random_state": None}
        second = fastnn.train([4, 5, 1], pieces, init=first, **{k: v for k, v in rest.items() if k != "init"})
        np.testing.assert_array_equal(second.network.parameters, expected.network.parameters)


def test_a_cost_that_stands_still_ends_the_run_as_of_arrays():
    given = {**SETTINGS, "order": "sequential", "tol": 1e-3, "iter_num": 5000}
    expected = fastnn.train([4, 5, 1], X, LABELS, **given)
    check_same(fastnn.train([4, 5, 1], Pieces(cut(LABELS, 77), buffer_rows=64), **given), expected)
    assert expected.n_iter < 5000


# -- who listens -------------------------------------------------------------------------------------------------


def test_validation_early_stopping_and_reports_are_those_of_arrays():
    heard = [], []
    given = {
        **SETTINGS, "order": "sequential", "iter_num": 3000, "early_stopping": True, "n_iter_no_change": 2,
        "report_every": 7, "track": ["learning_rate"], "alpha": schedules.plateau(0.05, patience=1),
    }  # fmt: skip
    validation = X[:100], LABELS[:100]
    expected = fastnn.train(
        [4, 5, 1], X, LABELS, validation_data=validation, callback=lambda *of: heard[0].append(of[:2]), **given
    )
    for own in (validation, Pieces(cut(LABELS[:100], 30, X=X[:100]))):
        heard[1].clear()
        result = fastnn.train(
            [4, 5, 1], Pieces(cut(LABELS, 77), buffer_rows=64), validation_data=own,
            callback=lambda *of: heard[1].append(of[:2]), **given,
        )  # fmt: skip
        check_same(result, expected)
        names = ["iteration", "val_loss", "val_accuracy", "learning_rate"]
        assert result.history == {name: expected.history[name] for name in names}
        assert heard[0] == heard[1]
        assert result.best_iteration == expected.best_iteration < expected.n_iter


def test_a_limit_of_time_ends_the_run():
    began = time.perf_counter()
    result = fastnn.train(
        [4, 5, 1], Pieces(cut(LABELS, 77), buffer_rows=64), max_time=0.1, **{**SETTINGS, "iter_num": 10**7}
    )
    assert 0 < result.n_iter < 10**7
    assert time.perf_counter() - began < 5


class Killed(BaseException):
    """The end of a process, as far as a test in the same one can have it."""


@pytest.mark.parametrize("n", [3, 4, 10, 32, 45])
def test_a_run_that_was_killed_goes_on_to_the_same_bits(n, tmp_path):
    y = np.array(["no", "yes"])[LABELS]
    pieces = Pieces(cut(y, 77, WEIGHT), buffer_rows=64)
    expected = fastnn.train([4, 5, 1], pieces, dropout=0.1, **SETTINGS)

    def kill(iteration, loss, network):
        if iteration > n:
            raise Killed

    given = {**SETTINGS, "dropout": 0.1, "checkpoint": tmp_path, "report_every": 1}
    with pytest.raises(Killed):
        fastnn.train([4, 5, 1], pieces, callback=kill, checkpoint_every=n, **given)
    check_same(fastnn.train([4, 5, 1], pieces, **given), expected)
    check_same(fastnn.train([4, 5, 1], Pieces(cut(y, 50, WEIGHT), buffer_rows=64), **given), expected)
    with pytest.raises(ValueError, match="are of a training with X: 500 rows"):
        fastnn.train([4, 5, 1], Pieces(cut(y, 77, WEIGHT), buffer_rows=80), **given)
    with pytest.raises(ValueError, match="are of a training with X: 500 rows"):
        fastnn.train([4, 5, 1], Pieces(cut(y[::-1], 77, WEIGHT), buffer_rows=64), **given)


def test_an_interrupt_is_answered_at_once_though_the_source_is_slow():
    def slow():
        yield X[:200], LABELS[:200]
        if threading.current_thread().name == "fastnn-pieces":
            _interrupt_soon()
            for _ in range(20):
                time.sleep(0.05)
                yield X[100:120], LABELS[100:120]
        else:
            for _ in range(20):
                yield X[100:120], LABELS[100:120]

    with pytest.raises(KeyboardInterrupt) as raised:
        fastnn.train([4, 5, 1], Pieces(slow, buffer_rows=200), **SETTINGS)
    assert time.perf_counter() - INTERRUPTED[-1] < 0.2
    assert raised.value.result.n_iter == 0


INTERRUPTED = []


def _interrupt_soon():
    import _thread

    def interrupt():
        INTERRUPTED.append(time.perf_counter())
        _thread.interrupt_main()

    threading.Timer(0.2, interrupt).start()


# -- estimators --------------------------------------------------------------------------------------------------

KINDS = {
    "labels": (LABELS, "MLPClassifier", {}),
    "words": (WORDS, "MLPClassifier", {"class_weight": {"low": 3.0}}),
    "indicators": ((X[:, :3] > 0).astype(int), "MLPClassifier", {"label_smoothing": 0.1}),
    "signs": (WORDS, "MLPClassifier", {"loss": "hinge"}),
    "numbers": (X[:, 0] ** 2, "MLPRegressor", {"solver": "sgd", "learning_rate": "invscaling"}),
    "counts": (np.round(X[:, 0] ** 2), "MLPRegressor", {"loss": "poisson"}),
    "columns": (X[:, :2], "MLPRegressor", {"dropout": 0.1}),
}


def estimator_of(kind, **other):
    y, name, own = KINDS[kind]
    given = {"hidden_layer_sizes": (6,), "max_iter": 4, "batch_size": B, "random_state": 0, **own, **other}
    return y, getattr(fastnn, name)(**given)


def check_same_fit(estimator, expected):
    assert estimator.loss_curve_ == expected.loss_curve_
    assert estimator.n_features_in_ == 4
    assert estimator.t_ == expected.t_
    for own, other in zip(estimator.coefs_, expected.coefs_, strict=True):
        np.testing.assert_array_equal(own, other, strict=True)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_estimators_have_the_bits_of_arrays(kind, dtype):
    y, estimator = estimator_of(kind, shuffle=False)
    of_dtype = X.astype(dtype)
    expected = estimator.fit(of_dtype, y, WEIGHT)
    for half in (64, 100, N):
        pieces = Pieces(cut(y, 77, WEIGHT, of_dtype), buffer_rows=half)
        check_same_fit(estimator_of(kind, shuffle=False)[1].fit(pieces), expected)
    expected = estimator_of(kind)[1].fit(of_dtype, y, WEIGHT)
    check_same_fit(estimator_of(kind)[1].fit(cut(y, 77, WEIGHT, of_dtype)), expected)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_an_estimator_validates_and_stops_early_as_of_arrays():
    given = {"shuffle": False, "early_stopping": True, "n_iter_no_change": 2, "max_iter": 50, "scoring": "loss"}
    y, estimator = estimator_of("labels", **given)
    expected = estimator.fit(X, y, X_val=X[:50], y_val=y[:50])
    pieces = Pieces(cut(y, 77), buffer_rows=64)
    for own in ({"X_val": X[:50], "y_val": y[:50]}, {"X_val": Pieces(cut(y[:50], 20, X=X[:50]))}):
        fitted = estimator_of("labels", **given)[1].fit(pieces, **own)
        check_same_fit(fitted, expected)
        assert fitted.validation_scores_ == expected.validation_scores_


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_fit_that_was_killed_goes_on_to_the_same_bits(tmp_path):
    pieces = Pieces(cut(WORDS, 77), buffer_rows=64)
    expected = estimator_of("words")[1].fit(pieces)

    def kill(epoch, loss, network):
        if epoch == 3:
            raise Killed

    with pytest.raises(Killed):
        estimator_of("words", callback=kill, checkpoint=tmp_path, checkpoint_every=1)[1].fit(pieces)
    check_same_fit(estimator_of("words", checkpoint=tmp_path)[1].fit(pieces), expected)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_shuffled_fits_follow_the_seed_and_warm_starts_go_on():
    pieces = Pieces(cut(WORDS, 77), buffer_rows=64)
    one, other = (estimator_of("words")[1].fit(pieces) for _ in range(2))
    check_same_fit(one, other)
    long = estimator_of("words", max_iter=6)[1].fit(pieces)
    short = estimator_of("words", max_iter=3, warm_start="solver")[1].fit(pieces).fit(pieces)
    check_same_fit(short, long) if short.t_ == long.t_ else pytest.fail("other rows")


def test_numbers_taken_for_labels_are_told_before_they_are_gathered():
    numbers = np.arange(70_000.0)
    with pytest.raises(ValueError, match="y has more than 65536 distinct labels"):
        fastnn.MLPClassifier().fit(cut(numbers, 10_000, X=numbers[:, None]))


# -- errors ------------------------------------------------------------------------------------------------------

LARGE = {"buffer_rows": 64}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"batch_size": None}, "batch_size=None takes all rows in each update; pass a batch_size of at most 64"),
        ({"batch_size": 65}, "batch_size=65 is more; pass a batch_size of at most 64"),
        ({"solver": "lbfgs", "batch_size": None}, "solver='lbfgs' takes all rows in each update"),
        ({"solver": "rprop", "batch_size": None}, "solver='rprop' takes all rows in each update"),
        ({"validation_split": 0.1}, "pass validation_data"),
        ({"order": "random"}, "order='random' takes rows from all of X"),
        ({"track": "loss"}, r"track=\['loss'\] measures all rows"),
        ({"sample_weight": WEIGHT}, "pieces have their weights themselves"),
    ],
)
def test_what_needs_all_rows_at_once_is_refused(other, told):
    with pytest.raises(ValueError, match=told):
        fastnn.train([4, 5, 1], Pieces(cut(LABELS, 77), **LARGE), **{**SETTINGS, **other})


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"early_stopping": True}, "pass X_val and y_val"),
        ({"solver": "lbfgs", "batch_size": "auto"}, "solver='lbfgs' takes all rows"),
        ({"batch_size": 100}, "batch_size=100 is more"),
        ({"track": "score"}, "measures all rows"),
        ({"heads": [fastnn.Head(1)]}, "heads are not learned from pieces"),
        ({"n_members": 2}, "is read by one network, and n_members=2"),
    ],
)
def test_what_a_fit_needs_all_rows_for_is_refused(other, told):
    with pytest.raises(ValueError, match=told):
        estimator_of("numbers", **{"solver": "adam", **other})[1].fit(Pieces(cut(X[:, 0], 77), **LARGE))


@pytest.mark.parametrize("source", [iter([]), (one for one in []), map(str, [])])
def test_what_is_gone_through_once_is_refused(source):
    for call in (Pieces, lambda given: fastnn.train([4, 1], given), fastnn.MLPRegressor().fit):
        with pytest.raises(TypeError, match=r"only once.*; pass a function that returns a fresh one"):
            call(source)


def changed(place, X=X, y=LABELS):
    """A function of pieces that are changed in the second pass: rows behind a place are missing, or one too many."""
    calls = []

    def pieces():
        calls.append(1)
        n = len(X) if len(calls) == 1 else place
        for begin in range(0, n, 50):
            rows = np.arange(begin, min(begin + 50, n)) % len(X)
            yield X[rows], y[rows]

    return pieces


@pytest.mark.parametrize(("n", "told"), [(450, "gave 450 rows in pass 1"), (600, "gave more than 500 rows in pass 1")])
def test_other_rows_the_second_time_are_told(n, told):
    with pytest.raises(ValueError, match=told):
        fastnn.train([4, 5, 1], Pieces(changed(n), **LARGE), **{**SETTINGS, "iter_num": 1000})


@pytest.mark.parametrize(
    ("first", "later", "has"), [(WEIGHT, None, "no"), (None, WEIGHT, "a"), (2 * WEIGHT**0, None, "no")]
)
def test_weights_that_come_or_go_after_the_first_reading_are_told(first, later, has):
    calls = []

    def pieces():
        calls.append(1)
        return cut(LABELS, 77, first if len(calls) == 1 else later)()

    with pytest.raises(ValueError, match=f"piece 0 has {has} sample_weight, other than those before"):
        fastnn.train([4, 5, 1], Pieces(pieces, **LARGE), **SETTINGS)


def with_wrong(place, value):
    wrong = X.copy()
    wrong[place] = value
    return cut(LABELS, 77, X=wrong)


@pytest.mark.parametrize(
    ("source", "kind", "told"),
    [
        (with_wrong((200, 1), np.nan), ValueError, "X of piece 2 has nan in row 46, column 1"),
        (cut(LABELS, 77, X=X[:, :3]), ValueError, "X of piece 0 must be an array of rows and 4 columns"),
        (lambda: [(X, LABELS[:-1])], ValueError, "X of piece 0 has 500 rows, but y has 499"),
        (lambda: [X, X], TypeError, "piece 0 must be a pair"),
        (lambda: [(X, 1)], TypeError, "y of piece 0 must be an array of rows, got int"),
        (lambda: [({"a": X}, LABELS)], TypeError, "X of piece 0 must be an array of rows, got dict"),
        (lambda: [(X, LABELS), (X, LABELS, WEIGHT)], ValueError, "piece 1 has a sample_weight, other than those"),
        (cut(LABELS, 77, -WEIGHT), ValueError, "sample_weight of piece 0 is negative in row 0"),
        (list, ValueError, "the pieces have no rows"),
        (cut(WORDS, 77), ValueError, "3 distinct labels"),
        (lambda: [(X, LABELS), (X, WORDS)], TypeError, "they are numbers or words"),
        ([(X, LABELS), ("a", "b")], TypeError, "X of piece 1 must be an array of rows, got str"),
    ],
)
@pytest.mark.parametrize("half", [64, 1000])
def test_what_is_wrong_with_a_piece_is_told_by_its_number(source, kind, told, half):
    with pytest.raises(kind, match=told):
        fastnn.train([4, 5, 1], Pieces(source, buffer_rows=half), **SETTINGS)


def test_sparse_pieces_are_refused():
    sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"X of piece 0 is sparse; .* X.toarray\(\)"):
        fastnn.train([4, 5, 1], lambda: [(sparse.csr_matrix(X), LABELS)], **SETTINGS)


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("reading", [0, 1])
def test_what_the_source_raises_comes_through_with_the_number_of_the_piece(at, reading):
    calls = []

    def pieces():
        calls.append(1)
        for place, piece in enumerate(cut(LABELS, 77)()):
            if place == at and len(calls) > reading:
                raise OSError("the disk is gone")
            yield piece

    with pytest.raises(OSError, match="the disk is gone") as raised:
        fastnn.train([4, 5, 1], Pieces(pieces, **LARGE), **SETTINGS)
    assert raised.value.__notes__ == [f"raised while piece {at} (counted from 0) was read"]


def test_nothing_is_left_open_or_changed():
    closed = []

    def pieces():
        try:
            yield from cut(LABELS, 77)()
        finally:
            closed.append(1)

    before = X.copy(), LABELS.copy()
    fastnn.train([4, 5, 1], Pieces(pieces, **LARGE), **{**SETTINGS, "iter_num": 10})
    assert len(closed) == 2
    np.testing.assert_array_equal(X, before[0])
    np.testing.assert_array_equal(LABELS, before[1])


def test_arguments_that_do_not_go_together():
    with pytest.raises(ValueError, match="both say how large"):
        Pieces(cut(LABELS, 77), buffer_rows=10, memory=10)
    with pytest.raises(ValueError, match="buffer_rows must be"):
        Pieces(cut(LABELS, 77), buffer_rows=0)
    with pytest.raises(TypeError, match="pieces come from an iterable"):
        Pieces(3)
    with pytest.raises(ValueError, match="Pieces have y themselves"):
        fastnn.train([4, 5, 1], Pieces(cut(LABELS, 77)), LABELS, **SETTINGS)
    with pytest.raises(TypeError, match="y is missing"):
        fastnn.train([4, 5, 1], X, **SETTINGS)
    with pytest.raises(ValueError, match="partial_fit learns from the rows of one piece"):
        fastnn.MLPRegressor().partial_fit(Pieces(cut(LABELS, 77)), None)


def test_memory_says_how_many_rows_the_buffer_has():
    pieces = Pieces(cut(LABELS, 77), memory=2**20)
    assert pieces._rows_of_half(1000, 100) == 500
    assert pieces._rows_of_half(1000, 1) == 524
    assert Pieces(cut(LABELS, 77)).memory == 2**28
