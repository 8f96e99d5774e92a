"""Who answers: each method's estimator for a raw table, by its library's defaults, on one thread, with a fixed seed.

Trees that know categories and gaps get the frame as it is; others what a careful user puts before them. The worker
imports what a method needs, and nobody else's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

SEED = 0
#: HistGradientBoosting takes categories of at most so many levels.
MOST_LEVELS = 255
#: Iterations of the logistic regression: its default of 100 stops many of the tables early, with a warning.
LINEAR_ITERATIONS = 1000


@dataclass(frozen=True)
class Method:
    """A row of the tables.

    Attributes
    ----------
    name, label : str
        What options and results call it, and what tables and charts do.
    packages : tuple of str
        Distributions whose versions its figures belong to; of several with "|" between them the first that is there.
    build : callable
        Takes whether classes are wanted, and returns an estimator.
    is_ours : bool, default False
    """

    name: str
    label: str
    packages: tuple[str, ...]
    build: Callable
    is_ours: bool = False

    def versions(self):
        """Return the packages and their versions in a line; raise ImportError if one is absent."""
        return ", ".join(map(_versioned, self.packages))


def _versioned(names):
    if names == "fastnn":
        import fastnn

        return f"fastnn {fastnn.__version__}"
    for name in names.split("|"):
        try:
            return f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    raise ImportError(f"{names.replace('|', ' or ')} is not installed")


def _tabular(n_members):
    def build(is_classes):
        import fastnn

        return _either(is_classes, fastnn, "Tabular{}", n_members=n_members, random_state=SEED)

    return build


def _either(is_classes, module, name, **options):
    return getattr(module, name.format("Classifier" if is_classes else "Regressor"))(**options)


def _categories():
    from sklearn.compose import make_column_selector

    return make_column_selector(dtype_include="category")


def _dense_numbers():
    """One-hot categories, numbers standardised, gaps filled in by the median and said by a column."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    words = OneHotEncoder(handle_unknown="ignore")
    return make_column_transformer((words, _categories()), (numbers, make_column_selector(dtype_include="number")))


def _plain(is_classes):
    from sklearn.pipeline import make_pipeline

    import fastnn

    return make_pipeline(_dense_numbers(), _either(is_classes, fastnn, "MLP{}", random_state=SEED))


def _linear(is_classes):
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline

    model = LogisticRegression(max_iter=LINEAR_ITERATIONS) if is_classes else Ridge()
    return make_pipeline(_dense_numbers(), model)


def _forest(is_classes):
    from sklearn import ensemble
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    numbers = make_column_transformer((codes, _categories()), remainder="passthrough")
    return make_pipeline(numbers, _either(is_classes, ensemble, "RandomForest{}", n_jobs=1, random_state=SEED))


def _hist_gradient_boosting(is_classes):
    from sklearn import ensemble
    from sklearn.pipeline import make_pipeline

    from bench.tables.levels import FewLevels

    options = {"categorical_features": "from_dtype", "random_state": SEED}
    boosting = _either(is_classes, ensemble, "HistGradientBoosting{}", **options)
    return make_pipeline(FewLevels(MOST_LEVELS), boosting)


def _lightgbm(is_classes):
    import lightgbm

    return _either(is_classes, lightgbm, "LGBM{}", n_jobs=1, random_state=SEED, verbosity=-1)


def _xgboost(is_classes):
    import xgboost

    return _either(is_classes, xgboost, "XGB{}", n_jobs=1, random_state=SEED, enable_categorical=True)


def _realmlp(is_classes):
    import pytabkit

    return _either(is_classes, pytabkit, "RealMLP_TD_{}", n_threads=1, random_state=SEED, device="cpu", verbosity=0)


BASELINE = "hgb"
METHODS = (
    Method("fastnn", "fastnn", ("fastnn",), _tabular(1), is_ours=True),
    Method("fastnn_8", "fastnn, 8 members", ("fastnn",), _tabular(8), is_ours=True),
    Method("plain", "fastnn MLP, one-hot", ("fastnn", "scikit-learn"), _plain, is_ours=True),
    Method(BASELINE, "HistGradientBoosting", ("scikit-learn",), _hist_gradient_boosting),
    Method("forest", "RandomForest", ("scikit-learn",), _forest),
    Method("linear", "linear, one-hot", ("scikit-learn",), _linear),
    Method("lightgbm", "LightGBM", ("lightgbm",), _lightgbm),
    Method("xgboost", "XGBoost", ("xgboost|xgboost-cpu",), _xgboost),
    Method("realmlp", "RealMLP (pytabkit)", ("pytabkit", "torch"), _realmlp),
)
BY_NAME = {method.name: method for method in METHODS}
