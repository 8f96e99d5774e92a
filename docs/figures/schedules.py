"""The rate of each of 1000 updates by the schedules."""

import matplotlib.pyplot as plt
import numpy as np

from fastnn import schedules

updates = np.arange(1000)
SHOWN = {
    "cosine, 3 cycles": schedules.cosine(1.0, cycles=3),
    "one_cycle": schedules.one_cycle(1.0),
    "cycles": schedules.cycles(1.0),
    "linear": schedules.linear(1.0, warmup=0.1),
    "step": schedules.step(1.0, step_size=250, gamma=0.5),
    "exponential": schedules.exponential(1.0, 0.01),
}

figure, axes = plt.subplots(2, 3, figsize=(5.6, 3.6), sharex=True, sharey=True, layout="constrained")
for ax, (name, schedule) in zip(axes.flat, SHOWN.items(), strict=True):
    ax.plot(updates, schedule.rates(updates, len(updates)), color="#0072B2")
    ax.set(title=name, xticks=[0, 1000], yticks=[0, 1])
figure.supxlabel("update", size="medium")
figure.supylabel("rate, of the highest", size="medium")
