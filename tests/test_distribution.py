"""The distribution: install hints are whole commands, and another package of this name is told of."""

import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import fastnn
from fastnn import distribution
from fastnn.checks import optional

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]

#: As setuptools writes what extras require; with a marker of its own, too.
METADATA = f"""Metadata-Version: 2.4
Name: {PROJECT["name"]}
Version: 0
""" + "".join(
    f"Requires-Dist: {text}{' and' if ';' in text else ';'} extra == {quote}{extra}{quote}\n"
    for extra, texts in EXTRAS.items()
    for text in texts
    for quote in "\"'"[len(extra) % 2]
)


def commanded(command):
    """The requirements of a command to install something, as pip reads them."""
    assert command.startswith("python -m pip install ")
    return [Requirement(text) for text in re.findall(r'"([^"]*)"', command)]


@pytest.fixture(params=["installed", "checkout"])
def known(request, tmp_path, monkeypatch):
    """Where the requirements are read from."""
    if request.param == "installed":
        folder = tmp_path / "fastnn_mlp-0.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(METADATA)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setattr(distribution, "FOLDER", tmp_path)
    else:
        monkeypatch.setattr("importlib.metadata.requires", lambda name: Distribution.from_name("no-such-name"))
        monkeypatch.setattr(distribution, "FOLDER", ROOT / "src" / "fastnn")


