"""The ratios of each cell as a line, and at the end their means and the worst of them."""

from statistics import geometric_mean

from bench.report import duration

#: What is measured of each cell.
TASKS = ("fit", "predict")
#: How many of the worst cells are listed.
WORST = 10
#: Widths of the columns: a cell's name, times, ratios with quartiles, and the ratios of the loops.
NAME, TIME, RATIO, LOOPS = 67, 13, 25, {"NumPy": 7, "PyTorch": 8}


def print_header(machine, sklearn_version, absent):
    """Print what the figures belong to, what is left out, and the head of the table."""
    print(f"CPU: {machine['cpu']}, {' '.join(machine['features'])}; one thread; scikit-learn {sklearn_version}")
    for name, reason in absent.items():
        print(f"{name} is left out: {reason}")
    print("How many times longer than fastnn the others take, median of rounds in turns: scikit-learn [quartiles], and")
    print("the loops of NumPy and PyTorch where they apply. A fit is so many epochs; a prediction has all rows.\n")
    heads = f"{'scikit-learn':>{TIME}}{'fastnn':>{TIME}}{'ratio [quartiles]':>{RATIO}}"
    heads += "".join(f"{name:>{width}}" for name, width in LOOPS.items())
    print(" " * (9 + NAME + 6) + "".join(f"{task:^{len(heads)}}" for task in TASKS))
    print(f"{'':<{9 + NAME}}{'epochs':>6}" + heads * len(TASKS))


def print_row(row):
    """Print one cell."""
    line = f"{row['dtype']:<9}{row['name']:<{NAME}}{row['n_epochs']:>6}"
    for task in TASKS:
        seconds, ratios = row[task]["seconds"], row[task]["times_faster"]
        ratio, low, high = map(_digits, ratios["scikit-learn"])
        line += f"{duration(seconds['scikit-learn']):>{TIME}}{duration(seconds['fastnn']):>{TIME}}"
        line += f"{f'{ratio} [{low} .. {high}]':>{RATIO}}"
        for name, width in LOOPS.items():
            line += f"{_digits(ratios[name][0]) if name in ratios else '-':>{width}}"
    print(line, flush=True)


def print_summary(rows):
    """Print means and the worst cells; return task -> name -> geometric mean, and how many cells are below 1."""
    means = {}
    for task in TASKS:
        ratios = {}
        for row in rows:
            for name, (ratio, _, _) in row[task]["times_faster"].items():
                ratios.setdefault(name, []).append(ratio)
        means[task] = {
            name: {"mean": geometric_mean(of), "cells": len(of), "slower": sum(ratio < 1 for ratio in of)}
            for name, of in ratios.items()
        }
        slower = sum(worst_of(row, task)[0] < 1 for row in rows)
        print(f"\n{task}: fastnn is not the fastest in {slower} of {len(rows)} cells. Geometric means:")
        for name, of in means[task].items():
            print(f"  {name}: {of['mean']:.2f}; {of['slower']} of {of['cells']} cells below 1.0")
    for task in TASKS:
        print(f"\nThe worst of {task}:")
        for row in sorted(rows, key=lambda row: worst_of(row, task), reverse=True)[-WORST:]:
            ratio, name = worst_of(row, task)
            print(f"  {ratio:>6.2f} of {name:<13} {row['dtype']} {row['name']}")
    return means


def worst_of(row, task):
    """Return the smallest ratio of a cell, and whose it is."""
    return min((ratio, name) for name, (ratio, _, _) in row[task]["times_faster"].items())


def _digits(ratio):
    return f"{ratio:.2f}" if ratio < 10 else f"{ratio:.1f}"
