"""What a network and a training run are, validated once, and where each number of a network lives.

Every layer above works from these two descriptions; the faces make them, the backends only read them.
A network's parameters are one flat array: the weights of all layers, W[l] (n_out, n_in) row by row, then the
biases of all layers. So the L2 penalty, which leaves biases out, is one slice, and an update one pass. Where encodings
are the first layer, its weights are their own parameters, its biases a scale of each number that they give; the gates
of the hidden layers come last.
"""

import math
import sys
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from fastnn._tables import ACTIVATION_PARAMETERS, ACTIVATIONS, HIDDEN_ACTIVATIONS, SOLVERS
from fastnn.activations import Activation, Block, as_activation
from fastnn.checks import check_count, check_flag, check_name, check_number
from fastnn.dropout import Dropout
from fastnn.encodings import KINDS, Encoding, as_tuples, check_encodings, places
from fastnn.objective import Objective
from fastnn.state import OTHER_SOLVERS

#: The struct ``fastnn_layer`` of csrc/fastnn.h.
LAYER = np.dtype(
    [(name, np.intp) for name in ("n_in", "n_out", "weights", "biases", "inputs", "outputs", "activation")]
    + [("parameter", np.float64), ("n_blocks", np.intp), ("gates", np.intp), ("n_columns", np.intp)],
    align=True,
)

#: One array a layer of weights: a dict keyed from 1, or a list.
Layers = Mapping[int, ArrayLike] | Sequence[ArrayLike]

#: beta_2 where it is not given, for solvers whose default is not that of `TrainingSpec`.
DEFAULT_BETA_2 = {"rmsprop": 0.9, "lion": 0.99}

#: weight_decay likewise.
DEFAULT_WEIGHT_DECAY = {"adamw": 0.01}

#: Solvers whose updates take all rows.
TAKE_ALL_ROWS = ("rprop", *OTHER_SOLVERS)


