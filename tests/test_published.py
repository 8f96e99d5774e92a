"""What the book shows of the benchmark: read from its outputs, all of it, and as they have it."""

import re
from math import log
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from bench import published
from bench.chart import OUTLINES, WIDTH, dots
from bench.peers import overview
from bench.published import charts, more, output, read, tables

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
PAGES = {name: (DOCS / f"{name}.md").read_text() for name in ("performance", "tables")}


# -- figures out of the text ------------------------------------------------------------------------------------


def test_every_line_of_figures_is_read():
    text = output("peers")
    assert len(read.peers(text)) == text.count(" x floor\n")
    assert len(read.estimators(output("estimators"))[0]) == len(re.findall("^float.* .. ", output("estimators"), re.M))
    assert len(more.scaling(output("scaling"))) == output("scaling").count("\nfloat")
    assert len(more.features(output("features"))) == output("features").count(" float32 ")
    ways = sum(map(len, read.tutorials(output("tutorials")).values()))
    assert ways == output("tutorials").count(" x naive ")
    assert sum(map(len, more.export_rows(output("export")).values())) == len(
        re.findall(r"^  .*\d\.\d{3} \[.*\]$", output("export"), re.M)
    )
    assert len(more.export_files(output("export"))) == output("export").count(" x fastnn")
    assert len(more.many(output("many"))) == output("many").count(" x fit_many's time (")


@pytest.mark.parametrize("name", ["shapes", "shapes-avx2"])
def test_shapes_are_read_as_their_summary_says(name):
    cells, (means, worst) = read.shapes(output(name)), read.shapes_summary(output(name))
    assert len(means) == 6
    for row in means:
        values = [cell[row["action"]][row["library"]] for cell in cells if row["library"] in cell[row["action"]]]
        assert len(values) == int(row["cells"])
        assert np.exp(np.mean(np.log(values))) == pytest.approx(float(row["mean"]), abs=0.02)
    assert len(worst) == 20
    assert {row["action"] for row in worst} == {"fit", "predict"}


def test_ratios_to_peers_are_those_that_the_run_printed():
    rows = read.peers(output("peers"))
    for row in rows:
        if row["library"] == "fastnn" and row["threads"] == 1:
            others = [
                other["median"]
                for other in rows
                if (other["case"], other["dtype"], other["threads"]) == (row["case"], row["dtype"], 1)
                and other["library"] != "fastnn"
            ]
            assert row["median"] / min(others) == pytest.approx(row["to_best_peer"], rel=0.02)


def test_tables_are_read_as_their_summary_says():
    for title, found, errors in more.tables(output("tables")):
        for method, name in {"fastnn": "fastnn", "LightGBM": "lightgbm"}.items():
            of = [(errors[t][name] + 0.01) / (errors[t]["hgb"] + 0.01) for t in errors]
            assert np.exp(np.mean(np.log(of))) == pytest.approx(
                float(found["all", "error"][method]["ratio"]), abs=0.002
            )
            assert int(found["all", "error"][method]["tables"]) == len(errors), title
        assert found["all", "error"].keys() == found["all", "CPU of fit"].keys()


# -- tables and charts ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", tables.TABLES)
def test_a_table_has_whole_rows_of_what_the_output_says(name):
    source, make = tables.TABLES[name]
    headings, rows = make()
    assert rows
    assert all(len(row) == len(headings) for row in rows)
    text = output(source)
    shown = [cell for row in rows for cell in row[1:] if re.fullmatch(r"[\d.]+(?: (?:µs|ms|s))?", cell)]
    assert all(cell in text for cell in shown)


@pytest.mark.parametrize("name", charts.CHARTS)
def test_a_chart_is_well_formed_and_stays_inside_its_paper(name):
    root = ElementTree.fromstring(charts.CHARTS[name]())
    width, height = map(float, root.get("viewBox").split()[2:])
    assert width == WIDTH
    assert root.get("aria-label")
    for text in root.iter(f"{SVG}text"):
        assert 0 <= float(text.get("x")) <= width
        assert 0 <= float(text.get("y")) <= height
        assert float(text.get("font-size")) >= 12
    assert len(root.findall(f".//{SVG}title")) >= 4 or name.startswith("shapes")
    assert not re.search(r"S\d: ", ElementTree.tostring(root, "unicode"))  # numbers of issues say nothing to a reader


def test_the_picture_of_the_readme_is_what_was_measured():
    assert (published.FOLDER / "overview.svg").read_text() == charts.few()  # else: python -m bench --chart


