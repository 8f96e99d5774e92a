"""How a face has a run end that does not go as it should: by divergence, or by an exception from outside.

A manner is handed to ``run``, which asks it at the start of each pass, at the end, and when an exception comes.
"""

from fastnn.checks import all_finite


class DivergenceError(FloatingPointError):
    """The loss, the parameters or the optimizer's state are no longer finite.

    Attributes
    ----------
    curves : tuple of two ndarrays
        Objective and cost of the updates that were made, once it has ended a run.
    """

    #: Whether it has ended a run already; one that a callback started, perhaps.
    has_ended_a_run = False

    def add_cause(self, words):
        """Say in the message what is known of the cause, unless it is ""."""
        if words:
            self.args = (f"{self.args[0]}. {words}",)


def divergence(what, learning_rate):
    """The error that says so, and what to try."""
    return DivergenceError(
        f"training diverged: {what}. Try a smaller learning rate (it was {learning_rate:g}), inputs scaled to mean 0 "
        "and standard deviation 1, or smaller start weights"
    )


class Raises:
    """``train``'s: divergence is an error; anything else leaves the parameters of the last finished pass.

    Parameters
    ----------
    state : TrainingState
    learning_rate : float
        For the message.

    Attributes
    ----------
    last_parameters : ndarray or None
        Those of the last update, which the solver's state belongs to, where those of an earlier one were taken back.
    """

    #: What ends the run, and is handed back with what it has come to.
    catches = BaseException

    def __init__(self, state, learning_rate):
        self.state, self.learning_rate = state, learning_rate
        self.at_pass_start = state.parameters.copy()
        self.last_parameters = None

    def pass_begins(self, n_done):
        if n_done > 0:
            self.at_pass_start[:] = self.state.parameters

    def diverged(self, objective, n_done):
        raise divergence(f"the loss is {objective} before update {n_done + 1}", self.learning_rate)

    def ends(self, n_done):
        # An infinite mean of squares would freeze its parameter, finite, without a word.
        for what, block in (("weights", self.state.parameters), ("the solver's means", self.state.optimizer)):
            if not all_finite(block):
                raise divergence(f"{what} are not finite after update {n_done}", self.learning_rate)

    def recovered(self, n_done, updates_per_pass, n_made=0):
        """Go back to the last finished pass; return the updates that were made by then.

        Of the first pass, `n_made` had been made before the run, which is then gone back to at the most.
        """
        n_beyond = min((n_done + n_made) % updates_per_pass, n_done)
        if n_beyond != 0:
            self.last_parameters = self.state.parameters.copy()
            self.state.parameters[:] = self.at_pass_start
        return n_done - n_beyond


class GoesOn:
    """scikit-learn's: training goes on where it is not finite; Ctrl-C alone ends it, after the last update made."""

    catches = KeyboardInterrupt
    at_pass_start = None

    def pass_begins(self, n_done):
        pass

    def ends(self, n_done):
        pass

    def recovered(self, n_done, updates_per_pass, n_made=0):
        return n_done
