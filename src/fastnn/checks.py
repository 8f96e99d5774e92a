"""Checks of single arguments: names, counts, numbers, arrays, and extras that may not be installed.

Each returns the value in the form that the code below wants, or says what came, what was expected and what to do. What
arguments mean together is left to ``spec``, ``labels`` and the faces: nothing here knows a network.
"""

import math
import operator
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from numbers import Real

import numpy as np

from fastnn.frames import (
    column_names,
    holds_more_than_numbers,
    is_frame,
    missing_in,
    numbers_of_frame,
    numbers_of_objects,
)
from fastnn.sparse import csr_in_order, is_sparse, place_of, with_entries
from fastnn.vocabulary import meant_by

#: Types whose values do not change, and that are equal only if they mean the same.
PLAIN = frozenset({str, int, float, bool, type(None), type})


def check_name(argument, name, known):
    """Return `name` if it is one of `known`; else list them, with the one that may be meant."""
    known = list(known)
    if not isinstance(name, str):
        raise TypeError(f"{argument} must be one of {_listed(known)}, got {name!r}")
    if name in known:
        return name
    meant = meant_by(name, known)
    hint = "" if meant is None else f"; did you mean {meant!r}?"
    raise ValueError(f"unknown {argument} {name!r}: expected one of {_listed(known)}{hint}")


def check_count(argument, value, *, minimum):
    """Return an integer of at least `minimum`."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        count = int(operator.index(value))  # of a class of its own, too
    except TypeError:
        raise TypeError(f"{argument} must be an integer, got {value!r}") from None
    if count < minimum:
        raise ValueError(f"{argument} must be at least {minimum}, got {count}")
    return count


def check_flag(argument, value):
    """Return True or False; 0 and 1 will do."""
    if not isinstance(value, bool | np.bool_ | int):
        raise TypeError(f"{argument} must be True or False, got {value!r}")
    return bool(value)


def check_number(argument, value, *, low=None, above=None, below=None):
    """Return a finite float, not below `low`, greater than `above`, less than `below`, where these are given."""
    if type(value) is not float and (isinstance(value, bool | np.bool_) or not isinstance(value, Real)):
        raise TypeError(f"{argument} must be a number, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an int beyond all floats
        number = math.inf
    is_within = (low is None or number >= low) and (above is None or number > above)
    if math.isfinite(number) and is_within and (below is None or number < below):
        return number
    bounds = (("at least", low), ("greater than", above), ("less than", below))
    expected = " and ".join(["finite", *(f"{words} {bound}" for words, bound in bounds if bound is not None)])
    raise ValueError(f"{argument} must be {expected}, got {value!r}")


def check_matrix(argument, value, dtype, *, n_columns=None, columns_are="the network"):
    """Return a C-contiguous (n_rows, n_columns) array of `dtype`, finite and not empty; a copy only where needed."""
    is_whole = is_plain(value, dtype) and value.ndim == 2 and value.size and n_columns in (None, value.shape[1])
    if is_whole and all_finite(value):  # nothing to explain, which takes most of the time of a small array
        return value
    array = as_numbers(argument, value)
    _check_shape(argument, array.shape, n_columns, columns_are)
    return cast_finite(argument, array, dtype, partial(_where, names=column_names(value)))


def all_finite(array):
    """Whether all numbers are finite; of a few in a third of the time that ``all`` takes."""
    return b"\0" not in np.isfinite(array).tobytes()


def is_plain(value, dtype):
    """Whether this is an array, of no subclass, that the engine can read as it is; its shape and numbers are open."""
    if type(value) is not np.ndarray or value.dtype != dtype:
        return False
    flags = value.flags
    return flags.c_contiguous and flags.aligned


def check_rows(argument, value, dtype, n_columns):
    """Return what goes into the first layer: an array as `check_matrix` has it, or CSR rows."""
    columns_are = "the first layer"
    if not is_sparse(value):
        return check_matrix(argument, value, dtype, n_columns=n_columns, columns_are=columns_are)
    if value.dtype.kind not in "biuf":
        raise TypeError(
            f"{argument} must hold real numbers, got a sparse matrix of dtype {value.dtype}; "
            f"convert it first, for example with {argument}.astype(float)"
        )
    _check_shape(argument, value.shape, n_columns, columns_are)
    csr = csr_in_order(argument, value)
    entries = cast_finite(argument, csr.data, dtype, lambda place: _where(place_of(csr, *place)))
    return with_entries(csr, entries)


def check_sample_weight(value, n_samples, dtype, argument="sample_weight"):
    """Return the weights of the samples, (n_samples,), none negative and not all zero, as shares of the largest.

    Only their ratios count; as shares their sums can neither overflow nor vanish. None where all are the same.
    """
    array = as_numbers(argument, value)
    if array.shape != (n_samples,):
        raise ValueError(f"{argument} must have one entry per row of X, shape ({n_samples},); got {array.shape}")
    array = cast_finite(argument, array, np.float64)
    if (array < 0).any():
        raise ValueError(f"{argument}[{int(np.argmax(array < 0))}] is negative; weights must be at least 0")
    if not array.any():
        raise ValueError(f"{argument} is zero for every row, so there is nothing to learn from")
    shares = (array / array.max()).astype(dtype)
    return None if (shares == 1).all() else shares


def as_numbers(argument, value):
    """Return `value` as an array of real numbers, whatever its shape."""
    array = as_array(argument, value)
    if is_frame(value) and (array.dtype.kind not in "biuf" or holds_more_than_numbers(value)):
        return numbers_of_frame(argument, value)
    if array.dtype.kind in "biuf":
        return array
    if array.dtype.kind == "O" and (place := missing_in(array)) is not None and array.ndim > 0:
        raise ValueError(f"{argument} has {array[place]!r} in {_where(place)}; fill or drop such rows first")
    what = f"an array of dtype {array.dtype}" if array.ndim else f"{value!r:.60}"
    raise TypeError(
        f"{argument} must hold real numbers, got {what}; "
        "convert it first, for example with numpy.asarray(..., dtype=float)"
    )


def as_array(argument, value):
    """Return `value` as an array; refuse what would lose something on the way: sparse, masked and ragged data.

    Python's numbers among objects, such as integers beside booleans in a frame's values, become NumPy's.
    """
    if type(value) is np.ndarray and value.dtype.kind != "O":
        return value
    if value is None:
        raise TypeError(f"{argument} must hold real numbers, got None")
    if isinstance(value, Iterator):
        raise TypeError(
            f"{argument} is a {type(value).__name__}, which can be read only once; pass a list: list({argument})"
        )
    if is_sparse(value):
        raise TypeError(
            f"{argument} is a sparse matrix ({type(value).__name__}), which only the X of fastnn.train and of networks "
            f"may be; pass a dense array: {argument}.toarray()"
        )
    if isinstance(value, np.ma.MaskedArray) and np.ma.getmaskarray(value).any():
        raise TypeError(f"{argument} has masked entries; fill or drop them first, for example with {argument}.filled()")
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{argument} cannot be made an array: {error}") from None
    if array.dtype.kind == "O" and array.ndim > 0 and (numbers := numbers_of_objects(array)) is not None:
        return numbers
    return array


def cast_finite(argument, array, dtype, where=None):
    """Return a C-contiguous copy (or the array itself) in `dtype`; NaN and infinity are named by their place.

    `where` puts a place into words, if rows and columns are not what it is.
    """
    if array.dtype == dtype:
        cast = np.require(array, requirements="CA")
    else:
        with np.errstate(over="ignore"):  # what overflows is named below
            cast = np.require(array, dtype, "CA")
    if (finite := np.isfinite(cast)).all():
        return cast
    place = tuple(int(i) for i in np.argwhere(~finite)[0])
    value, in_words = array[place], (where or _where)(place)
    if np.isfinite(value):
        raise ValueError(f"{argument} has {value} in {in_words}, which is beyond the range of {np.dtype(dtype)}")
    raise ValueError(f"{argument} has {value} in {in_words}; fill or drop such rows first")


@contextmanager
def optional(caller, what, *packages, extra, only=()):
    """Say how to install what an extra brings, or of that `only` some, where one of `packages` is missing inside."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in packages:
            raise
        from fastnn.distribution import install_command

        command = install_command(extra, only)
        raise ImportError(f"{caller} needs {what}" + (f"; install it: {command}" if command else "")) from error


