"""Whole passes between which nobody listens: the engine makes many in one call, without Python.

``run`` asks at the start of a pass. Their rows have to come from NumPy's bit generators, their rates have to be known,
and a judge of passes has to be a plain one; all else goes pass by pass, with the same bits.
"""

import numpy as np

#: Updates whose rates and curves are held at a time.
LONGEST = 4096


class Unheard:
    """The passes of a run, many at a time.

    Parameters
    ----------
    opened : fastnn._engine.Run
    source : Ordered or Composed
    schedule : Constant, OverWeight or Planned
    judge : fastnn.training.passes.Judge or None
        Whom the engine stands in for.
    others : list of Listener
        None of whom hears of every pass.
    kept : ndarray or None
        For the parameters at the start of the pass, as the manner has them.
    """

    def __init__(self, opened, source, schedule, judge, others, kept):
        self.opened, self.source, self.schedule, self.judge = opened, source, schedule, judge
        self.others, self.kept, self.orders = others, kept, None
        self.per_pass = source.updates_per_pass

    @classmethod
    def of(cls, opened, source, schedule, listeners, manner):
        """Those of a run, or None where somebody hears of each pass, or it takes Python."""
        judge = listeners[0] if listeners and listeners[0].is_plain else None
        others = listeners if judge is None else listeners[1:]
        if not (hasattr(opened, "make_passes") and source.draws_plainly and schedule.is_known):
            return None
        if any(listener.every is None or listener.every <= source.updates_per_pass for listener in others):
            return None
        return cls(opened, source, schedule, judge, others, manner.at_pass_start)

    def n_passes(self, n_done, n_left):
        """How many passes can be made at once after so many updates, where so many are left."""
        if n_left < 2 * self.per_pass or self.orders is False:  # one pass alone has nothing between
            return 0
        if self.orders is None:
            if self.source.is_within_a_pass:
                return 0
            self.orders = self.source.orders() or False
            return self.n_passes(n_done, n_left)
        stops = [listener.next_stop(n_done) - n_done for listener in self.others]
        return min(n_left, LONGEST, *stops) // self.per_pass

    def make(self, n_passes, n_done, objectives, costs, keeps_curves):
        """Make up to so many passes, at least one, unless the run ends in it.

        Parameters
        ----------
        n_passes : int
        n_done : int
            Updates of all runs before these.
        objectives, costs : ndarray
            The curves from these updates on; or, unless the run `keeps_curves`, those of a pass.

        Returns
        -------
        n_new, stop : int
            As of the backend.
        ends : bool
            Whether the judge ends the run.
        rates : ndarray
            Of at least the new updates.
        """
        n, judge = n_passes * self.per_pass, self.judge
        rates, l2 = self.schedule.ahead(n_passes, self.per_pass, 0 if judge is None else judge.progress.n_seen)
        curves = (objectives[:n], costs[:n]) if keeps_curves else (np.empty(n), np.empty(n))
        try:
            n_new, stop, ends = self.opened.make_passes(
                self.source, self.orders, n_done, rates, l2, *curves, judge, self.kept
            )
        finally:
            if judge is not None:
                judge.optimizer.pass_ends(judge.progress.n_seen)
        if not keeps_curves:
            last = curves[0][:n_new][-self.per_pass :]
            objectives[: len(last)] = last
        if ends:
            judge.ends()
        self.schedule.go_on(n_new)
        return n_new, stop, bool(ends), rates
