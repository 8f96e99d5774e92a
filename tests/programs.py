"""What the tests of exported C share: programs that have networks of C predict, compiled without a warning."""

import shutil
import subprocess
from itertools import pairwise

import numpy as np
import pytest

from fastnn.network import Network

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
COMPILERS = {
    "gcc": ["gcc", "-std=c99", "-O2"],
    "gcc-unoptimised": ["gcc", "-std=c99", "-O0", *SANITIZERS],
    "gcc-native": ["gcc", "-O3", "-march=native"],
    "g++": ["g++", "-x", "c++", "-std=c++11", "-O2"],
    "clang": ["clang", "-std=c99", "-O1"],
    "clang++": ["clang++", "-x", "c++", "-std=c++11", "-O1"],
}
RNG = np.random.default_rng(3)
ROWS = np.vstack([RNG.standard_normal((12, 3)), 50 * RNG.standard_normal((4, 3)), np.zeros((1, 3))]).astype(np.float32)


def compiled(folder, source, compiler="gcc", *options, name="program"):
    """A program of a source in this folder, or of a text, without a warning."""
    command = [*COMPILERS.get(compiler, [compiler])]
    if not shutil.which(command[0]):
        pytest.skip(f"no {command[0]}")
    if "\n" in source:
        (folder / "main.c").write_text(source)
        source = "main.c"
    made = [*command, *WARNINGS, *options, *source.split(), "-o", name, "-lm"]
    done = subprocess.run(made, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[:4000]
    return folder / name


READ = """\
#include <stdio.h>
%(includes)s
%(functions)s
int main(void) {
    int row;
%(calls)s
    return 0;
}
"""
FUNCTION = """\
static int run_%(name)s(void) {
    %(real)s inputs[%(upper)s_N_INPUTS], outputs[%(upper)s_N_OUTPUTS];
    if (fread(inputs, sizeof inputs, 1, stdin) != 1) {
        return 1;
    }
    %(name)s_predict(inputs, outputs);
    return fwrite(outputs, sizeof outputs, 1, stdout) != 1;
}
"""


def program_of(networks, n_rows, reals):
    """The source of a program that has each network predict as many rows, of the types `reals`."""
    each = [{"name": name, "upper": name.upper(), "real": real} for name, real in zip(networks, reals, strict=True)]
    call = "    for (row = 0; row < {}; row++) {{\n        if (run_{}()) {{\n            return 1;\n        }}\n    }}"
    return READ % {
        "includes": "\n".join(f'#include "{name}.h"' for name in networks),
        "functions": "\n".join(FUNCTION % one for one in each),
        "calls": "\n".join(call.format(n_rows, name) for name in networks),
    }


def outputs_of(program, networks, rows):
    """What it computes: a list of arrays, one a network, of the dtype of its rows."""
    given = b"".join(of.tobytes() for of in rows)
    done = subprocess.run(program, input=given, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr[:3000]
    found, outputs = done.stdout, []
    for network, of in zip(networks, rows, strict=True):
        n = len(of) * network.layer_sizes[-1]
        outputs.append(np.frombuffer(found[: n * of.itemsize], of.dtype).reshape(len(of), -1))
        found = found[n * of.itemsize :]
    assert found == b""
    return outputs


def drawn(sizes, activation="tanh", output_activation="identity", dtype="float64", scale=1.0, **options):
    W = [scale * RNG.standard_normal((n_out, n_in)) / n_in**0.5 for n_in, n_out in pairwise(sizes)]
    b = [RNG.standard_normal(len(layer)) for layer in W]
    return Network(W, b, activation=activation, output_activation=output_activation, dtype=dtype, **options)
