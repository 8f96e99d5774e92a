"""Threads that each train one network after another, and the caller's, which waits for them.

Called by ``fitting``. What is trained, and what becomes of what was not finished, is left to it.
"""

import ctypes
import os
import sys
import threading
import time
from collections import deque
from contextlib import nullcontext
from contextvars import copy_context

import numpy as np

from fastnn import _engine
from fastnn.warned import kept_in

#: Seconds between two looks of the thread that waits.
INTERVAL = 0.1


def n_cpus():
    """How many networks may be trained at a time: as many as OpenMP's settings and the process's CPUs allow.

    In a thread of a crew one: the others are in use.
    """
    if hasattr(threading.current_thread(), "of_crew"):
        return 1
    has_openmp, is_forked, n_threads = _engine.threads()
    if has_openmp and not is_forked:
        return n_threads
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Crew:
    """Calls of a function of a number, side by side.

    Parameters
    ----------
    fit : callable
        Gets the number of a model, and returns what came of it.
    order : sequence of int
        In which they begin.
    n_threads : int
    ends_at_error : bool
        Whether none begins any more once one has raised an exception.
    minds_time : callable
        Of a number: whether it ends by itself when the time is up.

    Attributes
    ----------
    results, errors : dict
        Number -> what was returned, or raised.
    warnings : dict
        Number -> list as of ``warned.kept_in``.
    is_late : bool
        Whether the time was up before all were done.
    ended_early : set
        Numbers of those that were then stopped by an exception, whose result is theirs.
    """

    def __init__(self, fit, order, n_threads, ends_at_error, minds_time):
        self._fit, self._left, self._done = fit, deque(order), deque()
        self._ends_at_error, self._minds_time = ends_at_error, minds_time
        self.results, self.errors, self.warnings = {}, {}, {}
        self.is_late = self._is_cancelled = False
        self.ended_early, self._n_ended, self._lock = set(), 0, threading.Lock()
        self._late, self._cancelled, self._news = _engine.Stop(), _engine.Stop(), threading.Event()
        n_threads = min(n_threads, len(self._left))
        self._threads = [
            threading.Thread(target=copy_context().run, args=(self._work, _settings()), daemon=True)
            for _ in range(n_threads)
        ]
        for thread in self._threads:
            thread.of_crew = True

    def run(self, ends_at=None, hear=lambda number: None):
        """Have all of them done; return early with `is_late` after the time `ends_at` of ``time.monotonic``.

        Calls `hear` in this thread for each that is done. An exception here, a Ctrl-C above all, stops those that are
        under way, and comes through once they have ended.
        """
        try:
            for thread in self._threads:
                thread.start()
            while True:
                is_over = self._n_ended == len(self._threads)
                while self._done:
                    hear(self._done.popleft())
                if is_over:
                    for thread in self._threads:
                        thread.join()
                    return
                if ends_at is not None and not self.is_late and time.monotonic() >= ends_at:
                    self.is_late = True
                    self._left.clear()
                    self._late.set()
                wait = INTERVAL if ends_at is None or self.is_late else min(INTERVAL, ends_at - time.monotonic())
                self._news.wait(max(wait, 0.0))
                self._news.clear()
        except BaseException:
            self._cancel()
            raise

    def _cancel(self):
        """End what is under way, whatever it does; wait for it, unless a second exception comes."""
        self._is_cancelled = True
        self._left.clear()
        for stop in (self._late, self._cancelled):
            stop.set()
        for thread in self._threads:
            if thread.is_alive():  # the engine asks; Python's own code does not
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(thread.ident), ctypes.py_object(KeyboardInterrupt)
                )
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self, settings):
        errors, settings = settings
        try:
            with np.errstate(**errors), settings:
                while self._left and not self._is_cancelled:
                    self._do(self._left.popleft())
        except (IndexError, KeyboardInterrupt):  # another was quicker; or this one is cancelled
            pass
        finally:
            with self._lock:
                self._n_ended += 1
            self._news.set()

    def _do(self, number):
        kept = self.warnings[number] = []
        result = raised = None
        try:
            (self._cancelled if self._minds_time(number) else self._late).watch()
            with kept_in(kept):
                result = self._fit(number)
        except BaseException as error:
            raised = error
            if self.is_late and isinstance(error, KeyboardInterrupt):
                raised, result = None, getattr(error, "result", None)
                self.ended_early |= {number} if result is not None else set()
        if self._is_cancelled or (raised is result is None):
            return
        if raised is None:
            self.results[number] = result
        else:
            self.errors[number] = raised
            if self._ends_at_error:
                self._left.clear()
        self._done.append(number)


def _settings():
    """NumPy's settings of the calling thread, and a context of scikit-learn's, which others do not see."""
    sklearn = sys.modules.get("sklearn")
    return np.geterr(), nullcontext() if sklearn is None else sklearn.config_context(**sklearn.get_config())
