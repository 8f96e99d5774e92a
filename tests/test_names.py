"""What a session shows of fastnn: the public names, and none of the modules and helpers behind them."""

import importlib
import rlcompleter

import pytest

import fastnn

MODULES = ["doctor", "estimators", "interop", "kernels", "plots", "reference", "simd"]


def test_the_package_shows_its_public_names():
    of_extras = [
        "MLPClassifier",
        "MLPRegressor",
        "TabularClassifier",
        "TabularRegressor",
        "cross_validate",
        "interop",
        "plots",
    ]
    assert dir(fastnn) == sorted([*fastnn.__all__, *of_extras])
    assert all(getattr(fastnn, name) is not None for name in dir(fastnn))


def test_what_is_not_shown_is_there():
    assert fastnn.spec is importlib.import_module("fastnn.spec")
    with pytest.raises(AttributeError, match="module 'fastnn' has no attribute 'spek'"):
        fastnn.spek  # noqa: B018


@pytest.mark.parametrize("name", MODULES)
def test_a_public_module_shows_its_public_names(name):
    module = importlib.import_module(f"fastnn.{name}")
    to_read = {"batched", "loops", "tutorial"} if name == "reference" else set()
    assert dir(module) == sorted({*module.__all__, *to_read})
    assert all(getattr(module, shown) is not None for shown in dir(module))


def test_completion_offers_them():
    """In a terminal, and so in IPython and notebooks, which ask `dir` too."""
    complete = rlcompleter.Completer({"fastnn": fastnn}).attr_matches
    offered = {match.partition("(")[0].removeprefix("fastnn.") for match in complete("fastnn.")}
    assert offered == {name for name in dir(fastnn) if not name.startswith("_")}
    assert complete("fastnn.kernels.np") == []
