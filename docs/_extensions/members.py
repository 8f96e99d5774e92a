"""Sphinx: what stands on the reference's page of a name beside its docstring.

``summary-of`` is the docstring's first sentence, for classes, whose parameters are many. ``methods-of`` is a table of
all methods of a class, a line each: fastnn's own lead to where they are described, those that come from scikit-learn to
its book, as far as it is known here. ``examples-of`` has the programs of the gallery that use a name, or a method of
it. The templates are told which names have a picture, which ``docs/figures/names.py`` draws.
"""

import inspect
import json
import re
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

DOCS = Path(__file__).resolve().parents[1]

#: Methods that come from scikit-learn -> the class whose page has them; else that of its networks.
THEIRS = {
    "fit_transform": "sklearn.base.TransformerMixin",
    "set_output": "sklearn.base.TransformerMixin",
    "get_feature_names_out": "sklearn.base.ClassNamePrefixFeaturesOutMixin",
    "set_callbacks": "sklearn.callback.CallbackSupportMixin",
}
#: What is called, and described by hand.
CALLED = "fastnn.Network.__call__"


def resolve(full_name):
    """Return the object of a name such as "fastnn.plots.WeightsDisplay"."""
    parts = full_name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            found = getattr(found, part)
        return found
    raise LookupError(full_name)


def methods_of(cls):
    """Return the public methods of a class: name -> whether it is fastnn's own."""
    found = {}
    for name in sorted(dir(cls)):
        base = next((base for base in cls.__mro__ if name in vars(base)), None)
        if (name.startswith("_") and name != "__call__") or base is None or not callable(getattr(cls, name, None)):
            continue
        is_request = name.startswith("set_") and name.endswith("_request")  # made by scikit-learn, of each method
        if base.__module__.startswith(("fastnn", "sklearn")):
            found[name] = base.__module__.startswith("fastnn") and not is_request
    return found


def doc_of_call():
    """Return the docstring that the call of networks has in Cython, as a slot of C cannot carry one."""
    source = (DOCS.parent / "src" / "fastnn" / "_predictor.pxi").read_text()
    return inspect.cleandoc(source.partition('def __call__(self, X):\n        """')[2].partition('"""')[0])


def summary_of(text):
    """Return the first sentence of a docstring; what it refers to is words, as it may be somebody else's."""
    paragraph = re.sub(r":\w+:`~?([^`<]+?)(?: <[^>]+>)?`", r"\1", text.partition("\n\n")[0])
    return " ".join(paragraph.split()).partition(". ")[0].rstrip(".") + "."


class SummaryOf(SphinxDirective):
    """The first sentence about a class, by its full name, where a table of methods would be in front of it."""

    required_arguments = 1

    def run(self):
        """Return a paragraph."""
        cls = resolve(self.arguments[0])
        if not methods_of(cls):
            return []
        parsed, messages = self.parse_inline(summary_of(inspect.getdoc(cls)))
        return [nodes.paragraph("", "", *parsed, *messages)]


class MethodsOf(SphinxDirective):
    """All methods of a class, by its full name."""

    required_arguments = 1

    def run(self):
        """Return a table of fastnn's own, and another of scikit-learn's."""
        full_name = self.arguments[0]
        cls = resolve(full_name)
        rows = {True: [], False: []}
        for name, is_own in methods_of(cls).items():
            rows[is_own].append(self.row(cls, full_name, name, is_own))
        found = [_table(rows[True])] if rows[True] else []
        if rows[False]:
            found += [nodes.paragraph("", "From scikit-learn:"), _table(rows[False])]
        return found

    def row(self, cls, full_name, name, is_own):
        """Return a row: the method, which is a link, and what it does."""
        target = f"{full_name}.{name}"
        entry = nodes.entry("", nodes.paragraph("", "", self.link(cls, target, name, is_own)))
        if not is_own:  # an anchor of its own, which the search finds
            anchor = nodes.target("", "", ids=[target])
            self.state.document.note_explicit_target(anchor)
            self.env.domains["py"].note_object(target, "method", target, location=anchor)
            entry.insert(0, anchor)
        parsed, messages = self.parse_inline(
            summary_of(doc_of_call() if target == CALLED else inspect.getdoc(getattr(cls, name)) or "")
        )
        return nodes.row("", entry, nodes.entry("", nodes.paragraph("", "", *parsed, *messages)))

    def link(self, cls, target, name, is_own):
        """Return a reference that is words alone where nobody has the name."""
        if not is_own:
            network = "MLPRegressor" if "Regressor" in cls.__name__ else "MLPClassifier"
            target = f"{THEIRS.get(name, 'sklearn.neural_network.' + network)}.{name}"
        link = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=target, refexplicit=True)
        link["refdoc"], link["refwarn"] = self.env.docname, False
        link += nodes.literal("", name, classes=["xref", "py"])
        return link


def _table(rows):
    group = nodes.tgroup("", nodes.colspec(colwidth=1), nodes.colspec(colwidth=3), nodes.tbody("", *rows), cols=2)
    return nodes.table("", group, classes=["autosummary", "names"])


class ExamplesOf(SphinxDirective):
    """The gallery's programs that use a name or its methods; nothing where there is none."""

    required_arguments = 1

    def run(self):
        """Return a heading and thumbnails."""
        full_name, path = self.arguments[0], DOCS / "gallery" / "backreferences" / "backreferences_all.json"
        self.env.note_dependency(str(path))
        known = json.loads(path.read_text()) if path.exists() else {}
        used = [name for name in known if name == full_name or name.startswith(f"{full_name}.")]
        if not any(known[name] for name in used):
            return []
        lines = [".. rubric:: In the gallery", "", f".. minigallery:: {' '.join(used)}"]
        node = nodes.Element()
        self.state.nested_parse(StringList(lines, self.get_source_info()[0]), self.content_offset, node)
        return node.children


def pictures():
    """Return the names that have a picture: full name -> function of the file."""
    spec = spec_from_file_location("names", DOCS / "figures" / "names.py")
    spec.loader.exec_module(names := module_from_spec(spec))
    return names.PICTURES


def is_left_out(_app, _what, _name, member, skip, _options):
    """Whether autodoc leaves a member out: fields of named tuples are described as attributes."""
    return skip or (inspect.getdoc(member) or "").startswith("Alias for field number") or None


def call_of(_app, _what, name, _member, _options, lines):
    """Give the call of networks its docstring."""
    if name == CALLED:
        lines[:] = doc_of_call().splitlines()


def signature_of_call(_app, _what, name, *_others):
    """Return its signature, which C does not tell either."""
    return ("(X)", None) if name == CALLED else None


def setup(app):
    """Sphinx calls it."""
    app.add_directive("summary-of", SummaryOf)
    app.add_directive("methods-of", MethodsOf)
    app.add_directive("examples-of", ExamplesOf)
    app.connect("autodoc-skip-member", is_left_out)
    app.connect("autodoc-process-docstring", call_of, priority=400)  # before numpydoc, as the next
    app.connect("autodoc-process-signature", signature_of_call, priority=400)
    app.add_css_file("reference.css")
    app.config.autosummary_context = {"pictures": pictures()}
    return {"parallel_read_safe": True}
