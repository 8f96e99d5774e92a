"""What ``python -m bench --peers`` does: choose cases and libraries, run, print, write, and say whether it passed."""

import os
import re
import sys

from bench.machine import describe
from bench.peers import PEERS, run
from bench.peers.cases import CASES
from bench.peers.overview import write_charts
from bench.peers.report import Report
from bench.progress import watched

#: Rounds of a full and of a quick run.
ROUNDS, QUICK_ROUNDS = 7, 3


def thread_counts(asked):
    """Return the numbers of threads of ``--threads``; by default one, and two where there are as many cores."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    if asked is None:
        return [1, 2] if cores > 1 else [1]
    try:
        counts = sorted({int(n) for n in asked.split(",")})
    except ValueError:
        counts = [0]
    if not 1 <= counts[0] <= counts[-1] <= cores:
        sys.exit(f"--threads takes numbers from 1 to {cores}, such as 1,{cores}; got {asked!r}")
    return counts


def main(options):
    """Run the benchmark against peers; exit with 1 if one computes wrong numbers or breaks down.

    Parameters
    ----------
    options : argparse.Namespace
        quick, progress, output, cases (a regular expression or None), only (names separated by commas, or None),
        threads (numbers separated by commas, or None).
    """
    names = options.only.split(",") if options.only else list(PEERS)
    if unknown := set(names) - set(PEERS):
        sys.exit(f"--only takes names of {', '.join(PEERS)}; got {', '.join(sorted(unknown))}")
    cases = [case for case in CASES if re.search(options.cases or "", case.title)]
    if not cases:
        sys.exit(f"--cases {options.cases!r} fits none of:\n" + "\n".join(case.title for case in CASES))
    threads = thread_counts(options.threads)
    if options.quick:
        cases = [case.quick() for case in cases]

    n_rounds = QUICK_ROUNDS if options.quick else ROUNDS
    report = Report(describe(), n_rounds)
    pairs = watched([(case, dtype) for case in cases for dtype in case.dtypes], options.progress)
    run.measure_all(pairs, {name: PEERS[name] for name in names}, n_rounds, report, threads, not options.quick)
    report.print_summary()
    paths = [report.write(options.output), *write_charts(options.output, report.machine, report.rows)]
    print("\nWritten: " + ", ".join(map(str, paths)))
    if report.complaints:
        sys.exit("\n".join(report.complaints))
    print("All libraries finished with the same numbers.")
