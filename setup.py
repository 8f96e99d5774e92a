"""The compiled extensions of fastnn: sources and compiler flags; everything else stands in pyproject.toml."""

import os
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

# Counts what runs, line by line, of C and Cython; only for .ci/coverage.
COVERAGE = os.environ.get("FASTNN_COVERAGE") == "1"

# A free-threaded CPython has no limited API: its wheels are per version.
LIMITED_API = not sysconfig.get_config_var("Py_GIL_DISABLED")

# The kernels index unchecked. The directives stand here because Cython heeds neither a header nor a decorator for the
# inline functions of a .pxd file.
DIRECTIVES = {
    "boundscheck": False,
    "wraparound": False,
    "cdivision": True,
    "freethreading_compatible": True,
    "auto_pickle": False,  # what is pickled says itself how
}

# Contraction into fused multiply-adds is off so that every backend and CPU rounds alike.
UNIX = {
    "extra_compile_args": [
        *("-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden"),
        "-Werror=switch",  # a row of csrc/tables without its case
        "-fno-asynchronous-unwind-tables",  # nothing throws through here, and they are a twentieth of the wheel
    ],
    "extra_link_args": ["-Wl,-s"] if sysconfig.get_platform().startswith("linux") else [],
    "libraries": ["m"],  # named, or the loader takes the oldest version of exp, which is a slower one
}
if COVERAGE:  # threads and forked children count too
    UNIX["extra_compile_args"] += ["-O1", "--coverage", "-fprofile-update=atomic"]
    UNIX["extra_link_args"] = ["--coverage"]
MSVC = {"extra_compile_args": ["/O2", "/std:c11", "/fp:precise", "/we4062"]}  # 4062: as -Werror=switch

# The naive loops' flags: of all of _loops, as GCC takes its costs from the command line, and again of what is `inline`
# there; what lies between, which only hands over, has its own.
LOOPS = "-O2,-funswitch-loops,-fvect-cost-model=dynamic,-fno-inline-functions"

# Instructions in the order of the text: a CPU of today looks ahead by itself, and a zip file finds copies that are in
# one order.
IN_ORDER = ["-fno-schedule-insns2", "-fno-gcse", "-fira-region=one"]

# What is compiled -> its flags beside -O3, or in place of it, which alone would make the wheel larger by a fifth and
# nothing faster: the kernels are vectors already, and say themselves what is to be inlined and unrolled; of the naive
# loops what their speed comes from is left, of code that only hands over the smallest. docs/decisions/0038.
LEVELS = {
    "targets": ["-O2", "-fno-tree-vectorize", "-fno-align-functions", "-fno-align-jumps", *IN_ORDER],
    "baseline": ["-Os", *IN_ORDER],  # beside others, for CPUs of before 2013
    "fastnn._loops": [
        *(*LOOPS.split(","), "-fno-align-functions", "-fno-align-loops", "-fno-align-jumps"),
        r'-DFASTNN_GLUE=_Pragma("GCC optimize(\"-Os\")")',
        f'-DCYTHON_INLINE=__inline__ __attribute__((__unused__, optimize("{LOOPS},-fno-math-errno")))',
    ],
    "glue": ["-Os", *IN_ORDER],  # _engine.pyx and csrc/core
}

# How the engine's functions come to lie by their names, those of all targets and dtypes of one source side by side: so
# alike, a zip file takes an eighth less for them. Its window is 32 KB, a target has several times that.
SECTIONS = ["-ffunction-sections"]
SORTED = ["-Wl,--sort-section=name"]

# Name of an instruction set -> the flags that its stubs in csrc/targets are compiled with; csrc/tables/targets.def has
# the same names. One whose flags the compiler does not take is left out; "baseline" takes none and is always there.
TARGETS = {
    "baseline": [],
    "neon": [],
    "avx2": ["-mavx2", "-mfma"],
    "avx512": ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mprefer-vector-width=512"],
}
# One that needs no flag but a machine -> what the compilers of that machine define.
MACHINES = {"neon": "__aarch64__"}


