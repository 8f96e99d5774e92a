"""The benchmark of data beyond memory: both kinds of files are measured under the limit, and nothing is left."""

import sys
import tempfile

import pytest

from bench.many import command, pieces

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="sets limits of Linux")


@pytest.fixture
def small(monkeypatch, tmp_path):
    for name, value in (("COLUMNS", 8), ("PART", 10**7), ("PARQUET", 10**7), ("ROUNDS", 2)):
        monkeypatch.setattr(pieces, name, value)
    ran = []

    def limited(path, n_rows, buffer):
        ran.append((path.name, path.stat().st_size, n_rows, buffer))
        return {"seconds": 0.5, "peak": 10**8}

    monkeypatch.setattr(pieces, "limited", limited)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return ran


def test_the_table_of_pieces(small, capsys, tmp_path):
    found = pieces.measure(True)
    pieces.print_table(found)
    assert "of memory's or the disk's, whichever is less" in capsys.readouterr().out
    one = found["tables"][".npy"]
    assert one["rows"] == 2 * 256 * 512
    assert one["bytes"] > one["rows"] * 8 * 4
    assert set(one["rows_a_second"]) == {"memory", "pieces", "disk"}
    assert one["share"][0] > 0
    assert [name for name, *_ in small][:2] == ["X.npy", "X.npy"]
    assert list(tmp_path.iterdir()) == []
    assert "pieces" in command.TABLES


def test_no_file_is_left_where_it_ends_early(small, monkeypatch, tmp_path):
    def interrupted(path, n_rows, buffer):
        raise KeyboardInterrupt

    monkeypatch.setattr(pieces, "limited", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pieces.measure(True)
    assert list(tmp_path.iterdir()) == []


def test_too_little_room_is_told_before_anything_is_written(monkeypatch):
    monkeypatch.setattr(pieces, "FILE", 10**18)
    with pytest.raises(OSError, match=r"GB left, but .* are needed"):
        pieces.measure(False)


def test_the_limited_process_trains_on_the_file(monkeypatch, tmp_path):
    monkeypatch.setattr(pieces, "LIMIT", 4 * 10**8)
    rows = pieces.write_npy(tmp_path, 1)
    found = pieces.limited(tmp_path / "X.npy", rows, 10**7)
    assert 0 < found["seconds"] < 60
    assert 10**7 < found["peak"] < 4 * 10**8
    monkeypatch.setattr(pieces, "LIMIT", 10**7)
    with pytest.raises(RuntimeError, match="under 10000000 bytes failed"):
        pieces.limited(tmp_path / "X.npy", rows, 10**7)
