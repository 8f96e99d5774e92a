"""``train(init=result)`` with what else a run may have: those who judge, rows set aside, heads, words, settings."""

import copy
import pickle

import numpy as np
import pytest
import scipy.sparse
from conftest import LABELS, SOLVERS_ON_BACKENDS, X, Y, train

import fastnn
from fastnn import Head
from fastnn.initial import Draws

ROWS = np.where(np.abs(X) < 0.6, 0.0, X)
WORDS = np.array(["a", "b", "c"])[LABELS]


def assert_goes_on(make, total, *ends):
    """Compare pieces of a run, each of which goes on from the one before, with the whole."""
    whole, piece, done = make(total, random_state=0), None, 0
    cost, loss_curve = [], []
    for end in (*ends, total):
        piece = make(end - done, **({"random_state": 0} if piece is None else {"init": piece}))
        done, cost, loss_curve = end, cost + piece.cost, loss_curve + piece.loss_curve
        assert (piece.n_updates, piece.best_iteration) == (end, end)
    assert (cost, loss_curve) == (whole.cost, whole.loss_curve)
    assert piece.network.parameters.tobytes() == whole.network.parameters.tobytes()


@pytest.mark.parametrize(("solver", "backend"), SOLVERS_ON_BACKENDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_solver(solver, backend, dtype):
    size = {} if solver == "rprop" else {"batch_size": 5}
    options = {"solver": solver, "backend": backend, "dtype": dtype, "momentum": 0.9, **size}
    assert_goes_on(lambda n, **o: fastnn.train([4, 5, 3], X, Y, n, 0.05, **options, **o), 20, 3, 11)


def test_levenberg_marquardt_keeps_its_damping():
    options = {"solver": "levenberg_marquardt", "activation": "tanh"}
    assert_goes_on(lambda n, **o: fastnn.train([4, 5, 3], X, Y, n, **options, **o), 9, 2, 5)


@pytest.mark.parametrize("order", ["shuffled", "sequential", "wraparound", "random"])
@pytest.mark.parametrize("ends", [(1,), (5,), (10,), (2, 3, 4), (4, 5, 11, 14)])
def test_every_order_wherever_it_ends(order, ends):
    options = {"order": order, "batch_size": 5, "tol": 1e-12}
    assert_goes_on(lambda n, **o: fastnn.train([4, 5, 3], X, Y, n, 0.05, **options, **o), 17, *ends)


HEADS = [Head(3, "log_loss"), Head(1, "squared_error")]
OBSERVED = [np.where(np.arange(23) % 5 == 4, None, WORDS), X[:, 0]]


@pytest.mark.parametrize(
    ("structure", "rows", "y", "options"),
    [
        ([4, 5, 3], X, WORDS, {"dropout": 0.3, "input_dropout": 0.2, "class_weight": "balanced"}),
        ([4, 5, 3], X.tolist(), LABELS.tolist(), {"label_smoothing": 0.1, "sample_weight": np.linspace(0.1, 1, 23)}),
        ([4, 5, 3], scipy.sparse.coo_array(ROWS), WORDS, {"l1": 1e-3, "frozen": ["b1"], "max_norm": 1.0}),
        ([4, 5, 4], X, OBSERVED, {"heads": HEADS, "loss": "squared_error"}),
    ],
)
def test_labels_and_rows_of_every_kind(structure, rows, y, options):
    options = {"activation": "tanh", "loss": "log_loss", "batch_size": 5, **options}
    assert_goes_on(lambda n, **o: fastnn.train(structure, rows, y, n, 0.05, **options, **o), 17, 3, 11)


def test_a_result_is_gone_on_from_more_than_once():
    """And whether or not it was pickled; it stays as it was."""
    options = {"batch_size": 5, "solver": "adam", "dropout": 0.3}
    half = train(7, **options)
    kept = half.network.parameters.tobytes()
    found = [train(6, init=init, **{**options, "random_state": None})
             for init in (half, half, pickle.loads(pickle.dumps(half)), copy.deepcopy(half))]  # fmt: skip
    assert all(again.cost == found[0].cost for again in found)
    assert half.network.parameters.tobytes() == kept


@pytest.mark.parametrize("at", range(1, 13))
def test_an_interrupted_run_goes_on_from_its_last_update(at):
    """Also one that had gone on itself; its own result is as of the last finished pass."""
    options = {"batch_size": 5, "solver": "adam", "report_every": 1}  # 5 updates a pass

    def interrupted(n_updates, n_done, **start):
        def stop(done, *_):
            if done == n_done:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt) as raised:
            train(n_updates, callback=stop, **{**options, **start})
        return raised.value.result

    whole = train(20, **options)
    first = interrupted(20, at)
    assert (first.n_iter, first.n_updates) == (at - at % 5, at)
    second = interrupted(20 - at, 17, init=first, random_state=None)
    assert (second.n_iter, second.n_updates) == (max(15 - at, 0), 17)
    again = train(3, init=second, **{**options, "random_state": None})
    assert again.cost == whole.cost[17:]
    assert again.network.parameters.tobytes() == whole.network.parameters.tobytes()


