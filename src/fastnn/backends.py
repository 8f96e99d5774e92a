"""The registry of backends: name -> the three functions that each offers, all with the same arguments.

``forward(network, parameters, X, out)``, ``loss_and_gradient(network, loss, parameters, X, y, sample_weight, l2,
gradient)`` and ``run(state, training, X, y, ...)``; `fastnn.reference.descent.run` documents them in full.
"""

from fastnn import _loops
from fastnn.checks import check_name
from fastnn.reference import batched, loops

BACKENDS = {"python": loops, "numpy": batched, "cython": _loops}

#: What "auto" picks: the fastest there is.
FASTEST = "cython"


def get_backend(name):
    """Return the backend called `name`; "auto" is the fastest."""
    check_name("backend", name, ["auto", *BACKENDS])
    return BACKENDS[FASTEST if name == "auto" else name]
