"""Ensembles in the estimators: members are estimators of their own, bit for bit, and averages are NumPy's."""

import io
import warnings

import numpy as np
import pytest
import scipy.stats
from scipy.optimize import brentq
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_friedman1
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import train_test_split
from sklearn.utils.estimator_checks import check_estimator

from fastnn import Head, MLPClassifier, MLPRegressor
from fastnn.estimators import _held_back

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(19)
X = RNG.standard_normal((60, 4))
NUMBER = X[:, 0] + X[:, 1] * X[:, 2]
NUMBERS = np.column_stack([NUMBER, X[:, 3] ** 2])
CLASSES = np.array(["no", "maybe", "yes"])[(NUMBER > 0).astype(int) + (X[:, 3] > 0.5)]
FEW = {"hidden_layer_sizes": (5,), "max_iter": 4, "n_members": 3, "random_state": 0}
HEADS = [Head(1, "huber"), Head(2, "gaussian_nll")]

#: Name -> estimator, targets.
KINDS = {
    "binary": (MLPClassifier(**FEW), CLASSES == "yes"),
    "multiclass": (MLPClassifier(**FEW), CLASSES),
    "multilabel": (MLPClassifier(**FEW), (X[:, :3] > 0).astype(int)),
    "hinge": (MLPClassifier(loss="hinge", **FEW), CLASSES),
    "number": (MLPRegressor(**FEW), NUMBER),
    "numbers": (MLPRegressor(**FEW), NUMBERS),
    "lbfgs": (MLPRegressor(solver="lbfgs", **FEW), NUMBER),
    "poisson": (MLPRegressor("poisson", **FEW), np.abs(NUMBER)),
    "quantiles": (MLPRegressor("quantile", quantile=[0.05, 0.5, 0.95], **FEW), NUMBER),
    "means": (MLPRegressor("gaussian_nll", **FEW), NUMBERS),
    "heads": (MLPRegressor(heads=HEADS, **FEW), NUMBERS),
}


def fitted(kind, **options):
    estimator, y = KINDS[kind]
    return clone(estimator).set_params(**options).fit(X, y), y


def same_parameters(one, other):
    return np.array_equal(one.network_.parameters, other.network_.parameters)


def alone(member, **options):
    """The estimator that a member is, not fitted."""
    return clone(member).set_params(**options)


# -- members ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_members_are_the_estimators_that_their_seeds_make(kind):
    ensemble, y = fitted(kind)
    seeds = np.random.RandomState(0).randint(2**31 - 1, size=3).tolist()
    assert [member.random_state for member in ensemble.members_] == seeds
    for member in ensemble.members_:
        assert member.n_members == 1
        own = alone(member).fit(X, y)
        assert same_parameters(member, own)
        assert vars(member).keys() == vars(own).keys()
    assert not same_parameters(*ensemble.members_[:2])
    assert ensemble.n_iter_ == max(member.n_iter_ for member in ensemble.members_)


@pytest.mark.parametrize("kind", ["multiclass", "number"])
@pytest.mark.parametrize(
    "options",
    [{"early_stopping": True}, {"warm_start": True}, {"track": "score"}, {"dropout": 0.5}, {"shuffle": False}],
    ids=lambda options: next(iter(options)),
)
def test_options_are_those_of_each_member(kind, options):
    ensemble, y = fitted(kind, **options)
    for member in ensemble.members_:
        own = alone(member).fit(X, y)
        assert same_parameters(member, own)
        assert member.history_ == own.history_


@pytest.mark.parametrize("weights", [RNG.random(60), 0.25], ids=["each", "all"])
def test_weights_and_validation_rows_go_to_each_member(weights):
    estimator, y = KINDS["multiclass"]
    given = {"sample_weight": weights, "X_val": X[:20], "y_val": y[:20], "sample_weight_val": RNG.random(20)}
    ensemble = clone(estimator).fit(X, y, **given)
    for member in ensemble.members_:
        own = alone(member).fit(X, y, **given)
        assert same_parameters(member, own)
        assert member.validation_loss_curve_ == own.validation_loss_curve_


def test_validation_rows_that_do_not_fit_are_told_once():
    with pytest.raises(ValueError, match="X_val, y_val or sample_weight_val does not fit"):
        clone(KINDS["number"][0]).fit(X, NUMBER, X_val=X[:5, :2], y_val=NUMBER[:5])
    with pytest.raises(ValueError, match="y_val was given without X_val"):
        clone(KINDS["number"][0]).fit(X, NUMBER, y_val=NUMBER)


