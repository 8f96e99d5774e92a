"""The compiled extensions of fastnn: sources and compiler flags; everything else stands in pyproject.toml."""

import sysconfig
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# A free-threaded CPython has no limited API: its wheels are per version.
LIMITED_API = not sysconfig.get_config_var("Py_GIL_DISABLED")

# The kernels index unchecked, and nothing but kernels indexes a memoryview. The directives stand here because Cython
# heeds neither a header nor a decorator for the inline functions of a .pxd file.
DIRECTIVES = {"boundscheck": False, "wraparound": False, "cdivision": True, "freethreading_compatible": True}

# Contraction into fused multiply-adds is off so that every backend and CPU rounds alike.
UNIX = {
    "extra_compile_args": ["-O3", "-std=c11", "-ffp-contract=off", "-fno-math-errno", "-fvisibility=hidden"],
    "extra_link_args": ["-Wl,-s"] if sysconfig.get_platform().startswith("linux") else [],
    "libraries": ["m"],  # named, or the loader takes the oldest version of exp, which is a slower one
}
MSVC = {"extra_compile_args": ["/O2", "/std:c11", "/fp:precise"]}


class BuildExtensions(build_ext):
    """build_ext with the flags of the compiler that setuptools found."""

    def build_extensions(self):
        flags = MSVC if self.compiler.compiler_type == "msvc" else UNIX
        for extension in self.extensions:
            for name, values in flags.items():
                getattr(extension, name).extend(values)
        super().build_extensions()


def extension(name):
    """The extension module fastnn.<name>, from src/fastnn/<name>.pyx."""
    limited = [("Py_LIMITED_API", "0x030B0000"), ("CYTHON_LIMITED_API", "1")]
    return Extension(
        f"fastnn.{name}",
        [f"src/fastnn/{name}.pyx"],
        include_dirs=["csrc"],
        depends=["csrc/fastnn.h", *glob("csrc/tables/*.def")],
        define_macros=limited if LIMITED_API else [],
        py_limited_api=LIMITED_API,
    )


setup(
    ext_modules=cythonize(
        [extension("_tables"), extension("_loops")],
        build_dir="build/cython",
        compiler_directives=DIRECTIVES,
    ),
    cmdclass={"build_ext": BuildExtensions},
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED_API else {},
)
