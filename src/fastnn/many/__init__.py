"""Many networks on the same data: ``fit_many`` trains them side by side on all cores."""

from fastnn.many.fitting import fit_many as fit_many
