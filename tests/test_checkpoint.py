"""Checkpoints: a training that breaks off anywhere and goes on ends with the bits of one that did not; refusals."""

import os
import shutil
import stat
import subprocess
import sys
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from kept import of_estimator, of_result
from scipy.sparse import csr_array

import fastnn
from fastnn import Head, ModelFormatError, schedules, train
from fastnn.export.checkpoints import Folder
from fastnn.training import checkpoints

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 4))
LABELS = RNG.integers(0, 3, 37)
VALUES = X @ RNG.standard_normal(4)
WEIGHT = RNG.random(37)
SIZES = [4, 6, 3]
USUAL = {"activation": "tanh", "loss": "log_loss", "alpha": 0.02, "init": "glorot_normal", "random_state": 3}
FIT = {"hidden_layer_sizes": (6, 5), "max_iter": 7, "random_state": 0, "batch_size": 8}


class StopError(Exception):
    pass


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch):
    """Power cuts are not tested here, kills are: in processes of their own, which flush."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.setattr(checkpoints, "SHARE", np.inf)


def stopper(at):
    def stop(iteration, loss, network):
        if iteration == at:
            raise StopError

    return stop


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


@pytest.mark.parametrize(
    ("name", "was", "now", "changes"),
    [
        ("alpha", "0.02", "0.03", {"alpha": 0.03}),
        ("solver", "'sgd'", "'adam'", {"solver": "adam"}),
        ("nn_structure", r"\[4, 6, 3\]", r"\[4, 7, 3\]", {"sizes": [4, 7, 3]}),
        ("activation", "'tanh'", r"\['leaky_relu', 0.2\]", {"activation": ("leaky_relu", 0.2)}),
        ("random_state", "3", "4", {"random_state": 4}),
        ("random_state", "3", "a Generator", {"random_state": np.random.default_rng(3)}),
        ("batch_size", "8", "9", {"batch_size": 9}),
        ("dtype", "float64", "float32", {"dtype": "float32"}),
        ("backend", "fastnn._engine", "fastnn.reference.batched", {"backend": "numpy"}),
        ("X", "37 x 4", "37 x 4", {"rows": X + 1e-9}),
        ("X", "37 x 4 float64", "36 x 4 float64", {"rows": X[1:], "y": LABELS[1:]}),
        ("y", "37 x 3", "37 x 3", {"y": np.roll(LABELS, 1)}),
        ("classes", "Labels", "Labels", {"y": LABELS + 1}),
        ("sample_weight and class_weight", "None", "37 float64", {"sample_weight": WEIGHT}),
        ("validation_data", "None", "9 x 4", {"validation_data": (X[:9], LABELS[:9])}),
        ("validation_split", "0", "0.2", {"validation_split": 0.2}),
        ("early_stopping", "False", "True", {"early_stopping": True, "validation_split": 0.2}),
    ],
)
def test_another_training_is_refused(tmp_path, name, was, now, changes):
    options = {"rows": X, "y": LABELS, "sizes": SIZES, "batch_size": 8, **USUAL}

    def run(rows, y, sizes, **others):
        return train(sizes, rows, y, 5, checkpoint=tmp_path, **others)

    run(**options)
    if name == "early_stopping":
        name, was, now = "validation_split|early_stopping", "", ""
    with pytest.raises(ValueError, match=f"({name}): .*{was}.*{now}"):
        run(**{**options, **changes})
    run(**options)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_another_fit_is_refused(tmp_path):
    parameters = {**FIT, "checkpoint": tmp_path}
    fastnn.MLPClassifier(**parameters).fit(X, LABELS)
    for name, value in {"alpha": 0.1, "tol": 0.5, "random_state": 1, "hidden_layer_sizes": (5,)}.items():
        with pytest.raises(ValueError, match=f"{name}: .*{value if name != 'hidden_layer_sizes' else ''}"):
            fastnn.MLPClassifier(**{**parameters, name: value}).fit(X, LABELS)
    for rows, y, name in ((X[::-1], LABELS, "X"), (X, LABELS[::-1], "y"), (X, LABELS + 1, "classes")):
        with pytest.raises(ValueError, match=f"with {name}: "):
            fastnn.MLPClassifier(**parameters).fit(rows, y)
    changed = {"verbose": 0, "callback": lambda *_: None, "checkpoint_every": 3}
    fastnn.MLPClassifier(**parameters).set_params(**changed).fit(X, LABELS)


@pytest.mark.parametrize(
    ("name", "was", "now"),
    [
        ("frozen", {"W1"}, {"W2"}),
        ("frozen", range(1, 2), range(2, 3)),
        ("init", lambda: started(1), lambda: started(2)),
    ],
)
def test_settings_that_are_no_lists_are_compared_too(tmp_path, name, was, now):
    def run(value):
        value = value() if callable(value) else value
        return train(SIZES, X, LABELS, 5, checkpoint=tmp_path, **{**USUAL, name: value})

    run(was)
    with pytest.raises(ValueError, match=f"with {name}: "):
        run(now)
    run(was)


def started(seed):
    """Start weights as a network has them, in mappings that are no dicts."""
    network = train(SIZES, X, LABELS, 1, **{**USUAL, "random_state": seed}).network
    return network.W, network.b


def test_what_can_be_read_only_once_is_refused(tmp_path):
    with pytest.raises(TypeError, match=r"generator.* can be read only once.*pass a list"):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path, frozen=(layer for layer in [1]))


def test_classes_that_are_dates(tmp_path):
    dates = np.array(["2020-01-01", "2021-01-01", "2022-01-01"], "M8[D]")
    fitted_to(tmp_path, dates[LABELS])
    fitted_to(tmp_path, dates[LABELS])
    with pytest.raises(ValueError, match="with classes: "):
        fitted_to(tmp_path, dates[LABELS] + 1)


def fitted_to(folder, y):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Stochastic Optimizer")
        return fastnn.MLPClassifier(**FIT, checkpoint=folder).fit(X, y)


def test_a_callback_that_goes_to_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    options = {**USUAL, "report_every": 1, "checkpoint": "run", "checkpoint_every": 1}
    train(SIZES, X, LABELS, 5, **options, callback=lambda *_: os.chdir(tmp_path / "other"))
    assert (tmp_path / "run" / "checkpoint-5.safetensors").exists()
    assert not list((tmp_path / "other").iterdir())


def test_what_cannot_be_kept_is_refused(tmp_path):
    with pytest.raises(ValueError, match="solver='lbfgs', whose memory"):
        train(SIZES, X, LABELS, 5, **USUAL, solver="lbfgs", checkpoint=tmp_path)
    with pytest.raises(ValueError, match="solver='lbfgs'"):
        fastnn.MLPClassifier(solver="lbfgs", checkpoint=str(tmp_path)).fit(X, LABELS)
    with pytest.raises(ValueError, match="warm_start='solver'"):
        fastnn.MLPClassifier(warm_start="solver", checkpoint=str(tmp_path)).fit(X, LABELS)
    with pytest.raises(ValueError, match="partial_fit is one pass"):
        fastnn.MLPClassifier(checkpoint=str(tmp_path)).partial_fit(X, LABELS, classes=range(3))
    with pytest.raises(ValueError, match="checkpoint_every=3 says how often, but checkpoint"):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint_every=3)
    with pytest.raises(ValueError, match="checkpoint_every=3"):
        fastnn.MLPClassifier(checkpoint_every=3).fit(X, LABELS)
    with pytest.raises(TypeError, match="checkpoint must be the path of a folder, got 3"):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint=3)
    with pytest.raises(ValueError, match="checkpoint_every must be at least 1"):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path, checkpoint_every=0)
    with pytest.raises(ValueError, match="checkpoint"):
        fastnn.MLPClassifier(checkpoint=3).fit(X, LABELS)
    assert not list(tmp_path.iterdir())


def test_other_files_are_left_alone(tmp_path):
    others = {"notes.txt": "mine", "checkpoint-1.safetensors": "nothing of ours", "checkpoint-x.safetensors": "either"}
    for name, text in others.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "checkpoint-7").mkdir()
    with pytest.raises(ModelFormatError, match=r"none is whole: .*checkpoint-1\.safetensors"):
        train(SIZES, X, LABELS, 9, **USUAL, checkpoint=tmp_path)
    (tmp_path / "checkpoint-1.safetensors").rename(tmp_path / "other")
    train(SIZES, X, LABELS, 9, **USUAL, checkpoint=tmp_path, checkpoint_every=1)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "checkpoint-x.safetensors").read_text() == "either"
    assert (tmp_path / "checkpoint-7").is_dir()


def test_a_damaged_file_falls_back_to_the_one_before(tmp_path):
    options = {**USUAL, "batch_size": 8, "solver": "adam"}
    kept = {"checkpoint": tmp_path / "run", "checkpoint_every": 1}
    with pytest.raises(StopError):
        train(SIZES, X, LABELS, 9, **options, **kept, report_every=1, callback=stopper(8))
    one = of_result(train(SIZES, X, LABELS, 9, **options, report_every=1))
    newest = max((tmp_path / "run").iterdir(), key=lambda path: int(path.stem.split("-")[1]))
    whole = newest.read_bytes()
    for what, damaged in {
        "cut short": whole[:-5],
        "empty": b"",
        "a flipped bit": whole[:-3] + bytes([whole[-3] ^ 1]) + whole[-2:],
        "another version": whole.replace(b'version\\": 1', b'version\\": 9'),
    }.items():
        assert damaged != whole, what
        folder = tmp_path / what
        shutil.copytree(tmp_path / "run", folder)
        (folder / newest.name).write_bytes(damaged)
        with pytest.warns(UserWarning, match=f"training goes on from update .*{newest.stem}"):
            found = train(SIZES, X, LABELS, 9, **options, report_every=1, checkpoint=folder)
        assert of_result(found) == one, what


def test_short_passes_are_not_kept_waiting_by_their_checkpoints(tmp_path, monkeypatch):
    """Of a share of 1 % ten milliseconds of writing are a second of training, which this one does not take."""
    written, write = [], Folder.write

    def slow_write(folder, number, *content):
        written.append(number)
        ends = time.thread_time() + 0.01
        while time.thread_time() < ends:
            pass
        write(folder, number, *content)

    monkeypatch.setattr(Folder, "write", slow_write)
    monkeypatch.setattr(checkpoints, "SHARE", 0.01)
    waits = {"report_every": 1, "callback": lambda *_: time.sleep(0.002)}
    train(SIZES, X, LABELS, 40, **USUAL, **waits, checkpoint=tmp_path, checkpoint_every=1)
    assert written[0] == 1
    assert written[-1] == 40
    assert len(written) <= 4


def test_what_a_killed_process_has_left_is_removed(tmp_path):
    (tmp_path / ".checkpoint-5.safetensors.abc.part").write_bytes(b"half")
    (tmp_path / ".hidden.part").write_bytes(b"other")
    train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".hidden.part", "checkpoint-5.safetensors"]


def test_a_folder_that_another_training_has(tmp_path):
    folder = Folder(tmp_path)
    try:
        with pytest.raises(BlockingIOError, match="another training keeps its checkpoints"):
            train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path)
    finally:
        folder.close()
    train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path)


def test_a_folder_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint=path)
    assert path.read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_to_be_written_to(tmp_path):
    tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
    with pytest.raises(PermissionError):
        train(SIZES, X, LABELS, 5, **USUAL, checkpoint=tmp_path, callback=lambda *_: pytest.fail("it has begun"))


FULL = """
import resource, signal, sys, time, warnings
from pathlib import Path
import numpy as np
import fastnn
from fastnn.export import container

