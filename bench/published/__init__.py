"""The benchmark's outputs in ``docs/performance`` as tables and charts of the book: one run, one truth.

``read.py`` and ``more.py`` take figures out of the text, ``tables.py`` and ``charts.py`` show them; the book asks by
name (``docs/_extensions/measured.py``), and ``python -m bench --chart`` draws the overview for the README.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "performance"


def output(name):
    """Return what a run has printed."""
    return (FOLDER / f"{name}.txt").read_text()


def measured_on(name):
    """Return the CPU that an output's first lines name."""
    line = next(line for line in output(name).splitlines() if line.startswith("CPU: "))
    return line.removeprefix("CPU: ").partition(";")[0]
