"""The displays: what they draw is what the network and its run have; on axes given or new; and what they refuse."""

import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from conftest import run_program
from drawn import NAMES, POINTS, SQUARE, XOR, curves, regions_at
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgba
from sklearn.pipeline import make_pipeline

import fastnn
from fastnn.plots import DecisionRegionDisplay, LossCurveDisplay, NetworkDiagram, WeightsDisplay

matplotlib.use("Agg")


# -- curves -----------------------------------------------------------------------------------------------------


def test_curves_of_a_result(measured):
    history = measured.history
    assert curves(LossCurveDisplay.from_result(measured)) == {
        "batch objective": (list(range(30)), measured.loss_curve),
        "training": (history["iteration"], history["loss"]),
        "validation": (history["iteration"], history["val_loss"]),
    }
    assert curves(LossCurveDisplay.from_result(measured, metric="accuracy")) == {
        "training": (history["iteration"], history["accuracy"]),
        "validation": (history["iteration"], history["val_accuracy"]),
    }
    cost = LossCurveDisplay.from_result(measured, metric="cost")
    assert curves(cost) == {"training": (list(range(30)), measured.cost)}
    assert cost.ax_.get_legend() is None
    assert (cost.ax_.get_xlabel(), cost.ax_.get_ylabel()) == ("update", "mean error norm")


@pytest.mark.parametrize("module", [fastnn, sklearn.neural_network])
def test_curves_of_an_estimator(module):
    options = {"max_iter": 12, "n_iter_no_change": 20, "random_state": 0, "early_stopping": True}
    estimator = module.MLPRegressor(hidden_layer_sizes=(5,), **options)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        estimator.fit(POINTS, POINTS[:, 0])
    epochs = list(range(1, 13))
    display = LossCurveDisplay.from_estimator(estimator)
    assert curves(display) == {"training": (epochs, estimator.loss_curve_)}
    assert display.ax_.get_xlabel() == "epoch"
    scores = LossCurveDisplay.from_estimator(estimator, metric="score", curve_kwargs={"color": "k", "label": "R²"})
    assert curves(scores) == {"R²": (epochs, estimator.validation_scores_)}
    assert scores.lines_[0].get_color() == "k"


def test_curves_that_are_not_there(measured):
    plain = fastnn.train([2, 1], SQUARE, [[0], [1], [1], [0]], 5)
    with pytest.raises(ValueError, match="accuracy was not measured: train with classes, and with validation_data"):
        LossCurveDisplay.from_result(plain, metric="accuracy")
    with pytest.raises(ValueError, match=r"unknown metric 'los': expected one of .*did you mean 'loss'"):
        LossCurveDisplay.from_result(measured, metric="los")
    with pytest.raises(ValueError, match="MLPClassifier has no loss_curve_; fit it"):
        LossCurveDisplay.from_estimator(fastnn.MLPClassifier())
    lbfgs = fastnn.MLPRegressor(hidden_layer_sizes=(3,), solver="lbfgs", max_iter=500).fit(POINTS, POINTS[:, 0])
    with pytest.raises(ValueError, match="MLPRegressor has no validation_scores_; fit it, with early_stopping=True"):
        LossCurveDisplay.from_estimator(lbfgs, metric="score")


def dots(display):
    return [list(line.get_xydata()[0]) for line in display.best_]


def test_a_dot_is_at_the_best(measured):
    """Of the validation rows: the first of the lowest losses, the first of the highest shares of right answers."""
    history = measured.history
    for metric, entry, best in (("loss", "val_loss", min), ("accuracy", "val_accuracy", max)):
        expected = best(history[entry])
        at = history["iteration"][history[entry].index(expected)]
        display = LossCurveDisplay.from_result(measured, metric=metric)
        assert dots(display) == [[at, expected]]
        assert display.best_[0].get_color() == display.lines_[-1].get_color()
    assert LossCurveDisplay.from_result(measured, metric="cost").best_ == []


