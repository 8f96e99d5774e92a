"""A bar for a run of training: updates made and to come, loss, validation score, the time left. It is tqdm's.

``train`` makes and opens it; ``training.listeners`` tells it of each call of the backend, and asks it how many updates
the next call may make, so that it moves some ten times a second whatever an update or a pass takes. tqdm is imported
here alone, and only when a bar is made.
"""

from time import perf_counter

from fastnn.checks import optional

#: Seconds between two moves, about.
INTERVAL = 0.1


class Bar:
    """A progress bar, open inside of a ``with`` statement.

    Parameters
    ----------
    n_updates : int
        The updates of the run.

    Raises
    ------
    ImportError
        If tqdm is not installed.
    """

    def __init__(self, n_updates):
        with optional("progress=True", "tqdm", "tqdm", extra="progress"):
            from tqdm.auto import tqdm
        self._make, self._n_updates = tqdm, n_updates
        #: Updates that the next call of the backend may make.
        self.stride = 1

    def __enter__(self):
        self._bar = self._make(total=self._n_updates, unit="update")
        self._moved, self._n_done, self._values = perf_counter(), 0, {}
        return self

    def __exit__(self, *raised):
        self._show()
        self._bar.close()

    def write(self, line):
        """Print a line, and make room for it where the bar is on the same terminal."""
        self._bar.write(line)

    def move(self, n_done, loss, history):
        """Count `n_done` more updates; show them, the loss of the last one and the last validation when it is time."""
        self._n_done += n_done
        self._values = {"loss": float(loss)}
        self._values |= {name: history[name][-1] for name in ("val_loss", "val_accuracy") if history.get(name)}
        now = perf_counter()
        elapsed = now - self._moved
        if elapsed >= INTERVAL / 2:
            self.stride = max(int(INTERVAL / elapsed * self._n_done), 1)
            self._moved = now
            self._show()
        else:  # the first calls may be lucky
            self.stride = min(10 * self.stride, self._n_updates)

    def _show(self):
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in self._values.items()}, refresh=False)
        self._bar.update(self._n_done)
        self._n_done = 0
