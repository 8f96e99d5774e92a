"""Those that a run reports to: callbacks, printed lines, histories, early stopping."""

import numpy as np
import pytest
from conftest import BACKEND_NAMES, LABELS, X, Y, assert_close, train

import fastnn


def test_the_callback_gets_iteration_loss_and_the_live_network():
    seen = []

    def callback(iteration, loss, network):
        seen.append((iteration, loss, network.copy(), network))

    result = train(10, batch_size=5, callback=callback, report_every=4)
    assert [iteration for iteration, *_ in seen] == [4, 8, 10]
    sizes = [5, 5, 5, 5, len(X) - 20]  # of a pass; what is told is of the same pass, since the last report
    told = [(0, 4), (5, 8), (8, 10)]
    expected = [np.average(result.loss_curve[a:b], weights=sizes[a % 5 :][: b - a]) for a, b in told]
    assert_close([loss for _, loss, *_ in seen], expected, 1e-15)
    assert seen[-1][3] is result.network
    assert (seen[-1][2].parameters == result.network.parameters).all()
    assert (seen[0][2].parameters == train(4, batch_size=5).network.parameters).all()


def test_reports_come_once_a_pass_by_default():
    seen = []
    train(12, batch_size=5, callback=lambda iteration, *_: seen.append(iteration))
    assert seen == [5, 10, 12]
    seen.clear()
    train(3, callback=lambda iteration, *_: seen.append(iteration))
    assert seen == [1, 2, 3]


def test_a_callback_that_returns_true_ends_the_run():
    assert train(50, callback=lambda iteration, *_: iteration == 7).n_iter == 7
    assert train(50, callback=lambda iteration, *_: np.bool_(iteration >= 8)).n_iter == 8


@pytest.mark.parametrize("answer", [True, 1, 0.5, "stop", np.array([1]), [0]])
def test_whatever_is_true_ends_the_run(answer):
    assert train(9, callback=lambda *_: answer).n_iter == 1


@pytest.mark.parametrize("answer", [False, None, 0, 0.0, "", [], np.array([0])])
def test_whatever_is_false_does_not(answer):
    assert train(9, callback=lambda *_: answer).n_iter == 9


def test_an_answer_that_is_neither_is_refused():
    with pytest.raises(TypeError, match="callback must return True, to end the run, or None or False; got ndarray"):
        train(9, callback=lambda *_: np.array([True, False]))


@pytest.mark.parametrize("error", [LookupError("mine"), FloatingPointError("mine"), SystemExit("mine")])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_an_error_in_the_callback_comes_through_with_the_last_finished_pass(backend, error):
    """In the middle of the third pass of three updates: as Ctrl-C does."""

    def callback(iteration, *_):
        if iteration == 8:
            raise error

    options = {"batch_size": 8, "report_every": 1, "backend": backend, "validation_data": (X, Y)}
    with pytest.raises(type(error), match="mine") as caught:
        train(30, callback=callback, **options)
    expected = train(6, **options)
    result = caught.value.result
    assert result.n_iter == result.best_iteration == 6
    assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
    assert (result.loss_curve, result.history) == (expected.loss_curve, expected.history)


def test_an_error_that_takes_no_attributes_comes_through_as_it_is():
    class BareError(Exception):
        def __setattr__(self, name, value):
            raise AttributeError(name)

    def callback(*_):
        raise BareError("mine")

    with pytest.raises(BareError, match="mine"):
        train(5, callback=callback)


def test_verbose_prints_a_line_a_report(capsys):
    result = train(10, verbose=True, report_every=5, validation_data=(X, Y))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"Iteration 5 of 10, loss {result.loss_curve[4]:.6f}, val_loss ")
    train(10)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_history_measures_all_rows_by_the_parameters_of_that_moment(backend):
    X_val, y_val = X[:6] + 0.1, LABELS[:6]
    # Without the penalty, which is 0.15 times the squares: curves of rows that were learned from and of others compare.
    options = {"loss": "log_loss", "activation": "tanh", "l2": 0.3, "batch_size": 4, "random_state": 0}
    result = fastnn.train(
        [4, 5, 3], X, LABELS, 11, 0.5, validation_data=(X_val, y_val), report_every=5, backend=backend, **options
    )
    history = result.history
    assert history["iteration"] == [5, 10, 11]
    assert set(history) == {"iteration", "loss", "val_loss", "accuracy", "val_accuracy"}
    for i, n in enumerate(history["iteration"]):
        network = fastnn.train([4, 5, 3], X, LABELS, n, 0.5, **options).network
        for rows, labels, prefix in ((X, LABELS, ""), (X_val, y_val, "val_")):
            h = network(rows)
            loss = -np.log(h[np.arange(len(rows)), labels]).mean()
            assert_close(history[f"{prefix}loss"][i], loss, 1e-9)
            assert history[f"{prefix}accuracy"][i] == (h.argmax(axis=1) == labels).mean()


