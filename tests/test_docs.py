"""The book: the reference names the whole public API, whose docstrings are whole; what the pages show is true."""

import doctest
import inspect
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import matplotlib
import pytest
from numpydoc.docscrape import get_doc_object
from numpydoc.validate import validate
from pages import PAGES, blocks, run

import fastnn

matplotlib.use("Agg")
ROOT = Path(__file__).parents[1]

#: Names of the reference, as `fastnn.` has them.
NAMED = re.findall(r"^   ([\w.]+)$", (ROOT / "docs" / "reference.rst").read_text(), re.MULTILINE)

#: Rooms that stand on a library that is not there -> that library.
WITHOUT = {name: library for name, library in {"dask": "distributed"}.items() if find_spec(library) is None}
NAMED = [name for name in NAMED if name.partition(".")[0] not in WITHOUT]

#: What numpydoc asks for and these docstrings have: one, with a summary; every parameter, by its name, in the order of
#: the signature, with its type; what comes back.
WANTED = {"GL03", "GL06", "GL07", "GL08", "SS01", "SS02", "SS04", "PR01", "PR02", "PR03", "PR04", "RT01", "YD01"}


def resolve(name):
    """The object that a name of the reference stands for."""
    target = fastnn
    for part in name.split("."):
        target = import_module(f"fastnn.{part}") if part in ("summary", "doctor") else getattr(target, part)
    return target


def public_names():
    """Everything that a user may import, from the lists of the modules themselves."""
    yield from (
        name for name in fastnn.__all__ if name != "__version__" and not inspect.ismodule(getattr(fastnn, name))
    )
    yield from ("MLPClassifier", "MLPRegressor", "TabularClassifier", "TabularRegressor", "cross_validate")
    yield from ("summary.Summary", "doctor.Diagnosis", "doctor.Finding")
    for module in {"dask", "interop", "kernels", "plots", "reference", "schedules", "simd"} - WITHOUT.keys():
        yield from (f"{module}.{name}" for name in getattr(fastnn, module).__all__)


def callables():
    """Each function, class and public method of the reference, by name."""
    for name in NAMED:
        target = resolve(name)
        yield name, target
        if inspect.isclass(target):
            own = {method for base in target.__mro__ if base.__module__.startswith("fastnn") for method in vars(base)}
            for method in sorted(own):
                if not method.startswith("_") and callable(getattr(target, method, None)):
                    yield f"{name}.{method}", getattr(target, method)


def test_the_reference_names_the_whole_public_api():
    assert sorted(NAMED) == sorted(public_names())


@pytest.mark.parametrize(
    ("name", "target"), list(callables()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_docstring_is_whole(name, target):
    if name == "TrainResult":  # made by train alone; its attributes are documented
        assert "Attributes" in target.__doc__
        return
    found = validate(get_doc_object(target))["errors"]
    errors = [f"{code}: {text}" for code, text in found if code in WANTED]
    assert errors == []


@pytest.mark.parametrize("name", [name for name in NAMED if name.partition(".")[0] in ("train", "predict", "kernels")])
def test_errors_are_documented(name):
    assert re.search(r"Raises\n *-+\n *\w+Error", resolve(name).__doc__)


@pytest.mark.parametrize("name", [name for name in NAMED if name.split(".")[0] != "reference"])
def test_what_can_be_made_or_called_has_an_example(name):
    target = resolve(name)
    texts = [target.__doc__]
    if inspect.isclass(target):
        texts += [
            getattr(target, method).__doc__ or ""
            for method in ("from_result", "from_network")
            if hasattr(target, method)
        ]
    made_by_others = ("TrainResult", "ExportedC", "summary.Summary", "doctor.Diagnosis", "doctor.Finding")
    without = (*made_by_others, "simd.available", "simd.active", "simd.multiply_adds")
    one_of_a_kind = fastnn.elementwise.ELEMENTWISE in target.__doc__ and name != "kernels.sigmoid"
    assert name in without or one_of_a_kind or any(">>>" in text for text in texts)


# -- pages ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_sessions_of_a_page_are_what_python_says(page, tmp_path, monkeypatch):
    """All sessions of a page in one namespace, as a reader types them, and in an empty folder; the shell's, too."""
    monkeypatch.chdir(tmp_path)
    assert run(page)[0] == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_python_of_a_page_can_be_read(page):
    for block in blocks(page):
        if block.kind == "python" and not block.is_session:
            compile(block.code, str(page), "exec")


def test_start_in_five_minutes_has_sessions():
    assert sum(block.is_session for block in blocks(ROOT / "docs" / "getting-started.md")) >= 5


def test_files_that_the_pages_name_are_there():
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md"]:
        for name in re.findall(r"`((?:tests|csrc|docs|bench|examples|src)/[\w./-]+)`", page.read_text()):
            is_made = name.startswith("bench/results")  # by the benchmark
            is_number = name.startswith("docs/decisions/0") and list(ROOT.glob(name + "*"))
            assert is_made or is_number or (ROOT / name).exists(), f"{page.name}: {name}"


def test_the_links_of_the_readme_lead_to_files():
    found = [name for name in re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text()) if "://" not in name]
    assert len(found) > 5
    assert [name for name in found if not (ROOT / name).exists()] == []


def test_the_readme_names_what_can_be_installed():
    """All extras but those of who changes fastnn."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"].keys()
    readme = (ROOT / "README.md").read_text()
    for extra in extras - {"bench", "coverage", "docs", "lint", "neighbours", "peers", "tables", "test"}:
        assert f"`[{extra}]`" in readme, extra


def test_the_options_of_the_benchmark_that_the_pages_name_are_there():
    options = subprocess.check_output([sys.executable, "-m", "bench", "--help"], text=True, cwd=ROOT)
    for page in PAGES:
        for option in re.findall(r"-m bench (--\w+)", page.read_text()):
            assert option in options, f"{page.name}: {option}"


def test_every_docstring_example_is_true():
    """Of every module, compiled ones too; but of those that are made for a library that is not there."""
    n_attempted = 0
    for path in sorted((ROOT / "src" / "fastnn").rglob("*.py*")):
        if path.suffix in (".py", ".pyx") and path.stem not in ("__init__",):
            name = ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
            if path.parent.name == "interop" and path.stem in ("keras", "torch") and find_spec(path.stem) is None:
                continue
            if path.parent.name in WITHOUT:
                continue
            results = doctest.testmod(import_module(name))
            assert results.failed == 0, name
            n_attempted += results.attempted
    assert n_attempted > 60
