"""Checkpoints: a training that breaks off anywhere and goes on ends with the bits of one that did not."""

import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from broken_off import FIT, LABELS, SIZES, USUAL, VALUES, WEIGHT, StopError, X, stopper
from broken_off import no_waiting_for_the_disk as no_waiting_for_the_disk
from kept import of_estimator, of_result
from scipy.sparse import csr_array

import fastnn
from fastnn import Head, schedules, train


def assert_same_training(folder, at, every=1, n=23, y=LABELS, sizes=SIZES, rows=X, seed=lambda: 3, **options):
    """Break off after update `at`, go on, and once more after the end; all bits are those of one run."""
    options = {**USUAL, "report_every": 1, **options}
    own = options.pop("callback", lambda *_: None)

    def run(**others):
        return train(sizes, rows, y, n, **{**options, "random_state": seed(), "callback": own, **others})

    one = of_result(run())
    kept = {"checkpoint": folder, "checkpoint_every": every}
    with pytest.raises(StopError):
        run(**kept, callback=stopper(at))
    files = sorted(Path(folder).iterdir())
    assert len(files) <= 3
    for _ in range(2):
        assert of_result(run(**kept)) == one
    assert len(list(Path(folder).iterdir())) <= 3


def assert_same_fit(folder, name, at, every=1, y=None, rows=X, of_fit=None, seed=lambda: 0, **parameters):
    parameters, of_fit = {**FIT, **parameters}, of_fit or {}
    y = (LABELS if name == "MLPClassifier" else VALUES) if y is None else y

    def fit(**others):
        model = getattr(fastnn, name)(**{**parameters, "random_state": seed(), **others})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return model.fit(rows, y, **of_fit)

    def bits(model):
        return of_estimator(model.set_params(random_state=None))

    one, kept = bits(fit()), {"checkpoint": folder, "checkpoint_every": every}
    with pytest.raises(StopError):
        fit(**kept, callback=stopper(at))
    assert len(list(Path(folder).iterdir())) <= 3
    for _ in range(2):
        assert bits(fit(**kept)) == one


@pytest.mark.parametrize("every", [1, 4, 5])
def test_broken_off_after_any_update(tmp_path, every):
    for at in range(1, 23, 1 if every == 1 else 3):
        assert_same_training(tmp_path / str(at), at, every, solver="adam", batch_size=8)


@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "lion"])
@pytest.mark.parametrize("order", ["shuffled", "sequential", "random", "wraparound"])
def test_every_solver_and_order(tmp_path, solver, order):
    assert_same_training(tmp_path, 13, 3, solver=solver, order=order, batch_size=8, momentum=0.9)


@pytest.mark.parametrize("solver", ["sgd", "adam", "rprop", "levenberg_marquardt"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_full_batches(tmp_path, solver, dtype):
    own = {"loss": "squared_error", "output_activation": "identity", "y": np.eye(3)[LABELS]} if solver[0] == "l" else {}
    assert_same_training(tmp_path, 5, 2, solver=solver, dtype=dtype, **own)


@pytest.mark.parametrize("backend", ["python", "cython", "numpy", "simd"])
def test_every_backend(tmp_path, backend):
    assert_same_training(tmp_path, 8, 3, 12, backend=backend, batch_size=8, momentum=0.9)


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.3, "input_dropout": 0.1}, {"l1": 0.01, "max_norm": 0.8, "max_grad_norm": 0.1},
        {"frozen": [1], "l2": 0.1}, {"bias": False}, {"sample_weight": WEIGHT, "class_weight": {0: 3.0}},
        {"tol": 1e-4}, {"validation_data": (X[:9], LABELS[:9])}, {"alpha": schedules.cosine(0.05)},
        {"alpha": lambda progress: 0.1 * (1 - progress)}, {"alpha": np.linspace(0.1, 0.01, 23)},
        {"alpha": schedules.plateau(0.5, patience=0, cooldown=1)}, {"max_time": 100.0},
        {"alpha": schedules.plateau(0.5, patience=1), "validation_split": 0.2}, {"y": np.array(list("abc"))[LABELS]},
        {"track": ["loss", "accuracy", "learning_rate", "gradient_norm"]}, {"label_smoothing": 0.1},
        {"validation_split": 0.3, "early_stopping": True, "n_iter_no_change": 3, "alpha": 0.3},
        {"validation_split": 0.3, "early_stopping": True, "report_every": 2, "callback": None, "track": "loss"},
        {"validation_split": 0.3, "early_stopping": True, "scoring": lambda network, X, y: -network(X).max()},
        {"rows": csr_array(X)}, {"rows": X.astype(np.float32), "dtype": "float32"}, {"n_threads": 1},
        {"callback": lambda iteration, *_: iteration == 17}, {"init": "uniform", "init_scale": 20.0},
    ],
    ids=lambda options: "-".join(options),
)  # fmt: skip
@pytest.mark.parametrize("at", [2, 12])
@pytest.mark.filterwarnings("ignore:init=")
def test_rules_data_and_listeners(tmp_path, options, at):
    if "early_stopping" in options:
        at = min(at, 4)  # it ends soon after
    assert_same_training(tmp_path, at, **{"solver": "adam", "batch_size": 8, **options})


