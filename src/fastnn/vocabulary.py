"""What people call things: the names of other libraries and papers, and what fastnn calls the same.

Read by ``checks.check_name`` to answer an unknown name; no name here is accepted for another, only answered.
"""

import re

#: Name elsewhere, as `_plain` writes it -> the name here.
SAME = {
    # activations
    "linear": "identity",
    "none": "identity",
    "sigmoid": "logistic",
    "expit": "logistic",
    "hyperbolictangent": "tanh",
    "rectifier": "relu",
    "heaviside": "step",
    "threshold": "step",
    "hardlim": "step",
    "exponential": "exp",
    "lrelu": "leaky_relu",
    "swish": "silu",
    "hardsilu": "hard_swish",
    "sine": "sin",
    "smoothrelu": "softplus",
    # losses
    "mse": "squared_error",
    "meansquarederror": "squared_error",
    "meansquare": "squared_error",
    "squaredloss": "squared_error",
    "l2loss": "squared_error",
    "quadratic": "squared_error",
    "sse": "squared_error",
    "crossentropy": "log_loss",
    "binarycrossentropy": "log_loss",
    "categoricalcrossentropy": "log_loss",
    "sparsecategoricalcrossentropy": "log_loss",
    "bce": "log_loss",
    "bcewithlogits": "log_loss",
    "nll": "log_loss",
    "negativeloglikelihood": "log_loss",
    "logistic": "log_loss",
    "softmax": "log_loss",
    "deviance": "log_loss",
    "poissonnll": "poisson",
    "mae": "absolute_error",
    "l1": "absolute_error",
    "meanabsoluteerror": "absolute_error",
    "smoothl1": "huber",
    "pinball": "quantile",
    "focalcrossentropy": "focal",
    "binaryfocalcrossentropy": "focal",
    "categoricalfocalcrossentropy": "focal",
    # solvers
    "gd": "sgd",
    "momentum": "sgd",
    "nesterov": "sgd",
    "gradientdescent": "sgd",
    "batchgradientdescent": "sgd",
    "stochasticgradientdescent": "sgd",
    "bfgs": "lbfgs",
    "lbfgsb": "lbfgs",
    "lm": "levenberg_marquardt",
    "trainlm": "levenberg_marquardt",
    "levenberg": "levenberg_marquardt",
    # starts
    "xavier": "glorot_uniform",
    "xavieruniform": "glorot_uniform",
    "xaviernormal": "glorot_normal",
    "glorot": "glorot_uniform",
    "he": "he_uniform",
    "kaiming": "he_uniform",
    "kaiminguniform": "he_uniform",
    "kaimingnormal": "he_normal",
    "lecun": "lecun_uniform",
    "gaussian": "normal",
    "randn": "normal",
    "randomnormal": "normal",
    "randomuniform": "uniform",
    "random": "uniform",
    "rand": "uniform",
    "zero": "zeros",
    "pytorch": "pytorch_uniform",
    "torch": "pytorch_uniform",
    # orders
    "shuffle": "shuffled",
    "ordered": "sequential",
    "inorder": "sequential",
    "cyclic": "sequential",
    "replacement": "random",
}

#: Names that mean something else than anything here, however near they are spelled.
OTHERS = {
    *("celu", "prelu", "rrelu", "relu6", "hardtanh", "hardshrink", "softshrink", "tanhshrink", "logsigmoid"),
    *("logsoftmax", "maxout", "glu", "cos", "gaussian"),
    *("kldivergence", "kl", "cosinesimilarity", "mape", "msle", "tweedie", "logcosh", "triplet", "ctc"),
    *("adadelta", "adamax", "radam", "lamb", "ftrl"),
    *("ones", "constant", "identity", "sparse"),
}


def meant_by(name, known):
    """Return which of `known` a name means, in other words or by a slip; None where it means something else."""
    words = {_plain(other): other for other in known}
    words |= {word: other for word, other in SAME.items() if other in known and word not in words}
    typed = _plain(name), _plain(name).removesuffix("loss")
    for word in typed:
        if word in words:
            return words[word]
    if not OTHERS.isdisjoint(typed):  # a word of the field, not one misspelled
        return None
    import difflib  # late: only an unknown name needs it

    near = difflib.get_close_matches(typed[0], words, n=1, cutoff=0.6)
    return words[near[0]] if near else None


def _plain(name):
    """A name without case, blanks, hyphens and underscores."""
    return re.sub(r"[\W_]", "", name.lower())
