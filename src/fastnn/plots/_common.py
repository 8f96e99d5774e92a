"""What the displays share: axes, colours that the colour-blind can tell apart, the network of an estimator."""

from fastnn.checks import optional
from fastnn.network import Network

#: One colour a class or curve (Okabe and Ito, 2008), in an order whose neighbours differ in lightness too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555")
#: Of what is right and what is wrong, of what is positive and what is negative.
RIGHT, WRONG = "#0072B2", "#D55E00"
#: From negative to positive through white; blue and red stay apart for the colour-blind.
DIVERGING = "RdBu_r"


def axes_for(display, ax):
    """Return `ax`, or new axes, for a display class."""
    with optional(display.__name__, "matplotlib", "matplotlib", extra="plots"):
        from matplotlib import pyplot
    if ax is None:
        return pyplot.subplots()[1]
    if not hasattr(ax, "figure"):
        raise TypeError(f"ax must be one matplotlib Axes, got {type(ax).__name__}")
    return ax


def axes_of(display, ax):
    """Return `ax`, or new axes, and note them in the display."""
    display.ax_ = axes_for(type(display), ax)
    display.figure_ = display.ax_.figure
    return display.ax_


def options_of(artist, defaults, given):
    """Return keywords of a matplotlib artist: the defaults, but for what is given, by whichever of its names."""
    from matplotlib.cbook import normalize_kwargs

    if given is not None and not isinstance(given, dict):
        raise TypeError(f"keywords for matplotlib must be a dict, got {given!r}")
    defaults, given = normalize_kwargs(defaults, artist), normalize_kwargs(given, artist)
    if "c" in given:  # of a scatter, in place of its color
        defaults = {name: value for name, value in defaults.items() if name != "color"}
    return defaults | given


def network_of(estimator):
    """Return the `Network` of a fitted estimator of fastnn."""
    network = getattr(estimator, "network_", None)
    if not isinstance(network, Network):
        raise TypeError(
            f"expected a fitted fastnn.MLPClassifier or fastnn.MLPRegressor, got {estimator!r}; call its fit first, or "
            "use from_network"
        )
    return network


def check_network(network):
    """Return the network, or say what else came."""
    if not isinstance(network, Network):
        hint = "; a TrainResult has it as its attribute network" if hasattr(network, "network") else ""
        raise TypeError(f"expected a fastnn.Network, got {type(network).__name__}{hint}")
    return network
