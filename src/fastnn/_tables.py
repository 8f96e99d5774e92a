"""The tables of csrc/tables as Python sees them: names, ids, and who goes with whom.

The bottom layer: ``spec`` reads it to check names, the reference backends to cover every row, the tests to enumerate
what must be tested. Formulas do not live here. Rows are read from C by ``_tables.pxi``, a part of the engine's binding:
an extension of their own would be a fiftieth of the wheel.
"""

from fastnn._engine import ACTIVATIONS, LOSSES, SOLVER_IDS, SOLVERS, tables

_ACTIVATIONS, _LOSSES, _PAIRS, (RAN, CONVERGED, DIVERGED, ALIGNMENT) = tables()


def _named(table: dict[str, int], rows: list, column: int) -> tuple[str, ...]:
    """Return the names whose rows have a column set."""
    return tuple(name for name, i in table.items() if rows[i][column])


#: Names that a hidden layer may use, names that the output layer may use, and those whose slope is told by their sums,
#: not by their outputs.
HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS, KEEPS_SLOPE = (_named(ACTIVATIONS, _ACTIVATIONS, column) for column in range(3))

#: Activation name -> the name of its parameter, and the default of that, where it has one.
ACTIVATION_PARAMETERS = {name: _ACTIVATIONS[i][3:] for name, i in ACTIVATIONS.items() if _ACTIVATIONS[i][3] != "none"}

#: Loss name -> the targets that it takes: "any", "fractions", "nonnegative" or "indicators".
LOSS_TARGETS = {name: _LOSSES[i][0] for name, i in LOSSES.items()}

#: Names of the losses for which a vector of targets holds class labels.
LABEL_LOSSES = _named(LOSSES, _LOSSES, 1)

#: Loss name -> names of the output activations that it may be paired with.
LOSS_OUTPUTS = {
    loss: tuple(name for name, i in ACTIVATIONS.items() if (number, i) in _PAIRS) for loss, number in LOSSES.items()
}

__all__ = [
    "ACTIVATIONS",
    "ACTIVATION_PARAMETERS",
    "ALIGNMENT",
    "CONVERGED",
    "DIVERGED",
    "HIDDEN_ACTIVATIONS",
    "KEEPS_SLOPE",
    "LABEL_LOSSES",
    "LOSSES",
    "LOSS_OUTPUTS",
    "LOSS_TARGETS",
    "OUTPUT_ACTIVATIONS",
    "RAN",
    "SOLVERS",
    "SOLVER_IDS",
]
