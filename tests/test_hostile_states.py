"""States that nobody's pickle makes: what a loader such as skops hands over is checked, or is read as what it is.

The engine reads by offsets that follow from sizes alone. Two of these ended the process once: an order of rows beyond
X, and passes of no updates; the others would, or would give a wrong network, where a check is missing.
"""

import copy
import pickle
import threading

import numpy as np
import pytest
from conftest import run_program
from fits import LABELS, QUICK, X

import fastnn
from fastnn import MLPClassifier, MLPRegressor
from fastnn._engine import Predictor
from fastnn.activations import Block
from fastnn.initial import generator_state, set_generator_state
from fastnn.layers import Form, LayerDict
from fastnn.network import Network
from fastnn.portable import to_plain
from fastnn.spec import NetworkSpec

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ROWS = np.random.default_rng(0).standard_normal((7, 4))


def network(**options):
    rng = np.random.default_rng(1)
    return fastnn.Network(
        [rng.standard_normal((5, 4)), rng.standard_normal((3, 5))],
        None,
        activation="relu",
        output_activation="softmax",
        **options,
    )


def plain(**changes):
    return {**to_plain(network()), **changes}


class Ints(int):
    """A size that multiplies as it likes."""

    def __mul__(self, other):
        return 0

    __rmul__ = __mul__


def strided(parameters):
    wide = np.zeros(2 * len(parameters))
    wide[::2] = parameters
    return wide[::2]


def read_only(parameters):
    parameters = parameters.copy()
    parameters.flags.writeable = False
    return parameters


def unaligned(parameters):
    block = np.zeros(parameters.nbytes + 1, np.uint8)[1:]
    block[:] = parameters.view(np.uint8)
    return block.view(np.float64)


class Subclass(np.ndarray):
    def __len__(self):
        return 10**9


