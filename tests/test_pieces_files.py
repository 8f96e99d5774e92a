"""Files beyond memory: arrays on the disk, mapped or not, Parquet and Arrow; frames as pieces; and how much memory."""

import subprocess
import sys
import textwrap

import numpy as np
import pytest

import fastnn
from fastnn import Pieces

N = 400
RNG = np.random.default_rng(1)
X = RNG.normal(size=(N, 3))
Y = np.array(["no", "yes"])[(X[:, 0] > X[:, 1]).astype(int)]
WEIGHT = RNG.uniform(0.1, 2.0, N)
NAMES = ("a", "b", "c")
SETTINGS = {
    "iter_num": 60, "alpha": 0.05, "activation": "tanh", "loss": "log_loss", "init": "glorot_uniform",
    "solver": "adam", "batch_size": 16, "random_state": 0, "order": "sequential",
}  # fmt: skip
LARGE = {"buffer_rows": 64}


@pytest.fixture(scope="module")
def expected():
    return fastnn.train([3, 4, 1], X, Y, sample_weight=WEIGHT, **SETTINGS)


def check(pieces, expected):
    """The bits of arrays, and names where there are some."""
    result = fastnn.train([3, 4, 1], pieces, **SETTINGS)
    assert result.loss_curve == expected.loss_curve
    assert result.network.classes.tolist() == ["no", "yes"]
    assert result.network.feature_names == (None if pieces._source.names is None else NAMES)


@pytest.fixture
def saved(tmp_path):
    paths = {}
    for name, array in (("X", X), ("y", Y), ("w", WEIGHT)):
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], array)
        for k, part in enumerate(np.split(array, [150])):
            np.save(tmp_path / f"{name}{k}.npy", part)
    return paths


@pytest.mark.parametrize("buffer", [LARGE, {}], ids=["a part", "all"])
@pytest.mark.parametrize("mode", ["r", "r+", "c"])
def test_mapped_files_are_read_as_arrays_are(saved, expected, mode, buffer):
    mapped = [np.load(saved[name], mmap_mode=mode) for name in "Xyw"]
    check(Pieces(mapped[0], mapped[1], sample_weight=mapped[2], **buffer), expected)
    np.testing.assert_array_equal(mapped[0], X)


def test_a_mapping_keeps_what_was_changed_in_it_alone(saved, expected):
    """Its pages cannot be given back: the file does not have them."""
    mapped = np.load(saved["X"], mmap_mode="c")
    mapped[:] = 2 * X
    mapped[:] /= 2
    np.save(saved["X"].with_name("other.npy"), np.zeros(1))
    check(Pieces(mapped, Y, sample_weight=WEIGHT, **LARGE), expected)
    np.testing.assert_array_equal(mapped, X)


@pytest.mark.parametrize("buffer", [LARGE, {}], ids=["a part", "all"])
def test_npy_files_one_or_several(saved, expected, buffer):
    check(Pieces(saved["X"], saved["y"], sample_weight=saved["w"], **buffer), expected)
    lists = [[str(saved[name].with_name(f"{name}{k}.npy")) for k in (0, 1)] for name in "Xyw"]
    check(Pieces(lists[0], lists[1], sample_weight=lists[2], **buffer), expected)


def test_of_files_of_several_blocks_all_is_kept(saved):
    """The memory that one block was read into is that of the next: so X, y and weights must be copied."""
    tall, n = {name: np.load(path).repeat(400, axis=0) for name, path in saved.items()}, 400 * N
    for name, array in tall.items():
        np.save(saved[name], array)
    given = {**SETTINGS, "batch_size": n // 2, "iter_num": 4}
    found = fastnn.train([3, 4, 1], Pieces(saved["X"], saved["y"], sample_weight=saved["w"]), **given)
    of_arrays = fastnn.train([3, 4, 1], tall["X"], tall["y"], sample_weight=tall["w"], **given)
    assert found.loss_curve == of_arrays.loss_curve


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_estimators_compute_in_the_dtype_of_the_file(saved, dtype):
    given = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 16, "shuffle": False, "random_state": 0}
    np.save(saved["X"], X.astype(dtype))
    of_arrays = fastnn.MLPClassifier(**given).fit(X.astype(dtype), Y)
    fitted = fastnn.MLPClassifier(**given).fit(Pieces(saved["X"], saved["y"], **LARGE))
    assert fitted.loss_curve_ == of_arrays.loss_curve_
    assert fitted.coefs_[0].dtype == dtype
    assert fitted.classes_.tolist() == ["no", "yes"]


