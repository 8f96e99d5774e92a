"""Files of tables as the command reads them: delimiters, compression, encodings, cells by all of a column; the whole
and its pieces; what is no table, named by its line."""

import bz2
import datetime
import gzip
import io
import lzma
import os
import sys
import threading

import numpy as np
import pytest

pl = pytest.importorskip("polars")
pytest.importorskip("typer")

from fastnn.cli import reading, sampling, text  # noqa: E402
from fastnn.cli.cells import As  # noqa: E402
from fastnn.cli.mistakes import Code, Mistake  # noqa: E402

DAY = datetime.datetime(2024, 1, 2)


@pytest.fixture
def read(tmp_path):
    def read(data, **options):
        path = tmp_path / "table"
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return reading.read(str(path), **options)

    return read


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"], ids=["comma", "semicolon", "tab", "pipe"])
def test_a_delimiter_is_found(read, delimiter):
    lines = [["a", "b", "c"], ["1", "x", "2.5"], ["2", "y, z; w", ""], ["3", '"q|\tr"', "4"]]
    lines = [[f'"{cell}"' if delimiter in cell and '"' not in cell else cell for cell in line] for line in lines]
    frame = read("\n".join(map(delimiter.join, lines)))
    assert frame.to_dict(as_series=False) == {"a": [1, 2, 3], "b": ["x", "y, z; w", "q|\tr"], "c": [2.5, None, 4.0]}


@pytest.mark.parametrize(("given", "means"), [("tab", "\t"), ("\\t", "\t"), (" ", " "), ("space", " "), (":", ":")])
def test_a_delimiter_is_given(read, given, means):
    assert read(f"a{means}b\n1{means}2\n", delimiter=given).rows() == [(1, 2)]


@pytest.mark.parametrize(
    "written",
    [
        gzip.compress, bz2.compress, lzma.compress, lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data.decode().encode("utf-16"), lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: data.rstrip(b"\n"), lambda data: b"\n\n" + data, lambda data: data.replace(b"\n", b"\n\n"),
    ],
    ids=["gz", "bz2", "xz", "mark", "utf-16", "crlf", "no end", "blank first", "blank lines"],
)  # fmt: skip
def test_however_it_is_written(read, written):
    assert read(written("a,ü\n1,ä\n2,ö\n".encode())).to_dict(as_series=False) == {"a": [1, 2], "ü": ["ä", "ö"]}


def test_zstd(tmp_path):
    frame, path = pl.DataFrame({"a": range(2000), "b": ['x, "y"\nz', "ä"] * 1000}), tmp_path / "table.csv.zst"
    frame.write_csv(path, compression="zstd")
    assert reading.read(str(path)).equals(frame)
    assert pl.concat(reading.pieces(str(path), 10)).equals(frame)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Mistake, match="cannot be read"):
        reading.read(str(path))


def test_latin_1_where_it_is_said(read):
    assert read("a;ü\n1;ä\n".encode("latin-1"), encoding="latin-1").rows() == [(1, "ä")]


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "-2", "+3"], pl.Int64, [1, -2, 3]),
        (["1", "", "NA", "N/A", "NaN", "null", "None", "?"], pl.Int64, [1, *[None] * 7]),
        (["1", "2.5", "1e3"], pl.Float64, [1.0, 2.5, 1000.0]),
        (["1", "inf"], pl.Float64, [1.0, np.inf]),
        (["9223372036854775808", "1"], pl.Int128, [2**63, 1]),
        (["1"] * 1500 + ["2.5"], pl.Float64, [1.0] * 1500 + [2.5]),
        (["1"] * 1500 + ["x"], pl.String, ["1"] * 1500 + ["x"]),
        (["007", "12"], pl.String, ["007", "12"]),
        (["0", "-0", "0.5"], pl.Float64, [0.0, -0.0, 0.5]),
        (["true", "FALSE", ""], pl.Boolean, [True, False, None]),
        (["yes", "no"], pl.String, ["yes", "no"]),
        (["2024-01-02", "NA"], pl.Datetime("us"), [DAY, None]),
        (["2024-01-02 03:04", "2024-01-02T03:04:05.5"], pl.Datetime("us"),
         [DAY.replace(hour=3, minute=4), DAY.replace(hour=3, minute=4, second=5, microsecond=500000)]),
        (["2024-01-02", "2024-13-02"], pl.String, ["2024-01-02", "2024-13-02"]),
        (["2024-01-02T00:00Z"], pl.String, ["2024-01-02T00:00Z"]),
        (["12:30", "1:02:03"], pl.Time, [datetime.time(12, 30), datetime.time(1, 2, 3)]),
        (["12:30:00.000000000", "1:02:03.5"], pl.Time, [datetime.time(12, 30), datetime.time(1, 2, 3, 500000)]),
        ([" a ", "b"], pl.String, ["a", "b"]),
        (['"a\nb"', '"c""d"'], pl.String, ["a\nb", 'c"d']),
        (["1,5", "2"], pl.Float64, [1.5, 2.0]),
        (["1,234.5", "2"], pl.String, ["1,234.5", "2"]),
        (["", "NA"], pl.String, [None, None]),
    ],
)  # fmt: skip
def test_cells_are_what_all_of_them_look_like(read, cells, dtype, values):
    column = read("other;column\n" + "".join(f"1;{cell}\n" for cell in cells))["column"]
    assert column.dtype == dtype
    assert column.to_list() == values


