"""Sphinx: ``measured-chart`` and ``measured-table`` show what ``bench/published`` makes of the benchmark's outputs.

A chart is part of the page, so that it takes the page's colours; below a table stand its processor and a link to the
output that it was read from, which is also what a page is built anew for.
"""

from html import escape

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx import addnodes
from sphinx.util.docutils import SphinxDirective

from bench.published import FOLDER, measured_on
from bench.published.charts import CHARTS
from bench.published.tables import TABLES

#: Charts whose output is not called as they are.
OUTPUTS = {"overview": "peers", "each-table": "tables", "tables-held-back": "tables"}


class Measured(SphinxDirective):
    """What both have: a name of a table of functions, and where the figures are from."""

    required_arguments = 1
    kinds: dict

    def chosen(self):
        """Return what the name stands for; the build ends where there is none."""
        name = self.arguments[0]
        if name not in self.kinds:
            raise self.error(f"no {self.name} {name!r}; there are {', '.join(self.kinds)}")
        return self.kinds[name]

    def depends_on(self, output):
        """Build the page anew when an output has changed."""
        self.env.note_dependency(str(FOLDER / f"{output}.txt"))

    def source(self, output):
        """Return a line that says where the figures are from."""
        link = addnodes.download_reference(
            "", "", nodes.inline("", "the raw output"), reftarget=f"/performance/{output}.txt"
        )
        link["refdoc"] = self.env.docname
        return nodes.paragraph("", f"{measured_on(output)}; ", link, classes=["measured-source"])


class Chart(Measured):
    """A chart by name; with ``:source:`` the line below it, where no table has it."""

    kinds = CHARTS
    option_spec = {"source": directives.flag}  # noqa: RUF012  docutils reads it by this name

    def run(self):
        """Return the picture."""
        draw, name = self.chosen(), self.arguments[0]
        output = OUTPUTS.get(name, name)
        self.depends_on(output)
        picture = nodes.raw("", draw(), format="html")
        return [picture, self.source(output)] if "source" in self.options else [picture]


class Table(Measured):
    """A table by name; with ``:summary: TEXT`` behind that text, to be opened."""

    kinds = TABLES
    option_spec = {"summary": directives.unchanged_required}  # noqa: RUF012  docutils reads it by this name

    def run(self):
        """Return the table, figures to the right, and the line below it."""
        output, make = self.chosen()
        self.depends_on(output)
        headings, rows = make()
        group = nodes.tgroup("", cols=len(headings))
        group += [nodes.colspec(colwidth=1) for _ in headings]
        group += nodes.thead("", _row(headings))
        group += nodes.tbody("", *map(_row, rows))
        table = nodes.table("", group, classes=["measured"])
        summary = self.options.get("summary")
        if summary is None:
            return [table, self.source(output)]
        opened = nodes.raw("", f"<details><summary>{escape(summary)}</summary>", format="html")
        return [opened, table, self.source(output), nodes.raw("", "</details>", format="html")]


def _row(cells):
    entries = [
        nodes.entry("", nodes.paragraph("", cell), classes=["number"] if cell[:1].isdigit() else []) for cell in cells
    ]
    return nodes.row("", *entries)


def setup(app):
    """Sphinx calls it."""
    app.add_directive("measured-chart", Chart)
    app.add_directive("measured-table", Table)
    app.add_css_file("measured.css")
    return {"parallel_read_safe": True}