def test_paths_alone_are_pieces(saved):
    result = fastnn.train([3, 4, 1], str(saved["X"]), saved["y"], **SETTINGS)
    assert result.loss_curve == fastnn.train([3, 4, 1], X, Y, **SETTINGS).loss_curve


def test_damaged_files_are_told_by_name(saved, tmp_path):
    short, other, flat = tmp_path / "short.npy", tmp_path / "other.npy", tmp_path / "flat.npy"
    short.write_bytes(saved["X"].read_bytes()[:-8])
    other.write_bytes(b"what is this")
    np.save(flat, np.asfortranarray(X))
    np.save(tmp_path / "objects.npy", np.array([None] * N))
    for path, told in (
        (short, "short.npy' is shorter than its header says"),
        (other, "other.npy' is no .npy file"),
        (flat, "flat.npy' holds an array that lies column by column"),
        (tmp_path / "objects.npy", "holds objects"),
    ):
        with pytest.raises(ValueError, match=told):
            Pieces(path, saved["y"])
    with pytest.raises(FileNotFoundError, match=r"missing\.npy"):
        Pieces(tmp_path / "missing.npy", saved["y"])
    with pytest.raises(ValueError, match=r"X\.npy' has 400 rows, but its y is of shape \(150,\)"):
        Pieces(saved["X"], saved["y"].with_name("y0.npy"))
    with pytest.raises(ValueError, match="y is missing"):
        Pieces(saved["X"])
    with pytest.raises(ValueError, match=r"is no file that can be read: they end in \.npy"):
        Pieces(tmp_path / "table.csv", saved["y"])
    (tmp_path / "folder").mkdir()
    with pytest.raises(
        ValueError, match=r"of the folder '.*folder' files are read that end in .parquet, .*; it has none"
    ):
        Pieces(tmp_path / "folder", target="y")
    with pytest.raises(ValueError, match=r"there is no file '.*\*.parquet'"):
        Pieces(tmp_path / "*.parquet", target="y")


def test_a_file_that_changes_meanwhile_is_told(saved):
    pieces = Pieces(saved["X"], saved["y"], **LARGE)
    wrong = X.copy()
    wrong[300, 2] = np.inf
    np.save(saved["X"], wrong)
    with pytest.raises(ValueError, match=r"X of '.*X.npy' has inf in row 300, column 2"):
        fastnn.train([3, 4, 1], pieces, **SETTINGS)


# -- columns by name ---------------------------------------------------------------------------------------------


def columns():
    return {"w": WEIGHT, **{name: X[:, k] for k, name in enumerate(NAMES)}, "y": Y}


