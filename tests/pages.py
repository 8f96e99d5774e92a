"""Pages as a reader follows them: installed by their own line, then block by block, in an empty folder.

``python tests/pages.py build/wheels/*.whl [page ...]`` makes an environment of each line that pages install by, with
the wheel in place of the checkout, and runs there the pages that have it; a page without sessions needs none. The tests
run the same blocks where they run themselves (``test_docs.py``). Of the standard library alone: a page's environment
has what the page installs.
"""

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import venv
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import chdir, nullcontext
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
PAGES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"]

BLOCK = re.compile(
    r"^(?:<!-- needs (?P<needs>[\w, -]+) -->\n)?```(?P<kind>python|console)\n(?P<code>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
#: How a page is installed: what follows is pip's.
LINE = re.compile(r"^python3 -m venv \.venv && \.venv/bin/pip install ([^&\n]+)$", re.MULTILINE)

#: What is too large for an environment of a page: such blocks run where the neighbours' tests do.
LEFT_OUT = {"keras", "mlflow", "shap", "torch"}


class Block(NamedTuple):
    """Code of a page, of the language `kind`; `needs` names packages and programs beside what the tests have.

    A comment before a block names them: ``<!-- needs torch, gcc -->``.
    """

    line: int
    kind: str
    code: str
    needs: list[str]

    @property
    def is_session(self):
        """Whether it shows what comes out, so that it can be run and compared."""
        return re.search(r"^>>> " if self.kind == "python" else r"^\$ ", self.code, re.MULTILINE) is not None


def blocks(page):
    """The Python and the shell sessions of a page, in order."""
    text = page.read_text("utf-8")
    for found in BLOCK.finditer(text):
        line = text[: found.start("code")].count("\n") + 1
        yield Block(line, found["kind"], found["code"], re.findall(r"[^, ]+", found["needs"] or ""))


def install_line(page):
    """What pip is given to follow a page, or None."""
    found = LINE.search(page.read_text("utf-8"))
    return found and found[1]


def is_there(name):
    """Whether a package can be imported, or a program be run."""
    return find_spec(name) is not None or shutil.which(name) is not None


def run(page):
    """Run all sessions of a page in one namespace and in this folder; return how many failed, and what was left out.

    A block of Python needs a blank line at its end. What needs a package that is not there is left out.
    """
    parser, runner, names = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS), {}
    n_failed, left_out, code = 0, set(), 0
    for block in blocks(page):
        missing = {name for name in block.needs if not is_there(name)}
        left_out |= missing
        if missing or not block.is_session:
            continue
        if block.kind == "console":
            for line, command, expected in commands(block):
                got, code = run_command(command, code)
                if not is_as_shown(expected, got):
                    print(f"{page}, line {line}\n$ {command}\n-- expected:\n{expected}-- got:\n{got}")
                    n_failed += 1
            continue
        test = parser.get_doctest(block.code, names, page.name, str(page), block.line)
        with warnings.catch_warnings() if block.needs else nullcontext():  # what other libraries warn of is theirs
            if block.needs:
                warnings.simplefilter("ignore")
            n_failed += runner.run(test, clear_globs=False).failed
        names = test.globs
    return n_failed, left_out


# -- shell sessions ---------------------------------------------------------------------------------------------------


def commands(block):
    """Each command of a shell session, with its line and what it prints.

    A command follows ``$``, and goes on after a backslash; the rest is output, to the next command.
    """
    found = []
    for line, text in enumerate(block.code.splitlines(), block.line):
        if text.startswith("$ "):
            found.append([line, text[2:], ""])
        elif found and found[-1][1].endswith("\\") and not found[-1][2]:
            found[-1][1] += "\n" + text.removeprefix("> ")
        elif found:
            found[-1][2] += text + "\n"
    return found


def run_command(command, code=0):
    """Run a command in this folder; return what it writes, errors too, and its exit code. ``$?`` is `code` before it.

    ``python`` and what pip has installed are those of this interpreter.
    """
    scripts = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "LINES": "40",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "PYTHONUTF8": "1",
    }
    before = "" if (scripts / "fastnn").exists() else 'fastnn() { python -m fastnn "$@"; }\n'  # a checkout on the path
    done = subprocess.run(
        ["bash", "-c", f"{before}(exit {code})\n{command}"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        env=environment,
        timeout=600,
    )
    return done.stdout, done.returncode


def is_as_shown(expected, got):
    """Whether output is what the page shows: ``...`` stands for anything; blanks at the ends of lines do not count."""
    expected, got = ("\n".join(map(str.rstrip, text.splitlines())).strip("\n") + "\n" for text in (expected, got))
    return doctest.OutputChecker().check_output(expected, got, doctest.ELLIPSIS)


# -- environments -----------------------------------------------------------------------------------------------------


def wanted(line, wheel):
    """What pip is given: the words of a page's line, the wheel in place of the checkout."""
    return [re.sub(r"^\.(?=\[|$)", str(wheel).replace("\\", "/"), word) for word in shlex.split(line)]


def make_environment(folder, line, wheel):
    """Make an environment by a page's line; return its Python."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted(line, wheel)], check=True)
    return python


def main(wheel, *names):
    """Run the pages of these names, or all, each in an environment made by its own line."""
    wheel, by_line, is_well = Path(wheel).resolve(), {}, True
    for page in PAGES:
        if (page.stem in names or not names) and any(block.is_session for block in blocks(page)):
            by_line.setdefault(install_line(page), []).append(page)
    if without := [page.stem for page in by_line.pop(None, ())]:
        print(f"no line to install by, as in README.md: {', '.join(without)}")
        is_well = False
    with ThreadPoolExecutor(2) as pool:
        for said, went_well in pool.map(partial(_follow, wheel), *zip(*by_line.items(), strict=True)):
            print(said, flush=True)
            is_well = is_well and went_well
    return 0 if is_well else 1


def _follow(wheel, line, pages):
    """Make the environment of a line, and run its pages there; return what is to be said, and whether all went well."""
    said, is_well = [f"-- pip install {line}"], True
    environment = {**os.environ, "MPLBACKEND": "Agg"}
    environment.pop("PYTHONPATH", None)  # with which a page would find more than it installs
    with tempfile.TemporaryDirectory() as folder:
        try:
            python = make_environment(Path(folder), line, wheel)
        except subprocess.CalledProcessError as error:
            return f"{said[0]}\n{error}", False
        for page in pages:
            ended = subprocess.run(
                [python, "-P", __file__, "--here", page],
                env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                encoding="utf-8",
            )  # fmt: skip
            said += [ended.stdout] * (ended.stdout != "")
            said.append(f"{page.stem}: {'as shown' if ended.returncode == 0 else 'FAILED'}")
            is_well = is_well and ended.returncode == 0
    return "\n".join(said), is_well


def here(page):
    """Run a page in the environment that is there; what it needs and has not installed is an error, but for a few."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        n_failed, left_out = run(Path(page))
    if missing := left_out - LEFT_OUT:
        print(f"{page}: its own line does not bring {', '.join(sorted(missing))}")
    if left_out & LEFT_OUT:
        print(f"{page}: left out what needs {', '.join(sorted(left_out & LEFT_OUT))}")
    return 1 if n_failed or missing else 0


if __name__ == "__main__":
    sys.exit(here(sys.argv[2]) if sys.argv[1] == "--here" else main(*sys.argv[1:]))
