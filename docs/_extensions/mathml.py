"""Formulas as MathML, which every browser sets itself: no script, no font, nothing loaded from elsewhere."""

from docutils.nodes import SkipNode
from docutils.utils.math.latex2mathml import tex2mathml


def inline(writer, node):
    """A formula in a line."""
    writer.body.append(tex2mathml(node.astext()))
    raise SkipNode


def block(writer, node):
    """A formula of its own."""
    writer.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    raise SkipNode


def setup(app):
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", (inline, None), (block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
