"""The book as it was built: its links lead somewhere, nothing comes from elsewhere, and it can be read in any window.

`build/docs` has to be there (``sphinx-build -W -b html docs build/docs``). What only a browser knows, Chromium is asked
for: it opens every page at 1280 and at 420 pixels, light and dark, and says what is wrong (`book_measure.html`).
"""

import inspect
import json
import pydoc
import re
import shutil
import subprocess
from functools import cache, partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from urllib.parse import unquote, urldefrag, urlsplit

import pytest

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "build" / "docs"
INVENTORIES = sorted((ROOT / "docs" / "inventories").glob("*.txt"))
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

is_built = pytest.mark.skipif(not (BOOK / "index.html").exists(), reason="the book is not built")
has_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium")

#: What people look for, and the pages that say it: the answer in short, and at length.
SEARCHES = {
    "class_weight": ("questions.html", "what-is-more.html"),
    "categorical": ("questions.html", "tables.html"),
    "missing values": ("questions.html", "tables.html"),
    "pandas": ("questions.html", "tables.html"),
    "save model": ("a-real-table.html", "travelling.html"),
    "onnx": ("travelling.html",),
    "dropout": ("questions.html", "what-is-more.html"),
    "cross validation": ("many.html",),
    "gpu": ("when-not.html",),
}


# -- names of other projects ------------------------------------------------------------------------------------


def entries(inventory):
    """Names, what they are and their pages, of a file that Sphinx reads."""
    return [line.split() for line in inventory.read_text().splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("inventory", INVENTORIES, ids=lambda path: path.stem)
def test_names_of_other_projects_are_theirs(inventory):
    """Each stands for a module, a class or a function that is there."""
    if inventory.stem == "sklearn":
        pytest.importorskip("sklearn.experimental.enable_halving_search_cv")  # which it hides otherwise
    for name, kind, page in entries(inventory):
        pytest.importorskip(name.partition(".")[0]) if "." in name else None
        target = pydoc.locate(name)
        assert target is not None, name
        assert (kind == "mod") == inspect.ismodule(target), name
        assert (kind in ("class", "exception")) == inspect.isclass(target), name
        assert page.endswith(".html")


# -- the pages as text ------------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Of one page: what can be linked to, where links lead, what is loaded, code that is no link."""

    VOID = ("area", "base", "br", "col", "hr", "img", "input", "link", "meta", "source", "wbr")

    def __init__(self, path):
        super().__init__()
        self.names, self.links, self.loaded, self.code, self.around = set(), [], [], [], []
        self.feed(path.read_text("utf-8"))

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.names |= {given.get("id"), given.get("name")} - {None}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if tag in ("audio", "embed", "iframe", "img", "input", "script", "source", "video") and "src" in given:
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") not in (
            "canonical",
            "index",
            "search",
            "next",
            "prev",
            "author",
            "copyright",
        ):
            self.loaded.append(given["href"])
        self.loaded += [part.split()[0] for part in given.get("srcset", "").split(",") if part.strip()]
        if tag not in self.VOID:
            self.around.append(tag)

    def handle_endtag(self, tag):
        while tag in self.around and self.around.pop() != tag:
            pass

    def handle_data(self, data):
        around = set(self.around)
        if "code" in around and not around & {"a", "pre", "h1", "h2", "h3", "h4", "nav"}:
            self.code.append(data)


@cache
def pages():
    """All pages of the book by path."""
    return {path: Page(path) for path in sorted(BOOK.rglob("*.html")) if "_static" not in path.parts}


def beside(path, address):
    """The file that an address of a page means, and the place in it; None for what is elsewhere."""
    address, place = urldefrag(address)
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return None, place
    target = path.parent / unquote(parts.path) if parts.path else path
    return target.resolve(), unquote(place)


@pytest.mark.slow
@is_built
def test_links_within_the_book_lead_somewhere():
    lost = []
    for path, page in pages().items():
        for link in page.links:
            target, place = beside(path, link)
            if target is None:
                continue
            known = pages().get(target)
            if not target.exists() or (place and known and place not in known.names):
                lost.append(f"{path.relative_to(BOOK)}: {link}")
    assert lost == []


