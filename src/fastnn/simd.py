"""Which instruction set and how many threads the SIMD engine uses: seen, and chosen, at run time.

The fastest that the build has and the CPU and its operating system can run is taken when fastnn is imported, or the one
that the environment variable FASTNN_SIMD names. Threads are OpenMP's: OMP_NUM_THREADS and threadpoolctl set how many.
"""

import os
from typing import Any

from fastnn import _engine
from fastnn.checks import check_name

__all__ = ["active", "available", "info", "multiply_adds", "use"]


def __dir__():
    return __all__


def available() -> tuple[str, ...]:
    """Return the names of the instruction sets that this build and this machine have, slowest first.

    "baseline" is what every CPU of the architecture has, and always there; on x86-64 "avx2" is AVX2 with FMA, "avx512"
    AVX-512 F, VL, DQ and BW; on AArch64 "neon" is NEON by its own instructions and for all of its registers.

    Returns
    -------
    names : tuple of str
    """
    return _engine.targets()


def active() -> str:
    """Return the name of the instruction set in use.

    Returns
    -------
    name : str
        One of `available`.
    """
    return _engine.active()[0]


def use(name: str) -> None:
    """Use an instruction set from now on, in all threads.

    Results differ between instruction sets by rounding: those with FMA round a multiply-add once, "baseline" on x86-64
    twice.

    Parameters
    ----------
    name : str
        One of `available`.

    Raises
    ------
    TypeError, ValueError
        If there is no such instruction set here.

    Examples
    --------
    >>> from fastnn import simd
    >>> before = simd.active()
    >>> simd.use("baseline")
    >>> simd.active()
    'baseline'
    >>> simd.use(before)
    """
    check_name("instruction set", name, available())
    _engine.use(available().index(name))


def info() -> dict[str, Any]:
    """Return what the engine would use now.

    Returns
    -------
    info : dict
        ``target``, the instruction set in use; ``vector_bytes``, its bytes a vector; ``available``, all that there are
        here; ``openmp``, whether this build has threads; ``forked``, whether this process came out of a fork, which
        leaves it one; ``n_threads``, how many a call may use here and now, if it is not told a number: the least of
        OMP_NUM_THREADS, threadpoolctl's limit and the CPUs that the process may run on.

    Examples
    --------
    >>> from fastnn import simd
    >>> sorted(simd.info())
    ['available', 'forked', 'n_threads', 'openmp', 'target', 'vector_bytes']
    """
    target, vector_bytes = _engine.active()
    has_openmp, is_forked, n_threads = _engine.threads()
    return {
        "target": target,
        "vector_bytes": vector_bytes,
        "available": available(),
        "openmp": has_openmp,
        "forked": is_forked,
        "n_threads": n_threads,
    }


def multiply_adds(dtype: str, n: int) -> float:
    """Run n rounds of independent multiply-adds in the active instruction set: the benchmark's yardstick.

    Parameters
    ----------
    dtype : {"float32", "float64"}
    n : int

    Returns
    -------
    n_operations : float
        Floating-point operations made, two a multiply-add; over the time they took it is the peak rate of a core.
    """
    check_name("dtype", dtype, ["float32", "float64"])
    return _engine.multiply_adds(dtype == "float64", n)


if os.environ.get("FASTNN_SIMD"):
    check_name("instruction set in the environment variable FASTNN_SIMD:", os.environ["FASTNN_SIMD"], available())
    use(os.environ["FASTNN_SIMD"])
