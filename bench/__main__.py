"""Measure all cases, print the table, write JSON and a chart; exit with 1 if two ways disagree."""

import argparse
import importlib
import os
import sys
from pathlib import Path

os.environ.pop("OPENBLAS_CORETYPE", None)  # it slows NumPy, and is read when NumPy is imported

from bench import cases, report, timing
from bench.machine import describe
from bench.progress import watched
from bench.tables.command import ALL, add_options

#: Option -> the module that is run instead.
OTHERS = {
    "peers": "bench.peers.command",
    "scaling": "bench.scaling",
    "estimators": "bench.estimators",
    "shapes": "bench.shapes.command",
    "features": "bench.features",
    "manners": "bench.manners",
    "export": "bench.export",
    "many": "bench.many.command",
    "tables": "bench.tables.command",
    "chart": "bench.published.charts",
}


def main():
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="3 rounds instead of 9: under 30 seconds")
    parser.add_argument("--output", type=Path, default=Path("bench/results"), help="folder for JSON and chart")
    parser.add_argument("--progress", action="store_true", help="show a bar over the cases")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--peers", action="store_true", help="fastnn against other libraries, a process each")
    what.add_argument("--scaling", action="store_true", help="fastnn by batch size, width and number of threads")
    what.add_argument("--estimators", action="store_true", help="fastnn's estimators against scikit-learn's")
    what.add_argument("--shapes", action="store_true", help="fastnn's estimators against others by shape")
    what.add_argument("--features", action="store_true", help="what each rule, activation and schedule costs")
    what.add_argument("--manners", action="store_true", help="Ctrl-C, and two models side by side")
    what.add_argument("--export", action="store_true", help="rows by C and ONNX Runtime, files, checkpoints")
    what.add_argument("--many", action="store_true", help="many networks, data beyond memory, several workers")
    what.add_argument(
        "--tables", nargs="?", const=ALL, metavar="NAME,NAME", help="answers on real tables against trees'"
    )
    what.add_argument("--chart", action="store_true", help="docs/performance/overview.svg anew from its peers.txt")
    parser.add_argument("--cases", metavar="REGEX", help="with --peers, --shapes, --many: the cases whose name it fits")
    parser.add_argument("--only", metavar="NAME,NAME", help="with --peers: these libraries, such as fastnn,numba")
    parser.add_argument("--threads", metavar="N,N", help="with --peers: threads of each library; 1,2 by default")
    add_options(parser)
    options = parser.parse_args()
    if (options.only or options.threads) and not options.peers:
        parser.error("--only and --threads go with --peers")
    if options.cases and not (options.peers or options.shapes or options.many):
        parser.error("--cases goes with --peers, --shapes and --many")
    for name, module in OTHERS.items():
        if getattr(options, name):
            importlib.import_module(module).main(options)
            return
    n_rounds = 3 if options.quick else 9

    machine = describe()
    report.print_header(machine, n_rounds)
    rows, disagreements = [], []
    for case in watched(cases.all_cases(), options.progress):
        found = case.disagreement()
        case_rows = report.rows_of(case, timing.measure(case.ways, n_rounds))
        report.print_rows(case_rows)
        if found is not None:
            way, error = found
            disagreements.append(f"{case.name}, {case.dtype}: {way} differs by {error:.3g}")
            print(f"  WRONG NUMBERS: {disagreements[-1]}")
        rows += case_rows

    options.output.mkdir(parents=True, exist_ok=True)
    report.write_json(options.output / "bench.json", machine, n_rounds, rows, disagreements)
    report.write_chart(options.output / "bench.svg", machine, rows)
    print(f"\nWritten: {options.output / 'bench.json'}, {options.output / 'bench.svg'}")
    if disagreements:
        sys.exit("The ways do not agree:\n" + "\n".join(disagreements))
    print("All ways finished with the same numbers.")


if __name__ == "__main__":
    main()
