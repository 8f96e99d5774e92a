"""Networks as C: what compiles without a warning, under every compiler, and gives the outputs of the NumPy reference.

Many networks go into one program, which reads rows and writes outputs, so that a compiler is started a few times only.
"""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from programs import COMPILERS, RNG, ROWS, compiled, drawn, outputs_of, program_of

import fastnn
from fastnn._tables import ACTIVATION_PARAMETERS, HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS
from fastnn.export.c.text import KEYWORDS
from fastnn.network import Network
from fastnn.portable import to_plain

#: Of float32 and float64, relative to the largest output of a network.
BOUNDS = {"float32": 1e-6, "float64": 1e-12}


def reference(network, rows):
    """The outputs by the NumPy backend, in float64."""
    plain = {**to_plain(network), "backend": "numpy", "dtype": "float64"}
    return Network._from_plain({**plain, "parameters": network.parameters.astype(np.float64)})(rows)


# -- every activation, in both dtypes, under every compiler -----------------------------------------------------

PARAMETERS = {"leaky_relu": [0.2, -0.3], "elu": [0.5, 1e-7], "increasing": [2, 3]}


def every_activation():
    """Networks that together have each hidden and output activation, parameters too, one layer, and heads."""
    hidden = [*HIDDEN_ACTIVATIONS, *((name, p) for name in ACTIVATION_PARAMETERS for p in PARAMETERS[name])]
    for activation in hidden:
        if activation[0] != "increasing":
            yield drawn([3, 9, 5, 6], [activation, "tanh"])
    outputs = [*OUTPUT_ACTIVATIONS, ("elu", 0.25), ("increasing", 2), ("increasing", 3)]
    for output_activation in outputs:
        yield drawn([3, 4, 6], "logistic", output_activation)
    yield drawn([3, 1])
    yield drawn([3, 2], output_activation="softmax")
    yield drawn([3, 17, 16, 15, 8, 7, 1], "silu", scale=2.0)
    heads = [fastnn.Head(1), fastnn.Head(3, "log_loss"), fastnn.Head(2, "gaussian_nll"), fastnn.Head(1, "log_loss")]
    heads += [fastnn.Head(3, "quantile", quantile=[0.1, 0.5, 0.9])]
    y = np.hstack([ROWS[:, :1], np.eye(3)[np.arange(17) % 3], ROWS[:, :1], ROWS[:, :1] > 0, ROWS[:, 1:2]])
    y = [y[:, :1], y[:, 1:4], y[:, 4:5], y[:, 5:6], y[:, 6:]]
    yield fastnn.train([3, 5, 10], ROWS / 50, y, 50, 0.01, heads=heads, activation="tanh", random_state=0).network


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """A folder with the program's source, the networks in each dtype, and their rows."""
    folder = tmp_path_factory.mktemp("every")
    networks, rows, names = [], [], []
    for k, network in enumerate(every_activation()):
        for dtype in BOUNDS:
            names.append(f"n{k}_{dtype}")
            network.to_c(folder / f"{names[-1]}.h", dtype)
            networks.append(network)
            rows.append(ROWS.astype(dtype))
    reals = ["float" if of.dtype == np.float32 else "double" for of in rows]
    (folder / "every.c").write_text(program_of(names, len(ROWS), reals))
    return folder, networks, rows


SLOW = ("g++", "gcc-native", "clang")


@pytest.mark.parametrize("compiler", [pytest.param(one, marks=[pytest.mark.slow] * (one in SLOW)) for one in COMPILERS])
def test_every_activation_gives_the_outputs_of_the_reference(every, compiler):
    folder, networks, rows = every
    program = compiled(folder, "every.c", compiler, name=f"every-{compiler}")
    for network, of, outputs in zip(networks, rows, outputs_of(program, networks, rows), strict=True):
        expected = reference(network, ROWS.astype(np.float64))
        as_float = Network._from_plain(
            {**to_plain(network), "dtype": of.dtype.name, "parameters": network.parameters.astype(of.dtype)}
        )
        for found in (expected, as_float(of)):
            largest = np.abs(found).max()
            bound = BOUNDS[of.dtype.name]
            # Sums of several hundreds have lost digits of float32 before an activation tells them: rows of usual size.
            usual = np.abs(of).max(axis=1) < 5
            assert np.abs(outputs - found)[usual].max() <= bound * largest, (compiler, repr(network), of.dtype)
            assert np.abs(outputs - found).max() <= 100 * bound * largest, (compiler, repr(network), of.dtype)


