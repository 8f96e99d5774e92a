"""What scikit-learn's networks call inside of themselves, and subclasses of them override; ours never call it.

A subclass that overrides one would train as if it had not, without a word; so it is refused.
"""

_LOOP = "call partial_fit in a loop of your own, which judges after each epoch"
_OUTPUTS = "network_ has the outputs, and its W and b the weights; predict and predict_proba may be overridden"
_GRADIENT = "the engine computes it, and no other; fastnn.train has more losses and solvers"
_CHECKS = "prepare X and y before, in a pipeline, or override fit"

#: Private method of scikit-learn's networks, releases 1.7 to 1.9 -> the public way to what it is overridden for.
HOOKS = {
    "_init_coef": "set coefs_, intercepts_ and out_activation_, and fit with warm_start=True",
    "_initialize": "set coefs_, intercepts_ and out_activation_, and fit with warm_start=True",
    "_validate_input": _CHECKS,
    "_fit": "override fit or partial_fit",
    "_check_solver": "override partial_fit",
    "_fit_stochastic": _LOOP,
    "_fit_lbfgs": "minimize a function of your own, and set coefs_ and intercepts_",
    "_update_no_improvement_count": _LOOP,
    "_score": _LOOP,
    "_score_with_function": _LOOP,
    "_predict": "override predict",
    "_forward_pass": _OUTPUTS,
    "_forward_pass_fast": _OUTPUTS,
    "_backprop": _GRADIENT,
    "_compute_loss_grad": _GRADIENT,
    "_loss_grad_lbfgs": _GRADIENT,
    "_unpack": "coefs_ and intercepts_ may be set as they are",
}


def refuse_hooks(owner, members):
    """Raise a TypeError if there is a hook among the members of a class or an instance."""
    for hook, way in HOOKS.items():
        if hook in members:
            raise TypeError(
                f"{owner} overrides {hook}(), which scikit-learn's networks call inside, but fastnn's engine never "
                f"calls. Instead: {way}"
            )
