# The tables of csrc/tables for Python, by the names of `_tables.py`, their door.

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


RAN = FASTNN_RAN
CONVERGED = FASTNN_CONVERGED
DIVERGED = FASTNN_DIVERGED

#: Bytes: where blocks of numbers begin.
ALIGNMENT = FASTNN_ALIGNMENT

#: Activation name -> id, in the order of the table.
ACTIVATIONS = {fastnn_activations[i].name.decode(): i for i in range(FASTNN_N_ACTIVATIONS)}

#: Names that a hidden layer may use, and names that the output layer may use.
HIDDEN_ACTIVATIONS = tuple(name for name, i in ACTIVATIONS.items() if fastnn_activations[<int> i].hidden)
OUTPUT_ACTIVATIONS = tuple(name for name, i in ACTIVATIONS.items() if fastnn_activations[<int> i].output)

#: Those whose slope is told by their sums, not by their outputs.
KEEPS_SLOPE = tuple(name for name, i in ACTIVATIONS.items() if fastnn_activations[<int> i].keeps_slope)

#: Activation name -> the name of its parameter, and the default of that, where it has one.
ACTIVATION_PARAMETERS = {
    name: (fastnn_activations[<int> i].parameter.decode(), fastnn_activations[<int> i].by_default)
    for name, i in ACTIVATIONS.items()
    if fastnn_activations[<int> i].parameter.decode() != "none"
}

#: Loss name -> id, in the order of the table.
LOSSES = {fastnn_losses[i].name.decode(): i for i in range(FASTNN_N_LOSSES)}

#: Loss name -> the targets that it takes: "any", "fractions", "nonnegative" or "indicators".
LOSS_TARGETS = {name: fastnn_losses[<int> i].targets.decode() for name, i in LOSSES.items()}

#: Names of the losses for which a vector of targets holds class labels.
LABEL_LOSSES = tuple(name for name, i in LOSSES.items() if fastnn_losses[<int> i].takes_labels)

#: Loss name -> names of the output activations that it may be paired with.
LOSS_OUTPUTS = {
    loss: tuple(
        name for name, i in ACTIVATIONS.items()
        if any(fastnn_pairs[k].loss == id and fastnn_pairs[k].output_activation == i for k in range(FASTNN_N_PAIRS))
    )
    for loss, id in LOSSES.items()
}

#: Solver name -> numbers of state that it keeps a parameter.
SOLVERS = {fastnn_solvers[i].name.decode(): fastnn_solvers[i].n_state for i in range(FASTNN_N_SOLVERS)}

#: Solver name -> id, in the order of the table.
SOLVER_IDS = {name: i for i, name in enumerate(SOLVERS)}
