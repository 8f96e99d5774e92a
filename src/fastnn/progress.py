"""A bar for a run of training: updates made and to come, loss, validation score, the time left. It is tqdm's.

``train`` makes and opens it; ``training.fit`` moves it after each call of the backend, and asks it how many updates the
next call may make, so that it moves some ten times a second whatever an update takes. tqdm is imported here alone, and
only when a bar is made.
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
        self._moved = perf_counter()
        return self

    def __exit__(self, *raised):
        self._bar.close()

    def move(self, n_done, loss, history):
        """Show `n_done` more updates, the loss of the last one, and the last validation of a history."""
        values = {"loss": float(loss)}
        values |= {name: history[name][-1] for name in ("val_loss", "val_accuracy") if history.get(name)}
        self._bar.set_postfix({name: f"{value:.4g}" for name, value in values.items()}, refresh=False)
        self._bar.update(n_done)
        now = perf_counter()
        an_update = max(now - self._moved, 1e-9) / max(n_done, 1)
        self.stride = min(max(int(INTERVAL / an_update), 1), 100 * self.stride)  # the first may be slow, or lucky
        self._moved = now
