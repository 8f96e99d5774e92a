"""What both estimators for tables share: from a table to members, and from a table to their mean outputs."""

from abc import ABC, abstractmethod
from dataclasses import fields
from math import ceil
from time import monotonic

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.utils import check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted
from threadpoolctl import threadpool_limits

from fastnn._engine import Rows
from fastnn.estimators._parameters import validate
from fastnn.frames import refuse_name
from fastnn.keywords import settable
from fastnn.many.fitting import check_n_jobs
from fastnn.tabular import columns
from fastnn.tabular.column import Settings
from fastnn.tabular.data import Data
from fastnn.tabular.member import Task
from fastnn.tabular.members import MOST_MEMBERS, train_all
from fastnn.tabular.network import TabularNetwork, mean_outputs
from fastnn.tabular.parameters import preset_of
from fastnn.tabular.recipe import Recipe, network_of
from fastnn.tabular.split import FEWEST, hold_back
from fastnn.tabular.tables import names_of
from fastnn.tabular.targets import NO_Y, as_groups, weights_of
from fastnn.tabular.travelling import Travelling
from fastnn.tabular.uncertainty import Spread
from fastnn.warned import warn_user

#: Parameters of the estimators that are those of the recipe, and of the columns.
OF_RECIPE = tuple(field.name for field in fields(Recipe))
OF_COLUMNS = tuple(field.name for field in fields(Settings))


