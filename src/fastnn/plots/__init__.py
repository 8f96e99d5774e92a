"""Pictures of networks and of their training, as scikit-learn's Display objects; they need matplotlib.

Each display is made by a class method, ``from_result``, ``from_network`` or ``from_estimator``, which draws on the axes
given as ``ax``, or on new ones, and returns it; nothing is shown by itself. ``plot`` draws it again, ``ax_`` and
``figure_`` are what it was drawn on. Each method takes whatever has what it draws: an estimator, also in a pipeline, a
search or another of scikit-learn's wrappers, a ``TrainResult`` or a ``Network``. The faces above the engine never
import this package.
"""

from fastnn.plots._decision_region import DecisionRegionDisplay
from fastnn.plots._loss_curve import LossCurveDisplay
from fastnn.plots._network_diagram import NetworkDiagram
from fastnn.plots._weights import WeightsDisplay

__all__ = ["DecisionRegionDisplay", "LossCurveDisplay", "NetworkDiagram", "WeightsDisplay"]


def __dir__():
    return __all__