def test_a_dot_is_where_early_stopping_went_back_to(classifier):
    scores = classifier.validation_scores_
    assert dots(LossCurveDisplay.from_estimator(classifier, metric="score")) == [
        [scores.index(max(scores)) + 1, classifier.best_validation_score_]
    ]


def test_no_dot_is_where_nothing_is_finite():
    nan, inf = float("nan"), float("inf")
    result = fastnn.train(
        [2, 1], POINTS, POINTS[:, :1] > 0, 4, validation_data=(POINTS, POINTS[:, :1] > 0), random_state=0
    )
    result.history["val_loss"][:] = [nan, nan, inf, nan]
    assert LossCurveDisplay.from_result(result).best_ == []
    result.history["val_loss"][:] = [nan, 2.0, inf, 2.0]
    assert dots(LossCurveDisplay.from_result(result)) == [[2, 2]]


def test_curves_with_rows_that_were_given_to_judge_by():
    options = {"max_iter": 5, "solver": "sgd", "random_state": 0}
    model = fastnn.MLPRegressor(hidden_layer_sizes=(4,), **options)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        model.fit(POINTS[:40], POINTS[:40, 0], X_val=POINTS[40:], y_val=POINTS[40:, 0])
    display = LossCurveDisplay.from_estimator(model)
    epochs = list(range(1, 6))
    assert curves(display) == {
        "training": (epochs, model.loss_curve_),
        "validation": (epochs, model.validation_loss_curve_),
    }
    lowest = min(model.validation_loss_curve_)
    assert dots(display) == [[model.validation_loss_curve_.index(lowest) + 1, lowest]]


@pytest.mark.parametrize("refit", [False, True])
def test_curves_of_an_estimator_of_tables(refit):
    """All members'; the legend names the first one's."""
    options = {"n_members": 2 - refit, "refit": refit, "hidden_layer_sizes": (8,), "max_epochs": 3, "random_state": 0}
    model = fastnn.TabularClassifier(**options)
    model.fit(np.tile(POINTS, (2, 1)), np.tile(NAMES, 2))
    first, second = model.history_
    display = LossCurveDisplay.from_estimator(make_pipeline("passthrough", model))
    expected = {
        "training": (first["epoch"], first["loss"]),
        "validation": (first["epoch"], first["val_loss"]),
        "_training of member 2": (second["epoch"], second["loss"]),
        "_validation of member 2": (second["epoch"], second.get("val_loss")),
    }
    n_judged = 4 - refit  # a network that learned from all rows has no others to be judged by
    found = curves(display)
    assert found == {label: expected[label] for label in list(expected)[:n_judged]}
    assert [at for at, _ in dots(display)] == model.best_epochs_[: n_judged - 2]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["training", "validation"]
    for make in (NetworkDiagram.from_estimator, WeightsDisplay.from_estimator):
        with pytest.raises(TypeError, match="TabularClassifier, which has networks that encode their columns first"):
            make(model)
    with pytest.raises(ValueError, match="TabularClassifier has no val_score; fit it, with scoring= for scores"):
        LossCurveDisplay.from_estimator(model, metric="score")
    with pytest.raises(ValueError, match="TabularClassifier has no history_; fit it"):
        LossCurveDisplay.from_estimator(fastnn.TabularClassifier())


def test_scores_of_an_estimator_of_tables_are_the_better_the_smaller():
    options = {"refit": False, "hidden_layer_sizes": (8,), "max_epochs": 6, "random_state": 0}
    model = fastnn.TabularClassifier(scoring="accuracy", **options).fit(np.tile(POINTS, (2, 1)), np.tile(NAMES, 2))
    scores = model.history_[0]["val_score"]
    assert scores[0] > min(scores) == scores[-1] == scores[-2]  # of equals it takes the last
    display = LossCurveDisplay.from_estimator(model, metric="score")
    assert dots(display) == [[model.best_epochs_[0], min(scores)]]


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_curves_of_members():
    model = fastnn.MLPClassifier((4,), n_members=2, max_iter=6, early_stopping=True, random_state=0)
    model.fit(POINTS, NAMES)
    first, second = model.members_
    epochs = [list(range(1, len(member.loss_curve_) + 1)) for member in model.members_]
    assert curves(LossCurveDisplay.from_estimator(model)) == {
        "training": (epochs[0], first.loss_curve_),
        "_training of member 2": (epochs[1], second.loss_curve_),
    }
    display = LossCurveDisplay.from_estimator(model, metric="score")
    assert curves(display) == {
        "validation": (epochs[0], first.validation_scores_),
        "_validation of member 2": (epochs[1], second.validation_scores_),
    }
    assert [best for _, best in dots(display)] == [member.best_validation_score_ for member in model.members_]


