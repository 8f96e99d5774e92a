"""The driver's end of a worker: start it with one thread on one core, ask it, stop it."""

import json
import os
import subprocess
import sys
import tempfile

#: What keeps each library at one thread.
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "JAX_PLATFORMS": "cpu",
}


class WorkerError(Exception):
    """A worker answered with an error, or died."""


class AbsentError(WorkerError):
    """A library is not installed."""


class Process:
    """A running worker; a context manager.

    Parameters
    ----------
    module : str
        The peer's module.

    Attributes
    ----------
    versions : dict
        The library's packages and their versions.

    Raises
    ------
    AbsentError
        If the module cannot be imported.
    WorkerError
        If it fails otherwise.
    """

    def __init__(self, module):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"} | ONE_THREAD
        core = max(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop()
        command = [sys.executable, "-m", "bench.peers.worker", module, str(core)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self.log, text=True, env=environment)
        try:
            self.versions = self.ask("versions")["versions"]
        except WorkerError:
            self.stop()
            raise

    def ask(self, do, **fields):
        """Send a command and return the answer."""
        try:
            self.process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it
        line = self.process.stdout.readline()
        if not line:
            raise WorkerError(f"the process ended with code {self.process.wait()}: {self.last_words()}")
        answer = json.loads(line)
        if "error" in answer:
            raise (AbsentError if answer["absent"] else WorkerError)(answer["error"])
        return answer

    def last_words(self):
        """Return the last line that the worker wrote to standard error."""
        self.log.seek(0)
        return (self.log.read().strip().splitlines() or ["no message"])[-1]

    def stop(self):
        """End the worker and wait for it."""
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
