"""The C tests of tests/c for every target and dtype, under AddressSanitizer, which looks for leaks too, and
UndefinedBehaviorSanitizer: without OpenMP, so on one thread; and for one target with OpenMP, under these and under
ThreadSanitizer.

Two shapes exist here alone: "wide", the 64-byte vectors of AVX-512 in AVX2 instructions, which runs that target's lanes
and tiles where the CPU has no AVX-512; and "scalar", what a compiler without vector extensions gets.
"""

import ast
import os
import platform
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
X86 = platform.machine().lower() in ("x86_64", "amd64")
COMPILER = shutil.which(os.environ.get("CC", "cc").split()[0])
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

TARGETS = ast.literal_eval(
    re.search(r"^TARGETS = (\{.*?^\})", (ROOT / "setup.py").read_text(), re.MULTILINE | re.DOTALL)[1]
)
BASE = ["-std=c11", "-ffp-contract=off", "-fno-math-errno", "-Icsrc"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KINDS = {"memory": SANITIZERS, "team": [*SANITIZERS, "-fopenmp"], "races": ["-fsanitize=thread", "-fopenmp"]}

#: Shape -> bytes of a vector, flags, what the CPU must have.
SHAPES = {"baseline": (16, [], None), "scalar": (None, [], None)}
if X86:
    SHAPES["avx2"] = (32, TARGETS["avx2"], "avx2")
    SHAPES["avx512"] = (64, TARGETS["avx512"], "avx512f")
    SHAPES["wide"] = (64, TARGETS["avx2"], "avx2")
DTYPES = ("float32", "float64")
PROGRAMS = [(shape, dtype, "memory") for shape in SHAPES for dtype in DTYPES]
PROGRAMS += [("avx2" if X86 else "baseline", dtype, threads) for dtype in DTYPES for threads in ("team", "races")]

#: What GCC itself writes for the threads of a parallel region to read, by a library that is not instrumented. Only the
#: function on top counts: a race in the task that runs inside of it is seen.
KNOWN_FALSE_ALARMS = "race_top:fastnn_parallel\n"


def compiled(arguments, output):
    """Compile, or say what the compiler said."""
    done = subprocess.run([COMPILER, *arguments, "-o", output], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return output


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Shape, dtype and kind -> the test program, built two at a time; None where the compiler has no such kind."""
    folder = tmp_path_factory.mktemp("c")
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    there = {
        kind
        for kind, flags in KINDS.items()
        if subprocess.run([COMPILER, *flags, probe, "-o", folder / "probe"], capture_output=True).returncode == 0
    }

    def build(program):
        shape, dtype, kind = program
        if kind not in there:
            return None
        width, flags, needs = SHAPES[shape]
        macros = [f"-DFASTNN_TARGET_NAME={shape}"]
        macros += [f"-DFASTNN_VECTOR_BYTES={width}"] if width else []
        macros += ["-DFASTNN_FLOAT32"] if dtype == "float32" else []
        macros += [f'-DCPU_NEEDS="{needs}"'] if needs else []
        arguments = [*BASE, *flags, *macros, *KINDS[kind], "-Wall", "-Wextra", "-Wno-psabi", "-O1", "-g", "-Itests/c"]
        sources = ["tests/c/test_engine.c", "csrc/core/threads.c"]
        return compiled([*arguments, *sources, "-lm"], folder / f"{shape}_{dtype}_{kind}")

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(PROGRAMS, pool.map(build, PROGRAMS), strict=True))


@pytest.mark.parametrize(("shape", "dtype", "kind"), PROGRAMS)
def test_kernels(programs, tmp_path, shape, dtype, kind):
    if programs[shape, dtype, kind] is None:
        pytest.skip(f"the compiler has no {' '.join(KINDS[kind])}")
    known = tmp_path / "known"
    known.write_text(KNOWN_FALSE_ALARMS)
    environment = {**os.environ, "TSAN_OPTIONS": f"suppressions={known} halt_on_error=1"}
    done = subprocess.run([programs[shape, dtype, kind]], capture_output=True, text=True, env=environment)
    if done.returncode == 77:
        pytest.skip(f"this CPU has no {shape}")
    assert done.returncode == 0, done.stdout + done.stderr
    width = SHAPES[shape][0] or (4 if dtype == "float32" else 8)
    assert f"vectors of {width} bytes" in done.stdout


@pytest.mark.skipif(not X86 or shutil.which("objdump") is None, reason="looks at x86-64 instructions by objdump")
@pytest.mark.parametrize("target", TARGETS)
def test_each_target_has_its_own_instructions(target, tmp_path):
    arguments = [*BASE, *TARGETS[target], "-O2", "-c", f"csrc/targets/{target}_float32.c"]
    code = subprocess.check_output(["objdump", "-d", compiled(arguments, tmp_path / "stub.o")], text=True)
    assert ("%ymm" in code) == (target != "baseline")
    assert ("%zmm" in code) == (target == "avx512")
    register = {"baseline": "xmm", "avx2": "ymm", "avx512": "zmm"}[target]
    multiply_add = r"\smulps\s" if target == "baseline" else r"\svfmadd\d+ps\s"
    assert len(re.findall(multiply_add + rf"[^\n]*%{register}", code)) > 100
    assert (len(re.findall(r"\svfmadd", code)) == 0) == (target == "baseline")
