"""The schedule of an estimator's learning rate, from the two parameters that say it."""

from fastnn import schedules
from fastnn.rates import check_rate


def plan_of(estimator, incremental):
    """Return the `fastnn.schedules.Schedule` that the rate goes by, or None: it is a number, or scikit-learn's own."""
    name, rate = estimator.learning_rate, check_rate("learning_rate_init", estimator.learning_rate_init)
    is_named, is_plan = name in schedules.__all__, isinstance(rate, schedules.Schedule)
    if is_plan and (is_named or (estimator.solver == "sgd" and name != "constant")):
        raise ValueError(
            f"learning_rate={name!r} starts from a number, but learning_rate_init is a schedule of its own; use "
            "learning_rate='constant'"
        )
    if not (is_named or is_plan):
        return None
    if incremental:
        raise ValueError(
            "partial_fit does not know how long training will be, which a schedule of the learning rate goes by; set "
            "learning_rate_init to a number before each call, or call fit"
        )
    if name == "plateau":  # by its default, training would end before it
        return schedules.plateau(rate, patience=int(min(schedules.plateau.patience, estimator.n_iter_no_change / 2)))
    return rate if is_plan else getattr(schedules, name)(rate)