def test_a_comma_between_digits_is_no_number_where_it_may_be_of_thousands(read):
    assert read('a,b\n"1,234",1\n')["a"].to_list() == ["1,234"]


@pytest.mark.parametrize(
    ("cells", "are"),
    [
        (["19.850", "9.400", "NA", "700", "0"], True), (["-1.250", "+700", "?"], True),
        (["19.850", "9.400"], False), (["700", "0"], False), (["0.125", "7"], False), (["1.250", "7000"], False),
        (["1.250", "7.5"], False), (["1.250", "7", "word"], False), (["NA"], False), (["007", "1.250"], False),
    ],
)  # fmt: skip
def test_points_that_may_stand_between_thousands(cells, are):
    raw = reading.Raw(pl.DataFrame({"a": cells}), "table", delimiter=";")
    said = reading.of_thousands(raw, ["a"])
    assert [*said] == ["a"] * are
    if are:
        assert f"{cells[0]} is read as {float(cells[0]):g}; if" in said["a"]
    assert reading.of_thousands(reading.Raw(raw.frame, "table"), ["a"]) == {}


def test_more_cells_may_say_that_nothing_is_there(read):
    assert read("a,b\n-999,1\n2,-\n", null=["-999", "-"]).rows() == [(None, 1), (2, None)]


def test_names_of_columns(read):
    assert read(", a ,b\n1,2,3\n").columns == ["column_1", "a", "b"]
    assert read("0,1\n5,6\n").columns == ["0", "1"]


def test_a_blank_line_of_one_column_is_a_cell(read):
    assert read("a\n1\n\n3\n")["a"].to_list() == [1, None, 3]


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"", 3, "is empty"),
        (b"\n \n", 3, "is empty"),
        (b"a,b\n", 3, "no row"),
        (b"a,b,a\n1,2,3\n", 3, "columns 1 and 3 .* both called 'a'"),
        (b"1.5,2\n1,2\n", 3, "numbers, such as '1.5', where names"),
        (b"a,b\n1,2\n\n3\n", 3, "line 4 of .* has 1 cell, and the header has 2"),
        (b"a,b\n1,2\n3,4,5\n", 3, "line 3 of .* has 3 cells"),
        (b'a,b\n"x\ny",2\n3\n', 3, "line 4 of .* has 1 cell"),
        (b'a,b\n1,2\n5" pipe,2\n', 3, "line 3 of .* has a quotation mark that no other ends"),
        (b'a,b\n5" pipe,2\n3" pipe,2\n', 3, "line 2 of .* has a quotation mark inside a cell"),
        (b'a,b\n1,2\n"5"x,2\n', 3, "line 3 of .* has a quotation mark inside a cell"),
        ("a\n1\n2ä\n".encode("latin-1"), 3, "line 3 of .* not in UTF-8 .*--encoding latin-1"),
        (b'a,b\n\n""x,2\n', 3, "line 3 of .* has a quotation mark inside a cell"),
        (b"\na,\xff", 3, "line 2 of .* not in UTF-8"),
        (b"a,b\r1,2\r3,4\r", 3, "first line of .* its lines end in .r alone"),
        (b"a" * 200_000, 3, "first line of .* field larger than field limit"),
        (b"PK\3\4\0\0\0", 3, "spreadsheet"),
        (b'[{"a": 1}]', 3, "JSON"),
        (b"\x01\x00\x02\x00", 3, "no text"),
        (gzip.compress(b"a,b\n" + bytes(range(48, 58)) * 9999)[:-9], 3, "cannot be read"),
        (b"PAR1 no", 3, "cannot be read"),
        (b"ARROW1 no", 3, "cannot be read"),
        (b"\x93NUMPY no", 3, "cannot be read"),
    ],
)
def test_what_is_no_table(read, data, code, words):
    with pytest.raises(Mistake, match=words) as raised:
        read(data)
    assert raised.value.code == code


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_damaged_where_it_is_compressed(read, compress):
    whole = compress(b"i,j\n" + "".join(f"{i},{i**3}\n" for i in range(3000)).encode())
    for place in range(20, len(whole), len(whole) // 20):
        with pytest.raises(Mistake) as raised:  # a block that is lost may leave no text, or ragged lines
            read(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        assert raised.value.code == Code.UNREADABLE


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"delimiter": "ab"}, "--delimiter must be one character"),
        ({"delimiter": '"'}, "--delimiter must be one character"),
        ({"encoding": "klingon"}, "unknown --encoding 'klingon'"),
        ({"encoding": "hex"}, "unknown --encoding 'hex'"),
    ],
)
def test_options_that_are_none(read, options, words):
    with pytest.raises(Mistake, match=words) as raised:
        read(b"a,b\n1,2\n", **options)
    assert raised.value.code == Code.USAGE


