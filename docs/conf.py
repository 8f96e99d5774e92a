"""Sphinx: the book of fastnn. Build it with ``sphinx-build -W -b html docs build/docs`` (the extra [docs]).

No build needs the network, and no page loads anything from elsewhere (tests/test_book.py).
"""

import sys
from pathlib import Path

from numpydoc.xref import DEFAULT_LINKS

import fastnn

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS / "_extensions"), str(DOCS.parent)]  # the latter has the benchmark, whose figures are shown

from pictures import STYLE  # noqa: E402

project = "fastnn"
author = "the fastnn developers"
copyright = f"{author}; BSD-3-Clause"  # noqa: A001  Sphinx reads it by this name
version = release = fastnn.__version__
toc_object_entries_show_parents = "hide"

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.intersphinx",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
    # of docs/_extensions
    "mathml",
    "measured",
    "members",
    "names",
    "sessions",
]
root_doc = "index"
exclude_patterns = ["_build", "figures", "inventories"]

# -- pages ------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence", "dollarmath", "substitution"]
myst_substitutions = {"release": release}
smartquotes_action = "De"  # quotes are of code: “relu” cannot be typed
myst_heading_anchors = 3
html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "fastnn"
html_static_path = ["_static"]
html_css_files = ["fastnn.css"]
html_js_files = ["pages.js"]
html_search_scorer = str(DOCS / "_static" / "scorer.js")
html_show_sourcelink = False
html_sidebars = {"**": ["pages.html"]}
html_theme_options = {
    "navbar_align": "left",
    "navbar_center": ["doors.html"],
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "article_header_start": [],  # the pages stand beside each page
    "secondary_sidebar_items": [],
    "primary_sidebar_end": [],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "pygments_light_style": "tango",
}

# What is copied: of sessions what was typed, without prompts and answers; all of other code.
copybutton_prompt_text = r">>> |\.\.\. |\.\.\.$|\$ "
copybutton_prompt_is_regexp = True
copybutton_copy_empty_lines = False
copybutton_line_continuation_character = "\\"
copybutton_exclude = ".linenos"

# -- the reference ----------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings
default_role = "py:obj"
templates_path = ["_templates"]
viewcode_line_numbers = True

numpydoc_show_class_members = False
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"
numpydoc_xref_aliases = {name: name for name in DEFAULT_LINKS} | {  # Python's own types are known to everybody
    "array-like": ":obj:`array-like <numpy.typing.ArrayLike>`",
    "ndarray": ":class:`ndarray <numpy.ndarray>`",
    "Network": ":class:`fastnn.Network`",
    "TrainResult": ":class:`fastnn.TrainResult`",
}

# Of other projects' names those that the book uses or is likely to, by the pages that have them: a line a name, as
# Sphinx reads it.
intersphinx_mapping = {
    name: (address, f"inventories/{name}.txt")
    for name, address in {
        "matplotlib": "https://matplotlib.org/stable/",
        "numpy": "https://numpy.org/doc/stable/",
        "pandas": "https://pandas.pydata.org/docs/",
        "python": "https://docs.python.org/3/",
        "scipy": "https://docs.scipy.org/doc/scipy/",
        "sklearn": "https://scikit-learn.org/stable/",
    }.items()
}

# -- figures and gallery ----------------------------------------------------------------------------------------

plot_formats = [("svg", 96)]
plot_html_show_source_link = False
plot_html_show_formats = False
plot_rcparams = {**STYLE, "svg.fonttype": "path"}
plot_apply_rcparams = True

sphinx_gallery_conf = {
    "examples_dirs": str(DOCS.parent / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "reset_modules": ("matplotlib", "pictures.reset"),
    "image_srcset": ["2x"],
    "thumbnail_size": (560, 392),
    "remove_config_comments": True,
    "min_reported_time": 60,
    "write_computation_times": False,  # that page loads scripts from elsewhere
    "download_all_examples": False,
    "show_signature": False,
    "doc_module": ("fastnn",),
    "reference_url": {"fastnn": None},
    "backreferences_dir": "gallery/backreferences",
    "capture_repr": ("_repr_html_",),
}