@dataclass(frozen=True)
class NetworkSpec:
    """The shape of a network: layer sizes, the activation of each layer of weights (a name will do), and the dtype.

    Layers of weights are counted from 1 to ``n_layers``, as the tutorials count them: ``W[1]`` leads from the inputs
    to the first hidden layer. `blocks` has the outputs of several heads, in their order, each with its own activation;
    that of the last layer then is identity. () stands for one head.

    `encodings`, one a column of the inputs, are the first layer where there are any, with activation identity; `gated`
    then gives each unit z of the layers between them and the outputs a share a of its activation f: z + a (f(z) - z).
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[Activation, ...]
    dtype: np.dtype
    blocks: tuple[Block, ...] = ()
    encodings: tuple[Encoding, ...] = ()
    gated: bool = False

    def __post_init__(self):
        specs = tuple(map(as_activation, self.activations))
        for activation in (*specs, *(block.activation for block in self.blocks)):
            if len(activation.parameters) != (activation.name in ACTIVATION_PARAMETERS):  # nobody would read them
                raise ValueError(f"activation {activation.name!r} takes no parameters, got {activation.parameters}")
            with np.errstate(over="ignore"):
                if not all(np.isfinite(self.dtype.type(number)) for number in activation.parameters):
                    raise ValueError(f"the parameter of {activation} is beyond the range of {self.dtype}")
        object.__setattr__(self, "activations", specs)
        Block(self.n_out, specs[-1])  # refuses what does not go together
        outputs = [block.n_out for block in self.blocks]
        n_out = sum(outputs)
        if outputs and (n_out != self.n_out or min(outputs) < 1 or specs[-1].name != "identity"):
            raise ValueError(
                f"heads of {n_out} outputs are no blocks of a last layer of {self.n_out} with activation {specs[-1]}"
            )
        check_encodings(self.layer_sizes, specs, self.blocks, self.encodings, self.gated, HIDDEN_ACTIVATIONS)

    def __getstate__(self):
        state = {field.name: getattr(self, field.name) for field in fields(self)[:4]}
        return {**state, "encodings": as_tuples(self.encodings), "gated": self.gated} if self.encodings else state

    def __setstate__(self, state):
        """Become what the four entries say, or six, and nothing else: offsets are never taken from a pickle."""
        sizes, activations, dtype, blocks = (state[field.name] for field in fields(self)[:4])
        encodings = tuple(Encoding(*entries) for entries in state.get("encodings", ()))
        gated = check_flag("gated", state.get("gated", False))
        sizes = check_layer_sizes(sizes, "layer_sizes")
        NetworkSpec.__init__(self, sizes, activations, check_dtype(dtype), blocks, encodings, gated)
        if len(self.activations) != len(self.layer_sizes) - 1:
            raise ValueError(f"{len(activations)} activations for layers of {self.layer_sizes} units: it is damaged")

    @cached_property
    def group(self):
        """That of the outputs of a single head."""
        return Block(self.n_out, self.activations[-1]).group

    @property
    def activation_names(self):
        """The name of each layer's activation."""
        return tuple(activation.name for activation in self.activations)

    @cached_property
    def activations_as_given(self):
        """Each layer's activation as users write it: a name, or a name and its parameter."""
        return tuple(activation.as_given for activation in self.activations)

    @property
    def activations_in_words(self):
        """Each layer's activation, to be read; for the last those of all heads."""
        *hidden, last = map(str, self.activations)
        return (*hidden, " + ".join(map(str, self.blocks)) or last)

    @cached_property
    def n_layers(self):
        """The number of layers of weights."""
        return len(self.activations)

    @property
    def n_in(self):
        """The number of inputs."""
        return self.layer_sizes[0]

    @property
    def n_out(self):
        """The number of outputs."""
        return self.layer_sizes[-1]

    @cached_property
    def n_weights(self):
        """The number of weights of all layers, biases not counted: they come first in the flat parameters."""
        return self._n_own + sum(n_in * n_out for n_in, n_out in self.shapes[bool(self.encodings) :])

    @cached_property
    def n_parameters(self):
        """The number of weights, biases and gates."""
        return self.n_weights + sum(self.layer_sizes[1:]) + (sum(self.layer_sizes[2:-1]) if self.gated else 0)

    @cached_property
    def shapes(self):
        """The pair (n_in, n_out) of each layer of weights."""
        return tuple(zip(self.layer_sizes[:-1], self.layer_sizes[1:], strict=True))

    @cached_property
    def layers(self):
        """One row a layer of weights, as ``fastnn_layer`` in C: its sizes, offsets, activation; blocks; encodings."""
        layers = np.zeros(self.n_layers + len(self.blocks) + len(self.encodings), LAYER)
        weights, biases, inputs = 0, self.n_weights, 0
        gates = biases + sum(self.layer_sizes[1:])
        for index, ((n_in, n_out), activation) in enumerate(zip(self.shapes, self.activations, strict=True)):
            has_gates = self.gated and 0 < index < self.n_layers - 1
            place = weights, biases, inputs, inputs + n_in
            layers[index] = (n_in, n_out, *place, *_numbers_of(activation), 0, gates if has_gates else 0, 0)
            n_own = n_in * n_out if index or not self.encodings else self._n_own
            weights, biases, inputs, gates = weights + n_own, biases + n_out, inputs + n_in, gates + n_out * has_gates
        self._put_blocks(layers[self.n_layers - 1 :])
        self._put_encodings(layers)
        layers.flags.writeable = False
        return layers

    def _put_blocks(self, layers):
        """Fill the rows of the blocks, which come after that of the last layer."""
        layers[0]["n_blocks"] = len(self.blocks)
        n_in, _, weights, biases, inputs, outputs, *_ = layers[0].item()
        for index, block in enumerate(self.blocks, start=1):
            place = weights, biases, inputs, outputs
            layers[index] = (n_in, block.n_out, *place, *_numbers_of(block.activation), 0, 0, 0)
            weights, biases, outputs = weights + n_in * block.n_out, biases + block.n_out, outputs + block.n_out

    def _put_encodings(self, layers):
        """Fill the rows of the encodings: n, the numbers that each gives, parameters, scales, column, outputs, kind."""
        layers[0]["n_columns"] = len(self.encodings)
        scales = self.n_weights
        for column, (encoding, (own, first)) in enumerate(zip(self.encodings, places(self.encodings), strict=True)):
            what = KINDS.index(encoding.kind), encoding.rate
            place = own, scales + first, column, first
            layers[self.n_layers + column] = (encoding.n, encoding.n_out, *place, *what, 0, 0, 0)

    @cached_property
    def _n_own(self):
        """How many parameters of their own the encodings have."""
        return sum(encoding.n_parameters for encoding in self.encodings)

    @cached_property
    def _places(self):
        """Of each layer of weights: its number, the slice of its weights and their shape, the slice of its biases."""
        places = []
        for l, layer in enumerate(self.layers[: self.n_layers].tolist(), start=1):
            n_in, n_out, weights, biases, *_ = layer
            shape = (n_out, n_in) if l > 1 or not self.encodings else (self._n_own,)
            places.append((l, slice(weights, weights + math.prod(shape)), shape, slice(biases, biases + n_out)))
        return places

    def views(self, flat):
        """Views of flat parameters (or a flat gradient) as dicts W, b keyed 1 ... n_layers, W[l] (n_out, n_in).

        Of encodings W[1] are all parameters of their own, (n,), and b[1] the scales.
        """
        weights, biases = {}, {}
        for l, of_weights, shape, of_biases in self._places:
            weights[l] = flat[of_weights].reshape(shape)
            biases[l] = flat[of_biases]
        return weights, biases

    def gates_of(self, flat):
        """Views of the gates of flat parameters, a dict of (n_out,) by layer: of those that have any."""
        return {l: flat[place] for l, place in self._gate_places.items()}

    @cached_property
    def _gate_places(self):
        rows = enumerate(self.layers[: self.n_layers].tolist(), start=1)
        return {l: slice(gates, gates + n_out) for l, (_, n_out, *_, gates, _) in rows if gates}

    def encoding_views(self, flat):
        """Views of the encodings' own parameters, a dict by name for each column: see `Encoding.shapes`."""
        begins = places(self.encodings)
        return [
            encoding.views(flat[own : own + encoding.n_parameters])
            for encoding, (own, _) in zip(self.encodings, begins, strict=True)
        ]

    def part(self, parameters, first, last, output_activation=None):
        """The network that the layers of weights `first` ... `last` are by themselves, and its view of the parameters.

        Its last layer may have another activation than its own; that of all layers is without blocks.
        """
        asked = first, last, output_activation
        if asked not in self._parts:
            self._parts[asked] = self._part(*asked)
        return self._parts[asked], parameters[int(self.layers[first - 1]["weights"]) :]

    @cached_property
    def _parts(self):
        """Those that somebody has asked for."""
        return {}

    def _part(self, first, last, output_activation):
        activations = self.activations[first - 1 : last]
        if output_activation is not None:
            activations = (*activations[:-1], as_activation(output_activation))
        if output_activation is None and self.layers[last - 1]["gates"]:
            raise ValueError(f"layer {last} has gates, which outputs have not: take 'identity', for its sums")
        encodings = self.encodings if first == 1 else ()
        part = NetworkSpec(self.layer_sizes[first - 1 : last + 1], activations, self.dtype, (), encodings)
        layers, own = part.layers.copy(), self.layers[first - 1 : last]
        layers["biases"][: part.n_layers] = own["biases"] - own["weights"][0]
        layers["gates"][: part.n_layers - 1] = [gates and gates - own["weights"][0] for gates in own["gates"][:-1]]
        layers["biases"][part.n_layers :] += self.n_weights - part.n_weights
        layers.flags.writeable = False
        vars(part)["layers"] = layers
        return part

    def standing_still(self, rates):
        """Which of the flat parameters have a rate of 0, by the `rates` of a `TrainingSpec`; None if none can."""
        if not rates:
            return None
        found = np.zeros(self.n_parameters, bool)
        for views, factors in zip(self.views(found), zip(*rates, strict=True), strict=True):
            for view, factor in zip(views.values(), factors, strict=True):
                view[:] = factor == 0
        return found

    def flatten(self, weights, biases, out):
        """Copy dicts W, b into the flat array `out`."""
        flat_weights, flat_biases = self.views(out)
        for l in flat_weights:
            flat_weights[l][:] = weights[l]
            flat_biases[l][:] = biases[l]


