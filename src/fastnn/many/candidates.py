"""The settings that a search tries, from whatever says them: a grid, as scikit-learn's, or settings one by one."""

from collections.abc import Mapping

import numpy as np
from sklearn.model_selection import ParameterGrid


def candidates_of(param_grid):
    """Return the settings, and a grid of scikit-learn's that is these.

    Parameters
    ----------
    param_grid : dict, list of dict, or iterable of dict
        A dict, or a list of dicts, of lists of values: a grid, as of GridSearchCV. Anything else that gives dicts, such
        as ParameterSampler, and a list in which a value is no list: one dict of values a setting.

    Returns
    -------
    candidates : list of dict
    grid : dict or list of dict

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If there are none.
    """
    if not isinstance(param_grid, Mapping):
        try:
            settings = list(param_grid)
        except TypeError:
            settings = [param_grid]
        if wrong := [value for value in settings if not isinstance(value, Mapping)]:
            raise TypeError(
                f"param_grid has {wrong[0]!r:.60}, expected a dict of lists of values, a list of such dicts, or an "
                "iterable of settings, for example ParameterSampler(...)"
            )
        is_grid = isinstance(param_grid, list | tuple) and all(map(_is_list, _values(settings)))
        param_grid = settings if is_grid else [{name: [value] for name, value in one.items()} for one in settings]
        if not settings:
            raise ValueError("param_grid has no settings; to cross-validate a model as it is, leave param_grid out")
        if not is_grid:
            return list(map(dict, settings)), param_grid
    return list(ParameterGrid(param_grid)), param_grid


def _values(settings):
    return (value for one in settings for value in one.values())


def _is_list(value):
    return isinstance(value, list | tuple | np.ndarray)
