"""``train(init=result)``: two halves have the bits of one run, the first result stays as it was; what cannot go on."""

import copy
import pickle

import numpy as np
import pytest
from conftest import train

import fastnn
from fastnn import Head, schedules
from fastnn.initial import Draws

RNG = np.random.default_rng(0)
X = RNG.standard_normal((37, 4))
LABELS = RNG.integers(0, 3, 37)
Y = np.eye(3)[LABELS]
WEIGHT = RNG.random(37)
SIZES = [4, 6, 3]
USUAL = {"activation": "tanh", "loss": "log_loss", "alpha": 0.02}
ORDERS = ("shuffled", "sequential", "random", "wraparound")
#: Of 5 updates a pass: inside of the first, at its end, inside of a later one.
CUTS = (1, 5, 13)


def halves(cut, n=23, y=LABELS, sizes=SIZES, seed=lambda: 3, travels=lambda result: result, **options):
    """One run, and the same in two, the second from what the first has become on its way."""
    options = {**USUAL, **options}
    start = {"init": options.pop("init", "glorot_normal")}
    one = fastnn.train(sizes, X, y, n, random_state=seed(), **start, **options)
    first = fastnn.train(sizes, X, y, cut, random_state=seed(), **start, **options)
    before = first.network.parameters.copy()
    second = fastnn.train(sizes, X, y, n - cut, init=travels(first), **options)
    assert np.array_equal(first.network.parameters, before)
    return one, first, second


def assert_same(one, first, second):
    assert np.array_equal(one.network.parameters, second.network.parameters)
    assert first.loss_curve + second.loss_curve == one.loss_curve
    assert first.cost + second.cost == one.cost
    assert (second.n_updates, second.n_iter) == (one.n_iter, one.n_iter - first.n_iter)


@pytest.mark.parametrize("solver", ["sgd", "rmsprop", "adam", "adamw", "nadam", "adagrad", "lion"])
@pytest.mark.parametrize("order", ORDERS)
def test_every_solver_and_order(solver, order):
    for cut in CUTS:
        assert_same(*halves(cut, solver=solver, order=order, batch_size=8, momentum=0.9))


@pytest.mark.parametrize("solver", ["sgd", "adam", "rprop", "levenberg_marquardt"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_full_batches(solver, dtype):
    own = {"loss": "squared_error", "output_activation": "identity", "y": Y} if solver[0] == "l" else {}
    assert_same(*halves(5, solver=solver, dtype=dtype, **own))


@pytest.mark.parametrize("backend", ["python", "cython", "numpy", "simd"])
@pytest.mark.parametrize("batch_size", [None, 8])
def test_every_backend(backend, batch_size):
    assert_same(*halves(7, 12, backend=backend, batch_size=batch_size, momentum=0.9))


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.3, "input_dropout": 0.1}, {"l1": 0.01, "max_norm": 0.8, "max_grad_norm": 0.1}, {"l2": 0.1},
        {"frozen": [1]}, {"bias": False}, {"sample_weight": WEIGHT}, {"class_weight": {0: 3.0}}, {"tol": 1e-3},
        {"label_smoothing": 0.1}, {"n_threads": 1}, {"report_every": 3, "callback": lambda *_: None},
        {"y": np.array(["a", "b", "c"])[LABELS]}, {"y": Y}, {"loss": "hinge"}, {"weight_decay": 0.1},
    ],
    ids=lambda options: "-".join(options),
)  # fmt: skip
def test_rules_and_data(options):
    assert_same(*halves(13, 60, solver="adam", batch_size=8, **options))


def test_several_heads():
    heads = [Head(2, output_activation="identity"), Head(3, "log_loss")]
    own = {"sizes": [4, 6, 5], "heads": heads, "loss": "squared_error", "y": [X[:, :2], LABELS]}
    assert_same(*halves(7, batch_size=5, solver="adam", **own))


@pytest.mark.parametrize("travels", [lambda r: pickle.loads(pickle.dumps(r)), copy.deepcopy, copy.copy])
def test_a_result_that_has_travelled(travels):
    for options in ({"dropout": 0.3}, {}):
        assert_same(*halves(13, batch_size=8, solver="adam", travels=travels, **options))


