"""Learning rates that change: each schedule against its published formula, and that a run has just these rates."""

import math
import pickle
from itertools import pairwise

import numpy as np
import pytest
from conftest import BACKEND_NAMES, LABELS, X, Y, assert_close
from sklearn.base import clone

import fastnn
from fastnn import MLPClassifier, MLPRegressor, schedules
from fastnn.training.listeners import Moment, Plateau
from fastnn.training.schedules import Constant, Planned

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N = 60
#: schedule -> the rate of update k, counted from 0, of N, by its formula.
FORMULAS = {
    "PyTorch's CosineAnnealingLR": (
        schedules.cosine(0.3, eta_min=0.01),
        lambda k: 0.01 + (0.3 - 0.01) * (1 + math.cos(math.pi * k / N)) / 2,
    ),
    "PyTorch's CosineAnnealingWarmRestarts, T_0 of 20": (
        schedules.cosine(0.3, cycles=3),
        lambda k: 0.3 * (1 + math.cos(math.pi * (k % 20) / 20)) / 2,
    ),
    "the same with T_mult of 2, T_0 of 20": (
        schedules.cosine(0.3, cycles=2, t_mul=2),
        lambda k: 0.3 * (1 + math.cos(math.pi * (k / 20 if k < 20 else (k - 20) / 40))) / 2,
    ),
    "Keras' CosineDecayRestarts with m_mul": (
        schedules.cosine(0.3, cycles=2, m_mul=0.5),
        lambda k: 0.3 * 0.5 ** (k // 30) * (1 + math.cos(math.pi * (k % 30) / 30)) / 2,
    ),
    "PyTorch's LinearLR": (schedules.linear(0.3, end_factor=0.2), lambda k: 0.3 * (1 + (0.2 - 1) * k / N)),
    "PyTorch's StepLR": (schedules.step(0.3, gamma=0.5, step_size=7), lambda k: 0.3 * 0.5 ** (k // 7)),
    "PyTorch's MultiStepLR": (
        schedules.step(0.3, milestones=(0.9, 0.4)),
        lambda k: 0.3 * 0.1 ** ((k >= 24) + (k >= 54)),
    ),
    "Keras' ExponentialDecay": (
        schedules.exponential(0.3, decay_rate=0.9, decay_steps=13),
        lambda k: 0.3 * 0.9 ** (k / 13),
    ),
    "the same over the run": (schedules.exponential(0.3), lambda k: 0.3 * 0.01 ** (k / N)),
    "a function": (lambda progress: 0.3 * (1 - progress) ** 2, lambda k: 0.3 * (1 - k / N) ** 2),
    "an array": (list(np.arange(N) / 100), lambda k: k / 100),
    "inverse time, as an array": (0.3 / (1 + 0.1 * np.arange(N)), lambda k: 0.3 / (1 + 0.1 * k)),
    "RealMLP's coslog4": (
        schedules.cycles(0.3),
        lambda k: 0.15 * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * (k + 0.5) / N))),
    ),
    "warm-up by a number": (
        schedules.linear(0.3, warmup=9),
        lambda k: 0.3 * (k + 1) / 10 if k < 9 else 0.3 * (1 - (k - 9) / (N - 9)),
    ),
    "warm-up by a share": (
        schedules.cosine(0.3, warmup=0.2),
        lambda k: 0.3 * (k + 1) / 13 if k < 12 else 0.3 * (1 + math.cos(math.pi * (k - 12) / 48)) / 2,
    ),
}


def one_cycle(k, n, rate, pct_start, div_factor, final_div_factor):
    """PyTorch's OneCycleLR, as its own code has the phases."""
    initial, top = rate / div_factor, float(pct_start * n) - 1
    if k <= top:
        start, end, pct = initial, rate, k / top
    else:
        start, end, pct = rate, initial / final_div_factor, (k - top) / (n - 1 - top)
    return end + (start - end) / 2.0 * (1 + math.cos(math.pi * pct))