#: The same for the same arguments: what a network is does not change, and to find out takes longer than a small update.
network_spec = lru_cache(maxsize=128)(NetworkSpec)


@dataclass(frozen=True)
class TrainingSpec:
    """How a network is trained, below the level of one update: what a backend's run needs beside its arrays.

    A solver reads its own numbers and ignores the others: sgd momentum and nesterov; rmsprop beta_2 and epsilon; adam,
    adamw and nadam beta_1, beta_2 and epsilon; adagrad epsilon; lion beta_1 and beta_2; levenberg_marquardt those that
    begin with mu. `weight_decay` and what follows `updates_per_pass` are the rules of the step, which every solver of
    the table keeps; each is off by default. The others know of them what stands still.

    `rates` has a pair of factors of the learning rate for each layer, of its weights and of its biases; () stands for
    ones throughout. What has a factor of 0 does not move: it has no gradient, whatever penalties there are, does not
    decay, is not bounded, and its state stays as it is. `dropout` is None where nothing is dropped.

    The rest is of networks with encodings. Their own rates are factors of the first layer's; `gate_rate` is that of
    gates, which do not decay. `decay_rates` has for each layer a factor of rate times decay in place of that in
    `rates`. `fade` is a pair of numbers of updates: until the first the rates of dropout and of decay are whole, then
    they fall along half a cosine, to nothing from the second on.
    """

    objective: Objective
    solver: str = "sgd"
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0
    mu: float = 1e-3
    mu_inc: float = 10.0
    mu_dec: float = 0.1
    tol: float = 0.0
    updates_per_pass: int = 1
    l1: float = 0.0
    max_grad_norm: float = math.inf
    max_norm: float = math.inf
    rates: tuple[tuple[float, float], ...] = ()
    dropout: Dropout | None = None
    decay_rates: tuple[float, ...] = ()
    gate_rate: float = 1.0
    fade: tuple[int, int] = ()

    def share(self, n_updates):
        """What `fade` leaves of dropout and decay in the update that follows so many."""
        if not self.fade or n_updates < self.fade[0]:
            return 1.0
        first, last = self.fade
        return 0.0 if n_updates >= last else 0.5 * (1.0 + math.cos(math.pi * (n_updates - first) / (last - first)))

    @property
    def lowest_moving(self):
        """The lowest layer, counted from 1, of which anything moves: none below it needs a gradient."""
        return next((l for l, factors in enumerate(self.rates, start=1) if any(factors)), 1)


