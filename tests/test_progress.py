"""The bar: it counts updates, shows loss and validation, changes no number, and is not there when it is off."""

import contextlib
import functools
import io
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import tqdm
from conftest import X, Y, run_program, train

from fastnn import pace
from fastnn.progress import Bar


def final_state(text):
    """What a bar showed last."""
    return re.split(r"[\r\n]", text.strip("\r\n"))[-1]


@pytest.mark.parametrize("options", [{}, {"batch_size": 7}, {"batch_size": 7, "report_every": 5, "tol": 1e-9}])
def test_a_bar_counts_the_updates_and_changes_no_number(options, capsys):
    validation = {"validation_data": (X, Y), "loss": "log_loss"}
    for more in ({}, validation):
        expected = train(60, **options, **more)
        assert capsys.readouterr() == ("", "")
        result = train(60, **options, **more, progress=True)
        out, err = capsys.readouterr()
        assert out == ""
        assert f"{result.n_iter}/60" in final_state(err)
        last = result.loss_curve[-1:] if "batch_size" not in options else result.loss_curve[-4:]
        mean = np.average(last, weights=[7, 7, 7, 2][: len(last)])
        assert f"loss={mean:.4g}" in final_state(err)
        assert ("val_loss=" in err) == ("val_accuracy=" in err) == bool(more)
        if more:
            assert f"val_loss={result.history['val_loss'][-1]:.4g}" in final_state(err)
        assert result.network.parameters.tobytes() == expected.network.parameters.tobytes()
        assert (result.cost, result.loss_curve, result.history) == (
            expected.cost,
            expected.loss_curve,
            expected.history,
        )


def test_a_bar_does_not_make_reports(capsys):
    """The callback of a run is called as often with a bar as without."""
    calls = []
    train(60, report_every=20, progress=True, callback=lambda iteration, *_: calls.append(iteration))
    assert calls == [20, 40, 60]


def test_the_bar_is_left_where_a_run_ended(capsys):
    result = train(100, progress=True, callback=lambda iteration, *_: iteration == 40)
    assert result.n_iter == 40
    assert "40/100" in final_state(capsys.readouterr().err)
    with pytest.raises(FloatingPointError):
        train(100, 1e300, activation="relu", output_activation="identity", init_scale=1e3, progress=True)
    assert capsys.readouterr().err.count("\n") == 1  # closed


def test_strides_follow_the_time_that_an_update_takes(monkeypatch):
    """Calls are shown together until a twentieth of a second has passed, and then are as long as take a tenth."""
    now = [0.0]
    monkeypatch.setattr(pace, "perf_counter", lambda: now[0])
    bar = Bar(10**6)
    bar._make = functools.partial(tqdm.tqdm, file=io.StringIO())
    with bar:
        assert bar.stride == 1
        for n_done, seconds, stride, shown in [
            (1, 0.01, 10, 0),
            (10, 0.001, 100, 0),
            (100, 0.1, 100, 111),
            (100, 0.01, 1000, 111),
            (100, 10.0, 1, 311),
        ]:
            now[0] += seconds
            bar.move(n_done, lambda: 0.5, {})
            assert bar.stride == stride
            assert bar._bar.n == shown
        bar.move(5, lambda: 0.25, {})
    assert bar._bar.n == 316  # the end shows all


def test_lines_and_a_bar_on_one_terminal_keep_apart():
    """On a pseudo-terminal no line begins where the bar stands."""
    pty = pytest.importorskip("pty")
    program = """
import fastnn
X, y = [[0.0], [1.0]], [[0.0], [1.0]]
fastnn.train([1, 1], X, y, 50000, report_every=5000, verbose=True, progress=True)
"""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=theirs, stderr=theirs, stdin=theirs, cwd="/"
    ) as process:
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # how Linux tells the end
            while data := os.read(ours, 10_000):
                seen += data
    os.close(ours)
    assert process.returncode == 0
    lines = [line for line in re.split(rb"[\r\n]+", seen) if b"Iteration" in line]
    assert len(lines) == 10
    assert all(line.lstrip(b"\x1b[A ").startswith(b"Iteration") for line in lines), lines


def test_a_callback_that_raises_and_ctrl_c_close_the_bar(capsys):
    for error in (ZeroDivisionError, KeyboardInterrupt):

        def callback(iteration, loss, network, error=error):
            if iteration == 30:
                raise error

        with pytest.raises(error):
            train(60, progress=True, callback=callback)
        assert "29/60" in final_state(capsys.readouterr().err)


def test_it_is_not_imported_when_it_is_off_and_says_what_to_install_when_it_is_not_there():
    out = run_program(
        """
import sys
import fastnn
X, y = [[0.0], [1.0]], [[0.0], [1.0]]
fastnn.train([1, 1], X, y, 3)
print("tqdm" in sys.modules)
sys.modules["tqdm"] = None
try:
    fastnn.train([1, 1], X, y, 3, progress=True)
except ImportError as error:
    print(error)
"""
    )
    assert out == 'False\nprogress=True needs tqdm; install it: python -m pip install "tqdm>=4.66"\n'


def test_a_wrong_flag():
    with pytest.raises(TypeError, match="progress must be True or False, got 'yes'"):
        train(3, progress="yes")
