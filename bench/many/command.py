"""``python -m bench --many``: its tables one after the other, each a module of its own."""

import importlib
import json
import re

from bench.machine import describe

#: Modules with ``measure(is_quick)``, which returns what JSON can hold, and ``print_table(found)``.
TABLES = ("networks", "members", "grid", "pieces", "workers")


def main(options):
    """Measure, print and write; with ``--cases`` the tables whose name it fits."""
    machine = describe()
    print(f"CPU: {machine['cpu']}, {' '.join(machine['features'])}")
    report = {"machine": machine}
    for name in filter(re.compile(options.cases or "").search, TABLES):
        table = importlib.import_module(f"bench.many.{name}")
        report[name] = table.measure(options.quick)
        table.print_table(report[name])
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "many.json"
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nWritten: {path}")
