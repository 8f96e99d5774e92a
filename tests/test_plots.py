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

import fastnn
from fastnn.plots import DecisionRegionDisplay, LossCurveDisplay, NetworkDiagram, WeightsDisplay

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


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


# -- regions ----------------------------------------------------------------------------------------------------


def test_regions_of_a_network(xor):
    display = DecisionRegionDisplay.from_network(xor, SQUARE, XOR)
    assert regions_at(display, SQUARE) == XOR
    assert [points.get_offsets().tolist() for points in display.points_] == [[[0, 0], [1, 1]], [[0, 1], [1, 0]]]
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == ["0", "1"]
    bare = DecisionRegionDisplay.from_network(xor, SQUARE)
    assert bare.points_ == []
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
    found = {points.get_label(): len(points.get_offsets()) for points in display.points_}
    if mark_errors:
        n_right = int((predicted == NAMES).sum())
        assert 0 < n_right < 60
        assert found == {"right": n_right, "wrong": 60 - n_right}
        assert [to_rgba(p.get_facecolor()[0]) for p in display.points_] == [to_rgba("#0072B2"), to_rgba("#D55E00")]
    else:
        assert found == {name: np.count_nonzero(name == NAMES) for name in classifier.classes_}
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
    display = WeightsDisplay.from_estimator(regressor, n_columns=5)
    assert np.array_equal(display.mosaic[:, :4], regressor.coefs_[0][:, 0].reshape(4, 4))
    assert display.mosaic.shape == (4, 24)


def test_a_frame_keeps_its_names():
    """A classifier that learned from a frame warns when it sees an array, and warnings are errors here."""
    frame = pd.DataFrame(POINTS, columns=["width", "height"])
    classifier = fastnn.MLPClassifier((8,), solver="lbfgs", max_iter=1000, random_state=0).fit(frame, NAMES)
    display = DecisionRegionDisplay.from_estimator(classifier, frame, NAMES, mark_errors=True)
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("width", "height")


def test_weights_are_refused(xor):
    for shape in (4, (1, 2, 2)):
        with pytest.raises(TypeError, match="image_shape must be a pair of rows and columns, got"):
            WeightsDisplay.from_network(xor, image_shape=shape)
    with pytest.raises(ValueError, match="the first layer has 2 inputs, which make no square: give image_shape"):
        WeightsDisplay.from_network(xor)
    with pytest.raises(ValueError, match="images of 2 x 3 have 6 pixels, but there are 2 inputs"):
        WeightsDisplay.from_network(xor, image_shape=(2, 3))
    with pytest.raises(ValueError, match="n_columns must be at least 1, got 0"):
        WeightsDisplay.from_network(xor, image_shape=(1, 2), n_columns=0)


# -- diagrams ---------------------------------------------------------------------------------------------------


def test_a_diagram_has_units_and_weights():
    weights = [np.array([[1.0, -2.0], [3.0, 0.5], [0.0, 4.0]]), np.array([[1.0, -1.0, 2.0]])]
    network = fastnn.Network(weights, [np.zeros(3), np.zeros(1)], activation="relu", output_activation="tanh")
    diagram = NetworkDiagram.from_network(network)
    assert [len(units.get_offsets()) for units in diagram.units_] == [2, 3, 1]
    for lines, of_layer in zip(diagram.weights_, weights, strict=True):
        assert lines.get_array().tolist() == of_layer.ravel().tolist()
        assert lines.get_clim() == (-4, 4)
    places = [units.get_offsets() for units in diagram.units_]
    segments = diagram.weights_[0].get_segments()  # the weight [i, j] leads from unit j to unit i
    for i in range(3):
        for j in range(2):
            assert np.array_equal(segments[2 * i + j], [places[0][j], places[1][i]])
    labels = [text.get_text() for text in diagram.ax_.texts]
    assert labels == ["2\ninputs", "3\nrelu", "1\ntanh"]


def test_a_diagram_leaves_units_out():
    weights = np.arange(30.0 * 3).reshape(3, 30)
    diagram = NetworkDiagram.from_network(fastnn.Network([weights], [np.zeros(3)]), max_units=5)
    assert len(diagram.units_[0].get_offsets()) == 4
    shown = weights[:, [0, 1, 28, 29]]
    assert diagram.weights_[0].get_array().tolist() == shown.ravel().tolist()
    assert "⋮" in [text.get_text() for text in diagram.ax_.texts]


def test_diagrams_of_estimators_and_bad_ones(classifier, xor):
    diagram = NetworkDiagram.from_estimator(classifier)
    assert [len(units.get_offsets()) for units in diagram.units_] == [2, 8, 3]
    with pytest.raises(ValueError, match="max_units must be at least 3, got 2"):
        NetworkDiagram.from_network(xor, max_units=2)


# -- keywords -----------------------------------------------------------------------------------------------------


def test_keywords_of_matplotlib_by_any_of_their_names(measured, xor):
    display = LossCurveDisplay.from_result(measured, metric="cost", curve_kwargs={"lw": 3, "c": "k"})
    assert (display.lines_[0].get_linewidth(), display.lines_[0].get_color()) == (3, "k")
    display = DecisionRegionDisplay.from_network(xor, SQUARE, XOR, scatter_kwargs={"edgecolor": "k", "c": ["r", "g"]})
    assert [to_rgba(colour) for colour in display.points_[0].get_facecolor()] == [to_rgba("r"), to_rgba("g")]
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
        "NetworkDiagram needs matplotlib; install it with fastnn's extra [plots], or by itself",
        "DecisionRegionDisplay needs scikit-learn 1.7 or newer; install it with fastnn's extra [sklearn], or by itself",
    ]


def test_fastnn_is_imported_without_its_plots():
    out = run_program("import sys, fastnn; print('fastnn.plots' in sys.modules, 'plots' in dir(fastnn))")
    assert out == "False True\n"
    assert "fastnn.plots" in sys.modules