# -- regions ----------------------------------------------------------------------------------------------------


def colours(display):
    return [to_rgba(colour) for colour in display.points_.get_facecolor()]


def legend(display):
    """The name of each colour."""
    found = display.ax_.get_legend()
    return {to_rgba(line.get_color()): line.get_label() for line in found.legend_handles}


def test_regions_of_a_network(xor):
    display = DecisionRegionDisplay.from_network(xor, SQUARE, XOR)
    assert regions_at(display, SQUARE) == XOR
    assert display.points_.get_offsets().tolist() == SQUARE.tolist()
    assert colours(display) == [to_rgba(("#0072B2", "#E69F00")[label]) for label in XOR]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["0", "1"]
    bare = DecisionRegionDisplay.from_network(xor, SQUARE)
    assert bare.points_ is None
    assert bare.ax_.get_legend() is None


def test_regions_of_a_network_without_classes():
    """Of which the largest output, or whether the only one is > 0.5, is the class."""
    three = fastnn.Network([[[1, 0], [0, 1], [-1, -1]]], [[0, 0, 0]], output_activation="identity")
    display = DecisionRegionDisplay.from_network(three, [[2, 0], [0, 2], [-2, -2]])
    assert regions_at(display, [[2, 0], [0, 2], [-2, -2]]) == [0, 1, 2]
    one = fastnn.Network([[[1, 0]]], [[0]], output_activation="identity")
    display = DecisionRegionDisplay.from_network(one, [[-1, 0], [1, 0]], eps=0.2)
    assert regions_at(display, [[0.4, 0], [0.6, 0]]) == [0, 1]


@pytest.mark.parametrize("mark_errors", [False, True])
def test_regions_and_points_of_an_estimator(classifier, mark_errors):
    display = DecisionRegionDisplay.from_estimator(classifier, POINTS, NAMES, mark_errors=mark_errors)
    predicted = classifier.predict(POINTS)
    named = [legend(display)[colour] for colour in colours(display)]
    if mark_errors:
        n_right = int((predicted == NAMES).sum())
        assert 0 < n_right < 60
        assert named == ["right"] * n_right + ["wrong"] * (60 - n_right)  # which are drawn on top
        order = [*np.flatnonzero(predicted == NAMES), *np.flatnonzero(predicted != NAMES)]
        assert np.array_equal(display.points_.get_offsets(), POINTS[order])
    else:
        assert named == NAMES.tolist()
        assert np.array_equal(display.points_.get_offsets(), POINTS)
    classes = classifier.classes_[regions_at(display, POINTS)]
    assert np.mean(classes == predicted) > 0.95  # but for points within a cell of a border


def test_regions_are_refused(xor, classifier):
    with pytest.raises(ValueError, match="X must have two columns, to be drawn in a plane; it has 3"):
        DecisionRegionDisplay.from_network(xor, np.ones((4, 3)))
    with pytest.raises(ValueError, match="y must be a vector of 4 labels, one for each row of X; its shape is"):
        DecisionRegionDisplay.from_network(xor, SQUARE, np.eye(4))
    with pytest.raises(ValueError, match=r"y has labels that the classifier does not know; it has \[0, 1\]"):
        DecisionRegionDisplay.from_network(xor, SQUARE, [0, 1, 2, 0])
    with pytest.raises(TypeError, match=r"MLPClassifier\(\) has no classes_: fit it first; a regressor has no regions"):
        DecisionRegionDisplay.from_estimator(fastnn.MLPClassifier(), POINTS)
    several = fastnn.train([2, 2], POINTS, POINTS > 0, 3, loss="log_loss").network
    with pytest.raises(ValueError, match="the network gives several labels to a point, which has no one region"):
        DecisionRegionDisplay.from_network(several, POINTS)
    with pytest.raises(ValueError, match="mark_errors=True needs y"):
        DecisionRegionDisplay.from_network(xor, SQUARE, mark_errors=True)
    with pytest.raises(ValueError, match="X has nan in row 0"):
        DecisionRegionDisplay.from_network(xor, [[np.nan, 0]])


