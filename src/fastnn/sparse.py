"""Sparse matrices, as SciPy makes them, made the rows that the engine takes: CSR, each in the order of its columns.

Called by ``checks`` and by the estimators, for the X of a call once. It knows the matrices only by what those of all
formats have in common, and imports no library; whether the entries are finite is left to the callers.
"""

from typing import Any, Protocol

import numpy as np


class SparseMatrix(Protocol):
    """A sparse matrix or array of any format."""

    dtype: np.dtype
    shape: tuple[int, ...]

    def tocsr(self) -> Any: ...


def is_sparse(value):
    """Whether this is a sparse matrix."""
    return type(value) is not np.ndarray and hasattr(value, "tocsr")


def csr_in_order(argument, X):
    """Return X (n_samples, n_in) as CSR, the entries of each row in the order of their columns, each once.

    X itself where it is that; else something new. Columns out of range are for the engine to find.
    """
    csr = X.tocsr()
    starts, n_room = csr.indptr, min(len(csr.indices), len(csr.data))
    # SciPy believes these, and would read what lies beyond the arrays.
    if len(starts) != csr.shape[0] + 1 or starts[0] != 0 or starts[-1] > n_room or (starts[:-1] > starts[1:]).any():
        raise ValueError(f"{argument} is not a CSR matrix: its indptr is out of range")
    if not csr.has_canonical_format:
        csr = csr.copy() if csr is X else csr
        csr.sum_duplicates()
    n_entries = int(csr.indptr[-1])
    return csr if len(csr.data) == n_entries else with_entries(csr, csr.data[:n_entries])


def with_entries(csr, entries):
    """Return CSR rows that have these numbers as their entries; `csr` itself where they are its own."""
    if entries is csr.data:
        return csr
    return type(csr)((entries, csr.indices[: len(entries)], csr.indptr), shape=csr.shape)


def place_of(csr, entry):
    """Row and column of an entry by its number."""
    return int(np.searchsorted(csr.indptr, entry, side="right")) - 1, int(csr.indices[entry])
