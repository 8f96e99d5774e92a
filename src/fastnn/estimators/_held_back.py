"""The rows that early stopping holds back: scikit-learn's split, but never rows that weigh nothing."""

import numpy as np


def split(n_rows, weight, labels, fraction, random_state, draw=None):
    """Return the rows to learn from, and those held back.

    Parameters
    ----------
    n_rows : int
    weight : ndarray of shape (n_rows,), or None
    labels : ndarray of shape (n_rows,), or None
        Of two classes, the shares of which are kept.
    fraction : float
        Of the rows, to be held back.
    random_state : numpy.random.RandomState
    draw : ndarray of shape (n_rows,), or None
        Which row of the whole each is: one that was drawn several times is learned from or held back, never both.

    Raises
    ------
    ValueError
        If there are too few rows.
    """
    from sklearn.model_selection import train_test_split  # late: half of the time that the import takes

    if draw is not None:
        _, first, place = np.unique(draw, return_index=True, return_inverse=True)
        weight, labels = (None if one is None else one[first] for one in (weight, labels))
        parts = split(len(first), weight, labels, fraction, random_state)
        return tuple(np.flatnonzero(np.isin(place, part)) for part in parts)
    if labels is None:
        strata = None
    else:  # scikit-learn's networks stratify by truth values, and its messages name these
        classes, position = np.unique(labels, return_inverse=True)
        strata = np.where(position == 1, "True", "False")

    def draw(rows, size, which=""):
        stratify = None if strata is None else strata[rows]
        try:
            return train_test_split(rows, random_state=random_state, test_size=size, stratify=stratify)
        except ValueError as error:
            if strata is None or len(classes) < 2:
                raise
            no, yes = classes.tolist()
            raise ValueError(f"{error} ({which}'False' is the label {no!r}, 'True' is {yes!r})") from None

    rows = np.arange(n_rows, dtype=np.intp)
    training, held_back = draw(rows, fraction)
    if len(held_back) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    if weight is None or (weight[training].sum() and weight[held_back].sum()):
        return training, held_back
    # A score is a mean by weight. There is none here, or nothing to learn from: split the rows that weigh something.
    weighty, others = rows[weight != 0], rows[weight == 0]
    if len(weighty) <= len(held_back):
        raise ValueError(
            f"early_stopping=True holds back {len(held_back)} rows, but only {len(weighty)} of {n_rows} rows have a "
            "weight other than 0. Change 'validation_fraction', or use more rows."
        )
    which = f"of the {len(weighty)} rows whose weight is not 0, out of {n_rows}; "
    training, held_back = draw(weighty, len(held_back), which)
    return np.concatenate([training, others]), held_back