# -- weights ----------------------------------------------------------------------------------------------------


def test_weights_are_images_side_by_side():
    weights = np.arange(1.0, 25.0).reshape(4, 6)
    network = fastnn.Network([weights], [np.zeros(4)])
    mosaic = WeightsDisplay.from_network(network, image_shape=(2, 3), n_columns=3).mosaic
    gap = np.nan
    expected = [
        [1, 2, 3, gap, 7, 8, 9, gap, 13, 14, 15],
        [4, 5, 6, gap, 10, 11, 12, gap, 16, 17, 18],
        [gap] * 11,
        [19, 20, 21, *[gap] * 8],
        [22, 23, 24, *[gap] * 8],
    ]
    assert np.array_equal(mosaic, expected, equal_nan=True)
    display = WeightsDisplay(weights, image_shape=(2, 3)).plot(im_kwargs={"cmap": "gray"})
    assert display.image_.get_cmap().name == "gray"
    assert display.image_.get_clim() == (-24, 24)


def test_weights_of_an_estimator():
    images = np.random.default_rng(0).standard_normal((30, 16))
    regressor = fastnn.MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=500).fit(images, images[:, 0])
    display = WeightsDisplay.from_estimator(regressor, image_shape=(4, 4), n_columns=5)
    assert np.array_equal(display.mosaic[:, :4], regressor.coefs_[0][:, 0].reshape(4, 4))
    assert display.mosaic.shape == (4, 24)


def test_a_frame_keeps_its_names():
    """A classifier that learned from a frame warns when it sees an array, and warnings are errors here."""
    frame = pd.DataFrame(POINTS, columns=["width", "height"])
    classifier = fastnn.MLPClassifier((8,), solver="lbfgs", max_iter=1000, random_state=0).fit(frame, NAMES)
    display = DecisionRegionDisplay.from_estimator(classifier, frame, NAMES, mark_errors=True)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("width", "height")


def test_weights_of_features_are_a_table(xor):
    display = WeightsDisplay.from_network(xor)
    assert np.array_equal(display.image_.get_array(), xor.W[1].T)
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == ["x0", "x1"]
    assert display.ax_.get_xlabel() == "hidden unit"
    largest = np.abs(xor.W[1]).max()
    assert display.image_.get_clim() == (-largest, largest)
    named = WeightsDisplay.from_network(xor, feature_names=["left", "right"])
    assert [text.get_text() for text in named.ax_.get_yticklabels()] == ["left", "right"]


@pytest.mark.parametrize(("n_in", "is_image"), [(49, False), (63, False), (64, True), (65, False), (81, True)])
def test_squares_of_64_inputs_or_more_are_images(n_in, is_image):
    weights = np.arange(2.0 * n_in).reshape(2, n_in)
    assert (WeightsDisplay(weights).feature_names is None) == is_image
    assert WeightsDisplay(weights, feature_names=[f"pixel {j}" for j in range(n_in)]).mosaic.shape == (n_in, 2)


def test_of_very_many_features_some_are_named():
    display = WeightsDisplay(np.ones((2, 150))).plot()
    assert [text.get_text() for text in display.ax_.get_yticklabels()] == [f"x{j}" for j in range(0, 150, 3)]
    assert display.figure_.get_figheight() > 10
    figure, ax = plt.subplots()
    height = figure.get_figheight()
    WeightsDisplay(np.ones((2, 150))).plot(ax)
    assert figure.get_figheight() == height


