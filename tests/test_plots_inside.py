"""The displays of networks that are inside of something else: pipelines, searches, wrappers, results."""

import matplotlib
import numpy as np
import pandas as pd
import pytest
import sklearn.neural_network
from drawn import NAMES, POINTS, curves, regions_at
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.ensemble import BaggingClassifier
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import fastnn
from fastnn.plots import DecisionRegionDisplay, LossCurveDisplay, NetworkDiagram, WeightsDisplay

matplotlib.use("Agg")


def pipeline_of(model, X, y):
    """One that scales, within another one."""
    return make_pipeline("passthrough", make_pipeline(StandardScaler(), model)).fit(X, y)


def wrapped(module):
    """Models around a perceptron of fastnn or scikit-learn, each with the perceptron that learned."""
    options = {"hidden_layer_sizes": (5,), "max_iter": 30, "n_iter_no_change": 40, "random_state": 0}
    make, make_regressor = module.MLPClassifier, module.MLPRegressor
    pipeline = pipeline_of(make(**options), POINTS, NAMES)
    yield pipeline, pipeline[-1][-1]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), make(**options)), {"mlpclassifier__alpha": [1e-4, 1e-3]}, cv=2
    )
    yield search.fit(POINTS, NAMES), search.best_estimator_[-1]
    model = TransformedTargetRegressor(make_regressor(**options), transformer=StandardScaler()).fit(
        POINTS, POINTS[:, 0]
    )
    yield model, model.regressor_
    yield make(**options).fit(POINTS, NAMES), None


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("module", [fastnn, sklearn.neural_network])
def test_what_learned_inside_is_drawn(module):
    for model, inner in wrapped(module):
        perceptron = model if inner is None else inner
        losses = list(perceptron.loss_curve_)
        assert curves(LossCurveDisplay.from_estimator(model)) == {"training": (list(range(1, 31)), losses)}
        diagram = NetworkDiagram.from_estimator(model)
        for lines, weights in zip(diagram.weights_, perceptron.coefs_, strict=True):
            assert lines.get_array().tolist() == weights.T.ravel().tolist()
        assert diagram.ax_.texts[1].get_text() == "5\nrelu"
        assert diagram.ax_.texts[2].get_text().endswith(f"\n{perceptron.out_activation_}")
        mosaic = WeightsDisplay.from_estimator(model, image_shape=(1, 2), n_columns=1).mosaic
        assert np.array_equal(mosaic[::2], perceptron.coefs_[0].T)


def test_regions_are_those_of_the_whole_pipeline():
    """Whose scaler moves the points away, so that the network alone would give other classes."""
    X = 1000 + 50 * POINTS
    pipeline = pipeline_of(fastnn.MLPClassifier((8,), solver="lbfgs", max_iter=500, random_state=0), X, NAMES)
    assert (pipeline[-1][-1].predict(X) != pipeline.predict(X)).any()
    for make in (DecisionRegionDisplay.from_estimator, DecisionRegionDisplay.from_network):
        display = make(pipeline, X, NAMES, mark_errors=True)
        assert len(display.points_.get_offsets()) == 60
        assert len(np.unique(display.points_.get_facecolor(), axis=0)) == 1  # all are right
        assert np.mean(pipeline.classes_[regions_at(display, X)] == NAMES) > 0.95


def test_a_network_is_taken_from_whatever_has_one(measured, classifier):
    """By either name, and by the constructor."""
    for model, network in [(measured, measured.network), (measured.network, measured.network), (classifier, None)]:
        weights = (classifier.network_ if network is None else network).W
        for diagram in (
            NetworkDiagram.from_network(model),
            NetworkDiagram.from_estimator(model),
            NetworkDiagram(model).plot(),
        ):
            assert [lines.get_array().tolist() for lines in diagram.weights_] == [
                weights[l].ravel().tolist() for l in weights
            ]
        for make in (WeightsDisplay.from_network, WeightsDisplay.from_estimator):
            assert np.array_equal(make(model, image_shape=(1, 2), n_columns=1).mosaic[::2], weights[1])


