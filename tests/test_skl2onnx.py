"""Pipelines with the estimators through skl2onnx: what ONNX Runtime says is what the pipeline says."""

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.ensemble import VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from fastnn import Head, MLPClassifier, MLPRegressor
from fastnn.interop import register_skl2onnx

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
PLAIN = {"zipmap": False}
X, SPECIES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "größte"])[SPECIES]


@pytest.fixture(autouse=True)
def registered():
    register_skl2onnx()


def run(model, feed):
    onnx.checker.check_model(model, full_check=True)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    feed = feed if isinstance(feed, dict) else {"X": feed}
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, feed), strict=True))


def close(found, expected, bound=1e-12):
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=0, atol=bound * np.abs(expected).max())


def classifier(**options):
    return MLPClassifier(**{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, **options})


def regressor(**options):
    return MLPRegressor(**{"hidden_layer_sizes": (8,), "max_iter": 30, "random_state": 0, **options})


LABELS = {
    "integers": SPECIES,
    "strings": NAMES,
    "two": np.where(SPECIES == 1, "ja", "nein"),
    "booleans": SPECIES == 1,
    "floats": SPECIES.astype(float),
    "small integers": SPECIES.astype(np.uint8),
    "several": np.column_stack([SPECIES == 0, X[:, 1] > 3, X[:, 2] > 4]).astype(int),
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler])
def test_a_classifier_behind_a_scaler(kind, scaler):
    pipeline = make_pipeline(scaler(), classifier()).fit(X, LABELS[kind])
    found = run(skl2onnx.to_onnx(pipeline, X, options=PLAIN), X)
    assert list(found) == ["label", "probabilities"]
    assert (found["label"] == pipeline.predict(X)).all()
    assert found["label"].dtype == (object if LABELS[kind].dtype.kind == "U" else np.int64)
    close(found["probabilities"], pipeline.predict_proba(X))


@pytest.mark.parametrize("kind", ["integers", "strings", "two", "booleans", "floats"])
def test_probabilities_by_label_as_skl2onnx_has_them_by_default(kind):
    rows = X.astype(np.float32)
    pipeline = make_pipeline(StandardScaler(), classifier()).fit(rows, LABELS[kind])
    found = run(skl2onnx.to_onnx(pipeline, rows), rows)
    assert list(found) == ["output_label", "output_probability"]
    by_label = found["output_probability"]
    assert list(by_label[0]) == pipeline.classes_.tolist()
    close(np.array([list(of_row.values()) for of_row in by_label]), pipeline.predict_proba(rows), 1e-6)


@pytest.mark.parametrize("y", [SPECIES, SPECIES == 1], ids=["three", "two"])
def test_margins(y):
    model = classifier(loss="hinge").fit(X, y)
    found = run(skl2onnx.to_onnx(model, X, options=PLAIN), X)
    expected = model.decision_function(X)
    assert (found["label"] == model.predict(X)).all()
    close(found["probabilities"], expected if expected.ndim == 2 else np.column_stack([-expected, expected]))


@pytest.mark.parametrize(
    "options",
    [
        {"activation": "gelu"},
        {"activation": ["mish", "hard_swish"], "hidden_layer_sizes": (5, 6)},
        {"activation": ("leaky_relu", 0.2)},
        {"solver": "lbfgs", "activation": "tanh"},
        {"dropout": 0.3},
    ],
    ids=str,
)
@pytest.mark.parametrize("target_opset", [None, 13, 15, 18, 20])
def test_activations_beyond_those_of_scikit_learn(options, target_opset):
    model = classifier(**options).fit(X, NAMES)
    found = run(skl2onnx.to_onnx(model, X, options=PLAIN, target_opset=target_opset), X)
    close(found["probabilities"], model.predict_proba(X))


def test_digits_in_float32():
    rows, y = load_digits(return_X_y=True)
    rows = rows.astype(np.float32)
    pipeline = make_pipeline(StandardScaler(), classifier(hidden_layer_sizes=(32,))).fit(rows, y)
    found = run(skl2onnx.to_onnx(pipeline, rows[:1], options=PLAIN), rows)
    assert pipeline.score(rows, y) > 0.95
    assert (found["label"] == pipeline.predict(rows)).mean() > 0.999
    assert found["probabilities"].dtype == np.float32
    close(found["probabilities"], pipeline.predict_proba(rows), 1e-6)


