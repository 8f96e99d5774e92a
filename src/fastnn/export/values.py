"""Python's values as JSON and arrays, and back with their types: parameters, curves, classes; no code among them.

Called by those who write and read fastnn's files. Every JSON object has an entry that says what it stands for, so that
nothing is guessed; what no tag stands for cannot be carried, and a reader makes nothing else.
"""

import re

import numpy as np

from fastnn import schedules
from fastnn.heads import Head
from fastnn.portable import ModelFormatError, check_entries

#: dtypes of numbers that are written, and of arrays of one dimension that may hold words.
NUMBERS = re.compile(r"[|<>](?:b1|[iu][1248]|f[248])")
DTYPES = re.compile(rf"{NUMBERS.pattern}|[<>|][US]\d{{1,7}}|\|O")

#: From this length on a list of floats is an array in the file.
LONG = 16

#: Characters that an array of words, all as wide as the longest, may have beside some times their own.
ROOM = 2**24

#: A RandomState's numbers; a position beyond them would be read.
N_KEYS = 624


class Arrays(dict):
    """The arrays of a file by name, of which each is taken once."""

    def take(self, name):
        """Return an array, still mapped, that nobody else has taken."""
        if not isinstance(name, str) or name not in self:
            raise ModelFormatError(f"there is no array {name!r:.60}, or it stands for two things; it is damaged")
        return self.pop(name)

    def check_all_taken(self):
        """Refuse arrays that nothing stands for."""
        if self:
            raise ModelFormatError(f"it has arrays that nothing asks for: {', '.join(map(repr, self))[:200]}")


def to_json(value, arrays, name):
    """Return what JSON can hold of a value; arrays of numbers go into `arrays`, by names that begin with `name`.

    Raises
    ------
    TypeError
        If it is, or holds, something that is not carried.
    """

    def of(part, place):
        return to_json(part, arrays, f"{name}.{place}")

    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind in (list, tuple):
        if kind is list and len(value) >= LONG and all(type(number) is float for number in value):
            arrays[name] = np.array(value)
            return {"floats": name}
        parts = [of(part, place) for place, part in enumerate(value)]
        return parts if kind is list else {"tuple": parts}
    if kind is dict:
        return {"dict": [[of(key, f"{i}.key"), of(part, i)] for i, (key, part) in enumerate(value.items())]}
    if isinstance(value, np.generic) and NUMBERS.fullmatch(value.dtype.str):
        return {"scalar": value.dtype.str, "value": value.item()}
    if kind is np.str_:
        return {"scalar": "str", "value": str(value)}
    if kind in (np.ndarray, np.memmap):
        if NUMBERS.fullmatch(value.dtype.str):
            arrays[name] = value.astype(value.dtype.newbyteorder("="), copy=False)
            return {"array": name}
        return listed(value)
    if isinstance(value, schedules.Schedule) and kind.__name__ in schedules.__all__:
        return {"schedule": kind.__name__, "parameters": of(dict(vars(value)), "schedule")}
    if kind is Head:
        return {"head": of(dict(vars(value)), "head")}
    if kind is np.random.RandomState and (state := value.get_state(legacy=False))["bit_generator"] == "MT19937":
        arrays[name] = state["state"]["key"]
        return {"random_state": name, "pos": int(state["state"]["pos"]), "gauss": [state["has_gauss"], state["gauss"]]}
    raise TypeError(f"a {kind.__name__} is no value that a file of fastnn holds: {value!r:.60}")


def from_json(value, arrays):
    """Return the value that JSON and arrays stand for.

    Raises
    ------
    ModelFormatError, TypeError, ValueError
        If it is nothing that `to_json` makes.
    """
    if not isinstance(value, dict):
        return [from_json(part, arrays) for part in value] if isinstance(value, list) else value
    for tag, make in MAKERS.items():
        if tag in value:
            return make(value, arrays)
    raise ModelFormatError(f"{value!r:.60} stands for nothing that is known; it is damaged, or of a newer fastnn")


def values_to_json(values, arrays, what, left_out):
    """Return values by name as JSON can hold them; the names of those that it cannot go into the list `left_out`."""
    held = {}
    for name, value in values.items():
        own = {}
        try:
            held[name] = to_json(value, own, f"{what}.{name}")
            arrays.update(own)
        except (TypeError, ValueError, RecursionError):
            left_out.append(name)
    return held


def values_from_json(what, plain, names, arrays):
    """Return values by name, none of which is unknown; what an older fastnn did not write is missing."""
    if not isinstance(plain, dict):
        raise ModelFormatError(f"{what} must be a dict, got {plain!r:.60}")
    check_entries(what, plain, [name for name in names if name in plain])
    return {name: from_json(value, arrays) for name, value in plain.items()}


def listed(array):
    """Return a one-dimensional array as a dtype and a list; its dtype comes back, and the types of objects."""
    dtype = array.dtype.str
    values = array.tolist()
    words = [v.decode("latin-1") if isinstance(v, bytes) else v for v in values] if array.ndim == 1 else []
    plain = array.ndim == 1 and all(type(v) in (bool, int, float, str, type(None)) for v in words)
    if not plain or not DTYPES.fullmatch(dtype):
        raise TypeError(f"an array of {array.dtype} of shape {array.shape} is no list of numbers or words")
    if array.dtype.kind in "US":  # no wider than a reader takes
        widest, longest = _widest(words), max(map(len, words), default=0)
        if longest > widest:
            raise TypeError(f"{len(words)} words that all take the {longest} characters of the longest are too large")
        dtype = np.dtype(f"{dtype[:2]}{min(int(dtype[2:]), widest)}").str
    return {"dtype": dtype, "values": words}


