"""fastnn: small dense neural networks, trained and run on the CPU as fast as the chip allows.

``train`` is the one-line replacement for a tutorial's training loop; ``Network`` is what it returns inside a
``TrainResult``; ``load`` brings back what was saved; ``Head`` is one of several things that a network learns at once;
``diagnose`` says what is wrong with a training; ``MLPClassifier`` and ``MLPRegressor`` are scikit-learn's, faster, and
need it; ``plots`` draws what they are and how they learned, and needs matplotlib; ``kernels`` has the compiled loops
one by one; ``simd`` the choice of the instruction set; ``schedules`` learning rates that change; ``reference`` has the
same mathematics to read.
"""

from importlib import import_module
from typing import TYPE_CHECKING

try:
    from fastnn import kernels, reference, schedules, simd
    from fastnn.checks import optional
    from fastnn.heads import Head
    from fastnn.network import Network
    from fastnn.portable import ModelFormatError
    from fastnn.predict import predict
    from fastnn.result import TrainResult
    from fastnn.train import train
except ImportError as error:  # of another distribution's files among these, perhaps
    from fastnn.distribution import explain

    explain(error)
    raise

if TYPE_CHECKING:
    from fastnn import dask as dask
    from fastnn import interop as interop
    from fastnn import plots as plots
    from fastnn.doctor import diagnose as diagnose
    from fastnn.estimators import MLPClassifier as MLPClassifier
    from fastnn.estimators import MLPRegressor as MLPRegressor
    from fastnn.export.c.file import ExportedC as ExportedC
    from fastnn.export.models import load as load
    from fastnn.many import fit_many as fit_many
    from fastnn.many.cross_validation import cross_validate as cross_validate
    from fastnn.pieces import Pieces as Pieces
    from fastnn.tabular import TabularClassifier as TabularClassifier
    from fastnn.tabular import TabularRegressor as TabularRegressor

__version__ = "0.1.0"
__all__ = [
    "ExportedC",
    "Head",
    "ModelFormatError",
    "Network",
    "Pieces",
    "TrainResult",
    "__version__",
    "diagnose",
    "fit_many",
    "kernels",
    "load",
    "predict",
    "reference",
    "schedules",
    "simd",
    "train",
]

#: What stands on more than NumPy, is imported when it is asked for, and left out by ``import *``.
_NEED_SKLEARN = {
    "MLPClassifier": "estimators", "MLPRegressor": "estimators", "TabularClassifier": "tabular",
    "TabularRegressor": "tabular", "cross_validate": "many.cross_validation",
}  # fmt: skip
_LAZY = (*_NEED_SKLEARN, "interop", "plots")

#: What few programs ask for, and is imported likewise: name -> its module.
_SELDOM = {
    "ExportedC": "export.c.file", "Pieces": "pieces", "diagnose": "doctor", "fit_many": "many", "load": "export.models",
}  # fmt: skip


def __getattr__(name):
    try:
        if name in _NEED_SKLEARN:
            with optional(f"fastnn.{name}", "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
                return getattr(import_module(f"fastnn.{_NEED_SKLEARN[name]}"), name)
        if name in _SELDOM:
            return getattr(import_module(f"fastnn.{_SELDOM[name]}"), name)
        if name in (*_LAZY, "dask", "doctor"):
            return import_module(f"fastnn.{name}")
    except ImportError as error:
        from fastnn.distribution import explain

        explain(error)
        raise
    raise AttributeError(f"module 'fastnn' has no attribute {name!r}")


def __dir__():
    return [*__all__, *_LAZY]
