"""What was done to each column of a table, as a table for the terminal and for notebooks.

`Columns.table` makes it of what was learned; it reads no data.
"""

from html import escape

HEADINGS = ("column", "kind", "becomes", "levels", "missing", "median", "note")


class ColumnsTable:
    """What each column is and what it became; printed it is a table, iterated over its rows.

    Attributes
    ----------
    rows : list of dict
        One a column: ``column`` (its name, or number), ``kind``, ``becomes`` (how the network gets it), ``levels`` (of
        a category, else None), ``missing`` (share of the training rows), ``median`` (of a number, else None), ``note``.
    """

    def __init__(self, rows):
        self.rows = [dict(zip(HEADINGS, row, strict=True)) for row in rows]

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def to_dict(self):
        """Return a dict of lists, one a heading: what pandas and polars make a frame of."""
        return {heading: [row[heading] for row in self.rows] for heading in HEADINGS}

    def __repr__(self):
        lines = [HEADINGS, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if 3 <= place <= 5 else cell.ljust(width)
                for place, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self):
        head = "".join(f"<th>{heading}</th>" for heading in HEADINGS)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in line)}</tr>" for line in self._cells())
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    def _cells(self):
        for row in self.rows:
            name, kind, becomes, levels, missing, median, note = row.values()
            yield [
                " ".join(str(name).split())[:40], kind, becomes, "" if levels is None else f"{levels:,}",
                f"{missing:.1%}" if missing else "", "" if median is None else f"{median:.6g}", note,
            ]  # fmt: skip