@pytest.mark.parametrize(
    "seed", [lambda: np.random.default_rng(1), lambda: np.random.RandomState(1), lambda: np.random.seed(1)]
)
def test_generators_that_others_have_too_go_on_as_they_are(seed):
    for cut in CUTS:
        source = seed()
        one = fastnn.train(SIZES, X, LABELS, 23, random_state=source, batch_size=8, **USUAL)
        source = seed()
        first = fastnn.train(SIZES, X, LABELS, cut, random_state=source, batch_size=8, **USUAL)
        second = fastnn.train(SIZES, X, LABELS, 23 - cut, init=first, batch_size=8, **USUAL)
        assert_same(one, first, second)


def test_one_result_may_be_gone_on_from_twice():
    first = fastnn.train(SIZES, X, LABELS, 7, random_state=0, batch_size=8, solver="adam", **USUAL)
    runs = [fastnn.train(SIZES, X, LABELS, 9, init=first, batch_size=8, solver="adam", **USUAL) for _ in range(2)]
    assert np.array_equal(runs[0].network.parameters, runs[1].network.parameters)


def test_many_small_pieces():
    options = {"batch_size": 8, "solver": "adam", "dropout": 0.2, **USUAL}
    one = fastnn.train(SIZES, X, LABELS, 23, random_state=0, **options)
    result = fastnn.train(SIZES, X, LABELS, 1, random_state=0, **options)
    for _ in range(22):
        result = fastnn.train(SIZES, X, LABELS, 1, init=result, **options)
    assert np.array_equal(one.network.parameters, result.network.parameters)
    assert (result.n_updates, result.n_iter) == (23, 1)


class StopError(Exception):
    pass


@pytest.mark.parametrize("at", [3, 5, 8, 10, 12])
def test_an_interrupted_run_goes_on_from_its_last_update(at):
    def stop(iteration, loss, network):
        if iteration == at:
            raise StopError

    options = {"batch_size": 8, "solver": "adam", **USUAL}
    one = fastnn.train(SIZES, X, LABELS, 23, random_state=0, **options)
    with pytest.raises(StopError) as caught:
        fastnn.train(SIZES, X, LABELS, 23, random_state=0, callback=stop, report_every=1, **options)
    result = pickle.loads(pickle.dumps(caught.value.result))
    assert (result.n_updates, result.n_iter) == (at, at - at % 5)
    second = fastnn.train(SIZES, X, LABELS, 23 - at, init=result, **options)
    assert np.array_equal(one.network.parameters, second.network.parameters)
    assert second.loss_curve == one.loss_curve[at:]


def test_a_second_half_that_is_interrupted_within_the_pass_it_began_with():
    def stop(iteration, loss, network):
        if iteration == 4:
            raise StopError

    options = {"batch_size": 8, "solver": "adam", **USUAL}
    one = fastnn.train(SIZES, X, LABELS, 23, random_state=0, **options)
    first = fastnn.train(SIZES, X, LABELS, 3, random_state=0, **options)
    with pytest.raises(StopError) as caught:
        fastnn.train(SIZES, X, LABELS, 20, init=first, callback=stop, report_every=1, **options)
    result = caught.value.result
    assert np.array_equal(result.network.parameters, first.network.parameters)
    third = fastnn.train(SIZES, X, LABELS, 19, init=result, **options)
    assert np.array_equal(one.network.parameters, third.network.parameters)


def test_reports_count_on():
    heard = []
    options = {"batch_size": 8, "report_every": 4, **USUAL}
    first = fastnn.train(SIZES, X, LABELS, 6, random_state=0, **options)
    fastnn.train(SIZES, X, LABELS, 9, init=first, callback=lambda k, *_: heard.append(k), **options)
    assert heard == [8, 12, 15]


def test_a_listener_hears_of_the_whole_pass():
    """plateau, which takes the mean objective of a pass, sees updates of the run before too."""
    from fastnn.training.listeners import MeanObjective

    seen = []

    def keep(self, moment):
        seen.append((moment.n_done, moment.objective.tolist()))
        return 1.0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MeanObjective, "__call__", keep)
        options = {**USUAL, "alpha": schedules.plateau(0.02), "batch_size": 8}
        first = fastnn.train(SIZES, X, LABELS, 3, random_state=0, **options)
        second = fastnn.train(SIZES, X, LABELS, 4, init=first, **options)
    assert seen == [(5, first.loss_curve + second.loss_curve[:2])]  # not of the ends between two passes