@pytest.mark.slow
@is_built
def test_nothing_is_loaded_from_elsewhere():
    for path, page in pages().items():
        for address in page.loaded:
            if not address.startswith("data:"):
                target, _ = beside(path, address)
                assert target, f"{path.name}: {address}"
                assert target.exists(), f"{path.name}: {address}"
    for path in BOOK.rglob("*.css"):
        for address in re.findall(r"(?:url\(|@import )\s*[\"']?([^\"')\s]+)", path.read_text("utf-8")):
            assert address.startswith("data:") or beside(path, address)[0], f"{path.name}: {address}"


@pytest.mark.slow
@is_built
def test_names_of_other_projects_are_links():
    """Where a page has a name of a project whose pages are known, an inventory has it."""
    unknown = {
        f"{text} of {path.relative_to(BOOK)}"
        for path, page in pages().items()
        for text in page.code
        if re.fullmatch(r"(numpy|np|pandas|pd|scipy|sklearn)(\.(?!_)\w+)+(\(\))?", text)
    }
    assert unknown == set()


# -- the pages in a browser -------------------------------------------------------------------------------------


class Asked(SimpleHTTPRequestHandler):
    """Serves the book, the page that measures it and what it is to measure; keeps what it answers."""

    def __init__(self, *args, asked, answers, **options):
        self.asked, self.answers = asked, answers
        super().__init__(*args, directory=BOOK, **options)

    def do_GET(self):
        own = {
            "/measure.html": (Path(__file__).parent / "book_measure.html").read_bytes(),
            "/asked.json": json.dumps(self.asked).encode(),
        }
        if self.path not in own:
            return super().do_GET()
        self.send_response(200)
        self.end_headers()
        return self.wfile.write(own[self.path])

    def do_POST(self):
        self.answers.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """What Chromium says of all pages, of the searches, and of what is copied."""
    asked = {
        "pages": [path.relative_to(BOOK).as_posix() for path in pages()],
        "words": list(SEARCHES),
        "copied": ["getting-started.html", "index.html"],
    }
    answers = Queue()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Asked, asked=asked, answers=answers))
    Thread(target=server.serve_forever, daemon=True).start()
    options = (
        "--headless --no-sandbox --disable-gpu --disable-background-networking --no-first-run --disable-dev-shm-usage"
    )
    browser = subprocess.Popen(
        [
            CHROMIUM,
            *options.split(),
            f"--user-data-dir={tmp_path_factory.mktemp('chromium')}",
            "--remote-debugging-port=0",
            f"http://127.0.0.1:{server.server_port}/measure.html",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        answer = answers.get(timeout=600)
    except Empty:
        pytest.fail("Chromium did not answer within ten minutes")
    finally:
        browser.terminate()
        browser.wait(30)
        server.shutdown()
        server.server_close()
    assert "error" not in answer, answer["error"]
    return answer


def wrong(measured, kind):
    """The faults of a kind, three of a page, a line each."""
    return "\n".join(f"{name}: {fault}" for name, faults in measured["pages"].items() for fault in faults[kind][:3])


@pytest.mark.slow
@is_built
@has_browser
class TestInABrowser:
    """One answer for all, so one worker."""

    @pytest.mark.parametrize("width", ["1280 px", "420 px"])
    def test_nothing_leaves_the_window_or_is_cut(self, measured, width):
        assert not (faults := wrong(measured, width)), faults

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_text_can_be_read(self, measured, theme):
        assert not (faults := wrong(measured, theme)), faults

    def test_nothing_is_asked_of_elsewhere(self, measured):
        assert not (faults := wrong(measured, "loaded")), faults

    def test_pictures_are_there(self, measured):
        assert not (faults := wrong(measured, "pictures")), faults

    @pytest.mark.parametrize("words", SEARCHES)
    def test_the_search_finds_first(self, measured, words):
        assert (measured["found"][words] or "").partition("#")[0] in SEARCHES[words]

    def test_what_is_copied_can_be_run(self, measured):
        """Of sessions what was typed, without prompts and answers."""
        sessions = [text for text in measured["copied"]["getting-started.html"] if "import fastnn" in text]
        assert len(sessions) >= 1
        for text in measured["copied"]["getting-started.html"]:
            assert ">>>" not in text
            assert "\narray(" not in text
        compile(sessions[0], "copied", "exec")
        assert any(text.startswith("# in a clone") for text in measured["copied"]["index.html"])