def test_weights_are_refused(xor):
    for shape in (4, (1, 2, 2)):
        with pytest.raises(TypeError, match="image_shape must be a pair of rows and columns, got"):
            WeightsDisplay.from_network(xor, image_shape=shape)
    with pytest.raises(ValueError, match="the first layer has 2 inputs, which make no square: give image_shape"):
        WeightsDisplay.from_network(xor, n_columns=2)
    with pytest.raises(ValueError, match="feature_names has 3 names, but there are 2 inputs"):
        WeightsDisplay.from_network(xor, feature_names="abc")
    with pytest.raises(ValueError, match="feature_names are of a table, image_shape and n_columns of images"):
        WeightsDisplay.from_network(xor, image_shape=(1, 2), feature_names=["a", "b"])
    with pytest.raises(ValueError, match="images of 2 x 3 have 6 pixels, but there are 2 inputs"):
        WeightsDisplay.from_network(xor, image_shape=(2, 3))
    with pytest.raises(ValueError, match="n_columns must be at least 1, got 0"):
        WeightsDisplay.from_network(xor, image_shape=(1, 2), n_columns=0)


# -- diagrams ---------------------------------------------------------------------------------------------------


def test_a_diagram_has_units_and_weights():
    weights = [np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 4.0]]), np.array([[1.0, -1.0, 2.0]])]
    biases = [np.array([0.5, -6.0, 1.0]), np.array([2.0])]
    network = fastnn.Network(weights, biases, activation="relu", output_activation="tanh")
    diagram = NetworkDiagram.from_network(network)
    assert [len(units.get_offsets()) for units in diagram.units_] == [2, 3, 1]
    for lines, of_layer in zip(diagram.weights_, weights, strict=True):
        assert lines.get_array().tolist() == of_layer.ravel().tolist()
        assert lines.get_clim() == (-6, 6)  # the largest of weights and biases
    for units, of_layer in zip(diagram.units_[1:], biases, strict=True):
        assert units.get_array().tolist() == of_layer.tolist()
        assert units.get_clim() == (-6, 6)
    assert diagram.units_[0].get_array() is None  # inputs have no biases
    places = [units.get_offsets() for units in diagram.units_]
    segments = diagram.weights_[0].get_segments()  # the weight [i, j] leads from unit j to unit i
    for i in range(3):
        for j in range(2):
            assert np.array_equal(segments[2 * i + j], [places[0][j], places[1][i]])
    labels = [text.get_text() for text in diagram.ax_.texts]
    assert labels == ["2\ninputs", "3\nrelu", "1\ntanh"]


