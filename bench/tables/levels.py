"""Categories of few levels, for trees that take only so many."""

from sklearn.base import BaseEstimator, TransformerMixin


class FewLevels(TransformerMixin, BaseEstimator):
    """Make the rarest levels of columns with more than `most` one level, "other"; leave other columns alone.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most):
        self.most = most

    def fit(self, X, y=None):
        words = X.select_dtypes("category")
        counts = {name: words[name].value_counts() for name in words if len(words[name].cat.categories) > self.most}
        self.common_ = {name: count.index[: self.most - 1] for name, count in counts.items()}
        return self

    def transform(self, X):
        for name, common in self.common_.items():
            is_rare = X[name].notna() & ~X[name].isin(common)
            X = X.assign(**{name: X[name].astype(object).mask(is_rare, "other").astype("category")})
        return X
