"""Several heads as users meet them: targets with gaps given, predictions got, and what is refused."""

import pickle

import numpy as np
import pytest
from conftest import assert_close
from gaps import NAN, OPTIONS, X, mixed_targets

import fastnn
from fastnn import Head, Network

RNG = np.random.default_rng(13)


def test_the_network_knows_its_heads():
    result = fastnn.train([3, 6, 8], X, mixed_targets(), 200, 0.05, **OPTIONS)
    network = result.network
    assert repr(network) == (
        "<Network 3-6-8, tanh, 1 identity + 3 softmax + 2 mean_variance + 2 identity, float64, 80 parameters>"
    )
    assert "1 identity + 3 softmax + 2 mean_variance + 2 identity" in repr(network.summary())
    assert network.heads == ((1, "identity"), (3, "softmax"), (2, "mean_variance"), (2, "identity"))
    assert network.classes[0] is None
    assert network.classes[1].tolist() == ["a", "b", "c"]
    outputs = network(X)
    numbers, labels, means, signs = network.predict(X)
    assert np.array_equal(numbers, outputs[:, 0])
    assert np.array_equal(labels, np.array(["a", "b", "c"])[outputs[:, 1:4].argmax(axis=1)])
    assert np.array_equal(means, outputs[:, 4])
    assert np.array_equal(signs, (outputs[:, 6:] > 0).astype(int))
    probabilities = network.predict_proba(X)
    assert [p is None for p in probabilities] == [True, False, True, True]
    assert np.array_equal(probabilities[1], outputs[:, 1:4])
    one = network.predict(X[0])
    assert (one[0], one[1], one[2]) == (numbers[0], labels[0], means[0])
    assert np.array_equal(one[3], signs[0])
    assert np.array_equal(network.predict_proba(X[0])[1], outputs[0, 1:4])
    assert np.array_equal(network.predict_into(X, np.empty((40, 8))), outputs)
    for other in (pickle.loads(pickle.dumps(network)), network.copy(), Network(result.W, result.b)):
        assert np.array_equal(other(X), outputs)
        assert other.heads == network.heads
        assert np.array_equal(other.predict(X)[1], labels)
    assert np.array_equal(fastnn.predict(result.W, result.b, X)[1], labels)
    with pytest.raises(ValueError, match="a classifier's"):
        fastnn.train([3, 2], X, RNG.random((40, 2)), 2, heads=[Head(1), Head(1)]).network.predict_proba(X)


def test_rows_predicted_alone_have_the_bits_of_a_batch():
    network = fastnn.train([3, 6, 8], X, mixed_targets(), 20, 0.05, **OPTIONS).network
    outputs = network(X)
    for n in (1, 2, 4, 5, 17):
        assert np.array_equal(network(X[:n]), outputs[:n])


@pytest.mark.parametrize(
    ("given", "classes"),
    [
        ([0.0, 1.0, NAN, 2.0] * 10, [0.0, 1.0, 2.0]),
        (["no", "maybe", None, "yes"] * 10, ["maybe", "no", "yes"]),
        (["no", "maybe", NAN, "yes"] * 10, ["maybe", "no", "yes"]),
        (np.array([3, 1, None, 2] * 10, object), [1, 2, 3]),
        (np.array(["no", "maybe", np.float32(NAN), "yes"] * 10, object), ["maybe", "no", "yes"]),
    ],
)
def test_labels_with_gaps(given, classes):
    heads = [Head(3, "log_loss"), Head(1)]
    result = fastnn.train([3, 4], X, [given, X[:, 0]], 10, 0.1, heads=heads, activation="relu", random_state=0)
    assert result.network.classes[0].tolist() == classes
    filled = [classes[0] if i % 4 == 2 else label for i, label in enumerate(given)]
    rows = np.arange(40) % 4 != 2
    one_hot = np.where(rows[:, None], np.array([[c == label for c in classes] for label in filled]), NAN)
    by_columns = np.column_stack([one_hot, X[:, 0]])
    other = fastnn.train([3, 4], X, by_columns, 10, 0.1, heads=heads, activation="relu", random_state=0)
    assert np.array_equal(other.network.parameters, result.network.parameters)


