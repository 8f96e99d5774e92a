"""One method in a process of its own: reads tasks from standard input and writes what it found, JSON a line each.

The driver (``run.py``) starts it with one thread to everything, which libraries read when they are imported. The first
line says which versions will answer, or that the method is absent.
"""

import ctypes
import gc
import hashlib
import json
import resource
import sys
import warnings
from contextlib import redirect_stdout
from pathlib import Path
from time import process_time

from sklearn import config_context
from threadpoolctl import threadpool_limits

from bench.tables import data, sets
from bench.tables.methods import BY_NAME
from bench.tables.scores import scores_of, split_of

#: Fields of /proc/self/status: the largest resident size since it was last reset, and the present one, in kB.
PEAK, NOW = "VmHWM", "VmRSS"


def memory(field):
    """Return a field of this process's memory in bytes; where the kernel does not say, the peak of its whole life."""
    status = Path("/proc/self/status")
    if not status.exists():
        return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(1024 * int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))


def forget_peak():
    """Give back what is free, and have the peak begin at what is resident then, on systems that can."""
    gc.collect()
    if hasattr(ctypes.CDLL(None), "malloc_trim"):
        ctypes.CDLL(None).malloc_trim(0)
    path = Path("/proc/self/clear_refs")
    if path.exists():
        path.write_text("5")


def identity(method):
    """Return the versions, and kind -> a digest of these and of the estimator's settings, of ours defaults too."""
    versions = method.versions()
    with config_context(print_changed_only=not method.is_ours):
        texts = {kind: f"{versions} {method.build(kind != 'regression')!r}" for kind in ("classes", "regression")}
    return {"versions": versions, "digests": {k: hashlib.sha256(t.encode()).hexdigest()[:8] for k, t in texts.items()}}


def warm_up(method):
    """Fit once for each kind: what is imported late is not in the first table's time."""
    for table in data.QUICK[1:]:
        X, y = data.load(table)
        method.build(table.kind != "regression").fit(X, y).predict(X)


def measure(method, table, split, max_rows):
    """Return what one fit and its predictions gave."""
    X, y, X_test, y_test = split_of(*data.load(table, max_rows), table.kind, split)
    is_classes = table.kind != "regression"
    model = method.build(is_classes)
    forget_peak()
    before, start = memory(NOW), process_time()
    model.fit(X, y)
    fitted, peak = process_time(), memory(PEAK)
    probabilities = model.predict_proba(X_test) if is_classes else None
    predicted = probabilities.argmax(axis=1) if is_classes else model.predict(X_test)
    done = process_time()
    return {
        **scores_of(table.kind, y_test, predicted, probabilities),
        "rows": len(X) + len(X_test),
        "fit_seconds": fitted - start,
        "predict_seconds": done - fitted,
        "fit_bytes": peak - before,
        "table_bytes": int(X.memory_usage(index=False, deep=True).sum()),
    }


def main():
    """Answer until standard input ends."""
    answers, method = sys.stdout, BY_NAME[sys.argv[1]]

    def say(**what):
        print(json.dumps(what), file=answers, flush=True)

    warnings.simplefilter("ignore")
    with redirect_stdout(sys.stderr):
        try:
            say(**identity(method))
        except (ImportError, AttributeError) as reason:
            say(absent=str(reason))
            return
        with threadpool_limits(1):
            is_warm = False
            for line in sys.stdin:
                task = json.loads(line)
                if not is_warm:
                    warm_up(method)
                    is_warm = True
                try:
                    say(**measure(method, sets.BY_NAME[task["table"]], task["split"], task["max_rows"]))
                except Exception as error:  # a method that fails on a table is told, not hidden
                    say(failed=f"{type(error).__name__}: {error}"[:500])


if __name__ == "__main__":
    main()
