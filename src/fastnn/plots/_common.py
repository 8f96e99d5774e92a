"""What the displays share: axes, colours that the colour-blind can tell apart, the network in whatever has one."""

from fastnn.checks import optional
from fastnn.network import Network

#: One colour a class or curve (Okabe and Ito, 2008), in an order whose neighbours differ in lightness too.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#555555")
#: Of what is right and what is wrong, which is what one looks for.
RIGHT, WRONG = "#777777", "#D50000"
#: From negative to positive through white; blue and red stay apart for the colour-blind.
DIVERGING = "RdBu_r"

#: Where scikit-learn's wrappers keep the one model that they fitted: searches, target transformers, thresholds.
FITTED_INSIDE = ("best_estimator_", "regressor_", "estimator_")


def axes_for(display, ax):
    """Return `ax`, or new axes, for a display class."""
    with optional(display.__name__, "matplotlib", "matplotlib", extra="plots"):
        from matplotlib import pyplot
    if ax is None:
        return pyplot.subplots(layout="constrained")[1]
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
    if given.keys() & {"color", "facecolors"}:  # of a scatter, in place of its c
        defaults = {name: value for name, value in defaults.items() if name != "c"}
    return defaults | given


def inside(model, of_members=False):
    """Return what learned inside a model of scikit-learn: a pipeline's last step, a search's best; else itself."""
    while True:
        for several in (
            ("estimators_",) if of_members or hasattr(model, "best_epochs_") else ("estimators_", "members_")
        ):
            if hasattr(model, several):
                raise TypeError(f"{type(model).__name__} has several models: give one of its {several}")
        if steps := getattr(model, "steps", None):
            model = steps[-1][1]
        elif found := [getattr(model, name) for name in FITTED_INSIDE if hasattr(model, name)]:
            model = found[0]
        else:
            return model


def name_of(model):
    """Say what learned inside what, for a message."""
    inner = inside(model, of_members=True)
    name = type(inner).__name__
    return name if inner is model else f"{name} inside {type(model).__name__}"


def feature_names_of(model, names=None):
    """Return the names of what reaches the network inside a model that learned from columns with names, else None."""
    names = getattr(model, "feature_names_in_", names)
    if names is None:
        return None
    if steps := getattr(model, "steps", None):
        for _, step in steps[:-1]:
            if step not in (None, "passthrough"):
                if not hasattr(step, "get_feature_names_out"):
                    return None
                names = step.get_feature_names_out(names)
        return feature_names_of(steps[-1][1], names)
    for name in FITTED_INSIDE:
        if hasattr(model, name):
            return feature_names_of(getattr(model, name), names)
    return names


def network_of(model):
    """Return the `Network` of a model: itself, that of a TrainResult, of a fitted perceptron, of one inside a pipeline.

    Perceptrons of scikit-learn have none, but all that makes one.
    """
    inner = inside(model)
    for network in (inner, getattr(inner, "network_", None), getattr(inner, "network", None)):
        if isinstance(network, Network):
            return network
    if hasattr(inner, "out_activation_"):
        W = [weights.T for weights in inner.coefs_]
        return Network(W, inner.intercepts_, activation=inner.activation, output_activation=inner.out_activation_)
    reason = "has no network, or is not fitted"
    if hasattr(inner, "best_epochs_"):
        reason = "has networks that encode their columns first, of which there is no such picture"
    elif hasattr(inner, "hidden_layer_sizes"):
        reason = "is not fitted: call its fit first"
    raise TypeError(
        "expected a Network, a TrainResult, or a fitted MLPClassifier or MLPRegressor, by itself or in a pipeline; got "
        f"{name_of(model)}, which {reason}"
    )
