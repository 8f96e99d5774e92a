"""Who is compared on a table: a constant, a linear model and boosted trees by scikit-learn, and fastnn.

Called by ``compare``. Peers get a matrix of numbers in place of the frame, categories as codes, and what careful users
put before them; columns that fastnn leaves out, such as identifiers, they do not get.
"""

import numpy as np
import polars as pl
from sklearn import dummy, ensemble
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

#: Boosting takes categories of at most so many levels; the rarest are put together.
MOST_LEVELS = 254
#: Its default, 100, stops on many tables early.
LINEAR_ITERATIONS = 1000

#: How each is called.
CONSTANT, LINEAR, TREES, OURS = "constant", "linear", "boosted trees", "fastnn"


def matrix_of(frame, kinds):
    """Return columns of a frame, those of `kinds`, as float64, NaN for gaps, and which are codes of categories."""
    made, categories = [], []
    for place, (name, kind) in enumerate(kinds.items()):
        series = frame[name]
        if kind in ("category", "boolean"):
            categories.append(place)
            series = series.cast(pl.String).rank("dense")
        elif series.dtype == pl.String:  # dates as ISO 8601 has them
            series = series.str.to_datetime(strict=False).to_physical()
        elif series.dtype.is_temporal():
            series = series.to_physical()
        made.append(series.cast(pl.Float64).to_numpy())
    return np.column_stack(made), categories


def peers(is_classes, categories, n_columns, seed):
    """Return estimators by name; they take what `matrix_of` returns."""
    numbers = [place for place in range(n_columns) if place not in categories]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    dense = ColumnTransformer(
        [
            ("numbers", make_pipeline(imputer, StandardScaler()), numbers),
            ("categories", OneHotEncoder(handle_unknown="ignore"), categories),
        ]
    )
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=MOST_LEVELS,
    )
    few = ColumnTransformer([("categories", codes, categories)], remainder="passthrough")
    options = {"categorical_features": list(range(len(categories))), "random_state": seed}
    if is_classes:
        constant, linear = dummy.DummyClassifier(), LogisticRegression(max_iter=LINEAR_ITERATIONS)
        trees = ensemble.HistGradientBoostingClassifier(**options)
    else:
        constant, linear = dummy.DummyRegressor(), Ridge()
        trees = ensemble.HistGradientBoostingRegressor(**options)
    return {CONSTANT: constant, LINEAR: make_pipeline(dense, linear), TREES: make_pipeline(few, trees)}
