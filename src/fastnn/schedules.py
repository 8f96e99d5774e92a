"""Learning rates that change from update to update: what ``alpha`` of `train` takes, and ``learning_rate_init``.

A schedule says what the rate of each of a run's updates is; it remembers nothing, so that one may serve many runs.
Beside those here a function of the progress will do, which is the share of the updates that have been made, from 0 up
to 1, and so will an array with a rate for each update. ``training`` asks for the rates, a block of them at a time.
"""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from fastnn.checks import check_count, check_name, check_number

__all__ = ["cosine", "cycles", "exponential", "linear", "one_cycle", "plateau", "step"]


def __dir__():
    return __all__


class Schedule(ABC):
    """What all schedules are: a rate for each update, of which the first may warm up."""

    #: The updates that the rate rises on; schedules that can have it as a number, or as a share of the run.
    warmup = 0

    @property
    @abstractmethod
    def largest(self):
        """The rate to name where there can be but one."""

    @abstractmethod
    def _course(self, k, n):
        """The rates of the updates k, an array counted from 0, of n, without warm-up."""

    def n_warm(self, n_updates):
        """Return how many updates the rate rises on.

        Parameters
        ----------
        n_updates : int
            Of the run.

        Returns
        -------
        n_warm : int
        """
        return self.warmup if isinstance(self.warmup, int) else int(self.warmup * n_updates)

    def rates(self, updates, n_updates):
        """Return the rate of each of `updates`, counted from 0, in a run of `n_updates`.

        Parameters
        ----------
        updates : array-like of int
        n_updates : int

        Returns
        -------
        rates : ndarray of float64
        """
        k, n_warm = np.asarray(updates, np.float64), self.n_warm(n_updates)
        rates = self._course(np.maximum(k - n_warm, 0.0), max(n_updates - n_warm, 1))
        if n_warm == 0:
            return rates
        start = self._course(np.zeros(1), max(n_updates - n_warm, 1))[0]
        return np.where(k < n_warm, start * (k + 1.0) / (n_warm + 1), rates)

    def _check(self, name, **bounds):
        object.__setattr__(self, name, check_number(name, getattr(self, name), **bounds))

    def _check_rate_and_warmup(self):
        self._check("rate", above=0.0)
        warmup = self.warmup
        is_count = isinstance(warmup, int | np.integer) and not isinstance(warmup, bool)
        bounds = {"minimum": 0} if is_count else {"low": 0.0, "below": 1.0}
        warmup = (check_count if is_count else check_number)("warmup", warmup, **bounds)
        object.__setattr__(self, "warmup", warmup)


class _Named(Schedule):
    """One that has a `rate`."""

    @property
    def largest(self):
        return self.rate


@dataclass(frozen=True)
class cosine(_Named):
    """The rate falls along half a cosine, and may restart (Loshchilov and Hutter, 2017; Keras' CosineDecayRestarts).

    Parameters
    ----------
    rate : float
        To start from.
    eta_min : float, default 0
        What it falls towards.
    cycles : int, default 1
        How often it falls: it restarts one time less.
    t_mul : float, default 1
        How many times as long each cycle is as the one before.
    m_mul : float, default 1
        The rate that a cycle starts from, as a multiple of that of the one before, `eta_min` and all; Keras multiplies
        what is above that.
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to where
        the schedule begins.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.cosine(0.1).rates([0, 50, 99], 100).round(6)
    array([1.0e-01, 5.0e-02, 2.5e-05])
    >>> schedules.cosine(0.1, cycles=2, warmup=10).rates([0, 10, 55], 100).round(4)
    array([0.0091, 0.1   , 0.1   ])
    """

    rate: float
    eta_min: float = 0.0
    cycles: int = 1
    t_mul: float = 1.0
    m_mul: float = 1.0
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("eta_min", low=0.0)
        object.__setattr__(self, "cycles", check_count("cycles", self.cycles, minimum=1))
        self._check("t_mul", above=0.0)
        self._check("m_mul", above=0.0)

    def _course(self, k, n):
        lengths = self.t_mul ** np.arange(self.cycles)
        ends = np.cumsum(lengths * (n / lengths.sum()))
        cycle = np.searchsorted(ends[:-1], k + 1e-9 * n, side="right")  # what rounding takes from an end
        begins = np.append(0.0, ends[:-1])[cycle]
        share = np.clip((k - begins) / (ends[cycle] - begins), 0.0, 1.0)
        top = self.rate * self.m_mul**cycle
        return self.eta_min + (top - self.eta_min) * 0.5 * (1.0 + np.cos(np.pi * share))


