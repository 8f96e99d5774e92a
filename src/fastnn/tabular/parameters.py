"""The parameters that both estimators for tables share: what is allowed, what they mean, what a preset gives.

Their defaults stand in ``recipe`` and ``column``; signatures and docstrings read them there.
"""

import re
from inspect import cleandoc, signature
from numbers import Integral, Real

from sklearn.utils._param_validation import Interval, StrOptions

from fastnn._tables import HIDDEN_ACTIVATIONS
from fastnn.estimators._checks import check_hidden_layer_sizes
from fastnn.tabular.recipe import PRESETS, Recipe

_COUNT = Interval(Integral, 1, None, closed="left")
_FROM_0 = Interval(Real, 0, None, closed="left")
_ABOVE_0 = Interval(Real, 0, None, closed="neither")
_BELOW_1 = Interval(Real, 0, 1, closed="left")

CONSTRAINTS = {
    "preset": [StrOptions(set(PRESETS))],
    "n_members": [None, _COUNT],
    "time_limit": [None, _ABOVE_0],
    "n_jobs": [None, Integral],
    "random_state": ["random_state"],
    "progress": ["boolean"],
    "verbose": ["verbose"],
    "scoring": [None, str, callable],
    "validation_fraction": [_BELOW_1],
    "refit": ["boolean"],
    "importances": ["boolean"],
    "hidden_layer_sizes": [None, "array-like", _COUNT],
    "activation": [StrOptions(set(HIDDEN_ACTIVATIONS))],
    "gated": ["boolean"],
    "max_epochs": [None, _COUNT],
    "batch_size": [None, _COUNT],
    "learning_rate": [_ABOVE_0],
    "n_cycles": [Interval(Integral, 1, 30, closed="both")],
    "beta_1": [_BELOW_1],
    "beta_2": [_BELOW_1],
    "epsilon": [_ABOVE_0],
    "weight_decay": [_FROM_0],
    "dropout": [_BELOW_1],
    "scale_rate": [_FROM_0],
    "bias_rate": [_FROM_0],
    "gate_rate": [_ABOVE_0],
    "frequency_scale": [_ABOVE_0],
    "zero_last": ["boolean"],
    "missing_indicator": ["boolean"],
    "drop_identifiers": ["boolean"],
    "max_one_hot": [_COUNT],
    "embedding_size": [_COUNT],
    "min_level_count": [_COUNT],
    "max_levels": [_COUNT],
    "n_frequencies": [_COUNT],
    "numeric_embedding_size": [_COUNT],
    "numeric_embedding_rate": [_ABOVE_0],
    "max_embedded": [_COUNT],
}

#: What stands in the docstring of each estimator, under Parameters; ``documented`` adds the defaults.
DOCUMENTATION = """preset : {"fast", "default", "best"}
        What `n_members`, `hidden_layer_sizes` and `max_epochs` are where they are None: <presets>.
    n_members : int
        Networks whose outputs are averaged, each with a seed of its own, trained side by side; with `refit` there is
        one more. None: as the preset has it; with a `time_limit` as many as fit, up to <most> in all.
    time_limit : float
        Seconds that `fit` may take. Epochs are planned by what a few updates take, so that the schedule of the learning
        rate ends with the time, and planned anew if the machine slows; how many there are depends on the machine.
        There is always a model: where one pass over the rows does not fit, it learns from some of them, and warns.
    n_jobs : int
        Members that are trained at a time, a core each; it changes no number. None, -1: as many as there are CPUs; -2:
        one less.
    random_state : int, RandomState instance or None
        Of the rows held back, the start weights, the shuffles and dropout. An int gives the same model in every call.
    progress : bool
        Show a bar, in a terminal or a notebook, with the score and the time left. Needs tqdm, the extra ``[progress]``.
    verbose : bool or int
        Print a line for each member.
    scoring : str or callable
        What the best epoch of a member is chosen by, on the rows held back: the name of one of scikit-learn's scorers,
        or a function of an estimator, X and y, of which the estimator can predict for this X alone. None: the loss.
    validation_fraction : float
        The share of the rows held back, or of the groups; 0: none, and the last epoch counts. Of fewer than <fewest>
        rows none are held back.
    refit : bool
        Whether there is a network more: one learns from the rows that are not held back, gives the best of its epochs,
        and tells how sure to be; the `n_members` learn from all rows, all epochs long. All of them answer. False: the
        members are all of the first kind, as they are with an `eval_set`. With a `time_limit` that is no pass over the
        rows for each of them there is the first alone.
    importances : bool
        Whether `feature_importances_` is measured on the rows held back, by five predictions a column, beyond any
        `time_limit`.
    hidden_layer_sizes : int or array-like of int
        Units of each hidden layer. None: as the preset has it.
    activation : str
        Of the hidden layers; see `fastnn.train`.
    gated : bool
        Whether each hidden unit learns which share of its activation it takes.
    max_epochs : int
        Passes over the rows. None: as the preset has it.
    batch_size : int
        Rows of an update. None: 64 to 1024, more for more rows.
    learning_rate : float
        The highest of a schedule that rises and falls `n_cycles` times; see `fastnn.schedules.cycles`.
    n_cycles : int
    beta_1 : float
        Decay of Adam's first moments.
    beta_2 : float
        Of its second moments.
    epsilon : float
        What Adam adds to the root of these.
    weight_decay : float
        The weights shrink by its product with the learning rate at each update; it fades in the second half.
    dropout : float
        The rate at which outputs of hidden layers are dropped; it fades in the second half.
    scale_rate : float
        Factor of the learning rate for the scales of the network's inputs.
    bias_rate : float
        Likewise for biases.
    gate_rate : float
        Likewise for the shares of the activation.
    frequency_scale : float
        Deviation, in turns, of the start frequencies of numbers.
    zero_last : bool
        Whether the output layer starts from zeros.
    missing_indicator : bool
        Whether a number with gaps gets a column that says where they are.
    drop_identifiers : bool
        Whether columns that only number or name the rows are left out, with a warning.
    max_one_hot : int
        Up to so many levels a category is a column of zeros and ones for each, beyond it a learned vector.
    embedding_size : int
        Numbers of that vector.
    min_level_count : int
        Levels of fewer rows count as unknown.
    max_levels : int
        So do those beyond the most frequent.
    n_frequencies : int
        Cosines that a number becomes.
    numeric_embedding_size : int
        Numbers that are learned from these.
    numeric_embedding_rate : float
        Factor of the learning rate for what learns them.
    max_embedded : int
        Beyond so many numbers in a row each goes in as it is."""