def test_frames_with_gaps():
    pd = pytest.importorskip("pandas")
    y = pd.DataFrame({"a": X[:, 0], "b": X[:, 1]}, dtype="Float64")
    y.loc[::3, "b"] = pd.NA
    result = fastnn.train([3, 2], X, y, 10, 0.1, heads=[Head(1), Head(1)], activation="relu", random_state=0)
    plain = np.where(np.arange(40)[:, None] % 3 + [[1, 0]] == 0, NAN, X[:, :2])
    other = fastnn.train([3, 2], X, plain, 10, 0.1, heads=[Head(1), Head(1)], activation="relu", random_state=0)
    assert np.array_equal(other.network.parameters, result.network.parameters)
    series = [pd.Series(X[:, 0]), pd.Series(["u", "v", None, "v"] * 10)]
    heads = [Head(1), Head(1, "log_loss")]
    network = fastnn.train([3, 2], X, series, 10, 0.1, heads=heads, activation="relu", random_state=0).network
    assert network.classes[1].tolist() == ["u", "v"]


def test_default_output_activations():
    def activations(heads, y, **options):
        network = fastnn.train([3, sum(h.n_outputs for h in heads)], X, y, 1, heads=heads, **options).network
        return [activation for _, activation in network.heads]

    yes = (X[:, :1] > 0).astype(float)
    several = (X > 0).astype(float)
    partly = several.copy()
    partly[::3, 1] = NAN
    heads = [Head(1), Head(1, "log_loss"), Head(3, "log_loss"), Head(3, "focal"), Head(1, "gamma"), Head(1, "hinge")]
    y = [yes, yes, several, partly, yes + 1, 2 * yes - 1]
    expected = ["identity", "logistic", "logistic", "logistic", "exp", "identity"]
    assert activations(heads, y, activation="relu") == expected
    assert activations(heads, y) == ["logistic", *expected[1:]]  # after logistic layers, as of one head
    network = fastnn.train([3, 3], X, partly, 1, heads=[Head(3, "log_loss")]).network
    assert network.predict(X)[0].shape == (40, 3)


def test_label_smoothing_of_a_head():
    labels = np.array([0, 1, 2, 1] * 10)
    smooth = np.eye(3)[labels] * 0.7 + 0.1
    options = {"random_state": 0, "init": "glorot_normal", "activation": "relu"}
    heads = [Head(3, "log_loss", label_smoothing=0.3), Head(1, "huber", huber_delta=0.5)]
    actual = fastnn.train([3, 4], X, [labels, X[:, 0]], 20, 0.1, heads=heads, **options)
    of_smooth = [Head(3, "log_loss"), Head(1, "huber", huber_delta=0.5)]
    expected = fastnn.train([3, 4], X, [smooth, X[:, 0]], 20, 0.1, heads=of_smooth, **options)
    assert_close(actual.network.parameters, expected.network.parameters, 1e-12)


def test_validation_and_early_stopping():
    y = mixed_targets()
    validation = X[:10], [of_head[:10] for of_head in y]
    result = fastnn.train([3, 6, 8], X, y, 30, 0.05, validation_data=validation, **OPTIONS)
    assert set(result.history) == {"iteration", "loss", "val_loss"}
    again = fastnn.train([3, 6, 8], X, y, 30, 0.05, validation_data=(X, y), **OPTIONS)
    assert again.history["loss"] == again.history["val_loss"]
    nothing = [np.full(10, NAN), [None] * 10, np.full(10, NAN), np.full((10, 2), NAN)]
    empty = fastnn.train([3, 6, 8], X, y, 3, 0.05, validation_data=(X[:10], nothing), **OPTIONS)
    assert empty.history["val_loss"] == [0.0] * 3
    one = [y[0][:10], *nothing[1:]]
    alone = fastnn.train([3, 6, 8], X, y, 1, 0.05, validation_data=(X[:10], one), **OPTIONS)
    errors = alone.network(X[:10])[:, 0] - y[0][:10]
    assert_close(alone.history["val_loss"], [2.0 * 0.5 * np.nansum(errors**2) / 10], 1e-13)
    stopped = fastnn.train(
        [3, 6, 8], X, y, 2000, 0.5, validation_data=validation, early_stopping=True, n_iter_no_change=3, **OPTIONS
    )
    assert stopped.best_iteration < stopped.n_iter < 2000