def test_numbers_are_read_back_with_their_bits(tmp_path):
    """A bias is what a row of zeros gives."""
    for dtype, smallest in (("float32", np.float32(1e-45)), ("float64", 5e-324)):
        info = np.finfo(dtype)
        special = [smallest, info.tiny, info.max, -info.max, info.eps, 0.1, 1 / 3, 1.0, -3.0, 1e22, 123456789.0, -0.0]
        biases = np.array([*special, *RNG.standard_normal(200) * 10.0 ** RNG.integers(-30, 30, 200)], dtype)
        network = Network(
            [np.zeros((len(biases), 1))], [biases], activation=[], output_activation="identity", dtype=dtype
        )
        network.to_c(tmp_path / "n.h")
        real = "float" if dtype == "float32" else "double"
        program = compiled(tmp_path, program_of(["n"], 1, [real]))
        (outputs,) = outputs_of(program, [network], [np.zeros((1, 1), dtype)])
        assert outputs.tobytes() == (biases + np.zeros(1, dtype)).tobytes()  # of -0 the sum with 0 is 0


# -- labels -----------------------------------------------------------------------------------------------------

HOSTILE = [
    '"; int x[-1]; /*',
    "*/ #error",
    "??/",
    "a\\",
    "new\nline",
    "%s%n",
    "äöü\u202e",
    "/* */ // \r",
    "\x00b"[1:],
]


def test_what_is_predicted_is_the_class_and_the_labels_of_fastnn(tmp_path):
    kinds = {
        "binary": drawn([3, 4, 1], output_activation="logistic", classes=["no", "yes"]),
        "several": drawn([3, 4, 4], output_activation="softmax", dtype="float32", classes=[-5, 0, 7, 2**40]),
        "floats": drawn([3, 4, 3], dtype="float32", classes=[-0.5, 1.0, 1e300]),
        "many": fastnn.train([3, 4, 2], ROWS, (ROWS[:, :2] > 0).astype(float), 20, loss="log_loss").network,
        "signs": fastnn.train([3, 4, 1], ROWS / 9, np.where(ROWS[:, 0] > 0, "+", "-"), 20, loss="hinge").network,
    }
    kinds["heads"] = fastnn.train(
        [3, 4, 6], ROWS / 50, [ROWS[:, 0], np.array(list("abc"))[np.arange(17) % 3], 1.0 * (ROWS[:, :2] > 0)], 50,
        heads=[fastnn.Head(1), fastnn.Head(3, "log_loss"), fastnn.Head(2, "log_loss", output_activation="logistic")],
        activation="tanh", random_state=0,
    ).network  # fmt: skip
    plain = to_plain(drawn([3, 1], classes=["+", "-"]))
    outputs = np.sort(Network._from_plain(plain)(ROWS).ravel())
    plain["labels"]["threshold"] = float(outputs[11:13].mean())
    assert (outputs > 0.5).sum() != (outputs > plain["labels"]["threshold"]).sum() > 0
    kinds["few"] = Network._from_plain(plain)
    single = {
        "few": "few",
        "binary": "binary",
        "several": "several",
        "floats": "floats",
        "signs": "signs",
        "heads_head1": "heads",
    }
    several = {"many": ("many", 2), "heads_head2": ("heads", 2)}
    for name, network in kinds.items():
        network.to_c(tmp_path / f"{name}.h")
    body = (
        "#include <stdio.h>\n" + "".join(f'#include "{name}.h"\n' for name in kinds) + "int main(void) {\n    int r;\n"
    )
    for name, network in kinds.items():
        real = "float" if network.dtype == np.float32 else "double"
        rows = ROWS / 50 if name == "heads" else ROWS
        given = ", ".join(f"(({real}){value!r})" for value in rows.ravel().tolist())
        body += f"    static const {real} rows_{name}[] = {{{given}}};\n"
    for prefix, name in single.items():
        body += f'    for (r = 0; r < 17; r++) printf("%d ", {prefix}_predict_class(rows_{name} + 3 * r));\n'
        body += '    puts("");\n'
    for prefix, (name, n) in several.items():
        body += f"    for (r = 0; r < 17; r++) {{\n        int l[{n}];\n"
        body += f"        {prefix}_predict_labels(rows_{name} + 3 * r, l);\n"
        body += f'        for (int i = 0; i < {n}; i++) printf("%d ", l[i]);\n    }}\n    puts("");\n'
    body += '    printf("%s %s %s %s\\n", binary_classes[1], signs_classes[0], heads_head1_classes[2],'
    body += " heads_head1_classes[0]);\n"
    body += '    printf("%lld %g %d\\n", (long long)several_classes[3], floats_classes[2], HEADS_HEAD2_FIRST);\n'
    body += "    double nan_row[6] = {0, 0, 0, 0, 0, 0};\n    nan_row[2] = NAN;\n"
    body += '    printf("%d\\n", heads_head1_class_of(nan_row));\n    return 0;\n}\n'
    found = subprocess.check_output(compiled(tmp_path, body), text=True).splitlines()
    for line, (prefix, name) in zip(found, single.items(), strict=False):
        network, rows = kinds[name], ROWS / 50 if name == "heads" else ROWS
        expected = network.predict(rows)
        classes = network.classes
        if "head" in prefix:
            expected, classes = expected[1], classes[1]
        assert classes[list(map(int, line.split()))].tolist() == expected.tolist(), prefix
    assert list(map(int, found[6].split())) == kinds["many"].predict(ROWS).ravel().tolist()
    assert list(map(int, found[7].split())) == kinds["heads"].predict(ROWS / 50)[2].ravel().tolist()
    assert found[8:] == ["yes + c a", f"{2**40} 1e+300 4", "-1"]


