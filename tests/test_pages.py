"""Pages are followed as a reader does: their own line installs them, shell sessions are run and compared."""

import shlex
import tomllib

import pages
import pytest
from packaging.requirements import Requirement

EXTRAS = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
WITH_SESSIONS = [page for page in pages.PAGES if any(block.is_session for block in pages.blocks(page))]

SESSION = """
$ python -c "print('one')
> print('two')" \\
>   && echo three
one
...
three

$ echo to the other >&2; exit 3
to the other
$ echo $?
3
$ true
$ echo $?
0
"""


def page_of(tmp_path, text):
    path = tmp_path / "page.md"
    path.write_text(text)
    return path


def test_blocks_come_in_order_with_their_lines_and_what_they_need(tmp_path):
    page = page_of(
        tmp_path,
        "a\n```python\n>>> 1\n```\n```sh\nls\n```\n<!-- needs a, b-c -->\n```console\n$ ls\n```\n```python\nx\n```",
    )
    assert list(pages.blocks(page)) == [
        (3, "python", ">>> 1\n", []), (10, "console", "$ ls\n", ["a", "b-c"]), (13, "python", "x\n", []),
    ]  # fmt: skip
    assert [block.is_session for block in pages.blocks(page)] == [True, True, False]


def test_commands_of_a_shell_session():
    block = pages.Block(5, "console", "$ a \\\n>  b\nout\n\n$ c\n$ d\n> out\n", [])
    assert pages.commands(block) == [[5, "a \\\n b", "out\n\n"], [9, "c", ""], [10, "d", "> out\n"]]


def test_a_shell_session_is_run_and_compared(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    session = SESSION.replace("\n> print", "; print").lstrip()
    assert pages.run(page_of(tmp_path, f"```console\n{session}```\n")) == (0, set())
    wrong = session.replace("three\n\n", "four\n\n").replace("0\n", "1\n")
    assert pages.run(page_of(tmp_path, f"```console\n{wrong}```\n")) == (2, set())
    out = capfd.readouterr().out
    assert "page.md, line 2\n$ python" in out
    assert "-- got:\none\ntwo\nthree\n" in out


def test_python_and_the_shell_share_a_folder_and_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = """
```python
>>> with open("written", "w") as file:
...     n = file.write("by Python")

```

```console
$ cat written && echo
by Python
$ python -c "import fastnn; print(fastnn.__version__)" > version
```

```python
>>> import fastnn
>>> with open("version") as file:
...     file.read().strip() == fastnn.__version__, n
(True, 9)

```
"""
    assert pages.run(page_of(tmp_path, text)) == (0, set())
    assert pages.run(page_of(tmp_path, text.replace("9)", "8)")))[0] == 1


def test_what_is_not_there_is_left_out_and_told(tmp_path):
    page = page_of(tmp_path, "<!-- needs no_such_program, sys -->\n```console\n$ no_such_program\n```\n")
    assert pages.run(page) == (0, {"no_such_program"})
    assert pages.here(page) == 1
    page.write_text(page.read_text().replace("no_such_program, sys", "shap, no_such_program"))
    assert pages.here(page) == 1


@pytest.mark.parametrize(
    ("expected", "got", "is_same"),
    [
        ("a b\n", "a b  \n", True),
        ("a b\n", "a  b\n", False),
        ("a\n...\nc\n", "a\nb\nb\nc\n", True),
        ("loss 0...\n", "loss 0.25\n\n", True),
        ("", "something\n", False),
    ],
)
def test_how_output_is_compared(expected, got, is_same):
    assert pages.is_as_shown(expected, got) is is_same


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (".", ["/a.whl"]),
        ('".[sklearn]" pandas', ["/a.whl[sklearn]", "pandas"]),
        ('".[dask,arrow]" "polars>=1"', ["/a.whl[dask,arrow]", "polars>=1"]),
    ],
)
def test_the_wheel_takes_the_place_of_the_checkout(line, words, tmp_path):
    page = page_of(tmp_path, f"```sh\npython3 -m venv .venv && .venv/bin/pip install {line}\n```\n")
    assert pages.install_line(page) == line
    assert pages.wanted(line, "/a.whl") == words


def test_a_line_that_goes_on_is_not_what_a_page_is_installed_by(tmp_path):
    page = page_of(tmp_path, "python3 -m venv .venv && .venv/bin/pip install . && .venv/bin/python a.py\n")
    assert pages.install_line(page) is None


# -- the pages there are ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", WITH_SESSIONS, ids=lambda page: page.stem)
def test_a_page_with_sessions_is_installed_by_a_line_that_pip_takes(page):
    words = pages.wanted(pages.install_line(page), "fastnn-mlp")
    first, *others = map(Requirement, words)
    assert first.name == "fastnn-mlp"
    assert first.extras <= set(EXTRAS)
    assert all(not requirement.extras for requirement in others)


def test_pages_share_few_environments():
    assert len({pages.install_line(page) for page in WITH_SESSIONS}) <= 12


def test_what_no_page_installs_is_run_beside_the_neighbours():
    text = (pages.ROOT / ".ci" / "run").read_text()
    for page in WITH_SESSIONS:
        needed = {name for block in pages.blocks(page) for name in block.needs}
        if needed & pages.LEFT_OUT:
            assert f"[{page.stem}]" in text, page.stem
        assert needed & pages.LEFT_OUT <= {Requirement(text).name for text in EXTRAS["neighbours"]}


def test_ci_runs_the_pages_after_the_wheel_is_built():
    words = shlex.split((pages.ROOT / ".ci" / "run").read_text(), comments=True)
    assert words.index("wheel") < words.index("tests/pages.py")