def _numbers_of(activation):
    """The id and the parameter of an activation."""
    return ACTIVATIONS[activation.name], (*activation.parameters, 0.0)[0]


def check_layer_sizes(nn_structure, argument="nn_structure"):
    """Return layer sizes as a tuple of ints, or say what is wrong with them."""
    if isinstance(nn_structure, str | bytes | Mapping | Set) or not np.iterable(nn_structure):
        raise TypeError(f"{argument} must be a list of layer sizes such as [64, 30, 10], got {nn_structure!r}")
    if getattr(nn_structure, "ndim", 1) != 1 or hasattr(nn_structure, "columns"):
        raise TypeError(
            f"{argument} must be a list of layer sizes such as [64, 30, 10], got a {type(nn_structure).__name__} of "
            f"shape {nn_structure.shape}; the layers come first, then X and y: fastnn.train([64, 30, 10], X, y)"
        )
    sizes = tuple(check_count(f"{argument}[{position}]", size, minimum=1) for position, size in enumerate(nn_structure))
    if len(sizes) < 2:
        raise ValueError(
            f"{argument} needs at least two layers, the inputs and the outputs, such as [64, 10]; got {list(sizes)}"
        )
    n_parameters = sum((n_in + 1) * n_out for n_in, n_out in pairwise(sizes))
    if n_parameters > sys.maxsize // 8:  # before anything computes an offset; what merely lacks memory says so itself
        raise ValueError(
            f"layers of {list(sizes)} units have {n_parameters} parameters, more than this machine has addresses for: "
            f"at most {sys.maxsize // 8} numbers of 8 bytes"
        )
    return sizes