def test_a_column_that_is_not_there_is_named_with_the_nearest(read):
    with pytest.raises(Mistake, match="no column 'Prise'; did you mean 'price'") as raised:
        read("id,price\n1,2\n", columns=["Prise"])
    assert raised.value.code == Code.UNFIT


@pytest.mark.parametrize("kind", ["npy", "fortran.npy", "parquet", "arrow", "stream"])
def test_files_of_columns_whole_and_in_pieces(tmp_path, kind):
    numbers = np.random.default_rng(0).normal(size=(1000, 3))
    frame, path = pl.DataFrame(numbers, schema=["x0", "x1", "x2"]), tmp_path / f"table.{kind}"
    if kind.endswith("npy"):
        np.save(path, np.asfortranarray(numbers) if "fortran" in kind else numbers)
    else:
        {"parquet": frame.write_parquet, "arrow": frame.write_ipc, "stream": frame.write_ipc_stream}[kind](path)
    assert reading.read(str(path)).equals(frame)
    pieces = list(reading.pieces(str(path), 300))
    assert pl.concat(pieces).equals(frame)
    assert max(piece.height for piece in pieces) <= 300


@pytest.mark.parametrize("kind", ["npy", "parquet", "arrow", "zst"])
def test_names_are_no_patterns_and_pipes_are_read_once(tmp_path, kind):
    frame, path = pl.DataFrame({"x0": [1.5, 2.5], "x1": [3.5, 4.5]}), tmp_path / f"table[1].{kind}"
    write = {
        "npy": lambda path: np.save(path, frame.to_numpy()), "parquet": frame.write_parquet, "arrow": frame.write_ipc,
        "zst": lambda path: frame.write_csv(path, compression="zstd"),
    }  # fmt: skip
    write[kind](path)
    assert reading.read(str(path)).equals(frame)
    if not hasattr(os, "mkfifo"):
        return
    os.mkfifo(pipe := tmp_path / "pipe")
    writing = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writing.start()
    assert reading.read(str(pipe)).equals(frame)
    writing.join()


@pytest.mark.parametrize("array", [np.ones(3), np.ones((2, 2, 2)), np.array([["a"]]), np.ones((2, 0))])
def test_an_array_that_is_no_table(tmp_path, array):
    np.save(tmp_path / "array.npy", array)
    with pytest.raises(Mistake, match="expected numbers in rows and columns"):
        reading.read(str(tmp_path / "array.npy"))


LEVELS = {
    "number": As("number"), "category": As("category", ("1", "2", "NA")), "boolean": As("boolean", (False, True)),
    "date": As("date"), "time": As("time"), "coded": As("category", (1, 2)), "large": As("number", (), True),
    "mixed": As("category", (1, "a")), "duration": As("duration"), "unused": As(""),
}  # fmt: skip


def test_cells_as_a_model_knows_them(read):
    frame = read(
        "number,category,boolean,date,time,coded,large,mixed,duration,unused\n"
        "1,1,1,2024-01-02,12:30,1,9007199254740993,1,1.5,x\n"
        "NA,NA,true,NA,NA,2.0,1.5,a,,\n"
        "2.5,new,False,2024-01-02T00:00,1:00:00,NA,NA,?,0,3\n",
        types=LEVELS,
    )
    assert frame.to_dict(as_series=False) == {
        "number": [1.0, None, 2.5],
        "category": ["1", "NA", "new"],
        "boolean": [True, True, False],
        "date": [DAY, None, DAY],
        "time": [datetime.time(12, 30), None, datetime.time(1)],
        "coded": [1.0, 2.0, None],
        "large": [2**53 + 1, 1, None],
        "mixed": [1, "a", None],
        "duration": [datetime.timedelta(seconds=1.5), None, datetime.timedelta(0)],
        "unused": ["x", None, "3"],
    }


