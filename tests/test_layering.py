"""The walls of ARCHITECTURE.md: who may import whom, read from the source."""

import ast
import re
import sys
from pathlib import Path

import fastnn

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "fastnn"

#: Each module of fastnn -> the level it stands on. A module may import only from levels below its own.
LEVELS = {
    "_tables": 0,
    "frames": 0,
    "pace": 0,
    "split": 0,
    "input_scale": 0,
    "sparse": 0,
    "vocabulary": 0,
    "distribution": 0,
    "keywords": 0,
    "warned": 0,
    "checks": 1,
    "progress": 2,
    "activations": 2,
    "objective": 2,
    "schedules": 2,
    "rates": 3,
    "state": 2,
    "initial": 2,
    "labels": 2,
    "heads": 3,
    "observed": 3,
    "targets": 4,
    "encodings": 2,
    "spec": 3,
    "class_weights": 3,
    "step_rules": 2,
    "dropout": 2,
    "layers": 4,
    "portable": 4,
    "export.files": 0,
    "export.values": 5,
    "export.models": 8,
    "export.container": 5,
    "export.checkpoints": 6,
    "identity": 1,
    "training.checkpoints": 9,
    "resuming": 10,
    "estimators._checkpoints": 11,
    "interop.chain": 8,
    "interop.sklearn": 9,
    "interop.torch": 9,
    "interop.keras": 9,
    "interop.fann": 9,
    "export.c.text": 0,
    "export.c.activations": 0,
    "export.c.labels": 1,
    "export.c.self_test": 1,
    "export.c.floats": 3,
    "export.c.quantised": 5,
    "export.c.integers": 6,
    "export.c.file": 8,
    "export.c.members": 7,
    "export.onnx_graph": 0,
    "export.onnx_activations": 3,
    "export.onnx": 5,
    "interop.onnx_functions": 0,
    "interop.onnx_terms": 5,
    "interop.onnx_shapes": 6,
    "interop.onnx_nodes": 9,
    "interop.onnx": 10,
    "interop.skl2onnx": 16,
    "exchange": 6,
    "summary": 4,
    "reference.solvers": 2,
    "reference.dropout": 2,
    "reference.descent": 3,
    "reference.encodings": 3,
    "reference.evaluation": 3,
    "reference.loops": 4,
    "reference.losses": 3,
    "reference.elementary": 2,
    "reference.loop_losses": 3,
    "reference.batched": 4,
    "reference.tutorial": 4,
    "_elementary": 0,
    "_losses": 1,
    "_sample": 2,
    "_batch": 3,
    "_loops": 4,
    "_engine": 0,
    "simd": 5,
    "backends": 5,
    "elementwise": 5,
    "sensitivity": 5,
    "gradients": 5,
    "kernels": 6,
    "inspection": 6,
    "network": 7,
    "saturation": 6,
    "spoiled": 7,
    "training.batches": 7,
    "training.schedules": 7,
    "training.manners": 7,
    "training.listeners": 8,
    "training.measures": 7,
    "training.lbfgs": 7,
    "training.levenberg_marquardt": 7,
    "training.unheard": 8,
    "training.run": 9,
    "training.passes": 10,
    "result": 8,
    "continuation": 7,
    "reports": 9,
    "arguments": 10,
    "settings": 11,
    "course": 11,
    "one_update": 12,
    "train": 13,
    "many.crew": 1,
    "many.models": 9,
    "many.candidates": 0,
    "many.fitting": 14,
    "many.folds": 16,
    "many.scoring": 0,
    "many.cross_validation": 17,
    "piecewise": 5,
    "pieces.block": 2,
    "pieces.arrays": 3,
    "pieces.arrow": 3,
    "pieces.source": 4,
    "pieces.reading": 5,
    "pieces.feed": 6,
    "pieces.learned": 11,
    "training.stretches": 7,
    "estimators._pieces": 12,
    "predict": 8,
    "doctor.findings": 0,
    "doctor.inputs": 1,
    "doctor.case": 9,
    "doctor.targets": 10,
    "doctor.units": 10,
    "doctor.curves": 10,
    "doctor.examination": 11,
    "plots._common": 8,
    "plots._classifier": 7,
    "plots._decision_region": 13,
    "plots._loss_curve": 13,
    "plots._network_diagram": 13,
    "plots._weights": 13,
    "ensemble": 5,
    "estimators._intervals": 6,
    "estimators._members": 12,
    "estimators._parameters": 3,
    "estimators._activations": 4,
    "estimators._hooks": 0,
    "estimators._warnings": 0,
    "estimators._checks": 2,
    "estimators._held_back": 0,
    "estimators._scores": 3,
    "estimators._hidden": 13,
    "estimators._heads": 4,
    "estimators._plan": 4,
    "estimators._weights": 8,
    "estimators._lbfgs": 10,
    "estimators._moved": 11,
    "estimators._solvers": 11,
    "estimators._plain": 11,
    "estimators._course": 3,
    "estimators._quick": 12,
    "estimators._shared": 11,
    "estimators._extended": 12,
    "estimators._travelling": 13,
    "estimators._neighbours": 13,
    "estimators._saved": 14,
    "estimators._history": 9,
    "estimators._validation": 11,
    "estimators._callbacks": 10,
    "estimators._trained": 12,
    "estimators._base": 14,
    "estimators._classifier": 15,
    "estimators._labelled": 13,
    "estimators._regressor": 15,
    "interop.mlflow": 16,
    "dask.rows": 13,
    "dask.partitions": 14,
    "dask.sums": 14,
    "dask.averages": 14,
    "dask.fitting": 15,
    "dask.faces": 16,
    "dask.many": 15,
    "tabular.tables": 2,
    "tabular.kinds": 3,
    "tabular.moments": 4,
    "tabular.parts": 4,
    "tabular.columns_table": 0,
    "tabular.column": 5,
    "tabular.columns_state": 6,
    "tabular.columns": 7,
    "tabular.calibration": 0,
    "tabular.conformal": 0,
    "tabular.inspecting": 6,
    "tabular.uncertainty": 7,
    "tabular.network": 6,
    "tabular.recipe": 6,
    "tabular.parameters": 7,
    "tabular.split": 0,
    "tabular.targets": 4,
    "tabular.data": 0,
    "tabular.member": 10,
    "tabular.pacing": 11,
    "tabular.members": 12,
    "tabular.saved": 9,
    "tabular.export_onnx": 7,
    "tabular.export_c": 9,
    "tabular.travelling": 0,
    "tabular._base": 15,
    "tabular.classifier": 16,
    "tabular.regressor": 16,
    "cli.mistakes": 5,
    "cli.options": 6,
    "cli.output": 0,
    "cli.cells": 6,
    "cli.text": 6,
    "cli.reading": 7,
    "cli.sampling": 8,
    "cli.models": 16,
    "cli.learning": 17,
    "cli.predictions": 6,
    "cli.training": 19,
    "cli.train": 20,
    "cli.predict": 19,
    "cli.writing": 6,
    "cli.scores": 0,
    "cli.machine": 14,
    "cli.peers": 8,
    "cli.comparing": 9,
    "cli.findings": 18,
    "cli.evaluate": 19,
    "cli.compare": 19,
    "cli.info": 17,
    "cli.export": 17,
    "cli.plot": 17,
    "cli.doctor": 19,
    "cli.app": 21,
    "__main__": 0,
}
#: They only gather names.
ROOMS = (
    *("reference", "training", "estimators", "plots", "doctor", "export", "export.c", "interop", "many", "pieces"),
    *("dask", "tabular", "cli"),
)
DOORS = {"__init__", *(f"{room}.__init__" for room in ROOMS)}
#: Module, or the start of its name -> the packages that it alone may import.
OTHERS = {
    "estimators.": {"sklearn", "scipy"},
    "training.lbfgs": {"scipy"},
    "plots.": {"sklearn", "matplotlib"},
    "progress": {"tqdm"},
    "export.container": {"safetensors"},
    "exchange": {"onnx"},  # for type checkers
    "export.onnx": {"onnx", "fastnn"},  # its version
    "interop.onnx": {"onnx", "google"},
    "interop.skl2onnx": {"onnx", "skl2onnx"},
    "interop.mlflow": {"mlflow"},
    "interop.sklearn": {"sklearn"},
    **{f"many.{name}": {"sklearn", "scipy"} for name in ("candidates", "folds", "scoring", "cross_validation")},
    "interop.torch": {"torch"},
    "pieces.arrow": {"pyarrow"},
    "tabular.tables": {"narwhals"},
    **{
        f"tabular.{name}": {"sklearn"}
        for name in ("parameters", "travelling", "targets", "_base", "classifier", "regressor")
    },
    "tabular._base": {"sklearn", "threadpoolctl"},
    "tabular.export_onnx": {"onnx"},
    **{f"tabular.{name}": {"sklearn"} for name in ("inspecting", "uncertainty")},
    "interop.keras": {"keras"},
    "dask.": {"dask", "distributed", "sklearn", "scipy"},
    "cli.": {"typer", "rich", "polars", "fastnn"},  # its version
    **{f"cli.{name}": {"sklearn"} for name in ("scores", "peers")},
    "cli.comparing": {"sklearn", "threadpoolctl"},
    "cli.export": {"onnx"},
    "cli.plot": {"matplotlib"},
    "cli.training": {"sklearn"},
    "__main__": {"cli"},
}
#: Methods that only hand over -> the modules above them that they import when they are called.
HANDED_OVER = {
    "exchange": {
        "network",  # for type checkers
        *("export.c.file", "export.models", "export.onnx"),
        *("interop.fann", "interop.keras", "interop.onnx", "interop.sklearn", "interop.torch"),
    },
    "export.models": {"estimators._saved", "tabular.saved"},
    "tabular.travelling": {"tabular.saved", "tabular.export_onnx", "tabular.export_c"},
    "estimators._travelling": {"estimators._saved"},
    "estimators._members": {"many.fitting"},
    "many.fitting": {"dask.many"},
}


