"""The course of a fit on partitions: what all of them say, start weights, a run, by scikit-learn's words for it.

Stands where ``estimators._trained`` stands for rows in memory, and hands over to the same ``training``.
"""

import uuid
from contextlib import contextmanager, nullcontext
from dataclasses import replace

import numpy as np
from distributed import CancelledError
from distributed.scheduler import KilledWorker
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import check_random_state

from fastnn.dask import averages, sums
from fastnn.dask.partitions import Partitions
from fastnn.dask.rows import Setting, weight_of
from fastnn.estimators import _lbfgs
from fastnn.estimators._callbacks import bar_of, listeners_of
from fastnn.estimators._checkpoints import NOT_ASKED, Snapshot, check_fits, known_of, take_up
from fastnn.estimators._checks import check_hidden_layer_sizes
from fastnn.estimators._course import Course
from fastnn.estimators._parameters import parameters_of
from fastnn.estimators._plan import plan_of
from fastnn.estimators._solvers import training_of
from fastnn.estimators._trained import shown_if_broken
from fastnn.estimators._warnings import tell_of_overflow, warn
from fastnn.identity import in_words
from fastnn.training import passes
from fastnn.training.batches import AllRows
from fastnn.training.checkpoints import Checkpoints

#: What a fit on partitions does not have, by parameter, and what is then said.
REFUSED = {
    "early_stopping": "stop by tol or max_iter, or measure other rows in a callback",
    "warm_start": "fit anew, or go on in memory by to_local()",
    "scoring": "score the fitted estimator",
    "track": "use callback",
    "heads": "train them in memory",
    "n_members": "fit members by fastnn.dask.fit_many",
    "bootstrap": "fit in memory",
}


class Rounds(AllRows):
    """The source of a run whose every update is a pass of all rows, which stay where they are."""

    def __init__(self, n_rows, weight):
        super().__init__(n_rows)
        self.starts = np.array([0.0, weight])

    def next_pass(self, n_updates_before):
        return *super().next_pass(n_updates_before)[:2], 1


