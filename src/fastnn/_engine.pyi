from typing import Any

from numpy import ndarray
from numpy.typing import ArrayLike

from fastnn.objective import Objective
from fastnn.spec import NetworkSpec, TrainingSpec
from fastnn.state import TrainingState

ACTIVATIONS: dict[str, int]
LOSSES: dict[str, int]
SOLVERS: dict[str, int]
SOLVER_IDS: dict[str, int]

def tables() -> tuple[
    list[tuple[bool, bool, bool, str, float]], list[tuple[str, bool]], list[tuple[int, int]], tuple[int, int, int, int]
]: ...

class Arguments: ...
class Problem: ...

class Stop:
    def watch(self) -> None: ...
    def set(self) -> None: ...

class Evaluation:
    cost: float
    def at(self, parameters: ndarray, gradient: ndarray | None, outputs: ndarray | None = None) -> float: ...

class Orders:
    rows: ndarray
    def __init__(
        self,
        bit_generator: Any,
        is_own: bool,
        rows: ndarray,
        starts: ndarray | None,
        is_new: bool,
        taken: ndarray | None = None,
    ) -> None: ...
    def draw(self, n_passes: int = 1) -> None: ...

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
    def make_passes(
        self,
        source: Any,
        orders: Orders,
        n_before: int,
        learning_rate: ndarray,
        l2: ndarray,
        objective: ndarray,
        cost: ndarray,
        judge: Any,
        kept: ndarray | None,
    ) -> tuple[int, int, int]: ...
    def put_state(self) -> None: ...
    def end(self) -> None: ...

class Predictor:
    def __call__(self, X: ArrayLike) -> ndarray: ...
    def predict_into(self, X: ndarray, out: ndarray) -> ndarray: ...

class Rows:
    def __init__(
        self, n_columns: int, places: ndarray, numbers: ndarray, units: ndarray | None, n_out: int
    ) -> None: ...
    def answers(self, X: ndarray, members: list[Predictor], is_raw: bool, are_codes: bool) -> ndarray | None: ...

def mean_of_batches(objective: ndarray, shares: ndarray) -> float: ...
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