#: Arrays of the same numbers, in some other form.
FORMS = {
    "strides": strided,
    "reversed": lambda parameters: parameters[::-1].copy()[::-1],
    "byte order": lambda parameters: parameters.astype(">f8"),
    "read-only": read_only,
    "unaligned": unaligned,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_same_numbers_in_another_form_are_the_same_network(form):
    state = plain()
    state["parameters"] = FORMS[form](state["parameters"])
    before = state["parameters"].tolist()
    made = Network._from_plain(state)
    assert made(ROWS).tobytes() == network()(ROWS).tobytes()
    made.W[1][:] = 0
    assert state["parameters"].tolist() == before


def test_sizes_are_plain_numbers():
    made = Network._from_plain(plain(layer_sizes=[4, Ints(5), np.int8(3)]))
    assert [type(size) for size in made.layer_sizes] == [int] * 3
    assert made(ROWS).tobytes() == network()(ROWS).tobytes()


N = network().n_parameters


def heads_of(*n_outputs):
    one = {"activation": {"name": "identity"}, "labels": {"kind": "values", "classes": None}}
    return {
        "heads": [{"n_outputs": n, **one} for n in n_outputs],
        "activations": [{"name": "relu"}, {"name": "identity"}],
        "labels": {"kind": "heads", "classes": None},
    }


#: What is no description of a network.
REFUSED = {
    "sizes whose product wraps": {"layer_sizes": [4, 2**62, 2**62, 3]},
    "sizes that wrap to the right number": {"layer_sizes": [2**63, 2, 3]},
    "negative sizes": {"layer_sizes": [4, -5, 3]},
    "sizes that are truth values": {"layer_sizes": [4, True, 3]},
    "sizes that are floats": {"layer_sizes": [4.0, 5.0, 3.0]},
    "sizes of nothing": {"layer_sizes": []},
    "one size": {"layer_sizes": [4]},
    "no dict": {"activations": {"name": "relu"}},
    "a softmax of a hidden layer": {"activations": [{"name": "softmax"}, {"name": "softmax"}]},
    "a number for an activation": {"activations": [{"name": 3}, {"name": "softmax"}]},
    "groups that are none": {"activations": [{"name": "relu"}, {"name": "increasing", "group": -1.0}]},
    "groups beyond the outputs": {"activations": [{"name": "relu"}, {"name": "increasing", "group": 1e300}]},
    "a parameter that is not finite": {"activations": [{"name": "elu", "alpha": np.inf}, {"name": "softmax"}]},
    "too short": {"parameters": np.zeros(N - 1)},
    "too long": {"parameters": np.zeros(N + 1)},
    "nothing": {"parameters": np.zeros(0)},
    "a matrix": {"parameters": np.zeros((N, 1))},
    "no dimension": {"parameters": np.float64(3)},
    "objects": {"parameters": np.zeros(N, object)},
    "structs": {"parameters": np.zeros(N, [("x", "f8")])},
    "complex": {"parameters": np.zeros(N, complex)},
    "float32 for float64": {"parameters": np.zeros(N, "f4")},
    "masked": {"parameters": np.ma.masked_array(np.zeros(N), np.ones(N, bool))},
    "a class of one's own": {"parameters": np.zeros(N).view(Subclass)},
    "a list": {"parameters": [0.0] * N},
    "another dtype": {"dtype": "float16"},
    "a dtype that is none": {"dtype": []},
    "heads of the wrong sum": heads_of(2),
    "heads that take outputs back": heads_of(6, -3),
    "heads that wrap": heads_of(2**63, 2**63 + 3),
    "labels that are nested": {"labels": {"kind": "heads", "classes": None}},
    "a threshold that is none": {"labels": {"kind": "multilabel", "classes": None, "threshold": "x"}},
    "classes that are a matrix": {"labels": {"kind": "multiclass", "classes": np.zeros((3, 3))}},
    "a backend that is none": {"backend": None},
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_network_is_refused(what):
    with pytest.raises((TypeError, ValueError)):
        Network._from_plain(plain(**REFUSED[what]))


@pytest.mark.parametrize("state", [None, 3, [], {}, {"version": 1}, ("a", {}), {"_spec": None}, object()])
def test_no_state_at_all(state):
    made = Network.__new__(Network)
    with pytest.raises((TypeError, ValueError)):
        made.__setstate__(state)
    with pytest.raises((AttributeError, TypeError)):  # it is still none
        made(ROWS)


@pytest.mark.parametrize("backend", ["simd", "numpy"])
@pytest.mark.parametrize("other", ["simd", "numpy"])
def test_a_live_network_takes_no_other_state(backend, other):
    """Its views would go on with the parameters that it had, or its call would."""
    made = network(backend=backend)
    before, views = made(ROWS).tobytes(), made.W
    state = to_plain(fastnn.Network([np.ones((2, 4))], None, backend=other))
    for _ in range(2):
        with pytest.raises(TypeError, match="a network is made once"):
            made.__setstate__(state)
        with pytest.raises(TypeError, match="a network is made once"):
            made.__init__([np.ones((2, 4))], None, backend=other)
    assert made(ROWS).tobytes() == before
    assert np.shares_memory(views[1], made.parameters)


def test_many_threads_set_a_state_and_one_does():
    made, errors, states = Network.__new__(Network), [], [plain() for _ in range(8)]
    start = threading.Barrier(8)

    def set_state(state):
        start.wait()
        try:
            made.__setstate__(state)
        except TypeError as error:
            errors.append(error)

    threads = [threading.Thread(target=set_state, args=(state,)) for state in states]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(errors) == 7
    assert made(ROWS).tobytes() == network()(ROWS).tobytes()


@pytest.mark.parametrize(
    ("layer_sizes", "parameters", "error"),
    [
        ((4, 5, 3), np.zeros(N - 1), "at least 43 numbers"),
        ((4, 5, 3), np.zeros(N, "f4"), "at least 43 numbers of format 'd'"),
        ((4, 5, 3), np.zeros(2 * N)[::2], "contiguous"),
        ((4, 5, 3), [0.0] * N, "bytes-like"),
    ],
)
def test_the_compiled_base_reads_no_further_than_there_is(layer_sizes, parameters, error):
    spec = NetworkSpec(layer_sizes, ("relu", "softmax"), np.dtype("f8"))
    made = Predictor.__new__(Predictor)
    with pytest.raises((TypeError, ValueError), match=error):
        made._bind(spec, parameters)
    with pytest.raises(AttributeError):  # not bound: it asks for what a network does
        made(ROWS)


def test_rows_of_a_spec_that_lacks_its_blocks_are_not_read():
    spec = NetworkSpec((4, 5), ("identity",), np.dtype("f8"), (Block(2, "relu"), Block(3, "softmax")))
    vars(spec)["layers"] = spec.layers[:1]
    with pytest.raises(ValueError, match="bytes of structs"):
        Predictor.__new__(Predictor)._bind(spec, np.zeros(25))


@pytest.mark.parametrize(
    "change",
    [
        {"layer_sizes": (4, -5, 3)},
        {"layer_sizes": (4, 5)},
        {"layer_sizes": (4, True, 3)},
        {"dtype": np.dtype("f2")},
        {"activations": ("relu",)},
        {"blocks": (Block(6, "identity"), Block(-3, "identity"))},
    ],
    ids=str,
)
def test_a_pickled_spec_is_checked(change):
    spec = NetworkSpec((4, 5, 3), ("relu", "identity"), np.dtype("f8"))
    state = {**spec.__getstate__(), **change}
    made = NetworkSpec.__new__(NetworkSpec)
    with pytest.raises((KeyError, ValueError, TypeError)):
        made.__setstate__(state)


def test_offsets_are_never_taken_from_a_pickle():
    spec = NetworkSpec((4, 5, 3), ("relu", "identity"), np.dtype("f8"))
    wrong = spec.layers.copy()
    wrong["weights"] = 10**9
    made = NetworkSpec.__new__(NetworkSpec)
    made.__setstate__({**spec.__getstate__(), "layers": wrong, "n_parameters": 1, "_places": []})
    assert made.layers.tolist() == spec.layers.tolist()
    assert made.n_parameters == 43
    again = pickle.loads(pickle.dumps(spec))
    assert (again, again.layers.tolist()) == (spec, spec.layers.tolist())


@pytest.mark.parametrize("n_out", [(6, -1), (5, 0), (0, 5), (-5, 10)])
def test_blocks_of_outputs_that_are_none(n_out):
    blocks = tuple(Block(n, "identity") for n in n_out)
    with pytest.raises(ValueError, match=r"no blocks|even number"):
        NetworkSpec((4, 5), ("identity",), np.dtype("f8"), blocks)
    form = Form(("identity",), np.dtype("f8"), network()._labels, None, blocks)
    with pytest.raises(ValueError, match="no blocks"):
        fastnn.Network(LayerDict({1: np.ones((5, 4))}, form), None)


# -- estimators -------------------------------------------------------------------------------------------------------


def state_of(**parameters):
    fitted = MLPClassifier(**{**QUICK, "warm_start": "solver", "batch_size": 9, **parameters}).fit(X, LABELS)
    return copy.deepcopy(fitted.__getstate__())


def loaded(state):
    made = MLPClassifier()
    made.__setstate__(state)
    return made


def rows(change, n=80):
    order = np.arange(n)
    order[5] = change
    return order


@pytest.mark.parametrize(
    "course",
    [
        {"order": rows(80)},
        {"order": rows(-1)},
        {"order": rows(10**15)},
        {"order": rows(4)},
        {"order": np.arange(79)},
        {"order": np.arange(81)},
        {"order": np.arange(80.0)},
        {"order": np.arange(80, dtype="i4")},
        {"order": np.arange(80).reshape(80, 1)},
        {"order": list(range(80))},
        {"order": np.arange(80)[:0]},
        {"seed": -1},
        {"seed": 2**64},
        {"seed": "x"},
        {"given_back": np.zeros(3)},
        {"given_back": np.zeros(3), "last_parameters": np.zeros(4)},
        {"given_back": 1.0, "last_parameters": 2.0},
    ],
    ids=lambda course: "-".join(f"{key}={value!r:.20}" for key, value in course.items()),
)
def test_rows_that_are_none_are_not_read(course):
    """The engine reads the rows of X that the order of a fit names."""
    state = state_of()
    state["_course"] = {**state["_course"], **course}
    with pytest.raises(ValueError, match="fit anew"):
        loaded(state).fit(X, LABELS)


def test_rows_that_are_held_back_are_rows():
    state = state_of(early_stopping=True)
    assert len(state["_course"]["held_back"]) == 8
    state["_course"]["held_back"][0] = 80
    with pytest.raises(ValueError, match="fit anew"):
        loaded(state).fit(X, LABELS)


@pytest.mark.parametrize(
    ("name", "value"),
    [("updates_per_pass", 0), ("updates_per_pass", -1), ("updates_per_pass", 0.5), ("updates_per_pass", True)],
)
def test_the_engine_divides_by_no_zero(name, value):
    state = state_of()
    state["_optimizer"]["training"] |= {"tol": 0.1, name: value}
    with pytest.raises((TypeError, ValueError), match=name):
        loaded(state)


@pytest.mark.parametrize("value", [-1, 2**63, 1.5, np.inf, np.nan])
def test_counters_that_are_none(value):
    state = state_of()
    state["_optimizer"]["counters"]["n_updates"] = value
    with pytest.raises((TypeError, ValueError), match="n_updates"):
        loaded(state)


@pytest.mark.parametrize(
    "rows", [np.full(23, 10**12), np.full(23, -1), np.arange(22), np.arange(23.0), list(range(23))], ids=str
)
@pytest.mark.parametrize("order", ["shuffled", "sequential"])
def test_a_pass_that_a_result_goes_on_in_has_rows_of_x(order, rows):
    options = {"batch_size": 5, "order": order, "random_state": 0}
    half = pickle.loads(pickle.dumps(fastnn.train([4, 5, 3], X[:23], np.eye(3)[LABELS[:23]], 3, **options)))
    half._continuation.rows = rows
    with pytest.raises(ValueError, match="the pass that training is to go on in is not one of 23 rows"):
        fastnn.train([4, 5, 3], X[:23], np.eye(3)[LABELS[:23]], 3, init=half, **options)


@pytest.mark.parametrize("make", [np.random.RandomState, lambda seed: np.random.Generator(np.random.MT19937(seed))])
@pytest.mark.parametrize("pos", [-1, 625, 10**6])
def test_random_numbers_come_from_those_that_there_are(make, pos):
    state = copy.deepcopy(generator_state(make(0)))
    state["state"]["pos"] = pos
    with pytest.raises(ValueError, match="its position is beyond them"):
        set_generator_state(make(0), state)


def test_weights_by_hand_of_layers_without_units():
    """In a process of its own: the engine has no layers of nothing."""
    out = run_program("""
        import numpy as np
        from fastnn import MLPRegressor
        for shapes in ([(4, 0), (0, 1)], [(0, 3), (3, 1)], [(4, 3), (3, 0)], [(0, 0)]):
            made = MLPRegressor(hidden_layer_sizes=())
            made.__setstate__({
                "coefs_": [np.zeros(shape) for shape in shapes], "out_activation_": "identity", "n_layers_": 3,
                "intercepts_": [np.zeros(n_out) for _, n_out in shapes], "n_outputs_": shapes[-1][1],
            })
            try:
                made.predict(np.ones((3, shapes[0][0] or 1)))
            except ValueError as error:
                print(error)
            else:
                raise SystemExit(f"{shapes} predicts")
    """)
    assert out.count("each has at least one") == 4


@pytest.mark.parametrize(
    "coefs",
    [
        [np.full((4, 1), "x", object)],
        [np.lib.stride_tricks.as_strided(np.zeros(1), (4, 1), (0, 0))],
        [np.asfortranarray(np.zeros((4, 1)))],
        [np.zeros((4, 1), ">f8")],
        [np.zeros((4, 1, 1))],
        [[[0.0]] * 4],
        [],
        None,
    ],
    ids=str,
)
def test_weights_in_any_form_are_copied_or_refused(coefs):
    made = MLPRegressor(hidden_layer_sizes=())
    made.__setstate__({"coefs_": coefs, "intercepts_": [np.zeros(1)], "out_activation_": "identity", "n_layers_": 2})
    try:
        assert made.predict(X[:3]).tolist() == [0.0] * 3
    except (TypeError, ValueError, IndexError):
        assert coefs is None or not coefs or np.asarray(coefs[0]).dtype.kind == "O" or np.ndim(coefs[0]) != 2


def test_moments_in_any_form_are_copied():
    state = state_of()
    whole = loaded(copy.deepcopy(state)).fit(X, LABELS)
    for form in FORMS.values():
        other = copy.deepcopy(state)
        other["_optimizer"]["moments"] = form(other["_optimizer"]["moments"])
        assert loaded(other).fit(X, LABELS).predict_proba(X).tobytes() == whole.predict_proba(X).tobytes()
