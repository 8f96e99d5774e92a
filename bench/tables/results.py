"""What has been measured: a line of JSON a result, so that a run goes on where the last one ended."""

import json
from dataclasses import dataclass, field
from pathlib import Path

#: What a result is of. One with the same key is not measured again, unless its times were shared and count now.
KEY = ("table", "data", "split", "max_rows", "method", "label", "digest", "cpu")


@dataclass
class Results:
    """A file of results, the newest of each key.

    Attributes
    ----------
    path : Path
    rows : dict of tuple to dict
        By the values of KEY, in the order in which they were measured.
    """

    path: Path
    rows: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.path.exists():
            for number, line in enumerate(self.path.read_text().splitlines(), 1):
                try:
                    self._take(json.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise SystemExit(f"{self.path}, line {number} is no result ({error!r}): remove the line") from None

    def _take(self, row):
        key = tuple(row[name] for name in KEY)
        self.rows.pop(key, None)
        self.rows[key] = row

    def has(self, wanted, is_alone):
        """Return whether there is such a result, with times that count if `is_alone`."""
        row = self.rows.get(tuple(wanted[name] for name in KEY))
        return row is not None and (row["alone"] or not is_alone)

    def add(self, row):
        """Keep a result, in the file too."""
        self._take(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def newest(self, tables, max_rows, methods=None, splits=None):
        """Return method -> table -> split -> the newest result; methods with a label are called NAME@LABEL.

        Parameters
        ----------
        tables : dict
            Name -> digest of what is read and asked.
        max_rows : int
        methods : iterable of str, optional
            Without their labels; all by default.
        splits : iterable of int, optional
        """
        found = {}
        for row in self.rows.values():
            is_wanted = tables.get(row["table"]) == row["data"] and row["max_rows"] == max_rows
            is_wanted = is_wanted and (methods is None or row["method"] in methods)
            if is_wanted and (splits is None or row["split"] in splits):
                name = "@".join(filter(None, (row["method"], row["label"])))
                found.setdefault(name, {}).setdefault(row["table"], {})[row["split"]] = row
        return found
