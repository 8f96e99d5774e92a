"""Tools that explain, keep and track models take fastnn's as they are: shap, skops, joblib's mapped files, MLflow."""

import logging
import pickle
import sys
import warnings

import joblib
import matplotlib
import numpy as np
import pytest
import sklearn.neural_network
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.metrics import accuracy_score, log_loss, mean_squared_error
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import fastnn

matplotlib.use("Agg")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
DATA = {"breast cancer": load_breast_cancer, "digits": load_digits, "diabetes": load_diabetes}
TRUSTED = {
    "MLPClassifier": "fastnn.estimators._classifier.MLPClassifier",
    "MLPRegressor": "fastnn.estimators._regressor.MLPRegressor",
    "Network": "fastnn.network.Network",
}


def rows_of(data, as_frame=False):
    X, y = DATA[data](return_X_y=True, as_frame=as_frame)
    return (X - X.mean(axis=0)) / (X.std(axis=0) + 1e-9), y


def estimator_for(data, module=fastnn, **settings):
    kind = "MLPRegressor" if data == "diabetes" else "MLPClassifier"
    return getattr(module, kind)(**{"hidden_layer_sizes": (12,), "random_state": 0, "max_iter": 30, **settings})


def answers_of(model):
    """The method of an estimator, or of a pipeline, whose answers are looked at."""
    return model.predict_proba if hasattr(model, "predict_proba") else model.predict


# -- shap ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shap():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("shap")


def explanation(shap, kind, function, X):
    """Of three rows, against the first ten."""
    explainer = {"Kernel": shap.KernelExplainer, "Permutation": shap.PermutationExplainer}[kind]
    state = np.random.get_state()
    np.random.seed(0)  # which one of them draws from
    try:
        return explainer(function, X[:10], seed=0)(X[100:103], silent=True)
    finally:
        np.random.set_state(state)


def assert_adds_up(found, outputs):
    """What is promised: base value and values of all columns add up to the output."""
    sums = found.values.sum(axis=1) + np.reshape(found.base_values, found.values.sum(axis=1).shape)
    np.testing.assert_allclose(sums.reshape(outputs.shape), outputs, rtol=1e-9, atol=1e-9)
    assert np.abs(found.values).max() > 1e-3


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("kind", ["Kernel", "Permutation"])
def test_shap_explains_estimators_as_it_explains_scikit_learns(shap, kind, data):
    X, y = rows_of(data)
    ours, theirs = (estimator_for(data, module).fit(X, y) for module in (fastnn, sklearn.neural_network))
    found = explanation(shap, kind, answers_of(ours), X)
    assert_adds_up(found, answers_of(ours)(X[100:103]))
    expected = explanation(shap, kind, answers_of(theirs), X)
    np.testing.assert_allclose(found.values, expected.values, atol=1e-8 * np.abs(expected.values).max())


@pytest.mark.parametrize("data", ["breast cancer", "diabetes"])
@pytest.mark.parametrize("kind", ["Kernel", "Permutation"])
def test_shap_takes_frames_and_leaves_the_estimator_as_it_was(shap, kind, data):
    X, y = rows_of(data, as_frame=True)
    model = estimator_for(data).fit(X, y)
    before = pickle.dumps(model)
    found = explanation(shap, kind, answers_of(model), X)
    assert found.feature_names == list(X.columns)
    assert_adds_up(found, answers_of(model)(X[100:103]))
    assert pickle.dumps(model) == before
    with warnings.catch_warnings():  # which it gives the estimator, and not to its network
        warnings.simplefilter("error")
        assert_adds_up(explanation(shap, kind, model.network_, X), model.network_(X[100:103]))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["Kernel", "Permutation"])
def test_shap_finds_the_terms_of_a_linear_network(shap, kind, dtype):
    """Where outputs are linear, the value of a column is its weight times how far it is from the background's mean."""
    X = np.random.default_rng(0).standard_normal((110, 5))
    W = np.array([[2.0, -1.0, 0.5, 0.0, 3.0], [0.0, 1.0, 1.0, -2.0, 0.25]])
    network = fastnn.Network([W], [[1.0, -1.0]], activation="identity", output_activation="identity", dtype=dtype)
    found = explanation(shap, kind, network, X)
    expected = (X[100:103] - X[:10].mean(axis=0))[:, :, None] * W.T
    np.testing.assert_allclose(found.values, expected, atol=1e-9 if dtype == "float64" else 1e-5)


# -- skops --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", DATA)
def test_skops_asks_to_trust_one_class_of_a_pipeline(data, tmp_path):
    sio = pytest.importorskip("skops.io")
    X, y = rows_of(data, as_frame=True)
    model = make_pipeline(StandardScaler(), estimator_for(data)).fit(X, y)
    sio.dump(model, tmp_path / "model.skops")
    untrusted = sio.get_untrusted_types(file=tmp_path / "model.skops")
    assert untrusted == [TRUSTED[type(model[-1]).__name__]]
    loaded = sio.load(tmp_path / "model.skops", trusted=untrusted)
    assert answers_of(loaded)(X).tobytes() == answers_of(model)(X).tobytes()


