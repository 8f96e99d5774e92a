"""The weights of a network that tells three wines by their analysis, features by hidden units."""

import matplotlib.pyplot as plt
from sklearn.datasets import load_wine
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastnn import MLPClassifier
from fastnn.plots import WeightsDisplay

wine = load_wine(as_frame=True)
model = make_pipeline(StandardScaler(), MLPClassifier((8,), alpha=1.0, max_iter=1000, random_state=0))
figure, ax = plt.subplots(figsize=(5.6, 4.2), layout="constrained")
WeightsDisplay.from_estimator(model.fit(wine.data, wine.target), ax=ax)
