"""Several heads: a list of output blocks, each with a loss, a weight and an output activation of its own.

It owns `Head`, as users write it, and what a list of heads means together: one objective. Targets, which may have gaps
then, are read by ``observed``; both faces call it.
"""

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, fields

import numpy as np

from fastnn.activations import ActivationLike, check_output_activation
from fastnn.checks import check_count, check_number
from fastnn.labels import check_smoothing
from fastnn.objective import SEVERAL, Objective, check_n_out, check_objective, check_output


@dataclass(frozen=True, repr=False)
class Head:
    """One of several heads of a network: a block of its outputs with a loss of its own.

    Networks of several heads learn several things at once, which share the hidden layers: a number and a class, say.
    `train` and `MLPRegressor` take a list of heads as ``heads``; their outputs follow one another. The objective is the
    sum of each head's weight times its loss, averaged over rows; penalties come once.

    Targets that are NaN are not observed: they add nothing to loss, gradient and error norm. The mean is still over all
    rows of the update, so that updates by batches are unbiased, as Keras has it for a sample weight of zero. Losses by
    element go by single targets. Where outputs have a loss together (under softmax, of "gaussian_nll", of several
    quantiles), all targets of a head are NaN in a row, or none; give each target a head of its own where that does not
    fit.

    Parameters
    ----------
    n_outputs : int
        Units of the last layer that are this head's: one a target, or as many as the loss has for each.
    loss : str, default "squared_error"
        One of those that `train` knows by name.
    weight : float, default 1
        At least 0: what the loss counts in the sum.
    output_activation : str or (str, float), optional
        As the loss allows. None follows from the loss, as for `train`.
    huber_delta, quantile, focal_gamma, label_smoothing : float
        Those of the loss, as for `train`; `quantile` may be a list.

    Raises
    ------
    TypeError, ValueError
        If a parameter is not as described, or they do not go together.

    Notes
    -----
    The cost of an update is the mean norm of the errors of all heads together; `history` has no accuracies.

    Pickles of an estimator hold its heads as such; skops must be told to trust ``"fastnn.heads.Head"`` too. A network
    holds plain data alone.

    Examples
    --------
    A number and one of two classes, which are not always known:

    >>> import numpy as np
    >>> import fastnn
    >>> X = [[0.0], [1.0], [2.0], [3.0]]
    >>> y = [[1.0, 2.0, np.nan, 4.0], ["low", None, "high", "high"]]
    >>> heads = [fastnn.Head(1), fastnn.Head(1, "log_loss", weight=0.5)]
    >>> options = {"activation": "tanh", "init": "glorot_normal", "random_state": 0}
    >>> network = fastnn.train([1, 8, 2], X, y, 2000, 0.1, heads=heads, **options).network
    >>> numbers, classes = network.predict(X)
    >>> numbers.round(), classes[[0, 2, 3]]
    (array([1., 2., 3., 4.]), array(['low', 'high', 'high'], dtype='<U4'))
    """

    n_outputs: int
    loss: str = "squared_error"
    _: KW_ONLY
    weight: float = 1.0
    output_activation: ActivationLike | None = None
    huber_delta: float = 1.0
    quantile: float | Sequence[float] = 0.5
    focal_gamma: float = 2.0
    label_smoothing: float = 0.0

    def __post_init__(self):
        if callable(self.loss):
            raise TypeError(f"the loss of a head must be a name, got {self.loss!r}; a function is for one loss alone")
        objective = self.objective
        own = {
            "n_outputs": check_count("n_outputs", self.n_outputs, minimum=1),
            "loss": objective.loss,
            "weight": check_number("weight", self.weight, low=0.0),
            "label_smoothing": check_number("label_smoothing", self.label_smoothing, low=0.0, below=1.0),
            "quantile": tuple(map(float, self.quantile)) if np.iterable(self.quantile) else self.quantile,
        }
        check_smoothing(own["label_smoothing"], objective.loss)
        if self.output_activation is not None:
            own["output_activation"] = check_output(objective, check_output_activation(self.output_activation))
        for name, value in own.items():
            object.__setattr__(self, name, value)
        if self.n_outputs % objective.outputs_a_target:
            check_n_out(objective, self.n_outputs, f"{self!r}")

    def __repr__(self):
        given = [repr(self.n_outputs)] + ([repr(self.loss)] if self.loss != Head.loss else [])
        others = [field for field in fields(self) if field.name not in ("n_outputs", "loss")]
        given += [f"{f.name}={getattr(self, f.name)!r}" for f in others if getattr(self, f.name) != f.default]
        return f"Head({', '.join(given)})"

    @property
    def objective(self) -> Objective:
        """The loss with its parameters, as training takes it."""
        return check_objective(self.loss, self.huber_delta, self.quantile, self.focal_gamma)

    @property
    def n_targets(self) -> int:
        """The number of targets of a row."""
        return self.n_outputs // self.objective.outputs_a_target


def for_gaps(n_targets, loss):
    """Say how targets of one loss, some of which are NaN, are learned all the same."""
    times = Objective(loss).outputs_a_target  # which are observed together
    heads = f"[{Head(n_targets, loss)!r}]" if times == 1 else f"[{Head(times, loss)!r}] * {n_targets}"
    return f"leave out single targets that were not observed by heads={heads} in place of the loss"


def check_heads(heads):
    """Return heads as a tuple."""
    if not isinstance(heads, list | tuple) or not heads or not all(isinstance(head, Head) for head in heads):
        raise TypeError(f"heads must be a list such as [Head(1), Head(3, 'log_loss')], got {heads!r:.80}")
    return tuple(heads)


def check_beside_heads(class_weight=None, **given):
    """Refuse arguments of ``train`` that say what each head says for itself; those at their defaults say nothing."""
    if class_weight is not None:
        raise ValueError(
            f"class_weight={class_weight!r:.60} beside heads: a row has a class in each; weigh rows by sample_weight, "
            "and heads by their weight"
        )
    defaults = {field.name: field.default for field in fields(Head)}
    for name, value in given.items():
        if value is not None and (np.ndim(value) > 0 or value != defaults[name]):
            raise ValueError(
                f"{name}={value!r} beside heads: each head has its own; leave it out, and write heads=[Head(..., "
                f"{name}={value!r}), ...]"
            )


def objective_of(heads):
    """Return the Objective of a tuple of heads."""
    if sum(head.weight for head in heads) == 0:
        raise ValueError("the weights of all heads are 0, so there is nothing to learn; leave them out")
    return Objective(SEVERAL, heads=tuple((head.objective, head.weight) for head in heads))


def check_n_outputs(heads, n_out, argument):
    """Refuse heads that have other numbers of outputs than the last layer."""
    n_of_heads = sum(head.n_outputs for head in heads)
    if n_of_heads != n_out:
        raise ValueError(
            f"{argument} must end in the {n_of_heads} outputs of its heads {list(heads)}, one after the other; it ends "
            f"in {n_out}"
        )