def test_several_heads(tmp_path):
    heads = [Head(2, output_activation="identity"), Head(3, "log_loss")]
    own = {"sizes": [4, 6, 5], "heads": heads, "loss": "squared_error", "y": [X[:, :2], LABELS]}
    assert_same_training(tmp_path, 7, 2, batch_size=5, solver="adam", **own)


@pytest.mark.parametrize(
    "seed",
    [
        lambda: np.random.RandomState(1), lambda: np.random.default_rng(1), lambda: np.random.seed(1),
        *(
            lambda kind=kind: np.random.Generator(getattr(np.random, kind)(1))
            for kind in ("MT19937", "Philox", "SFC64", "PCG64DXSM")
        ),
    ],
)  # fmt: skip
def test_generators_that_others_have_too(tmp_path, seed):
    assert_same_training(tmp_path, 13, 3, seed=seed, batch_size=8)
    later = []
    for kept in ({}, {"checkpoint": tmp_path}):
        given = seed()
        train(SIZES, X, LABELS, 23, **{**USUAL, "random_state": given}, report_every=1, batch_size=8, **kept)
        later.append((given or np.random.mtrand._rand).standard_normal(3).tolist())
    assert later[0] == later[1]


def test_a_result_that_is_gone_on_from(tmp_path):
    first = train(SIZES, X, LABELS, 13, **USUAL, batch_size=8, solver="adam")
    options = {"init": first, "seed": lambda: None, "batch_size": 8, "solver": "adam"}
    for at in (14, 15, 20, 35):
        assert_same_training(tmp_path / str(at), at, 2, **options)
    with pytest.raises(ValueError, match="init"):
        train(
            SIZES, X, LABELS, 23, 0.02, checkpoint=tmp_path / "14", batch_size=8, solver="adam", report_every=1,
            init=train(SIZES, X, LABELS, 14, **USUAL, batch_size=8, solver="adam"), activation="tanh", loss="log_loss",
        )  # fmt: skip


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_a_fit_that_breaks_off_after_any_epoch(tmp_path, name):
    for at in range(1, 7):
        for every in (1, 2, 3):
            assert_same_fit(tmp_path / f"{at}-{every}", name, at, every)


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "sgd"}, {"solver": "rprop", "batch_size": "auto"}, {"solver": "lion"}, {"shuffle": False},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
        {"solver": "sgd", "learning_rate": "invscaling"}, {"learning_rate": "one_cycle"}, {"dropout": 0.2},
        {"learning_rate": "plateau", "n_iter_no_change": 1, "tol": 1.0}, {"early_stopping": True},
        {"early_stopping": True, "scoring": "loss", "n_iter_no_change": 1}, {"track": ["score", "gradient_norm"]},
        {"early_stopping": True, "of_fit": {"sample_weight": WEIGHT}, "track": "gradient_norm"},
        {"of_fit": {"X_val": X[:9], "y_val": LABELS[:9]}, "scoring": "accuracy", "max_time": 100.0},
        {"of_fit": {"X_val": X[:9], "y_val": LABELS[:9]}, "early_stopping": True}, {"class_weight": "balanced"},
        {"rows": csr_array(X)}, {"rows": X.astype(np.float32)}, {"y": np.array(list("abc"))[LABELS]},
        {"seed": lambda: np.random.RandomState(1), "early_stopping": True}, {"seed": lambda: np.random.seed(1)},
        {"hidden_layer_sizes": "6x5", "loss": "hinge"}, {"y": np.eye(3, dtype=int)[LABELS]}, {"l1": 0.1, "frozen": [1]},
    ],
    ids=lambda parameters: "-".join(parameters),
)  # fmt: skip
@pytest.mark.parametrize("at", [1, 4])
def test_fits(tmp_path, parameters, at):
    if at == 4 and parameters.get("n_iter_no_change") == 1:  # it ends soon after
        at = 2
    assert_same_fit(tmp_path, "MLPClassifier", at, **parameters)


def test_a_fit_by_levenberg_and_marquardt(tmp_path):
    assert_same_fit(tmp_path, "MLPRegressor", 3, solver="levenberg_marquardt", batch_size="auto", activation="tanh")


def test_more_updates_than_there_were(tmp_path):
    options = {**USUAL, "batch_size": 8, "solver": "adam", "report_every": 3, "validation_split": 0.2}
    options |= {"early_stopping": True}
    kept = {"checkpoint": tmp_path, "checkpoint_every": 4}
    for n in (7, 7, 10, 23):
        found = of_result(train(SIZES, X, LABELS, n, **options, **kept))
        assert found == of_result(train(SIZES, X, LABELS, n, **options))
    with pytest.raises(ValueError, match="iter_num=23, but now it is 22: fewer"):
        train(SIZES, X, LABELS, 22, **options, **kept)
    planned = {**options, "alpha": schedules.cosine(0.1), "checkpoint": tmp_path / "planned"}
    train(SIZES, X, LABELS, 7, **planned)
    with pytest.raises(ValueError, match="iter_num=7, but now it is 8: more, and the learning rate is planned"):
        train(SIZES, X, LABELS, 8, **planned)


