"""The process that a library has to itself: ``python -m bench.peers.worker MODULE CORE,CORE``.

It reads one command a line from standard input and writes one answer a line to standard output, both JSON: prepare a
problem, run a way of it once, write its numbers to a file, measure the chip's peak. An answer with "error" says what
went wrong; the worker goes on. `process` is the other end.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import sys
import traceback
from importlib.metadata import version
from time import perf_counter

import numpy as np

from bench.peers import cases
from bench.peers.interface import CannotExpress

#: Multiply-adds of one measurement of the peak, and how often it is made.
PEAK_LENGTH, PEAK_TIMES = 2_000_000, 5


class Worker:
    """The commands, one method each, with the fields of the command as arguments.

    Parameters
    ----------
    module : module
        The peer.
    """

    def __init__(self, module):
        self.module = module
        self.ways = {}

    def versions(self):
        """Return the library's packages and their versions."""
        return {"versions": {package: version(package) for package in self.module.PACKAGES}}

    def prepare(self, path, description):
        """Read a problem and set up every way of it; return name -> None, or why not."""
        self.ways.clear()
        gc.collect()
        problem = cases.load(path, description)
        makers = self.module.TRAINERS if problem.case.loss else self.module.PREDICTORS
        reasons = {}
        for name, make in makers.items():
            try:
                way = make(problem)
            except CannotExpress as reason:
                reasons[name] = str(reason)
                continue
            if way is not None:
                self.ways[name], reasons[name] = way, None
        return {"ways": reasons}

    def run(self, way, calls):
        """Time a way; return the seconds of one of its `calls`."""
        way = self.ways[way]
        way.reset()
        start = perf_counter()
        for _ in range(calls):
            way.run()
        return {"seconds": (perf_counter() - start) / calls}

    def numbers(self, way, path):
        """Write what the last run of a way computed."""
        np.save(path, self.ways[way].numbers())
        return {}

    def peak(self, dtype):
        """Return the floating point operations a second of independent multiply-adds, by the engine's own yardstick."""
        multiply_adds = importlib.import_module("fastnn.simd").multiply_adds
        peaks = []
        for _ in range(PEAK_TIMES):
            start = perf_counter()
            operations = multiply_adds(dtype, PEAK_LENGTH)
            peaks.append(operations / (perf_counter() - start))
        return {"peak": max(peaks)}


def main(module, cores):
    """Answer commands until standard input ends."""
    if sys.platform == "linux":  # end with the driver: who is halted does not see that it is gone
        set_death_signal = 1
        ctypes.CDLL(None).prctl(set_death_signal, signal.SIGKILL)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, set(map(int, cores.split(","))))
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not be taken for an answer
    worker = None
    for line in sys.stdin:
        command = json.loads(line)
        try:
            if worker is None:
                worker = Worker(importlib.import_module(module))
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:
            traceback.print_exc()
            first_line = str(error).partition("\n")[0]
            answer = {"error": f"{type(error).__name__}: {first_line}", "absent": isinstance(error, ImportError)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
