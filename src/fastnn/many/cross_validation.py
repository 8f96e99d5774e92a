"""``cross_validate``: folds by settings in one ``fit_many``, and what scikit-learn says of them.

Splits, scorers, the dict and ``cv_results_`` are scikit-learn's own; the fits are made by ``folds``, and scored side by
side by ``scoring``.
"""

import numbers
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import GridSearchCV, check_cv
from sklearn.model_selection._validation import (
    _aggregate_score_dicts,
    _insert_error_scores,
    _normalize_score_results,
    _warn_or_raise_about_fit_failures,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import indexable

from fastnn.checks import check_number
from fastnn.keywords import hides_unknown, refuse
from fastnn.many.candidates import candidates_of
from fastnn.many.fitting import check_n_jobs
from fastnn.many.folds import check_model, fit_all, fits_of
from fastnn.many.scoring import Scoring
from fastnn.piecewise import is_pieces


@hides_unknown
def cross_validate(
    model, X, y, *, cv=5, param_grid=None, scoring=None, sample_weight=None, groups=None, n_jobs=None, refit=True,
    return_train_score=False, return_estimator=False, return_indices=False, error_score=np.nan, progress=False,
    max_time=None, client=None, **unknown,
):  # fmt: skip
    """Cross-validate a network, or all settings of a grid, on all cores: what scikit-learn's gives, sooner.

    Each setting is fitted in each fold by one `fit_many`, and has the bits, and so the scores, that scikit-learn's
    ``cross_validate`` and ``GridSearchCV`` have with the same model, if it has a `random_state`.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, or Pipeline that ends in one
        The steps before the network are fitted on the rows of each fold alone, once for all settings of the network.
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    cv : int, splitter of scikit-learn, or iterable of (train, test), default 5
        An int: so many folds, which a classifier has in the proportions of the classes.
    param_grid : dict, list of dict, or iterable of dict, optional
        As of GridSearchCV, a dict of lists of values, or a list of these; or settings one by one, as ParameterSampler
        gives them. Names are those of ``set_params``.
    scoring : str, callable, list, tuple, or dict, optional
        As in scikit-learn; None: accuracy or R².
    sample_weight : array-like of shape (n_samples,), optional
        Of the rows in the fit, and, with `param_grid`, where this scikit-learn's GridSearchCV does so, in the score.
    groups : array-like of shape (n_samples,), optional
        For splitters that ask for them.
    n_jobs : int, optional
        Networks that are trained at a time; None: as many as there are CPUs.
    refit : bool, str, or callable, default True
        With `param_grid`: fit the best setting on all rows; with several scores the name of that which counts.
    return_train_score, return_estimator, return_indices : bool, default False
        As in scikit-learn; the latter two without `param_grid`.
    error_score : "raise" or float, default nan
        The score of a fit that fails.
    progress : bool, default False
        Show a bar over all fits.
    max_time : float, optional
        Seconds for the fits: those under way end then, and count as they are; those that have not begun have failed.
    client : distributed.Client, optional
        Fit by the workers of a Dask cluster, as `fastnn.dask.fit_many`; scores are made here.

    Returns
    -------
    result : dict, or GridSearchCV
        Without `param_grid` the dict of scikit-learn's cross_validate; else a fitted GridSearchCV, with
        ``cv_results_``, ``best_params_``, ``best_estimator_`` and ``predict``.

    Raises
    ------
    TypeError
        If `model` ends in another kind of estimator, or `param_grid` is none.
    ValueError
        If arguments do not fit, or all fits fail.

    Examples
    --------
    >>> import fastnn
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> X, y = load_iris(return_X_y=True)
    >>> network = fastnn.MLPClassifier((8,), solver="lbfgs", max_iter=999, random_state=0)
    >>> model = make_pipeline(StandardScaler(), network)
    >>> search = fastnn.cross_validate(model, X, y, param_grid={"mlpclassifier__alpha": [0.1, 10.0]})
    >>> search.best_params_
    {'mlpclassifier__alpha': 0.1}
    """
    if unknown:
        refuse(cross_validate, unknown)
    check_model(model)
    _check_data(X, y)
    n_threads = check_n_jobs(n_jobs)
    max_time = None if max_time is None else check_number("max_time", max_time, low=0.0)
    if error_score != "raise" and not isinstance(error_score, numbers.Number):
        raise ValueError(f'error_score is {error_score!r:.60}, expected a number or "raise"')
    if param_grid is not None and (return_estimator or return_indices):
        raise ValueError("return_estimator and return_indices are of a cross-validation without param_grid")
    X, y, sample_weight = indexable(X, y, sample_weight)
    splits = list(check_cv(cv, y, classifier=is_classifier(model)).split(X, y, groups))
    if param_grid is None:
        search, candidates = None, [{}]
        scorer, weighed = check_scoring(model, scoring=scoring, raise_exc=error_score == "raise"), {}
    else:
        candidates, grid = candidates_of(param_grid)
        search = GridSearchCV(
            model, grid, scoring=scoring, n_jobs=n_jobs, refit=refit, cv=cv, error_score=error_score,
            return_train_score=return_train_score,
        )  # fmt: skip
        scorer, metric = search._get_scorers()
        weighed = _weighed(search, sample_weight)
    fits = fits_of(model, candidates, len(splits))
    errors = "raise" if error_score == "raise" else "collect"
    data = _to_learn_from(X), _to_learn_from(y), None if sample_weight is None else np.asarray(sample_weight)
    rows = [np.asarray(train) for train, _ in splits]
    score = Scoring(X, y, splits, scorer, weighed, error_score, return_train_score, scoring is None)
    with ThreadPoolExecutor(n_threads) as pool:
        for some in fit_all(fits, data, rows, errors, max_time, n_jobs=n_jobs, progress=progress, client=client):
            for fit, result in zip(some, pool.map(score, some), strict=True):
                fit.found = result
                if not return_estimator:
                    fit.model = None
    found = [fit.found for fit in fits]
    _warn_or_raise_about_fit_failures(found, error_score)
    if callable(scoring):
        _insert_error_scores(found, error_score)
    if search is None:
        return _as_dict(found, return_train_score, fits if return_estimator else (), splits if return_indices else ())
    search.n_splits_ = len(splits)
    search.scorer_ = getattr(scorer, "_scorers", scorer)
    _choose(search, search._format_results(candidates, len(splits), found), found, metric)
    if refit:
        _fit_the_best(search, X, y, sample_weight)
    return search


def _check_data(X, y):
    """Refuse what has no rows to choose, and no y."""
    if is_pieces(X):
        raise TypeError("X comes in Pieces, of which folds choose no rows; pass arrays, such as an np.memmap")
    if y is None:
        raise ValueError("y is None, but networks learn from labels or numbers; pass y with an entry for each row of X")


def _to_learn_from(part):
    """X or y as what takes an index of rows."""
    return np.asarray(part) if isinstance(part, list | tuple) else part


def _weighed(search, sample_weight):
    """What GridSearchCV hands to the scorer beside the rows, of all rows."""
    if sample_weight is None:
        return {}
    name = "sample_weight"
    if isinstance(search.estimator, Pipeline):  # whose last step alone is told of it
        name = f"{search.estimator.steps[-1][0]}__{name}"
    return dict(search._get_routed_params_for_fit({name: sample_weight}).scorer.score)


def _as_dict(found, return_train_score, fits, splits):
    """What scikit-learn's ``cross_validate`` returns."""
    found = _aggregate_score_dicts(found)
    result = {name: found[name] for name in ("fit_time", "score_time")}
    if fits:
        result["estimator"] = [fit.model for fit in fits]
    if splits:
        result["indices"] = dict(zip(("train", "test"), zip(*splits, strict=True), strict=True))
    scores = {"test": _normalize_score_results(found["test_scores"])}
    if return_train_score:
        scores["train"] = _normalize_score_results(found["train_scores"])
    for name in scores["test"]:
        result |= {f"{which}_{name}": of[name] for which, of in scores.items()}
    return result


def _choose(search, results, found, metric):
    """Set what GridSearchCV says of its settings."""
    search.cv_results_ = results
    search.multimetric_ = isinstance(found[0]["test_scores"], dict)
    if callable(search.scoring) and search.multimetric_:
        search._check_refit_for_multimetric(found[0]["test_scores"])
        metric = search.refit
    if search.refit or not search.multimetric_:
        search.best_index_ = search._select_best_index(search.refit, metric, results)
        if not callable(search.refit):
            search.best_score_ = results[f"mean_test_{metric}"][search.best_index_]
        search.best_params_ = results["params"][search.best_index_]


def _fit_the_best(search, X, y, sample_weight):
    model = clone(search.estimator).set_params(**clone(search.best_params_, safe=False))
    name = f"{model.steps[-1][0]}__sample_weight" if isinstance(model, Pipeline) else "sample_weight"
    start = time.perf_counter()
    search.best_estimator_ = model.fit(X, y, **({} if sample_weight is None else {name: sample_weight}))
    search.refit_time_ = time.perf_counter() - start
    if hasattr(model, "feature_names_in_"):
        search.feature_names_in_ = model.feature_names_in_