#: Each file of csrc -> the level it stands on. A file may include only files of levels below its own.
C_LEVELS = {
    "tables/activations.def": 0,
    "tables/encodings.def": 0,
    "tables/losses.def": 0,
    "tables/solvers.def": 0,
    "tables/targets.def": 0,
    "core/atomic.h": 0,
    "fastnn.h": 1,
    "core/spread.h": 2,
    "core/answers.c": 3,
    "core/dispatch.c": 3,
    "core/memory.c": 3,
    "core/threads.c": 3,
    "simd/types.h": 0,
    "simd/x86.h": 1,
    "simd/neon.h": 1,
    "simd/portable.h": 1,
    "simd/vector.h": 2,
    "simd/threefry.h": 1,
    "simd/transpose.h": 3,
    "simd/vmath.h": 3,
    "kernels/totals.h": 3,
    "kernels/activations.h": 4,
    "kernels/poll.h": 4,
    "kernels/solvers.h": 4,
    "kernels/row.h": 4,
    "kernels/sparse.h": 4,
    "kernels/formulas.h": 5,
    "kernels/joint.h": 6,
    "kernels/losses.h": 7,
    "kernels/tile.h": 5,
    "kernels/dense.h": 6,
    "kernels/layout.h": 7,
    "kernels/pack.h": 8,
    "kernels/inputs.h": 8,
    "kernels/penalty.h": 8,
    "kernels/dropout.h": 8,
    "kernels/encode.h": 8,
    "kernels/network.h": 9,
    "kernels/outputs.h": 9,
    "kernels/team.h": 8,
    "kernels/batch.h": 10,
    "kernels/predict.h": 10,
    "kernels/evaluation.h": 11,
    "kernels/step.h": 11,
    "kernels/training.h": 12,
    "kernels/engine.h": 13,
    **{
        f"targets/{name}_{dtype}.c": 14
        for name in ("baseline", "neon", "avx2", "avx512")
        for dtype in ("float32", "float64")
    },
}


