"""The self-test of a C file: a main, where the macro asks for it, that has stored rows predicted and compares."""

import numpy as np

from fastnn.export.c.text import number, numbers, rendered, table

MAIN = """
#ifdef NAME_SELF_TEST
#include <stdio.h>

%(tables)s
/* What %(n_rows)d rows come to, beside what fastnn had of them when it wrote this file. */
int main(void) {
    const double tolerance = %(tolerance)s;
    int row, i, n_wrong = 0;
    for (row = 0; row < %(n_rows)d; row++) {
        double outputs[NAME_N_OUTPUTS];
        name_predict(name_test_inputs + row * NAME_N_INPUTS, outputs);
        for (i = 0; i < NAME_N_OUTPUTS; i++) {
            const double expected = name_test_outputs[row * NAME_N_OUTPUTS + i];
            if (!(fabs(outputs[i] - expected) <= tolerance)) {
                printf("row %%d, output %%d: %%.9g, expected %%.9g\\n", row, i, (DOUBLE)outputs[i], (DOUBLE)expected);
                n_wrong++;
            }
        }
    }
    printf("%(n_rows)d rows, %%d outputs differ\\n", n_wrong);
    return n_wrong > 0;
}
#endif
"""

#: By how much outputs may differ, of the largest: compilers and machines round sums and functions in their own ways.
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def written(rows, outputs, exact, name, relative=None):
    """Return the text of the main.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_in)
    outputs : ndarray of shape (n_rows, n_out)
        In the dtype of the file, as `rows` are.
    exact : ndarray of shape (n_rows, n_out)
        The same in float64: as far as these are apart, rounding counts in such rows.
    name : str
    relative : float, optional
        By how much outputs may differ, of the largest; None: `TOLERANCE`.
    """
    is_float = rows.dtype == np.float32
    largest, rounding = float(np.abs(outputs).max()), float(np.abs(outputs - exact).max())
    tolerance = max((relative or TOLERANCE[rows.dtype.name]) * max(largest, 1e-30), 8 * rounding)
    stored = [("inputs", rows), ("outputs", outputs)]
    tables = [
        table(
            rendered(f"static const double name_test_{which}", name, is_float),
            [literal.replace("nan", "NAN") for literal in numbers(array, is_float)],
        )
        for which, array in stored
    ]
    before, _, after = (
        MAIN % {"tables": "TABLES", "n_rows": len(rows), "tolerance": number(tolerance, is_float)}
    ).partition("TABLES")
    return rendered(before, name, is_float) + "".join(tables) + rendered(after, name, is_float)
