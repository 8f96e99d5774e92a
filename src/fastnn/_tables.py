"""The tables of csrc/tables as Python sees them: names, ids, and who goes with whom.

The bottom layer: ``spec`` reads it to check names, the reference backends to cover every row, the tests to enumerate
what must be tested. Formulas do not live here. They are read from C by ``_tables.pxi``, a part of the engine's binding:
an extension of their own would be a fiftieth of the wheel.
"""

from fastnn._engine import (
    ACTIVATION_PARAMETERS,
    ACTIVATIONS,
    ALIGNMENT,
    CONVERGED,
    DIVERGED,
    HIDDEN_ACTIVATIONS,
    KEEPS_SLOPE,
    LABEL_LOSSES,
    LOSS_OUTPUTS,
    LOSS_TARGETS,
    LOSSES,
    OUTPUT_ACTIVATIONS,
    RAN,
    SOLVER_IDS,
    SOLVERS,
)

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
