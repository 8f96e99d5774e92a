"""How good answers are: error, log-loss and AUC of the rows kept for the test."""

import numpy as np
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split

TEST = 0.25


def split_of(X, y, kind, seed):
    """Return X and y to learn from, then X and y to be asked about: a quarter of the rows, of each class its share."""
    is_classes = kind != "regression"
    X, X_test, y, y_test = train_test_split(X, y, test_size=TEST, random_state=seed, stratify=y if is_classes else None)
    return X.reset_index(drop=True), y.to_numpy(), X_test.reset_index(drop=True), y_test.to_numpy()


def scores_of(kind, y, predicted, probabilities=None):
    """Return "error" (1 - accuracy or 1 - R²), and for classes "log_loss" and "auc" (one class against the others).

    Probabilities of 0 and 1 are moved inside by the epsilon of their dtype, as scikit-learn does. Where the rows have
    not all classes, "auc" is None.
    """
    if kind == "regression":
        return {"error": 1 - r2_score(y, np.ravel(predicted)), "log_loss": None, "auc": None}
    classes = np.arange(probabilities.shape[1])
    auc = None
    if len(np.unique(y)) == len(classes):
        exact = probabilities.astype(np.float64)
        exact /= exact.sum(axis=1, keepdims=True)
        auc = roc_auc_score(y, exact[:, 1] if len(classes) == 2 else exact, multi_class="ovr", labels=classes)
    error = np.mean(np.ravel(predicted) != y)
    return {"error": float(error), "log_loss": float(log_loss(y, probabilities, labels=classes)), "auc": auc}
