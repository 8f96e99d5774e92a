"""The hosted workflows, as far as a file can tell: what they build, who may publish, and what is checked before."""

import importlib.util
import io
import re
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted(FOLDER.glob("*.yml"))}
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
JOBS = [(workflow, job) for workflow, content in WORKFLOWS.items() for job in content["jobs"]]

spec = importlib.util.spec_from_file_location("check_dist", ROOT / ".ci" / "check_dist.py")
check_dist = importlib.util.module_from_spec(spec)
spec.loader.exec_module(check_dist)


def job_of(workflow, job):
    return WORKFLOWS[workflow]["jobs"][job]


def uses(job, action):
    """The inputs of each step of a job that uses an action."""
    return [step.get("with", {}) for step in job["steps"] if step.get("uses", "").startswith(action + "@")]


@pytest.mark.parametrize(("workflow", "name"), JOBS)
def test_each_step_is_a_command_or_an_action_of_some_version(workflow, name):
    job = job_of(workflow, name)
    assert job["runs-on"]
    for step in job["steps"]:
        assert ("run" in step) != ("uses" in step), step
        assert re.fullmatch(r"[\w-]+/[\w-]+@[\w/.]+", step.get("uses", "an/action@v1")), step
        for path in re.findall(r"\.ci/[\w.]+", step.get("run", "")):
            assert (ROOT / path).exists()


@pytest.mark.parametrize(("workflow", "name"), JOBS)
def test_nobody_may_write_but_the_publisher_whose_token_is_all_it_has(workflow, name):
    assert WORKFLOWS[workflow]["permissions"] == {"contents": "read"}
    expected = {"id-token": "write"} if name == "publish" else None
    assert job_of(workflow, name).get("permissions") == expected


@pytest.mark.parametrize(("workflow", "name"), JOBS)
def test_the_matrix_has_what_its_job_reads(workflow, name):
    job = job_of(workflow, name)
    matrix = job.get("strategy", {}).get("matrix", {})
    known = set(matrix) | {key for entry in matrix.get("include", ()) for key in entry}
    assert set(re.findall(r"matrix\.(\w+)", str(job))) <= known


def test_the_machines_of_ci_have_what_ci_wants():
    """As .ci/run installs it by itself where it is root, which it is not there; google-chrome is there."""
    script = (ROOT / ".ci" / "run").read_text()
    both, emulated = (set(found.split()) for found in re.findall(r"^ *packages\+?=\((.*)\)$", script, re.MULTILINE))
    job = job_of("ci", "linux")
    (command,) = [step["run"] for step in job["steps"] if "apt-get install" in step.get("run", "")]
    for entry in job["strategy"]["matrix"]["include"]:
        wanted = both if entry["machine"].endswith("-arm") else both | emulated
        assert wanted - {"chromium"} <= set(f"{command} {entry['packages']}".split())


def test_wheels_are_built_on_a_machine_of_each_kind_that_pyproject_names():
    kinds = {"ubuntu-24.04": "linux x86_64", "ubuntu-24.04-arm": "linux aarch64", "macos-15": "macos arm64",
             "macos-15-intel": "macos x86_64", "windows-2022": "windows AMD64"}  # fmt: skip
    machines = job_of("wheels", "wheels")["strategy"]["matrix"]["machine"]
    told = PYPROJECT["tool"]["cibuildwheel"]
    assert {kinds[machine] for machine in machines} == {
        f"{system} {arch}" for system in ("linux", "macos", "windows") for arch in told[system]["archs"]
    }
    assert "cp311-*" in told["build"]
    assert not {"skip", "musllinux"} & set(told)


def test_what_is_published_is_what_was_checked_and_all_that_was_built():
    names = {name: [given["name"] for given in uses(job, "actions/upload-artifact")]
             for name, job in WORKFLOWS["wheels"]["jobs"].items()}  # fmt: skip
    built = [name for name, uploaded in names.items() if uploaded]
    assert built == ["wheels", "sdist"]
    check, publish = job_of("wheels", "check"), job_of("wheels", "publish")
    for job in (check, publish):
        (given,) = uses(job, "actions/download-artifact")
        assert given == {"pattern": "dist-*", "merge-multiple": True, "path": "dist"}
        assert all(name.startswith("dist-") for uploaded in names.values() for name in uploaded)
    assert check["needs"] == built
    assert publish["needs"] == "check"
    assert any(".ci/check_dist.py dist" in step.get("run", "") for step in check["steps"])


