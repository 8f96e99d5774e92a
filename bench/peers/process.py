"""The driver's end of a worker: start it with so many threads on as many cores, ask it, stop it.

Between its answers a worker is halted: idle threads of some libraries look out for work in a loop, Numba's for ever,
and would slow the others' turns.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading

#: Seconds for an answer: to compile and to run the largest case takes a fraction of it.
PATIENCE = 600.0


def settings(n_threads):
    """Return what has each library use so many threads."""
    variables = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    eigen = "true" if n_threads > 1 else "false"
    return {name: str(n_threads) for name in variables} | {
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen} intra_op_parallelism_threads={n_threads}",
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
    n_threads : int, default 1

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

    def __init__(self, module, n_threads=1):
        environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
        environment |= settings(n_threads)
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else range(n_threads)
        cores = ",".join(map(str, cores[-n_threads:]))
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed by stop()
        command = [sys.executable, "-m", "bench.peers.worker", module, cores]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=self.log, text=True, env=environment)
        self.lines = queue.SimpleQueue()
        self.listener = threading.Thread(target=self.listen, daemon=True)
        self.listener.start()
        try:
            self.versions = self.ask("versions")["versions"]
        except BaseException:
            self.stop()
            raise

    def ask(self, do, **fields):
        """Send a command and return the answer; halt the worker until it is asked again."""
        self.go_on()
        try:
            self.process.stdin.write(json.dumps({"do": do, **fields}) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the missing answer says it
        try:
            line = self.lines.get(timeout=PATIENCE)
        except queue.Empty:
            self.process.kill()
            raise WorkerError(f"no answer to {do!r} within {PATIENCE:g} s; its process was ended") from None
        if not line:
            self.lines.put(line)  # whoever asks again hears the same
            raise WorkerError(f"the process ended with code {self.process.wait()}: {self.last_words()}")
        self.halt()
        answer = json.loads(line)
        if "error" in answer:
            raise (AbsentError if answer["absent"] else WorkerError)(answer["error"])
        return answer

    def halt(self):
        """Stop its threads where they are, on systems that can."""
        if hasattr(signal, "SIGSTOP"):
            self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        """Undo `halt`."""
        if hasattr(signal, "SIGCONT"):
            self.process.send_signal(signal.SIGCONT)

    def listen(self):
        """Take the answers in, each a line, and an empty one when there are no more."""
        with self.process.stdout as answers:
            for line in answers:
                self.lines.put(line)
        self.lines.put("")

    def last_words(self):
        """Return the last line that the worker wrote to standard error."""
        self.log.seek(0)
        return (self.log.read().strip().splitlines() or ["no message"])[-1]

    def stop(self):
        """End the worker and wait for it."""
        self.go_on()
        with contextlib.suppress(BrokenPipeError):  # of a worker that never read what it was asked last
            self.process.stdin.close()
        self.process.wait()
        self.listener.join()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