REGRESSIONS = {
    "one": ({}, lambda y: y),
    "two": ({}, lambda y: np.column_stack([y, -y])),
    "poisson": ({"loss": "poisson"}, lambda y: y),
    "variances": ({"loss": "gaussian_nll"}, lambda y: y),
    "quantiles": ({"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}, lambda y: y),
    "quantiles of two": (
        {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
        lambda y: np.column_stack([y, -y]),
    ),
    "heads": (
        {"heads": [Head(1), Head(1, "log_loss"), Head(2, "gaussian_nll")]},
        lambda y: np.column_stack([y, y > 1, y]),
    ),
}


@pytest.mark.parametrize("kind", REGRESSIONS)
def test_regressions_on_diabetes(kind):
    options, targets = REGRESSIONS[kind]
    rows, y = load_diabetes(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), regressor(**options)).fit(rows, targets(y / 100))
    found = run(skl2onnx.to_onnx(pipeline, rows[:1]), rows)
    assert list(found) == ["variable"]
    close(found["variable"], pipeline.predict(rows))


def test_columns_of_a_frame_with_gaps_and_words():
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "age": rng.integers(18, 90, 80).astype(np.float32),
            "income": rng.lognormal(size=80).astype(np.float32),
            "town": rng.choice(["Bonn", "Köln", "Ulm"], 80),
        }
    )
    frame.loc[::7, "age"] = np.nan
    y = (frame["income"] > 1) & (frame["town"] != "Ulm")
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = ColumnTransformer(
        [("numbers", numbers, ["age", "income"]), ("words", OneHotEncoder(handle_unknown="ignore"), ["town"])]
    )
    pipeline = make_pipeline(columns, classifier(max_iter=200, learning_rate_init=0.01)).fit(frame, y)
    model = skl2onnx.to_onnx(pipeline, frame, options=PLAIN)
    found = run(model, {name: frame[[name]].to_numpy() for name in frame})
    assert 0 < pipeline.predict(frame).mean() < 1
    assert (found["label"] == pipeline.predict(frame)).all()
    close(found["probabilities"], pipeline.predict_proba(frame), 1e-5)  # the scaler in float32


def test_inside_of_a_search_and_of_a_vote():
    rows = X.astype(np.float32)
    search = GridSearchCV(classifier(), {"alpha": [1e-4, 1e-2]}, cv=2).fit(rows, NAMES)
    close(run(skl2onnx.to_onnx(search, rows, options=PLAIN), rows)["probabilities"], search.predict_proba(rows), 1e-6)
    voters = [("a", classifier()), ("b", classifier(random_state=1))]
    vote = VotingClassifier(voters, voting="soft", flatten_transform=False).fit(rows, SPECIES)
    found = run(skl2onnx.to_onnx(vote, rows, options=PLAIN), rows)
    assert (found["label"] == vote.predict(rows)).all()
    close(found["probabilities"], vote.predict_proba(rows), 1e-6)


def test_integers_come_in():
    rows = np.round(X).astype(np.int64)
    model = classifier().fit(rows, SPECIES)
    found = run(skl2onnx.to_onnx(model, rows, options=PLAIN), rows)
    close(found["probabilities"], model.predict_proba(rows), 1e-6)


def test_operators_that_are_too_old_are_refused():
    with pytest.raises(RuntimeError, match="operators of version 13 or later, target_opset is 12"):
        skl2onnx.to_onnx(classifier().fit(X, SPECIES), X, target_opset=12)


def test_nothing_of_scikit_learn_s_own_is_changed():
    from sklearn import neural_network

    model = neural_network.MLPClassifier((5,), max_iter=5, random_state=0).fit(X, SPECIES)
    close(run(skl2onnx.to_onnx(model, X, options=PLAIN), X)["probabilities"], model.predict_proba(X))