@dataclass(frozen=True)
class cycles(_Named):
    """The rate rises and falls several times, each as long as all before and a little more (RealMLP's coslog).

    With t the share of the run it is `rate` · ½ (1 - cos(2π log₂(1 + (2ᶜ - 1) t))), c being `n_cycles`: zero at 0, at
    1 and between the cycles, of four at 1/15, 3/15 and 7/15 (Holzmüller, Grinsztajn and Steinwart, 2024). Of an update
    t is the middle, so that none has a rate of 0.

    Parameters
    ----------
    rate : float
        The highest.
    n_cycles : int, default 4
        From 1 to 30.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.cycles(0.1).rates([0, 100, 200, 700, 1499], 1500).round(4)
    array([0.0001, 0.    , 0.0927, 0.    , 0.    ])
    """

    rate: float
    n_cycles: int = 4

    def __post_init__(self):
        self._check("rate", above=0.0)
        object.__setattr__(self, "n_cycles", check_count("n_cycles", self.n_cycles, minimum=1))
        if self.n_cycles > 30:
            raise ValueError(
                f"n_cycles must be at most 30, the first being a billionth of the run, got {self.n_cycles}"
            )

    def _course(self, k, n):
        passed = np.log2(1.0 + (2.0**self.n_cycles - 1.0) * (k + 0.5) / n)
        return self.rate * 0.5 * (1.0 - np.cos(2.0 * np.pi * passed))


@dataclass(frozen=True)
class one_cycle(_Named):
    """The rate rises, then falls far below where it began (Smith and Topin, 2019; PyTorch's OneCycleLR).

    Parameters
    ----------
    rate : float
        The highest.
    pct_start : float in [0, 1], default 0.3
        The share of the updates on which it rises.
    div_factor : float, default 25
        It starts from `rate` over this.
    final_div_factor : float, default 1e4
        It ends at where it started over this.
    anneal_strategy : {"cos", "linear"}, default "cos"
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to where
        the schedule begins.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.one_cycle(0.1).rates([0, 29, 99], 100)
    array([4.e-03, 1.e-01, 4.e-07])
    """

    rate: float
    pct_start: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    anneal_strategy: str = "cos"
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("pct_start", low=0.0)
        if self.pct_start > 1.0:
            raise ValueError(f"pct_start must be at most 1, got {self.pct_start!r}")
        self._check("div_factor", above=0.0)
        self._check("final_div_factor", above=0.0)
        check_name("anneal_strategy", self.anneal_strategy, ("cos", "linear"))

    def _course(self, k, n):
        start = self.rate / self.div_factor
        top, last = self.pct_start * n - 1.0, n - 1.0  # the updates of the highest rate and of the lowest
        up = k / top if top > 0.0 else np.ones_like(k)
        down = (k - top) / (last - top) if last > top else np.zeros_like(k)
        return np.where(
            k <= top, self._between(start, self.rate, up), self._between(self.rate, start / self.final_div_factor, down)
        )

    def _between(self, begin, end, share):
        share = np.clip(share, 0.0, 1.0)
        if self.anneal_strategy == "cos":
            share = 0.5 * (1.0 - np.cos(np.pi * share))
        return begin + (end - begin) * share


@dataclass(frozen=True)
class linear(_Named):
    """The rate falls, or rises, by the same from update to update (PyTorch's LinearLR).

    Parameters
    ----------
    rate : float
        To start from.
    end_factor : float, default 0
        It goes towards `rate` times this.
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to where
        the schedule begins.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.linear(0.1, warmup=0.2).rates([0, 1, 2, 6, 9], 10).round(4)
    array([0.0333, 0.0667, 0.1   , 0.05  , 0.0125])
    """

    rate: float
    end_factor: float = 0.0
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("end_factor", low=0.0)

    def _course(self, k, n):
        return self.rate * (1.0 + (self.end_factor - 1.0) * k / n)


