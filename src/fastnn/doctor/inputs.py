"""Whether the inputs are of a size that networks learn from."""

from fastnn.doctor.findings import Finding
from fastnn.input_scale import LARGE, column_in_words, large_columns
from fastnn.sparse import is_sparse

#: Inputs are small where no column has this root mean square. Gradient descent on rows of standard deviation 0.03
#: explained 0.07 in place of 0.93 on digits, 0.77 in place of 1.00 on wine; at 0.1 0.78 and 0.98. Where they have been
#: learned from all the same, as by enough updates of adam, it is no matter.
SMALL = 0.05


def unscaled_inputs(case, fall):
    """Find columns of X that are too large; or all too small, while the loss was still falling."""
    large, sizes = large_columns(case.rows.X)
    some = sizes[sizes > 0]
    if len(some) == 0:
        return None
    figures = {"columns": large.tolist(), "largest": float(some.max()), "smallest": float(some.min())}
    if len(large) > 0:
        what = (
            f"{len(large)} of {len(sizes)} columns of X {'have' if len(large) > 1 else 'has'} a root mean square above "
            f"{LARGE:g}: {some.max():.3g} in {column_in_words(large[0], case.network.feature_names)}, where the "
            f"smallest is {some.min():.3g}"
        )
    elif fall is not None and some.max() < SMALL:
        what = (
            f"no column of X has a root mean square above {some.max():.3g}, and the loss was still falling at the end"
        )
    else:
        return None
    advice = (
        "Scale X, and new rows likewise, to mean 0 and standard deviation 1: make_pipeline(StandardScaler(), ...), or "
        "(X - X.mean(axis=0)) / X.std(axis=0)"
    )
    if is_sparse(case.rows.X):
        advice = "Scale X, and new rows likewise, so that it stays sparse: make_pipeline(MaxAbsScaler(), ...)"
    return Finding("unscaled_inputs", f"{what}. {advice}", figures)
