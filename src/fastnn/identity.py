"""What a training is of, in words that can be kept and compared: its settings, and its data by their digests.

Asked by both faces where checkpoints are kept: a training goes on from those of the same one alone.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import fields, is_dataclass
from hashlib import sha256
from numbers import Real

import numpy as np

from fastnn.sparse import is_sparse


def in_words(value):
    """Return words for a setting: the same where it means the same, in this process or in another.

    Parameters
    ----------
    value : object
        Numbers, strings, arrays, sparse matrices, whatever holds these (lists, sets, mappings), dataclasses,
        functions. Of a function it is the name, and of a generator of random numbers the kind.

    Returns
    -------
    words : str

    Raises
    ------
    TypeError
        For what can be read only once, and says nothing any more.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, str | Real):
        return repr(value)
    if isinstance(value, np.ndarray) or is_sparse(value):
        return _of_array(value)
    if is_dataclass(value) and not isinstance(value, type):
        own = (f"{field.name}={in_words(getattr(value, field.name))}" for field in fields(value))
        return f"{type(value).__name__}({', '.join(own)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{in_words(key)}: {in_words(entry)}' for key, entry in value.items()))}}}"
    if isinstance(value, Iterator):
        raise TypeError(f"{value!r:.60} can be read only once, so a checkpoint cannot tell what it held; pass a list")
    if isinstance(value, Iterable) and not hasattr(value, "__qualname__"):
        parts = map(in_words, value)
        return f"[{', '.join(sorted(parts) if isinstance(value, Set) else parts)}]"
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return f"a {type(value).__name__}"
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _of_array(array):
    """Shape, dtype and digest of an array, or of CSR rows."""
    parts = (array.indptr, array.indices, array.data) if is_sparse(array) else (array,)
    found = sha256()
    for part in parts:
        is_text = part.dtype.kind in "OUS"
        found.update(repr(part.tolist()).encode() if is_text else np.ascontiguousarray(part).view(np.uint8))
    shape = " x ".join(map(str, array.shape))
    return f"{'sparse ' if is_sparse(array) else ''}{shape} {array.dtype}, digest {found.hexdigest()[:16]}"


def check_is_same(was, now, where):
    """Refuse to go on with another training.

    Parameters
    ----------
    was, now : dict of str to str
        Name -> words.
    where : str
        What keeps the checkpoints.

    Raises
    ------
    ValueError
        That names the first that differs, what it was, and what came.
    """
    for name in [*was, *now]:
        if was.get(name) != now.get(name):
            raise ValueError(
                f"the checkpoints in {where!r} are of a training with {name}: {was.get(name, 'nothing')}, but now it "
                f"is {now.get(name, 'nothing')}; go on with what it was, or use another folder"
            )