@pytest.mark.parametrize("order", ["shuffled", "random"])
def test_a_signal_while_a_pass_is_drawn_repeats_none(order, monkeypatch):
    """What goes on draws it, and does not take the rows of the pass before once more."""
    options, n_drawn = {"batch_size": 5, "order": order}, 0
    name = "permutation" if order == "shuffled" else "integers"
    draw = getattr(Draws, name)

    def interrupted(*args):
        nonlocal n_drawn
        n_drawn += 1
        if n_drawn == 3:
            raise KeyboardInterrupt
        return draw(*args)

    whole = train(20, **options)
    monkeypatch.setattr(Draws, name, interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        train(20, **options)
    half = raised.value.result
    assert half.cost == whole.cost[:10]
    assert train(10, init=half, **{**options, "random_state": None}).cost == whole.cost[10:]


def test_a_divergence_counts_earlier_updates():
    half = train(10)
    with pytest.raises(FloatingPointError) as raised:
        train(50, 1e200, init=half, l2=1e3, track="loss", random_state=None)
    result = raised.value.result
    assert result.n_updates == result.best_iteration == 10 + result.n_iter
    with pytest.raises(ValueError, match=r"of a training that diverged.*pass init=\(result.W, result.b\)"):
        train(5, init=result, random_state=None)


def test_another_plateau_begins_anew():
    """Its rate is not multiplied with what the first one came to."""
    half = train(10, fastnn.schedules.plateau(0.5, patience=0, threshold=0.9))
    other = fastnn.schedules.plateau(0.25, patience=1, threshold=0.9)
    again = train(4, other, init=half, track="learning_rate", random_state=None)
    assert again.history["learning_rate"] == [0.25, 0.25, 0.25, 0.025]


def test_targets_beyond_reach_are_told_to_the_caller():
    options = {"output_activation": "logistic", "activation": "tanh"}
    half = fastnn.train([4, 5, 3], X, Y, 3, random_state=0, **options)
    with pytest.warns(UserWarning, match="y lies between 0 and 10") as caught:
        fastnn.train([4, 5, 3], X, 10 * Y, 3, init=half, **options)
    assert caught[0].filename == __file__
    options, heads = {"activation": "tanh", "random_state": 0}, [Head(3, output_activation="logistic")]
    half = fastnn.train([4, 5, 3], X, [Y], 3, heads=heads, **options)
    with pytest.warns(UserWarning, match=r"y\[0\] lies between 0 and 10") as caught:
        fastnn.train([4, 5, 3], X, [10 * Y], 3, heads=heads, init=half, activation="tanh")
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("first", "second"),
    [("log_loss", "hinge"), ("hinge", "log_loss"), ("squared_error", "log_loss"), ("log_loss", "perceptron")],
)
def test_heads_go_on_by_a_loss_that_takes_their_outputs(first, second):
    """They diverged, on the first update."""
    y, options = [LABELS > 0], {"activation": "tanh"}
    half = fastnn.train([4, 5, 1], X, y, 3, heads=[Head(1, first)], random_state=0, **options)
    with pytest.raises(ValueError, match=f"loss='{second}' cannot be paired with output_activation"):
        fastnn.train([4, 5, 1], X, y, 3, heads=[Head(1, second)], init=half, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solver": "adam"}, "whose state solver='adam' cannot go on from"),
        ({"dtype": "float32"}, "init is a result of dtype float64"),
        ({"activation": "relu"}, r"init is a result of a network with activations \('tanh', 'softmax'\)"),
        ({"init_scale": 2.0}, "init_scale multiplies weights that are drawn by name"),
        ({"bias": False}, "init has biases that are not 0 in layer 1, but bias=False"),
        ({"loss": "hinge"}, "loss='hinge' cannot be paired with output_activation='softmax'"),
        ({"batch_size": 3, "tol": 0.1}, "tol=0.1 compares passes, which cannot begin after update 7"),
    ],
)
def test_what_cannot_go_on(options, message):
    common = {"activation": "tanh", "loss": "log_loss", "batch_size": 5}
    half = fastnn.train([4, 5, 3], X, WORDS, 7, random_state=0, **common)
    with pytest.raises(ValueError, match=message):
        fastnn.train([4, 5, 3], X, WORDS, 7, init=half, **{**common, **options})
    with pytest.raises(ValueError, match="y has the label 'd' in row 0, which training did not begin with"):
        fastnn.train([4, 5, 3], X, np.where(np.arange(23) == 0, "d", WORDS), 7, init=half, **common)