def array_listed(plain):
    """Return the array of a dtype and a list."""
    check_entries("a list of values", plain, ("dtype", "values"))
    name, values = plain["dtype"], plain["values"]
    if not isinstance(name, str) or not DTYPES.fullmatch(name) or not isinstance(values, list):
        raise ModelFormatError(f"{plain!r:.60} is no dtype and a list of its values; it is damaged")
    dtype = np.dtype("O") if name == "|O" else None
    given = values
    if name[1] in "US":
        if not all(type(v) is str for v in values) or int(name[2:]) > _widest(values):
            raise ModelFormatError(f"values of {name} are no words, or not nearly as long: {values!r:.60}")
        given = [v.encode("latin-1") for v in values] if name[1] == "S" else values
    with np.errstate(all="ignore"):
        array = np.empty(len(values), dtype or np.dtype(name))
        array[:] = given
    if dtype is None:
        if repr(array.tolist()) != repr(given):
            raise ModelFormatError(f"values of {name} are none of these: {values!r:.60}")
    elif not all(type(v) in (bool, int, float, str, type(None)) for v in values):
        raise ModelFormatError(f"objects must be numbers or words, got {values!r:.60}")
    return array


def _widest(words):
    """How wide an array of words may be, so that it takes little more than they do."""
    lengths = [*map(len, words)] or [0]
    return min(64 + 16 * max(lengths), (ROOM + 16 * sum(lengths)) // len(lengths))


def _numbers(plain, arrays, entry):
    check_entries("an array", plain, (entry,))
    return np.array(arrays.take(plain[entry]))


def _floats(plain, arrays):
    array = _numbers(plain, arrays, "floats")
    if array.dtype != np.float64 or array.ndim != 1:
        raise ModelFormatError(f"floats are an array of {array.dtype} of shape {array.shape}; it is damaged")
    return array.tolist()


def _parts(plain, entry):
    check_entries(f"a {entry}", plain, (entry,))
    if not isinstance(plain[entry], list):
        raise ModelFormatError(f"a {entry} must be a list of its parts, got {plain[entry]!r:.60}")
    return plain[entry]


def _dict(plain, arrays):
    pairs = _parts(plain, "dict")
    if not all(isinstance(pair, list) and len(pair) == 2 for pair in pairs):
        raise ModelFormatError(f"a dict must be a list of pairs, got {pairs!r:.60}")
    made = {from_json(key, arrays): from_json(part, arrays) for key, part in pairs}
    if len(made) != len(pairs):
        raise ModelFormatError(f"a key stands twice in {pairs!r:.60}")
    return made


def _scalar(plain, arrays):
    check_entries("a number", plain, ("scalar", "value"))
    if plain["scalar"] == "str" and type(plain["value"]) is str:
        return np.str_(plain["value"])
    if plain["scalar"] == "str" or not NUMBERS.fullmatch(str(plain["scalar"])):
        raise ModelFormatError(f"{plain!r:.60} is no number of NumPy's")
    return array_listed({"dtype": plain["scalar"], "values": [plain["value"]]})[0]


def _schedule(plain, arrays):
    check_entries("a schedule", plain, ("schedule", "parameters"))
    if plain["schedule"] not in schedules.__all__:
        raise ModelFormatError(f"unknown schedule {plain['schedule']!r:.60}: expected one of {schedules.__all__}")
    return _made(getattr(schedules, plain["schedule"]), plain["parameters"], arrays)


def _head(plain, arrays):
    check_entries("a head", plain, ("head",))
    return _made(Head, plain["head"], arrays)


def _made(kind, plain, arrays):
    """One of the values of which the parameters are data; its class checks them."""
    parameters = from_json(plain, arrays)
    if not isinstance(parameters, dict) or not all(isinstance(name, str) for name in parameters):
        raise ModelFormatError(f"parameters must be a dict, got {parameters!r:.60}")
    try:
        return kind(**parameters)
    except (TypeError, ValueError) as error:
        raise ModelFormatError(f"{kind.__name__}: {error}; it is damaged, or of a newer fastnn") from error


def _random_state(plain, arrays):
    check_entries("a random state", plain, ("random_state", "pos", "gauss"))
    key, pos, gauss = arrays.take(plain["random_state"]), plain["pos"], plain["gauss"]
    is_key = key.dtype == np.uint32 and key.shape == (N_KEYS,)
    is_gauss = isinstance(gauss, list) and len(gauss) == 2 and type(gauss[0]) is int and type(gauss[1]) is float
    if not (is_key and is_gauss and gauss[0] in (0, 1) and type(pos) is int and 0 <= pos <= N_KEYS):
        raise ModelFormatError("a random state is not that of NumPy's RandomState; it is damaged")
    made = np.random.RandomState(0)
    made.set_state(("MT19937", np.array(key), pos, *gauss))
    return made


#: The entry by which an object of JSON is known -> what makes the value of it.
MAKERS = {
    "tuple": lambda plain, arrays: tuple(from_json(part, arrays) for part in _parts(plain, "tuple")),
    "dict": _dict,
    "scalar": _scalar,
    "array": lambda plain, arrays: _numbers(plain, arrays, "array"),
    "floats": _floats,
    "dtype": lambda plain, arrays: array_listed(plain),
    "schedule": _schedule,
    "head": _head,
    "random_state": _random_state,
}