@pytest.mark.parametrize("compiler", ["gcc", "clang", "g++"])
def test_hostile_names_stay_inside_of_comments_and_strings(tmp_path, compiler):
    pandas = pytest.importorskip("pandas")
    features = [*HOSTILE, "b\0c", "x" * 300]
    y = np.array(HOSTILE)[np.arange(40) % len(HOSTILE)]
    X = pandas.DataFrame(RNG.standard_normal((40, len(features))), columns=features)
    network = fastnn.train([len(features), len(HOSTILE)], X, y, 2, loss="log_loss").network
    network.to_c(tmp_path / "hostile.h")
    source = '#include <stdio.h>\n#include "hostile.h"\nint main(void) {\n    int i;\n'
    source += "    for (i = 0; i < HOSTILE_N_CLASSES; i++) {\n"
    source += '        printf("%s%c", hostile_classes[i], 1);\n    }\n    return 0;\n}\n'
    found = subprocess.check_output(compiled(tmp_path, source, compiler)).split(b"\1")[:-1]
    assert found == [name.encode("utf-8", "surrogatepass") for name in sorted(HOSTILE)]
    assert (tmp_path / "hostile.h").read_bytes().isascii()


def test_the_program_on_the_page_compiles_and_runs(tmp_path):
    page = (Path(__file__).parents[1] / "docs" / "travelling.md").read_text()
    program = next(
        block for block in re.findall(r"^```c\n(.*?)^```", page, re.MULTILINE | re.DOTALL) if "digits.h" in block
    )
    digits = drawn([64, 5, 10], output_activation="softmax", dtype="float32", classes=range(10, 20))
    digits.to_c(tmp_path / "digits.h")
    row = np.zeros(64, np.float32)
    row[4::8] = 1
    for compiler in ("gcc", "g++"):
        found = subprocess.check_output(compiled(tmp_path, program, compiler), text=True)
        assert found == f"{digits.predict(row)} by {digits(row).max():.2f}\n"