def test_nothing_given_is_changed_and_nothing_of_the_fit_stays():
    given = X.copy(), NUMBER.copy(), np.ones(60)
    ensemble = clone(KINDS["number"][0]).set_params(bootstrap=True).fit(*given)
    assert all(map(np.array_equal, given, (X, NUMBER, np.ones(60))))
    assert all("_part" not in vars(member) for member in ensemble.members_)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
@pytest.mark.filterwarnings("default")
def test_check_estimator(name):
    """All of scikit-learn's checks, as of one network."""
    import fastnn

    found = check_estimator(getattr(fastnn, name)(n_members=2), on_fail=None, on_skip=None)
    assert len(found) > 65
    skips = ("check_array_api_input", "check_classifiers_multilabel_output_format_decision_function")
    assert [one for one in found if one["status"] != "passed" and one["check_name"] not in skips] == []


# -- predictions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("means", "heads")])
def test_predictions_are_means_of_the_members(kind):
    ensemble, _ = fitted(kind)
    outputs = np.mean([member._outputs(X) for member in ensemble.members_], axis=0)
    np.testing.assert_allclose(ensemble._outputs(X), outputs, rtol=1e-13, atol=1e-15)
    if hasattr(ensemble, "predict_proba"):
        of_members = np.mean([member.predict_proba(X) for member in ensemble.members_], axis=0)
        np.testing.assert_allclose(ensemble.predict_proba(X), of_members, rtol=1e-12)
        np.testing.assert_allclose(ensemble.predict_log_proba(X), np.log(of_members), rtol=1e-12)
    elif hasattr(ensemble, "decision_function"):
        of_members = np.mean([member.decision_function(X) for member in ensemble.members_], axis=0)
        np.testing.assert_allclose(ensemble.decision_function(X), of_members, rtol=1e-12)
    else:
        of_members = np.mean([member.predict(X) for member in ensemble.members_], axis=0)
        np.testing.assert_allclose(ensemble.predict(X), of_members, rtol=1e-12)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "hinge"])
def test_labels_are_those_of_the_mean(kind):
    ensemble, y = fitted(kind, max_iter=50)
    values = ensemble.decision_function(X) if kind == "hinge" else ensemble.predict_proba(X)
    expected = ensemble.classes_[values.argmax(axis=1)]
    assert np.array_equal(ensemble.predict(X), expected)
    assert ensemble.score(X, y) == np.mean(expected == y)


def test_several_labels_are_those_whose_mean_is_beyond_a_half():
    ensemble, _ = fitted("multilabel", max_iter=50)
    assert np.array_equal(ensemble.predict(X), ensemble.predict_proba(X) > 0.5)


def test_learned_variances_are_those_of_the_mixture():
    """Against a sample: ten thousand numbers of each member."""
    ensemble, _ = fitted("means", max_iter=50)
    each = [member.predict(X[:5], return_std=True) for member in ensemble.members_]
    sample = np.concatenate([RNG.normal(mean, std, (10_000, 5, 2)) for mean, std in each])
    mean, std = ensemble.predict(X[:5], return_std=True)
    np.testing.assert_allclose(mean, np.mean([mean for mean, _ in each], axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, sample.std(axis=0), rtol=0.03)
    assert np.array_equal(ensemble.predict_std(X[:5]), std)


def test_heads_predict_means_and_the_mixture_of_their_variances():
    ensemble, _ = fitted("heads")
    outputs = np.stack([member._outputs(X) for member in ensemble.members_])
    mean = outputs.mean(axis=0)
    variance = mean[:, 2] + outputs[..., 1].var(axis=0)
    np.testing.assert_allclose(ensemble.predict(X), mean[:, :2], rtol=1e-12)
    np.testing.assert_allclose(ensemble.ensemble_(X)[:, 2], variance, rtol=1e-12)
    expected = np.column_stack([outputs[..., 0].std(axis=0), np.sqrt(variance)])
    np.testing.assert_allclose(ensemble.predict_std(X), expected, rtol=1e-10)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "number", "numbers", "quantiles", "hinge"])
