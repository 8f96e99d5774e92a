from numpy import ndarray

from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

SOLVERS: tuple[str, ...]

class Arguments: ...
class Network: ...
class Data(Network): ...

class Evaluation:
    def at(self, parameters: ndarray, gradient: ndarray) -> float: ...

class Run(Data):
    def advance(
        self,
        rows: ndarray | None,
        starts: ndarray | None,
        learning_rate: ndarray,
        l2: ndarray,
        objective: ndarray,
        cost: ndarray,
    ) -> tuple[int, int]: ...
    def put_state(self) -> None: ...
    def end(self) -> None: ...

def activate_rows(activation: str, Z: ndarray, out: ndarray, parameter: float = 0.0) -> None: ...
def slopes(activation: str, z: ndarray, h: ndarray, out: ndarray, parameter: float = 0.0) -> None: ...
def update_parameters(
    training: TrainingSpec, learning_rate: float, gradient: ndarray, parameters: ndarray, velocity: ndarray
) -> None: ...
def forward(
    network: NetworkSpec, parameters: ndarray, X: ndarray, out: ndarray, n_threads: int | None = None
) -> None: ...
def loss_and_gradient(
    network: NetworkSpec,
    objective: Objective,
    parameters: ndarray,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray | None,
    l2: float,
    gradient: ndarray | None = None,
    n_threads: int | None = None,
) -> tuple[float, float]: ...
def backward(
    network: NetworkSpec,
    objective: Objective | None,
    parameters: ndarray,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray | None,
    gradient: ndarray,
    by_inputs: ndarray,
) -> None: ...
def begin(
    state: TrainingState,
    training: TrainingSpec,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray | None,
    largest_batch: int,
    n_threads: int | None = None,
) -> Run: ...
def evaluation(
    network: NetworkSpec,
    objective: Objective,
    X: ndarray,
    y: ndarray,
    sample_weight: ndarray | None,
    l2: float,
    n_threads: int | None = None,
) -> Evaluation: ...
