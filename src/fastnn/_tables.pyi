RAN: int
CONVERGED: int
DIVERGED: int
ALIGNMENT: int
ACTIVATIONS: dict[str, int]
HIDDEN_ACTIVATIONS: tuple[str, ...]
OUTPUT_ACTIVATIONS: tuple[str, ...]
KEEPS_SLOPE: tuple[str, ...]
ACTIVATION_PARAMETERS: dict[str, tuple[str, float]]
LOSSES: dict[str, int]
LOSS_TARGETS: dict[str, str]
LABEL_LOSSES: tuple[str, ...]
LOSS_OUTPUTS: dict[str, tuple[str, ...]]
SOLVERS: dict[str, int]
SOLVER_IDS: dict[str, int]
