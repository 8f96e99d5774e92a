"""The C tests of tests/c for every target and dtype, under AddressSanitizer, which looks for leaks too, and
UndefinedBehaviorSanitizer: without OpenMP, so on one thread; and for one target with OpenMP, under these and under
ThreadSanitizer. A test builds its own program.

Three shapes exist here alone: "wide", the 64-byte vectors of AVX-512 in AVX2 instructions, which runs that target's
lanes and tiles where the CPU has no AVX-512; "lanes", NEON's tiles in the baseline's instructions; and "scalar", what a
compiler without vector extensions gets.
"""

import ast
import os
import platform
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fastnn import simd

ROOT = Path(__file__).parents[1]
X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM = platform.machine().lower() in ("aarch64", "arm64")
COMPILER = shutil.which(os.environ.get("CC", "cc").split()[0])
pytestmark = pytest.mark.skipif(COMPILER is None, reason="no C compiler")

TARGETS = ast.literal_eval(
    re.search(r"^TARGETS = (\{.*?^\})", (ROOT / "setup.py").read_text(), re.MULTILINE | re.DOTALL)[1]
)
BASE = ["-std=c11", "-ffp-contract=off", "-fno-math-errno", "-Icsrc"]
#: psabi: GCC notes that it passes wide vectors otherwise than it did ten years ago.
WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Wshadow", "-Wno-psabi"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
KINDS = {"memory": SANITIZERS, "team": [*SANITIZERS, "-fopenmp"], "races": ["-fsanitize=thread", "-fopenmp"]}
#: Another machine's compiler, an emulator of it, and where its libraries are; no sanitizer runs there.
AARCH64 = ("aarch64-linux-gnu-gcc", "qemu-aarch64", "/usr/aarch64-linux-gnu")

#: Shape -> bytes of a vector, and the target whose instructions it is made of.
SHAPES = {"baseline": (16, "baseline"), "scalar": (None, "baseline"), "lanes": (16, "baseline"), "neon": (16, "neon")}
SHAPES |= {"avx2": (32, "avx2"), "avx512": (64, "avx512"), "wide": (64, "avx2")}
#: Those that this machine's compiler can make.
HERE = ["baseline", "scalar", "lanes", *(["neon"] if ARM else []), *(["avx2", "avx512", "wide"] if X86 else [])]
#: What a shape defines beside width and dtype. "wide" has AVX-512's registers in name, "lanes" NEON's.
MACROS = {"wide": ["-DN_REGISTERS=32"], "lanes": ["-DN_REGISTERS=32", "-DTAKES_LANES=1"], "neon": ["-DFASTNN_NEON"]}
DTYPES = ("float32", "float64")
#: With OpenMP one target will do, whose threads are of the same text in both dtypes.
TEAMS = "avx2" if X86 else "neon" if ARM else "baseline"
PROGRAMS = [(shape, dtype, "memory") for shape in HERE for dtype in DTYPES]
PROGRAMS += [(TEAMS, "float32", "team"), (TEAMS, "float64", "races")]
#: What says something of its own, on this CPU, in the time that everybody has; CI runs the others too.
QUICK = {*PROGRAMS[:2], *((shape, dtype, "memory") for shape in ("neon", "avx2", "avx512") for dtype in DTYPES)}
QUICK |= {(TEAMS, "float64", "races")}

#: What GCC itself writes for the threads of a parallel region to read, by a library that is not instrumented. Only the
#: function on top counts: a race in the task that runs inside of it is seen.
KNOWN_FALSE_ALARMS = "race_top:fastnn_parallel\n"


