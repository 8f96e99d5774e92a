"""Who keeps checkpoints of a run: takes all that it goes on from, now and then, and has it written meanwhile.

A face says what its runs are of, what it has itself to keep, and puts what was found back in place. Everything else is
here: when, the state of the other listeners, the thread that writes.
"""

import sys
import threading
from time import perf_counter

from fastnn.export.checkpoints import Folder, flattened
from fastnn.identity import check_is_same
from fastnn.pace import Pace
from fastnn.training.listeners import Listener

#: Seconds between two checkpoints, where nobody says after how many updates; and between two looks at the clock.
INTERVAL, LOOK = 10.0, 0.1


class Checkpoints(Listener):
    """Keeps checkpoints; the last of the listeners. A context, which has the folder while it is open.

    Parameters
    ----------
    path : str or os.PathLike
    every : int or None
        Passes of the estimators, else updates; None: about as many as ten seconds take.
    identity : dict of str to str
        What the training is of.
    name, most, may_grow : str, int, bool
        What says the number of updates (or passes), which may become larger or may not.

    Attributes
    ----------
    found : dict or None
        What is gone on from.
    """

    reads_solver = True

    def __init__(self, path, every, identity, name, most, may_grow):
        self.path, self.given, self.identity = path, every, identity
        self.name, self.most, self.may_grow = name, most, may_grow
        self.found, self.goes_further = None, False

    def __enter__(self):
        self.folder = Folder(self.path)
        try:
            self.found = self.folder.newest()
            if self.found is not None:
                check_is_same(self.found["identity"], self.identity, self.folder.name)
                self._check_length(self.found["most"])
        except BaseException:
            self.folder.close()
            raise
        self.writer = Writer(self.folder)
        return self

    def __exit__(self, *raised):
        try:
            self.writer.wait()
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

    def listen(self, listeners, snapshot, unit, report_every, n_made):
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
        """
        self.listeners, self.snapshot, self.unit = listeners[:], snapshot, unit
        self.every = None if self.given is None else unit * self.given
        self.pace, self.since = Pace(LOOK, sys.maxsize // (2 * unit)), perf_counter()
        if self.found is not None:
            for listener in listeners:
                listener.resume(self.found["listeners"].get(type(listener).__name__), n_made)
                if self.goes_further:  # a report that is made at the end of a run alone
                    listener.forget(self.found["n_done"] // report_every * report_every)
        listeners.append(self)

    def next_stop(self, n_done):
        every = self.unit * self.pace.stride if self.every is None else self.every
        first = n_done - n_done % self.unit if self.every is None else n_done - n_done % every
        return first + every

    def is_due(self, moment):
        if moment.is_last or moment.wants_to_end:
            return True
        if self.every is not None:
            return moment.n_done % self.every == 0
        self.pace.is_time(moment.n_new)
        return moment.n_done % self.unit == 0 and perf_counter() - self.since >= INTERVAL

    def hear(self, moment):
        ended = moment.is_last or moment.wants_to_end
        content = {
            "identity": self.identity,
            "most": self.most,
            "n_done": moment.n_done,
            "ended": ended,
            "wanted_to_end": moment.wants_to_end,
            "listeners": {type(one).__name__: kept for one in self.listeners if (kept := one.to_save()) is not None},
            **self.snapshot(moment),
        }
        self.writer.put(moment.n_done, flattened(content))
        if ended:
            self.writer.wait()
            self.writer.check()
        self.since = perf_counter()
        return False


class Writer:
    """Writes in a thread of its own; where several wait, the newest alone.

    Parameters
    ----------
    folder : Folder
    """

    def __init__(self, folder):
        self.folder, self.waiting, self.thread, self.error = folder, None, None, None
        self.lock = threading.Lock()

    def put(self, *checkpoint):
        """Have a checkpoint written; raise what went wrong with the one before."""
        self.check()
        with self.lock:
            self.waiting = checkpoint
            if self.thread is None:
                self.thread = threading.Thread(target=self._work, name="fastnn-checkpoints")
                self.thread.start()

    def _work(self):
        while True:
            with self.lock:
                checkpoint, self.waiting = self.waiting, None
                if checkpoint is None:
                    self.thread = None
                    return
            try:
                self.folder.write(*checkpoint)
            except BaseException as error:  # of a thread, which nobody would see
                self.error = error

    def wait(self):
        """Come back when nothing is being written."""
        thread = self.thread
        if thread is not None:
            thread.join()

    def check(self):
        """Raise what went wrong."""
        error, self.error = self.error, None
        if error is not None:
            raise error
