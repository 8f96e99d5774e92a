"""What the tests of checkpoints share: all that a training has come to, by its bits; and 200 real kills.

``python tests/kept.py N`` trains again and again in processes of its own, kills each at a random moment, lets the next
go on, and compares what comes out with a training without checkpoints. It prints how many there were of what.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

#: Of an estimator's state, what is asked for and says nothing of what it has come to.
ASKED = ("checkpoint", "checkpoint_every", "callback", "max_iter")


def bits(value):
    """Nested lists and strings in which two things are equal only if all their numbers have the same bits."""
    if isinstance(value, dict):
        return [[str(key), bits(entry)] for key, entry in sorted(value.items(), key=lambda pair: str(pair[0]))]
    if isinstance(value, list | tuple):
        return [type(value).__name__, *map(bits, value)]
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), value.tobytes().hex()]
    if isinstance(value, np.random.RandomState):
        return bits(value.get_state(legacy=False))
    if isinstance(value, np.random.Generator):
        return bits(value.bit_generator.state)
    if isinstance(value, float):
        return [type(value).__name__, float(value).hex()]
    if value is None or isinstance(value, str | bool | int):
        return repr(value)
    return bits(vars(value)) if hasattr(value, "__dict__") else repr(value)


def of_result(result):
    """All that ``train`` gives back."""
    left = {**vars(result._continuation), "draws": result._continuation.draws._source}
    left["kept"] = {name: {k: v for k, v in own.items() if k != "plan"} for name, own in left["kept"].items()}
    own = {name: getattr(result, name) for name in ("W", "b", "cost", "loss_curve", "history", "n_iter", "n_updates")}
    return bits({**own, "best_iteration": result.best_iteration, "how": tuple(result._how), "left": left})


def of_estimator(estimator):
    """All that an estimator has learned."""
    return bits({name: value for name, value in estimator.__getstate__().items() if name not in ASKED})


def cases():
    """Trainings that take some hundredths of a second: callables of what is asked for of checkpoints."""
    import fastnn
    from fastnn.training import checkpoints

    checkpoints.SHARE = float("inf")  # as many as are asked for, though they take most of the time
    rng = np.random.default_rng(0)
    X = rng.standard_normal((600, 20))
    y = (X @ rng.standard_normal((20, 4))).argmax(axis=1)

    def train(checkpoint_every=7, **kept):
        kept = {**kept, "checkpoint_every": checkpoint_every} if kept else {}
        return of_result(
            fastnn.train(
                [20, 30, 4], X, y, 2000, fastnn.schedules.cosine(0.01), activation="tanh", loss="log_loss",
                solver="adam", dropout=0.1, init="glorot_normal", batch_size=32, validation_split=0.1,
                early_stopping=True, n_iter_no_change=1000, random_state=np.random.default_rng(5), **kept,
            )
        )  # fmt: skip

    def fit(checkpoint_every=1, **kept):
        kept = {**kept, "checkpoint_every": checkpoint_every} if kept else {}
        model = fastnn.MLPClassifier(
            (30,), batch_size=32, max_iter=60, early_stopping=True, n_iter_no_change=50, dropout=0.1, random_state=1,
            track=["score", "gradient_norm"], **kept,
        )  # fmt: skip
        return of_estimator(model.fit(X, y))

    return {"train": train, "fit": fit}


def killed(case, folder, answer, seconds):
    """Go on with a training in a process of its own, and kill that after so many seconds; return whether it was."""
    pid = os.fork()
    if pid == 0:
        try:
            Path(answer).write_text(json.dumps(case(checkpoint=folder)))
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    return os.WIFSIGNALED(status)


def kill(name, n_kills):
    """Kill trainings of one face so often; return how many there were of what."""
    case, rng = cases()[name], random.Random(name)
    expected, n_killed, n_resumed, n_finished = case(), 0, 0, 0
    with tempfile.TemporaryDirectory() as scratch:
        folder, answer = Path(scratch, "run"), Path(scratch, "answer")
        started = time.perf_counter()
        case(checkpoint=Path(scratch, "timed"))
        longest = time.perf_counter() - started
        while n_killed < n_kills:
            n_resumed += folder.exists() and any(folder.glob("checkpoint-*"))
            n_killed += killed(case, folder, answer, rng.uniform(0, longest))
            assert len(list(folder.glob("checkpoint-*"))) <= 3 if folder.exists() else True
            if answer.exists() and answer.read_text():
                assert json.loads(answer.read_text()) == expected, f"{name}: other bits after {n_killed} kills"
                n_finished += 1
                answer.unlink()
                shutil.rmtree(folder)
        assert case(checkpoint=folder) == expected, f"{name}: other bits at the end"
    return {"killed": n_killed, "resumed": n_resumed, "finished": n_finished + 1}


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    print(json.dumps({name: kill(name, int(sys.argv[1])) for name in ("train", "fit")}))
