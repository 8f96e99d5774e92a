"""A bar for a run of training: updates made and to come, loss, validation score, the time left. It is tqdm's.

A face makes and opens it; ``training.listeners`` tells it of each call of the backend, and asks it how many updates
the next call may make, so that it moves some ten times a second whatever an update or a pass takes. tqdm is imported
here alone, and only when a bar is made.
"""

from fastnn.checks import optional
from fastnn.pace import Pace

#: Seconds between two moves, about.
INTERVAL = 0.1

#: What it shows beside the loss, of what is measured at reports.
SHOWN = ("val_loss", "val_accuracy", "val_score")


class Bar:
    """A progress bar, open inside of a ``with`` statement.

    Parameters
    ----------
    n_updates : int
        The updates of the run.
    unit : str, default "update"

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """

    def __init__(self, n_updates, unit="update"):
        with optional("progress=True", "tqdm", "tqdm", extra="progress"):
            from tqdm.auto import tqdm
        self._make, self._n_updates, self._unit = tqdm, n_updates, unit

    def __enter__(self):
        self._bar = self._make(total=self._n_updates, unit=self._unit)
        self._pace, self._n_done, self._measured = Pace(INTERVAL, self._n_updates), 0, None
        return self

    def __exit__(self, *raised):
        self._show()
        self._bar.close()

    @property
    def stride(self):
        """Updates that the next call of the backend may make."""
        return self._pace.stride

    def write(self, line):
        """Print a line, and make room for it where the bar is on the same terminal."""
        self._bar.write(line)

    def move(self, n_done, loss, history):
        """Count `n_done` more updates; show them, ``loss()`` and the last validation when it is time."""
        self._n_done += n_done
        self._measured = loss, history
        if self._pace.is_time(n_done):
            self._show()

    def skip(self, n_done):
        """Count updates that were made before."""
        self._n_done += n_done

    def _show(self):
        if self._measured is not None:
            loss, history = self._measured
            values = {"loss": loss()} | {name: history[name][-1] for name in SHOWN if history.get(name)}
            self._bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()}, refresh=False)
        self._bar.update(self._n_done)
        self._n_done = 0
