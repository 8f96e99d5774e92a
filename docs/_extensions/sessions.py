"""Sessions end with a blank line, where doctest looks for one; on the page there is none."""

from docutils import nodes
from sphinx.transforms import SphinxTransform


class TrimBlocks(SphinxTransform):
    """Blocks of code end with their last line."""

    default_priority = 400

    def apply(self):
        for node in self.document.findall(nodes.literal_block):
            if node.rawsource == node.astext():  # else it is highlighted already
                node.rawsource = node.rawsource.rstrip()
                node[:] = [nodes.Text(node.rawsource)]


def setup(app):
    """What Sphinx calls."""
    app.add_transform(TrimBlocks)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