def names_drawn(model, **options):
    return [text.get_text() for text in WeightsDisplay.from_estimator(model, **options).ax_.get_yticklabels()]


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
@pytest.mark.parametrize("module", [fastnn, sklearn.neural_network])
def test_weights_are_named_as_the_columns_are(module):
    """By what the steps before make of them; of arrays x0, x1."""
    frame = pd.DataFrame({"width": POINTS[:, 0], "side": NAMES})
    perceptron = module.MLPClassifier((3,), max_iter=5, random_state=0)
    encoded = make_column_transformer((OneHotEncoder(), ["side"]), (StandardScaler(), ["width"]))
    pipeline = make_pipeline(encoded, make_pipeline("passthrough", perceptron))
    names = ["onehotencoder__side_left", "onehotencoder__side_middle", "onehotencoder__side_right"]
    names.append("standardscaler__width")
    assert names_drawn(pipeline.fit(frame, NAMES)) == names
    search = GridSearchCV(pipeline, {"pipeline__mlpclassifier__alpha": [1e-4, 1e-3]}, cv=2).fit(frame, NAMES)
    assert names_drawn(search) == names
    assert names_drawn(perceptron.fit(frame[["width"]], NAMES)) == ["width"]
    assert names_drawn(make_pipeline(StandardScaler(), perceptron).fit(POINTS, NAMES)) == ["x0", "x1"]
    assert names_drawn(search, feature_names="abcd") == [*"abcd"]
    unnamed = make_pipeline(FunctionTransformer(np.asarray), module.MLPClassifier((3,), max_iter=5))
    assert names_drawn(unnamed.fit(frame[["width"]], NAMES)) == ["x0"]


def test_regions_of_a_result(measured):
    expected = regions_at(DecisionRegionDisplay.from_network(measured.network, POINTS), POINTS)
    assert len(set(expected)) == 3
    for make in (DecisionRegionDisplay.from_network, DecisionRegionDisplay.from_estimator):
        assert regions_at(make(measured, POINTS), POINTS) == expected


def test_curves_by_either_name(measured, classifier):
    by_estimator = LossCurveDisplay.from_estimator(measured, metric="cost")
    assert curves(by_estimator) == {"training": (list(range(30)), measured.cost)}
    by_result = LossCurveDisplay.from_result(classifier, metric="score")
    assert list(curves(by_result)) == ["validation"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Ridge(), "got Ridge, which has no network, or is not fitted"),
        (make_pipeline(StandardScaler(), Ridge()), "got Ridge inside Pipeline, which has no network, or is not fitted"),
        (fastnn.MLPClassifier(), "got MLPClassifier, which is not fitted: call its fit first"),
        (make_pipeline(fastnn.MLPClassifier()), "got MLPClassifier inside Pipeline, which is not fitted: call its fit"),
        (GridSearchCV(fastnn.MLPClassifier(), {}), "got GridSearchCV, which has no network, or is not fitted"),
        (np.ones((3, 2)), "got ndarray, which has no network"),
    ],
)
def test_what_has_no_network(model, message):
    expected = (
        "expected a Network, a TrainResult, or a fitted MLPClassifier or MLPRegressor, by itself or in a pipeline; "
    )
    for make in (NetworkDiagram, NetworkDiagram.from_estimator, WeightsDisplay.from_network):
        with pytest.raises(TypeError, match=expected + message):
            make(model)


@pytest.mark.filterwarnings("ignore:.*Maximum iterations")
def test_one_of_several_networks_is_to_be_chosen():
    bag = BaggingClassifier(fastnn.MLPClassifier((3,), max_iter=5), n_estimators=2).fit(POINTS, NAMES)
    for make in (NetworkDiagram.from_estimator, LossCurveDisplay.from_estimator):
        with pytest.raises(TypeError, match="BaggingClassifier has several models: give one of its estimators_"):
            make(bag)
    assert NetworkDiagram.from_estimator(bag.estimators_[0]).units_


def test_what_has_no_curve(measured):
    with pytest.raises(ValueError, match="MLPClassifier inside Pipeline has no loss_curve_; fit it, with solver="):
        LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), fastnn.MLPClassifier()))
    for make in (LossCurveDisplay.from_estimator, LossCurveDisplay.from_result):
        with pytest.raises(TypeError, match=r"expected a fitted estimator or the TrainResult of train, got Network"):
            make(measured.network)
