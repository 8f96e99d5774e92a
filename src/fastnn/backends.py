"""The registry of backends: name -> the four functions that each offers, all with the same arguments.

A backend declares in ``SOLVERS`` which solvers its runs have; everything else all of them can.
``forward(network, parameters, X, out, n_threads)``; ``loss_and_gradient(network, objective, parameters, X, y,
sample_weight, l2, gradient, n_threads)``; ``evaluation(network, objective, X, y, sample_weight, l2, n_threads)``, which
opens the same for many points (`fastnn.reference.evaluation.Evaluation`); and ``begin(state, training, X, y,
sample_weight, largest_batch, n_threads)``, which opens a run; `fastnn.reference.descent.Run` documents it in full.
"""

from fastnn import _engine, _loops
from fastnn.checks import check_name
from fastnn.reference import batched, loops
from fastnn.sparse import is_sparse

#: Slowest first: "auto" takes the last that has the solver.
BACKENDS = {"python": loops, "numpy": batched, "cython": _loops, "simd": _engine}

#: Solvers that are no backend's runs -> the backends whose functions they take.
OTHERS = {"lbfgs": tuple(BACKENDS), "levenberg_marquardt": ("numpy",)}

#: The names of those whose runs keep the rules of the step.
KEEP_RULES = ("numpy", "simd")

#: The names of those that take rows as CSR, too.
TAKE_CSR = ("auto", "simd")


def backends_with(solver):
    """Return the names of the backends that can train by `solver`, fastest first; None: all."""
    if solver in OTHERS:
        return [name for name in reversed(BACKENDS) if name in OTHERS[solver]]
    return [name for name, backend in reversed(BACKENDS.items()) if solver is None or solver in backend.SOLVERS]


def get_backend(name, solver=None):
    """Return the backend called `name`; "auto" is the fastest that has the solver. None: any, it is not to train."""
    found = _FOUND.get((name, solver)) if isinstance(name, str) else None
    if found is None:
        found = _FOUND[name, solver] = _find(name, solver)
    return found


#: Names and solvers that have been asked for -> the backend.
_FOUND = {}


def _find(name, solver):
    check_name("backend", name, ["auto", *BACKENDS])
    able = backends_with(solver)
    if name == "auto":
        return BACKENDS[able[0]]
    if name not in able:
        choices = " or ".join(f"backend={other!r}" for other in [*able, "auto"])
        raise ValueError(f"solver={solver!r} is not available on backend={name!r}; use {choices}")
    return BACKENDS[name]


def check_keeps(name, rule):
    """Refuse a rule of the step, by its name, where the backend called `name` has none."""
    if name not in ("auto", *KEEP_RULES):
        choices = " or ".join(f"backend={other!r}" for other in [*reversed(KEEP_RULES), "auto"])
        raise ValueError(f"{rule} is not available on backend={name!r}; use {choices}")


def check_has(name, objective):
    """Refuse what the backend called `name` cannot make small."""
    if objective.function is not None and name not in ("auto", "numpy"):
        raise ValueError(
            f"a loss that is a function is not available on backend={name!r}; use backend='numpy' or backend='auto'"
        )
    if objective.quantiles and name in ("python", "cython"):
        raise ValueError(
            f"several quantiles are not available on backend={name!r}; use backend='simd' or backend='numpy' or "
            "backend='auto'"
        )
    if objective.heads and name in ("python", "cython"):
        raise ValueError(
            f"several heads are not available on backend={name!r}; use backend='simd' or backend='numpy' or "
            "backend='auto'"
        )


def check_takes(name, argument, X, objective=None):
    """Refuse sparse rows where the backend called `name`, or the one of the objective, takes dense ones alone."""
    if is_sparse(X) and objective is not None and objective.function is not None:
        raise TypeError(
            f"{argument} is a sparse matrix ({type(X).__name__}), which training by a loss that is a function does not "
            f"take; pass a dense array: {argument}.toarray()"
        )
    if is_sparse(X) and name not in TAKE_CSR:
        choices = " or ".join(f"backend={other!r}" for other in reversed(TAKE_CSR))
        raise TypeError(
            f"{argument} is a sparse matrix ({type(X).__name__}), which backend={name!r} does not take; use {choices}, "
            f"or pass a dense array: {argument}.toarray()"
        )
