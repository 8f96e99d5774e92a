"""Dots on a logarithmic axis, a row a case, as SVG that can be read on a phone and in the dark.

Text stays text. The colours of words and paper are two variables: a page that has the picture inside sets them, a
picture by itself goes by what the reader's system prefers. Nothing here knows what the figures are.
"""

from html import escape
from itertools import pairwise
from math import log

#: Width of a picture in pixels, and of its words; on a phone of 420 pixels all of it is two thirds as large.
WIDTH, FONT, SMALL = 560, 15, 13
#: Rows whose label stands above them, or at their left.
ABOVE, BESIDE = 44, 26

STYLE = (
    ".dots{--ink:#222;--paper:#fff;font-family:system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){.dots{--ink:#ddd;--paper:#14181e}}"
    ".dots text{fill:var(--ink)}.dots .ink{fill:var(--ink);stroke:var(--ink)}.dots .paper{fill:var(--paper)}"
    ".dots text{paint-order:stroke;stroke:var(--paper);stroke-width:4px}"
    ".dots .rule{stroke:var(--ink);opacity:.15}.dots .mark{stroke:var(--paper);stroke-width:1}"
)

#: Marker -> the points of its outline, for a size of one.
OUTLINES = {
    "s": ((-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)),
    "D": ((0, -1.2), (1.2, 0), (0, 1.2), (-1.2, 0)),
    "^": ((0, -1.1), (1.1, 0.9), (-1.1, 0.9)),
    "v": ((0, 1.1), (1.1, -0.9), (-1.1, -0.9)),
    "P": tuple((x / 2.5, y / 2.5) for x, y in (
        (-1, -3), (1, -3), (1, -1), (3, -1), (3, 1), (1, 1), (1, 3), (-1, 3), (-1, 1), (-3, 1), (-3, -1), (-1, -1))),
    "X": tuple((x / 2.6, y / 2.6) for x, y in (
        (-3, -2), (-2, -3), (0, -1), (2, -3), (3, -2), (1, 0), (3, 2), (2, 3), (0, 1), (-2, 3), (-3, 2), (-1, 0))),
}  # fmt: skip


def dots(rows, looks, *, title, note, ticks, limits, at=1.0, beside=0):
    """Return the picture.

    Parameters
    ----------
    rows : dict of str to dict
        Label of a row -> series -> what is shown of it: a number, or a list of them, or a tuple of a number and its
        two bounds.
    looks : dict of str to tuple
        Series -> name, colour ("ink" is that of the words), marker ("o", or one of `OUTLINES`), size in pixels. The
        last are drawn first, so that the first are on top.
    title : str
        What one sees, for who does not.
    note : str
        Below the axis; lines are broken here.
    ticks, limits : tuple of float
        The axis; what lies beyond its ends is drawn at them.
    at : float, default 1.0
        Where the strong line stands.
    beside : int, default 0
        Pixels for labels at the left of the rows; 0 has them above.
    """
    left, right = beside + 12, WIDTH - 16
    low, high = log(limits[0]), log(limits[1])

    def place(value):
        return left + (right - left) * (min(max(log(value), low), high) - low) / (high - low)

    shown = [series for series in looks if any(series in of_row for of_row in rows.values())]
    legend, top = _legend([looks[series] for series in shown])
    pitch = BESIDE if beside else ABOVE
    bottom = top + pitch * len(rows) + 4
    parts = [f'<path class="rule" d="M{place(tick):.1f} {top}V{bottom}"/>' for tick in ticks]
    parts.append(f'<path d="M{place(at):.1f} {top}V{bottom}" stroke="#0072b2" stroke-width="3"/>')
    longest = max(_width(label, 1) for label in rows)
    size = min(SMALL if beside else FONT, (left - 14 if beside else WIDTH - 8) / longest)
    for index, (label, of_row) in enumerate(rows.items()):
        middle = top + pitch * index + (pitch / 2 if beside else 30)
        anchor = f'x="{left - 10}" y="{middle + 5}" text-anchor="end"' if beside else f'x="4" y="{middle - 13}"'
        parts.append(f'<path class="rule" d="M{left} {middle}H{right}"/>')
        parts.append(f'<text {anchor} font-size="{size:.3g}">{escape(label)}</text>')
        for series in [series for series in reversed(shown) if series in of_row]:
            parts += _marks(of_row[series], looks[series], middle, place, label)
    for tick in ticks:
        parts.append(
            f'<text x="{place(tick):.1f}" y="{bottom + 17}" text-anchor="middle" font-size="{SMALL}">{tick:g}</text>'
        )
    lines = _broken(note, WIDTH - 8, SMALL)
    for index, line in enumerate(lines):
        parts.append(f'<text x="4" y="{bottom + 38 + 18 * index}" font-size="{SMALL}">{escape(line)}</text>')
    height = round(bottom + 28 + 18 * len(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dots" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'role="img" aria-label="{escape(title)}">\n<style>{STYLE}</style>\n'
        + '<rect class="paper" width="100%" height="100%"/>\n'
        + "\n".join([*legend, *parts])
        + "\n</svg>\n"
    )


def _marks(value, look, height, place, label):
    name, colour, marker, size = look
    bounds = pairwise(value[1:]) if isinstance(value, tuple) else ()
    for low, high in bounds:
        style = 'class="ink"' if colour == "ink" else f'stroke="{colour}"'
        yield f'<path {style} stroke-width="2.5" d="M{place(low):.1f} {height}H{place(high):.1f}"/>'
    values = value if isinstance(value, list) else [value[0] if isinstance(value, tuple) else value]
    for number in values:
        words = "" if len(values) > 1 else f"<title>{escape(label)}: {escape(name)} {number:.3g}</title>"
        yield _mark(place(number), height, colour, marker, size, words, 0.45 if len(values) > 1 else 1)


def _mark(x, y, colour, marker, size, words="", opacity=1):
    style = f'class="mark {colour}"' if colour == "ink" else f'class="mark" fill="{colour}"'
    style += f' fill-opacity="{opacity}"' if opacity < 1 else ""
    if marker == "o":
        shape = f'circle cx="{x:.1f}" cy="{y}" r="{size}"'
    else:
        corners = " ".join(f"{x + size * dx:.1f},{y + size * dy:.1f}" for dx, dy in OUTLINES[marker])
        shape = f'polygon points="{corners}"'
    return f"<{shape} {style}>{words}</{shape.split()[0]}>" if words else f"<{shape} {style}/>"


def _width(text, size):
    return 0.56 * size * len(text)


def _legend(looks):
    """Marks and names, in as many lines as they take, and where the rows begin."""
    x, y, parts = 12, 16, []
    for name, colour, marker, size in looks:
        if x > 12 and x + 14 + _width(name, FONT) > WIDTH:
            x, y = 12, y + 24
        parts += [
            _mark(x, y, colour, marker, size),
            f'<text x="{x + 12}" y="{y + 5}" font-size="{FONT}">{escape(name)}</text>',
        ]
        x += 34 + _width(name, FONT)
    return parts, y + 16


def _broken(text, width, size):
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if _width(longer, size) > width and lines[-1]:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines
