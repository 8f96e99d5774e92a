"""fastnn's estimators among those whose fits MLflow logs by itself; saving and loading need nothing of this.

MLflow patches the classes that scikit-learn itself lists, and has no way to name more; `docs/decisions/0025` says why
its list is added to, and not another autologging written.
"""

import functools
import inspect

from fastnn.checks import optional

#: The function of ``mlflow.sklearn`` that lists what is patched, in MLflow 2 and 3.
LIST = "_gen_estimators_to_patch"


def register_mlflow() -> None:
    """Have ``mlflow.sklearn.autolog`` log the fits of fastnn's estimators, as it logs those of scikit-learn's.

    Parameters, metrics of the training rows, the model and its signature. It holds for this process, before and after
    ``autolog`` is switched on; a second call changes nothing. Estimators inside of a ``Pipeline`` or a search need it
    not: there MLflow logs the outermost fit.

    Raises
    ------
    ImportError
        If MLflow or scikit-learn is missing.
    RuntimeError
        If this release of MLflow keeps its list elsewhere.

    Examples
    --------
    >>> import mlflow  # doctest: +SKIP
    >>> fastnn.interop.register_mlflow()  # doctest: +SKIP
    >>> mlflow.sklearn.autolog()  # doctest: +SKIP
    >>> fastnn.MLPClassifier().fit(X, y)  # doctest: +SKIP
    """
    with optional("fastnn.interop.register_mlflow", "MLflow", "mlflow", extra="neighbours", only=("mlflow",)):
        import mlflow
        import mlflow.sklearn as flavour
        from mlflow.utils.autologging_utils import AUTOLOGGING_INTEGRATIONS, autologging_is_disabled
    with optional("fastnn.interop.register_mlflow", "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
        from fastnn.estimators._classifier import MLPClassifier
        from fastnn.estimators._regressor import MLPRegressor
    theirs = getattr(flavour, LIST, None)
    if theirs is None:
        raise RuntimeError(
            f"MLflow {mlflow.__version__} has no mlflow.sklearn.{LIST}, to which fastnn's estimators would be added; "
            "log within mlflow.start_run(), or use MLflow 2 or 3"
        )
    own = (MLPClassifier, MLPRegressor)
    if getattr(theirs, "added", None) == own:
        return

    @functools.wraps(theirs)
    def with_fastnn():
        return [*theirs(), *own]

    with_fastnn.added = own
    setattr(flavour, LIST, with_fastnn)
    if not autologging_is_disabled(flavour.FLAVOR_NAME):  # on already: have it patch anew, as it was asked for
        asked = AUTOLOGGING_INTEGRATIONS[flavour.FLAVOR_NAME]
        known = inspect.signature(flavour.autolog).parameters
        flavour.autolog(**{name: value for name, value in asked.items() if name in known})
        AUTOLOGGING_INTEGRATIONS[flavour.FLAVOR_NAME].update(asked)  # who asked for it, too
