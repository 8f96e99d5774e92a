"""class_weight and label_smoothing: what they mean is what the rows' own weights, and targets by hand, give."""

import numpy as np
import pytest
import sklearn.neural_network
from conftest import LABELS, X, Y, assert_close
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.estimator_checks import check_class_weight_classifiers

import fastnn
from fastnn import MLPClassifier
from fastnn.backends import BACKENDS
from fastnn.objective import Objective
from fastnn.spec import NetworkSpec

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

OWN = np.random.default_rng(3).random(len(X)) + 0.1
WORDS = np.array(["no", "yes", "perhaps"])[LABELS]
#: class_weight -> the same for scikit-learn's function.
RULES = [{0: 3.0, 2: 0.25}, "balanced"]


def train(y=LABELS, n_out=3, **options):
    return fastnn.train([4, 5, n_out], X, y, 20, 0.1, loss="log_loss", random_state=0, **options)


# -- class_weight -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("y", [LABELS, Y], ids=["labels", "one-hot"])
def test_train_weighs_rows_as_scikit_learn_does(rule, y):
    filled = {1: 1.0, **rule} if isinstance(rule, dict) else rule
    expected = train(y, sample_weight=compute_sample_weight(filled, LABELS))
    assert_close(train(y, class_weight=rule).network.parameters, expected.network.parameters, 1e-12)


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_backend_has_it(backend):
    loss = train(class_weight={1: 9.0}, backend=backend).loss_curve
    assert_close(loss, train(sample_weight=np.where(LABELS == 1, 9.0, 1.0), backend="numpy").loss_curve, 1e-9)


def test_labels_may_be_words_and_weights_multiply():
    rule = {"yes": 4.0}
    expected = train(WORDS, sample_weight=OWN * np.where(WORDS == "yes", 4.0, 1.0))
    assert_close(train(WORDS, class_weight=rule, sample_weight=OWN).loss_curve, expected.loss_curve, 1e-12)


def test_balanced_counts_weights():
    """A row of weight 2 is two rows."""
    twice = np.concatenate([np.arange(len(X)), np.flatnonzero(LABELS == 0)])
    weight = np.where(LABELS == 0, 2.0, 1.0)
    once = train(class_weight="balanced", sample_weight=weight)
    repeated = fastnn.train(
        [4, 5, 3], X[twice], LABELS[twice], 20, 0.1, loss="log_loss", random_state=0, class_weight="balanced"
    )
    assert_close(once.network.parameters, repeated.network.parameters, 1e-12)


def test_validation_rows_are_not_weighed():
    plain = train(validation_data=(X, LABELS), sample_weight=np.where(LABELS == 0, 7.0, 1.0))
    assert train(validation_data=(X, LABELS), class_weight={0: 7.0}).history == plain.history


def test_balanced_weights_find_a_rare_class():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [950, 50])
    data = rng.standard_normal((1000, 2)) + 1.2 * y[:, None]
    found = []
    for rule in (None, "balanced"):
        options = {"activation": "tanh", "init": "glorot_normal", "random_state": 0, "class_weight": rule}
        network = fastnn.train([2, 8, 1], data, y, 500, 0.5, loss="log_loss", **options).network
        found.append((network.predict(data)[y == 1] == 1).mean())
    assert found[0] < 0.4 < 0.7 < found[1]


@pytest.mark.parametrize(
    ("y", "rule", "error", "message"),
    [
        (LABELS, {7: 1.0}, ValueError, r"class_weight has the label 7, which is not among those of y: 0, 1, 2"),
        (LABELS, {1: -1.0}, ValueError, r"class_weight\[1\] must be finite and at least 0.0, got -1.0"),
        (LABELS, {1: "a"}, TypeError, r"class_weight\[1\] must be a number, got 'a'"),
        (LABELS, "even", ValueError, "class_weight must be None, 'balanced' or a dict such as .* got 'even'"),
        (LABELS, 2.0, ValueError, "class_weight must be None, 'balanced' or a dict"),
        (LABELS, dict.fromkeys(range(3), 0.0), ValueError, "is zero for every row"),
    ],
)
def test_what_is_no_class_weight(y, rule, error, message):
    with pytest.raises(error, match=message):
        train(y, class_weight=rule)


