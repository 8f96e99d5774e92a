"""Networks in files: to disk and back bit for bit, mapped, whole or not there, whatever happens meanwhile."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
import warnings

import numpy as np
import pytest
from conftest import BACKEND_NAMES, run_program
from saved import MODELS, X, parts_of

import fastnn
from fastnn import ModelFormatError

NETWORKS = [name for name in MODELS if not name.startswith(("classifier", "regressor", "unfitted"))]
#: Labels whose dtype is to come back as it is.
CLASSES = {
    "int": np.array([-1, 0, 7]),
    "int8": np.array([-1, 0, 7], "i1"),
    "uint64": np.array([0, 1, 2**64 - 1], "u8"),
    "big endian": np.array([1, 2, 3], ">i4"),
    "bool": np.array([False, True]),
    "float": np.array([-0.1, 1.0, 2.5]),
    "float32": np.array([0.1, 0.2, 3.0], "f4"),
    "str": np.array(["a", "größe", "z"]),
    "wide str": np.array(["a", "b", "c"], "U20"),
    "surrogate": np.array(["a", "b\ud800", "c"]),
    "empty str": np.array(["", "b", "c"]),
    "object": np.array(["a", "bb", "c"], object),
}


def by_file(model, path, **options):
    model.save(path, **options)
    return fastnn.load(path)


def network_of(classes=None):
    rng = np.random.default_rng(0)
    n_out = 3 if classes is None or len(classes) == 3 else 1
    W = [rng.standard_normal((4, 3)), rng.standard_normal((n_out, 4))]
    activation = "softmax" if n_out == 3 else "logistic"
    return fastnn.Network(W, None, activation="relu", output_activation=activation, classes=classes)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_with_all_bits(name, tmp_path):
    made = MODELS[name]()
    again = by_file(made, tmp_path / "m")
    assert type(again) is fastnn.Network
    assert again.parameters.tobytes() == made.parameters.tobytes()
    for rows in (X, X[:1], X[3], X.astype("f4"), X[:3].tolist()):
        assert again(rows).tobytes() == made(rows).tobytes()
    for one, other in zip(np.atleast_1d(again.predict(X)), np.atleast_1d(made.predict(X)), strict=True):
        assert np.array_equal(one, other)
    for attribute in ("layer_sizes", "activations", "heads", "dtype", "backend", "feature_names"):
        assert getattr(again, attribute) == getattr(made, attribute)
    assert again._labels == made._labels


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("backend", BACKEND_NAMES)
def test_every_backend_has_the_same_bits(backend, dtype, tmp_path):
    made = fastnn.Network([np.ones((2, 3)) / 3, [[0.5, -0.25]]], [[0.1, 0.2], [0.3]], dtype=dtype, backend=backend)
    again = by_file(made, tmp_path / "m")
    assert again.backend == backend
    assert again(X).tobytes() == made(X).tobytes()


@pytest.mark.parametrize("kind", CLASSES)
def test_classes_come_back_with_their_dtype(kind, tmp_path):
    classes = CLASSES[kind]
    again = by_file(network_of(classes), tmp_path / "m").classes
    assert again.dtype == network_of(classes).classes.dtype
    assert again.tolist() == classes.tolist()
    assert list(map(type, again.tolist())) == list(map(type, classes.tolist()))
    assert not again.flags.writeable


@pytest.mark.skipif(np.longdouble(1).nbytes == 8, reason="no such dtype here")
def test_classes_that_no_file_holds_are_named(tmp_path):
    with pytest.raises(TypeError, match=f"classes cannot be saved: an array of {np.dtype('g')}.*name them by numbers"):
        network_of(np.array([1, 2, 3], "g")).save(tmp_path / "m")
    assert not os.listdir(tmp_path)


def test_many_words_of_which_one_is_long_are_named(tmp_path):
    """As an array they take far more than the file, which a reader refuses."""
    classes = np.array([*sorted(map(str, range(999))), "x" * 20_000])
    made = fastnn.Network([np.ones((1000, 1))], None, output_activation="softmax", classes=classes)
    with pytest.raises(TypeError, match="1000 words that all take the 20000 characters of the longest"):
        made.save(tmp_path / "m")


def test_what_stands_in_the_file(tmp_path):
    """To be read by anything that reads safetensors: the one of docs/travelling.md, in full."""
    fastnn.Network(
        [np.full((3, 2), 1.0), np.full((1, 3), 2.0)], [np.full(3, 3.0), [4.0]], activation=("elu", 0.5),
        classes=["a", "b"], dtype="float32",
    ).save(tmp_path / "m")  # fmt: skip
    from safetensors.numpy import load_file

    assert load_file(tmp_path / "m")["parameters"].tolist() == [1.0] * 6 + [2.0] * 3 + [3.0] * 3 + [4.0]
    kind, description, arrays = parts_of(tmp_path / "m")
    assert (kind, list(arrays)) == ("fastnn.network", ["parameters"])
    assert description == {
        "version": 1,
        "layer_sizes": [2, 3, 1],
        "activations": [{"name": "elu", "alpha": 0.5}, {"name": "logistic"}],
        "dtype": "float32",
        "labels": {"kind": "binary", "classes": {"dtype": "<U1", "values": ["a", "b"]}},
        "feature_names": None,
        "backend": "auto",
    }


def test_the_file_is_mapped_and_shared(tmp_path):
    network_of().save(tmp_path / "m")
    first, second = fastnn.load(tmp_path / "m"), fastnn.load(tmp_path / "m")
    assert isinstance(first.parameters.base, np.memmap)
    assert np.shares_memory(first.W[1], first.parameters)
    with open(tmp_path / "m", "r+b") as file:  # whoever writes there, is seen by both
        content = file.read()
        file.seek(content.index(first.parameters.tobytes()))
        file.write(np.float64(123.0).tobytes())
    assert first.W[1][0, 0] == second.W[1][0, 0] == 123.0
    assert first(X).tobytes() == second(X).tobytes() != network_of()(X).tobytes()


def test_a_large_file_is_not_copied(tmp_path):
    made = fastnn.Network([np.ones((2000, 2000))], None, dtype="float32")
    made.save(tmp_path / "m")
    out = run_program(
        f"""
        import resource, fastnn, safetensors
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        fastnn.load({str(tmp_path / "small")!r})
        at_start = open("/proc/self/status").read()
        def anonymous(text): return int(text.split("RssAnon:")[1].split()[0])
        network = fastnn.load({str(tmp_path / "m")!r})
        print(anonymous(open("/proc/self/status").read()) - anonymous(at_start))
        """
        if (network_of().save(tmp_path / "small") is None and sys.platform == "linux")
        else "print(0)"
    )
    assert int(out) < 4000  # kB, of 16,000


def test_what_was_loaded_is_written_to_as_a_copy(tmp_path):
    loaded = by_file(network_of(), tmp_path / "m")
    with pytest.raises(ValueError, match="read-only"):
        loaded.W[1][:] = 0
    copy = loaded.copy()
    copy.W[1][:] = 0
    assert loaded(X).tobytes() == network_of()(X).tobytes() != copy(X).tobytes()
    result = fastnn.train([3, 4, 3], X, np.eye(3)[np.arange(30) % 3], 3, init=(loaded.W, loaded.b), activation="relu",
                          output_activation="softmax", loss="log_loss")  # fmt: skip
    assert result.network.parameters.tobytes() != loaded.parameters.tobytes() == network_of().parameters.tobytes()


def test_a_file_that_is_saved_over_stays_for_who_has_it(tmp_path):
    old = by_file(network_of(), tmp_path / "m")
    other = fastnn.Network([[[1.0, 2.0, 3.0]]], None)
    other.save(tmp_path / "m")
    assert old(X).tobytes() == network_of()(X).tobytes()
    assert fastnn.load(tmp_path / "m")(X).tobytes() == other(X).tobytes()
    old.save(tmp_path / "m")  # onto its own file, too
    again = fastnn.load(tmp_path / "m")
    again.save(tmp_path / "m")
    assert again(X).tobytes() == fastnn.load(tmp_path / "m")(X).tobytes() == old(X).tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_parameters_that_are_not_finite_are_told_of(value, tmp_path):
    made = network_of()
    made.parameters[3] = value
    made.save(tmp_path / "m")
    with pytest.warns(RuntimeWarning, match=f"'.*m' has parameters that are not finite, .* number 3, {value}") as told:
        again = fastnn.load(tmp_path / "m")
    assert told[0].filename == __file__
    assert again.parameters.tobytes() == made.parameters.tobytes()


# -- whole, or not there ----------------------------------------------------------------------------------------------

SAVES = """
import sys
import numpy as np, fastnn
networks = [fastnn.Network([np.full((200, 100), number)], None) for number in (1.0, 2.0)]
networks[0].save(sys.argv[1])
print("ready", flush=True)
while True:
    for network in networks:
        network.save(sys.argv[1])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills at once here")