def test_start_weights_know_their_heads():
    result = fastnn.train([3, 6, 8], X, mixed_targets(), 5, 0.05, **OPTIONS)
    options = {**OPTIONS, "init": (result.W, result.b)}
    fastnn.train([3, 6, 8], X, mixed_targets(), 5, 0.05, **options)
    with pytest.raises(ValueError, match="the start weights belong to a network with activations"):
        fastnn.train([3, 6, 8], X, X[:, [0] * 8], 5, **{**options, "heads": [Head(8)]})


def test_descriptions_that_are_damaged():
    network = fastnn.train([3, 6, 8], X, mixed_targets(), 2, **OPTIONS).network
    plain = network.__getstate__()
    head = plain["heads"][0]
    assert head == {"n_outputs": 1, "activation": {"name": "identity"}, "labels": {"kind": "values", "classes": None}}
    assert np.array_equal(Network._from_plain(plain)(X), network(X))
    for damage, message in [
        ({"heads": []}, "heads must be a list of dicts"),
        ({"heads": [{"n_outputs": 1}]}, r"heads\[0\] lacks 'activation', 'labels'"),
        ({"heads": [head] * 7}, "heads of 7 outputs are no blocks of a last layer of 8"),
        ({"heads": [{**head, "labels": {"kind": "means", "classes": None}}]}, "no means and as many variances"),
        ({"labels": {"kind": "values", "classes": None}}, "labels beside heads must be of the kind 'heads'"),
        ({"labels": 1}, "labels beside heads must be of the kind 'heads'"),
        ({"heads": [{**head, "n_outputs": 0}]}, r"n_outputs of heads\[0\] must be at least 1"),
        ({"activations": [{"name": "tanh"}, {"name": "exp"}]}, "no blocks of a last layer of 8 with activation exp"),
    ]:
        with pytest.raises((TypeError, ValueError), match=message):
            Network._from_plain({**plain, **damage})


def test_pictures():
    pytest.importorskip("matplotlib").use("Agg")
    from fastnn.plots import DecisionRegionDisplay, NetworkDiagram

    network = fastnn.train([2, 4, 3], X[:, :2], Y2, 2, heads=[Head(1), Head(2)]).network
    texts = [text.get_text() for text in NetworkDiagram.from_network(network).ax_.texts]
    assert any("1 logistic + 2 logistic" in text for text in texts)
    with pytest.raises(ValueError, match="several heads, so that a point has no one region"):
        DecisionRegionDisplay.from_network(network, X[:, :2])


# -- errors -----------------------------------------------------------------------------------------------------

