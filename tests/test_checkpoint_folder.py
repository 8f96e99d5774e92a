"""The folder of checkpoints: other trainings and damaged files are refused; full disks, and real kills."""

import os
import shutil
import stat
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from broken_off import FIT, LABELS, SIZES, USUAL, WEIGHT, StopError, X, stopper
from broken_off import no_waiting_for_the_disk as no_waiting_for_the_disk
from kept import of_result

import fastnn
from fastnn import ModelFormatError, train
from fastnn.export.checkpoints import Folder
from fastnn.training import checkpoints


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
