"""What a learning rate may be given as: a number, a schedule, a function of the progress, or an array.

Each face has its argument checked here, and gets a number or something that has rates as a `fastnn.schedules.Schedule`
does. Whether an array is long enough is asked once it is known how many updates there will be.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from fastnn.checks import as_numbers, cast_finite, check_number
from fastnn.schedules import Schedule


@dataclass(frozen=True)
class Called(Schedule):
    """A function of the progress."""

    argument: str
    function: Callable[[float], float]

    def _at(self, progress):
        return check_number(f"{self.argument}({progress:g})", self.function(progress), low=0.0)

    @property
    def largest(self):
        return self._at(0.0)

    def _course(self, k, n):
        return np.array([self._at(float(update) / n) for update in k])


@dataclass(frozen=True, eq=False)
class Listed(Schedule):
    """An array with a rate for each update."""

    argument: str
    array: np.ndarray

    @property
    def largest(self):
        return float(self.array.max())

    def _course(self, k, n):
        return self.array[k.astype(np.intp)]


def check_rate(argument, value):
    """Return a learning rate: a float greater than 0, or a Schedule of whatever says how it changes."""
    if isinstance(value, Schedule):
        return value
    if isinstance(value, type) and issubclass(value, Schedule):
        raise TypeError(f"{argument} is the class {value.__name__}; say which rate: schedules.{value.__name__}(0.1)")
    if callable(value):
        schedule = Called(argument, value)
        schedule._at(0.0)
        return schedule
    if isinstance(value, str | bytes | Mapping) or not np.iterable(value):
        return check_number(argument, value, above=0.0)
    array = as_numbers(argument, value)
    if array.ndim != 1 or len(array) == 0:
        raise ValueError(f"{argument} must have a rate for each update, got an array of shape {array.shape}")
    array = cast_finite(argument, array, np.float64, lambda place: f"entry {place[0]}").copy()
    if (array < 0).any():
        raise ValueError(f"{argument} has {array.min()} in entry {int(np.argmin(array))}; rates must be at least 0")
    return Listed(argument, array)


def check_length(schedule, n_updates, are_made_of):
    """Refuse an array that has not as many rates as there are updates, which are made of what these words say."""
    if isinstance(schedule, Listed) and len(schedule.array) != n_updates:
        raise ValueError(
            f"{schedule.argument} has {len(schedule.array)} rates, but there are {n_updates} updates ({are_made_of}); "
            "give one for each"
        )