warnings.simplefilter("ignore")
folder, face = Path(sys.argv[1]), sys.argv[2]
X, y = np.random.default_rng(0).random((20, 50)), np.arange(20) % 2
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

def limit(iteration, loss, network):
    if iteration == 5:
        time.sleep(0.5)  # until something has been written
    if iteration == 6:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
    if iteration > 6:
        time.sleep(0.05)

def run(callback):
    kept = {"checkpoint": folder, "checkpoint_every": 1, "callback": callback}
    if face == "train":
        return fastnn.train([50, 20, 1], X, y, 30, 0.1, loss="log_loss", init="he_normal", random_state=0, **kept)
    return fastnn.MLPClassifier((20,), max_iter=30, random_state=0, **kept).fit(X, y)

def bits(result):
    network = result.network if face == "train" else result.network_
    return network.parameters.tobytes()

try:
    run(limit)
except OSError as error:
    assert "was not written, and those before it are as they were" in str(error), error
    assert error.result is not None and error.errno is not None
else:
    raise SystemExit("no error")
files = sorted(path.name for path in folder.iterdir())
assert files and all(name.startswith("checkpoint-") for name in files) and len(files) <= 3, files
for name in files:
    container.read(folder / name, "fastnn.checkpoint")
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
resumed = bits(run(None))
folder = folder / "anew"
assert bits(run(None)) == resumed
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits of a file's size")
@pytest.mark.parametrize("face", ["train", "fit"])
def test_a_full_disk_ends_in_an_error_with_the_last_checkpoints_whole(tmp_path, face):
    done = subprocess.run([sys.executable, "-c", FULL, tmp_path, face], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def kills(n):
    command = [sys.executable, str(Path(__file__).with_name("kept.py")), str(n)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills processes that were forked")


@needs_fork
def test_some_kills():
    assert '"killed": 10' in kills(10)


@needs_fork
@pytest.mark.slow
def test_two_hundred_kills():
    assert kills(100).count('"killed": 100') == 2


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


def test_rows_that_are_none_are_refused(tmp_path, monkeypatch):
    options = {**USUAL, "batch_size": 8, "report_every": 1, "checkpoint": tmp_path, "checkpoint_every": 1}
    with pytest.raises(StopError):
        train(SIZES, X, LABELS, 9, **options, callback=stopper(8))
    read = Folder.newest
    for name, change in {"rows": lambda rows: rows + 1, "n_made": lambda n: n + 9, "held": lambda _: [1]}.items():
        monkeypatch.setattr(Folder, "newest", lambda folder: {**(own := read(folder)), name: change(own[name])})  # noqa: B023
        with pytest.raises(ModelFormatError, match="damaged"):
            train(SIZES, X, LABELS, 9, **options)


@pytest.mark.parametrize(
    "forged",
    [
        {"parameters": None},
        {"parameters": np.zeros(1)},
        {"optimizer": np.zeros(3)},
        {"counters": np.zeros(3, np.uint8)},
        {"random": {"bit_generator": "none"}},
        {"objective": None},
        {"cost": np.zeros(1)},
        {"n_made": "four"},
    ],
    ids=lambda forged: next(iter(forged)),
)
def test_a_forged_checkpoint_is_damaged(tmp_path, monkeypatch, forged):
    options = {**USUAL, "batch_size": 8, "solver": "adam", "checkpoint": tmp_path, "checkpoint_every": 3}
    with pytest.raises(StopError):
        train(SIZES, X, LABELS, 9, **options, report_every=1, callback=stopper(8))
    newest = Folder.newest
    monkeypatch.setattr(Folder, "newest", lambda folder: {**newest(folder), **forged})
    with pytest.raises(ModelFormatError, match="damaged"):
        train(SIZES, X, LABELS, 9, **options, report_every=1)
