"""Sphinx: the book of fastnn. Build it with ``sphinx-build -W -b html docs build/docs`` (the extra [docs])."""

from pathlib import Path

import fastnn

project = "fastnn"
author = "the fastnn developers"
copyright = author  # noqa: A001  Sphinx reads it by this name
version = release = fastnn.__version__

extensions = [
    "matplotlib.sphinxext.plot_directive",
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx_gallery.gen_gallery",
]
root_doc = "index"
exclude_patterns = ["_build", "figures"]

# -- pages ------------------------------------------------------------------------------------------------------

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3
html_theme = "pydata_sphinx_theme"
html_title = "fastnn"
html_static_path = ["_static"]
html_css_files = ["fastnn.css"]
html_show_sourcelink = False
html_sidebars = {"**": []}
html_theme_options = {
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_prev_next": True,
    "show_nav_level": 2,
    "header_links_before_dropdown": 7,
    "pygments_light_style": "tango",
}

# -- the reference ----------------------------------------------------------------------------------------------

autosummary_generate = True
autodoc_typehints = "none"  # types stand in the docstrings
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
templates_path = ["_templates"]

# -- figures and gallery ----------------------------------------------------------------------------------------

plot_formats = [("svg", 96)]
plot_html_show_source_link = False
plot_html_show_formats = False
plot_rcparams = {"figure.figsize": (8.0, 3.6), "font.size": 10, "svg.fonttype": "path"}
plot_apply_rcparams = True

ROOT = Path(__file__).resolve().parents[1]
sphinx_gallery_conf = {
    "examples_dirs": str(ROOT / "examples"),
    "gallery_dirs": "gallery",
    "filename_pattern": r"plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "min_reported_time": 60,
    "download_all_examples": False,
    "show_signature": False,
    "doc_module": ("fastnn",),
    "backreferences_dir": "gallery/backreferences",
    "capture_repr": ("_repr_html_",),
}