@pytest.mark.parametrize("max_units", [3, 5, 8])
def test_a_diagram_leaves_units_out(max_units):
    weights, biases = np.arange(30.0 * 3).reshape(3, 30), np.arange(3.0)
    diagram = NetworkDiagram.from_network(fastnn.Network([weights], [biases]), max_units=max_units)
    units = diagram.units_[0].get_offsets()
    assert len(units) == max_units - 1
    drawn = [*range(max_units // 2), *range(30 - (max_units - 1 - max_units // 2), 30)]
    assert diagram.weights_[0].get_array().tolist() == weights[:, drawn].ravel().tolist()
    dots = next(text for text in diagram.ax_.texts if text.get_text() == "⋮")
    heights = sorted([dots.get_position()[1], *units[:, 1]], reverse=True)
    assert heights == [(max_units - 1) / 2 - i for i in range(max_units)]  # one place among the units


def test_diagrams_of_estimators_and_bad_ones(classifier, xor):
    diagram = NetworkDiagram.from_estimator(classifier)
    assert [len(units.get_offsets()) for units in diagram.units_] == [2, 8, 3]
    with pytest.raises(ValueError, match="max_units must be at least 3, got 2"):
        NetworkDiagram.from_network(xor, max_units=2)


# -- keywords -----------------------------------------------------------------------------------------------------


def test_keywords_of_matplotlib_by_any_of_their_names(measured, xor):
    display = LossCurveDisplay.from_result(measured, metric="cost", curve_kwargs={"lw": 3, "c": "k"})
    assert (display.lines_[0].get_linewidth(), display.lines_[0].get_color()) == (3, "k")
    display = DecisionRegionDisplay.from_network(xor, SQUARE, XOR, scatter_kwargs={"edgecolor": "k", "c": [*"rgbk"]})
    assert colours(display) == [to_rgba(colour) for colour in "rgbk"]
    assert display.ax_.get_legend() is None  # which cannot know what they mean
    display = DecisionRegionDisplay.from_network(xor, SQUARE, XOR, scatter_kwargs={"color": "k", "marker": "s"})
    assert set(colours(display)) == {to_rgba("k")}
    with pytest.raises(TypeError, match="keywords for matplotlib must be a dict, got 5"):
        LossCurveDisplay.from_result(measured, curve_kwargs=5)
    with pytest.raises(TypeError, match="ax must be one matplotlib Axes, got ndarray"):
        LossCurveDisplay.from_result(measured, ax=plt.subplots(1, 2)[1])


# -- all of them ------------------------------------------------------------------------------------------------


def displays(measured, classifier, xor):
    """Each way to make a display, as a function of keywords."""
    return [
        lambda **options: LossCurveDisplay.from_result(measured, **options),
        lambda **options: LossCurveDisplay.from_estimator(classifier, **options),
        lambda **options: DecisionRegionDisplay.from_network(xor, SQUARE, XOR, **options),
        lambda **options: DecisionRegionDisplay.from_estimator(classifier, POINTS, NAMES, **options),
        lambda **options: WeightsDisplay.from_network(xor, image_shape=(1, 2), **options),
        lambda **options: WeightsDisplay.from_estimator(classifier, image_shape=(2, 1), **options),
        lambda **options: NetworkDiagram.from_network(xor, **options),
        lambda **options: NetworkDiagram.from_estimator(classifier, **options),
    ]


@pytest.mark.parametrize("index", range(8))
def test_axes_are_taken_or_made_and_nothing_is_shown(index, measured, classifier, xor, monkeypatch):
    monkeypatch.setattr(plt, "show", lambda *args, **kwargs: pytest.fail("it was shown"))
    make = displays(measured, classifier, xor)[index]
    figure, (left, right) = plt.subplots(1, 2)
    display = make(ax=right)
    assert display.ax_ is right
    assert display.figure_ is figure
    assert not left.has_data()
    assert plt.get_fignums() == [figure.number]
    own = make()
    assert own.figure_ is not figure
    n_artists = len(own.ax_.collections) + len(own.ax_.lines) + len(own.ax_.images)
    again = own.plot(ax=left)
    assert again is own
    assert own.ax_ is left
    assert len(left.collections) + len(left.lines) + len(left.images) == n_artists
    figure.canvas.draw()


def test_plots_without_matplotlib_say_what_to_install():
    out = run_program(
        """
import sys
sys.modules["matplotlib"] = None
import fastnn
network = fastnn.Network([[[1.0, 2.0]]], [[0.0]])
try:
    fastnn.plots.NetworkDiagram.from_network(network)
except ImportError as error:
    print(error)
del sys.modules["matplotlib"]
sys.modules["sklearn"] = None
try:
    fastnn.plots.DecisionRegionDisplay.from_network(network, [[0, 0]])
except ImportError as error:
    print(error)
"""
    )
    assert out.splitlines() == [
        'NetworkDiagram needs matplotlib; install it: python -m pip install "matplotlib>=3.8"',
        "DecisionRegionDisplay needs scikit-learn 1.7 or newer; install it: "
        'python -m pip install "narwhals>=2.0.1" "scikit-learn>=1.7"',
    ]


def test_fastnn_is_imported_without_its_plots():
    out = run_program("import sys, fastnn; print('fastnn.plots' in sys.modules, 'plots' in dir(fastnn))")
    assert out == "False True\n"
    assert "fastnn.plots" in sys.modules
