"""What is commonly wrong with a training, said in words and numbers.

``case`` is what is looked at; ``inputs``, ``targets``, ``units`` and ``curves`` have the checks; ``findings`` is what
comes of them; ``examination`` has them all done.
"""

from fastnn.doctor.examination import diagnose
from fastnn.doctor.findings import Diagnosis, Finding

__all__ = ["Diagnosis", "Finding", "diagnose"]


def __dir__():
    return __all__