def test_a_weight_of_a_class_that_is_not_there_is_as_in_scikit_learn():
    """In a fold without a rare class; one that may be a slip, as another class has no weight, is an error."""
    options = {"hidden_layer_sizes": (6,), "max_iter": 8, "random_state": 1, "activation": "tanh"}
    rows, rule = LABELS < 2, {0: 1.0, 1: 3.0, 2: 9.0}
    ours = MLPClassifier(**options, class_weight=rule).fit(X[rows], LABELS[rows])
    weights = compute_sample_weight(rule, LABELS[rows])
    theirs = sklearn.neural_network.MLPClassifier(**options).fit(X[rows], LABELS[rows], weights)
    assert_close(ours.coefs_[0], theirs.coefs_[0], 1e-10)
    for wrong in ({0: 1.0, 2: 9.0}, {"0": 1.0, 1: 3.0}):
        with pytest.raises(ValueError, match="not in class_weight"):
            compute_sample_weight(wrong, LABELS[rows])
        with pytest.raises(ValueError, match="class_weight has the label"):
            MLPClassifier(**options, class_weight=wrong).fit(X[rows], LABELS[rows])


def test_rows_without_one_label_have_no_class():
    with pytest.raises(ValueError, match="for one class label a row, but y has targets, and no class labels"):
        fastnn.train([4, 1], X, X[:, 0], 5, output_activation="identity", class_weight="balanced")
    with pytest.raises(ValueError, match="but y has several labels a row"):
        train((X[:, :3] > 0).astype(float), output_activation="logistic", class_weight="balanced")


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("weight", [None, OWN])
def test_the_classifier_weighs_as_scikit_learn_by_hand(rule, solver, weight):
    options = {"hidden_layer_sizes": (6,), "solver": solver, "max_iter": 8, "random_state": 1, "activation": "tanh"}
    of_class = compute_sample_weight({1: 1.0, **rule} if isinstance(rule, dict) else rule, LABELS)
    if weight is not None and rule == "balanced":
        shares = np.bincount(LABELS, weight)
        of_class = (weight.sum() / (3 * shares))[LABELS]
    rows = of_class if weight is None else of_class * weight
    theirs = sklearn.neural_network.MLPClassifier(**options).fit(X, LABELS, rows)
    ours = MLPClassifier(**options, class_weight=rule).fit(X, LABELS, weight)
    for mine, other in zip(ours.coefs_, theirs.coefs_, strict=True):
        assert_close(mine, other, 1e-10)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-10)


def test_scikit_learns_own_check():
    check_class_weight_classifiers("MLPClassifier", MLPClassifier())


