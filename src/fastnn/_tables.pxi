# The tables of csrc/tables for Python: what the binding reads itself, and the rows that `_tables.py` makes the rest of.

cdef extern from "fastnn.h":
    ctypedef struct fastnn_activation_row:
        const char *name
        bint hidden
        bint output
        bint keeps_slope
        const char *parameter
        double by_default

    ctypedef struct fastnn_loss_row:
        const char *name
        const char *targets
        bint takes_labels

    ctypedef struct fastnn_pair:
        int loss
        int output_activation

    ctypedef struct fastnn_solver_row:
        const char *name
        int n_state

    const fastnn_activation_row fastnn_activations[]
    const fastnn_loss_row fastnn_losses[]
    const fastnn_pair fastnn_pairs[]
    const fastnn_solver_row fastnn_solvers[]
    enum:
        FASTNN_N_ACTIVATIONS
        FASTNN_N_LOSSES
        FASTNN_N_PAIRS
        FASTNN_N_SOLVERS
        FASTNN_RAN
        FASTNN_CONVERGED
        FASTNN_DIVERGED


#: Activation, loss and solver -> id, in the order of the table; solver -> numbers of state that it keeps a parameter.
ACTIVATIONS = {fastnn_activations[i].name.decode(): i for i in range(FASTNN_N_ACTIVATIONS)}
LOSSES = {fastnn_losses[i].name.decode(): i for i in range(FASTNN_N_LOSSES)}
SOLVER_IDS = {fastnn_solvers[i].name.decode(): i for i in range(FASTNN_N_SOLVERS)}
SOLVERS = {name: fastnn_solvers[<int> i].n_state for name, i in SOLVER_IDS.items()}


def tables():
    """Return the other columns of activations and of losses, the pairs of a loss and an output, and numbers by name."""
    return (
        [
            (a.hidden, a.output, a.keeps_slope, a.parameter.decode(), a.by_default)
            for a in fastnn_activations[:FASTNN_N_ACTIVATIONS]
        ],
        [(loss.targets.decode(), loss.takes_labels) for loss in fastnn_losses[:FASTNN_N_LOSSES]],
        [(pair.loss, pair.output_activation) for pair in fastnn_pairs[:FASTNN_N_PAIRS]],
        (FASTNN_RAN, FASTNN_CONVERGED, FASTNN_DIVERGED, FASTNN_ALIGNMENT),
    )
