"""Estimators for tables as ONNX models: one graph from the columns of a table as they are to classes or numbers.

Called by ``travelling``. Each column is an input by its name; what `parts` and `moments` make of its cells is made by
operators here, in float64, and the networks of all members follow in float32, as the engine has them.
"""

import datetime
import json

import numpy as np

from fastnn.checks import cast_finite, optional
from fastnn.encodings import places
from fastnn.export.files import replacing
from fastnn.export.onnx import ROWS, label_of
from fastnn.export.onnx_activations import add_activation
from fastnn.export.onnx_graph import ML, Graph, fastnn_version, model_of
from fastnn.labels import Labels
from fastnn.tabular.moments import zone_of
from fastnn.tabular.parts import FAR, Category

#: What an integer that is missing is given as: NumPy's NaT.
NOT_A_TIME = np.array(-(2**63))

A_DAY = 86_400 * 10**6

#: What numbers and integers are, by the kind of their column.
UNITS = {"duration": "seconds", "time": "seconds since midnight", "date": "microseconds since 1970 in UTC"}


def to_onnx(model, path=None):
    """Return the ONNX model of an estimator for tables; see its ``to_onnx``."""
    with optional("to_onnx", "onnx", "onnx", extra="onnx"):
        import onnx  # noqa: F401  to say here what is missing
    table = _Table(model._columns)
    graph = Graph(np.float32, [name for name, *_ in table.inputs])
    table.add(graph)
    sums = [_add_member(graph, table, member.spec, member.parameters) for member in model.members_]
    outputs = (_classes if hasattr(model, "classes_") else _numbers)(graph, model, sums)
    described = []
    for name, result, kind, shape in outputs:
        graph.rename(result, graph.free(name))
        described.append((graph.free(name), kind, [ROWS, *shape]))
    if sum(array.nbytes for array in graph.constants.values()) > 2**31 - 2**20:
        raise ValueError("the model would be larger than the 2 GiB that an ONNX model may have; use joblib, or save")
    inputs = [(name, dtype, [ROWS, width]) for name, dtype, width, _ in table.inputs]
    takes = {name: takes for name, *_, takes in table.inputs}
    made = model_of(graph, inputs, described, {"fastnn_version": fastnn_version(), "inputs": json.dumps(takes)})
    if path is not None:
        with replacing(path) as file:
            file.write(made.SerializeToString())
    return made


class _Table:
    """The columns of a table in a graph: their inputs, and what all members share of the first layer.

    `fixed` are results (N, ·) that stand side by side, `order` the places of their numbers among the outputs of the
    first layer; `numbers` and `codes` the raw columns that each member encodes by parameters of its own.
    """

    def __init__(self, columns):
        self.encodings = columns.encodings
        used = [column for column in columns._columns if column.n_raw]
        if refused := [f"{column.name!r} ({why})" for column in used if (why := _why_not(column))]:
            raise ValueError(f"ONNX has no operators for columns of this table: {', '.join(refused[:10])}")
        self._columns, self._width = used, columns.n_columns
        self._is_array = columns.names is None and all(_dtype(column) == np.float64 for column in used)
        if self._is_array:
            self.inputs = [("X", np.dtype(np.float64), columns.n_columns, "numbers, NaN where missing")]
            self._names = ["X"] * len(used)
        else:
            self._names = [f"x{column.name}" if columns.names is None else column.name for column in used]
            self.inputs = [
                (name, _dtype(column), 1, _takes(column)) for name, column in zip(self._names, used, strict=True)
            ]

    def add(self, graph):
        """Append what becomes of all columns but by the parameters of members."""
        first = [place for _, place in places(self.encodings)]
        numbers, plain, hot, raw = [], [], [], 0
        self.codes = []
        for name, column in zip(self._names, self._columns, strict=True):
            x = graph.add("Gather", name, np.array([column.name]), axis=1) if self._is_array else name
            absent, values = _cells(graph, column, x)
            for (_, part), value in zip(column.parts, values, strict=True):
                if not isinstance(part, Category):
                    numbers.append((raw, value, part))
                else:
                    is_whole = column.kind != "date" and _dtype(column) != np.float64
                    code, encoding = _code(graph, part, value, is_whole), self.encodings[raw]
                    if encoding.kind == "plain":
                        plain.append((raw, graph.add("Gather", part.by_code, code)))
                    elif encoding.kind == "one_hot":
                        is_level = graph.add("Equal", code, np.arange(1, encoding.n + 1)[None])
                        hot.append((raw, graph.add("Cast", is_level, to=1)))
                    else:
                        self.codes.append((raw, graph.add("Reshape", code, np.array([-1]))))
                raw += 1
            if column.indicator:
                plain.append((raw, graph.add("Cast", absent, to=1)))
                raw += 1
        self.numbers = [place for place, *_ in numbers]
        z = [_bounded(graph, numbers)] if numbers else []
        self.fixed = z + [result for _, result in plain + hot]
        self.order = [first[place] for place in self.numbers]
        for place, _ in plain + hot:
            self.order += range(first[place], first[place] + self.encodings[place].n_out)
        self.is_periodic = bool(numbers) and self.encodings[numbers[0][0]].kind == "periodic"
        if self.is_periodic:
            self.z = graph.add("Unsqueeze", graph.add("Transpose", z[0], perm=[1, 0]), np.array([-1]))
            for place in self.numbers:
                self.order += range(first[place] + 1, first[place] + self.encodings[place].n_out)
        for place, _ in self.codes:
            self.order += range(first[place], first[place] + self.encodings[place].n_out)


