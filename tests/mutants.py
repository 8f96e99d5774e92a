"""Forty-three lines of the kernels, each broken once, on purpose: every break must make a test fail.

``python tests/mutants.py`` takes half an hour; the arguments, if any, choose mutants by number. A mutant of
``csrc`` is compiled into the C tests of tests/c, for both dtypes; what survives them, and a mutant of the Cython
loops, is built in a copy of the tree, on which some of the Python tests are run. Ends with an error if a mutant
survives. pytest does not collect it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from test_c import DTYPES, TEAMS, program

ROOT = Path(__file__).parents[1]

#: File, a piece of one of its lines, which is there once, and what it becomes.
MUTANTS = [
    ("csrc/simd/vmath.h", "0.00836317905f", "0.00936317905f"),
    ("csrc/simd/vmath.h", "v_abs(x[k]), v_all(TANH_LOWEST)", "x[k], v_all(TANH_LOWEST)"),
    ("csrc/simd/vmath.h", "return v_log(u) + (t - (u - v_all(1))) / u;", "return v_log(u);"),
    ("csrc/simd/vmath.h", "result = v_select(v_equal(x, v_all(0)), v_all(-(real)INFINITY), result);", ";"),
    ("csrc/kernels/activations.h", "s.square = v_all(-1);\n        break;\n    case FASTNN_ACTIVATION_relu:",
     "s.square = v_all(1);\n        break;\n    case FASTNN_ACTIVATION_relu:"),
    ("csrc/kernels/activations.h", "s.above = v_all(0);", "s.above = v_all(-1);"),
    ("csrc/kernels/activations.h", "v_fma(bounded, rises, v_select(negative, below, above) * share)", "rises"),
    ("csrc/kernels/activations.h", "v_fma(bounded * density, v_all((real)0.3989422804014327), p)", "p"),
    ("csrc/kernels/tile.h", "(r - 3) * a_row", "(r - 2) * a_row"),
    ("csrc/kernels/tile.h", "sum[r][c] = v_max(sum[r][c], lowest);", ";"),
    ("csrc/kernels/dense.h", "block.adds = p->adds || first > 0;", "block.adds = p->adds;"),
    ("csrc/kernels/dense.h", "rows.out += row * p->out_stride;", ";"),
    ("csrc/simd/transpose.h", "n_columns - n + i", "n_columns - n"),
    ("csrc/kernels/joint.h", "v_fma(v_load(y + i), v_load(z + i), dot)", "v_fma(v_load(y + i), v_load(y + i), dot)"),
    ("csrc/kernels/formulas.h", "return y * log_y - y * z + *derivative;", "return y * log_y - y * z;"),
    ("csrc/kernels/formulas.h", "*delta = *delta * v_slope(slope, *h);", ";"),
    ("csrc/kernels/formulas.h", "v_mask(v_less(v_all(0), margin), -y)", "-y"),
    ("csrc/kernels/joint.h", "softplus(of_z).h : of_z", "of_z : of_z"),
    ("csrc/kernels/joint.h", "(share - scaled * scaled)", "(share - scaled)"),
    ("csrc/kernels/losses.h", "v_mask(v_first(n), v_load(of_z))", "v_load(of_z)"),
    ("csrc/kernels/solvers.h", "(nesterov ? v_fma(v_all(s->momentum), v, step) : v)", "v"),
    ("csrc/kernels/solvers.h", "v_fma(-decay, v_load(p + i), v_load(p + i))", "v_load(p + i)"),
    ("csrc/kernels/solvers.h", "(n_updates_before + 1)", "(n_updates_before + 2)"),
    ("csrc/kernels/solvers.h", "v_fma(l1, v_sign(w), v_fma(l2, w, gradient))", "v_fma(l2, w, gradient)"),
    ("csrc/kernels/solvers.h", "ahead / (1 - product * ahead)", "ahead / (1 - product)"),
    ("csrc/kernels/solvers.h", "gradient = v_mask(~has_turned, gradient);", ";"),
    ("csrc/kernels/solvers.h", "v_fma(v_all(s->beta_1), m, v_all(s->rest_1) * gradient)", "m"),
    ("csrc/kernels/step.h", "sqrt(total) + 1e-6", "total + 1e-6"),
    ("csrc/kernels/step.h", "own.decay *= training->decays ? (real)training->decays[l] : rate;", ";"),
    ("csrc/kernels/step.h", "v_less(most, norm), most / norm", "v_less(most, norm), most"),
    ("csrc/kernels/dropout.h", "v_mask(stays, slope * factor)", "v_mask(stays, slope)"),
    ("csrc/kernels/dropout.h", "(int64_t)row * d->slots_a_row", "(int64_t)row"),
    ("csrc/kernels/batch.h", " && me->rates[2 * l + 1] == 0", ""),
    ("csrc/kernels/batch.h", "    return l;", "    return l + 1;"),
    ("csrc/kernels/penalty.h", "sum + v_abs(w)", "sum + w"),
    ("csrc/kernels/network.h", "*bias = adds ? *bias + total : total;", "*bias = total;"),
    ("csrc/kernels/team.h", "n / n_threads * i + n % n_threads * i / n_threads", "n / n_threads * i"),
    ("src/fastnn/_elementary.pxd", "return h * (one - h)", "return h * (one + h)"),
    ("src/fastnn/_elementary.pxd", "return 1 if h > 0 else 0", "return 1 if h >= 0 else 0"),
    ("src/fastnn/_sample.pxd", "total2 += parameters[w + 2 * n_in + j] * x", "total2 += parameters[w + n_in + j] * x"),
    ("src/fastnn/_sample.pxd",
     "delta[j] *= slope(before.activation, before.parameter, z[j], h[j])", "delta[j] *= 1"),
    ("src/fastnn/_losses.pxd", "return -2 * y * relu(1 - y * z)", "return -2 * y * (1 - y * z)"),
    ("src/fastnn/_losses.pxd", "total += exp(z[i] - top)", "total += exp(z[i])"),
]  # fmt: skip


def c_tests_fail(tree):
    """Whether the C tests of this tree do, in one of the dtypes; a mutant that does not compile is none."""
    failed = False
    for dtype in DTYPES:
        built = program(TEAMS, dtype, ["-fopenmp", "-w"], tree, tree)
        try:
            failed = subprocess.run([built], capture_output=True, timeout=1800).returncode != 0 or failed
        except subprocess.TimeoutExpired:  # it goes round in circles
            failed = True
    return failed


def python_tests_fail(tree):
    """Whether the Python tests of the numbers do, on a build of this tree."""
    build = [sys.executable, "setup.py", "-q", "build_ext", "--inplace", "--build-temp", "build/mutant"]
    environment = {**os.environ, "PYTHONPATH": str(tree / "src")}
    subprocess.run(build, check=True, cwd=tree, capture_output=True)
    tests = [f"tests/test_{name}.py" for name in ("kernels", "oracles", "vmath", "agreement")]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, env=environment, capture_output=True).returncode == 1


def main(chosen):
    """Try the mutants; return how many survived."""
    n_survivors = 0
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        left_out = shutil.ignore_patterns(".git", ".venv*", "build", "*.so", "results", "docs", "__pycache__")
        shutil.copytree(ROOT, tree, ignore=left_out)
        if python_tests_fail(tree) or c_tests_fail(tree):
            sys.exit("the tests fail without a mutant")
        for number, (name, old, new) in enumerate(MUTANTS, start=1):
            if chosen and number not in chosen:
                continue
            path = tree / name
            text = path.read_text()
            if text.count(old) != 1:
                sys.exit(f"{name} has {text.count(old)} times, not once: {old}")
            path.write_text(text.replace(old, new))
            by = "by the C tests" if name.startswith("csrc") and c_tests_fail(tree) else None
            by = by or ("by the Python tests" if python_tests_fail(tree) else None)
            path.write_text(text)
            n_survivors += by is None
            print(f"{number:>2} {f'caught {by}' if by else 'SURVIVED'}: {name}: {old.splitlines()[0]}", flush=True)
    return n_survivors


if __name__ == "__main__":
    survivors = main({int(number) for number in sys.argv[1:]})
    sys.exit(f"{survivors} mutants survived" if survivors else None)
