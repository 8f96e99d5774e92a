"""Networks as C for small devices: in 8-bit integers, and on an emulated Cortex-M4."""

import shutil
import subprocess

import numpy as np
import pytest
from programs import RNG, ROWS, WARNINGS, compiled, drawn, outputs_of, program_of

import fastnn
from fastnn.network import Network

ARM = ["arm-none-eabi-gcc", "-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]

# -- 8-bit integers ---------------------------------------------------------------------------------------------

INT8 = ("relu", "logistic", "tanh", "gelu", ("leaky_relu", 0.1), "step", "identity")


@pytest.fixture(scope="module")
def digits():
    datasets = pytest.importorskip("sklearn.datasets")
    X, y = datasets.load_digits(return_X_y=True)
    X = (X / 16).astype(np.float32)
    options = {"loss": "log_loss", "solver": "adam", "init": "glorot_normal", "batch_size": 100, "random_state": 0}
    networks = {}
    for activation in INT8:
        hidden = [100, 50] if activation != "step" else [300]
        networks[f"q{len(networks)}"] = fastnn.train(
            [64, *hidden, 10], X[:1200], y[:1200], 600, 0.003, activation=activation, dtype="float32", **options
        ).network
    return networks, X, y


def test_8_bits_lose_at_most_one_percent_of_the_digits(tmp_path, digits):
    networks, X, y = digits
    exported = {
        name: network.to_c(tmp_path / f"{name}.h", "int8", calibration=X[:200]) for name, network in networks.items()
    }
    both = np.ascontiguousarray(np.vstack([X[1200:], X[:200]]))
    program = compiled(tmp_path, program_of(networks, len(both), ["float"] * len(networks)))
    for (name, network), outputs in zip(
        networks.items(), outputs_of(program, list(networks.values()), [both] * len(networks)), strict=True
    ):
        tested, calibrated = outputs[:-200], outputs[-200:]
        lost = np.mean(network.predict(X[1200:]) == y[1200:]) - np.mean(tested.argmax(axis=1) == y[1200:])
        assert lost <= 0.01, (name, network)
        np.testing.assert_allclose(
            np.abs(calibrated - network(X[:200])).max(), exported[name].max_error, rtol=1e-3, atol=1e-6
        )
        assert exported[name].max_error < (0.25 if network.activations[0] != "step" else 1)


def test_the_bytes_that_are_reported_are_those_of_the_tables(tmp_path, digits):
    networks, X, _ = digits
    tables = {"relu": (64 * 100 + 100 * 50 + 50 * 10) + 4 * 160 + 4 * 150 + 4 * 10}
    tables["logistic"] = tables["relu"] + 2 * 256
    for (name, network), activation in zip(networks.items(), tables, strict=False):
        exported = network.to_c(tmp_path / f"{name}.h", "int8", calibration=X[:50])
        assert (exported.table_bytes, exported.ram_bytes) == (tables[activation], 64 + 100 + 50)
        text = (tmp_path / f"{name}.h").read_text()
        assert f"Tables: {exported.table_bytes} bytes. On the stack while it predicts: 214 bytes." in text
    exported = network.to_c(tmp_path / "q.h")
    assert (exported.table_bytes, exported.ram_bytes, exported.max_error) == (4 * network.n_parameters, 4 * 150, None)


def test_columns_of_very_different_sizes_have_levels_of_their_own(tmp_path):
    """One input in thousands, one in thousandths, one that is always the same; the outputs need all."""
    X = RNG.standard_normal((300, 3)) * [1000, 0.001, 0] + [5000, 0, 7]
    network = Network(
        [np.array([[0.001, 1000, 0.1], [0.001, -1000, 0.2]]), np.ones((1, 2))], [[-5.0, 0.0], [0.5]], activation="tanh",
        output_activation="identity",
    )  # fmt: skip
    exported = network.to_c(tmp_path / "n.h", "int8", calibration=X, self_test=X[:50])
    assert exported.max_error < 0.05
    program = compiled(tmp_path, "-x c n.h", "gcc-unoptimised", "-DN_SELF_TEST")
    assert subprocess.run(program, capture_output=True, text=True).stdout == "50 rows, 0 outputs differ\n"


def test_tiny_inputs_have_all_their_levels(tmp_path):
    network = drawn([3, 8, 2], "tanh")
    expected = network.to_c(tmp_path / "n.h", "int8", calibration=ROWS).max_error
    network.W[1][:] *= 2.0**30
    exported = network.to_c(tmp_path / "n.h", "int8", calibration=ROWS * 2.0**-30)
    np.testing.assert_allclose(exported.max_error, expected, rtol=1e-6)


def test_inputs_beyond_the_calibration_count_as_the_ends_of_its_ranges(tmp_path):
    network = drawn([3, 4, 2], "relu", dtype="float32")
    X = RNG.uniform(-1, 1, (200, 3)).astype(np.float32)
    network.to_c(tmp_path / "n.h", "int8", calibration=np.vstack([X, np.ones((1, 3)), -np.ones((1, 3))]))
    program = compiled(tmp_path, program_of(["n"], 5, ["float"]), "gcc-unoptimised")
    rows = np.array([[1, 1, 1], [-1, -1, -1], [3e38, 9, np.inf], [-3e38, -9, -np.inf], [np.nan] * 3], np.float32)
    (outputs,) = outputs_of(program, [network], [rows])
    assert (outputs[2] == outputs[0]).all()
    assert (outputs[3:] == outputs[1]).all()


@pytest.mark.parametrize("seed", range(3))
def test_awkward_weights_are_quantised_without_overflow(tmp_path, seed):
    """Units without weights or with enormous biases, constant rows, two rows."""
    rng = np.random.default_rng(seed)
    W = [rng.standard_normal((6, 3)), rng.standard_normal((5, 6)), rng.standard_normal((2, 5))]
    W[0][:2] = [[0, 0, 0], [1e-12, 0, 0]]
    b = [np.array([5.0, 1.0, 1e6, -1e6, 0, 0]), np.array([1e9, -1e9, 0, 1e-9, 0]), np.zeros(2)]
    network = Network(W, b, activation=["relu", "tanh"], output_activation="identity")
    X = rng.standard_normal((100 if seed else 2, 3))
    network.to_c(tmp_path / "n.h", "int8", calibration=X, self_test=X)
    program = compiled(tmp_path, "-x c n.h", "gcc-unoptimised", "-DN_SELF_TEST")
    assert subprocess.run(program, capture_output=True).returncode == 0


def test_rows_that_show_no_ranges_are_refused(tmp_path):
    for rows in (ROWS[:1], np.vstack([ROWS[:1]] * 5)):
        with pytest.raises(ValueError, match=r"do not differ; pass some hundred"):
            drawn([3, 4, 2]).to_c(tmp_path / "n.h", "int8", calibration=rows)
    network = drawn([3, 2], output_activation="identity")
    network.W[1][:] = 1e60
    with pytest.raises(ValueError, match=r"step of the outputs has .*e\+57.*use dtype='float64'"):
        network.to_c(tmp_path / "n.h", "int8", calibration=ROWS)
    network = drawn([3, 4, 2], "relu")
    network.W[1][:] = network.W[2][:] = 1e308
    with pytest.raises(ValueError, match="the sums of layer 1 are not finite"):
        network.to_c(tmp_path / "n.h", "int8", calibration=ROWS)
    with pytest.raises(ValueError, match="100000 inputs is too wide"):
        drawn([100_000, 1]).to_c(tmp_path / "n.h", "int8", calibration=np.eye(2, 100_000))
    assert not list(tmp_path.iterdir())


# -- a microcontroller ------------------------------------------------------------------------------------------

#: Memory of the emulated board, and where its program begins; the rest is the C library's for semihosting.
BOARD = """\
ENTRY(reset)
SECTIONS {
    . = 0;
    .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) *(.init) *(.fini) *(.ARM.*) *(.eh_frame) }
    . = 0x20000000;
    .data : { *(.data*) *(.tm_clone_table) KEEP(*(.init_array*)) KEEP(*(.fini_array*)) }
    __bss_start__ = .;
    .bss : { *(.bss*) *(COMMON) }
    __bss_end__ = .;
    end = .;
    __end__ = .;
    PROVIDE(__exidx_start = 0);
    PROVIDE(__exidx_end = 0);
}
"""
START = """\
void _start(void);
void reset(void);
__attribute__((section(".vectors"), used)) static void (*const vectors[])(void) = {
    (void (*)(void))0x20010000, reset, reset, reset};
void reset(void) {
    *(volatile unsigned *)0xE000ED88u |= 0xFu << 20;
    __asm__ volatile("dsb\\n isb");
    _start();
}
"""


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_on_a_cortex_m4(tmp_path, digits, dtype):
    """It compiles without a warning, does no arithmetic in double, and passes its self-test on an emulated board."""
    if not shutil.which(ARM[0]):
        pytest.skip(f"no {ARM[0]}")
    networks, X, _ = digits
    network = networks["q3"]
    network.to_c(tmp_path / "net.h", dtype, self_test=X[:20], calibration=X[:200] if dtype == "int8" else None)
    made = [*ARM, *WARNINGS, "-std=c99", "-O2"]
    subprocess.run([*made, "-DNET_DEFINE", "-x", "c", "-c", "net.h", "-o", "net.o"], cwd=tmp_path, check=True)
    symbols = subprocess.check_output(["arm-none-eabi-nm", "net.o"], cwd=tmp_path, text=True)
    undefined = [line.split()[-1] for line in symbols.splitlines() if " U " in line]
    assert undefined
    in_double = [name for name in undefined if "aeabi_d" in name or "2d" in name or name in ("exp", "erfc", "fma")]
    assert not in_double
    assert "fmaf" not in undefined  # which it has an instruction for
    kinds = {line.split()[-2] for line in symbols.splitlines()}
    assert kinds <= {"U", "T", "t", "r", "R"}  # code and what goes into flash: nothing that changes
    if not shutil.which("qemu-system-arm"):
        pytest.skip("no qemu-system-arm")
    (tmp_path / "board.ld").write_text(BOARD)
    (tmp_path / "start.c").write_text(START)
    linked = subprocess.run(
        [*made, "--specs=rdimon.specs", "-T", "board.ld", "-DNET_SELF_TEST", "start.c", "-x", "c", "net.h", "-o",
         "net.elf", "-lm"], cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert linked.returncode == 0, linked.stderr
    run = "qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none"
    run += " -semihosting-config enable=on,target=native"
    done = subprocess.run(
        [*run.split(), "-kernel", "net.elf"], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "20 rows, 0 outputs differ\n"), done.stderr
