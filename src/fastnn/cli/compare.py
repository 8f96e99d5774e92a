"""`fastnn compare`: a constant, a linear model, boosted trees and fastnn on the same splits of a table.

What is measured, and how, stands in ``comparing``.
"""

import sys
from typing import Annotated

import typer

from fastnn.cli import options


def compare(
    data: options.Data,
    target: options.Target,
    task: options.Task = None,
    splits: Annotated[int, typer.Option(min=2, help="Parts of the rows, each of which is predicted once.")] = 3,
    hidden: options.Hidden = None,
    members: options.Members = None,
    preset: options.Preset = "default",
    groups: options.Groups = None,
    drop: options.Drop = None,
    max_rows: options.MaxRows = None,
    n_jobs: Annotated[int, typer.Option(min=1, help="Threads of each method.")] = 1,
    seed: options.Seed = 0,
    delimiter: options.Delimiter = None,
    null: options.Null = None,
    encoding: options.Encoding = None,
    json: options.Json = False,
):
    """Say who predicts a table best: a linear model, boosted trees or fastnn, on the same splits.

    The linear model and the trees are scikit-learn's, categories and gaps prepared as usual, all with their defaults.
    """
    options.one_of("--task", task, (None, "classes", "numbers"))
    options.one_of("--preset", preset, ("fast", "default", "best"))
    from fastnn.cli import learning, mistakes, output, sampling
    from fastnn.cli.comparing import compared, without_rare

    raw, n_rows = sampling.rows_of(data, max_rows, seed, delimiter=delimiter, encoding=encoding)
    lesson = learning.lesson_of(raw, target, task=task, groups=groups, drop=options.names(drop), null=tuple(null or ()))
    plain = {
        "data": data, "target": target, "task": lesson.task, "splits": splits, "rows_of_file": n_rows,
        "without_target": lesson.n_without,
    }  # fmt: skip
    if lesson.task == "classes":
        lesson, plain["rare"] = without_rare(lesson, splits)
    ours = learning.estimator_of(
        lesson.task, preset=preset, n_members=members, n_jobs=n_jobs, random_state=seed,
        hidden_layer_sizes=None if hidden is None else learning.sizes_of(hidden),
    )  # fmt: skip
    plain["rows"] = lesson.X.height
    with mistakes.of_data():
        plain["methods"], plain["verdicts"] = compared(
            lesson.X, lesson.y, ours, n_splits=splits, groups=lesson.groups, n_jobs=n_jobs, seed=seed, tell=_tell
        )
    output.show(plain, list(_for_people(plain)), json)


def _tell(name):
    """Say to who waits at a terminal which method it is the turn of."""
    from fastnn.cli import output

    if sys.stderr.isatty():
        output.note(f"{name} …")


def _for_people(plain):
    from fastnn.cli.output import score_name, table

    left = f", {plain['without_target']:,} without a target left out" if plain["without_target"] else ""
    rare = plain.get("rare") or {}
    left += "".join(f"; the class {label!r} left out ({n} rows, fewer than splits)" for label, n in rare.items())
    yield f"{plain['target']!r} ({plain['task']}) of {plain['rows']:,} rows, {plain['splits']} splits{left}"
    yield ""
    scores = [*plain["methods"][0]["scores"]]
    rows = []
    for method in plain["methods"]:
        shown = [f"{method['scores'][score]['mean']:.4f} ± {method['scores'][score]['std']:.4f}" for score in scores]
        seconds = (_short(method["fit_seconds"], "s"), _short(1e6 * method["predict_seconds_a_row"], "µs"))
        rows.append((method["name"], *shown, *seconds))
    yield table(("", *map(score_name, scores), "to fit", "to predict a row"), rows)
    yield ""
    for verdict in plain["verdicts"]:
        words = "more than" if verdict["above_spread"] else "not more than"
        yield (
            f"best by {score_name(verdict['score'])}: {verdict['best']}, by {verdict['difference']:.4f} before "
            f"{verdict['second']}; that is {words} it varies between the splits ({verdict['spread']:.4f})"
        )
    for method in plain["methods"]:
        for note in method["notes"]:
            yield f"{method['name']}: {note}"


def _short(number, unit):
    return f"{number:,.0f} {unit}" if number >= 10 else f"{max(number, 0.01):.2g} {unit}"