def test_two_source_files_share_one_compiled_network(tmp_path):
    drawn([3, 4, 2], classes=["a", "b"]).to_c(tmp_path / "n.h", name="Shared_1")
    (tmp_path / "net.c").write_text('#define SHARED_1_DEFINE\n#include "n.h"\n')
    (tmp_path / "other.c").write_text(
        '#define SHARED_1_DECLARE\n#include "n.h"\n#include "n.h"\nint other(const double *x);\n'
        "int other(const double *x) {\n    return Shared_1_predict_class(x);\n}\n"
    )
    main = (
        '#include <stdio.h>\n#define SHARED_1_DECLARE\n#include "n.h"\nint other(const double *x);\nint main(void) {\n'
    )
    main += "    double x[3] = {1, 2, 3};\n    puts(Shared_1_classes[other(x)]);\n    return 0;\n}\n"
    (tmp_path / "main.c").write_text(main)
    for compiler in ("gcc", "g++"):
        assert subprocess.check_output(compiled(tmp_path, "main.c net.c other.c", compiler)) in (b"a\n", b"b\n")


# -- the self-test ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_the_self_test_passes_and_sees_a_weight_that_is_wrong(tmp_path, dtype):
    network = drawn([3, 8, 2], output_activation="softmax")
    network.to_c(tmp_path / "n.h", dtype, self_test=ROWS[:10], calibration=ROWS[:10] if dtype == "int8" else None)
    for compiler in ("gcc", "clang++"):
        options = ["-DN_SELF_TEST", *([] if compiler == "clang++" else ["-x", "c"])]
        done = subprocess.run(compiled(tmp_path, "n.h", compiler, *options), capture_output=True, text=True)
        assert (done.returncode, done.stdout) == (0, "10 rows, 0 outputs differ\n")
    text = (tmp_path / "n.h").read_text()
    place = text.index("n_weights_1")
    first = text.index("    ", place) + 4
    (tmp_path / "n.h").write_text(text[:first] + "-" + text[first:].lstrip("-"))
    if text[first] == "-":
        (tmp_path / "n.h").write_text(text[:first] + text[first + 1 :])
    done = subprocess.run(compiled(tmp_path, "-x c n.h", "gcc", "-DN_SELF_TEST"), capture_output=True, text=True)
    assert done.returncode == 1
    assert "output 0" in done.stdout
    assert "expected" in done.stdout


# -- faces, errors, what is left as it was ----------------------------------------------------------------------


def test_an_estimator_goes_with_its_classes_and_names(tmp_path):
    pytest.importorskip("sklearn")
    pandas = pytest.importorskip("pandas")
    X = pandas.DataFrame(ROWS, columns=["length", "width", "height"])
    y = np.where(ROWS[:, 0] > 0, "big", "small")
    model = fastnn.MLPClassifier((5,), max_iter=300, solver="lbfgs", random_state=0).fit(X, y)
    exported = model.to_c(tmp_path / "model.h", self_test=X)
    text = exported.path.read_text()
    assert '"big", "small"' in text
    assert 'Inputs: 0 "length", 1 "width", 2 "height"' in text
    assert subprocess.run(compiled(tmp_path, "-x c model.h", "gcc", "-DMODEL_SELF_TEST")).returncode == 0
    with pytest.raises(Exception, match="not fitted"):
        fastnn.MLPRegressor().to_c(tmp_path / "none.h")
    assert not (tmp_path / "none.h").exists()


BAD = [
    ({"name": "2nd"}, ValueError, "a name of C"),
    ({"name": "a b"}, ValueError, "a name of C"),
    ({"name": "x\n"}, ValueError, "a name of C"),
    ({"name": "_x"}, ValueError, "a name of C"),
    ({"name": "a__b"}, ValueError, "a name of C"),
    ({"name": "ä"}, ValueError, "a name of C"),
    ({"name": "x" * 40}, ValueError, "a name of C"),
    ({"name": "int"}, ValueError, "'int_net'"),
    ({"name": "template"}, ValueError, "a word of C"),
    ({"name": 3}, TypeError, "must be a string"),
    ({"dtype": "int4"}, ValueError, "unknown dtype 'int4'"),
    ({"dtype": "int8"}, ValueError, "needs calibration"),
    ({"calibration": ROWS}, ValueError, "leave it out"),
    ({"dtype": "int8", "calibration": ROWS[:, :2]}, ValueError, "calibration has 2 columns"),
    ({"dtype": "int8", "calibration": ROWS[:0]}, ValueError, "calibration is empty"),
    ({"dtype": "int8", "calibration": ROWS * np.nan}, ValueError, "calibration has nan"),
    ({"self_test": ROWS[0]}, ValueError, r"self_test.reshape\(1, -1\)"),
]


