"""``fastnn.dask.MLPClassifier`` and ``MLPRegressor``: the estimators on dask collections, as in xgboost.dask."""

import copy
from inspect import signature

import dask
import dask.array
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, clone
from sklearn.exceptions import NotFittedError

from fastnn.checks import check_count, check_name
from fastnn.dask.fitting import Fit
from fastnn.dask.partitions import blocks_of, client_of
from fastnn.estimators import _classifier, _regressor
from fastnn.keywords import answered, settable, unknown

#: What stands in the docstring of both.
DOCUMENTATION = """

    Parameters
    ----------
    hidden_layer_sizes : int, array-like of int or str, default=(100,)
        As of `fastnn.{name}`.
    strategy : {"average", "exact"}, default="average"
        "average": rounds, in each of which every group of partitions is trained by itself for `n_passes` passes, in
        batches, by its own seed; then weights and the solver's moments are averaged by rows. "exact": the gradient of
        all rows in each update, summed over the partitions in their order, for "lbfgs", "rprop" and "sgd": the same
        bits however many workers there are.
    n_passes : int, default=1
        Passes of a round of "average".
    n_groups : int, default=None
        Groups of neighbouring partitions; None: one for each thread of the workers there are. With this number the
        bits of "average" are those of `random_state`, wherever the groups are trained.
    client : distributed.Client, default=None
        None: the current one. It is not pickled.
    **parameters
        Those of `fastnn.{name}`. `max_iter` and `n_iter_no_change` count rounds or updates of all rows; `batch_size` is
        of "average"; `checkpoint` is a folder on the client's machine. Not here: early_stopping, warm_start, scoring,
        track, heads, class_weight="balanced".

    Attributes
    ----------
    estimator_ : {name}
        Fitted as if in memory; its attributes (``loss_curve_``, ``n_iter_``, ``coefs_`` …) are also those of this one.
    n_bytes_ : int
        Of the arrays that workers have sent to the client or averaged with others.

    Raises
    ------
    ValueError
        Of `fit`: without a client; where partitions do not fit, naming the first; for what a strategy does not have.
    ConnectionError
        If the scheduler is lost. With `checkpoint` the same fit by a new client goes on.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> import fastnn
    >>> with Client(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as client:  # doctest: +SKIP
    ...     X = da.random.random((100_000, 20), chunks=(10_000, -1))
    ...     model = fastnn.dask.{name}((32,), max_iter=20).fit(X, {y})
    ...     predicted = model.predict(X)
    """


