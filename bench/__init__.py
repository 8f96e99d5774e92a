"""The benchmark: ``python -m bench`` from the root of a checkout, with the extra [bench] installed.

``cases`` says what is computed and by whom, ``timing`` how it is timed, ``machine`` on what, ``report`` how it is
shown; ``__main__`` puts them together.
"""