def sources():
    for path in sorted(SOURCE.rglob("*.p*")):
        if path.suffix in (".py", ".pyx", ".pxd"):
            yield ".".join(path.relative_to(SOURCE).with_suffix("").parts), path


def imports(path):
    """Modules that a file imports; fastnn's own without the package's name."""
    if path.suffix in (".pyx", ".pxd"):
        found = re.findall(r"^(?:from|import) ([\w.]+)", path.read_text(), re.MULTILINE)
    else:
        found = []
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path}: relative import"
                inside = [f"{node.module}.{alias.name}" for alias in node.names]
                modules = [name for name in inside if name.removeprefix("fastnn.") in LEVELS]
                found += modules or [node.module]
    for name in found:
        yield name.removeprefix("fastnn.") if name.startswith("fastnn.") else name


def test_every_module_has_a_level():
    assert {name for name, _ in sources()} == set(LEVELS) | DOORS


def test_nothing_imports_upward():
    for name, path in sources():
        if name in DOORS:
            continue
        for imported in imports(path):
            if imported in LEVELS and imported not in HANDED_OVER.get(name, ()):
                same_room = LEVELS[imported] == LEVELS[name] and LEVELS[name] in (0, 1)
                assert LEVELS[imported] < LEVELS[name] or same_room, f"{name} imports {imported}"


