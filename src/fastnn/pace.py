"""How often to look at the clock: listeners that act by time ask a run to pause often enough, whatever an update takes.

Used by the progress bar and by the limit of a run's time.
"""

from time import perf_counter


class Pace:
    """A stride in updates that comes to take about as long as it should.

    Parameters
    ----------
    interval : float
        Seconds.
    longest : int
        Updates of a stride at most.

    Attributes
    ----------
    stride : int
        Updates that the next piece of the run may have.
    """

    def __init__(self, interval, longest):
        self.interval, self.longest = interval, longest
        self.stride, self._n_done, self._since = 1, 0, perf_counter()

    def is_time(self, n_new):
        """Count so many more updates; return whether about an interval has gone by, and find the next stride."""
        self._n_done += n_new
        now = perf_counter()
        elapsed = now - self._since
        if elapsed < self.interval / 2:  # the first pieces may be lucky
            self.stride = min(10 * self.stride, self.longest)
            return False
        self.stride = max(int(self.interval / elapsed * self._n_done), 1)
        self._n_done, self._since = 0, now
        return True
