"""How all pictures of the book look: to be read where a phone makes them 388 pixels wide."""

import matplotlib

STYLE = {
    "figure.figsize": (5.6, 3.9),
    "font.size": 12,
    "axes.titlesize": 12.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.w_pad": 0.1,
    "legend.frameon": False,
    "legend.fontsize": 11,
}


def reset(gallery_conf, name):
    """Set the style before an example runs; called by sphinx-gallery, after it has set matplotlib's own."""
    matplotlib.rcParams.update(STYLE)