def test_history_of_a_regression_has_no_accuracy():
    result = fastnn.train([4, 2], X, X[:, :2], 3, 0.1, activation="tanh", validation_data=(X, X[:, :2]))
    assert set(result.history) == {"iteration", "loss", "val_loss"}


def test_early_stopping_gives_the_best_weights_back():
    rng = np.random.default_rng(0)
    X_val, y_val = rng.standard_normal((40, 4)), rng.integers(0, 3, 40)  # labels that cannot be learnt
    seen = {}
    result = fastnn.train(
        [4, 16, 3], X, LABELS, 2000, 0.5, activation="tanh", loss="log_loss", init="glorot_uniform", random_state=0,
        validation_data=(X_val, y_val), early_stopping=True, n_iter_no_change=5, report_every=2,
        callback=lambda iteration, _, network: seen.update({iteration: network.parameters.copy()}),
    )  # fmt: skip
    val_loss = np.array(result.history["val_loss"])
    best = int(val_loss.argmin())
    assert result.n_iter == result.history["iteration"][-1] == result.history["iteration"][best] + 5 * 2 < 2000
    assert (result.network.parameters == seen[result.history["iteration"][best]]).all()
    assert (result.network.parameters != seen[result.n_iter]).any()
    assert result.best_iteration == result.history["iteration"][best]
    assert repr(result).endswith(f"; the weights are those after {result.best_iteration}>")


def test_early_stopping_does_not_look_at_the_penalty():
    """Weights shrink under a large penalty while the validation loss, which alone counts, gets worse."""
    options = {
        "activation": "tanh", "loss": "log_loss", "init": "normal", "l2": 5.0, "random_state": 0, "alpha": 0.01,
        "validation_data": (X, LABELS), "report_every": 1,
    }  # fmt: skip
    free = fastnn.train([4, 5, 3], X, LABELS, 60, **options)
    h = [fastnn.train([4, 5, 3], X, LABELS, n, **options).network(X) for n in range(1, 61)]
    losses = np.array([-np.log(outputs[np.arange(23), LABELS]).mean() for outputs in h])
    assert_close(free.history["val_loss"], losses, 1e-9)
    stopped = fastnn.train([4, 5, 3], X, LABELS, 60, **options, early_stopping=True, n_iter_no_change=60)
    assert stopped.best_iteration == 1 + int(losses.argmin()) < 60


def test_an_equal_val_loss_is_no_better():
    options = {"validation_data": (X, Y), "n_iter_no_change": 3}
    assert train(50, 1e-300, early_stopping=True, **options).n_iter == 4
    assert train(50, 1e-300, **options).n_iter == 50


def test_a_callback_that_ends_the_run_at_its_best_keeps_the_best():
    options = {"validation_data": (X, Y), "early_stopping": True}
    stopped = train(8, callback=lambda iteration, *_: iteration == 5, **options)
    assert np.argmin(stopped.history["val_loss"]) == 4
    assert (stopped.network.parameters == train(5).network.parameters).all()


def test_the_loss_of_the_history_is_weighted_as_training_is():
    weights = np.arange(23.0)
    result = train(5, sample_weight=weights, validation_data=(X, Y))
    losses = 0.5 * ((Y - result.network(X)) ** 2).sum(axis=1)
    assert_close(result.history["loss"][-1], np.average(losses, weights=weights), 1e-12)
    assert_close(result.history["val_loss"][-1], losses.mean(), 1e-12)
    result = train(5, sample_weight=weights, validation_data=(X, Y, weights))
    assert_close(result.history["val_loss"][-1], np.average(losses, weights=weights), 1e-12)
    right = (result.network(X).argmax(axis=1) == LABELS).mean()
    assert result.history["val_accuracy"][-1] == right  # a fraction of rows