def compiled(arguments, output, root=ROOT, compiler=COMPILER):
    """Compile, or say what the compiler said."""
    done = subprocess.run([compiler, *arguments, "-o", output], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr, done.stderr
    return output


def has_kind(kind, folder):
    """Whether the compiler has the sanitizers and libraries of a kind."""
    probe = folder / "probe.c"
    probe.write_text("int main(void) { return 0; }\n")
    return subprocess.run([COMPILER, *KINDS[kind], probe, "-o", folder / "probe"], capture_output=True).returncode == 0


def macros_of(shape, dtype):
    """What a stub of csrc/targets defines, and the instruction set's flags do."""
    width, _ = SHAPES[shape]
    macros = [f"-DFASTNN_TARGET_NAME={shape}"]
    macros += [f"-DFASTNN_VECTOR_BYTES={width}"] if width else []
    macros += ["-DFASTNN_FLOAT32"] if dtype == "float32" else []
    return macros + MACROS.get(shape, [])


def program(shape, dtype, options, folder, root=ROOT, compiler=COMPILER):
    """Compile and link a test program of a tree; main.c, which asks the CPU, without what it asks for."""
    _, target = SHAPES[shape]
    macros = [*macros_of(shape, dtype), f'-DNEEDS="{target}"', "-DFASTNN_CLOCK=test_clock"]
    arguments = [*BASE, *macros, *WARNINGS, "-O1", "-g", "-Itests/c", *options]
    objects = [
        compiled([*arguments, *flags, "-c", source], folder / f"{Path(source).stem}.o", root, compiler)
        for source, flags in (
            ("tests/c/test_engine.c", TARGETS[target]),
            ("tests/c/main.c", []),
            ("csrc/core/threads.c", []),
            ("csrc/core/memory.c", []),
        )
    ]
    return compiled([*arguments, *objects, "-lm"], folder / "program", root, compiler)


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [pytest.param(*names, marks=[] if names in QUICK else pytest.mark.slow) for names in PROGRAMS],
)
def test_kernels(shape, dtype, kind, tmp_path):
    if not has_kind(kind, tmp_path):
        pytest.skip(f"the compiler has no {' '.join(KINDS[kind])}")
    if SHAPES[shape][1] not in simd.available():  # the program would say so, after a minute or two of compiling
        pytest.skip(f"this CPU has no {SHAPES[shape][1]}")
    known = tmp_path / "known"
    known.write_text(KNOWN_FALSE_ALARMS)
    environment = {**os.environ, "TSAN_OPTIONS": f"suppressions={known} halt_on_error=1"}
    built = program(shape, dtype, KINDS[kind], tmp_path)
    done = subprocess.run([built], capture_output=True, text=True, env=environment)
    if done.returncode == 77:
        pytest.skip(f"this CPU has no {shape}")
    assert done.returncode == 0, done.stdout + done.stderr
    width = SHAPES[shape][0] or (4 if dtype == "float32" else 8)
    assert f"vectors of {width} bytes" in done.stdout


