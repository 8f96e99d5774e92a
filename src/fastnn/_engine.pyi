from typing import Any

from numpy import ndarray
from numpy.typing import ArrayLike

from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

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

class Arguments: ...
class Problem: ...

class Evaluation:
    cost: float
    def at(self, parameters: ndarray, gradient: ndarray | None, outputs: ndarray | None = None) -> float: ...

class Run:
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

class Predictor:
    def __call__(self, X: ArrayLike) -> ndarray: ...
    def predict_into(self, X: ndarray, out: ndarray) -> ndarray: ...

def forward(network: NetworkSpec, parameters: ndarray, X: Any, out: ndarray, n_threads: int | None = None) -> bool: ...
def loss_and_gradient(
    network: NetworkSpec,
    objective: Objective,
    parameters: ndarray,
    X: Any,
    y: ndarray,
    sample_weight: ndarray | None,
    l2: float,
    gradient: ndarray | None = None,
    n_threads: int | None = None,
) -> tuple[float, float]: ...
def evaluation(
    network: NetworkSpec,
    objective: Objective,
    X: Any,
    y: ndarray,
    sample_weight: ndarray | None,
    l2: float,
    n_threads: int | None = None,
) -> Evaluation: ...
def begin(
    state: TrainingState,
    training: TrainingSpec,
    X: Any,
    y: ndarray,
    sample_weight: ndarray | None,
    largest_batch: int,
    n_threads: int | None = None,
) -> Run: ...
def targets() -> tuple[str, ...]: ...
def active() -> tuple[str, int]: ...
def use(target: int) -> None: ...
def threads() -> tuple[bool, bool, int]: ...
def multiply_adds(is_float64: bool, n: int) -> float: ...
def elementwise(name: str, x: ndarray, out: ndarray) -> None: ...
def activate(name: str, parameter: float, x: ndarray, out: ndarray, slopes: ndarray | None = None) -> None: ...