def test_settings_may_change():
    first = fastnn.train(SIZES, X, LABELS, 5, random_state=0, solver="adam", **USUAL)
    second = fastnn.train(SIZES, X, LABELS, 1, init=first, solver="adam", **{**USUAL, "alpha": 0.0001})
    step = np.abs(second.network.parameters - first.network.parameters).max()
    assert 0 < step < 0.0003  # Adam's step is about the rate
    fastnn.train(SIZES, X[:5], LABELS[:5], 3, init=first, solver="adam", batch_size=2, l2=0.1, order="random", **USUAL)


def test_a_schedule_goes_over_the_updates_of_each_call_and_its_rates_over_several():
    rates = schedules.cosine(0.5).rates(np.arange(20), 20)
    options = {**USUAL, "batch_size": 8}
    one = fastnn.train(SIZES, X, LABELS, 20, random_state=0, **{**options, "alpha": schedules.cosine(0.5)})
    first = fastnn.train(SIZES, X, LABELS, 7, random_state=0, **{**options, "alpha": rates[:7]})
    second = fastnn.train(SIZES, X, LABELS, 13, init=first, **{**options, "alpha": rates[7:]})
    assert np.array_equal(one.network.parameters, second.network.parameters)


def test_a_few_rows_need_not_have_all_classes():
    first = fastnn.train(SIZES, X, LABELS, 5, random_state=0, **USUAL)
    second = fastnn.train(SIZES, X[:1], LABELS[:1], 1, init=first, **USUAL)
    assert second.network.classes.tolist() == [0, 1, 2]
    heads = {"heads": [Head(1, output_activation="identity"), Head(3, "log_loss")], "activation": "tanh"}
    first = fastnn.train([4, 6, 4], X, [X[:, 0], LABELS], 5, random_state=0, **heads)
    second = fastnn.train([4, 6, 4], X[:2], [[np.nan, 1.0], LABELS[:2]], 1, init=first, **heads)
    assert second.network.classes[1].tolist() == [0, 1, 2]


def test_lbfgs_goes_on_from_the_weights():
    one, first, second = halves(5, 12, solver="lbfgs")
    assert second.loss_curve[-1] < first.loss_curve[-1]
    assert second.loss_curve[0] == one.loss_curve[5]  # it begins where the first half ended


