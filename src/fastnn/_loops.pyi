from numpy import ndarray

from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

SOLVERS: tuple[str, ...]

def activate_rows(activation: str, Z: ndarray, out: ndarray) -> None: ...
def slopes(activation: str, h: ndarray, out: ndarray) -> None: ...
def update_parameters(
    training: TrainingSpec, learning_rate: float, gradient: ndarray, parameters: ndarray, velocity: ndarray
) -> None: ...
def forward(
    network: NetworkSpec, parameters: ndarray, X: ndarray, out: ndarray, n_threads: int | None = None
) -> None: ...
def loss_and_gradient(
    network: NetworkSpec,
    loss: str,
    parameters: ndarray,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray,
    l2: float,
    gradient: ndarray | None = None,
    n_threads: int | None = None,
    as_sklearn: bool = False,
) -> tuple[float, float]: ...
def run(
    state: TrainingState,
    training: TrainingSpec,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray,
    rows: ndarray | None,
    starts: ndarray | None,
    learning_rate: ndarray,
    l2: ndarray,
    objective: ndarray,
    cost: ndarray,
    n_threads: int | None = None,
) -> tuple[int, int]: ...