def test_skops_asks_to_trust_the_class_of_networks_beside_other_things(tmp_path):
    sio = pytest.importorskip("skops.io")
    X, y = rows_of("digits")
    network = fastnn.train([64, 12, 10], X, y, 20, loss="log_loss", random_state=0).network
    sio.dump({"network": network, "scale": X.std(axis=0)}, tmp_path / "model.skops")
    assert sio.get_untrusted_types(file=tmp_path / "model.skops") == [TRUSTED["Network"]]
    loaded = sio.load(tmp_path / "model.skops", trusted=[TRUSTED["Network"]])["network"]
    assert loaded(X).tobytes() == network(X).tobytes()


# -- joblib's mapped files ----------------------------------------------------------------------------------------


def is_mapped(array):
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("data", DATA)
def test_pipelines_estimators_and_networks_stay_mapped(data, dtype, tmp_path):
    X, y = rows_of(data)
    X = X.astype(dtype)
    pipeline = make_pipeline(StandardScaler(), estimator_for(data)).fit(X, y)
    estimator = estimator_for(data).fit(X, y)
    for name, model, answers, network_of in (
        ("pipeline", pipeline, answers_of, lambda model: model[-1].network_),
        ("estimator", estimator, answers_of, lambda model: model.network_),
        ("network", estimator.network_, lambda network: network, lambda network: network),
    ):
        joblib.dump(model, tmp_path / name)
        loaded = joblib.load(tmp_path / name, mmap_mode="r")
        for rows in (X, X[:1], X[:300]):
            assert answers(loaded)(rows).tobytes() == answers(model)(rows).tobytes()
        assert network_of(loaded).dtype == dtype
        assert is_mapped(network_of(loaded).parameters)
        assert not network_of(loaded).parameters.flags.writeable
        assert is_mapped(network_of(loaded).W[1])


# -- MLflow -------------------------------------------------------------------------------------------------------

#: What MLflow would find out by importing the model in a process of its own: some seconds a model.
REQUIREMENTS = ["numpy", "scikit-learn"]


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """MLflow with a database of its own, and nothing that goes out of the machine."""
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        for name in ("DO_NOT_TRACK", "MLFLOW_DISABLE_TELEMETRY", "MLFLOW_AUTOLOGGING_TESTING"):
            patch.setenv(name, "true")  # the last: what goes wrong inside is raised
        warnings.simplefilter("ignore")
        mlflow = pytest.importorskip("mlflow")
        pytest.importorskip("mlflow.sklearn")
        folder = tmp_path_factory.mktemp("mlflow")
        patch.chdir(folder)
        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'runs.db'}")
        mlflow.set_experiment("fastnn")
        yield mlflow
        mlflow.set_tracking_uri(None)


@pytest.fixture
def autologging(tracking, monkeypatch):
    """MLflow as if fastnn had never been registered; afterwards nothing is patched any more."""
    flavour = tracking.sklearn
    monkeypatch.setattr(flavour, "_gen_estimators_to_patch", flavour._gen_estimators_to_patch)
    monkeypatch.setattr(tracking.models, "infer_pip_requirements", lambda *_, **__: REQUIREMENTS)
    yield flavour
    flavour.autolog(disable=True)
    tracking.end_run()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("data", ["breast cancer", "diabetes"])
def test_mlflow_keeps_an_estimator_in_its_default_format(tracking, data, tmp_path):
    X, y = rows_of(data, as_frame=True)
    model = estimator_for(data).fit(X, y)
    with pytest.raises(tracking.MlflowException, match="skops_trusted_types"):
        tracking.sklearn.save_model(model, tmp_path / "refused", pip_requirements=REQUIREMENTS)
    tracking.sklearn.save_model(
        model,
        tmp_path / "model",
        skops_trusted_types=[TRUSTED[type(model).__name__]],
        pip_requirements=REQUIREMENTS,
        input_example=X[:2],
    )
    assert (tmp_path / "model" / "model.skops").exists()
    loaded = tracking.sklearn.load_model(tmp_path / "model")
    assert type(loaded) is type(model)
    assert answers_of(loaded)(X).tobytes() == answers_of(model)(X).tobytes()
    served = tracking.pyfunc.load_model(tmp_path / "model")
    assert np.asarray(served.predict(X)).tobytes() == model.predict(X).tobytes()
    assert served.metadata.signature.inputs.input_names() == list(X.columns)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_keeps_a_network(tracking, tmp_path):
    X, y = rows_of("digits")
    network = fastnn.train([64, 12, 10], X, y, 20, loss="log_loss", random_state=0).network
    tracking.sklearn.save_model(
        network, tmp_path / "model", skops_trusted_types=[TRUSTED["Network"]], pip_requirements=REQUIREMENTS
    )
    assert tracking.sklearn.load_model(tmp_path / "model")(X).tobytes() == network(X).tobytes()
    assert tracking.pyfunc.load_model(tmp_path / "model").predict(X).tolist() == network.predict(X).tolist()


