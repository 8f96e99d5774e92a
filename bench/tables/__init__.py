"""Real tables against trees: ``python -m bench --tables``.

``data.py`` reads tables, which are listed in ``forty.py`` and ``held_back.py`` (``sets.py``: by name). ``methods.py``
has who answers, ``worker.py`` is one method in a process of its own, ``run.py`` the driver's end, ``scores.py`` how
good an answer is. ``results.py`` keeps what was measured, ``measures.py`` makes ratios of it, ``report.py`` and
``chart.py`` show them.
"""