def test_there_are_no_cycles():
    graph = {
        name: [i for i in imports(path) if i in LEVELS and i not in HANDED_OVER.get(name, ())]
        for name, path in sources()
        if name not in DOORS
    }
    finished = set()

    def visit(name, trail):
        assert name not in trail, f"cycle: {' -> '.join([*trail, name])}"
        if name not in finished:
            for imported in graph[name]:
                visit(imported, [*trail, name])
            finished.add(name)

    for name in graph:
        visit(name, [])


def test_who_imports_more_than_numpy_and_the_standard_library():
    for name, path in sources():
        if name in DOORS:
            continue
        known = {*sys.stdlib_module_names, "numpy", "cython", "libc"}
        known |= {package for room, packages in OTHERS.items() if name.startswith(room) for package in packages}
        for imported in imports(path):
            assert imported in LEVELS or imported.split(".")[0] in known, f"{name} imports {imported}"


def c_includes(path):
    """Files of csrc that one of them includes, and the names that it takes of each, by the comment beside."""
    for line in re.findall(r'^#include "(.*)$', (ROOT / "csrc" / path).read_text(), re.MULTILINE):
        included, _, comment = line.partition('"')
        yield included, re.findall(r"\w+", comment)


def c_words(path):
    """The words of a file of csrc, but those of comments."""
    code = re.sub(r"/\*.*?\*/", "", (ROOT / "csrc" / path).read_text(), flags=re.DOTALL)
    return set(re.findall(r"\w+", code))


def c_known(path):
    """The words of a file of csrc and of those that it includes."""
    return c_words(path).union(*(c_known(included) for included, _ in c_includes(path)))


def c_own(path):
    """The words that none of those has before it; vector.h is the door of its room, and hands on what it gathers."""
    before = [included for included, _ in c_includes(path)]
    if path == "simd/vector.h":
        return c_words(path).union(*map(c_own, before))
    return c_words(path).difference(*map(c_known, before))


def test_no_c_file_includes_upward():
    files = {path.relative_to(ROOT / "csrc").as_posix() for path in (ROOT / "csrc").rglob("*.*")}
    assert files == set(C_LEVELS)
    for path, level in C_LEVELS.items():
        for included, _ in c_includes(path):
            assert C_LEVELS[included] < level, f"{path} includes {included}"
            rooms = {included.partition("/")[0], path.partition("/")[0]}
            assert rooms != {"core", "simd"}, f"{path} includes {included}"


def test_a_c_file_says_at_the_include_what_it_takes():
    for path in C_LEVELS:
        for included, taken in c_includes(path):
            if included.endswith(".def") or path.startswith("targets/"):  # all of it
                continue
            assert taken, f"{path} includes {included} and does not say what for"
            assert set(taken) <= c_own(included), f"{path} takes {set(taken) - c_own(included)}, not of {included}"
            if path != "simd/vector.h":
                assert set(taken) <= c_words(path), f"{path} does not use {set(taken) - c_words(path)} of {included}"


def c_code(path):
    return re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)


def test_no_name_in_c_is_that_of_a_type():
    paths = [*(ROOT / "csrc").rglob("*.[hc]"), *(ROOT / "tests" / "c").glob("*.[hc]")]
    types = {name for path in paths for name in re.findall(r"^(?:}|typedef .*?) ?(\w+);", c_code(path), re.MULTILINE)}
    assert {"vec", "fastnn_layer", "work_area"} <= types
    for path in paths:
        code = re.sub(r"^(?:}|typedef) .*", "", c_code(path), flags=re.MULTILINE)
        declared = set(re.findall(r"\w[ ,][ *]*(\w+)(?=[,;)\[]| =)", code))
        assert not types & declared, f"{path}: {types & declared}"


