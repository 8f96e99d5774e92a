"""`fastnn doctor`: what there is of fastnn here, and what is wrong with a table.

What is looked for stands in ``machine`` and ``findings``.
"""

from typing import Annotated

import typer

from fastnn.cli.options import Delimiter, Encoding, Json, Null


def doctor(
    data: Annotated[
        str | None, typer.Argument(metavar="[DATA]", help="A table to examine; - is standard input.")
    ] = None,
    target: Annotated[str | None, typer.Option(help="The column that is to be predicted.")] = None,
    delimiter: Delimiter = None,
    null: Null = None,
    encoding: Encoding = None,
    json: Json = False,
):
    """Say what fastnn has here, and of a table what may spoil a model: leaks, gaps, numbers kept as text.

    Findings are no error: the exit code is 0 where the table can be read. It is 1 where fastnn's own test fails.
    """
    from fastnn.cli import machine, output
    from fastnn.cli.mistakes import Code, Mistake, unknown

    if data is None:
        if target or delimiter or null or encoding:
            raise Mistake("--target, --delimiter, --null and --encoding are of a table; name its file: doctor DATA")
        found = {**machine.describe(), "self_test": machine.self_test()}
        output.show(found, list(_of_machine(found)), json)
        if not found["self_test"]["agree"]:
            raise typer.Exit(1)
        return
    from fastnn.cli import reading
    from fastnn.cli.findings import examine, finding

    null = tuple(null or ())
    raw = reading.joined(list(reading.raw_pieces(data, None, delimiter=delimiter, encoding=encoding)))
    frame = reading.typed(raw, null)
    if target is not None and target not in frame.columns:
        raise Mistake(unknown("column", target, frame.columns), Code.UNFIT)
    columns, findings = examine(frame, target)
    doubtful = reading.of_thousands(raw, frame.columns, null)
    findings += [finding("thousands", said, name) for name, said in doubtful.items()]
    plain = {
        "data": data, "rows": frame.height, "n_columns": frame.width, "target": target, "columns": columns,
        "findings": findings,
    }  # fmt: skip
    output.show(plain, list(_of_table(plain)), json)


def _of_machine(found):
    from fastnn.cli.output import rounded, table

    test, rows = found["self_test"], []
    for name, value in found.items():
        if name in ("self_test", "extras"):
            continue
        if name == "packages":
            value = ", ".join(f"{name} {number}" for name, number in value.items())
        elif isinstance(value, dict):
            value = ", ".join(f"{key}={one}" for key, one in value.items())
        elif isinstance(value, list):
            value = ", ".join(value)
        if value not in (None, ""):
            rows.append((name.replace("_", " "), {True: "yes", False: "no"}.get(value, rounded(value))))
    rows += [
        (f"extra {name}", "complete" if not missing else f"lacks {', '.join(missing)}")
        for name, missing in found["extras"].items()
        if missing is not None
    ]
    said = "agree" if test["agree"] else "DISAGREE: report it, with this page"
    rows.append(("self-test", f"{', '.join(test['backends'])} {said}, to {test['difference']:.1g}"))
    yield table(("", ""), rows)


def _of_table(plain):
    from fastnn.cli.output import table

    names = "column", "kind", "becomes", "levels"
    target = "" if plain["target"] is None else f", the target {plain['target']!r} among them"
    yield f"{plain['rows']:,} rows, {plain['n_columns']:,} columns{target}"
    yield ""
    yield table(
        (*names, "missing"),
        [[*map(row.get, names), f"{row['missing']:.1%}" if row["missing"] else ""] for row in plain["columns"]],
    )
    yield ""
    n = len(plain["findings"])
    yield "Nothing found" if not n else f"{n} finding{'s' if n > 1 else ''}"
    for number, one in enumerate(plain["findings"], 1):
        where = "" if one["column"] is None else f" in {one['column']!r}"
        yield f"{number}. {one['name']}{where}: {one['message']}"