@dataclass(frozen=True)
class step(_Named):
    """The rate falls from time to time (PyTorch's StepLR and MultiStepLR).

    Parameters
    ----------
    rate : float
        To start from.
    gamma : float, default 0.1
        What it is multiplied with.
    milestones : sequence of float, default (0.5, 0.75)
        When: shares of the run.
    step_size : int, optional
        Instead of `milestones`: each time after so many updates.
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to where
        the schedule begins; the others are then counted after it.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.step(0.1).rates([0, 49, 50, 75], 100)
    array([0.1  , 0.1  , 0.01 , 0.001])
    >>> schedules.step(0.1, gamma=0.5, step_size=1000).rates([999, 1000, 2000], 3000)
    array([0.1  , 0.05 , 0.025])
    """

    rate: float
    gamma: float = 0.1
    milestones: tuple[float, ...] = (0.5, 0.75)
    step_size: int | None = None
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("gamma", above=0.0)
        if isinstance(self.milestones, str | bytes) or not np.iterable(self.milestones):
            raise TypeError(f"milestones must be shares of the run, such as (0.5, 0.75), got {self.milestones!r}")
        shares = tuple(check_number(f"milestones[{i}]", m, low=0, below=1) for i, m in enumerate(self.milestones))
        object.__setattr__(self, "milestones", shares)
        if self.step_size is not None:
            object.__setattr__(self, "step_size", check_count("step_size", self.step_size, minimum=1))

    def _course(self, k, n):
        if self.step_size is not None:
            passed = k // self.step_size
        else:
            passed = np.searchsorted(np.sort(self.milestones) * n, k + 1e-9 * n, side="right")
        return self.rate * self.gamma**passed


@dataclass(frozen=True)
class exponential(_Named):
    """The rate falls by the same share from update to update (Keras' ExponentialDecay).

    Parameters
    ----------
    rate : float
        To start from.
    decay_rate : float, default 0.01
        What it has been multiplied with after `decay_steps`.
    decay_steps : int, optional
        Updates. None: all of the run.
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to where
        the schedule begins.

    Examples
    --------
    >>> from fastnn import schedules
    >>> schedules.exponential(0.1).rates([0, 50], 100)
    array([0.1 , 0.01])
    """

    rate: float
    decay_rate: float = 0.01
    decay_steps: int | None = None
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("decay_rate", above=0.0)
        if self.decay_steps is not None:
            object.__setattr__(self, "decay_steps", check_count("decay_steps", self.decay_steps, minimum=1))

    def _course(self, k, n):
        return self.rate * self.decay_rate ** (k / (n if self.decay_steps is None else self.decay_steps))


@dataclass(frozen=True)
class plateau(_Named):
    """The rate falls whenever the loss has not for some time (PyTorch's ReduceLROnPlateau).

    `train` looks at each report (see its `report_every`): at ``val_loss`` where there is validation data, else at the
    mean objective of the batches. The estimators look at the loss of each epoch; as they stop by their own
    `n_iter_no_change`, `patience` should be less than that.

    Parameters
    ----------
    rate : float
        To start from.
    factor : float in (0, 1), default 0.1
        What it is multiplied with.
    patience : int, default 10
        Reports without a better loss that are let pass.
    threshold : float, default 1e-4
        How much smaller a better loss is: a share of the best, or with "abs" a number.
    threshold_mode : {"rel", "abs"}, default "rel"
    cooldown : int, default 0
        Reports after a fall that do not count.
    min_lr : float, default 0
        The rate falls no further.
    warmup : float or int, default 0
        Updates at the start, as a share of the run or as a number, on which the rate rises in equal steps up to
        `rate`; what is reported meanwhile does not count.

    Examples
    --------
    >>> import fastnn
    >>> from fastnn import schedules
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [1]]
    >>> result = fastnn.train([2, 1], X, y, 500, schedules.plateau(30.0, patience=5), random_state=0)
    >>> result.network.predict(X)
    array([0, 1, 1, 1])
    """

    rate: float
    factor: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0.0
    warmup: float = 0

    def __post_init__(self):
        self._check_rate_and_warmup()
        self._check("factor", above=0.0, below=1.0)
        for name in ("patience", "cooldown"):
            object.__setattr__(self, name, check_count(name, getattr(self, name), minimum=0))
        self._check("threshold", low=0.0)
        check_name("threshold_mode", self.threshold_mode, ("rel", "abs"))
        self._check("min_lr", low=0.0)

    def _course(self, k, n):
        return np.full(np.shape(k), self.rate)

    def is_better(self, loss, best):
        """Return whether a loss is better than the best so far.

        Parameters
        ----------
        loss, best : float

        Returns
        -------
        is_better : bool
        """
        if not math.isfinite(best):
            return loss < best
        return loss < best - self.threshold * (abs(best) if self.threshold_mode == "rel" else 1.0)