FIRST = fastnn.train(SIZES, X, LABELS, 3, random_state=0, batch_size=8, solver="adam", **USUAL)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"nn_structure": [4, 5, 3]}, r"layers \[4, 6, 3\], but nn_structure is \[4, 5, 3\]"),
        ({"solver": "sgd"}, r"solver='adam', whose state solver='sgd' cannot go on from.*init=\(result.W, result.b\)"),
        ({"dtype": "float32"}, "dtype float64, got dtype='float32'"),
        ({"activation": "relu"}, r"activations \('tanh', 'softmax'\), not \('relu', 'softmax'\)"),
        ({"output_activation": "logistic"}, "pass activation, output_activation and heads as they were"),
        ({"loss": "squared_error"}, "cannot be paired with output_activation='softmax'"),
        ({"bias": False}, "biases that are not 0 in layer 1"),
        ({"init_scale": 2.0}, "those of a result are gone on from"),
        ({"y": LABELS + 1}, r"label 3 in row \d+, which training did not begin with: 0, 1, 2; .*extend_classes=True"),
        ({"y": ["a"] * 37}, "label 'a' in row 0"),
        ({"y": Y}, "must be a vector of class labels, as that of the first run was"),
        ({"tol": 0.1, "batch_size": 5}, "cannot begin after update 3 where one has 8 updates"),
        ({"init": FIRST._make(FIRST)}, "does not know how it was trained"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_what_cannot_go_on(changes, message):
    given = {"nn_structure": SIZES, "X": X, "y": LABELS, "iter_num": 2, "init": FIRST, "solver": "adam"}
    with pytest.raises(ValueError, match=message):
        fastnn.train(**{**given, "batch_size": 8, **USUAL, **changes})


def test_columns_and_kinds_of_losses():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    first = fastnn.train(SIZES, frame, LABELS, 3, random_state=0, **USUAL)
    assert fastnn.train(SIZES, X, LABELS, 1, init=first, **USUAL).network.feature_names == ("a", "b", "c", "d")
    with pytest.raises(ValueError, match="result of columns"):
        fastnn.train(SIZES, frame[list("badc")], LABELS, 1, init=first, **USUAL)
    first = fastnn.train(SIZES, X, LABELS, 3, random_state=0, **{**USUAL, "loss": "hinge"})
    with pytest.raises(ValueError, match="another kind of loss"):
        fastnn.train(SIZES, X, LABELS, 3, init=first, **{**USUAL, "loss": "squared_error"})


def test_settings_that_are_equal_but_not_the_same_are_checked_each_time():
    fastnn.train(SIZES, X, LABELS, 1, random_state=0, **USUAL)
    for changes in ({"beta_1": False}, {"nn_structure": [4, True, 3]}, {"batch_size": 1.0}, {"iter_num": True}):
        given = {"nn_structure": [4, 1, 3], "X": X, "y": LABELS, "iter_num": 1, "beta_1": 0, "batch_size": 1, **USUAL}
        fastnn.train(**given)
        with pytest.raises(TypeError):
            fastnn.train(**{**given, **changes})


@pytest.mark.parametrize("order", ["shuffled", "random"])
def test_a_signal_while_a_pass_is_drawn_repeats_none(order, monkeypatch):
    """What goes on draws it, and does not take the rows of the pass before once more."""
    options, n_drawn = {"batch_size": 5, "order": order}, 0
    name = "permutation" if order == "shuffled" else "integers"
    draw = getattr(Draws, name)

    def interrupted(*args):
        nonlocal n_drawn
        n_drawn += 1
        if n_drawn == 3:
            raise KeyboardInterrupt
        return draw(*args)

    whole = train(20, **options)
    monkeypatch.setattr(Draws, name, interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:  # where somebody listens: else the engine draws, which none is in
        train(20, callback=lambda *heard: None, report_every=1, **options)
    half = raised.value.result
    assert half.cost == whole.cost[:10]
    assert train(10, init=half, **{**options, "random_state": None}).cost == whole.cost[10:]


def test_a_divergence_counts_earlier_updates():
    half = train(10)
    with pytest.raises(FloatingPointError) as raised:
        train(50, 1e200, init=half, l2=1e3, track="loss", random_state=None)
    result = raised.value.result
    assert result.n_updates == result.best_iteration == 10 + result.n_iter
    with pytest.raises(ValueError, match=r"of a training that diverged.*pass init=\(result.W, result.b\)"):
        train(5, init=result, random_state=None)


def test_another_plateau_begins_anew():
    """Its rate is not multiplied with what the first one came to."""
    half = train(10, schedules.plateau(0.5, patience=0, threshold=0.9))
    other = schedules.plateau(0.25, patience=1, threshold=0.9)
    again = train(4, other, init=half, track="learning_rate", random_state=None)
    assert again.history["learning_rate"] == [0.25, 0.25, 0.25, 0.025]


def test_targets_beyond_reach_are_told_to_the_caller():
    options = {"output_activation": "logistic", "activation": "tanh"}
    half = fastnn.train([4, 5, 3], X, Y, 3, random_state=0, **options)
    with pytest.warns(UserWarning, match="y lies between 0 and 10") as caught:
        fastnn.train([4, 5, 3], X, 10 * Y, 3, init=half, **options)
    assert caught[0].filename == __file__
    options, heads = {"activation": "tanh", "random_state": 0}, [Head(3, output_activation="logistic")]
    half = fastnn.train([4, 5, 3], X, [Y], 3, heads=heads, **options)
    with pytest.warns(UserWarning, match=r"y\[0\] lies between 0 and 10") as caught:
        fastnn.train([4, 5, 3], X, [10 * Y], 3, heads=heads, init=half, activation="tanh")
    assert caught[0].filename == __file__


@pytest.mark.parametrize(
    ("first", "second"),
    [("log_loss", "hinge"), ("hinge", "log_loss"), ("squared_error", "log_loss"), ("log_loss", "perceptron")],
)
def test_heads_go_on_by_a_loss_that_takes_their_outputs(first, second):
    """They diverged, on the first update."""
    y, options = [LABELS > 0], {"activation": "tanh"}
    half = fastnn.train([4, 5, 1], X, y, 3, heads=[Head(1, first)], random_state=0, **options)
    with pytest.raises(ValueError, match=f"loss='{second}' cannot be paired with output_activation"):
        fastnn.train([4, 5, 1], X, y, 3, heads=[Head(1, second)], init=half, **options)