def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path):
    """For real, at random moments of a program that does nothing but save."""
    path, random, found = tmp_path / "m", np.random.default_rng(0), set()
    for _ in range(12):
        with subprocess.Popen([sys.executable, "-c", SAVES, path], stdout=subprocess.PIPE, text=True) as program:
            assert program.stdout.readline() == "ready\n"
            for _ in range(3):  # meanwhile every reader has one of them
                if path.exists():
                    found.add(whole(path))
                time.sleep(random.uniform(0.001, 0.02))
            program.kill()
        found.add(whole(path))
    assert found == {1.0, 2.0}


def whole(path):
    network = fastnn.load(path)
    (number,) = set(network.W[1].ravel().tolist())
    return number


@pytest.mark.skipif(not hasattr(signal, "SIGXFSZ"), reason="no limit of file sizes here")
def test_a_full_disk_leaves_the_old_file(tmp_path):
    network_of().save(tmp_path / "m")
    before = (tmp_path / "m").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # so that a write fails, as on a full disk
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
        with pytest.raises(OSError, match=r"large|space"):
            fastnn.Network([np.ones((100, 100))], None).save(tmp_path / "m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert os.listdir(tmp_path) == ["m"]
    assert (tmp_path / "m").read_bytes() == before


def test_places_that_nothing_can_be_saved_to(tmp_path):
    with pytest.raises(FileNotFoundError):
        network_of().save(tmp_path / "nowhere" / "m")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        network_of().save(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes in folders here")
def test_what_is_no_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="is no regular file"):
        network_of().save(tmp_path / "pipe")
    assert (tmp_path / "pipe").is_fifo()
    assert os.listdir(tmp_path) == ["pipe"]


def test_saving_changes_nothing_that_other_threads_share(tmp_path, monkeypatch):
    """The mask of permissions is the process's: a file that another thread makes meanwhile would be everybody's."""
    monkeypatch.setattr(os, "umask", lambda mask: pytest.fail("the mask was changed"))
    network_of().save(tmp_path / "m")
    (tmp_path / "usual").touch()
    assert (tmp_path / "m").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_file_is_closed_before_it_takes_its_place(tmp_path, monkeypatch):
    """As Windows asks for, which has no os.fchmod before Python 3.13 either."""
    files, replace = [], os.replace

    def opened(*args):
        files.append(open(*args))  # noqa: SIM115
        return files[-1]

    def replaced(source, target):
        assert all(file.closed for file in files)
        replace(source, target)

    monkeypatch.setattr("fastnn.export.files.open", opened, raising=False)
    monkeypatch.setattr(os, "replace", replaced)
    monkeypatch.delattr(os, "fchmod", raising=False)
    network_of().save(tmp_path / "m")
    network_of().save(tmp_path / "m")
    assert len(files) == 2


def test_a_file_keeps_its_permissions_and_a_link_stays_one(tmp_path):
    network_of().save(tmp_path / "m")
    os.chmod(tmp_path / "m", 0o640)
    os.symlink(tmp_path / "m", tmp_path / "link")
    network_of().save(tmp_path / "link")
    assert os.stat(tmp_path / "m").st_mode & 0o777 == 0o640
    assert (tmp_path / "link").is_symlink()


# -- places that nothing can be loaded from ---------------------------------------------------------------------------


def test_errors_of_the_file_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        fastnn.load(tmp_path / "m")
    (tmp_path / "m").touch(mode=0)
    if os.geteuid() if hasattr(os, "geteuid") else False:
        with pytest.raises(PermissionError):
            fastnn.load(tmp_path / "m")
    with pytest.raises(ModelFormatError, match="is a folder"):
        fastnn.load(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ModelFormatError, match="is no regular file"):  # at once: nobody writes
            fastnn.load(tmp_path / "pipe")
    with pytest.raises(TypeError):
        fastnn.load(3.5)


def test_loading_imports_no_more_than_it_needs(tmp_path):
    network_of().save(tmp_path / "m")
    run_program(f"""
        import sys
        sys.modules["sklearn"] = sys.modules["scipy"] = None
        import fastnn
        assert "safetensors" not in sys.modules
        fastnn.load({str(tmp_path / "m")!r})
        assert "fastnn.estimators" not in sys.modules
    """)


def test_an_estimator_without_scikit_learn_is_a_clear_error(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        MODELS["regressor"]().save(tmp_path / "m")
    run_program(f"""
        import sys
        sys.modules["sklearn"] = sys.modules["scipy"] = None
        import fastnn
        try:
            fastnn.load({str(tmp_path / "m")!r})
        except ImportError as error:
            assert "needs scikit-learn" in str(error), error
        else:
            raise SystemExit("it was loaded")
    """)


def test_the_description_is_json_of_words_alone(tmp_path):
    network_of(CLASSES["surrogate"]).save(tmp_path / "m")
    content = (tmp_path / "m").read_bytes()
    length = int.from_bytes(content[:8], "little")
    assert json.loads(content[8 : 8 + length].decode("ascii"))


def test_a_folder_that_is_not_there_is_told_by_the_name_that_was_given(tmp_path):
    path = tmp_path / "nowhere" / "model.safetensors"
    with pytest.raises(FileNotFoundError) as raised:
        network_of().save(path)
    assert raised.value.filename == str(path)
