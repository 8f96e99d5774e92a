"""scikit-learn's own checks of every estimator, on those for tables."""

import pytest
from sklearn.utils.estimator_checks import check_estimator, check_param_validation

import fastnn

pytestmark = pytest.mark.filterwarnings("ignore")  # of rows too few to hold some back, above all

NAMES = ("TabularClassifier", "TabularRegressor")

#: Rows of weight 2 are other batches than rows that stand twice; rows of weight 0 count as those that are not there:
#: tests/test_tabular.py.
EXPECTED = dict.fromkeys(
    (f"check_sample_weight_equivalence_on_{kind}_data" for kind in ("dense", "sparse")),
    "a weight is no number of rows: these would be drawn into other batches",
)


@pytest.mark.parametrize("name", NAMES)
def test_check_estimator(name):
    found = check_estimator(
        getattr(fastnn, name)(max_epochs=32), on_fail=None, on_skip=None, expected_failed_checks=EXPECTED
    )
    results = [(result["check_name"], result["status"], str(result["exception"])) for result in found]
    assert len(results) >= 50
    assert [one for one in results if one[1] not in ("passed", "xfail") and one[0] != "check_array_api_input"] == []
    assert {one[0] for one in results if one[1] == "xfail"} == set(EXPECTED)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_checked_in_scikit_learns_words(name):
    check_param_validation(name, getattr(fastnn, name)())