class OnPartitions(BaseEstimator):
    """What both have in common."""

    set_params = settable(BaseEstimator.set_params)

    def __init__(
        self, hidden_layer_sizes=(100,), *, strategy="average", n_passes=1, n_groups=None, client=None, **parameters
    ):
        self.strategy, self.n_passes, self.n_groups, self.client = strategy, n_passes, n_groups, client
        known = self._kind().get_params()
        if names := [name for name in parameters if name not in known]:
            raise unknown(type(self).__name__, names, self._get_param_names(), signature(self.fit).parameters, "fit")
        for name, value in (known | parameters | {"hidden_layer_sizes": hidden_layer_sizes}).items():
            setattr(self, name, value)

    @classmethod
    def _get_param_names(cls):
        return sorted({*super()._get_param_names(), *cls._kind._get_param_names()})

    def __sklearn_clone__(self):
        own = self.get_params(deep=False)  # a client is shared, not copied
        return type(self)(**{name: one if name == "client" else clone(one, safe=False) for name, one in own.items()})

    def __getstate__(self):
        return {**super().__getstate__(), "client": None}

    def __getattr__(self, name):
        fitted = self.__dict__.get("estimator_")
        if fitted is None or name.startswith("_") or not name.endswith("_"):
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        if name == "loss_curve_" and name not in vars(fitted):  # of "lbfgs"
            name = "_curve"
        return getattr(fitted, name)

    def __repr__(self, N_CHAR_MAX=700):  # noqa: N803  scikit-learn's, which would show all defaults
        default = type(self)().get_params(deep=False)
        changed = (f"{n}={v!r}" for n, v in self.get_params(deep=False).items() if repr(v) != repr(default[n]))
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_is_fitted__(self):
        return "estimator_" in vars(self)

    @answered
    def fit(self, X, y, sample_weight=None):
        """Train on partitions, where they are.

        Parameters
        ----------
        X : dask array or dataframe of shape (n_samples, n_features), or list of delayed partitions
            Partitions without rows are left out; how many rows others have need not be known.
        y : dask array, series or dataframe, or list of delayed partitions
            With the rows of each partition of X.
        sample_weight : dask array or series, or list of delayed partitions, default=None

        Returns
        -------
        self
        """
        plain = self._kind(**{name: getattr(self, name) for name in self._kind._get_param_names()})
        plain._validate_params()
        strategy = check_name("strategy", self.strategy, ("average", "exact"))
        n_passes = check_count("n_passes", self.n_passes, minimum=1)
        n_groups = None if self.n_groups is None else check_count("n_groups", self.n_groups, minimum=1)
        fit = Fit(plain, client_of(self.client), strategy, n_passes, n_groups)
        fit.make(X, y, sample_weight)
        self.estimator_, self.n_bytes_ = plain, fit.partitions.n_bytes
        return self

    def to_local(self):
        """Return the fitted estimator as `fastnn`'s own, which needs no Dask: it predicts, is saved and exported.

        Returns
        -------
        estimator : fastnn.MLPClassifier or fastnn.MLPRegressor
        """
        if "estimator_" not in vars(self):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit first")
        return self.estimator_

    def predict(self, X):
        """Return what is predicted for the rows of X, lazily by partition; of arrays in memory an array.

        Parameters
        ----------
        X : dask array or dataframe, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        y : dask array or ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._lazily("predict", X)

    def _lazily(self, method, X):
        local = self.to_local()
        if not hasattr(X, "to_delayed"):
            return getattr(local, method)(X)
        sent, nameless = copy.copy(local), copy.copy(local)
        sent.callback = None  # workers may not be able to load it
        vars(nameless).pop("feature_names_in_", None)
        like = getattr(nameless, method)(np.zeros((1, local.n_features_in_), getattr(X, "dtype", np.float64)))
        sizes = X.chunks[0] if hasattr(X, "chunks") else [np.nan] * X.npartitions
        model, predicted = dask.delayed(sent), dask.delayed(_predicted)
        return dask.array.concatenate(
            [
                dask.array.from_delayed(predicted(model, method, block, like), (size, *like.shape[1:]), like.dtype)
                for size, block in zip(sizes, blocks_of("X", X), strict=True)
            ]
        )


def _predicted(model, method, block, like):
    """On a worker: nothing for nothing, and what is promised of the dtype."""
    return getattr(model, method)(block).astype(like.dtype, copy=False) if len(block) else like[:0]


def _documented(face):
    if face.__doc__ is not None:
        y = "(X.sum(axis=1) > 10).astype(int)" if "Classifier" in face.__name__ else "X.sum(axis=1)"
        face.__doc__ += DOCUMENTATION.replace("{name}", face.__name__).replace("{y}", y)
    return face


@_documented
class MLPClassifier(ClassifierMixin, OnPartitions):
    """`fastnn.MLPClassifier` on dask arrays and dataframes, trained by the workers of a cluster where the rows are."""

    _kind = _classifier.MLPClassifier

    def predict_proba(self, X):
        """Return the probabilities of the labels for the rows of X, as `predict` does.

        Parameters
        ----------
        X : dask array or dataframe, or array-like, of shape (n_samples, n_features)

        Returns
        -------
        probabilities : dask array or ndarray of shape (n_samples, n_classes)
        """
        return self._lazily("predict_proba", X)


@_documented
class MLPRegressor(RegressorMixin, OnPartitions):
    """`fastnn.MLPRegressor` on dask arrays and dataframes, trained by the workers of a cluster where the rows are."""

    _kind = _regressor.MLPRegressor

    def score(self, X, y, sample_weight=None):
        """Return what `fastnn.MLPRegressor.score` does; for the loss "quantile" the rows are fetched for it.

        Parameters
        ----------
        X : dask array or dataframe, or array-like, of shape (n_samples, n_features)
        y : dask array, series or dataframe, or array-like, of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : dask array or series, or array-like, of shape (n_samples,), default=None

        Returns
        -------
        score : float
        """
        if self.loss != "quantile":
            return super().score(X, y, sample_weight)
        return self.to_local().score(*dask.compute(X, y, sample_weight))