#: And under Attributes.
ATTRIBUTES = """members_ : list
        The networks; with `refit` the first is that which tells how sure to be.
    n_members_ : int
        How many these are.
    columns_ : ColumnsTable
        What was done to each column, as a table.
    n_iter_ : int
        Epochs, of members the most.
    best_epochs_ : list of float
        Of each member the epoch whose weights it has; parts of epochs where the time allowed no more.
    history_ : list of dict
        Of each member, an entry an epoch: "epoch", "loss" of the rows learned from, and of those held back "val_loss",
        or "val_score" with `scoring`: the smaller, the better.
    held_back_ : ndarray of int
        The rows held back.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (``n_features_in_``,)
        Where X had column names."""


#: Parameters of the recipe that a preset gives.
OF_PRESET = ("hidden_layer_sizes", "max_epochs")


def preset_of(estimator):
    """Return what a preset gives where the estimator's own parameters are None: n_members, and those of the recipe."""
    given = _whole(PRESETS[estimator.preset])
    given |= {name: value for name in given if (value := getattr(estimator, name)) is not None}
    given["hidden_layer_sizes"] = tuple(check_hidden_layer_sizes(given["hidden_layer_sizes"]))
    if not given["hidden_layer_sizes"]:
        raise ValueError("hidden_layer_sizes must have one hidden layer at least, got none; pass 64, for example")
    return given.pop("n_members"), given


def _whole(preset):
    return {"n_members": 1, **{name: getattr(Recipe, name) for name in OF_PRESET}, **preset}


def documented(**facts):
    """Return what puts the shared texts, each parameter's default and some facts into an estimator's docstring."""

    def document(estimator):
        if estimator.__doc__ is None:  # under -OO
            return estimator
        text = cleandoc(estimator.__doc__)
        shared = {"parameters": cleandoc(DOCUMENTATION), "attributes": cleandoc(ATTRIBUTES), "presets": _presets()}
        for name, value in {**shared, **facts}.items():
            text = text.replace(f"<{name}>", str(value))
        for name, parameter in signature(estimator).parameters.items():
            default = f'"{value}"' if isinstance(value := parameter.default, str) else value
            text = re.sub(rf"^({name} : .*)$", rf"\1, default={default}", text, count=1, flags=re.MULTILINE)
        estimator.__doc__ = text
        return estimator

    return document


def _presets():
    said = []
    for name, given in PRESETS.items():
        values = _whole(given)
        sizes = "-".join(map(str, values["hidden_layer_sizes"]))
        said.append(f'"{name}" {values["n_members"]}, {sizes} and {values["max_epochs"]}')
    return ", ".join(said)