@pytest.mark.parametrize(
    ("kind", "cell"),
    [("number", "12a"), ("boolean", "maybe"), ("date", "2024-02-30x"), ("time", "25:00"), ("coded", "a")],
)
def test_a_cell_that_is_something_else_is_named_by_its_line(read, kind, cell):
    good = {"number": "1", "boolean": "true", "date": "2024-01-02", "time": "10:00", "coded": "1"}[kind]
    with pytest.raises(Mistake, match=rf"line 5 of .*, column 'c': '{cell[:4]}.*expected .*--null") as raised:
        read(f'a,c\n"x\ny",{good}\n1,\n1,{cell}\n', types={"c": LEVELS[kind]})
    assert raised.value.code == Code.UNFIT


def mixed_rows(n_rows):
    rng, lines = np.random.default_rng(1), ["n,c,d,b,q"]
    for row in range(n_rows):
        number = f"{rng.normal():.6f}" if row > n_rows // 2 else str(row)
        day = "2024-01-02" if row % 3 else "2024-01-02 10:30"
        word = f'"a ""{row % 7}"",\nb"' if row % 5 == 0 else "NA"
        lines.append(f"{number},{row % 4},{day},{row % 2 == 0},{word}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("size", [100, 1000, 10**6])
def test_pieces_are_the_whole(read, tmp_path, size):
    types = {"n": As("number"), "c": As("category", ("0", "1")), "d": As("date"), "b": As("boolean"), "q": As("x")}
    whole = read(mixed_rows(400), types=types)
    stream = text.Text(io.BufferedReader(io.BytesIO(mixed_rows(400).encode())), "it")
    blocks = list(stream.blocks(size))
    assert (len(blocks) > 1) == (size < 10**6)
    path = tmp_path / "table"
    pieces = list(reading.pieces(str(path), max(size // 64, 1), types=types))
    assert len(pieces) > 1 or size == 10**6
    assert pl.concat(pieces).equals(whole)
    assert pl.concat([reading._frame_of(block, stream) for block in blocks]).height == whole.height


def test_lines_are_counted_over_pieces(tmp_path):
    path = tmp_path / "table"
    path.write_text(mixed_rows(300) + "x,1,2024-01-02,true,\n")
    line = 1 + mixed_rows(300).count("\n")
    with pytest.raises(Mistake, match=f"line {line} of .*column 'n': 'x'"):
        list(reading.pieces(str(path), 10, types={"n": As("number")}))


def test_infinity_is_named(tmp_path):
    path = tmp_path / "table"
    path.write_text("a,b\n1,2\n1,-inf\n")
    (raw,) = reading.raw_pieces(str(path))
    with pytest.raises(Mistake, match=r"line 3 of .*column 'b': -inf \(infinity"):
        reading.refuse_infinity(raw, reading.typed(raw))


@pytest.mark.parametrize(("max_rows", "room"), [(100, 10**9), (None, 30_000), (100, 30_000)])
def test_a_sample_is_by_the_seed_and_not_by_the_pieces(tmp_path, monkeypatch, max_rows, room):
    path = tmp_path / "table"
    path.write_text("i,j\n" + "".join(f"{i},x{i}\n" for i in range(5000)))
    seen = []
    for block in (2**10, 2**12, 2**24):
        monkeypatch.setattr(reading, "BLOCK", block)
        raw, n_rows = sampling.rows_of(str(path), max_rows, 3, room)
        rows = raw.frame["i"].cast(pl.Int64).to_list()
        assert n_rows == 5000
        assert rows == sorted(rows)
        assert all(raw.where(k).startswith(f"row {row + 1} of") for k, row in enumerate(rows))
        seen.append(rows)
    if max_rows is not None:
        assert len(seen[0]) == 100
        assert seen[0] == seen[1] == seen[2]
    assert all(0 < len(rows) < 5000 for rows in seen)
    assert 1000 < np.mean(seen[0]) < 4000


def test_all_rows_where_there_is_room(tmp_path):
    path = tmp_path / "table"
    path.write_text("i\n1\n2\n")
    raw, n_rows = sampling.rows_of(str(path), 2, 0)
    assert (raw.frame.height, n_rows, raw.where(1)) == (2, 2, f"line 3 of {path}")
    assert sampling.room_left() > 10**6


def test_standard_input(monkeypatch):
    class Given:
        buffer = io.BufferedReader(io.BytesIO(gzip.compress(b"a,b\n1,2\n")))

    monkeypatch.setattr(sys, "stdin", Given)
    assert reading.read("-").rows() == [(1, 2)]
