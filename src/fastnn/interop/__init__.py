"""Networks of other libraries: from and to ONNX, scikit-learn's pipelines and more.

Each module knows one of them, and is imported when it is asked for.
"""

from importlib import import_module

#: Name -> the module that has it.
_LAZY = {"register_mlflow": "mlflow", "register_skl2onnx": "skl2onnx"}
__all__ = [*_LAZY]


def __getattr__(name):
    if name in _LAZY:
        return getattr(import_module(f"fastnn.interop.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'fastnn.interop' has no attribute {name!r}")


def __dir__():
    return __all__
