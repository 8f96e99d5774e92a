"""What training makes small: a loss, validated, and what goes with it.

The rows of ``csrc/tables/losses.def`` have the facts of each loss; formulas stand in the backends.
"""

from dataclasses import dataclass

from fastnn._tables import LOSS_OUTPUTS, LOSSES
from fastnn.checks import check_name


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
    parameter : float, default 0.0
        Of a loss that has one.
    """

    loss: str
    as_sklearn: bool = False
    parameter: float = 0.0


def check_loss(loss):
    """Return the table name of a loss."""
    return check_name("loss", loss, LOSSES)


def check_pair(loss, output_activation):
    """Refuse an output activation, a name or a pair of this and its parameter, that the loss cannot be paired with."""
    allowed = LOSS_OUTPUTS[loss]
    name = output_activation if isinstance(output_activation, str) else output_activation[0]
    if name not in allowed:
        raise ValueError(
            f"loss={loss!r} cannot be paired with output_activation={output_activation!r}; "
            f"it goes with {' or '.join(map(repr, allowed))}"
        )
