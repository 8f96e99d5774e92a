"""Who keeps checkpoints of a run: takes all that it goes on from, now and then, and has it written meanwhile.

A face says what its runs are of, what it has itself to keep, and puts what was found back in place. Everything else is
here: when, the state of the other listeners, the thread that writes.
"""

import sys
import threading
from contextlib import contextmanager
from functools import cache
from time import perf_counter, thread_time

import numpy as np

from fastnn.export.checkpoints import Folder, flattened
from fastnn.identity import check_is_same
from fastnn.pace import Pace
from fastnn.portable import ModelFormatError
from fastnn.training.listeners import Listener

#: Seconds between two checkpoints, where nobody says after how many updates; and between two looks at the clock.
INTERVAL, LOOK = 10.0, 0.1

#: Of the time that may go to checkpoints; where passes are so short that it would be more, some are left out.
SHARE = 0.01


@contextmanager
def told_as_damaged():
    """Say of a checkpoint that entries are missing or are none of its kind, whatever came of that; decorates, too."""
    try:
        yield
    except ModelFormatError:
        raise
    except (AttributeError, IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
        raise ModelFormatError(f"the checkpoint is damaged: {type(error).__name__}: {error}") from error


def put(name, found, place):
    """Put an array of a checkpoint in place, if it is one like it."""
    if found.shape != place.shape or found.dtype != place.dtype:
        raise ModelFormatError(
            f"{name} of the checkpoint are {found.dtype} of shape {found.shape}, not {place.dtype} of {place.shape}: "
            "it is damaged"
        )
    place[:] = found


def check_rows(name, rows, n_rows, n_samples):
    """Refuse numbers of rows that a checkpoint has, unless there are so many such rows: who uses them does not look."""
    if rows is None:
        return
    is_array = isinstance(rows, np.ndarray) and rows.dtype == np.intp and rows.ndim == 1
    if (
        not is_array
        or (n_rows is not None and len(rows) != n_rows)
        or (len(rows) and not (rows.min() >= 0 and rows.max() < n_samples))
    ):
        raise ModelFormatError(f"{name} of a checkpoint are no rows of {n_samples}: it is damaged")


class Checkpoints(Listener):
    """Keeps checkpoints; the last of the listeners. A context, which has the folder while it is open.

    Parameters
    ----------
    path : str or os.PathLike
    every : int or None
        Passes of the estimators, else updates; None: about as many as ten seconds take.
    identity_of : callable
        Returns what the training is of, as a dict of words. It takes a while where there are many rows; where nothing
        is there to be compared with, the thread that writes asks for it.
    name, most, may_grow : str, int, bool
        What says the number of updates (or passes), which may become larger or may not.

    Attributes
    ----------
    found : dict or None
        What is gone on from.
    """

    reads_solver = True

    def __init__(self, path, every, identity_of, name, most, may_grow):
        self.path, self.given, self.identity_of = path, every, cache(identity_of)
        self.name, self.most, self.may_grow = name, most, may_grow
        self.found, self.goes_further = None, False

    def __enter__(self):
        self.folder = Folder(self.path)
        try:
            self.found = self.folder.newest()
            if self.found is not None:
                with told_as_damaged():
                    before, most = self.found["identity"], self.found["most"]
                check_is_same(before, self.identity_of(), self.folder.name)
                self._check_length(most)
        except BaseException:
            self.folder.close()
            raise
        self.writer = Writer(self._write)
        return self

    def __exit__(self, *raised):
        try:
            self.writer.close()
        finally:
            self.folder.close()
        if raised[0] is None:
            self.writer.check()

    def _check_length(self, before):
        if self.most < before or (self.most > before and not self.may_grow):
            why = "fewer" if self.most < before else "more, and the learning rate is planned for all of them"
            raise ValueError(
                f"the checkpoints in {self.folder.name!r} are of a training with {self.name}={before}, but now it is "
                f"{self.most}: {why}; go on with what it was, or use another folder"
            )
        found = self.found
        self.goes_further = self.most > before and found["ended"] and not found["wanted_to_end"]

    @property
    def has_ended(self):
        """Whether what was found is a run that had come to its end."""
        return self.found is not None and self.found["ended"] and not self.goes_further

    def listen(self, listeners, snapshot, unit, report_every, n_made, n_end):
        """Take a place behind these listeners, and have them go on from where they were.

        Parameters
        ----------
        listeners : list of Listener
        snapshot : callable
            What else there is to keep, of a `Moment`.
        unit : int
            Updates between places where it can be taken.
        report_every : int
        n_made : int
            Updates made by what was found.
        n_end : int
            Updates after which the run ends, if nobody wants it to end before.
        """
        self.report_every, self.n_end = report_every, n_end
        self.listeners, self.snapshot, self.unit = listeners[:], snapshot, unit
        self.every = None if self.given is None else unit * self.given
        self.pace, self.since, self.rests_until = Pace(LOOK, sys.maxsize // (2 * unit)), perf_counter(), 0.0
        if self.found is not None:
            with told_as_damaged():
                self._resume(listeners, report_every, n_made)
        listeners.append(self)

    def _resume(self, listeners, report_every, n_made):
        for listener in listeners:
            listener.resume(self.found["listeners"].get(type(listener).__name__), n_made)
            if self.goes_further:  # a report that is made at the end of a run alone
                listener.forget(self.found["n_done"] // report_every * report_every)

    def next_stop(self, n_done):
        every = self.unit * self.pace.stride if self.every is None else self.every
        first = n_done - n_done % self.unit if self.every is None else n_done - n_done % every
        return first + every

    def is_due(self, moment):
        if moment.is_last or moment.wants_to_end:
            return True
        if self.every is not None:
            return moment.n_done % self.every == 0 and perf_counter() >= self.rests_until
        self.pace.is_time(moment.n_new)
        return moment.n_done % self.unit == 0 and perf_counter() - self.since >= INTERVAL

    def hear(self, moment):
        ended, began = moment.is_last or moment.wants_to_end, perf_counter()
        is_extra = moment.n_done == self.n_end and moment.n_done % self.report_every != 0  # no report of a longer run
        content = {
            "most": self.most,
            "n_done": moment.n_done,
            "ended": ended,
            "wanted_to_end": moment.has_converged or (moment.wants_to_end and not is_extra),
            "listeners": {type(one).__name__: kept for one in self.listeners if (kept := one.to_save()) is not None},
            **self.snapshot(moment),
        }
        self.writer.put((moment.n_done, *flattened(content)))
        if ended:
            self.writer.wait()
            self.writer.check()
        self.since = perf_counter()
        self.rests_until = self.since + (self.since - began + self.writer.seconds) / SHARE
        return False

    def _write(self, checkpoint):
        """In the thread of the writer."""
        number, content, arrays = checkpoint
        self.folder.write(number, self.identity_of(), content, arrays)


class Writer:
    """Writes in a thread of its own; where several wait, the newest alone.

    Parameters
    ----------
    write : callable
        Of what is put.

    Attributes
    ----------
    seconds : float
        Of the CPU, that the last one took.
    """

    def __init__(self, write):
        self.write, self.waiting, self.thread, self.error = write, None, None, None
        self.is_busy, self.is_over, self.seconds = False, False, 0.0
        self.changed = threading.Condition()

    def put(self, checkpoint):
        """Have a checkpoint written; raise what went wrong with the one before."""
        self.check()
        with self.changed:
            self.waiting = checkpoint
            self.changed.notify_all()
        if self.thread is None:
            self.thread = threading.Thread(target=self._work, name="fastnn-checkpoints")
            self.thread.start()

    def _work(self):
        while True:
            with self.changed:
                self.is_busy = False
                self.changed.notify_all()
                self.changed.wait_for(lambda: self.waiting is not None or self.is_over)
                checkpoint, self.waiting, self.is_busy = self.waiting, None, True
            if checkpoint is None:
                return
            began = thread_time()
            try:
                self.write(checkpoint)
            except BaseException as error:  # of a thread, which nobody would see
                self.error = error
            self.seconds = thread_time() - began

    def wait(self):
        """Come back when nothing is to be written any more."""
        with self.changed:
            self.changed.wait_for(lambda: self.waiting is None and not self.is_busy)

    def close(self):
        """Write what waits, and end the thread."""
        with self.changed:
            self.is_over = True
            self.changed.notify_all()
        if self.thread is not None:
            self.thread.join()

    def check(self):
        """Raise what went wrong."""
        error, self.error = self.error, None
        if error is not None:
            raise error
