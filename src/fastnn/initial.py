"""Random numbers and the start weights that they give.

It owns `Draws`, which hides the difference between NumPy's global generator, a RandomState and a Generator, and the
inits, each of which draws in the order of the tutorial or library that it comes from, in float64. In which order a run
makes its draws, and whether anything can be learned from such a start, is left to the faces and to ``saturation``.
"""

import copy
import math

import numpy as np

from fastnn.checks import check_name, check_number

#: name -> function (draws, n_in, n_out) that returns weights as (n_in, n_out), to start with biases of zero.
INITS = {
    "normal": lambda draws, n_in, n_out: draws.normal((n_in, n_out)),
    "truncated_normal": lambda draws, n_in, n_out: _truncated_normal(draws, (n_in, n_out)),
    "glorot_uniform": lambda draws, n_in, n_out: _within(draws, (n_in, n_out), math.sqrt(6 / (n_in + n_out))),
    "glorot_normal": lambda draws, n_in, n_out: draws.normal((n_in, n_out)) * math.sqrt(2 / (n_in + n_out)),
    "he_uniform": lambda draws, n_in, n_out: _within(draws, (n_in, n_out), math.sqrt(6 / n_in)),
    "he_normal": lambda draws, n_in, n_out: draws.normal((n_in, n_out)) * math.sqrt(2 / n_in),
    "lecun_uniform": lambda draws, n_in, n_out: _within(draws, (n_in, n_out), math.sqrt(3 / n_in)),
    "lecun_normal": lambda draws, n_in, n_out: draws.normal((n_in, n_out)) * math.sqrt(1 / n_in),
    "orthogonal": lambda draws, n_in, n_out: _orthogonal(draws, n_in, n_out),
    "zeros": lambda draws, n_in, n_out: np.zeros((n_in, n_out)),
}

#: name -> function (draws, shape, n_in) that returns weights, of shape (n_out, n_in), and then likewise the biases.
INITS_WITH_BIASES = {
    "uniform": lambda draws, shape, n_in: draws.uniform(shape),
    "pytorch_uniform": lambda draws, shape, n_in: _within(draws, shape, 1 / math.sqrt(n_in)),
    "normal_with_biases": lambda draws, shape, n_in: draws.normal(shape),
}


class _Unseeded(np.random.bit_generator.ISeedSequence):
    """In place of the entropy that a bit generator begins with where it is seeded otherwise at once."""

    def generate_state(self, n_words, dtype=np.uint32):
        return np.zeros(n_words, dtype)


def seeded(seed):
    """Return ``RandomState(seed)`` of an integer, in a quarter of the time."""
    generator = np.random.RandomState(np.random.MT19937(_Unseeded()))
    generator.seed(seed)
    return generator


class Draws:
    """The four draws that fastnn makes, from whatever `random_state` names.

    Parameters
    ----------
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        None is NumPy's global generator, as the tutorials use it; an int means ``RandomState(int)``.
    """

    def __init__(self, random_state):
        self._is_own, self._is_to_be_copied = False, False
        if random_state is None:
            random_state = np.random.mtrand._rand  # the RandomState behind numpy.random.seed
        elif isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
            if not 0 <= random_state < 2**32:
                raise ValueError(f"random_state must lie in 0 ... 2**32 - 1, got {random_state}")
            self._is_own = True  # and there from the first draw on
        elif not isinstance(random_state, np.random.RandomState | np.random.Generator):
            raise TypeError(
                "random_state must be None, an integer, a numpy.random.RandomState or a numpy.random.Generator, "
                f"got {random_state!r}"
            )
        self._source = random_state

    def going_on(self):
        """Return draws that go on from here: of a generator that others have too, as it then is; else these stay here.

        A copy of RandomState takes half a millisecond, so there is none before something is drawn.
        """
        other = Draws.__new__(Draws)
        other._source, other._is_own, other._is_to_be_copied = self._generator(), self._is_own, self._is_own
        return other

    def __getstate__(self):
        """As of now, and from then on nobody else's."""
        return {**vars(self), "_is_own": True}

    def uniform(self, shape):
        """Numbers from [0, 1)."""
        source = self._generator()
        return source.random(shape) if isinstance(source, np.random.Generator) else source.random_sample(shape)

    def normal(self, shape):
        """Numbers from N(0, 1)."""
        return self._generator().standard_normal(shape)

    def integers(self, n, shape):
        """Integers from 0 ... n - 1."""
        source = self._generator()
        is_new = isinstance(source, np.random.Generator)
        return source.integers(n, size=shape) if is_new else source.randint(n, size=shape)

    def permutation(self, n):
        """The integers 0 ... n - 1 in random order."""
        return self._generator().permutation(n)

    def bit_generator(self):
        """What is behind the draws, as `bit_generator_of` has it, and whether nobody else has it."""
        return bit_generator_of(self._generator()), self._is_own

    def state(self):
        """Where the generator is, as plain data; see `generator_state`."""
        return generator_state(self._generator())

    def resume(self, state):
        """Go on from where `state` said, and with it whoever else has the generator."""
        set_generator_state(self._generator(), state)

    def _generator(self):
        if isinstance(self._source, int | np.integer):
            self._source = seeded(self._source)
        if self._is_to_be_copied:
            self._source, self._is_to_be_copied = copy.deepcopy(self._source), False
        return self._source