class BuildExtensions(build_ext):
    """build_ext with the flags of the compiler that setuptools found, and the engine's targets."""

    def build_extensions(self):
        is_msvc = self.compiler.compiler_type == "msvc"
        if is_msvc and Path(os.environ.get("CC", "")).stem.lower() == "clang-cl":  # which has vector extensions
            self.compiler.initialize()
            self.compiler.cc = os.environ["CC"]
            MSVC["extra_compile_args"].append("/clang:-ffp-contract=off")
        flags = MSVC if is_msvc else UNIX
        openmp = "/openmp" if is_msvc else "-fopenmp"
        for extension in self.extensions:
            for name, values in flags.items():
                getattr(extension, name).extend(values)
            extension.extra_compile_args += self.level_of(extension.name)
            wants_openmp = extension.name == "fastnn._engine" and os.environ.get("FASTNN_OPENMP") != "0"
            if wants_openmp and self.compiler_takes([openmp], links=True):
                extension.extra_compile_args.append(openmp)
                extension.extra_link_args += [] if is_msvc else [openmp]
        loops, engine = self.extensions
        if not is_msvc and self.compiler_takes([*SECTIONS, *SORTED], links=True):
            engine.extra_compile_args += SECTIONS
            engine.extra_link_args += SORTED
        with ThreadPoolExecutor(self.parallel or os.cpu_count()) as pool:
            others = [name for name in TARGETS if name != "baseline" and self.has_target(name)]
            level = self.level_of("targets")
            # C is compiled from the start, beside Cython; `_loops`, which takes longest, not as the last.
            jobs = self.start_stubs(pool, engine, ["baseline"], self.level_of("baseline") if others else level)
            compiled_loops = pool.submit(self.build_extension, self.translated(loops))
            jobs += self.start_stubs(pool, engine, others, level)
            engine.define_macros += [(f"FASTNN_BUILT_{name}", None) for name in ["baseline", *others]]
            sources, level = self.translated(engine).sources, self.level_of("glue")
            jobs += [pool.submit(self.compile_source, engine, source, level) for source in sources]
            for job in jobs:
                engine.extra_objects += job.result()
            compiled_loops.result()
        engine.sources = []  # they are objects by now
        self.build_extension(engine)

    def level_of(self, name):
        """Return the flags of LEVELS for what is compiled, if the compiler takes them."""
        flags = [] if COVERAGE or self.compiler.compiler_type == "msvc" else LEVELS.get(name, [])
        return flags if self.compiler_takes(flags) else []

    def translated(self, extension):
        """Return an extension whose sources are C."""
        [made] = cythonize(
            [extension],
            build_dir="build/cython",
            compiler_directives=DIRECTIVES,
            emit_linenums=COVERAGE,
            force=self.force,
        )
        extension.sources = made.sources
        return extension

    def has_target(self, name):
        """Whether the compiler, and the machine that is built for, have an instruction set."""
        return self.compiler_takes(TARGETS[name], macro=MACHINES.get(name))

    def start_stubs(self, pool, engine, names, level):
        """Have the engine's stubs of these targets compiled; return the jobs, whose results are lists of objects."""
        return [
            pool.submit(self.compile_source, engine, f"csrc/targets/{name}_{dtype}.c", [*level, *TARGETS[name]])
            for name in names
            for dtype in ("float32", "float64")
        ]

    def compile_source(self, engine, source, flags=()):
        """Return the object of a source of the engine, in a list."""
        return self.compiler.compile(
            [source],
            output_dir=self.build_temp,
            macros=engine.define_macros,
            include_dirs=engine.include_dirs,
            extra_postargs=[*engine.extra_compile_args, *flags],
            depends=engine.depends,
        )

    def compiler_takes(self, flags, links=False, macro=None):
        """Whether a file compiles, and links, with these flags for the machine that is built for, that of a macro."""
        if not (flags or macro):
            return True
        with tempfile.TemporaryDirectory() as folder:
            probe = Path(folder, "probe.c")
            text = f"#ifndef {macro}\n#error another machine\n#endif\n" if macro else ""
            text += "#ifdef FASTNN_GLUE\nFASTNN_GLUE\nstatic CYTHON_INLINE void nothing(void) {}\n#endif\n"
            probe.write_text(text + "int main(void) { return 0; }\n")
            try:
                objects = self.compiler.compile([str(probe)], output_dir=folder, extra_postargs=["-Werror", *flags])
                if links:
                    self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=flags)
            except (CompileError, LinkError):
                return False
        return True


def extension(name, sources=()):
    """The extension module fastnn.<name>, from src/fastnn/<name>.pyx and other sources."""
    limited = [("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]
    return Extension(
        f"fastnn.{name}",
        [f"src/fastnn/{name}.pyx", *sources],
        include_dirs=["csrc"],
        depends=glob("csrc/**/*.*", recursive=True),
        define_macros=limited if LIMITED_API else [],
        py_limited_api=LIMITED_API,
    )


setup(
    ext_modules=[extension("_loops"), extension("_engine", sorted(glob("csrc/core/*.c")))],
    cmdclass={"build_ext": BuildExtensions},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED_API else {},
)