class Fit:
    """A fit: an estimator without weights, checked, to a fitted one.

    Parameters
    ----------
    plain : MLPClassifier or MLPRegressor
        Becomes fitted.
    client : distributed.Client
    strategy : {"average", "exact"}
    n_passes : int
        Of a round of "average".
    n_groups : int or None
    """

    def __init__(self, plain, client, strategy, n_passes, n_groups):
        self.plain, self.client, self.n_passes = plain, client, n_passes
        self.of = {"average": averages, "exact": sums}[strategy]
        refuse(plain, strategy, self.of.SOLVERS)
        threads = client.nthreads()
        if not threads:
            client.wait_for_workers(1, timeout=30)
            threads = client.nthreads()
        places = [address for address, n in sorted(threads.items()) for _ in range(n)]
        self.n_groups = n_groups or len(places)
        self.places = [places[g % len(places)] for g in range(self.n_groups)] if strategy == "average" else None

    def make(self, X, y, sample_weight):
        """Train on X and y."""
        with self.told_if_lost():
            self.train(X, y, sample_weight)

    def train(self, X, y, sample_weight):
        plain = self.plain
        self.template = type(plain)(**plain.get_params() | dict.fromkeys(("callback", "random_state", "checkpoint")))
        self.partitions = partitions = Partitions(self.client, self.template, X, y, sample_weight, self.places)
        self.take_facts()
        plain._random_state = check_random_state(plain.random_state)
        hidden = check_hidden_layer_sizes(plain.hidden_layer_sizes)
        sizes = [partitions.facts[0]["n_columns"], *hidden, plain.n_outputs_]
        plain._begin(sizes, self.setting.dtype)
        network, nothing = plain._weights.network, np.empty((0, sizes[0]))
        training = training_of(plain, sizes, nothing)
        if training.dropout and self.of is sums:
            raise ValueError(
                "dropout is not for strategy='exact', whose gradients are of the whole network; use 'average'"
            )
        l2, n_rows = plain.alpha / sum(self.weights), partitions.n_rows
        self.setting = replace(self.setting, network=network._spec, training=training, l2=l2)
        samples = passes.Samples(np.broadcast_to(0.0, (n_rows, 1)), None)  # no memory: they are elsewhere
        if plain.solver == "lbfgs":
            self.minimize(samples, training, l2)
        else:
            self.run(samples, training, n_rows)
        columns = partitions.facts[0]["columns"]
        if columns is not None:
            plain.feature_names_in_ = np.array(columns, object)
        tell_of_overflow(plain, 0, nothing) if plain.solver != "lbfgs" else None
        plain._refuse_bad_weights()

    def take_facts(self):
        """Find what the partitions say together: dtype, labels, outputs, weights."""
        plain, partitions = self.plain, self.partitions
        facts = partitions.facts
        dtype = np.result_type(*(of_one["dtype"] for of_one in facts), *[np.float64] * (plain.solver == "lbfgs"))
        plain.n_features_in_, n_targets = facts[0]["n_columns"], facts[0]["n_targets"]
        if facts[0]["classes"] is not None:
            if facts[0]["several labels"]:
                labels = np.eye(n_targets, dtype=int)
            else:
                labels = np.unique(np.concatenate([of_one["classes"] for of_one in facts]))
            plain._label_binarizer = LabelBinarizer().fit(labels)
            plain.classes_ = plain._label_binarizer.classes_
            n_targets = len(plain.classes_) if len(plain.classes_) > 2 or facts[0]["several labels"] else 1
        template = self.template
        for name in ("n_features_in_", "_label_binarizer", "classes_"):
            if name in vars(plain):
                setattr(template, name, getattr(plain, name))
        self.setting = Setting(uuid.uuid4().hex, template, dtype)
        found = partitions.each(weight_of, setting=self.setting)
        self.weights, activations = map(list, zip(*found, strict=True))
        if not sum(self.weights) > 0:
            raise ValueError("sample_weight must hold at least one number above 0, all are 0")
        partitions.rows, self.weights = map(
            list, zip(*((rows, w) for rows, w in zip(partitions.rows, self.weights, strict=True) if w), strict=True)
        )
        plain.out_activation_ = template.out_activation_ = activations[0]
        plain.n_outputs_ = n_targets * (plain._objective().outputs_a_target if not hasattr(plain, "classes_") else 1)

    def backend(self, seed):
        if self.of is sums:
            total = sum(self.weights)
            return sums.Sums(self.partitions, self.setting, [weight / total for weight in self.weights])
        return averages.Averages(self.partitions, self.setting, self.weights, self.n_groups, self.n_passes, seed)

    def run(self, samples, training, n_rows):
        """Train by rounds, each of which counts as an epoch."""
        plain, plan = self.plain, plan_of(self.plain, False)
        seed = int(plain._random_state.randint(2**31 - 1))
        with self.checkpoints(plan) as checkpoints:
            found = None if checkpoints is None else checkpoints.found
            course = Course(n_rows, seed=seed) if found is None else known_of(found, n_rows, Course)
            plain._optimizer_of_now(training, plan, False, False)
            progress = plain._progress() if found is None else take_up(found, plain, samples, course)
            parameters = plain._weights.network.parameters
            job = passes.job_of(self.backend(course.seed), plain._optimizer, self.setting.network, parameters, samples)
            bar, source = bar_of(plain, plain.max_iter), Rounds(n_rows, sum(self.weights))

            def watch(every, n_updates):
                return listeners_of(plain, every, job, samples, 0.0, progress, None, {}, bar)

            limits = passes.Limits(plain.max_iter, plain.tol, plain.n_iter_no_change)
            snapshot, say = Snapshot(plain, samples, course, progress), print if plain.verbose else None
            with bar, shown_if_broken(plain, plain._show_progress, progress):
                ended = passes.fit(
                    job, plain._optimizer, samples, n_rows, None, plain.alpha, limits, progress, None, plan, say,
                    watch, checkpoints, snapshot, source,
                )  # fmt: skip
            plain._show_progress(progress)
        if ended == passes.INTERRUPTED:
            warn("Training interrupted by user.")
        elif ended == passes.REACHED_MAX_ITER:
            warn(
                f"Stochastic Optimizer: Maximum iterations ({plain.max_iter}) reached and the optimization hasn't "
                "converged yet.",
                ConvergenceWarning,
            )

    def minimize(self, samples, training, l2):
        """Train by L-BFGS."""
        plain, progress = self.plain, passes.Progress()
        parameters = plain._weights.network.parameters
        job = _lbfgs.job_of(self.backend(None), self.setting.network, parameters, training, samples)
        bar = bar_of(plain, plain.max_iter)
        with bar, shown_if_broken(plain, plain._show_iterations, progress):
            listeners = listeners_of(plain, 1, job, samples, l2, progress, None, {}, bar)
            listeners = [_lbfgs.Iterations(progress, None, parameters), *listeners]
            found = _lbfgs.minimize(job, l2, plain.max_iter, plain.max_fun, plain.tol, plain.verbose, listeners)
        plain._show_iterations(progress)
        plain.loss_, plain.n_iter_ = found

    def checkpoints(self, plan):
        """The Checkpoints of this fit, to be opened, or what stands for none."""
        plain = self.plain
        if plain.checkpoint is None:
            return nullcontext()
        return Checkpoints(
            plain.checkpoint, plain.checkpoint_every, self.identity, "max_iter", plain.max_iter, plan is None
        )

    def identity(self):
        """What this fit is of: name -> words."""
        plain = self.plain
        own = {name: in_words(getattr(plain, name)) for name in sorted(parameters_of(type(plain)).keys() - NOT_ASKED)}
        if self.of is averages:
            own |= {"n_groups": str(self.n_groups), "n_passes": str(self.n_passes)}
        return own | {"partitions": in_words(self.partitions.digests()), "classes": in_words(plain._labels())}

    @contextmanager
    def told_if_lost(self):
        """Say what is to be done where the cluster is lost."""
        address = self.client.scheduler.address
        try:
            yield
        except KilledWorker as error:
            raise RuntimeError(
                f"workers that were given the same partition died again and again ({error}); look at their memory: "
                "smaller partitions may do"
            ) from error
        except Exception as error:
            if not isinstance(error, CancelledError) and self.client.status == "running":
                raise
            kept, folder = "without checkpoint nothing is kept of it", self.plain.checkpoint
            if folder is not None:
                kept = f"the same fit by a new client goes on from the newest checkpoint in {str(folder)!r}"
            made = getattr(self.plain, "n_iter_", 0)
            raise ConnectionError(f"the scheduler at {address} was lost after {made} rounds; {kept}") from error


def refuse(plain, strategy, solvers):
    """Refuse what there is not on partitions, before anything is computed."""
    if plain.solver not in solvers:
        raise ValueError(
            f"strategy={strategy!r} has no solver={plain.solver!r}; it has {', '.join(solvers)}"
            + ("; strategy='average' has those that take batches" if strategy == "exact" else "")
        )
    known = parameters_of(type(plain))
    for name, advice in REFUSED.items():
        if name in known and getattr(plain, name) != known[name]:
            raise ValueError(f"{name}={getattr(plain, name)!r:.60} is not for partitions; {advice}")
    if getattr(plain, "class_weight", None) == "balanced":
        raise ValueError("class_weight='balanced' is not for partitions; pass the weights as a dict, or sample_weight")
    if strategy == "exact" and plain.batch_size != "auto":
        raise ValueError(f"batch_size={plain.batch_size!r} is not for strategy='exact', which takes all rows at once")
    if plain.checkpoint is not None or plain.checkpoint_every is not None:
        check_fits(plain, False)