def test_the_deviation_is_that_of_what_the_members_predict(kind):
    ensemble, _ = fitted(kind)
    method = next(name for name in ("predict_proba", "decision_function", "predict") if hasattr(ensemble, name))
    expected = np.std([getattr(member, method)(X) for member in ensemble.members_], axis=0)
    np.testing.assert_allclose(ensemble.predict_std(X), expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_row_has_the_same_bits_alone_and_among_others(kind, dtype):
    estimator, y = KINDS[kind]
    rows = X.astype(dtype)
    ensemble = clone(estimator).set_params(n_members=9).fit(rows, y)
    together, call = ensemble._outputs(rows), ensemble.ensemble_
    assert together.dtype == (np.float64 if kind == "lbfgs" else dtype)
    assert np.array_equal(call(rows.astype(together.dtype)), together)
    for i in (0, 7, 59):
        assert np.array_equal(ensemble._outputs(rows[i : i + 1])[0], together[i])
        assert np.array_equal(call(rows[i].astype(together.dtype)), together[i])


def test_lists_frames_and_sparse_rows():
    pandas = pytest.importorskip("pandas")
    import scipy.sparse

    ensemble, _ = fitted("number")
    expected = ensemble.predict(X)
    assert np.array_equal(ensemble.predict(X.tolist()), expected)
    np.testing.assert_allclose(ensemble.predict(scipy.sparse.csr_matrix(X)), expected, rtol=1e-12)
    frame = pandas.DataFrame(X, columns=list("abcd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", ConvergenceWarning)
        named = clone(ensemble).fit(frame, NUMBER)
        assert np.array_equal(named.predict(frame), expected)
        assert np.array_equal(named.members_[0].predict(frame), ensemble.members_[0].predict(X))
        named.fit(frame, NUMBER, X_val=frame, y_val=NUMBER).partial_fit(frame, NUMBER)
        assert named.ensemble_.feature_names == tuple("abcd")
    with pytest.raises(ValueError, match="feature names"):
        named.predict(frame[["b", "a", "c", "d"]])


@pytest.mark.parametrize(("rows", "says"), [(np.full((2, 4), np.nan), "NaN"), (np.ones((2, 3)), "3 features")])
def test_rows_that_do_not_fit_are_refused(rows, says):
    with pytest.raises(ValueError, match=says):
        fitted("number")[0].predict(rows)


def test_the_outputs_of_the_last_hidden_layers_stand_side_by_side():
    ensemble, y = fitted("multiclass")
    expected = np.hstack([member.transform(X) for member in ensemble.members_])
    assert np.array_equal(ensemble.transform(X), expected)
    assert np.array_equal(clone(ensemble).fit_transform(X, y), expected)
    assert len(ensemble.get_feature_names_out()) == 15


# -- rows of their own ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["number", "numbers", "multiclass", "multilabel", "means"])
def test_a_draw_is_the_fit_of_the_rows_that_were_drawn(kind):
    ensemble, y = fitted(kind, bootstrap=True)
    for member in ensemble.members_:
        rows = np.sort(np.random.RandomState([member.random_state, 1]).randint(0, 60, 60))
        assert 25 < len(np.unique(rows)) < 50
        assert same_parameters(member, alone(member).fit(X[rows], y[rows]))


def test_weights_go_along_with_the_rows():
    weight = RNG.random(60)
    ensemble = clone(KINDS["number"][0]).set_params(bootstrap=True).fit(X, NUMBER, weight)
    member = ensemble.members_[1]
    rows = np.sort(np.random.RandomState([member.random_state, 1]).randint(0, 60, 60))
    assert same_parameters(member, alone(member).fit(X[rows], NUMBER[rows], weight[rows]))


@pytest.mark.parametrize("options", [{}, {"class_weight": "balanced"}, {"early_stopping": True}, {"warm_start": True}])
def test_a_class_that_a_draw_lacks_has_its_output(options):
    y = np.where(np.arange(60) == 3, "once", CLASSES)
    ensemble = MLPClassifier(**{**FEW, "n_members": 6}, bootstrap=True, **options).fit(X, y)
    lacks = [
        3 not in np.random.RandomState([member.random_state, 1]).randint(0, 60, 60) for member in ensemble.members_
    ]
    assert 0 < sum(lacks) < 6
    assert all(list(member.classes_) == ["maybe", "no", "once", "yes"] for member in ensemble.members_)
    assert ensemble.predict_proba(X).shape == (60, 4)
    ensemble.fit(X, y)  # again, warm or not


def test_a_row_that_was_drawn_twice_is_learned_from_or_held_back():
    draw = np.sort(np.random.default_rng(0).integers(0, 100, 100))
    labels = draw % 2
    learned, held_back = _held_back.split(100, None, labels, 0.2, np.random.RandomState(0), draw)
    assert sorted([*learned, *held_back]) == list(range(100))
    assert not set(draw[learned]) & set(draw[held_back])
    assert 0.1 < len(held_back) / 100 < 0.3


def test_draws_differ_from_fits_of_all_rows_and_are_the_same_again():
    one, other = fitted("number", bootstrap=True)[0], fitted("number", bootstrap=True)[0]
    assert np.array_equal(one.predict(X), other.predict(X))
    assert not np.array_equal(one.predict(X), fitted("number")[0].predict(X))


# -- intervals --------------------------------------------------------------------------------------------------

DATA = {
    "diabetes": lambda: load_diabetes(return_X_y=True),
    "friedman": lambda: make_friedman1(400, noise=1.0, random_state=0),
}


@pytest.mark.parametrize("name", DATA)
def test_intervals_out_of_bag_hold_what_they_promise(name):
    """Over five splits, so that the share has a standard error of about a percent and a half."""
    held, (rows, y) = {0.8: [], 0.9: []}, DATA[name]()
    rows, y = rows / rows.std(axis=0), (y - y.mean()) / y.std()
    options = {"solver": "lbfgs", "alpha": 10.0, "max_iter": 30, "random_state": 0, "bootstrap": True}
    for split in range(5):
        X_train, X_test, y_train, y_test = train_test_split(rows, y, random_state=split)
        model = MLPRegressor(hidden_layer_sizes=(8,), n_members=6, **options).fit(X_train, y_train)
        for coverage, found in held.items():
            lower, upper = model.predict_interval(X_test, coverage)
            found.extend((lower <= y_test) & (y_test <= upper))
    for coverage, found in held.items():
        assert coverage - 0.025 < np.mean(found) < coverage + 0.09


@pytest.mark.parametrize("kind", ["number", "numbers", "means"])
def test_an_interval_is_by_the_residuals_of_rows_that_members_did_not_draw(kind):
    ensemble, y = fitted(kind, bootstrap=True, n_members=5)
    y = y.reshape(60, -1)
    draws = [np.random.RandomState([m.random_state, 1]).randint(0, 60, 60) for m in ensemble.members_]
    residuals = []
    for i in range(60):
        found = [member for member, draw in zip(ensemble.members_, draws, strict=True) if i not in draw]
        if found:
            outputs = np.concatenate([member._outputs(X[i : i + 1]) for member in found])
            means, variances = outputs[:, : y.shape[1]], outputs[:, y.shape[1] :]
            mean = means.mean(axis=0)
            std = np.sqrt(variances.mean(axis=0) + means.var(axis=0)) if kind == "means" else 1
            residuals.append(np.abs(y[i] - mean) / std)
    place = int(np.ceil((len(residuals) + 1) * 0.8)) - 1
    width = np.sort(residuals, axis=0)[place] * (ensemble.predict_std(X) if kind == "means" else 1)
    mean = ensemble.predict(X)
    lower, upper = ensemble.predict_interval(X, 0.8)
    np.testing.assert_allclose(lower, mean - (width if kind != "number" else width[0]), rtol=1e-9)
    np.testing.assert_allclose(upper, mean + (width if kind != "number" else width[0]), rtol=1e-9)


@pytest.mark.parametrize("n_members", [1, 3])
def test_learned_variances_give_quantiles_of_their_mixture(n_members):
    model, _ = fitted("means", n_members=n_members, max_iter=50)
    members = getattr(model, "members_", [model])
    lower, upper = model.predict_interval(X[:3], 0.9)
    each = [member.predict(X[:3], return_std=True) for member in members]
    for i in range(3):
        for j in range(2):

            def below(t, i=i, j=j):
                return np.mean([scipy.stats.norm.cdf(t, mean[i, j], std[i, j]) for mean, std in each])

            for bound, share in ((lower, 0.05), (upper, 0.95)):
                expected = brentq(lambda t, share=share, below=below: below(t) - share, -100, 100, xtol=1e-12)
                assert bound[i, j] == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("n_members", [1, 3])
def test_quantiles_that_were_learned_are_bounds(n_members):
    model, _ = fitted("quantiles", n_members=n_members)
    lower, upper = model.predict_interval(X, 0.9)
    assert np.array_equal(np.column_stack([lower, upper]), model.predict(X)[:, [0, 2]])
    with pytest.raises(ValueError, match=r"between the quantiles 0.1 and 0.9, and those that were learned are \[0.05"):
        model.predict_interval(X, 0.8)


@pytest.mark.parametrize(
    ("kind", "options", "coverage", "says"),
    [
        ("number", {}, 0.9, r"bootstrap=False\) has not learned.*bootstrap=True.*gaussian_nll.*quantile"),
        ("number", {"n_members": 1}, 0.9, "has not learned"),
        ("heads", {"bootstrap": True}, 0.9, r"without heads; ensemble_\(X\)"),
        ("number", {"bootstrap": True}, 1.0, "the interval, must be .*less than 1.0, got 1.0"),
        ("number", {"bootstrap": True}, 0.999, "needs 999 rows out of bag or more, and there are"),
    ],
)
def test_intervals_that_nothing_was_learned_for(kind, options, coverage, says):
    with pytest.raises(ValueError, match=says):
        fitted(kind, **options)[0].predict_interval(X, coverage)


def test_a_coverage_that_is_no_number():
    with pytest.raises(TypeError, match="coverage, the share of targets in the interval, must be a number, got '90%'"):
        fitted("number", bootstrap=True)[0].predict_interval(X, "90%")


def test_rows_of_weight_0_have_no_residual():
    weight = np.ones(60)
    weight[:20] = 0
    ensemble = clone(KINDS["number"][0]).set_params(bootstrap=True).fit(X, NUMBER, weight)
    assert len(ensemble._out_of_bag) < 40


# -- going on ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["multiclass", "number"])
def test_partial_fit_trains_every_member(kind):
    estimator, y = KINDS[kind]
    classes = (np.unique(y),) if kind == "multiclass" else ()
    ensemble = clone(estimator).partial_fit(X, y, None, *classes)
    own = [alone(member).partial_fit(X, y, None, *classes) for member in ensemble.members_]
    weight = RNG.random(7)
    for model in (ensemble, *own):
        for _ in range(3):
            model.partial_fit(X, y)
            model.partial_fit(X[:7], y[:7], weight)
    assert all(map(same_parameters, ensemble.members_, own))
    assert [member.t_ for member in ensemble.members_] == [4 * 60 + 3 * 7] * 3


def test_new_classes_are_those_of_all_members():
    ensemble = clone(KINDS["multiclass"][0]).set_params(extend_classes=True)
    for y in ([0, 1], [0, 2], [3, 1]):
        ensemble.partial_fit(X[:2], y)
    ensemble.partial_fit(X[:2], [0, 1], classes=[7])
    assert list(ensemble.classes_) == [0, 1, 2, 3, 7]
    assert all(list(member.classes_) == [0, 1, 2, 3, 7] for member in ensemble.members_)
    assert ensemble.predict_proba(X).shape == (60, 5)


def test_partial_fit_of_labels_that_are_not_known():
    ensemble = clone(KINDS["multiclass"][0]).fit(X, CLASSES)
    before = ensemble.predict_proba(X)
    with pytest.raises(ValueError, match="`y` has classes not in"):
        ensemble.partial_fit(X[:1], ["another"])
    assert np.array_equal(ensemble.predict_proba(X), before)


@pytest.mark.parametrize("options", [{}, {"bootstrap": True}, {"early_stopping": True}])
def test_two_warm_fits_are_one_of_twice_the_epochs(options):
    estimator, y = KINDS["number"]
    whole = clone(estimator).set_params(max_iter=8, warm_start="solver", tol=0, **options).fit(X, y)
    halves = clone(whole).set_params(max_iter=4).fit(X, y).fit(X, y)
    assert np.array_equal(whole.predict(X), halves.predict(X))


def test_parameters_that_are_set_between_two_fits_reach_the_members():
    ensemble, y = fitted("number", warm_start=True)
    ensemble.set_params(max_iter=1, alpha=0.5).fit(X, y)
    assert [(member.max_iter, member.alpha) for member in ensemble.members_] == [(1, 0.5)] * 3


def test_one_network_after_several_and_several_after_one():
    model, y = fitted("number")
    model.set_params(n_members=1).fit(X, y)
    assert not hasattr(model, "members_")
    assert np.array_equal(model.predict(X), clone(model).fit(X, y).predict(X))
    model.set_params(n_members=2).fit(X, y)
    assert len(model.members_) == 2
    assert not hasattr(model, "coefs_")
    assert "_weights" not in vars(model)


def test_checkpoints_have_a_folder_for_each_member(tmp_path):
    ensemble, y = fitted("number", checkpoint=tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == ["member_0", "member_1", "member_2"]
    again = clone(ensemble).fit(X, y)
    assert np.array_equal(ensemble.predict(X), again.predict(X))
    longer = clone(ensemble).set_params(max_iter=6).fit(X, y)
    assert np.array_equal(longer.predict(X), fitted("number", max_iter=6)[0].predict(X))
    assert all(member.checkpoint is None for member in ensemble.members_)


def test_the_time_is_for_all_members():
    import time

    start = time.monotonic()
    ensemble, _ = fitted("number", max_iter=10**7, tol=0, n_iter_no_change=np.inf, n_members=4, max_time=0.4)
    assert time.monotonic() - start < 2
    assert all(member.n_iter_ > 1 for member in ensemble.members_)


def test_a_line_for_each_member(capsys):
    fitted("number", verbose=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == [f"Member {i} of 3" for i in (1, 2, 3)]


# -- refused ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"n_members": 0}, "n_members"),
        ({"n_members": 2.0}, "n_members"),
        ({"bootstrap": "yes"}, "bootstrap"),
        ({"n_members": 1, "bootstrap": True}, "set n_members to 2 or more"),
        ({"callback": print}, "callback hears of the epochs of one network, and n_members=3"),
        ({"checkpoint": "folder", "random_state": None}, "needs an int as random_state"),
    ],
)
def test_what_cannot_be_is_told(options, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=says):
        fitted("number", **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_members", [1, 4])
def test_training_goes_on_from_as_many_networks(n_members):
    model, y = fitted("number", warm_start=True)
    with pytest.raises(ValueError, match=rf"from 3 network\(s\), but n_members={n_members}"):
        model.set_params(n_members=n_members).fit(X, y)
    with pytest.raises(ValueError, match="set it as it was, or fit anew"):
        fitted("number", n_members=1)[0].set_params(n_members=2).partial_fit(X, y)


def test_partial_fit_has_no_draws():
    assert not hasattr(MLPRegressor(n_members=2, bootstrap=True), "partial_fit")
    with pytest.raises(AttributeError) as raised:
        MLPRegressor(n_members=2, bootstrap=True).partial_fit(X, NUMBER)
    assert "bootstrap=True" in str(raised.value.__cause__ or raised.value)


@pytest.mark.parametrize("name", ["coefs_", "intercepts_", "loss_", "loss_curve_", "t_", "network_", "history_"])
def test_what_is_of_one_network_is_asked_of_a_member(name):
    ensemble, _ = fitted("number")
    assert not hasattr(ensemble, name)
    with pytest.raises(AttributeError, match=rf"{name} is of one network.*has 3.*members_\[0\].{name}"):
        getattr(ensemble, name)
    assert hasattr(ensemble.members_[0], name)


@pytest.mark.parametrize("name", ["coefs_", "members_", "loss_"])
def test_before_fit_there_is_no_such_attribute(name):
    with pytest.raises(AttributeError, match=f"'MLPRegressor' object has no attribute '{name}'"):
        getattr(MLPRegressor(n_members=2), name)
    assert not callable(getattr(MLPRegressor, name, None))


@pytest.mark.parametrize("method", ["predict", "predict_std", "predict_interval"])
def test_before_fit_nothing_is_predicted(method):
    with pytest.raises(NotFittedError):
        getattr(MLPRegressor(n_members=2), method)(X)


@pytest.mark.parametrize(("kind", "says"), [("number", "gaussian_nll"), ("multiclass", "n_members=5 or more$")])
def test_one_network_does_not_say_how_sure_it_is(kind, says):
    with pytest.raises(ValueError, match=f"one network: fit with.*{says}" if kind == "number" else says):
        fitted(kind, n_members=1)[0].predict_std(X)


def test_one_network_of_learned_variances_does():
    model, _ = fitted("means", n_members=1)
    np.testing.assert_allclose(model.predict_std(X), model.predict(X, return_std=True)[1], rtol=1e-15)


def test_the_bar_is_over_all_members(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert len(fitted("number", progress=True)[0].members_) == 3


def test_a_fit_that_fails_leaves_the_labels_of_the_members():
    model = MLPClassifier((3,), solver="sgd", n_members=2, max_iter=2, random_state=0)
    rows, labels = np.eye(4), np.array(["a", "b", "c", "a"])
    model.fit(rows, labels)
    expected = model.predict(rows)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.set_params(learning_rate_init=1e300).fit(rows, np.array(["x", "y", "z", "x"]))
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert np.array_equal(model.predict(rows), expected)


def test_warnings_name_members():
    with pytest.warns(ConvergenceWarning, match=r"converged yet\. \(members_\[0, 1, 2\]\)$"):
        MLPRegressor(**FEW).fit(X, NUMBER)
