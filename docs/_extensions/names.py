"""Names in code, such as `fastnn.train`, `numpy.errstate`, `TabularClassifier` or `GridSearchCV`, become links.

They lead to the reference, or to other projects' pages as far as `docs/inventories` has them; what neither has stays as
it is.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx import addnodes
from sphinx.transforms import SphinxTransform

import fastnn

FULL = re.compile(r"(fastnn|matplotlib|numpy|np|pandas|pd|scipy|sklearn)((?:\.\w+)+)(?:\(\))?")
SHORT = {"np": "numpy", "pd": "pandas"}

#: Classes by their bare names; of two that share one, fastnn's own. The networks, which scikit-learn has by the same
#: names, are left to their full ones.
CLASSES = {
    line.split()[0].rpartition(".")[2]: line.split()[0]
    for line in (Path(__file__).parents[1] / "inventories" / "sklearn.txt").read_text().splitlines()
    if line.split()[1:2] == ["class"]
}
CLASSES |= {name: f"fastnn.{name}" for name in dir(fastnn) if isinstance(getattr(fastnn, name), type)}
CLASSES = {name: full for name, full in CLASSES.items() if name not in ("MLPClassifier", "MLPRegressor")}


def meant(text):
    """The full name that some code is, or None."""
    if found := FULL.fullmatch(text):
        return SHORT.get(found[1], found[1]) + found[2]
    return CLASSES.get(text)


def is_free(node):
    """Whether no link and no heading is around a node."""
    while node := node.parent:
        if isinstance(node, (nodes.reference, nodes.title, addnodes.pending_xref)):
            return False
    return True


class LinkNames(SphinxTransform):
    """Code that names something becomes a reference to it."""

    default_priority = 400

    def apply(self):
        for node in list(self.document.findall(nodes.literal)):
            if (name := meant(node.astext())) and is_free(node):
                link = addnodes.pending_xref("", refdomain="py", reftype="obj", reftarget=name, refexplicit=True)
                link["refdoc"], link["refwarn"] = self.env.docname, False
                node.replace_self(link)
                link += node


def setup(app):
    """What Sphinx calls."""
    app.add_transform(LinkNames)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
