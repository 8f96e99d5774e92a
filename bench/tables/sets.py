"""The sets of tables, by name."""

from bench.tables.data import QUICK
from bench.tables.forty import FORTY
from bench.tables.held_back import HELD_BACK

#: Name of a set -> (its tables, how reports call it).
SETS = {"forty": (FORTY, "the forty tables"), "held_back": (HELD_BACK, "tables held back"), "quick": (QUICK, "a trial")}
BY_NAME = {table.name: table for tables, _ in SETS.values() for table in tables}
