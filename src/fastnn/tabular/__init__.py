"""TabularClassifier and TabularRegressor: a table as it is in, good answers out."""

from fastnn.tabular.classifier import TabularClassifier
from fastnn.tabular.regressor import TabularRegressor

__all__ = ["TabularClassifier", "TabularRegressor"]
