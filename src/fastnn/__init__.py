"""fastnn: small dense neural networks, trained and run on the CPU as fast as the chip allows.

``train`` is the one-line replacement for a tutorial's training loop; ``Network`` is what it returns inside a
``TrainResult``; ``MLPClassifier`` and ``MLPRegressor`` are scikit-learn's, faster, and need it; ``kernels`` has the
compiled loops one by one; ``simd`` the choice of the instruction set; ``reference`` has the same mathematics to read.
"""

from typing import TYPE_CHECKING

from fastnn import kernels, reference, simd
from fastnn.network import Network
from fastnn.train import TrainResult, predict, train

if TYPE_CHECKING:
    from fastnn.estimators import MLPClassifier as MLPClassifier
    from fastnn.estimators import MLPRegressor as MLPRegressor

__version__ = "0.1.0"
__all__ = ["Network", "TrainResult", "__version__", "kernels", "predict", "reference", "simd", "train"]

#: What stands on scikit-learn, is imported when it is asked for, and left out by ``import *``.
_ESTIMATORS = ("MLPClassifier", "MLPRegressor")


def __getattr__(name):
    if name not in _ESTIMATORS:
        raise AttributeError(f"module 'fastnn' has no attribute {name!r}")
    try:
        from fastnn import estimators
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("sklearn", "scipy"):
            raise
        raise ImportError(
            f"fastnn.{name} needs scikit-learn 1.7 or newer; install it with fastnn's extra [sklearn], or by itself"
        ) from error
    return getattr(estimators, name)


def __dir__():
    return sorted({*globals(), *_ESTIMATORS})