FORMULAS["PyTorch's OneCycleLR"] = schedules.one_cycle(0.3), lambda k: one_cycle(k, N, 0.3, 0.3, 25, 1e4)
FORMULAS["the same of other factors"] = (
    schedules.one_cycle(0.3, pct_start=0.45, div_factor=10, final_div_factor=100),
    lambda k: one_cycle(k, N, 0.3, 0.45, 10, 100),
)


def rates_used(alpha):
    """The rates that a run had: from the steps of a weight whose gradient hardly changes, the bias having none."""
    trail = [0.0]

    def callback(iteration, loss, network):
        trail.append(network.W[1].item())

    X, y, start = [[1e-6], [-1e-6]], [[1e9], [-1e9]], ([[[0.0]]], [[0.0]])
    options = {"init": start, "output_activation": "identity", "callback": callback, "report_every": 1}
    fastnn.train([1, 1], X, y, N, alpha, **options)
    return np.diff(trail) / ((1e9 - 1e-6 * np.array(trail[:-1])) * 1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_run_has_the_rates_of_the_formula(name):
    alpha, formula = FORMULAS[name]
    assert_close(rates_used(alpha), [formula(k) for k in range(N)], 1e-11)


@pytest.mark.parametrize("backend", BACKEND_NAMES)
@pytest.mark.parametrize("batch_size", [None, 5])
def test_pieces_change_nothing(backend, batch_size):
    """Passes, reports in their middle, and blocks of rates are cut as they come."""

    def train(**options):
        options = {"batch_size": batch_size, "backend": backend, "random_state": 0, **options}
        return fastnn.train([4, 5, 3], X, Y, 37, schedules.cosine(0.5, warmup=5), **options).network.parameters

    whole = train()
    assert (train(report_every=4, callback=lambda *_: None) == whole).all()
    assert (train() == whole).all()


def test_blocks_go_on_where_the_last_ended(monkeypatch):
    monkeypatch.setattr(Planned, "BLOCK", 10)
    plan, n = schedules.linear(1.0), 100
    planned = Planned(plan, n, Constant(0.5, 0.25))
    found = []
    for length in (3, 3, 3, 3, 25, 1, 62):
        rates, l2 = planned.of(0, length)
        assert (l2 == 0.25).all()
        assert rates.flags.c_contiguous
        found.append(rates.copy())
    assert (np.concatenate(found) == plan.rates(np.arange(n), n)).all()


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("name", ["cosine", "one_cycle", "linear", "step", "exponential", "plateau"])
@pytest.mark.parametrize("warmup", [0, 1, 0.5, 7])
def test_short_runs_have_rates(name, n, warmup):
    rates = getattr(schedules, name)(0.1, warmup=warmup).rates(range(n), n)
    assert rates.shape == (n,)
    assert ((rates > 0) & (rates <= 0.1)).all()


@pytest.mark.parametrize("n_cycles", [1, 2, 4, 7])
def test_cycles_end_in_zeros_and_have_their_tops_between(n_cycles):
    n = 1000 * (2**n_cycles - 1)
    rates = schedules.cycles(0.1, n_cycles).rates(range(n), n)
    assert ((rates > 0) & (rates <= 0.1)).all()
    ends = [1000 * (2**i - 1) for i in range(n_cycles + 1)]
    assert (rates[[*ends[:-1], -1]] < 1e-5).all()
    for first, last in pairwise(ends):
        top = first + int(rates[first:last].argmax())
        assert rates[top] > 0.1 - 1e-6
        assert (np.diff(rates[first : top + 1]) > 0).all()
        assert (np.diff(rates[top:last]) < 0).all()


def test_they_are_values():
    for name in schedules.__all__:
        schedule = getattr(schedules, name)(0.1)
        assert pickle.loads(pickle.dumps(schedule)) == schedule
        assert repr(schedule).startswith(f"{name}(rate=0.1")
        with pytest.raises(AttributeError):
            schedule.rate = 0.2


# -- plateau ------------------------------------------------------------------------------------------------------


def reduced(losses, **options):
    """The rates that a plateau has after each of these losses."""
    planned = Planned(schedules.plateau(1.0, **options), 1000, Constant(1.0, 0.0))
    told = iter(losses)
    listener, found = Plateau(1, planned, lambda moment: next(told)), []
    moment = Moment(np.ones(1))
    for moment.n_done in range(1, len(losses) + 1):
        assert not listener.hear(moment)
        found.append(float(planned.of(0, 1)[0][0]))
    return found


def test_plateau_is_pytorchs():
    """Worked out by hand from the rules of ReduceLROnPlateau: patience, threshold, cooldown, min_lr."""
    assert reduced([5, 5, 5, 5, 5, 5], patience=1, factor=0.5) == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert reduced([5, 4, 5, 3, 3, 3], patience=0, factor=0.5) == [1, 1, 0.5, 0.5, 0.25, 0.125]
    assert reduced([5, 4.9, 4.8], patience=0, factor=0.5, threshold=0.1) == [1, 0.5, 0.25]
    assert reduced([5, 4.9, 4.8], patience=0, factor=0.5, threshold=0.05, threshold_mode="abs") == [1, 1, 1]
    assert reduced([5, 5, 5, 5, 5, 5], patience=0, factor=0.5, cooldown=2) == [1, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert reduced([5, 5, 5, 5], patience=0, factor=0.5, min_lr=0.3) == [1, 0.5, 0.3, 0.3]
    assert reduced([math.nan, 5, 5], patience=0, factor=0.5) == [0.5, 0.5, 0.25]


def test_plateau_does_not_count_while_it_warms_up():
    assert reduced([5, 5, 5, 5], patience=0, factor=0.5, warmup=2) == [1 / 3, 2 / 3, 1.0, 0.5]


def test_plateau_listens_to_the_mean_objective_of_a_pass():
    """What a callback sees of the losses tells when the rate falls."""
    options = {"batch_size": 5, "random_state": 0, "report_every": None}
    every = -(-len(X) // 5)
    plan = schedules.plateau(20.0, factor=0.5, patience=1)
    curve = np.array(fastnn.train([4, 5, 3], X, Y, 40 * every, plan, **options).loss_curve)
    best, n_bad, factor, rates = 1e9, 0, 1.0, []
    for mean in np.average(curve.reshape(40, every), axis=1, weights=[5, 5, 5, 5, 3]):
        rates += [20.0 * factor] * every
        best, n_bad = (mean, 0) if mean < best - 1e-4 * best else (best, n_bad + 1)
        if n_bad > 1:
            factor, n_bad = factor * 0.5, 0
    assert factor < 0.5
    by_array = fastnn.train([4, 5, 3], X, Y, 40 * every, rates, **options)
    assert by_array.loss_curve == curve.tolist()


def test_plateau_listens_to_validation():
    plan = schedules.plateau(1.0, factor=0.5, patience=0)
    options = {"random_state": 0, "validation_data": (X[:5], 1 - Y[:5]), "report_every": 1}
    result = fastnn.train([4, 5, 3], X, Y, 30, plan, **options)
    rates, best, factor = [], 1e9, 1.0
    for loss in result.history["val_loss"]:
        rates.append(factor)
        if loss < best - 1e-4 * best:
            best = loss
        else:
            factor *= 0.5
    assert factor < 1e-3
    assert fastnn.train([4, 5, 3], X, Y, 30, rates, random_state=0).loss_curve == result.loss_curve


# -- estimators ---------------------------------------------------------------------------------------------------

OPTIONS = {"hidden_layer_sizes": (5,), "max_iter": 12, "batch_size": 6, "random_state": 0, "tol": 0.0}
PER_EPOCH = -(-len(X) // 6)


@pytest.mark.parametrize("estimator", [MLPClassifier, MLPRegressor])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_estimators_take_names_schedules_functions_and_arrays(estimator, solver):
    def weights(**options):
        options = {**OPTIONS, "solver": solver, "n_iter_no_change": 99, **options}
        return np.concatenate([w.ravel() for w in estimator(**options).fit(X, LABELS).coefs_])

    n = 12 * PER_EPOCH
    rates = 0.05 * (1 + np.cos(np.pi * np.arange(n) / n)) / 2
    expected = weights(learning_rate_init=rates)
    assert (weights(learning_rate_init=0.05) != expected).any()
    assert_close(weights(learning_rate="cosine", learning_rate_init=0.05), expected, 1e-12)
    assert_close(weights(learning_rate_init=schedules.cosine(0.05)), expected, 1e-12)
    assert_close(weights(learning_rate_init=lambda p: 0.025 * (1 + math.cos(math.pi * p))), expected, 1e-12)
    constant = weights(learning_rate_init=np.full(n, 0.05))
    assert (constant == weights(learning_rate_init=0.05)).all()


def test_the_estimators_plateau_hears_each_epoch():
    options = {**OPTIONS, "max_iter": 40, "n_iter_no_change": 99, "solver": "sgd"}
    plan = schedules.plateau(1.5, factor=0.5, patience=1)
    found = MLPClassifier(**options, learning_rate_init=plan).fit(X, LABELS)
    best, n_bad, factor, rates = 1e9, 0, 1.0, []
    for loss in found.loss_curve_:
        rates += [1.5 * factor] * PER_EPOCH
        best, n_bad = (loss, 0) if loss < best - 1e-4 * best else (best, n_bad + 1)
        if n_bad > 1:
            factor, n_bad = factor * 0.5, 0
    assert factor < 1.0
    assert MLPClassifier(**options, learning_rate_init=rates).fit(X, LABELS).loss_curve_ == found.loss_curve_


def test_the_estimators_plateau_by_name_falls_before_training_ends():
    """PyTorch's patience of 10 would not: training ends as early, and "plateau" was "constant" by another name."""
    options = {**OPTIONS, "max_iter": 400, "n_iter_no_change": 10, "solver": "sgd"}
    found = MLPClassifier(**options, learning_rate="plateau", learning_rate_init=1.5).fit(X, LABELS)
    plan = schedules.plateau(1.5, patience=5)
    assert MLPClassifier(**options, learning_rate_init=plan).fit(X, LABELS).loss_curve_ == found.loss_curve_
    constant = MLPClassifier(**options, learning_rate_init=1.5).fit(X, LABELS)
    assert found.loss_ < constant.loss_
    assert MLPClassifier(**{**options, "n_iter_no_change": np.inf, "max_iter": 2}, learning_rate="plateau")


def test_they_are_cloned_and_pickled():
    classifier = MLPClassifier(**OPTIONS, learning_rate_init=schedules.one_cycle(0.1)).fit(X, LABELS)
    again = clone(classifier)
    assert again.learning_rate_init == classifier.learning_rate_init
    assert again.fit(X, LABELS).loss_curve_ == classifier.loss_curve_
    assert pickle.loads(pickle.dumps(classifier)).predict(X).tolist() == classifier.predict(X).tolist()


# -- bad input ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("alpha", "error", "message"),
    [
        ([0.1] * 9, ValueError, r"alpha has 9 rates, but there are 10 updates \(iter_num\); give one for each"),
        ([0.1] * 9 + [-1.0], ValueError, r"alpha has -1.0 in entry 9; rates must be at least 0"),
        ([0.1] * 9 + [np.nan], ValueError, "alpha has nan in entry 9"),
        (np.ones((10, 1)), ValueError, r"alpha must have a rate for each update, got an array of shape \(10, 1\)"),
        ([], ValueError, "alpha must have a rate for each update"),
        (["a"] * 10, TypeError, "alpha must hold real numbers"),
        (lambda progress: -1.0, ValueError, r"alpha\(0\) must be finite and at least 0.0, got -1.0"),
        (lambda progress: 1.0 - 2 * progress, ValueError, r"alpha\(0.6\) must be finite and at least 0.0"),
        (lambda progress: None, TypeError, r"alpha\(0\) must be a number, got None"),
        (schedules.cosine, TypeError, r"alpha is the class cosine; say which rate: schedules.cosine\(0.1\)"),
        ("cosine", TypeError, "alpha must be a number, got 'cosine'"),
        (0.0, ValueError, "alpha must be finite and greater than 0.0, got 0.0"),
    ],
)
def test_what_is_no_rate(alpha, error, message):
    with pytest.raises(error, match=message):
        fastnn.train([4, 3], X, Y, 10, alpha)


@pytest.mark.parametrize(
    ("name", "options", "error", "message"),
    [
        ("cosine", {"rate": 0}, ValueError, "rate must be finite and greater than 0.0, got 0"),
        ("cosine", {"eta_min": -1}, ValueError, "eta_min must be finite and at least 0.0"),
        ("cosine", {"cycles": 0}, ValueError, "cycles must be at least 1, got 0"),
        ("cosine", {"warmup": 1.0}, ValueError, "warmup must be finite and at least 0.0 and less than 1.0, got 1.0"),
        ("cosine", {"warmup": -1}, ValueError, "warmup must be at least 0, got -1"),
        ("cycles", {"rate": -0.1}, ValueError, "rate must be finite and greater than 0.0, got -0.1"),
        ("cycles", {"n_cycles": 31}, ValueError, "n_cycles must be at most 30"),
        ("cycles", {"n_cycles": 0}, ValueError, "n_cycles must be at least 1, got 0"),
        ("one_cycle", {"pct_start": 1.5}, ValueError, "pct_start must be at most 1, got 1.5"),
        ("one_cycle", {"anneal_strategy": "cosine"}, ValueError, "anneal_strategy"),
        ("linear", {"end_factor": np.nan}, ValueError, "end_factor must be finite"),
        ("step", {"milestones": 0.5}, TypeError, "milestones must be shares of the run"),
        ("step", {"milestones": (1000,)}, ValueError, r"milestones\[0\] must be finite and at least 0 and less than 1"),
        ("step", {"step_size": 0.5}, TypeError, "step_size must be an integer"),
        ("exponential", {"decay_rate": 0}, ValueError, "decay_rate must be finite and greater than 0.0"),
        ("plateau", {"factor": 1.0}, ValueError, "factor must be finite and greater than 0.0 and less than 1.0"),
        ("plateau", {"patience": -1}, ValueError, "patience must be at least 0"),
        ("plateau", {"threshold_mode": "max"}, ValueError, "threshold_mode"),
    ],
)
def test_what_is_no_schedule(name, options, error, message):
    with pytest.raises(error, match=message):
        getattr(schedules, name)(**{"rate": 0.1, **options})


def test_the_estimators_say_what_does_not_go_together():
    plan = schedules.cosine(0.1)
    with pytest.raises(ValueError, match=r"has 9 rates, but there are \d+ updates \(4 in each of 12 epochs\)"):
        MLPClassifier(**OPTIONS, learning_rate_init=[0.1] * 9).fit(X, LABELS)
    for options in ({"learning_rate": "cosine"}, {"learning_rate": "adaptive", "solver": "sgd"}):
        with pytest.raises(ValueError, match="starts from a number, but learning_rate_init is a schedule of its own"):
            MLPClassifier(**OPTIONS, learning_rate_init=plan, **options).fit(X, LABELS)
    for options in ({"learning_rate": "cosine"}, {"learning_rate_init": plan}):
        with pytest.raises(ValueError, match="partial_fit does not know how long training will be"):
            MLPClassifier(**OPTIONS, **options).partial_fit(X, LABELS, classes=[0, 1, 2])


def test_divergence_names_a_rate():
    with pytest.raises(FloatingPointError, match=r"a smaller learning rate \(it was 1e\+30\)"):
        fastnn.train([4, 3], X, Y, 50, schedules.linear(1e30), output_activation="identity")
