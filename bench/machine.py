"""What machine and which versions the figures belong to."""

import os
import platform
from importlib.metadata import version
from pathlib import Path

import fastnn

#: The vector instruction sets worth naming, as the kernel lists them.
FEATURES = ("sse2", "avx", "avx2", "fma", "avx512f", "avx512_bf16", "asimd")


def describe():
    """Return a dict of the CPU's name and features, the number of cores, and versions."""
    cpu, flags = platform.processor() or platform.machine(), set()
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields = [line.partition(":") for line in info.read_text().splitlines()]
        values = {name.strip(): value.strip() for name, _, value in reversed(fields)}
        flags = set(values.get("flags", values.get("Features", "")).split())
        if "model name" in values:
            family = f"family {values['cpu family']}, model {values['model']}" if "cpu family" in values else ""
            cpu = f"{values['model name']} ({family})"
    return {
        "cpu": cpu,
        "features": [name for name in FEATURES if name in flags],
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": version("numpy"),
        "fastnn": fastnn.__version__,
    }
