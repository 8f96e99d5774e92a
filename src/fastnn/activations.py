"""Activations by name: with the parameter that a few take, as users write them and as the tables have them.

Formulas stand in the backends. The faces have what users give checked here; ``spec`` describes networks by it.
"""

from dataclasses import dataclass
from numbers import Real

import numpy as np

from fastnn._tables import ACTIVATION_PARAMETERS, HIDDEN_ACTIVATIONS, OUTPUT_ACTIVATIONS
from fastnn.checks import check_name, check_number

#: One activation as users write it: a name, or a name and its parameter.
ActivationLike = str | tuple[str, float]

#: Other names that are accepted for a row of the activation table.
ACTIVATION_ALIASES = {"sigmoid": "logistic"}


@dataclass(frozen=True)
class Activation:
    """An activation by its name in the table, and the numbers that it takes, if any: by default the table's."""

    name: str
    parameters: tuple[float, ...] = ()

    def __post_init__(self):
        if not self.parameters and self.name in ACTIVATION_PARAMETERS:
            object.__setattr__(self, "parameters", (ACTIVATION_PARAMETERS[self.name][1],))

    @property
    def as_given(self):
        """As a user writes it: the name, with the parameter where that is not the default."""
        is_default = self.parameters == Activation(self.name).parameters
        return self.name if is_default else (self.name, *self.parameters)

    def __str__(self):
        is_default = self.parameters == Activation(self.name).parameters
        return self.name if is_default else f"{self.name}({', '.join(f'{number:g}' for number in self.parameters)})"


def as_activation(given):
    """Return an `Activation` from what a user writes, or from one."""
    if isinstance(given, Activation):
        return given
    return Activation(given) if isinstance(given, str) else Activation(given[0], tuple(given[1:]))


@dataclass(frozen=True)
class Block:
    """Outputs that have an activation together: those of one of several heads, or all.

    Parameters
    ----------
    n_out : int
    activation : Activation
        A name will do.
    """

    n_out: int
    activation: Activation

    def __post_init__(self):
        object.__setattr__(self, "activation", as_activation(self.activation))
        activation, n_out = self.activation, self.n_out
        if activation.name == "mean_variance" and n_out % 2:
            raise ValueError(
                "output_activation='mean_variance' has a mean and a variance for each target: the last layer must have "
                f"an even number of units, got {n_out}"
            )
        if self.group and (self.group < 0 or n_out % self.group):
            raise ValueError(
                f"output_activation={activation.as_given!r} goes by groups of {activation.parameters[0]:g} outputs; "
                f"{n_out} outputs are no such groups"
            )

    @property
    def group(self):
        """How many outputs rise from one to the next under the activation increasing; 0: it is another."""
        if self.activation.name != "increasing":
            return 0
        number = self.activation.parameters[0]
        return int(number) if number == int(number) and number != 0 else self.n_out if number == 0 else -1

    def __str__(self):
        return f"{self.n_out} {self.activation}"


def is_one_activation(given):
    """Whether this is a name, or a pair of a name and a number: not a list of activations."""
    if isinstance(given, str):
        return True
    is_pair = isinstance(given, tuple | list) and len(given) == 2 and isinstance(given[0], str)
    return is_pair and isinstance(given[1], Real | bool | np.bool_)


def check_hidden_activations(activation, n_hidden):
    """Return one activation per hidden layer as users write it, from one for all of them or a list.

    Each is a table name, or a pair of this and a parameter that is not the default.
    """
    if is_one_activation(activation):
        return (_activation("activation", activation, HIDDEN_ACTIVATIONS),) * n_hidden
    if not np.iterable(activation):
        raise TypeError(
            "activation must be a name or a list of names, or in place of a name a pair such as ('leaky_relu', 0.2), "
            f"got {activation!r}"
        )
    names = tuple(activation)
    if len(names) != n_hidden:
        hint = ""
        if len(names) == n_hidden + 1 and _may_be_output(names[-1]):
            hint = f"; that of the last layer is output_activation={names[-1]!r}"
        raise ValueError(
            f"activation must have one name per hidden layer: {n_hidden} expected, {len(names)} given{hint}"
        )
    return tuple(_activation(f"activation[{l}]", name, HIDDEN_ACTIVATIONS) for l, name in enumerate(names))


def check_output_activation(output_activation, argument="output_activation"):
    """Return an output activation as users write it: a table name, or a pair of this and its parameter."""
    return _activation(argument, output_activation, OUTPUT_ACTIVATIONS)


def _may_be_output(given):
    name = given if isinstance(given, str) or not is_one_activation(given) else given[0]
    return isinstance(name, str) and name in (*OUTPUT_ACTIVATIONS, *ACTIVATION_ALIASES)


def _activation(argument, given, known):
    """Return one activation as users write it, in the one way that says the same."""
    is_pair = not isinstance(given, str) and is_one_activation(given)
    name = _activation_name(argument, given[0] if is_pair else given, known)
    if not is_pair:
        return name
    if name not in ACTIVATION_PARAMETERS:
        able = " and ".join(repr(other) for other in ACTIVATION_PARAMETERS if other in HIDDEN_ACTIVATIONS)
        raise ValueError(
            f"{argument} {name!r} takes no parameter, got {given[1]!r}; write the name alone ({able} take one)"
        )
    parameter, _ = ACTIVATION_PARAMETERS[name]
    return Activation(name, (check_number(f"the {parameter} of {argument} {name!r}", given[1]),)).as_given


def _activation_name(argument, name, known):
    if isinstance(name, str):
        name = ACTIVATION_ALIASES.get(name, name)
        if name in OUTPUT_ACTIVATIONS and name not in known:
            raise ValueError(
                f"unknown {argument} {name!r}: expected one of {', '.join(map(repr, known))}; for the last layer it is "
                f"output_activation={name!r}"
            )
    return check_name(argument, name, known)
