"""What is about to be published: ``python .ci/check_dist.py dist [tag]``, of the standard library alone.

One abi3 wheel a machine, the sdist, one name and version in all, that of pyproject.toml and of the tag; no wheel
larger than its bound, the OpenMP runtime that a repaired one brings not counted.
"""

import re
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

#: The end of a wheel's name, one for each machine.
MACHINES = [
    r"manylinux\S*_x86_64", r"manylinux\S*_aarch64", r"musllinux\S*_x86_64", r"musllinux\S*_aarch64",
    r"macosx\S*_arm64", r"macosx\S*_x86_64", "win_amd64",
]  # fmt: skip
BOUND = 1_000_000


def faults(folder, tag=""):
    """Return what is wrong with the distributions of a folder, a sentence each."""
    name = tomllib.loads(Path(__file__).parents[1].joinpath("pyproject.toml").read_text("utf-8"))["project"]["name"]
    wheels, sources = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    found = []
    for machine in MACHINES:
        abi3 = [wheel.name for wheel in wheels if re.search(rf"-cp311-abi3-{machine}\.whl$", wheel.name)]
        if len(abi3) != 1:
            found.append(f"one abi3 wheel for {machine} expected, got {abi3 or 'none'}")
    if len(sources) != 1:
        found.append(f"one sdist expected, got {[path.name for path in sources] or 'none'}")
    versions = set()
    for path in [*wheels, *sources]:
        of_file = metadata(path)
        if of_file["Name"] != name:
            found.append(f"{path.name} is of {of_file['Name']}, not {name}")
        versions.add(of_file["Version"])
        if path in wheels and (n_bytes := own_bytes(path)) >= BOUND:
            found.append(f"{path.name} has {n_bytes} bytes, {BOUND} or more")
    if len(versions) > 1:
        found.append(f"several versions: {', '.join(sorted(versions))}")
    if tag and versions != {tag.removeprefix("v")}:
        found.append(f"the tag {tag} is not the version, {', '.join(sorted(versions)) or 'none'}")
    return found


def metadata(path):
    """Return the fields of a distribution, by name."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            (name,) = [name for name in archive.namelist() if re.fullmatch(r"[^/]*\.dist-info/METADATA", name)]
            text = archive.read(name).decode()
    else:
        with tarfile.open(path) as archive:
            (name,) = [name for name in archive.getnames() if re.fullmatch(r"[^/]*/PKG-INFO", name)]
            text = archive.extractfile(name).read().decode()
    return dict(line.split(": ", 1) for line in text.partition("\n\n")[0].splitlines() if ": " in line)


def own_bytes(wheel):
    """Return the bytes of a wheel but for the libraries that its repair has put in."""
    with zipfile.ZipFile(wheel) as archive:
        brought = [part for part in archive.infolist() if re.search(r"\.(libs|dylibs)/", part.filename)]
    return wheel.stat().st_size - sum(part.compress_size for part in brought)


if __name__ == "__main__":
    told = faults(Path(sys.argv[1]), *sys.argv[2:])
    sys.exit("\n".join(told) or 0)