def logged(tracking):
    """The last run: its parameters, metrics and tags, and the model that it kept."""
    run = tracking.last_active_run()
    data, outputs = run.data, run.outputs.model_outputs if run.outputs else []
    models = [tracking.sklearn.load_model(f"models:/{output.model_id}") for output in outputs]
    return data.params, data.metrics, data.tags, models


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("registered_first", [True, False])
def test_mlflow_logs_a_direct_fit_of_a_classifier(tracking, autologging, registered_first):
    X, y = rows_of("breast cancer")
    if registered_first:
        fastnn.interop.register_mlflow()
    autologging.autolog(silent=True)
    fastnn.interop.register_mlflow()
    model = estimator_for("breast cancer", alpha=0.25).fit(X, y)
    params, metrics, tags, (kept,) = logged(tracking)
    assert params == {name: str(value) for name, value in model.get_params().items()}
    assert metrics["training_accuracy_score"] == pytest.approx(accuracy_score(y, model.predict(X)))
    assert metrics["training_score"] == metrics["training_accuracy_score"]
    assert metrics["training_log_loss"] == pytest.approx(log_loss(y, model.predict_proba(X)))
    assert tags["estimator_class"] == TRUSTED["MLPClassifier"]
    assert kept.predict_proba(X).tobytes() == model.predict_proba(X).tobytes()
    score = model.score(X[:100], y[:100])
    assert logged(tracking)[1]["MLPClassifier_score_unknown_dataset"] == score


@pytest.mark.filterwarnings("ignore")
def test_mlflow_logs_a_regressor_as_it_logs_scikit_learns(tracking, autologging):
    X, y = rows_of("diabetes")
    fastnn.interop.register_mlflow()
    autologging.autolog(log_models=False, silent=True)
    found = {}
    for module in (fastnn, sklearn.neural_network):
        model = estimator_for("diabetes", module).fit(X, y)
        params, metrics, _, _ = logged(tracking)
        found[module] = metrics
        assert params.items() >= {"hidden_layer_sizes": "(12,)", "max_iter": "30", "solver": "adam"}.items()
        assert metrics["training_mean_squared_error"] == pytest.approx(mean_squared_error(y, model.predict(X)))
    assert found[fastnn] == pytest.approx(found[sklearn.neural_network], rel=1e-9)


@pytest.mark.filterwarnings("ignore")
def test_registered_twice_it_logs_one_run_and_switched_off_none(tracking, autologging):
    X, y = rows_of("diabetes")
    before = fastnn.MLPRegressor.fit
    for _ in range(2):
        fastnn.interop.register_mlflow()
    assert autologging._gen_estimators_to_patch().count(fastnn.MLPRegressor) == 1
    autologging.autolog(log_models=False, silent=True)
    n_runs = len(tracking.search_runs())
    make_pipeline(StandardScaler(), estimator_for("diabetes")).fit(X, y)
    assert len(tracking.search_runs()) == n_runs + 1  # the pipeline's
    estimator_for("diabetes").fit(X, y)
    assert len(tracking.search_runs()) == n_runs + 2
    autologging.autolog(disable=True)
    fastnn.interop.register_mlflow()
    estimator_for("diabetes").fit(X, y)
    assert len(tracking.search_runs()) == n_runs + 2
    assert fastnn.MLPRegressor.fit is before


@pytest.mark.filterwarnings("ignore")
def test_metrics_of_each_pass_go_to_mlflow_by_a_callback(tracking):
    X, y = rows_of("digits")
    with tracking.start_run() as run:
        result = fastnn.train(
            [64, 12, 10], X, y, 60, loss="log_loss", batch_size=90, random_state=0, validation_split=0.2,
            callback=lambda iteration, loss, network: tracking.log_metric("loss", loss, step=iteration),
        )  # fmt: skip
    points = tracking.MlflowClient().get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in points] == result.history["iteration"]
    assert points[-1].value < points[0].value


def test_an_mlflow_that_keeps_its_list_elsewhere_is_an_error(tracking, monkeypatch):
    monkeypatch.delattr(tracking.sklearn, "_gen_estimators_to_patch")
    with pytest.raises(RuntimeError, match=r"has no mlflow\.sklearn\._gen_estimators"):
        fastnn.interop.register_mlflow()


def test_without_mlflow_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ImportError, match=r"needs MLflow; install it: python -m pip install .mlflow>=3.$"):
        fastnn.interop.register_mlflow()