class TabularEstimator(Travelling, Spread, BaseEstimator, ABC):
    """The base of both; not to be used by itself."""

    set_params = settable(BaseEstimator.set_params)
    _validate_params = validate
    _rows = None  # what answers a few rows, once there is something fitted

    @abstractmethod
    def _check_targets(self, y):
        """Return y, checked: the number of each row's class, or numbers in columns."""

    @abstractmethod
    def _check_more_targets(self, more, y, argument):
        """Likewise of other rows, beside checked y."""

    @abstractmethod
    def _class_factors(self, y, weight):
        """Factors of the weights by class, or None."""

    @abstractmethod
    def _learn_targets(self, y, rows, weight):
        """Learn from some rows what y is like; return the targets of all, (n_rows, n_out) float32."""

    @abstractmethod
    def _objective(self):
        """The loss that the network makes small."""

    @abstractmethod
    def _predicted(self, outputs):
        """What is predicted by outputs."""

    @abstractmethod
    def _units(self, n_out):
        """What makes numbers of outputs: scales, centres, lowest and highest, (4, n_out); None: they are shares."""

    @abstractmethod
    def _as_given(self, y):
        """Checked y as the user has it."""

    def _train(self, X, y, sample_weight, groups, eval_set):
        before = dict(vars(self))
        try:
            return self._fit(X, y, sample_weight, groups, eval_set)
        except BaseException:  # what was fitted before stays whole
            vars(self).clear()
            vars(self).update(before)
            raise

    def _fit(self, X, y, sample_weight, groups, eval_set):
        began, random_state = monotonic(), check_random_state(self.random_state)
        if y is None:
            raise ValueError(NO_Y.format(type(self).__name__))
        refuse_name(X, y)
        name, y = getattr(y, "name", None), self._check_targets(y)
        check_consistent_length(X, y, groups)
        groups = None if groups is None else as_groups(groups)
        n_rows, weight = len(y), weights_of(sample_weight, len(y))
        factors = self._class_factors(y, weight)
        if eval_set is not None:
            groups, (X_more, more, weight_more) = None, self._check_eval_set(eval_set, y)
            y = np.concatenate([y, more])
            if weight is not None or weight_more is not None:
                given = ((weight, n_rows), (weight_more, len(more)))
                weight = np.concatenate([np.ones(n) if own is None else own for own, n in given])
        if factors is not None:
            weight = factors[y] * (1.0 if weight is None else weight)
        rows = np.arange(len(y)) if weight is None else np.flatnonzero(weight)
        rows, others = rows[rows < n_rows], rows[rows >= n_rows]
        if not len(rows) or (eval_set is not None and not len(others)):
            raise ValueError("class_weight and sample_weight leave no row of a weight above 0")
        if len(rows) == 1:
            raise ValueError("there is 1 sample to learn from, and columns of one row tell nothing; pass at least 2")
        train, held = (rows, others) if eval_set is not None else self._split(rows, y, groups, random_state)
        self._learn_columns(X, train)
        raw = self._columns.transform(X)
        if eval_set is not None:
            raw = np.vstack([raw, self._raw(X_more)])
        splits = [(train, held)]
        if self.refit and eval_set is None and len(held):
            splits.append((rows, rows[:0]))
        n_members, seeds = self._members(random_state, len(splits) - 1)
        data = Data(raw, self._learn_targets(y, train, weight), weight, splits)
        del raw
        self._fit_members(data, y, seeds, n_members, began)
        self.held_back_ = held[held < n_rows]
        if isinstance(name, str):
            self._table = {"target": name}
        return self

    def _learn_columns(self, X, rows):
        for name in ("_rows", "_table"):
            vars(self).pop(name, None)
        self._columns = columns.learn(X, rows, **{name: getattr(self, name) for name in OF_COLUMNS})
        self.n_features_in_ = self._columns.n_columns
        vars(self).pop("feature_names_in_", None)
        if self._columns.names is not None:
            self.feature_names_in_ = np.array(self._columns.names, object)

    def _check_eval_set(self, eval_set, y):
        if not isinstance(eval_set, tuple | list) or len(eval_set) not in (2, 3):
            raise TypeError(f"eval_set must be (X, y) or (X, y, sample_weight), got {eval_set!r:.60}")
        X, given, *weight = eval_set
        given = self._check_more_targets(given, y, "the y of eval_set")
        check_consistent_length(X, given)
        return X, given, weights_of(weight[0] if weight else None, len(given), "the sample_weight of eval_set")

    def _split(self, rows, y, groups, random_state):
        """The rows to learn from, and those held back."""
        if groups is None and self.validation_fraction > 0 and len(rows) < FEWEST:
            warn_user(
                f"{len(rows)} rows are too few to hold some of them back: the model is that of the last epoch; pass "
                "more, or an eval_set"
            )
        codes = _codes(y)
        train, held = hold_back(rows, self.validation_fraction, random_state, codes, groups)
        if codes is not None and len(missing := np.setdiff1d(codes[rows], codes[train])):
            warn_user(
                f"all rows of the class {self._as_given(missing).tolist()[0]!r} are in groups that are held back: "
                "the network that these judge learns nothing of it; pass other groups, or an eval_set"
            )
        return train, held

    def _members(self, random_state, n_more):
        """How many networks there are, None if the time says, and the seeds of all there may be."""
        n_members, _ = preset_of(self)
        n_members = n_members + n_more
        if self.time_limit is not None and self.n_members is None:
            n_members = None
        seeds = random_state.randint(np.iinfo(np.int32).max, size=n_members or MOST_MEMBERS)
        return n_members, seeds.tolist()

    def _fit_members(self, data, y, seeds, n_members, began):
        """Train the members, and learn of the rows held back."""
        _, given = preset_of(self)
        recipe = Recipe(**{name: getattr(self, name) for name in OF_RECIPE} | given)
        spec = network_of(recipe, self._columns.encodings, data.targets.shape[1], self._output_activation)

        def score_of(number):
            rows = data.held_of(number)
            return None if self.scoring is None or not len(rows) else self._score_of(data, y, rows)

        trained = train_all(
            Task(recipe, spec, self._objective()), data, seeds, n_threads=check_n_jobs(self.n_jobs),
            n_members=n_members, limit=None if self.time_limit is None else (began, float(self.time_limit)),
            score_of=score_of, progress=self.progress, verbose=self.verbose,
        )  # fmt: skip
        networks = {number: TabularNetwork(spec, one.parameters) for number, one in trained.items()}
        self.members_, self.n_members_ = list(networks.values()), len(networks)
        self.history_ = [one.history for one in trained.values()]
        self.best_epochs_ = [one.best_epoch for one in trained.values()]
        self.n_iter_ = ceil(max(history["epoch"][-1] for history in self.history_))
        with threadpool_limits(1, "blas"):  # on busy CPUs its threads wait for each other a hundred times as long
            self._after_training(*data.held(networks))
        self._bind_rows()

    def _score_of(self, data, y, rows):
        """What the best epoch is chosen by, the smaller the better, of the outputs for these rows."""
        judged = object.__new__(type(self))
        vars(judged).update(vars(self))
        scorer, y, weight = check_scoring(judged, self.scoring), self._as_given(y[rows]), data.part(rows).sample_weight
        weighed = {"sample_weight": weight} if weight is not None and isinstance(self.scoring, str) else {}

        def score(loss, outputs):
            judged._outputs = lambda X: outputs
            found = scorer(judged, data.raw[rows], y, **weighed)
            if np.isfinite(loss) and not np.isfinite(found):
                raise ValueError(
                    f"scoring={self.scoring!r} gives {found} for the {len(rows)} rows held back, which tells no epoch "
                    "from another; choose another, or hold more rows back"
                )
            return -found

        return score

    @property
    def columns_(self):
        """What was done to each column of the table that `fit` got."""
        check_is_fitted(self, "members_")
        return self._columns.table

    def _raw(self, X):
        """The raw matrix of a table."""
        is_named, names = hasattr(X, "columns") or hasattr(X, "column_names"), self._columns.names
        if is_named != (names is not None) and (not is_named or names_of(X) is not None):
            said = "X does not have valid feature names, but {} was fitted with feature names"
            if is_named:
                said = "X has feature names, but {} was fitted without feature names"
            warn_user(said.format(type(self).__name__))
        return self._columns.transform(X, type(self).__name__)

    def _outputs(self, X):
        """The mean outputs of all members, (n_rows, n_out)."""
        if "members_" not in vars(self):
            check_is_fitted(self, "members_")  # which takes half as long as the network's own call for a row
        return mean_outputs(self.members_, self._raw(X))

    def _bind_rows(self):
        n_out = self.members_[0].spec.n_out
        self._rows = Rows(*self._columns.numbers(), self._units(n_out), n_out)

    def _quickly(self, X, are_codes=False):
        """The answers for a few rows of numbers, or a frame's only one; None where more has to be looked at."""
        if self._rows is None:
            return None
        if type(X) is np.ndarray:
            return self._rows.answers(X, self.members_, False, are_codes)
        raw = self._columns.row(X)
        return None if raw is None else self._rows.answers(raw, self.members_, True, are_codes)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        given = tags.input_tags
        given.allow_nan = given.categorical = given.string = given.sparse = True
        return tags


def _codes(y):
    """Numbers of classes, None where y is none."""
    return y if y.ndim == 1 else None