def test_the_overview_has_the_few_cases_that_it_names():
    shorter = overview.ratios_of(read.peers(output("peers")))
    assert len(overview.SHORT) == 6 < len(shorter)
    assert all(sum(case.startswith(start) for case in shorter) == 1 for start in overview.SHORT.values())
    assert all(f">{label}</text>" in charts.few() for label in overview.SHORT)


@pytest.mark.parametrize("marker", ["o", *OUTLINES])
def test_a_mark_stands_where_its_number_is(marker):
    looks = {"a": ("A & B", "ink", marker, 6)}
    picture = dots({"<r>": {"a": 10.0}}, looks, title="t", note="n", ticks=(1, 100), limits=(1, 100), beside=100)
    root = ElementTree.fromstring(picture)
    shape = next(shape for shape in root if shape.find(f"{SVG}title") is not None)
    assert shape.find(f"{SVG}title").text == "<r>: A & B 10"
    ends = [float(text.get("x")) for text in root.iter(f"{SVG}text") if text.text in ("1", "100")]
    if marker == "o":
        x = float(shape.get("cx"))
    else:
        corners = [float(corner.split(",")[0]) for corner in shape.get("points").split()]
        x = (min(corners) + max(corners)) / 2
    assert x == pytest.approx(sum(ends) / 2, abs=0.2)  # 10 is half way


def test_what_lies_beyond_the_axis_is_drawn_at_its_end_and_bounds_as_a_line():
    rows = {"r": {"a": (500.0, 10.0, 900.0)}}
    picture = dots(rows, {"a": ("a", "#123456", "o", 5)}, title="t", note="n", ticks=(1,), limits=(1, 100))
    assert 'stroke="#123456" stroke-width="2.5"' in picture
    circle = ElementTree.fromstring(picture).findall(f"{SVG}circle")[-1]
    assert float(circle.get("cx")) == WIDTH - 16
    half = 12 + (WIDTH - 28) * log(10) / log(100)
    assert f"M{half:.1f} " in picture


# -- pages ------------------------------------------------------------------------------------------------------


def test_the_pages_show_all_tables_and_charts_by_their_names():
    named = {
        kind: re.findall(rf"^```{{measured-{kind}}} (\S+)$", "".join(PAGES.values()), re.M)
        for kind in ("chart", "table")
    }
    assert set(named["table"]) == tables.TABLES.keys()
    assert set(named["chart"]) == charts.CHARTS.keys() - {"overview"}


def numbers_of(text):
    return {float(number) for number in re.findall(r"\d+\.\d+", text)}


@pytest.mark.parametrize(
    ("page", "heading", "sources"),
    [
        ("performance", "By shape", ["shapes", "shapes-avx2"]),
        ("tables", "When trees are better", ["tables"]),
    ],
)
def test_figures_in_words_are_those_of_an_output(page, heading, sources):
    """Or what one of its numbers is rounded to."""
    section = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGES[page], re.M | re.S)[1]
    there = numbers_of("".join(map(output, sources)))
    for number in re.findall(r"\d+\.\d+", section):
        digits = len(number.partition(".")[2])
        assert any(round(value, digits) == float(number) for value in there), number


def test_when_not_to_use_it_has_the_tables_that_were_measured():
    """Errors, and the ratio of these plus 0.01; the output has some names with their package before."""
    page = (DOCS / "when-not.md").read_text()
    errors = {name.rpartition("/")[2]: of for run in more.tables(output("tables")) for name, of in run[2].items()}
    rows = re.findall(r"^\| (\w+) \| (0\.\d{3}) \| (0\.\d{3}) \| (\d\.\d\d) \|", page, re.M)
    assert len(rows) == 10
    for name, *shown in rows:
        ours, trees = errors[name]["fastnn"], errors[name]["hgb"]
        found = ours, trees, (ours + 0.01) / (trees + 0.01)
        assert list(map(float, shown)) == pytest.approx(found, abs=0.00501), name
        assert list(map(float, shown[:2])) == pytest.approx(found[:2], abs=0.000501), name


def test_when_not_to_use_it_has_the_widths_that_were_measured():
    page = (DOCS / "when-not.md").read_text()
    rows = re.findall(r"^\| (\d+(?:-\d+)*) \| ([\d.]+) \|$", page, re.M)
    assert len(rows) == 7
    for hidden, ratio in rows:
        shape = re.compile(rf"\d+-{hidden}-10, [\d,]+ rows, batch 200, adam")
        of = [c for c in read.shapes(output("shapes-avx2")) if c["dtype"] == "float32" and shape.fullmatch(c["shape"])]
        digits = len(ratio.partition(".")[2])
        assert any(abs(c["fit"]["PyTorch"] - float(ratio)) <= 0.501 * 0.1**digits for c in of), hidden
