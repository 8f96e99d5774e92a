"""What a diagnosis is: findings in the order in which to cure them, a report to read, and what was not looked at."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from textwrap import fill

#: Names of findings, causes before what follows from them: of data, start, steps, units, answers, new rows.
ORDER = (
    "unscaled_inputs",
    "targets_out_of_reach",
    "unscaled_targets",
    "saturated_start",
    "rate_too_large",
    "dead_units",
    "saturated_units",
    "rate_too_small",
    "class_imbalance",
    "over_fitting",
)


def percent(share):
    """A share in words, never -0 %."""
    return f"{round(100 * share):,} %"


def of_variance(explained):
    """What share of a variance is explained, in words; less than none is where the mean itself would be nearer."""
    return f"{percent(explained) if explained > 0 else 'none'} of the targets' variance"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with a training, as measured.

    Parameters
    ----------
    name : str
        "unscaled_inputs", "targets_out_of_reach", "unscaled_targets", "saturated_start", "rate_too_large",
        "dead_units", "saturated_units", "rate_too_small", "class_imbalance" or "over_fitting".
    message : str
        What was measured, and what to do.
    figures : dict
        The numbers of the message, and some more.

    Attributes
    ----------
    order : int
        Its place among all findings that there are, from 0: what comes first may be the cause of the others.
    """

    name: str
    message: str
    figures: Mapping

    @property
    def order(self) -> int:
        return ORDER.index(self.name)

    def __str__(self) -> str:
        return f"{self.name}: {self.message}"


class Diagnosis(tuple):
    """What `fastnn.diagnose` found: a tuple of `Finding`, in the order in which to cure them; printed it is a report.

    It is empty, and so false, where nothing was found.

    Parameters
    ----------
    findings : iterable of Finding
    unchecked : iterable of str, default ()
        What was not looked at, and why.

    Attributes
    ----------
    unchecked : tuple of str
    names : tuple of str
        Of the findings.
    """

    unchecked: tuple[str, ...]

    def __new__(cls, findings, unchecked=()):
        diagnosis = super().__new__(cls, sorted(findings, key=lambda finding: finding.order))
        diagnosis.unchecked = tuple(unchecked)
        return diagnosis

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(finding.name for finding in self)

    def __reduce__(self):
        return Diagnosis, (tuple(self), self.unchecked)

    def __repr__(self) -> str:
        lines = [self._title()]
        for number, finding in enumerate(self, start=1):
            lines.append(fill(f"{number}. {finding}", 100, subsequent_indent="   ", break_long_words=False))
        lines += [fill(f"Not looked at: {what}", 100, subsequent_indent="   ") for what in self.unchecked]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = "".join(f"<li><b>{finding.name}</b>: {escape(finding.message)}</li>" for finding in self)
        left = "".join(f"<p>Not looked at: {escape(what)}</p>" for what in self.unchecked)
        return f"<p>{self._title()}</p><ol>{rows}</ol>{left}"

    def _title(self):
        if not self:
            return "Nothing found"
        return "1 finding" if len(self) == 1 else f"{len(self)} findings, in the order in which to cure them"