@pytest.mark.parametrize("kind", ["pandas", "polars"])
@pytest.mark.parametrize("buffer", [LARGE, {}], ids=["a part", "all"])
def test_frames_as_pieces(kind, buffer, expected):
    library = pytest.importorskip(kind)
    table = columns()

    def frames():
        for begin in range(0, N, 90):
            yield library.DataFrame({name: values[begin : begin + 90] for name, values in table.items()})

    check(Pieces(frames, target="y", sample_weight="w", **buffer), expected)
    pairs = [(frame[list(NAMES)], np.asarray(frame["y"]), np.asarray(frame["w"])) for frame in frames()]
    check(Pieces(pairs, **buffer), expected)
    with pytest.raises(ValueError, match="piece 0 has no column 'z'"):
        fastnn.train([3, 4, 1], Pieces(frames, target="z"), **SETTINGS)
    pairs[2] = (pairs[2][0][["b", "a", "c"]], *pairs[2][1:])
    with pytest.raises(ValueError, match="the columns of X of piece 2 stand in another order"):
        fastnn.train([3, 4, 1], Pieces(pairs, **buffer), **SETTINGS)


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_an_estimator_has_the_names_of_columns_and_goes_on_with_them():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(columns())
    given = {"hidden_layer_sizes": (4,), "max_iter": 2, "batch_size": 16, "random_state": 0, "warm_start": True}
    for buffer in (LARGE, {}):
        pieces = Pieces([frame[:200], frame[200:]], target="y", columns=list(NAMES), sample_weight="w", **buffer)
        model = fastnn.MLPClassifier(**given).fit(pieces).fit(pieces)
        assert tuple(model.feature_names_in_) == NAMES
        assert model.predict(frame[list(NAMES)]).shape == (N,)
        with pytest.raises(ValueError, match="but training began with"):
            model.fit(Pieces([frame], target="y", columns=["c", "b", "a"]))
        assert tuple(model.feature_names_in_) == NAMES


@pytest.fixture
def arrow():
    return pytest.importorskip("pyarrow")


@pytest.fixture
def written(arrow, tmp_path):
    """Files of both kinds: two each, in folders of their own."""
    from pyarrow import feather, parquet

    table = arrow.table(columns())
    for kind, write in (("parquet", parquet.write_table), ("feather", feather.write_feather)):
        (tmp_path / kind).mkdir()
        write(table.slice(0, 150), str(tmp_path / kind / f"0.{kind}"))
        write(table.slice(150), str(tmp_path / kind / f"1.{kind}"))
    return tmp_path


@pytest.mark.parametrize("kind", ["parquet", "feather"])
@pytest.mark.parametrize("buffer", [LARGE, {}], ids=["a part", "all"])
def test_files_of_arrow_in_a_folder_a_list_or_a_pattern(written, kind, buffer, expected):
    files = sorted((written / kind).iterdir())
    for source in (written / kind, files, str(written / kind / f"*.{kind}")):
        check(Pieces(source, target="y", sample_weight="w", **buffer), expected)


def test_tables_and_data_sets(arrow, written, expected):
    from pyarrow import dataset

    table = arrow.table(columns())
    for source in (table, dataset.dataset(str(written / "parquet"))):
        check(Pieces(source, target="y", sample_weight="w", columns=list(NAMES), **LARGE), expected)
    with pytest.raises(TypeError, match="only once"):
        Pieces(table.to_reader())


def test_targets_in_several_columns_and_of_a_dictionary(arrow):
    table = arrow.table({"a": X[:, 0], "p": X[:, 1], "q": X[:, 2], "kind": arrow.array(Y).dictionary_encode()})
    given = {**SETTINGS, "loss": "squared_error", "output_activation": "identity"}
    of_arrays = fastnn.train([1, 4, 2], X[:, :1], X[:, 1:], **given)
    found = fastnn.train([1, 4, 2], Pieces(table, target=["p", "q"], columns=["a"], **LARGE), **given)
    assert found.loss_curve == of_arrays.loss_curve
    labelled = fastnn.train([3, 4, 1], Pieces(table, target="kind", **LARGE), **SETTINGS)
    assert labelled.loss_curve == fastnn.train([3, 4, 1], X, Y, **SETTINGS).loss_curve


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_table_of_arrow_beside_y_is_columns_of_numbers(arrow):
    table = arrow.table({name: X[:, k] for k, name in enumerate(NAMES)})
    assert (
        fastnn.train([3, 4, 1], table, Y, **SETTINGS).loss_curve == fastnn.train([3, 4, 1], X, Y, **SETTINGS).loss_curve
    )
    model = fastnn.MLPClassifier((4,), max_iter=2, random_state=0)
    assert model.fit(table, Y).loss_ == model.fit(X, Y).loss_


