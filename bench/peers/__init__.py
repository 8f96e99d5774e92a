"""The benchmark against other libraries: ``python -m bench --peers``, with the extra [peers] installed.

``cases`` says what is computed and on which data, one ``NAME_peer`` how each library does it at its best, ``worker``
is the process that a library has to itself and ``process`` the driver's end of it. ``run`` has them take turns,
``reference`` says what the numbers must be, ``report`` shows them. A new library is a module and a line below.
"""

#: Name, as in ``--only`` -> the module that its process runs.
PEERS = {
    name: f"bench.peers.{name}_peer" for name in ("fastnn", "numpy", "numba", "jax", "torch", "sklearn", "onnxruntime")
}
