"""`fastnn evaluate`: how well a model answers for rows whose answers are known, beside a constant.

What is measured stands in ``scores``.
"""

from collections import Counter
from typing import Annotated

import typer

from fastnn.cli import options


def evaluate(
    model: options.ModelFile,
    data: options.Data,
    target: Annotated[
        str | None, typer.Option(help="The column with the answers, if the model does not know it.")
    ] = None,
    skip_unseen: Annotated[
        bool, typer.Option("--skip-unseen", help="Leave out rows of classes that the model has never seen.")
    ] = False,
    delimiter: options.Delimiter = None,
    null: options.Null = None,
    encoding: options.Encoding = None,
    json: options.Json = False,
):
    """Score a model on a table with known answers, beside what a constant answer would score."""
    from fastnn.cli import models, output, reading
    from fastnn.cli.mistakes import Code, Mistake

    loaded = models.load(model)
    loaded.target = target = target or loaded.target
    if target is None:
        raise Mistake(f"{model!r} does not say what its target is called; name the column: --target NAME")
    if not hasattr(loaded.estimator, "classes_") and loaded.estimator.members_[0].spec.n_out > 1:
        raise Mistake(f"{model!r} predicts several numbers a row; evaluate takes models of one", Code.UNFIT)
    gathered = _Gathered(loaded)
    for raw in reading.raw_pieces(data, delimiter=delimiter, encoding=encoding):
        gathered.add(raw, tuple(null or ()))
    if gathered.unseen and not skip_unseen:
        raise Mistake(gathered.said_of_unseen(), Code.UNFIT)
    if not gathered.rows:
        raise Mistake(f"no row of {data} has an answer in {target!r} that can be scored", Code.UNFIT)
    plain = {"model": model, "data": data, "target": target, **gathered.result()}
    output.show(plain, list(_for_people(plain)), json)


class _Gathered:
    """The scores of a table, piece by piece."""

    def __init__(self, loaded):
        from fastnn.cli.scores import OfClasses, OfNumbers

        self.loaded, self.rows, self.without = loaded, 0, 0
        self.unseen, self.first = Counter(), {}
        self.classes = getattr(loaded.estimator, "classes_", None)
        self._scores, self._has_intervals = OfNumbers() if self.classes is None else OfClasses(self.classes), True

    def add(self, raw, null):
        """Score the rows of a piece that have an answer."""
        from fastnn.cli import mistakes, reading

        target = self.loaded.target
        if target not in raw.frame.columns:
            raise mistakes.Mistake(
                f"{raw.name} has {mistakes.unknown('column', target, raw.frame.columns)}", mistakes.Code.UNFIT
            )
        y = self.loaded.answers(raw, null)
        reading.refuse_infinity(raw, y.to_frame())
        X = self.loaded.table(raw, null)
        given = y.is_not_null() & (y.is_not_nan() if y.dtype.is_float() else True)
        self.without += len(y) - int(given.sum())
        if given.any():
            with mistakes.of_data():
                add = self._add_numbers if self.classes is None else self._add_classes
                add(y.filter(given), X, given.arg_true().to_numpy(), raw)

    def _add_classes(self, y, X, places, raw):
        """Rows of classes that the model knows; the others are counted."""
        import numpy as np

        labels = y.to_list()
        known = {label: code for code, label in enumerate(self.classes.tolist())}
        codes = np.array([known.get(label, -1) for label in labels])
        for at in np.flatnonzero(codes < 0).tolist():
            self.unseen[labels[at]] += 1
            self.first.setdefault(labels[at], raw.where(int(places[at])))
        if (rows := places[codes >= 0]).size:
            probabilities = self.loaded.estimator.predict_proba(X[rows])
            self._scores.add(codes[codes >= 0], probabilities.argmax(axis=1), probabilities)
            self.rows += len(rows)

    def _add_numbers(self, y, X, places, raw):
        """Rows, and the intervals of them, where enough rows were held back for intervals of 90 %."""
        estimator, X, y = self.loaded.estimator, X[places], y.cast(float).to_numpy()
        bounds = None
        if self._has_intervals:
            try:
                bounds = estimator.predict_interval(X, 0.9)
            except ValueError:
                self._has_intervals = False
        self._scores.add(y, estimator.predict(X), bounds)
        self.rows += len(y)

    def said_of_unseen(self):
        """What is wrong where there are classes that the model has never seen."""
        shown = ", ".join(
            f"{label!r} ({n:,} {'rows' if n > 1 else 'row'}, the first {self.first[label]})"
            for label, n in self.unseen.most_common(5)
        )
        known = ", ".join(map(repr, self.classes.tolist()[:10]))
        return (
            f"{self.loaded.target!r} has classes that the model has never seen, and can only get wrong: {shown}; "
            f"it knows {known}. Correct them, train anew with them, or leave these rows out: --skip-unseen"
        )

    def result(self):
        """Return everything that was measured."""
        scores, constant, more = self._scores.result()
        found = {
            "rows": self.rows, "without_target": self.without, "unseen": dict(self.unseen), "scores": scores,
            "constant": constant,
        }  # fmt: skip
        if self.classes is None:
            return {**found, "intervals": more}
        return {**found, "confusion": {"classes": self.classes.tolist(), "counts": more}}


def _for_people(plain):
    from fastnn.cli.output import score_name, table

    skipped = sum(plain["unseen"].values())
    left = [
        f", {n:,} {what} left out"
        for n, what in ((plain["without_target"], "without a target"), (skipped, "of unseen classes"))
        if n
    ]
    yield f"{plain['target']!r} of {plain['rows']:,} rows{''.join(left)}"
    yield ""
    answers = "most frequent class" if "confusion" in plain else "mean"
    yield table(
        ("", "model", f"always the {answers}"),
        [(score_name(score), value, plain["constant"][score]) for score, value in plain["scores"].items()],
    )
    if plain.get("intervals"):
        found = plain["intervals"]
        yield f"intervals of 90 % hold {found['coverage']:.1%} of the rows, and are {found['mean_width']:.4g} wide"
    if "confusion" in plain and len(plain["confusion"]["classes"]) <= 12:
        classes, counts = plain["confusion"].values()
        yield ""
        yield table(("in rows the class, in columns the answer", *map(str, classes)),
                    [(str(label), *row) for label, row in zip(classes, counts, strict=True)])  # fmt: skip