def test_the_name_of_the_distribution_stands_in_one_place_of_the_code():
    assert PROJECT["name"] == distribution.NAME
    sources = sorted((ROOT / "src").rglob("*.py*"))
    named = [path.name for path in sources if path.suffix in (".py", ".pyx") and PROJECT["name"] in path.read_text()]
    assert named == ["distribution.py"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_hint_has_all_that_the_extra_requires(extra, known):
    assert commanded(distribution.install_command(extra)) == [Requirement(text) for text in EXTRAS[extra]]


def hints():
    """The extra, and what of it, that each call of `optional` names."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        for extra, only in re.findall(r'extra="(\w+)",?\s*(?:only=\(([^)]*)\))?', path.read_text()):
            yield pytest.param(extra, tuple(re.findall(r'"(.+?)"', only)), id=f"{path.stem}-{extra}-{only}")


@pytest.mark.parametrize(("extra", "only"), list(hints()))
def test_what_the_code_asks_for_is_there(extra, only, known):
    names = [requirement.name for requirement in commanded(distribution.install_command(extra, only))]
    assert names
    assert names == [name for name in (Requirement(text).name for text in EXTRAS[extra]) if name in (only or [name])]
    assert set(only) <= set(names)


def test_an_error_of_what_is_missing_has_the_command(known):
    with (
        pytest.raises(ImportError, match=r'^drawing needs it; install it: python -m pip install "matplotlib>=3\.8"$'),
        optional("drawing", "it", "no_such_package", extra="plots"),
    ):
        import no_such_package  # noqa: F401


def test_where_nothing_is_known_no_command_is_made_up(monkeypatch, tmp_path):
    monkeypatch.setattr("importlib.metadata.requires", lambda name: Distribution.from_name("no-such-name"))
    monkeypatch.setattr(distribution, "FOLDER", tmp_path / "a" / "fastnn")
    assert distribution.install_command("plots") == ""
    with pytest.raises(ImportError, match=r"^drawing needs it$"), optional("drawing", "it", "no_such", extra="plots"):
        import no_such  # noqa: F401


# -- another package of the same name ---------------------------------------------------------------------------------


def install(site, name, files, **others):
    """Put files and the record of them where pip would."""
    record = site / f"{name.replace('-', '_')}-1.0.dist-info"
    record.mkdir(parents=True)
    (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (record / "RECORD").write_text("".join(f"{file},sha256=0,1\n" for file in files))
    for file, text in others.items():
        (record / f"{file}.json").write_text(text)


OURS = ["fastnn/__init__.py", "fastnn/kernels.py", "fastnn/train.py", "fastnn/utils.py"]
THEIRS = ["fastnn/__init__.py", "fastnn/nn/__init__.py", "fastnn/nn/base.py", "fastnn/utils.py", "other/kernels.py"]


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages in which fastnn lies, installed from a file."""
    monkeypatch.setattr(distribution, "FOLDER", tmp_path / "fastnn")
    install(tmp_path, "fastnn-mlp", OURS, direct_url='{"url": "file:///wheels/a.whl"}')
    install(tmp_path, "numpy", ["numpy/__init__.py", "fastnn_like/__init__.py"])
    return tmp_path


def test_alone_there_is_nothing_to_tell(site):
    assert distribution.foreign() is None
    distribution.explain(ImportError("as it was"))


def test_a_foreign_package_is_named_with_its_files_and_what_to_do(site):
    install(site, "fastnn", THEIRS)
    said = distribution.foreign()
    shared = "fastnn/__init__.py, fastnn/utils.py, fastnn/nn/__init__.py and 1 more"
    assert f"into the folder of fastnn-mlp, {site / 'fastnn'}: fastnn 1.0 ({shared})" in said
    assert 'python -m pip uninstall -y fastnn fastnn-mlp, and python -m pip install "file:///wheels/a.whl"' in said
    with pytest.raises(ImportError, match=r"^no name; another distribution") as caught:
        distribution.explain(ImportError("no name"))
    assert str(caught.value.__cause__) == "no name"


def test_a_clone_is_installed_again_as_one(site):
    url = '{"url": "https://host/fastnn.git", "vcs_info": {"vcs": "git", "commit_id": "0"}}'
    (site / "fastnn_mlp-1.0.dist-info" / "direct_url.json").write_text(url)
    install(site, "fastnn", THEIRS)
    assert distribution.foreign().endswith('python -m pip install "git+https://host/fastnn.git"')


def test_a_name_of_ours_is_ours_however_it_is_written(site):
    shutil.rmtree(site / "fastnn_mlp-1.0.dist-info")
    install(site, "FastNN_mlp", OURS)
    assert distribution.foreign() is None
    install(site, "fastnn", THEIRS)
    assert distribution.foreign().endswith('python -m pip install "fastnn-mlp"')


def test_an_import_that_fails_among_foreign_files_says_so(tmp_path):
    """A foreign folder shadows a module of ours: Python prefers folders."""
    shutil.copytree(Path(fastnn.__file__).parent, tmp_path / "fastnn", ignore=shutil.ignore_patterns("__pycache__"))
    install(tmp_path, "fastnn-mlp", OURS)
    install(tmp_path, "fastnn", ["fastnn/doctor.py", "fastnn/heads/__init__.py"])
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\nimport fastnn\nprint(fastnn.__file__)\nfastnn.diagnose"
    )

    def tried():
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd="/")

    assert tried().stdout.startswith(str(tmp_path))
    (tmp_path / "fastnn" / "doctor" / "__init__.py").write_text("raise ImportError('as theirs')")
    assert "ImportError: as theirs; another distribution has written into the folder" in tried().stderr
    (tmp_path / "fastnn" / "heads").mkdir()
    (tmp_path / "fastnn" / "heads" / "__init__.py").touch()
    done = tried()
    assert done.stdout == ""
    assert "cannot import name 'Head'" in done.stderr
    assert "fastnn 1.0 (fastnn/doctor.py, fastnn/heads/__init__.py)" in done.stderr


def test_the_tests_say_so_where_the_foreign_package_is_alone(tmp_path):
    (tmp_path / "fastnn").mkdir()
    (tmp_path / "fastnn" / "__init__.py").touch()
    options = ["-p", "no:cacheprovider", "-o", f"pythonpath={tmp_path}", "--collect-only", "-q", "tests/test_names.py"]
    done = subprocess.run([sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "is not this project's, which pip knows as fastnn-mlp" in done.stderr