def test_only_a_tag_is_published_and_by_trusted_publishing():
    triggers = WORKFLOWS["wheels"][True]  # YAML reads "on" as a truth value
    assert triggers["push"]["tags"] == ["v*"]
    publish = job_of("wheels", "publish")
    assert "startsWith(github.ref, 'refs/tags/v')" in publish["if"]
    assert publish["environment"] == "release"
    assert uses(publish, "pypa/gh-action-pypi-publish") == [{}]  # no password, and what lies in dist
    assert not any("secrets." in path.read_text() for path in FOLDER.glob("*.yml"))


# -- .ci/check_dist.py ------------------------------------------------------------------------------------------------

TAGS = [
    "manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_28_aarch64", "musllinux_1_2_x86_64",
    "musllinux_1_2_aarch64", "macosx_11_0_arm64", "macosx_10_13_x86_64", "win_amd64",
]  # fmt: skip


def make_wheel(folder, tag, name="fastnn-mlp", version="0.1.0", n_own=10, python="cp311-abi3"):
    with zipfile.ZipFile(folder / f"fastnn_mlp-{version}-{python}-{tag}.whl", "w") as archive:
        archive.writestr(f"fastnn_mlp-{version}.dist-info/METADATA", f"Name: {name}\nVersion: {version}\n\nText: x")
        archive.writestr("fastnn/_engine.so", b"0" * n_own)
        archive.writestr("fastnn_mlp.libs/libgomp.so", b"0" * 2_000_000)


@pytest.fixture
def dist(tmp_path):
    for tag in TAGS:
        make_wheel(tmp_path, tag)
    make_wheel(tmp_path, TAGS[0], python="cp314-cp314t")
    with tarfile.open(tmp_path / "fastnn_mlp-0.1.0.tar.gz", "w:gz") as archive:
        for path in ("fastnn_mlp-0.1.0/PKG-INFO", "fastnn_mlp-0.1.0/src/fastnn_mlp.egg-info/PKG-INFO"):
            text = b"Name: fastnn-mlp\nVersion: 0.1.0\n"
            part = tarfile.TarInfo(path)
            part.size = len(text)
            archive.addfile(part, io.BytesIO(text))
    return tmp_path


@pytest.mark.parametrize("tag", ["", "v0.1.0"])
def test_whole_distributions_are_fine(dist, tag):
    assert check_dist.faults(dist, tag) == []


def test_nothing_at_all(tmp_path):
    assert len(check_dist.faults(tmp_path, "v1")) == 9


@pytest.mark.parametrize("tag", TAGS)
def test_a_wheel_that_is_missing_or_there_twice(dist, tag):
    (wheel,) = dist.glob(f"*-abi3-{tag}.whl")
    wheel.rename(wheel.with_suffix(".gone"))
    (said,) = check_dist.faults(dist)
    assert said.endswith("expected, got none")
    wheel.with_suffix(".gone").rename(wheel)
    make_wheel(dist, tag, version="0.1.1")
    assert len(check_dist.faults(dist)) == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"name": "fastnn"}, "is of fastnn, not fastnn-mlp"),
        ({"n_own": 1_000_000}, "bytes, 1000000 or more"),
        ({"version": "0.2.0", "python": "cp314-cp314t"}, "several versions: 0.1.0, 0.2.0"),
    ],
)
def test_a_wheel_that_is_wrong(dist, given, said):
    make_wheel(dist, TAGS[-1], **given)
    assert [fault for fault in check_dist.faults(dist) if said in fault]


def test_a_tag_of_another_version(dist):
    assert check_dist.faults(dist, "v0.2.0") == ["the tag v0.2.0 is not the version, 0.1.0"]


def test_the_bound_is_that_of_the_test_of_the_wheel():
    assert f"< {check_dist.BOUND:_}" in (ROOT / "tests" / "test_package.py").read_text()
