"""The run: table by table and split by split the methods take turns, each in a process of its own with one thread."""

import json
import os
import subprocess
import sys
from contextlib import ExitStack, suppress

from bench.peers.process import settings


class Worker:
    """A method's process; a context manager.

    Attributes
    ----------
    identity : dict
        "versions" and "digests", or why the method is "absent".
    """

    def __init__(self, method):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"} | settings(1)
        command = [sys.executable, "-m", "bench.tables.worker", method.name]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        self.identity = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"absent": f"its process ended with code {self.process.wait()}"}

    def measure(self, task):
        """Return what the method gives for a task, or why it "failed"."""
        with suppress(BrokenPipeError):  # the missing answer says it
            print(json.dumps(task), file=self.process.stdin, flush=True)
        found = self._answer()
        return {"failed": found["absent"]} if "absent" in found else found

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if exception[0] is not None:
            self.process.kill()
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def start(methods, stack):
    """Start the methods' processes; return method -> `Worker` of those that run. Say why others do not."""
    workers = {method: stack.enter_context(Worker(method)) for method in methods}
    for method, worker in workers.items():
        said = worker.identity.get("absent")
        print(f"  {method.label}: left out ({said})" if said else f"  {method.label}: {worker.identity['versions']}")
    return {method: worker for method, worker in workers.items() if "absent" not in worker.identity}


def measure_all(results, tables, methods, splits, watched, **about):
    """Measure what `results` does not have yet; return what failed, a line each.

    Parameters
    ----------
    results : Results
    tables : iterable of Table
    methods : iterable of Method
    splits : iterable of int
    watched : callable
        Takes a list of tasks and yields them, on a bar or not.
    **about
        "max_rows", "cpu", "alone" and "label", which is of our own methods.
    """
    failures = []
    with ExitStack() as stack:
        workers = start(methods, stack)
        tasks, n_known = [], 0
        for table in tables:
            digest = "regression" if table.kind == "regression" else "classes"
            for split in splits:
                for method, worker in workers.items():
                    task = about | {"table": table.name, "data": table.digest, "split": split, "method": method.name}
                    task |= {"kind": table.kind, "digest": worker.identity["digests"][digest]}
                    task |= {"label": about["label"] if method.is_ours else "", "versions": worker.identity["versions"]}
                    if results.has(task, about["alone"]):
                        n_known += 1
                    else:
                        tasks.append((worker, task))
        print(f"  {len(tasks)} results to measure, {n_known} are known\n")
        for worker, task in watched(tasks):
            found = worker.measure(task)
            if "failed" in found:
                failures.append(f"{task['method']} on {task['table']}, split {task['split']}: {found['failed']}")
                print(f"  FAILED: {failures[-1]}")
            else:
                results.add(task | found)
    return failures