def bit_generator_of(source):
    """Return NumPy's bit generator of a RandomState or Generator; itself where its class may draw in its own way."""
    if type(source) is np.random.Generator:
        return source.bit_generator
    return source._bit_generator if type(source) is np.random.RandomState else source


def generator_state(source):
    """Return where a RandomState or a Generator is: a dict of strings, integers and arrays."""
    is_new = isinstance(source, np.random.Generator)
    return source.bit_generator.state if is_new else source.get_state(legacy=False)


def set_generator_state(source, state):
    """Put a generator of the same kind where another was; a ValueError names the kinds if they differ."""
    found, own = state["bit_generator"], generator_state(source)["bit_generator"]
    if found != own or ("has_gauss" in state) != isinstance(source, np.random.RandomState):
        raise ValueError(f"random_state was by {found}, which a {type(source).__name__} of {own} cannot go on from")
    if found == "MT19937" and not 0 <= state["state"]["pos"] <= 624:  # beyond its numbers, NumPy would read on
        raise ValueError("the state of the random numbers is damaged: its position is beyond them")
    if isinstance(source, np.random.Generator):
        source.bit_generator.state = state
    else:
        source.set_state(state)


def check_init(init, init_scale):
    """Return the validated name and scale of an init that draws."""
    name = check_name("init", init, (*INITS_WITH_BIASES, *INITS))
    return name, check_number("init_scale", init_scale, low=0.0)


def draw_weights(network, init, init_scale, draws, out, bias=True):
    """Draw start weights by the name `init` into the flat parameters `out`; `init_scale` multiplies the weights.

    Without `bias` no biases are drawn: they are 0.
    """
    weights, biases = network.views(out)
    for l, (n_in, n_out) in enumerate(network.shapes, start=1):
        if init in INITS_WITH_BIASES:
            draw = INITS_WITH_BIASES[init]
            weights[l][:] = draw(draws, (n_out, n_in), n_in) * init_scale
            biases[l][:] = draw(draws, (n_out,), n_in) if bias else 0.0
        else:
            weights[l][:] = (INITS[init](draws, n_in, n_out) * init_scale).T
            biases[l][:] = 0.0


def draw_with_biases(network, factors, random_state, out, bias=True):
    """Draw start weights and biases as scikit-learn's networks have them, into the flat parameters `out`.

    Layer by layer W (n_in, n_out), then b, uniform within ± sqrt(factor / (n_in + n_out)), from a RandomState; there is
    a factor for each layer of weights. Without `bias` no b is drawn: it is 0.
    """
    weights, biases = network.views(out)
    for l, ((n_in, n_out), factor) in enumerate(zip(network.shapes, factors, strict=True), start=1):
        bound = math.sqrt(factor / (n_in + n_out))
        weights[l][:] = random_state.uniform(-bound, bound, (n_in, n_out)).T
        biases[l][:] = random_state.uniform(-bound, bound, n_out) if bias else 0.0


def _within(draws, shape, bound):
    """Uniform numbers within ± bound."""
    return (2.0 * draws.uniform(shape) - 1.0) * bound


def _orthogonal(draws, n_in, n_out):
    """Orthonormal columns, or rows where these are fewer, uniformly drawn (Saxe, McClelland and Ganguli, 2014)."""
    tall = draws.normal((max(n_in, n_out), min(n_in, n_out)))
    q, r = np.linalg.qr(tall)
    q *= np.where(np.diag(r) < 0, -1.0, 1.0)  # without, they would not be uniform
    return q if n_in >= n_out else q.T


def _truncated_normal(draws, shape):
    """N(0, 1), redrawn beyond two standard deviations until none is left."""
    values = draws.normal(shape)
    while (beyond := np.abs(values) > 2.0).any():
        values[beyond] = draws.normal(int(beyond.sum()))
    return values