def test_more_updates_than_a_run_whose_last_report_wanted_to_end(tmp_path):
    """It is of this run alone: between two reports, which a longer one would not make."""
    options = {**USUAL, "alpha": 0.1, "batch_size": 8, "report_every": 3, "validation_split": 0.2}
    options |= {"early_stopping": True, "n_iter_no_change": 1}
    runs = {n: train(SIZES, X, LABELS, n, **options) for n in range(4, 24)}
    for n in runs:
        for more in (n + 1, 23):
            if more in runs:
                folder = tmp_path / f"{n}-{more}"
                train(SIZES, X, LABELS, n, **options, checkpoint=folder)
                found = train(SIZES, X, LABELS, more, **options, checkpoint=folder)
                assert of_result(found) == of_result(runs[more]), (n, more)


def test_more_updates_than_a_run_that_had_converged(tmp_path):
    options = {**USUAL, "tol": 1e-3, "report_every": 7}
    one = train(SIZES, X, LABELS, 1000, **options)
    assert one.n_iter % 7
    assert one.n_iter < 1000
    for n in (one.n_iter - 1, one.n_iter, one.n_iter + 1, 1000):
        found = train(SIZES, X, LABELS, n, **options, checkpoint=tmp_path)
    assert of_result(found) == of_result(one)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
def test_more_epochs_than_there_were(tmp_path, early_stopping):
    parameters = {**FIT, "early_stopping": early_stopping}
    for n in (2, 5, 5, 9):
        parameters["max_iter"] = n
        found = fastnn.MLPClassifier(**parameters, checkpoint=tmp_path).fit(X, LABELS)
        assert of_estimator(found) == of_estimator(fastnn.MLPClassifier(**parameters).fit(X, LABELS))


def test_nothing_is_written_or_made_where_nobody_asks(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    train(SIZES, X, LABELS, 5, **USUAL)
    assert not list(tmp_path.iterdir())


def test_a_run_without_a_number_is_kept_at_its_end(tmp_path):
    train(SIZES, X, LABELS, 5, **USUAL, checkpoint=str(tmp_path / "a" / "b"))
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["checkpoint-5.safetensors"]


def test_a_run_without_a_number_is_kept_by_time(tmp_path, monkeypatch):
    monkeypatch.setattr("fastnn.training.checkpoints.INTERVAL", 0.0)
    assert_same_training(tmp_path / "run", 13, None, batch_size=8)
    assert_same_fit(tmp_path / "fit", "MLPClassifier", 4, None)


def test_seconds_go_on(tmp_path):
    options = {**USUAL, "track": "seconds", "report_every": 1, "checkpoint": tmp_path, "checkpoint_every": 1}
    with pytest.raises(StopError):
        train(SIZES, X, LABELS, 6, **options, callback=stopper(5))
    seconds = train(SIZES, X, LABELS, 6, **options).history["seconds"]
    assert len(seconds) == 6
    assert all(before < after for before, after in pairwise(seconds))


def test_an_interruption_is_gone_on_from(tmp_path):
    def interrupt(iteration, *_):
        if iteration == 4:
            raise KeyboardInterrupt

    expected = of_estimator(fitted())
    with pytest.warns(UserWarning, match="interrupted"):
        fitted(checkpoint=tmp_path, checkpoint_every=1, callback=interrupt)
    assert of_estimator(fitted(checkpoint=tmp_path)) == expected


def fitted(**parameters):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        return fastnn.MLPClassifier(**FIT, **parameters).fit(X, LABELS)


@pytest.mark.parametrize("face", ["train", "fit"])
def test_a_training_whose_time_is_up_stays_as_it_is(tmp_path, face):
    def run():
        if face == "train":
            kept = {"max_time": 0.05, "checkpoint": tmp_path, "batch_size": 1, "validation_split": 0.3}
            return of_result(train(SIZES, X, LABELS, 10_000_000, **USUAL, **kept))
        kept = {"max_time": 0.05, "checkpoint": tmp_path, "tol": 0.0, "n_iter_no_change": np.inf}
        return of_estimator(fastnn.MLPClassifier(**{**FIT, "max_iter": 10**7}, **kept).fit(X, LABELS))

    assert run() == run()


def test_a_training_that_diverges_does_so_again(tmp_path):
    options = {**USUAL, "alpha": 1e300, "loss": "squared_error", "activation": "relu", "output_activation": "identity"}
    results = []
    for _ in range(2):
        with pytest.raises(FloatingPointError) as caught:
            train(SIZES, X, VALUES[:, None] + np.zeros(3), 9, **options, checkpoint=tmp_path, checkpoint_every=1)
        results.append(caught.value.result)
    assert results[0].loss_curve == results[1].loss_curve
    assert results[0].n_updates == results[1].n_updates