def _why_not(column):
    """Why a column cannot go into a graph, and what to do; "" if it can."""
    for name, part in column.parts:
        if isinstance(part, Category) and len(part.are_text) == 2:
            return "its levels are text and numbers; make them text before fit, by astype(str)"
        if isinstance(part, Category) and part.are_text == {False} and max(map(abs, part.levels)) > 2**53:
            return "its levels are integers beyond 2**53; make them text before fit, by astype(str)"
        has_clock = name not in ("", "days") and column.zone is not None
        if has_clock and not isinstance(zone_of(column.zone), datetime.timezone):
            return f"clocks of {column.zone} change; give dates in UTC to fit, by dt.tz_convert('UTC')"
    if column.name == "":
        return "it has no name; give it one before fit"
    return ""


def _dtype(column):
    """What an input of ONNX is for a column."""
    part = column.parts[0][1] if column.parts else None
    if column.kind == "date" or getattr(part, "offset", 0):
        return np.dtype(np.int64)
    if not isinstance(part, Category):
        return np.dtype(np.float64)
    if True in part.are_text:
        return np.dtype(object)
    if not column.missing and all(isinstance(level, int) for level in part.levels):
        return np.dtype(bool if isinstance(part.levels[-1], bool) and len(part.levels) < 3 else np.int64)
    return np.dtype(np.float64)


def _takes(column):
    """What an input takes, in words."""
    if any("" in part.levels for _, part in column.parts if isinstance(part, Category)):
        return "text, of which '' is a level; what is none where missing"
    what = {"O": "text, '' where", "b": "truth values, none", "i": "integers, -2**63 where", "f": "numbers, NaN where"}
    words, unit = what[_dtype(column).kind] + " missing", UNITS.get(column.kind)
    return words if unit is None else unit + words[words.index(",") :]


def _cells(graph, column, x):
    """Where cells (N, 1) are missing, and the values of each part: numbers in float64, or what levels are found by."""
    dtype = _dtype(column)
    if dtype == np.float64:
        return graph.add("IsNaN", x), [x] * len(column.parts)
    if column.kind in ("category", "boolean"):
        return None, [graph.add("Cast", x, to=7) if dtype.kind == "b" else x]
    absent = graph.add("Equal", x, NOT_A_TIME)
    if column.kind == "date":
        made = _moments(graph, graph.add("Where", absent, np.array(column.reference), x), column)
        values = [made[name] for name, _ in column.parts]
    else:
        offset = column.parts[0][1].offset
        rounded = graph.add("Sub", graph.add("Cast", x, to=11), np.array(float(offset)))
        exact = graph.add("Cast", graph.add("Sub", x, np.array(offset)), to=11)
        is_near = graph.add("Less", graph.add("Abs", rounded), np.array(2.0**62))
        values = [graph.add("Where", is_near, exact, rounded)]
    return absent, [graph.add("Where", absent, np.array(np.nan), value) for value in values]


def _moments(graph, x, column):
    """What dates, microseconds since 1970 in UTC, are made of, as `moments.parts_of` has it; float64.

    Years, months and days of days are those of the Gregorian calendar from 1 March 0000 on, in eras of 400 years.
    """

    def a(op, *inputs):
        return graph.add(op, *(np.array(given) if isinstance(given, int) else given for given in inputs))

    def real(result, *divisors):
        result = graph.add("Cast", result, to=11)
        for divisor in divisors:
            result = graph.add("Div", result, np.array(divisor))
        return result

    since = real(a("Sub", x, column.reference), 1e6, 86400.0)
    zone = zone_of(column.zone) if any(name != "days" for name, _ in column.parts) and column.zone else None
    shift = 0 if zone is None else zone.utcoffset(None) // datetime.timedelta(microseconds=1)
    local = a("Add", x, shift) if shift else x
    rest = a("Mod", local, A_DAY)
    days = a("Div", a("Sub", local, rest), A_DAY)
    shifted = a("Add", days, 719_468)
    of_era = a("Mod", shifted, 146_097)
    era = a("Div", a("Sub", shifted, of_era), 146_097)
    leaps = a("Sub", a("Div", of_era, 36_524), a("Add", a("Div", of_era, 1460), a("Div", of_era, 146_096)))
    year = a("Div", a("Add", of_era, leaps), 365)
    before = a("Sub", a("Add", a("Mul", year, 365), a("Div", year, 4)), a("Div", year, 100))
    of_year = a("Sub", of_era, before)
    march = a("Div", a("Add", a("Mul", of_year, 5), 2), 153)
    day = a("Add", a("Sub", of_year, a("Div", a("Add", a("Mul", march, 153), 2), 5)), 1)
    month = a("Add", a("Mod", a("Add", march, 2), 12), 1)
    is_next = graph.add("Cast", a("Less", month, 3), to=7)
    year = a("Add", a("Add", year, a("Mul", era, 400)), is_next)
    weekday = a("Mod", a("Add", days, 3), 7)
    return {
        "days": since, "year": real(year), "month": real(month), "day": real(day), "weekday": real(weekday),
        "hour": real(rest, 1e6, 3600.0),
    }  # fmt: skip


