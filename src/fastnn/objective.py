"""What training makes small: a loss, validated, and what goes with it.

The rows of ``csrc/tables/losses.def`` have the facts of each loss; formulas stand in the backends.
"""

from dataclasses import dataclass

from fastnn._tables import LOSS_OUTPUTS, LOSSES
from fastnn.checks import check_name, check_number

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
    """

    loss: str
    as_sklearn: bool = False
    parameter: float | None = None

    def __post_init__(self):
        if self.parameter is None:
            _, default = PARAMETERS.get(self.loss, ("", 0.0))
            object.__setattr__(self, "parameter", default)


def check_loss(loss):
    """Return the table name of a loss."""
    return check_name("loss", loss, LOSSES)


def check_objective(loss, huber_delta=1.0, quantile=0.5, focal_gamma=2.0):
    """Return the Objective of a loss and the parameters of all losses, of which it has its own.

    Parameters that the loss does not read are checked all the same.
    """
    loss = check_loss(loss)
    given = {
        "huber": check_number("huber_delta", huber_delta, above=0.0),
        "quantile": check_number("quantile", quantile, above=0.0, below=1.0),
        "focal": check_number("focal_gamma", focal_gamma, low=0.0),
    }
    return Objective(loss, parameter=given.get(loss))


def check_pair(loss, output_activation):
    """Refuse an output activation, a name or a pair of this and its parameter, that the loss cannot be paired with."""
    allowed = LOSS_OUTPUTS[loss]
    name = output_activation if isinstance(output_activation, str) else output_activation[0]
    if name not in allowed:
        raise ValueError(
            f"loss={loss!r} cannot be paired with output_activation={output_activation!r}; "
            f"it goes with {' or '.join(map(repr, allowed))}"
        )
