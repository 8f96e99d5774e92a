"""The run: every library's processes get the same problem, then they take turns, round after round, on the same cores.

A slow moment of the machine so falls on all alike. What a way computed is compared with `reference` after a short run
and again after its last timed one.
"""

import math
import statistics
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.peers import data
from bench.peers.process import AbsentError, Process, WorkerError
from bench.peers.reference import Reference

#: Seconds that the calls of one round of a prediction should take.
ROUND = 0.05


@dataclass
class Outcome:
    """What one way did in one case.

    Attributes
    ----------
    library, way : str
    threads : int
        Of the library; its process has as many cores.
    process : Process
    reason : str or None
        Why it has no times: the library cannot express the case, or failed.
    calls : int
        Calls of one timed round.
    seconds : list of float
        Seconds of one unit of the case, one entry a round.
    error, tolerance : float
        Relative, of the worst comparison.
    """

    library: str
    way: str
    threads: int
    process: Process
    reason: str | None = None
    failed: bool = False
    calls: int = 1
    seconds: list[float] = field(default_factory=list)
    error: float = 0.0
    tolerance: float = math.inf

    @property
    def wrong(self):
        """Whether its numbers are not the right ones."""
        return not self.error <= self.tolerance


@dataclass
class Result:
    """One case at one dtype: its outcomes, and the seconds of a unit at the chip's peak (None: not known)."""

    case: object
    dtype: str
    outcomes: list[Outcome]
    floor: float | None


def start(peers, threads, stack):
    """Start a process for each library and number of threads; return those that run, and why others do not.

    Parameters
    ----------
    peers : dict
        Name -> module.
    threads : iterable of int
    stack : ExitStack
        Stops the processes.
    """
    processes, skipped = {}, {}
    for name, n_threads in product(peers, threads):
        if name in skipped:
            continue
        try:
            processes[name, n_threads] = stack.enter_context(Process(peers[name], n_threads))
        except AbsentError as reason:
            skipped[name] = f"not installed ({reason})"
        except WorkerError as reason:
            skipped[name] = f"does not start ({reason})"
    return processes, skipped


def measure_all(pairs, peers, n_rounds, found, threads=(1,), short=True):
    """Measure pairs of a case and a dtype.

    Parameters
    ----------
    pairs : iterable of tuple (Case, str)
    peers : dict
        Name -> module.
    n_rounds : int
    found : object
        Told of what is found when it is: ``started(versions, skipped)`` with the versions of packages and why a
        library was left out, then ``add(result)`` for each case and dtype.
    threads : iterable of int, default (1,)
        Numbers of threads that each library is tried with.
    short : bool, default True
        Whether a run of few updates is compared too, more tightly; most compilers compile again for it.
    """
    with ExitStack() as stack:
        processes, skipped = start(peers, threads, stack)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        versions = {package: v for process in processes.values() for package, v in process.versions.items()}
        found.started(versions, skipped)
        for case, dtype in pairs:
            found.add(measure(case, dtype, processes, n_rounds, folder, short))


def measure(case, dtype, processes, n_rounds, folder, short):
    """Return the `Result` of a case at a dtype."""
    problem = data.problem(case, dtype)
    path, outcomes = folder / "problem.npz", []
    if case.loss and short:
        few = problem.short()
        outcomes = prepare(few, processes, path)
        compare(Reference(few, "short"), outcomes, folder, run=True)
    outcomes = prepare(problem, processes, path, before=outcomes)
    path.unlink()
    for outcome in outcomes:
        attempt(outcome, calibrate, case)
    peaks = []
    for _ in range(n_rounds):
        for outcome in outcomes:
            attempt(outcome, time_once, case)
        if ("fastnn", 1) in processes:
            peaks.append(processes["fastnn", 1].ask("peak", dtype=dtype)["peak"])
    compare(Reference(problem, "timed" if case.loss else "predict"), outcomes, folder)
    floor = case.flops / case.units / max(peaks) if peaks else None
    return Result(case, dtype, outcomes, floor)


def prepare(problem, processes, path, before=()):
    """Hand a problem to every process; return an outcome a way, or those of `before` with its failures marked."""
    problem.save(path)
    outcomes = {(outcome.way, outcome.threads): outcome for outcome in before}
    for (library, n_threads), process in processes.items():
        try:
            ways = process.ask("prepare", path=str(path), description=problem.description)["ways"]
        except WorkerError as reason:
            ways = {library: str(reason)}
            outcomes[library, n_threads] = Outcome(library, library, n_threads, process, failed=True)
        for way, reason in ways.items():
            outcome = outcomes.setdefault((way, n_threads), Outcome(library, way, n_threads, process))
            outcome.reason = outcome.reason or reason
    return list(outcomes.values())


def attempt(outcome, action, *arguments):
    """Do something with an outcome that still goes on; a failure ends it."""
    if outcome.reason is None:
        try:
            action(outcome, *arguments)
        except WorkerError as reason:
            outcome.reason, outcome.failed = str(reason), True


def time_once(outcome, case):
    """Add the time of a round."""
    outcome.seconds.append(outcome.process.ask("run", way=outcome.way, calls=outcome.calls)["seconds"] / case.units)


def calibrate(outcome, case):
    """Run once to warm up; for a prediction choose how many calls fill a round."""
    outcome.process.ask("run", way=outcome.way, calls=1)
    if not case.loss:
        seconds = statistics.median(outcome.process.ask("run", way=outcome.way, calls=1)["seconds"] for _ in range(3))
        outcome.calls = max(1, math.ceil(ROUND / seconds))


def compare(reference, outcomes, folder, run=False):
    """Compare what the last run computed, or a run made now, with what it should be; keep the worse finding."""

    def check(outcome):
        if run:
            outcome.process.ask("run", way=outcome.way, calls=1)
        path = folder / "numbers.npy"
        outcome.process.ask("numbers", way=outcome.way, path=str(path))
        error = reference.error_of_file(path)
        if not outcome.wrong:
            outcome.error, outcome.tolerance = error, reference.tolerance

    for outcome in outcomes:
        attempt(outcome, check)