TWO = [Head(1), Head(2)]
Y2 = RNG.random((40, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "huber"}, "loss='huber' beside heads: each head has its own"),
        ({"loss": lambda outputs, targets: None}, "beside heads"),
        (
            {"output_activation": "identity"},
            r"output_activation='identity' beside heads.*Head\(\.\.\., output_activation",
        ),
        ({"quantile": [0.1, 0.9]}, "quantile=.* beside heads"),
        ({"huber_delta": 2}, "huber_delta=2 beside heads"),
        ({"label_smoothing": 0.1}, "label_smoothing=0.1 beside heads"),
        ({"class_weight": "balanced"}, "class_weight='balanced' beside heads"),
        ({"solver": "levenberg_marquardt"}, "loss='squared_error' alone, got several heads"),
        ({"heads": [Head(1), Head(1)]}, r"must end in the 2 outputs of its heads \[Head\(1\), Head\(1\)\].* ends in 3"),
        ({"heads": [Head(1, weight=0), Head(2, weight=0)]}, "the weights of all heads are 0"),
    ],
)
def test_what_does_not_go_together(options, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train([3, 3], X, Y2, 2, **{"heads": TWO, **options})


@pytest.mark.parametrize("heads", [[], Head(1), "heads", [1], [(1, "huber")]])
def test_no_heads(heads):
    with pytest.raises(TypeError, match="heads must be a list such as"):
        fastnn.train([3, 3], X, Y2, 2, heads=heads)


def changed(value, *place):
    y = Y2.copy()
    y[place] = value
    return y


@pytest.mark.parametrize(
    ("y", "message"),
    [
        ([Y2], "y is a list of 1, but there are 2 heads"),
        (Y2[:, :2], r"an array of all their 3 target columns side by side; its shape is \(40, 2\)"),
        ([Y2[:, 0], Y2[:30, 1:]], r"X has 40 rows, but y\[1\] has 30 rows"),
        ([Y2[:, 0], Y2[:, :1]], r"y\[1\] has 1 column, but the last layer has 2"),
        (changed(np.inf, 3, 1), r"y\[:, 1:3\] has inf in row 3, column 0"),
        (changed(NAN, slice(None), 0), r"y\[:, 0:1\] has no observed target: all 40 are NaN"),
        (changed(-1, 3, 1), "outputs of activation 'logistic'"),
        (Y2[:, 0], r"its shape is \(40,\)$"),
    ],
)
def test_wrong_targets(y, message):
    with pytest.raises(ValueError, match=message):
        fastnn.train([3, 3], X, y, 2, heads=TWO)


@pytest.mark.parametrize(
    ("head", "y", "message"),
    [
        (Head(3, "log_loss", output_activation="softmax"), [1, 0, NAN], "'softmax' have the loss 'log_loss' together"),
        (Head(4, "gaussian_nll"), [1, NAN], "'mean_variance' have the loss 'gaussian_nll' together"),
        (Head(1, "gamma"), [0.0], "loss='gamma' takes targets greater than 0"),
        (Head(3, "log_loss", output_activation="softmax"), [1, 1, 0], "must sum to 1"),
        (Head(1, "log_loss"), [2.0], r"class labels are a vector: y\[0\].ravel\(\)"),
    ],
)
def test_rows_that_a_loss_does_not_take(head, y, message):
    given = np.ones((40, head.n_targets)) * (np.arange(head.n_targets) == 0)
    given[5] = y
    with pytest.raises(ValueError, match=message):
        fastnn.train([3, head.n_outputs], X, [given], 2, heads=[head])


@pytest.mark.parametrize(
    ("loss", "y", "heads", "in_words"),
    [
        ("squared_error", changed(NAN, 2, 1), [Head(3)], "[Head(3)]"),
        ("huber", changed(NAN, 2, 1), [Head(3, "huber")], "[Head(3, 'huber')]"),
        ("squared_error", changed(NAN, 2, 1).astype(object), [Head(3)], "[Head(3)]"),
        (
            "gaussian_nll",
            changed(NAN, 2, 1),
            [Head(2, "gaussian_nll")] * 3,
            "[Head(2, 'gaussian_nll')] * 3",
        ),
    ],
)
def test_nan_without_heads_points_to_them(loss, y, heads, in_words):
    """Where a row has several targets: else the row has none. What is advised can be trained."""
    sizes = [3, sum(head.n_outputs for head in heads)]
    with pytest.raises(ValueError, match=r"y has nan in row 2, column 1; fill or drop.* by heads=") as caught:
        fastnn.train(sizes, X, y, 2, loss=loss)
    assert f"by heads={in_words} in place" in str(caught.value)
    fastnn.train(sizes, X, y, 2, heads=heads)
    with pytest.raises(ValueError, match=r"y has nan in row 2, column 0; fill or drop such rows first$"):
        fastnn.train([3, 1], X, changed(NAN, 2, 0)[:, :1], 2)
    with pytest.raises(ValueError, match=r"y has nan in row 2; fill or drop such rows first$"):
        fastnn.train([3, 2], X, np.where(np.arange(40) == 2, NAN, np.arange(40) % 2), 2, loss="log_loss")


@pytest.mark.parametrize("y", [Y2[:, :3], [Y2[:, 0], Y2[:, 1:]]], ids=["columns", "entries"])
def test_masks_are_refused(y):
    """What is below them was not observed, and what numpy.ma fills them with would be learned."""
    masked = [np.ma.masked_less(part, 0.5) for part in y] if isinstance(y, list) else np.ma.masked_less(y, 0.5)
    with pytest.raises(TypeError, match=r"has masked entries.*filled\(numpy.nan\)"):
        fastnn.train([3, 3], X, masked, 2, heads=TWO)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((0,), {}, ValueError, "n_outputs must be at least 1"),
        ((1, "mse"), {}, ValueError, "unknown loss 'mse'"),
        ((1, abs), {}, TypeError, "the loss of a head must be a name"),
        ((1,), {"weight": -1}, ValueError, "weight must be finite and at least 0"),
        ((1,), {"output_activation": "softmax"}, ValueError, "cannot be paired with output_activation='softmax'"),
        ((1,), {"label_smoothing": 0.1}, ValueError, "needs loss='log_loss'"),
        ((3, "gaussian_nll"), {}, ValueError, r"Head\(3, 'gaussian_nll'\) must end in 2 units for each target"),
        ((1, "huber"), {"huber_delta": 0}, ValueError, "huber_delta must be finite and greater than 0"),
    ],
)
def test_heads_that_cannot_be(arguments, options, error, message):
    with pytest.raises(error, match=message):
        Head(*arguments, **options)


