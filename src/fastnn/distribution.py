"""The distribution that fastnn comes by: its name, what its extras require, and who else has written into its folder.

Asked by ``checks``, by this package's door and by the command, and only where something is missing or wrong.
"""

import re
from pathlib import Path

#: What pip calls it. The distribution `fastnn` of the public index is another project's.
NAME = "fastnn-mlp"

#: Where this package lies.
FOLDER = Path(__file__).parent


def requirements(extra):
    """Return what an extra requires, as pip takes it: of what is installed, else of the checkout; else nothing."""
    from importlib.metadata import PackageNotFoundError, requires

    try:
        found = [re.fullmatch(r"(.+?)\s*;(.*?)(?: and )?\s*extra == .([\w-]+).", text) for text in requires(NAME) or ()]
    except PackageNotFoundError:
        return _of_checkout(extra)
    return [";".join(filter(str.strip, match.groups()[:2])) for match in found if match and match[3] == extra]


def _of_checkout(extra):
    import tomllib

    try:
        project = tomllib.loads((FOLDER.parents[1] / "pyproject.toml").read_text("utf-8"))["project"]
    except (OSError, KeyError, ValueError):
        return []
    return project["optional-dependencies"].get(extra, []) if project["name"] == NAME else []


def install_command(extra, only=()):
    """Return the command that installs what an extra requires, or of that what is named; "" where it is not known."""
    wanted = [text for text in requirements(extra) if not only or re.match(r"[\w.-]+", text)[0] in only]
    return " ".join(["python -m pip install", *map(_quoted, wanted)]) if wanted else ""


def foreign():
    """Return what to say where another distribution has written into the folder of this package, else None."""
    from importlib.metadata import distributions

    beside, own = {}, None
    for found in distributions(path=[str(FOLDER.parent)]):
        lines = (found.read_text("RECORD") or "").splitlines()
        files = {line.partition(",")[0] for line in lines if line.startswith(f"{FOLDER.name}/")}
        if files and re.sub(r"[-_.]+", "-", found.name).lower() == NAME:
            own, own_files = found, files
        elif files:
            beside[found] = files
    if not beside:
        return None
    said = []
    for found, files in beside.items():
        files = sorted(files, key=lambda name: (own is None or name not in own_files, name))
        more = f" and {len(files) - 3} more" if len(files) > 3 else ""
        said.append(f"{found.name} {found.version} ({', '.join(files[:3])}{more})")
    names = " ".join(found.name for found in beside)
    return (
        f"another distribution has written into the folder of {NAME}, {FOLDER}: {'; '.join(said)}. What is imported "
        f"from there is a mixture. Remove both, then install one: python -m pip uninstall -y {names} {NAME}, "
        f"and python -m pip install {_quoted(_origin(own))}"
    )


def explain(error):
    """Raise an ImportError that tells of another distribution in this folder, if there is one."""
    if said := foreign():
        raise ImportError(f"{error}; {said}") from error


def _origin(own):
    """Where this distribution was installed from, as pip takes it: an address, or its name."""
    import json

    found = json.loads((own and own.read_text("direct_url.json")) or "{}")
    system = found.get("vcs_info", {}).get("vcs")
    return f"{system}+{found['url']}" if system else found.get("url", NAME)


def _quoted(text):
    return '"{}"'.format(text.replace('"', "'"))
