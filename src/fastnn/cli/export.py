"""`fastnn export`: a model as ONNX or as C, by the methods of the library."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from fastnn.cli.options import Force, Json, ModelFile


class Format(StrEnum):
    """What a model may be exported to."""

    ONNX = "onnx"
    C = "c"


def export(
    model: ModelFile,
    to: Annotated[Format, typer.Option(help="ONNX for other runtimes, or one file of C that needs nothing.")],
    out: Annotated[Path, typer.Option(help="The file to write.")],
    force: Force = False,
    json: Json = False,
):
    """Write a model as ONNX or C, and say what its inputs are called."""
    from fastnn.cli import output
    from fastnn.cli.mistakes import of_data, of_model, of_writing
    from fastnn.cli.writing import check_out
    from fastnn.export.models import load

    check_out(out, force, model)
    with of_model(model):
        loaded = load(model)
    with of_data(), of_writing(out):
        plain = _onnx(loaded, out) if to is Format.ONNX else _c(loaded, out)
    plain = {"model": model, "format": to.value, "file": str(out), "bytes": out.stat().st_size, **plain}
    human = [f"{out}: {plain['bytes']:,} bytes", ""]
    human.append(output.table(("input", "type", "takes"), [row.values() for row in plain["inputs"]]))
    if to is Format.ONNX:
        human += ["", output.table(("output", "type"), [row.values() for row in plain["outputs"]])]
    else:
        human += ["", f"{plain['function']}(inputs, outputs); tables of {plain['table_bytes']:,} bytes"]
    output.show(plain, human, json)


def _onnx(model, path):
    from json import loads

    made = model.to_onnx(path)
    takes = {entry.key: entry.value for entry in made.metadata_props}.get("inputs")
    takes = loads(takes) if takes else {}
    return {
        "inputs": [
            {"name": one.name, "type": _type(one), "takes": takes.get(one.name, "")} for one in made.graph.input
        ],
        "outputs": [{"name": one.name, "type": _type(one)} for one in made.graph.output],
    }


def _type(value):
    """The type of an input or output as NumPy calls it, with its shape."""
    import onnx

    tensor = value.type.tensor_type
    dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
    shape = ", ".join(str(size.dim_param or size.dim_value) for size in tensor.shape.dim)
    name = "string" if dtype.kind == "O" else dtype
    return f"{name}[{shape}]"


def _c(model, path):
    written = model.to_c(path)
    columns = getattr(model, "columns_", None)
    if columns is not None:
        inputs = [(row["column"], _takes(row)) for row in columns]
    else:
        network = model if hasattr(model, "feature_names") else getattr(model, "members_", [model])[0].network_
        inputs = [(name, "a number") for name in network.feature_names or range(network.layer_sizes[0])]
    return {
        "function": f"{path.stem}_predict",
        "inputs": [
            {"name": f"inputs[{i}]", "type": "double", "takes": f"{name}: {takes}"}
            for i, (name, takes) in enumerate(inputs)
        ],
        "table_bytes": written.table_bytes,
        "ram_bytes": written.ram_bytes,
    }


def _takes(row):
    if not row["becomes"]:
        return "not read"
    return {"duration": "seconds", "time": "seconds since midnight"}.get(
        row["kind"], "a number"
    ) + ", NaN where missing"