def _check_shape(argument, shape, n_columns, columns_are):
    """Refuse what is no matrix, or an empty one, or not of so many columns, where these are known."""
    if len(shape) != 2:
        advice = ""
        if len(shape) == 1:
            advice = f"; for one row use {argument}.reshape(1, -1), for one column {argument}.reshape(-1, 1)"
        elif len(shape) == 0:
            advice = f"; for one row of one number use [[{argument}]]"
        raise ValueError(f"{argument} must have 2 dimensions, got {len(shape)} (shape {shape}){advice}")
    if shape[0] == 0 or shape[1] == 0:
        raise ValueError(f"{argument} is empty: its shape is {shape}")
    if n_columns is not None and shape[1] != n_columns:
        raise ValueError(f"{argument} has {shape[1]} columns, but {columns_are} has {n_columns}; its shape is {shape}")


def _where(place, names=None):
    row, *column = place
    return f"row {row}" + (f", column {column[0] if names is None else repr(names[column[0]])}" if column else "")


def _listed(names):
    return ", ".join(map(repr, names))


def refuse_sklearn(objective, backend):
    """Say that a backend has no other way to report than the objective itself."""
    if objective.as_sklearn:
        raise ValueError(
            f"backend={backend!r} does not report what scikit-learn does; use backend='numpy' or backend='simd'"
        )


def refuse_several(objective, backend):
    """Say that a backend does not have several quantiles."""
    if objective.quantiles:
        raise ValueError(
            f"backend={backend!r} has no loss of several quantiles; use backend='numpy', backend='simd' or 'auto'"
        )


def refuse_heads(network, backend):
    """Say that a backend does not have several heads."""
    if network.blocks:
        raise ValueError(
            f"backend={backend!r} has no networks of several heads; use backend='numpy', backend='simd' or 'auto'"
        )


def refuse_encodings(network, backend):
    """Say that a backend does not have networks whose first layer are encodings."""
    if network.encodings:
        raise ValueError(f"backend={backend!r} has no encodings; use backend='numpy', backend='simd' or 'auto'")