def check_dtype(dtype):
    """Return the NumPy dtype of a network: float32 or float64."""
    try:
        name = "" if dtype is None else np.dtype(dtype).name  # np.dtype(None) would be float64
    except TypeError:
        name = ""
    if name not in ("float32", "float64"):
        raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
    return np.dtype(name)


def check_training(
    *,
    objective,
    solver,
    momentum,
    nesterov,
    dtype,
    beta_1=TrainingSpec.beta_1,
    beta_2=None,
    epsilon=TrainingSpec.epsilon,
    weight_decay=None,
    mu=TrainingSpec.mu,
    mu_inc=TrainingSpec.mu_inc,
    mu_dec=TrainingSpec.mu_dec,
    tol=TrainingSpec.tol,
    l1=TrainingSpec.l1,
    max_grad_norm=None,
    max_norm=None,
    rates=TrainingSpec.rates,
):
    """Return a validated TrainingSpec, but for `updates_per_pass`, which depends on the data.

    Numbers that the solver does not read are checked all the same. A `beta_2` or `weight_decay` of None is the solver's
    own default, a norm of None no bound; `rates` come from `fastnn.step_rules`.
    """
    solver = check_name("solver", solver, (*SOLVERS, *OTHER_SOLVERS))
    if beta_2 is None:
        beta_2 = DEFAULT_BETA_2.get(solver, TrainingSpec.beta_2)
    if weight_decay is None:
        weight_decay = DEFAULT_WEIGHT_DECAY.get(solver, TrainingSpec.weight_decay)
    training = TrainingSpec(
        objective=objective,
        solver=solver,
        momentum=check_number("momentum", momentum, low=0.0, below=1.0),
        nesterov=check_flag("nesterov", nesterov),
        beta_1=check_number("beta_1", beta_1, low=0.0, below=1.0),
        beta_2=check_number("beta_2", beta_2, low=0.0, below=1.0),
        epsilon=_check_epsilon(epsilon, dtype),
        weight_decay=check_number("weight_decay", weight_decay, low=0.0),
        mu=check_number("mu", mu, above=0.0),
        mu_inc=check_number("mu_inc", mu_inc, above=1.0),
        mu_dec=check_number("mu_dec", mu_dec, above=0.0, below=1.0),
        tol=check_number("tol", tol, low=0.0),
        l1=check_number("l1", l1, low=0.0),
        max_grad_norm=_check_bound("max_grad_norm", max_grad_norm),
        max_norm=_check_bound("max_norm", max_norm),
        rates=rates,
    )
    if solver in OTHER_SOLVERS:
        refuse_rules(training)
    return training


def _check_epsilon(epsilon, dtype):
    """Return epsilon, which keeps a step from dividing by zero and so must not vanish when it is cast."""
    number = check_number("epsilon", epsilon, above=0.0)
    with np.errstate(all="ignore"):  # what vanishes or overflows is named below
        cast = float(dtype.type(number))
    if not 0.0 < cast < np.inf:
        raise ValueError(f"epsilon={epsilon!r} is {cast} in {dtype}; use one nearer to 1e-8, or dtype='float64'")
    return number


def _check_bound(argument, value):
    return math.inf if value is None else check_number(argument, value, above=0.0)


def refuse_rules(training):
    """Refuse rules of a step where there is none of the usual kind; what does not move may stand still, though."""
    for rule in ("l1", "weight_decay", "max_grad_norm", "max_norm"):
        if getattr(training, rule) != getattr(TrainingSpec, rule):
            raise ValueError(
                f"solver={training.solver!r} has no step of a gradient's, so that {rule} would have no meaning; use "
                "the penalty l2, or another solver"
            )
    if any(factor not in (0.0, 1.0) for pair in training.rates for factor in pair):
        raise ValueError(f"solver={training.solver!r} has no learning rate; of layer_rates it knows 0 and 1 alone")


def check_batch_size(solver, batch_size, n_samples):
    """Refuse a batch size, None for all rows, that a solver cannot take."""
    if solver in TAKE_ALL_ROWS and batch_size is not None and batch_size < n_samples:
        raise ValueError(
            f"solver={solver!r} takes all {n_samples} samples in each update, got batch_size={batch_size}; leave it "
            "out, or use another solver"
        )
