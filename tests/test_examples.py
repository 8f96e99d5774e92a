"""The gallery: each example runs alone, from the installed package, and prints the figures of its tutorial.

Expected figures are the tutorials' own, or the bounds that seeds of theirs keep (40 splits, ten starts, 1000 starts).
Times must be printed; what they are depends on who else is there.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))


def numbers(pattern, text):
    """The numbers in the groups of a pattern, which must be there."""
    found = re.search(pattern, text)
    assert found, f"{pattern!r} is not in\n{text}"
    return [float(group) for group in found.groups()]


def check_loops(out):
    assert "layer 1: 0.890903 0.967705 0.990987\nlayer 2: 0.835456\n" in out
    assert "reference: 0.835456\nnetwork:   0.835456\n" in out


def check_matrices(out):
    for sizes in ("3-3-1", "3-3-3-1", "100-100-50-10"):
        assert numbers(rf"(?m)^{sizes}: loops ([\d.]+) .*matrices ([\d.]+) .*fastnn ([\d.]+) µs", out)


def check_digits(out):
    assert numbers(r"(\d+) iterations on (\d+) digits in [\d.]+ s", out) == [3000, 1078]
    assert numbers(r"test accuracy ([\d.]+) % \(tutorial: about 86 %\)", out) == [87.6]
    assert numbers(r"largest difference in the cost: (\S+)", out)[0] < 1e-10


def check_stop_condition(out):
    assert numbers(r"(\d+) steps to ([\d.]+) ", out) == [70, 2.249965]
    updates, change = numbers(r"stopped after (\d+) of at most 20000 updates; the last change was (\S+)", out)
    assert 100 < updates < 20000
    assert change <= 2e-5


def check_neuron(out):
    assert numbers(r"weighted sum (\S+), output (\S+) .*rounded (\d)", out) == [5, 0.9933, 1]
    assert numbers(r"largest difference between the weights: (\S+)", out)[0] < 1e-6


def check_perceptron(out):
    for name in ("AND", "OR", "NAND"):
        assert numbers(rf"\b{name}: right after 100 steps from (\d+) of (\d+)", out) == [200, 200]
    assert numbers(r"XOR: right after 100 steps from (\d+) of (\d+)", out) == [0, 200]
    assert numbers(r"XOR with a hidden layer: right from (\d+) of (\d+)", out) == [20, 20]


def check_relu_softmax(out):
    assert numbers(r"loss after 0 steps: (\S+)", out) == [2.970316]
    assert numbers(r"loss after 5000 steps: (\S+)", out) == [0.227433]
    assert len(re.findall(r"loss after \d+ steps", out)) == 11
    assert numbers(r"test accuracy ([\d.]+) % \(tutorial: 96.40 %\)", out) == [96.40]


def check_mini_batches(out):
    assert len(re.findall(r"step +\d+: ", out)) == 11
    first, last = numbers(r"first loss (\S+) to (\S+) \(", out), numbers(r"last loss (\S+) to (\S+) \(", out)
    assert 1 < first[0] < first[1] < 14
    assert 0.08 < last[0] < last[1] < 0.2
    lowest, highest = numbers(r"test accuracy (\S+) to (\S+) % \(tutorial: 96.27 %\)", out)
    assert 95.5 < lowest < highest < 97


def check_over_fitting(out):
    assert numbers(r"training images: accuracy (\S+) %", out) == [100]
    assert numbers(r"test images: +accuracy (\S+) %", out)[0] >= 93.5
    found = {
        name: numbers(rf"{name} +training (\S+) %, test (\S+) %, gap (\S+); .*gap (\S+)", out)
        for name in ("plain", "L2", "early stopping")
    }
    test_cost = {
        name: numbers(rf"{name} +training .*cost \S+ and (\S+),", out)[0] for name in ("plain", "L2", "early stopping")
    }
    for remedy in ("L2", "early stopping"):
        assert found[remedy][1] > found["plain"][1] - 2
        assert found[remedy][3] < 0.85 * found["plain"][3]
        assert test_cost[remedy] < 0.9 * test_cost["plain"]


def check_from_scikit_learn(out):
    accuracies = [numbers(rf"{name} +(?:[\d.]+) s, test accuracy (\S+) %", out) for name in ("scikit-learn", "fastnn")]
    assert accuracies[0] == accuracies[1]
    assert accuracies[0][0] > 95
    assert numbers(r"loss curves: (\S+)", out)[0] < 1e-9
    assert numbers(r"times faster: (\S+)", out)


def check_four_backends(out):
    names = re.findall(r"^(\w+): .* [\d.]+ ms +[\d.]+ x$", out, re.MULTILINE)
    assert names == ["python", "numpy", "cython", "simd"]


def check_raw_table(out):
    assert numbers(r"R² of 500 new rows: (\S+)", out)[0] > 0.75  # gaps and noise are the rest
    assert re.search(r"^day +date +days \+ ", out, re.MULTILINE)
    assert 86 < numbers(r"in the interval of 90 %: (\S+) %", out)[0] < 94
    width, of_busiest = numbers(r"its width: (\d+), of the busiest quarter (\d+)", out)
    assert of_busiest > 1.5 * width


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_runs_alone_and_prints_its_figures(name, tmp_path):
    check = globals()["check_" + re.sub(r"^plot_(\d_)?", "", name)]
    done = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py"],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
        timeout=900,  # for one that hangs
    )
    assert done.returncode == 0, done.stderr
    check(done.stdout)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_short(name):
    assert len((FOLDER / f"{name}.py").read_text().splitlines()) <= 120


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_picture_can_be_read_on_a_phone(name):
    """Which makes it 388 pixels wide: one of 560 with letters of 12 points keeps them at 11 pixels."""
    text = (FOLDER / f"{name}.py").read_text()
    assert all(float(width) <= 5.6 for width in re.findall(r"figsize=\(([\d.]+)", text))


def test_there_is_an_example_of_each_system_and_three_more():
    assert [name.split("_")[1] for name in EXAMPLES] == [*"123456789", "four", "from", "raw"]
