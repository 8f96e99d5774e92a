"""The text of C: names, strings, numbers, tables; and templates, which are C with ``name_``, ``NAME_`` and double.

All other modules of this room write by it; it knows no network.
"""

import re

import numpy as np

#: Those of C and of C++.
KEYWORDS = frozenset(
    re.findall(
        r"\w+",
        "alignas alignof and and_eq asm atomic auto bitand bitor bool break case catch char class co_await co_return "
        "co_yield compl complex concept const const_cast consteval constexpr constinit continue decltype default "
        "delete do double dynamic_cast else enum explicit export extern false float for friend goto if imaginary "
        "import inline int long main module mutable namespace new noexcept noreturn not not_eq nullptr operator or "
        "or_eq private protected public register reinterpret_cast requires restrict return short signed sizeof static "
        "static_assert static_cast struct switch template this thread_local throw true try typedef typeid typename "
        "typeof typeof_unqual union unsigned using virtual void volatile wchar_t while xor xor_eq",
    )
)

#: What `<math.h>` has for both dtypes, that of float with an f behind.
FUNCTIONS = re.compile(r"\b(exp|expm1|tanh|erfc|log1p|sin|cos|fabs|fma)\(")
LITERALS = re.compile(r"\b\d+\.\d+(?:e[-+]?\d+)?\b")


def check_identifier(name):
    """Return a name that all names of a file may begin with, in C and in C++."""
    if not isinstance(name, str):
        raise TypeError(f"name must be a string, a name of C such as 'model', got {name!r:.60}")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,30}", name, re.ASCII) or "__" in name or name.endswith("_"):
        raise ValueError(
            f"name must be a name of C such as 'model': a letter and at most 30 letters, digits and single underscores "
            f"between them, got {name!r:.60}"
        )
    if name.lower() in KEYWORDS:
        raise ValueError(f"name={name!r} is a word of C or C++ itself; take another, such as {name + '_net'!r}")
    return name


def rendered(template, name, is_float):
    """Return a template with the names of a file, and for float its types, functions and literals; DOUBLE is double."""
    if is_float:
        template = re.sub(r"\bdouble\b", "float", FUNCTIONS.sub(r"\1f(", LITERALS.sub(r"\g<0>f", template)))
        template = template.replace("(FP_FAST_FMA)", "(FP_FAST_FMAF)")
    template = re.sub(r"\bDOUBLE\b", "double", template)
    return re.sub(r"\bname_", f"{name}_", re.sub(r"\bNAME_", f"{name.upper()}_", template))


def escaped(text):
    r"""Return the inside of a string of C, in ASCII, that opens and closes no comment: ``*\057`` for its end."""
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    plain = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}" for byte in raw)
    return plain.replace("*/", "*\\057").replace("/*", "\\057*")


def number(value, is_float):
    """Return the literal of a number in the dtype of a file."""
    (literal,) = numbers(np.array([value], np.float32 if is_float else np.float64), is_float)
    return literal


def numbers(array, is_float):
    """Return literals that are read back as the same numbers of an array: of integers, or of the dtype of a file."""
    values = array.ravel().tolist()
    if array.dtype.kind in "iub":
        return list(map(str, values))
    if not is_float:
        return list(map(repr, values))  # which has a point or an exponent, and the digits that it takes
    texts = [f"{value:.9g}" for value in values]
    return [f"{text}f" if "." in text or "e" in text else f"{text}.0f" for text in texts]


def table(declaration, literals):
    """Return the definition of an array: ``declaration[n] = {...};``."""
    a_line = max(1, 116 // (max(map(len, literals)) + 2))
    lines = [", ".join(literals[start : start + a_line]) for start in range(0, len(literals), a_line)]
    return f"{declaration}[{len(literals)}] = {{\n    " + ",\n    ".join(lines) + "};\n"


def check_finite(what, array, dtype):
    """Return an array in the dtype of a file, or say that it holds what no literal can say."""
    with np.errstate(over="ignore"):
        cast = np.asarray(array).astype(dtype)
    if not (finite := np.isfinite(cast)).all():
        place = tuple(int(i) for i in np.argwhere(~finite)[0])
        found = np.asarray(array)[place]
        raise ValueError(
            f"{what} has {found} at {list(place)}, which a C file in {np.dtype(dtype)} cannot hold; "
            + ("use dtype='float64'" if np.isfinite(found) else "train the network anew")
        )
    return cast