def _code(graph, part, x, is_whole):
    """The codes (N, 1) of cells, text, int64 or else float64; 0 for what is no level."""
    codes = range(1, len(part.levels) + 1)
    if True in part.are_text:
        return graph.add(
            "LabelEncoder", x, domain=ML, keys_strings=part.levels, values_int64s=[*codes], default_int64=0
        )
    levels = np.array([part.levels], np.int64 if is_whole else np.float64)
    is_level = graph.add("Cast", graph.add("Equal", x, levels), to=7)
    return graph.add("MatMul", is_level, np.array(codes)[:, None])


def _bounded(graph, numbers):
    """Numbers (N, 1) side by side, centred, scaled and bounded, in float32; 0 where there is none."""
    values, parts = [value for _, value, _ in numbers], [part for *_, part in numbers]
    x = graph.add("Concat", *values, axis=1) if len(values) > 1 else values[0]
    z = graph.add("Sub", x, np.array([part.centre for part in parts]))
    z = graph.add("Mul", z, np.array([part.factor for part in parts]))
    z = graph.add("Clip", z, np.array(-FAR), np.array(FAR))
    third = graph.add("Div", z, np.array(3.0))
    root = graph.add("Sqrt", graph.add("Add", graph.add("Mul", third, third), np.array(1.0)))
    z = graph.add("Where", graph.add("IsNaN", x), np.array(0.0), graph.add("Div", z, root))
    return graph.add("Cast", z, to=1)


def _add_member(graph, table, spec, parameters):
    """Append what one member has of its own; return its outputs."""
    weights, biases = spec.views(parameters)
    gates, own = spec.gates_of(parameters), spec.encoding_views(parameters)
    parts = [*table.fixed]
    if table.is_periodic:
        frequencies, phases, W, b = (
            np.stack([own[place][name] for place in table.numbers]) for name in ("frequencies", "phases", "W", "b")
        )
        angles = graph.add("Add", graph.add("Mul", table.z, frequencies[:, None]), phases[:, None])
        made = graph.add("MatMul", graph.add("Cos", angles), np.ascontiguousarray(W.transpose(0, 2, 1)))
        made = graph.add("Transpose", graph.add("Add", made, b[:, None]), perm=[1, 0, 2])
        parts.append(graph.add("Reshape", made, np.array([-1, b.size])))
    parts += [graph.add("Gather", np.array(own[place]["table"]), code) for place, code in table.codes]
    h = graph.add("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]
    for l in range(2, spec.n_layers + 1):
        W = weights[l]
        if l == 2:  # the scales of the inputs are in the weights that they meet
            W = (W.astype(np.float64) * biases[1])[:, table.order]
        W, b = cast_finite(f"W[{l}]", W, np.float32), cast_finite(f"b[{l}]", biases[l], np.float32)
        z = graph.add("Gemm", h, W, np.array(b), transB=1)
        h = add_activation(graph, spec.activations[l - 1], z, len(b))
        if l in gates:
            h = graph.add("Add", z, graph.add("Mul", graph.add("Sub", h, z), np.array(gates[l])))
    return h


def _mean(graph, outputs):
    return outputs[0] if len(outputs) == 1 else graph.add("Div", graph.add("Sum", *outputs), float(len(outputs)))


def _classes(graph, model, outputs):
    h, n_out = _mean(graph, outputs), len(model.classes_)
    return [
        label_of(graph, h, Labels("multiclass", model.classes_), n_out),
        ("probabilities", graph.add("Identity", h), np.float32, [n_out]),
    ]


def _numbers(graph, model, outputs):
    def each(value):
        return np.atleast_1d(np.asarray(value, np.float64))

    y = graph.add("Cast", _mean(graph, outputs), to=11)
    y = graph.add("Add", graph.add("Mul", y, each(model._scale)), each(model._centre))
    y = graph.add("Min", graph.add("Max", y, each(model._range[0])), each(model._range[1]))
    return [("variable", y, np.float64, [model.members_[0].spec.n_out])]