def test_the_prefix_is_for_what_leaves_a_unit():
    interface = set(re.findall(r"\bfastnn_\w+", c_code(ROOT / "csrc" / "fastnn.h")))
    for path in [*(ROOT / "csrc" / "kernels").iterdir(), *(ROOT / "csrc" / "simd").iterdir()]:
        named = set(re.findall(r"\bfastnn_\w+", c_code(path)))
        assert named <= interface, f"{path}: {named - interface}"


def test_nothing_but_the_door_and_the_command_knows_the_plots():
    for name, path in sources():
        if not name.startswith("plots."):
            assert name in ("__init__", "cli.plot") or not any(
                imported.startswith("plots") for imported in imports(path)
            ), name


def test_only_cython_files_know_c():
    for name, path in sources():
        knows_c = re.search(r"^\s*cdef extern|ctypes", path.read_text(), re.MULTILINE)
        assert not knows_c or path.suffix in (".pyx", ".pxd") or name in ("state", "many.crew"), (
            name
        )  # state asks an array for its address, the crew Python for an exception in another thread


def test_only_the_targets_and_the_vocabulary_know_an_instruction_set():
    knows = [ROOT / "csrc" / room for room in ("simd", "targets")]
    paths = [path for _, path in sources()] + [*(ROOT / "csrc").rglob("*.[hc]")]
    assert len(paths) > 30
    for path in paths:
        if path.parent in knows:
            continue
        code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"immintrin|arm_neon|_mm\d*_|-march|-mavx|__AVX|__FMA__|attribute__\(\(target", code), path


def test_the_flags_of_a_target_stand_in_setup_alone_and_each_target_has_its_stubs():
    setup = (ROOT / "setup.py").read_text()
    assert "-march" not in setup
    targets = re.search(r"^TARGETS = (\{.*?^\})", setup, re.MULTILINE | re.DOTALL)
    names = list(ast.literal_eval(targets[1]))
    table = (ROOT / "csrc" / "tables" / "targets.def").read_text()
    assert re.findall(r"^FASTNN_TARGET\((\w+)", table, re.MULTILINE) == names
    stubs = {path.stem for path in (ROOT / "csrc" / "targets").iterdir()}
    assert stubs == {f"{name}_{dtype}" for name in names for dtype in ("float32", "float64")}


def test_the_engine_stands_without_python_and_its_kernels_allocate_nothing():
    for path in (ROOT / "csrc").rglob("*.[hc]"):
        text = path.read_text()
        assert "Python.h" not in text, path
        if path.parent.name in ("simd", "kernels", "targets"):
            assert not re.search(r"\b(malloc|calloc|realloc|free) ?\(|stdlib\.h", text), path


def test_the_tables_have_the_names_of_the_c_sources():
    from fastnn import _tables, encodings

    for table, row, names in [
        ("activations", "ACTIVATION", _tables.ACTIVATIONS), ("losses", "LOSS", _tables.LOSSES),
        ("solvers", "SOLVER", _tables.SOLVERS), ("encodings", "ENCODING", encodings.KINDS),
    ]:  # fmt: skip
        text = (ROOT / "csrc" / "tables" / f"{table}.def").read_text()
        assert re.findall(rf"^FASTNN_{row}\((\w+)", text, re.MULTILINE) == list(names)
    text = (ROOT / "csrc" / "tables" / "losses.def").read_text()
    pairs = [(loss, output) for loss, outputs in _tables.LOSS_OUTPUTS.items() for output in outputs]
    assert sorted(re.findall(r"^FASTNN_PAIR\((\w+), (\w+)\)", text, re.MULTILINE)) == sorted(pairs)


def test_the_stubs_name_what_the_compiled_modules_have():
    from fastnn import _engine, _loops

    for module in (_loops, _engine):
        stub = ast.parse((SOURCE / f"{module.__name__.split('.')[-1]}.pyi").read_text())
        stubbed = {node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)}
        stubbed |= {node.name for node in stub.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        actual = {name for name, value in vars(module).items() if not name.startswith("_")}
        actual -= {"np", "threading", "NO_ROWS", "refuse_encodings", "refuse_heads", "refuse_several", "refuse_sklearn"}
        if module is _loops:
            actual -= {"LOSSES", "ACTIVATIONS"}
        assert stubbed == actual, module.__name__


def test_public_names_exist_and_are_documented():
    for module in (fastnn, fastnn.kernels, fastnn.reference, fastnn.simd):
        for name in module.__all__:
            assert name == "__version__" or getattr(module, name).__doc__, f"{module.__name__}.{name}"
