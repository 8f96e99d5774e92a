"""What training makes small: a loss, validated, and what goes with it.

The rows of ``csrc/tables/losses.def`` have the facts of each loss; formulas stand in the backends.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from fastnn._tables import LOSS_OUTPUTS, LOSSES, OUTPUT_ACTIVATIONS
from fastnn.checks import check_name, check_number

#: What the loss of several heads is called, each of which has its own.
SEVERAL = "heads"

#: What the loss is called that is a user's own function, and the output activations that it goes with.
CALLABLE = "callable"
OWN_OUTPUTS = tuple(name for name in OUTPUT_ACTIVATIONS if name == "softmax" or name in LOSS_OUTPUTS["squared_error"])

#: Loss -> (the keyword of the faces that its parameter is, its default).
PARAMETERS = {"huber": ("huber_delta", 1.0), "quantile": ("quantile", 0.5), "focal": ("focal_gamma", 2.0)}


@dataclass(frozen=True)
class Objective:
    """A loss, and how it is reported.

    Parameters
    ----------
    loss : str
        A row of the table.
    as_sklearn : bool, default False
        Reported is what scikit-learn's networks report, with probabilities clipped to [eps, 1 - eps] and squared errors
        averaged over the outputs; and training goes on where it is not finite. The gradient is the same. "simd" and
        "numpy" have it.
    parameter : float, optional
        Of a loss that has one: where huber turns from a parabola into a line, the quantile, the exponent of focal.
        None: its default.
    quantiles : tuple of float
        Of a loss of several quantiles, rising; then the output activation is increasing, by groups of so many.
    function : callable, optional
        A user's own loss, whose `loss` is CALLABLE; "numpy" alone has it.
    has_soft_targets : bool, default False
        Targets of the log-loss are no classes: `as_sklearn`, which clips the probability of the one class, then reports
        the loss itself.
    heads : tuple of pairs (Objective, float)
        Of several heads the loss of each, `loss` being SEVERAL, and its weight in the sum: one a block of the network's
        outputs. Targets that are NaN are not observed, and add nothing to loss and gradient. "simd" and "numpy" have
        them.
    """

    loss: str
    as_sklearn: bool = False
    parameter: float | None = None
    quantiles: tuple[float, ...] = ()
    function: Callable | None = None
    has_soft_targets: bool = False
    heads: tuple[tuple["Objective", float], ...] = ()

    def __post_init__(self):
        if self.parameter is None:
            _, default = PARAMETERS.get(self.loss, ("", 0.0))
            object.__setattr__(self, "parameter", default)

    @property
    def outputs_a_target(self):
        """How many outputs each target has: a mean and a variance, or an output for each of several quantiles."""
        return 2 if self.loss == "gaussian_nll" else len(self.quantiles) or 1

    @property
    def output_activation(self):
        """The output activation as users write it, where there can be no other; else None."""
        return ("increasing", float(len(self.quantiles))) if self.quantiles else None

    def spread(self, targets):
        """Return targets (n_samples, n_targets) as (n_samples, n_out): for each output that which it is compared with.

        The outputs of several quantiles stand together by targets; those of gaussian_nll are all means, then all
        variances.
        """
        if self.loss == "gaussian_nll":
            return np.hstack([targets, targets])
        return np.repeat(targets, len(self.quantiles), axis=1) if self.quantiles else targets


def check_loss(loss):
    """Return the table name of a loss."""
    return check_name("loss", loss, LOSSES)


def check_objective(loss, huber_delta=1.0, quantile=0.5, focal_gamma=2.0):
    """Return the Objective of a loss and the parameters of all losses, of which it has its own.

    Parameters that the loss does not read are checked all the same.
    """
    own = loss if callable(loss) else None
    loss = CALLABLE if own else check_loss(loss)
    several = () if not np.iterable(quantile) or isinstance(quantile, str) else _check_quantiles(quantile)
    given = {
        "huber": check_number("huber_delta", huber_delta, above=0.0),
        "quantile": None if several else check_number("quantile", quantile, above=0.0, below=1.0),
        "focal": check_number("focal_gamma", focal_gamma, low=0.0),
    }
    return Objective(loss, parameter=given.get(loss), quantiles=several if loss == "quantile" else (), function=own)


def _check_quantiles(quantiles):
    """Return several quantiles as a tuple."""
    found = tuple(check_number(f"quantile[{i}]", q, above=0.0, below=1.0) for i, q in enumerate(quantiles))
    if not found or any(low >= high for low, high in pairwise(found)):
        raise ValueError(
            f"quantile must be a number, or a list of numbers that rise, such as [0.1, 0.5, 0.9]; got {quantiles!r}"
        )
    return found


def check_n_out(objective, n_out, argument):
    """Return the number of targets of a row; refuse a number of outputs that is no multiple of what each target has."""
    times = objective.outputs_a_target
    if n_out % times:
        what = f"{times} quantiles" if objective.quantiles else "a mean and a variance"
        raise ValueError(
            f"{argument} must end in {times} units for each target, as loss={objective.loss!r} has {what}; it ends in "
            f"{n_out}"
        )
    return n_out // times


def check_output(objective, output_activation):
    """Return the output activation that was asked for, a name or a pair, if the objective goes with it."""
    check_pair(objective.loss, output_activation)
    name = output_activation if isinstance(output_activation, str) else output_activation[0]
    only = objective.output_activation
    if only is not None and output_activation not in ("increasing", only):
        raise ValueError(
            f"several quantiles keep from crossing by output_activation='increasing', got {output_activation!r}"
        )
    if only is None and name == "increasing":
        raise ValueError("output_activation='increasing' is for several quantiles: quantile=[0.1, 0.5, 0.9], say")
    return only or output_activation


def check_pair(loss, output_activation):
    """Refuse an output activation, a name or a pair of this and its parameter, that the loss cannot be paired with."""
    allowed = OWN_OUTPUTS if loss == CALLABLE else LOSS_OUTPUTS[loss]
    name = output_activation if isinstance(output_activation, str) else output_activation[0]
    if name not in allowed:
        raise ValueError(
            f"loss={loss!r} cannot be paired with output_activation={output_activation!r}; "
            f"it goes with {' or '.join(map(repr, allowed))}"
        )