def test_a_head_in_words():
    assert repr(Head(1)) == "Head(1)"
    assert repr(Head(3, "log_loss", weight=0.5)) == "Head(3, 'log_loss', weight=0.5)"
    assert repr(Head(2, "quantile", quantile=[0.1, 0.9])) == "Head(2, 'quantile', quantile=(0.1, 0.9))"
    assert Head(2) == Head(2) != Head(3)
    assert len({Head(2), Head(2), Head(2, "quantile", quantile=[0.1, 0.9])}) == 2
    assert len({Head(1, quantile=[0.1, 0.9]), Head(1, quantile=np.array([0.1, 0.9]))}) == 1


def test_what_is_advised_is_an_expression():
    """Of columns side by side, whose name has a space, and of those that are only measured."""
    y = np.hstack([Y2[:, :1], np.full((40, 1), 2.0)])
    heads = [Head(1), Head(1, "log_loss")]
    with pytest.raises(ValueError, match=r"class labels are a vector: y\[:, 1:2\]\.ravel\(\)$"):
        fastnn.train([3, 2], X, y, 2, heads=heads)
    fine = np.hstack([Y2[:, :1], np.arange(40).reshape(-1, 1) % 2])
    with pytest.raises(ValueError, match=r"class labels are a vector: y\[:, 1:2\]\.ravel\(\)$"):
        fastnn.train([3, 2], X, fine, 2, heads=heads, validation_data=(X, y))
    with pytest.raises(ValueError, match=r"a vector is an entry of the list: \[y\]$"):
        fastnn.train([3, 1], X, Y2[:, 0], 2, heads=[Head(1)])


@pytest.mark.parametrize("labels", [["a", "b", "c"], [0, 1, 2], [0.5, 1.5, 2.5]])
def test_a_score_is_told_what_was_not_observed(labels):
    """Not as the first class."""
    seen, words = [], np.array(labels, object)[np.arange(40) % 3]
    indicators, numbers = (X[:, :2] > 0).astype(float), X[:, 0].copy()
    words[2], indicators[1, 0], numbers[4] = None, NAN, NAN
    y = [words, indicators, numbers]
    heads = [Head(3, "log_loss"), Head(2, "log_loss"), Head(1, "squared_error")]
    watch = {"validation_data": (X, y), "scoring": lambda network, X, y: seen.append(y) or 0.0}
    fastnn.train([3, 4, 6], X, y, 1, 0.05, heads=heads, activation="tanh", random_state=0, **watch)
    assert seen[0][0].tolist() == words.tolist()
    assert np.array_equal(seen[0][1], indicators, equal_nan=True)
    assert np.array_equal(seen[0][2], numbers, equal_nan=True)
