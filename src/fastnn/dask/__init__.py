"""The estimators on dask arrays and dataframes, and many networks by the workers of a cluster; needs Dask."""

from fastnn.checks import optional

__all__ = ["MLPClassifier", "MLPRegressor", "fit_many"]

with optional("fastnn.dask", "Dask and scikit-learn", "dask", "distributed", "sklearn", "scipy", extra="dask"):
    from fastnn.dask.faces import MLPClassifier as MLPClassifier
    from fastnn.dask.faces import MLPRegressor as MLPRegressor
    from fastnn.dask.many import fit_many as fit_many
