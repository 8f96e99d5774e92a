"""Several networks in one file of C: tables and layers of each under own names, and the mean of the outputs."""

import re

import numpy as np

from fastnn.ensemble import pairs_of
from fastnn.export.c import floats, integers
from fastnn.export.c.text import number

#: What each network has of its own, of the names in its code.
OWN = re.compile(
    r"\bname_(?=(?:(?:weights|biases|gates|layer|multipliers|table)_\d+|steps|edges|rates|predict|encod\w+)\b)"
)

PREDICT = """
NAME_API void name_predict(const double *inputs, double *outputs) {
    double own[%(n)d][NAME_N_OUTPUTS];
    int i, m;
%(calls)s    for (i = 0; i < NAME_N_OUTPUTS; i++) {
        double sum = own[0][i];
        for (m = 1; m < %(n)d; m++) {
            sum += own[m][i];
        }
        outputs[i] = sum / %(divisor)s;
    }
%(variances)s}
"""

#: The variance of the means, beside the mean of the variances.
VARIANCES = """\
    for (i = %(first)d; i < %(end)d; i++) {
        double sum = own[0][i] - outputs[i];
        sum *= sum;
        for (m = 1; m < %(n)d; m++) {
            sum += (own[m][i] - outputs[i]) * (own[m][i] - outputs[i]);
        }
        outputs[i + %(width)d] += sum / %(divisor)s;
    }
"""


def networks_of(network):
    """Return the networks of an `Ensemble`, or the one that it is."""
    return getattr(network, "networks", (network,))


def together(parts, network, real):
    """Return the tables, the template of the code and the bytes of all networks, from those of each."""
    if len(parts) == 1:
        return parts[0]
    tables, code, calls = [], "", ""
    for m, (own, own_code, *_) in enumerate(parts):
        for head in (floats.HEAD, integers.HEAD, integers.HEAD_OF_HIDDEN) if m else ():  # which all share
            own_code = own_code.replace(head, "")
        prefix = f"name_member{m}_"
        tables += [(OWN.sub(prefix, declaration), literals) for declaration, literals in own]
        own_code = own_code.replace("NAME_API void name_predict", "static inline void name_predict")
        code += OWN.sub(prefix, own_code)
        calls += f"    {prefix}predict(inputs, own[{m}]);\n"
    given = {"n": len(parts), "calls": calls, "divisor": number(len(parts), real == np.float32)}
    variances = "".join(
        VARIANCES % {**given, "first": means.start, "end": means.stop, "width": means.stop - means.start}
        for means, _ in pairs_of(network._labels, network.layer_sizes[-1])
    )
    code += PREDICT % {**given, "variances": variances}
    n_outputs = len(parts) * network.layer_sizes[-1]
    _, _, table_bytes, ram_bytes = zip(*parts, strict=True)
    return tables, code, sum(table_bytes), max(ram_bytes) + n_outputs * real.itemsize
