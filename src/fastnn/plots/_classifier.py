"""A network as a classifier of scikit-learn, for its boundary display; imported when one is drawn."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from fastnn.labels import decode


class NetworkClassifier(ClassifierMixin, BaseEstimator):
    """What a boundary display asks for: ``classes_``, and ``predict``, which returns some of them.

    Parameters
    ----------
    network : Network
    """

    def __init__(self, network):
        if network._labels.kind == "multilabel":
            raise ValueError("the network gives several labels to a point, which has no one region")
        if network.heads:
            raise ValueError("the network has several heads, so that a point has no one region")
        self.network = network
        n_out = network.layer_sizes[-1]
        self.classes_ = np.arange(max(n_out, 2)) if network.classes is None else network.classes
        self.n_features_in_ = network.layer_sizes[0]

    def fit(self, X, y=None):
        """Return it as it is: the network has learned already."""
        return self

    def predict(self, X):
        """Return the class of each row of X (n_samples, 2)."""
        outputs = self.network(X)
        return decode("multiclass" if outputs.shape[1] > 1 else "binary", outputs, self.classes_)
