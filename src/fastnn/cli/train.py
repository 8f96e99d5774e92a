"""``fastnn train``: a model of a table, in a file, and what was learned."""

import signal
import sys
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Annotated

import typer

from fastnn.cli import options, output
from fastnn.cli.mistakes import Code, Mistake


def train(
    data: options.Data,
    target: options.Target,
    out: Annotated[str, typer.Option(metavar="MODEL", help="The file to write, such as model.fastnn.")],
    task: options.Task = None,
    hidden: options.Hidden = None,
    members: options.Members = None,
    time_limit: options.TimeLimit = None,
    preset: options.Preset = "default",
    weight: options.Weight = None,
    groups: options.Groups = None,
    drop: options.Drop = None,
    test: Annotated[
        str | None, typer.Option(metavar="SHARE|FILE", help="Rows to score the model by, such as 0.2, or their file.")
    ] = None,
    importances: Annotated[
        bool, typer.Option("--importances", help="Measure how much the model needs each column.")
    ] = False,
    max_rows: options.MaxRows = None,
    n_jobs: options.Jobs = None,
    seed: options.Seed = 0,
    progress: options.Progress = None,
    delimiter: options.Delimiter = None,
    null: options.Null = None,
    encoding: options.Encoding = None,
    force: options.Force = False,
    json: options.Json = False,
):
    """Learn from a table to predict one of its columns, and save the model.

    A Ctrl-C ends the training early: what has been learned by then is saved.
    """
    from fastnn.cli import writing

    writing.check_out(out, force, data, *filter(None, [test]))
    options.one_of("--task", task, (None, "classes", "numbers"))
    options.one_of("--preset", preset, ("fast", "default", "best"))
    with _interrupts() as interrupted:
        from fastnn.cli import learning, models, training

        null, how = tuple(null or ()), {"delimiter": delimiter, "encoding": encoding}
        estimator = {
            "preset": preset, "n_members": members, "time_limit": time_limit, "n_jobs": n_jobs, "random_state": seed,
            "importances": importances, "hidden_layer_sizes": None if hidden is None else learning.sizes_of(hidden),
            "progress": _shows_bar(progress),
        }  # fmt: skip
        asked = {"task": task, "weight": weight, "groups": groups, "drop": options.names(drop), "null": null}
        rows = training.rows_for(data, target, test, seed, max_rows, how, **asked)
        for line in rows.notes:
            output.note(line)
        model = learning.estimator_of(rows.lesson.task, **estimator)
        seconds = training.fit(model, rows.lesson)
    n_bytes = models.save(model, out, target, null)
    plain = {
        "model": out, "bytes": n_bytes, "target": target, "interrupted": bool(interrupted), "seconds": seconds,
        **training.summary(model, rows),
    }  # fmt: skip
    if interrupted:
        output.note(f"interrupted: {out} has the best model by then")
    elif test is not None:
        plain["test"] = training.tested(model, rows, target, null)
    output.show(plain, list(_for_people(plain)), json)
    return Code.INTERRUPTED if interrupted else Code.DONE


def _shows_bar(asked):
    if asked is None:
        return sys.stderr.isatty() and find_spec("tqdm") is not None
    if asked and find_spec("tqdm") is None:
        raise Mistake("--progress needs tqdm; install it: python -m pip install tqdm", Code.MISSING)
    return asked


@contextmanager
def _interrupts():
    """Yield a list that is not empty any more once a Ctrl-C has come; KeyboardInterrupt is raised as ever."""
    seen = []

    def interrupt(number, frame):
        seen.append(number)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield seen
    except KeyboardInterrupt:
        raise Mistake("interrupted before there was a model; nothing is written", Code.INTERRUPTED) from None
    finally:
        signal.signal(signal.SIGINT, before)


def _for_people(plain):
    """What was learned, in lines and tables."""
    left_out = [(row["column"], row["note"] or row["kind"]) for row in plain["columns"] if not row["becomes"]]
    used = output.counted(len(plain["columns"]) - len(left_out), "column")
    of = f", {len(plain['classes'])} classes" if plain["task"] == "classes" else ""
    yield (
        f"{plain['model']}: predicts {plain['target']} ({plain['task']}{of}) from {used}, learned from "
        f"{plain['n_rows']:,} rows in {plain['seconds']:.1f} s; "
        f"{output.counted(plain['n_members'], 'network')}, {plain['bytes']:,} bytes"
    )
    if left_out:
        yield ""
        yield output.table(("left out", "because"), [(name, why.removeprefix("left out: ")) for name, why in left_out])
    scores = [(words, plain[key]) for key, words in WHOSE.items() if plain.get(key)]
    if scores:
        names = [name for name in scores[0][1]["scores"] if scores[0][1]["scores"][name] is not None]
        yield ""
        yield output.table(
            ("scores", "rows", *map(output.score_name, names)),
            [
                line
                for words, of in scores
                for line in (
                    (words, of["n_rows"], *(of["scores"].get(name) for name in names)),
                    ("  a constant", None, *(of["constant"].get(name) for name in names)),
                )
            ],
        )
    if plain.get("importances"):
        yield ""
        ordered = sorted(plain["importances"].items(), key=lambda pair: -pair[1])
        yield output.table(("column", "importance"), ordered[:20])


#: Scores -> of which rows they are.
WHOSE = {"held_back": "held back, by one network", "test": "test"}
