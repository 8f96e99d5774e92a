"""The activations in C: a function each, of one number or of several outputs together, as templates of ``text``.

Each is its formula where it neither overflows nor loses digits; at infinity it is its limit, and NaN stays NaN.
"""

#: Name -> its function of one number, `z`; a parameter is literal `PARAMETER`.
ELEMENTWISE = {
    "logistic": "1.0 / (1.0 + exp(-z))",
    "tanh": "tanh(z)",
    "relu": "z < 0.0 ? 0.0 : z",
    "step": "z >= 0.0 ? 1.0 : 0.0",
    "exp": "exp(z)",
    "leaky_relu": "z < 0.0 ? z * PARAMETER : z",
    "elu": "z < 0.0 ? PARAMETER * expm1(z) : z",
    "selu": "z < 0.0 ? 1.7580993408473766 * expm1(z) : 1.0507009873554805 * z",
    "gelu": "z < -100.0 ? 0.0 : 0.5 * z * erfc(-0.7071067811865476 * z)",
    "silu": "z < -1000.0 ? 0.0 : z / (1.0 + exp(-z))",
    "softplus": "(z < 0.0 ? 0.0 : z) + log1p(exp(-fabs(z)))",
    "hard_sigmoid": "z < -3.0 ? 0.0 : z > 3.0 ? 1.0 : (z + 3.0) / 6.0",
    "hard_swish": "z < -3.0 ? 0.0 : z > 3.0 ? z : z * (z + 3.0) / 6.0",
    "sin": "sin(z)",
    "softsign": "z > 1.0e30 ? 1.0 : z < -1.0e30 ? -1.0 : z / (1.0 + fabs(z))",
}

A_FUNCTION = """\
static inline double name_%s(double z) {
    return %s;
}
"""

#: Those that take more than an expression.
FUNCTIONS = {
    "mish": """\
/* z tanh(log(1 + e^z)), from the power that cannot overflow. */
static inline double name_mish(double z) {
    const double power = exp(-fabs(z));
    if (z < 0.0) {
        const double n = power * (power + 2.0);
        return z < -1000.0 ? 0.0 : z * n / (n + 2.0);
    }
    return z * ((1.0 + 2.0 * power) / (1.0 + 2.0 * power + 2.0 * power * power));
}
""",
    "softmax": """\
/* e^z / sum of e^z, shifted by the largest z. */
static inline void name_softmax(int n, double *z) {
    double top = z[0], sum = 0.0, share;
    int i;
    for (i = 1; i < n; i++) {
        top = z[i] > top ? z[i] : top;
    }
    for (i = 0; i < n; i++) {
        z[i] = exp(z[i] - top);
        sum = sum + z[i];
    }
    share = 1.0 / sum;
    for (i = 0; i < n; i++) {
        z[i] = z[i] * share;
    }
}
""",
    "mean_variance": """\
/* Means as they are, then as many variances: log(1 + e^z) + 1e-6. */
static inline void name_mean_variance(int n, double *z) {
    int i;
    for (i = n / 2; i < n; i++) {
        z[i] = name_softplus(z[i]) + 0.000001;
    }
}
""",
    "increasing": """\
/* Of each group of outputs the first as it is, each other the one before plus log(1 + e^z). */
static inline void name_increasing(int n, double *z) {
    int i;
    for (i = 0; i < n; i++) {
        if (i % PARAMETER != 0) {
            z[i] = z[i - 1] + name_softplus(z[i]);
        }
    }
}
""",
}

#: What takes all outputs of a block together.
JOINT = ("softmax", "mean_variance", "increasing")

#: What calls another.
CALLS = {"mean_variance": "softplus", "increasing": "softplus"}


def function_of(block, number):
    """Return the name of a block's activation in C, and the template of its function; "" where there is none.

    `number` writes a parameter. Functions of one name with several parameters are told apart by these.
    """
    activation, name = block.activation, block.activation.name
    if name == "identity":
        return "", ""
    parameter = block.group or (number(activation.parameters[0]) if activation.parameters else None)
    template = FUNCTIONS.get(name) or A_FUNCTION % (name, ELEMENTWISE[name])
    own = name
    if parameter is not None:
        own = f"{name}_{''.join(c if c.isalnum() else {'-': 'm', '.': 'p', '+': ''}[c] for c in str(parameter))}"
        written = f"({parameter})" if str(parameter).startswith("-") else str(parameter)
        template = template.replace(f"name_{name}(", f"name_{own}(").replace("PARAMETER", written)
    return own, template


def functions_of(blocks, number):
    """Return the templates of all functions that blocks of outputs call, each once, before those that call it."""
    found = {}
    for block in blocks:
        if called := CALLS.get(block.activation.name):
            found[called] = A_FUNCTION % (called, ELEMENTWISE[called])
        own, template = function_of(block, number)
        found.setdefault(own, template)
    return "\n".join(template for template in found.values() if template)