@pytest.mark.parametrize(("options", "error", "match"), BAD)
def test_bad_arguments_are_refused_and_what_was_there_stays(tmp_path, options, error, match):
    path = tmp_path / "model.h"
    path.write_text("old")
    with pytest.raises(error, match=match):
        drawn([3, 2]).to_c(path, **options)
    assert [file.read_text() for file in tmp_path.iterdir()] == ["old"]


def test_a_name_may_begin_with_the_word_of_a_type(tmp_path):
    drawn([3, 2]).to_c(tmp_path / "double_net.h", "float32", self_test=ROWS)
    program = compiled(tmp_path, "-x c double_net.h", "gcc", "-DDOUBLE_NET_SELF_TEST")
    assert subprocess.run(program, capture_output=True).returncode == 0


@pytest.mark.parametrize("path", ["3.h", "my-model.h", "while.c"])
def test_a_file_name_that_is_no_name_of_c_asks_for_one(tmp_path, path):
    with pytest.raises(ValueError, match=r"call the file such as 'model\.c', or pass name"):
        drawn([3, 2]).to_c(tmp_path / path)
    drawn([3, 2]).to_c(tmp_path / path, name="model")
    assert "model_predict" in (tmp_path / path).read_text()


def test_weights_that_no_literal_can_say_are_refused(tmp_path):
    network = drawn([3, 4, 2])
    network.W[2][1, 3] = 1e39
    with pytest.raises(ValueError, match=r"W\[2\] has 1e\+39 at \[1, 3\].*use dtype='float64'"):
        network.to_c(tmp_path / "n.h", "float32")
    network.to_c(tmp_path / "n.h", "float64")
    network.b[1][2] = np.nan
    for options in ({}, {"dtype": "int8", "calibration": ROWS}):
        with pytest.raises(ValueError, match=r"b\[1\] has nan at \[2\].*train the network anew"):
            network.to_c(tmp_path / "n.h", **options)


def test_a_class_with_a_nul_is_refused(tmp_path):
    with pytest.raises(ValueError, match="NUL"):
        drawn([3, 2], classes=["a", "a\0b"]).to_c(tmp_path / "n.h")


def test_networks_and_rows_are_left_as_they_were(tmp_path):
    network, rows = drawn([3, 4, 2], dtype="float32"), ROWS.copy()
    before = network.parameters.copy()
    network.parameters.flags.writeable = rows.flags.writeable = False
    network.to_c(tmp_path / "n.h", "int8", calibration=rows, self_test=rows)
    assert network.parameters.tobytes() == before.tobytes()
    assert rows.tobytes() == ROWS.tobytes()


def test_a_dtype_of_numpy_will_do(tmp_path):
    drawn([3, 2]).to_c(tmp_path / "n.h", np.float32)
    assert "const float n_weights_1" in (tmp_path / "n.h").read_text()


def test_a_network_of_a_hundred_thousand_weights_is_written_within_a_second(tmp_path):
    network = drawn([784, 128, 64, 10], "relu", "softmax", dtype="float32")
    X = RNG.random((500, 784), np.float32)
    for options in ({}, {"dtype": "float64"}, {"dtype": "int8", "calibration": X}):
        begin = time.process_time()
        network.to_c(tmp_path / "n.h", **options)
        assert time.process_time() - begin < (1 if "calibration" not in options else 3)


def test_words_of_the_languages_are_known():
    assert {"int", "restrict", "class", "typename", "co_await", "nullptr", "wchar_t", "main"} <= KEYWORDS
