"""The same epoch on each instruction set of the machine that built these pages, measured while building them."""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np

import fastnn
from fastnn import simd

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((1078, 64), np.float32), np.eye(10)[rng.integers(0, 10, 1078)]
before, ways, times = simd.active(), [], []
for backend, target in [("numpy", None), ("cython", None), *(("simd", name) for name in simd.available())]:
    if target is not None:
        simd.use(target)
    best = float("inf")
    for _ in range(5):
        start = perf_counter()
        fastnn.train([64, 30, 10], X, Y, 40, random_state=0, dtype="float32", backend=backend, n_threads=1)
        best = min(best, 1e3 * (perf_counter() - start) / 40)
    ways.append(backend if target is None else f"simd, {target}")
    times.append(best)
simd.use(before)

figure, ax = plt.subplots(figsize=(5.6, 3.4), layout="constrained")
bars = ax.barh(ways, times, color=["#BBBBBB" if way in ("numpy", "cython") else "#0072B2" for way in ways])
ax.bar_label(bars, [f"{time:.2f} ms" for time in times], padding=4)
ax.set(xlabel="time of an epoch: 64-30-10, 1078 rows,\nfloat32, one thread, checks included")
ax.xaxis.set_major_formatter("{x:g} ms")
ax.invert_yaxis()
ax.margins(x=0.2)
