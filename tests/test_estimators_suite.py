"""scikit-learn's own tests of its estimators, on ours: the checks that it has for every estimator, and the test file of
its multi-layer perceptrons, taken from the installed package with our classes in place of its own."""

import importlib.util
from pathlib import Path

import pytest
import sklearn.neural_network
from sklearn.utils.estimator_checks import (
    check_dataframe_column_names_consistency,
    check_estimator,
    check_global_output_transform_pandas,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)

import fastnn

pytestmark = pytest.mark.filterwarnings("default")  # as there

ESTIMATORS = ("MLPClassifier", "MLPRegressor")

#: Those of transformers, which theirs are none of.
TRANSFORMER_CHECKS = ("_data_not_an_array", "_general", "_n_iter", "_preserve_dtypes", "s_unfitted")

OUTSIDE = (
    check_dataframe_column_names_consistency,
    check_global_output_transform_pandas,
    check_param_validation,
    check_set_output_transform,
    check_set_output_transform_pandas,
    check_transformer_get_feature_names_out,
    check_transformer_get_feature_names_out_pandas,
)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_check_estimator(name):
    """None fails, and none is skipped that scikit-learn's own class runs."""

    def results(module):
        found = check_estimator(getattr(module, name)(), on_fail=None, on_skip=None)
        return [(result["check_name"], result["status"], str(result["exception"])) for result in found]

    ours, theirs = results(fastnn), results(sklearn.neural_network)
    assert len(ours) >= 59
    more = {"check_class_weight_classifiers"} if name == "MLPClassifier" else set()  # which theirs has no parameter for
    more |= {f"check_transformer{check}" for check in TRANSFORMER_CHECKS}
    assert [check for check, _, _ in ours if check not in more] == [check for check, _, _ in theirs]
    assert more <= {check for check, _, _ in ours}
    skipped = {check for check, status, _ in theirs if status == "skipped"}
    failed = [result for result in ours if result[1] != "passed" and result[0] not in skipped]
    assert failed == []


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("check", OUTSIDE, ids=lambda check: check.__name__)
def test_checks_outside_of_check_estimator(name, check):
    check(name, getattr(fastnn, name)())


@pytest.fixture
def global_random_seed():
    """scikit-learn's own fixture."""
    return 42


#: Tests that ask for private members.
EXCUSED = (
    "test_gradient",  # calls _unpack, _loss_grad_lbfgs: tests/test_estimators_parity.py has the gradient
)
IMPORT = "from sklearn.neural_network import MLPClassifier, MLPRegressor\n"

source = Path(importlib.util.find_spec("sklearn.neural_network.tests.test_mlp").origin)
text = source.read_text()
assert text.count(IMPORT) == 1
theirs = {"__name__": __name__}
exec(compile(text.replace(IMPORT, "from fastnn import MLPClassifier, MLPRegressor\n"), source, "exec"), theirs)
tests = {name: value for name, value in theirs.items() if name.startswith("test_") and name not in EXCUSED}
assert len(tests) >= 39  # what the oldest release has
assert set(EXCUSED) < theirs.keys()
globals().update(tests)