def test_partial_fit_cannot_balance():
    with pytest.raises(ValueError, match="class_weight='balanced' needs all rows, which partial_fit never sees"):
        MLPClassifier(class_weight="balanced").partial_fit(X, LABELS, classes=[0, 1, 2])
    ours = MLPClassifier(class_weight={0: 2.0}, random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    rows = MLPClassifier(random_state=0).partial_fit(X, LABELS, np.where(LABELS == 0, 2.0, 1.0), classes=[0, 1, 2])
    assert ours.loss_curve_ == rows.loss_curve_


def test_the_classifier_says_what_has_no_class():
    with pytest.raises(ValueError, match="several labels a row"):
        MLPClassifier(class_weight="balanced").fit(X, (X[:, :3] > 0).astype(int))


# -- label_smoothing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_smoothing_is_keras_formula(backend):
    """y (1 - s) + s / K under softmax, and y (1 - s) + s / 2 for one logistic output: the same bits as by hand."""
    by_hand = train(Y * 0.9 + 0.1 / 3, backend=backend)
    smoothed = train(label_smoothing=0.1, backend=backend)
    assert smoothed.network.parameters.tobytes() == by_hand.network.parameters.tobytes()
    yes = (LABELS > 0).astype(float)
    by_hand = train(yes[:, None] * 0.8 + 0.1, 1, backend=backend)
    smoothed = train(yes, 1, label_smoothing=0.2, backend=backend)
    assert smoothed.network.parameters.tobytes() == by_hand.network.parameters.tobytes()
    assert smoothed.network.predict(X).dtype == yes.dtype


def test_it_is_in_what_is_measured_of_validation_rows():
    history = train(label_smoothing=0.3, validation_data=(X, LABELS)).history
    assert_close(history["loss"], history["val_loss"], 1e-12)
    network = train(label_smoothing=0.3).network
    log_p = np.log(network(X))
    assert history["val_loss"][-1] == pytest.approx(-((Y * 0.7 + 0.1) * log_p).sum(axis=1).mean(), rel=1e-12)
    assert history["val_accuracy"][-1] == (network.predict(X) == LABELS).mean()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("y", [LABELS, LABELS > 0, (X[:, :3] > 0).astype(int)], ids=["softmax", "yes", "labels"])
def test_the_classifier_reports_the_loss_itself(solver, y):
    """scikit-learn's clipping is of the one class that is right; there is none here."""
    options = {"random_state": 0, "max_iter": 1, "alpha": 0.5, "learning_rate_init": 1e-9, "label_smoothing": 0.1}
    classifier = MLPClassifier((5,), solver=solver, **options).fit(X, y)
    outputs = classifier.network_(X)
    if outputs.shape[1] == 3 and y.ndim == 1:
        losses = -((Y * 0.9 + 0.1 / 3) * np.log(outputs)).sum(axis=1)
    else:
        targets = y.reshape(len(y), -1) * 0.9 + 0.05
        losses = -(targets * np.log(outputs) + (1 - targets) * np.log(1 - outputs)).sum(axis=1)
    penalty = 0.5 * 0.5 / len(X) * sum((w**2).sum() for w in classifier.coefs_)
    assert classifier.loss_ == pytest.approx(losses.mean() + penalty, rel=1e-6)
    assert classifier.fit(X, y).score(X, y) == (classifier.predict(X) == y).reshape(len(y), -1).all(axis=1).mean()


@pytest.mark.parametrize("output_activation", ["softmax", "logistic"])
def test_simd_and_numpy_agree_on_soft_targets(output_activation):
    network = NetworkSpec((4, 5, 3), ("tanh", output_activation), np.dtype("float64"))
    parameters = np.random.default_rng(0).standard_normal(network.n_parameters) * 30  # beyond what would be clipped
    objective = Objective("log_loss", as_sklearn=True, has_soft_targets=True)
    found = {}
    for name in ("simd", "numpy"):
        gradient = np.empty_like(parameters)
        what = network, objective, parameters, X, Y * 0.9 + 0.1 / 3, None, 0.0, gradient
        found[name] = BACKENDS[name].loss_and_gradient(*what), gradient
    assert_close(found["simd"][0], found["numpy"][0], 1e-12)
    assert_close(found["simd"][1], found["numpy"][1], 1e-12)


def test_partial_fit_takes_another_amount():
    classifier = MLPClassifier(random_state=0).partial_fit(X, LABELS, classes=[0, 1, 2])
    before = classifier.network_.copy()
    classifier.set_params(label_smoothing=0.5, alpha=0.0).partial_fit(X, LABELS)
    expected = -((Y * 0.5 + 0.5 / 3) * np.log(before(X))).sum(axis=1).mean()
    assert classifier.loss_ == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("amount", [-0.1, 1.0, np.nan])
def test_what_is_no_amount(amount):
    with pytest.raises(ValueError, match=r"label_smoothing must be finite and at least 0.0 and less than 1.0"):
        train(label_smoothing=amount)
    with pytest.raises(ValueError, match="label_smoothing"):
        MLPClassifier(label_smoothing=amount).fit(X, LABELS)


def test_it_is_for_the_log_loss():
    with pytest.raises(ValueError, match=r"label_smoothing=0\.1 needs loss='log_loss', got loss='squared_error'"):
        fastnn.train([4, 3], X, Y, 5, label_smoothing=0.1)


@pytest.mark.parametrize("loss", ["hinge", "squared_hinge", "focal"])
def test_the_classifier_smooths_no_other_losses_targets(loss):
    X, y = np.arange(12.0).reshape(6, 2), [0, 1] * 3
    with pytest.raises(ValueError, match=f"label_smoothing=0.2 needs loss='log_loss', got loss='{loss}'"):
        fastnn.MLPClassifier((3,), loss=loss, label_smoothing=0.2).fit(X, y)


def test_the_classifier_smooths_for_the_outputs_that_were_asked_for():
    """Of three classes under logistic outputs each is a yes or no: 0.1 or 0.9, not a third of 0.2 or that and 0.8."""
    X, y = np.eye(3).repeat(4, axis=0), np.arange(3).repeat(4)
    settings = {"solver": "lbfgs", "alpha": 0.0, "max_iter": 2000, "random_state": 0, "output_activation": "logistic"}
    model = fastnn.MLPClassifier((8,), activation="tanh", label_smoothing=0.2, **settings).fit(X, y)
    np.testing.assert_allclose(model.network_(np.eye(3)), 0.1 + 0.8 * np.eye(3), atol=1e-3)