@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
@pytest.mark.parametrize("buffer", [LARGE, {}], ids=["a part", "all"])
def test_columns_to_validate_on_in_another_order_are_refused(arrow, buffer):
    pandas = pytest.importorskip("pandas")
    table, frame = arrow.table(columns()), pandas.DataFrame(columns())
    pieces = Pieces(table, target="y", sample_weight="w", **buffer)
    other = Pieces(table.select(["b", "a", "c", "y"]), target="y")
    model = fastnn.MLPClassifier((4,), max_iter=2, batch_size=16)
    for call in (
        lambda: fastnn.train([3, 4, 1], pieces, validation_data=other, **SETTINGS),
        lambda: fastnn.train([3, 4, 1], frame[list(NAMES)], Y, validation_data=other, **SETTINGS),
        lambda: model.fit(pieces, X_val=other),
        lambda: model.fit(frame[list(NAMES)], Y, X_val=other),
    ):
        with pytest.raises(ValueError, match=r"columns \('b', 'a', 'c'\), but those to learn from \('a', 'b', 'c'\)"):
            call()
    model.fit(pieces, X_val=Pieces([frame], target="y", columns=list(NAMES)))


def test_what_is_wrong_in_a_column_is_told_by_its_name(arrow, written):
    folder = written / "parquet"
    for given, told in (
        ({"target": "y", "columns": "abc"}, "columns must be a list with the names of one column or more, got 'abc'"),
        ({"target": "y", "columns": []}, r"columns must be a list .*, got \[\]"),
        ({"target": ["w", *NAMES, "y"]}, "0.parquet' has no column beside 'w', 'a', 'b', 'c', 'y' to learn from"),
        ({}, "Pieces\\(files, target='name'\\)"),
        ({"target": "z"}, "0.parquet' has no column 'z'; it has 'w', 'a'"),
        ({"target": "y", "columns": ["a", "d"]}, "has no column 'd'"),
    ):
        with pytest.raises(ValueError, match=told):
            Pieces(folder, **given)
    with pytest.raises(TypeError, match="its column 'y' holds text"):
        fastnn.train(
            [3, 4, 1], Pieces(folder, target="w", columns=["a", "b", "y"], **LARGE), **{**SETTINGS, "loss": "poisson"}
        )
    gap = arrow.table({"a": arrow.array([1.0, None] * 50), "y": [0, 1] * 50})
    with pytest.raises(ValueError, match="the Table has no value in row 1, column 'a'"):
        fastnn.train([1, 4, 1], Pieces(gap, target="y", **LARGE), **SETTINGS)


# -- memory ------------------------------------------------------------------------------------------------------

PROGRAM = """
    import resource, sys
    import numpy as np
    import fastnn

    path, kind = sys.argv[1:]
    X = f"{path}/X.npy" if kind == "file" else np.load(f"{path}/X.npy", mmap_mode="r")
    settings = {"loss": "log_loss", "batch_size": 256, "random_state": 0, "activation": "relu", "init": "he_normal"}
    small = fastnn.train([100, 8, 1], np.zeros((300, 100)), np.arange(300) % 2, 1, **settings)

    def peak():  # of this program alone: getrusage would count the one that started it
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

    before = peak()
    with open("/proc/self/statm") as file:
        in_use = int(file.read().split()[5]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_DATA, (in_use + 40 * 2**20,) * 2)
    pieces = fastnn.Pieces(X, f"{path}/y.npy", memory=8 * 2**20)
    result = fastnn.train([100, 8, 1], pieces, iter_num=1024, dtype="float32", **settings)
    assert result.n_iter == 1024
    print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", ["file", "mapping"])
def test_memory_stays_below_its_bound(kind, tmp_path):
    """Of a file of 105 MB no more than the buffer of 8 MB and some blocks; the system is told to give no more."""
    rng = np.random.default_rng(0)
    rows = np.lib.format.open_memmap(tmp_path / "X.npy", "w+", np.float32, (262_144, 100))
    rows[:] = rng.normal(size=(512, 100)).astype(np.float32).repeat(512, axis=0)
    del rows
    np.save(tmp_path / "y.npy", rng.integers(2, size=262_144))
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path), kind]
    done = subprocess.run(program, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 30_000  # kB
