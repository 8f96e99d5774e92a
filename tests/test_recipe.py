"""The recipe for one's own data, as README.md and the book's first page have it: what it is right for."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import fastnn

RECIPE = {"activation": "relu", "loss": "log_loss", "init": "he_uniform", "solver": "adam", "batch_size": 64}


def split(load):
    """Rows to learn from and others, scaled by the first."""
    X, y = load(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X, y, random_state=0, stratify=y)
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), scaler.transform(X_new), y, y_new


def accuracy_of(result, X, y):
    return np.mean(result.network.predict(X) == y)


@pytest.mark.parametrize("seed", range(5))
def test_digits_are_read_by_two_hidden_layers(seed):
    X, y = load_digits(return_X_y=True)
    X, X_new, y, y_new = train_test_split(X / 16, y, random_state=0, stratify=y)
    result = fastnn.train([64, 100, 50, 10], X, y, 1000, 1e-3, **RECIPE, random_state=seed)
    assert accuracy_of(result, X_new, y_new) >= 0.97


@pytest.mark.parametrize("load", [load_breast_cancer, load_iris, load_wine])
@pytest.mark.parametrize("seed", range(3))
def test_it_does_what_a_linear_model_does_on_other_tables(load, seed):
    X, X_new, y, y_new = split(load)
    result = fastnn.train([X.shape[1], 32, y.max() + 1], X, y, 1000, 1e-3, **RECIPE, random_state=seed)
    assert accuracy_of(result, X_new, y_new) >= LogisticRegression().fit(X, y).score(X_new, y_new) - 0.03


def test_the_tutorials_defaults_do_not_in_so_deep_a_network_and_say_so():
    X, X_new, y, y_new = split(load_digits)
    with pytest.warns(UserWarning, match="saturate .* of the logistic units"):
        result = fastnn.train([64, 100, 50, 10], X, np.eye(10)[y], 300, random_state=0)
    assert accuracy_of(result, X_new, y_new) < 0.2
