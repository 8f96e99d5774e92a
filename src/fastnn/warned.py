"""Warnings of trainings that run in threads of their own: kept for the caller, by whose filters they go.

Filters are the process's, and no line of a worker is the user's. Called by whatever warns while a network is trained;
``many`` keeps what it hears, and warns in the caller's thread.
"""

import sys
import threading
import warnings
from contextlib import contextmanager

_of_thread = threading.local()


@contextmanager
def kept_in(kept):
    """Have warnings of this thread go into a list, as (message, category, function that warns of it)."""
    before = getattr(_of_thread, "kept", None)
    _of_thread.kept = kept
    try:
        yield
    finally:
        _of_thread.kept = before


def is_kept(message, category, warn):
    """Whether somebody keeps the warnings of this thread; then this one is among them."""
    kept = getattr(_of_thread, "kept", None)
    if kept is not None:
        kept.append((message, category, warn))
    return kept is not None


def warn(message, category=UserWarning, stacklevel=1):
    """As ``warnings.warn``."""
    if not is_kept(message, category, warn):
        warnings.warn(message, category, stacklevel=stacklevel + 1)


def warn_user(message, category=UserWarning):
    """Likewise, at the nearest line that is neither fastnn's nor scikit-learn's."""
    frame, level = sys._getframe(1), 1
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] in ("fastnn", "sklearn"):
        frame, level = frame.f_back, level + 1
    warn(message, category, level + 1)