@pytest.mark.slow
@pytest.mark.skipif(not all(map(shutil.which, AARCH64[:2])), reason="no cross compiler and emulator for AArch64")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", ["neon", "baseline"])
def test_kernels_on_aarch64(shape, dtype, tmp_path):
    """What a wheel has there, and what stands around the kernels; "scalar" and "lanes" say here all that they can."""
    compiler, emulator, libraries = AARCH64
    run = [emulator, "-L", libraries]
    built = program(shape, dtype, ["-fopenmp"], tmp_path, compiler=compiler)
    done = subprocess.run([*run, built], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    target = SHAPES[shape][1]
    for source in [f"csrc/targets/{target}_{dtype}.c", "csrc/core/dispatch.c", "csrc/core/memory.c"]:
        compiled([*BASE, *WARNINGS, "-O3", "-c", source], tmp_path / "unit.o", compiler=compiler)
    arguments = [*BASE, *WARNINGS, "-DFASTNN_BUILT_neon", "-O1", "-pthread"]
    core = compiled([*arguments, "tests/c/test_core.c", "csrc/core/memory.c"], tmp_path / "core", compiler=compiler)
    done = subprocess.run([*run, core, "", "baseline neon"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["memory", "races"])
def test_core(kind, tmp_path):
    """Blocks of memory, and which targets a CPU is given: those, slowest first, all of whose features it has."""
    if not has_kind(kind, tmp_path):
        pytest.skip(f"the compiler has no {' '.join(KINDS[kind])}")
    arguments = [*BASE, *KINDS[kind], *WARNINGS, "-O1", "-g", "-pthread", "tests/c/test_core.c", "csrc/core/memory.c"]
    built = compiled(arguments, tmp_path / "program")
    options = {f"{sanitizer}_OPTIONS": "allocator_may_return_null=1" for sanitizer in ("ASAN", "TSAN")}
    for features, targets in [
        ("", "baseline"), ("avx2", "baseline"), ("fma", "baseline"), ("avx2 fma", "baseline avx2"),
        ("avx512f avx512vl avx512dq", "baseline"), ("avx2 fma avx512f avx512vl avx512bw", "baseline avx2"),
        ("avx2 fma avx512f avx512vl avx512dq avx512bw", "baseline avx2 avx512"),
    ]:  # fmt: skip
        command = [built, f" {features} ", targets]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **options})
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_no_compiler_warns(compiler):
    """Of any target and dtype, of what is around the kernels, and of the tests."""
    if shutil.which(compiler) is None:
        pytest.skip(f"no {compiler}")
    flags = [*BASE, *WARNINGS, '-DNEEDS="baseline"', "-Werror", "-fsyntax-only", "-Itests/c"]
    commands = [[*flags, str(source.relative_to(ROOT))] for source in (ROOT / "csrc" / "core").glob("*.c")]
    for shape in HERE:
        _, target = SHAPES[shape]
        for dtype in DTYPES:
            macros = macros_of(shape, dtype)
            commands.append([*flags, *TARGETS[target], *macros, "tests/c/test_engine.c", "tests/c/main.c"])
    commands.append([*flags, "tests/c/test_core.c"])
    for command in commands:
        done = subprocess.run([compiler, *command], cwd=ROOT, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("header", sorted((ROOT / "csrc").rglob("*.h")), ids=lambda path: path.name)
def test_each_header_stands_alone(header, tmp_path):
    """It includes all that it names, or a change of the order of others' includes would break it."""
    machine = {"x86.h": X86, "neon.h": ARM}
    if not machine.get(header.name, True):
        pytest.skip("of another machine")
    unit = tmp_path / "unit.c"
    unit.write_text(f'#include "{header}"\n')
    macros = macros_of("baseline", "float64")
    arguments = [*BASE, *WARNINGS, "-Wno-unused-function", "-D_GNU_SOURCE", *macros, "-c", unit]
    compiled(arguments, tmp_path / "unit.o")


@pytest.mark.skipif(not X86, reason="the instruction sets of x86-64")
@pytest.mark.parametrize(("answer", "code"), [("0", 77), ("1", 5)])
def test_the_cpu_is_asked_first(answer, code, tmp_path):
    """By a CPU that has nothing, or everything: the tests, here a stand-in, begin only if it has what they need."""
    engine = tmp_path / "engine.c"
    engine.write_text("int test_engine(void);\nint test_engine(void) { return 5; }\n")
    macros = [f"-D__builtin_cpu_supports(feature)={answer}", '-DNEEDS="avx512"']
    built = compiled([*BASE, *macros, "tests/c/main.c", engine], tmp_path / "program")
    assert subprocess.run([built]).returncode == code


@pytest.mark.parametrize("target", TARGETS)
def test_the_cpu_is_asked_for_all_that_the_compiler_may_use(target):
    """Each feature that a flag of setup.py switches on stands in the condition of targets.def."""
    table = (ROOT / "csrc/tables/targets.def").read_text()
    condition = re.search(rf"^FASTNN_TARGET\({target}, (.*?)\)$", table, re.MULTILINE | re.DOTALL)[1]
    features = {flag.removeprefix("-m") for flag in TARGETS[target] if "=" not in flag}
    assert features == set(re.findall(r'supports\("(\w+)"\)', condition))


@pytest.mark.skipif(not X86 or shutil.which("objdump") is None, reason="looks at x86-64 instructions by objdump")
@pytest.mark.parametrize("target", ["baseline", "avx2", "avx512"])
def test_each_target_has_its_own_instructions(target, tmp_path):
    arguments = [*BASE, *TARGETS[target], "-O2", "-c", f"csrc/targets/{target}_float32.c"]
    code = subprocess.check_output(["objdump", "-d", compiled(arguments, tmp_path / "stub.o")], text=True)
    assert ("%ymm" in code) == (target != "baseline")
    assert ("%zmm" in code) == (target == "avx512")
    register = {"baseline": "xmm", "avx2": "ymm", "avx512": "zmm"}[target]
    multiply_add = r"\smulps\s" if target == "baseline" else r"\svfmadd\d+ps\s"
    assert len(re.findall(multiply_add + rf"[^\n]*%{register}", code)) > 100
    assert (len(re.findall(r"\svfmadd", code)) == 0) == (target == "baseline")


@pytest.mark.skipif(shutil.which(AARCH64[0]) is None, reason="no cross compiler for AArch64")
@pytest.mark.parametrize(("dtype", "lanes"), [("float32", "4s"), ("float64", "2d")])
def test_neon_takes_numbers_from_lanes(dtype, lanes, tmp_path):
    """Each lane has its multiply-adds: a vector of numbers is loaded for all of them."""
    arguments = [*BASE, "-O2", "-S", f"csrc/targets/neon_{dtype}.c"]
    code = Path(compiled(arguments, tmp_path / "stub.s", compiler=AARCH64[0])).read_text()
    for lane in range(int(lanes[0])):
        assert len(re.findall(rf"\sfmla\s+v\d+\.{lanes}, v\d+\.{lanes}, v\d+\.{lanes[1]}\[{lane}\]", code)) > 200
