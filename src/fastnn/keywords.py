"""Keywords that people type, and what each face calls the same; an error that names it.

``answered`` is put on the methods of estimators; ``train`` and its like take ``**unknown`` themselves, as their
warnings count the frames to the caller. What values are called is ``vocabulary``'s.
"""

import inspect
import re
from functools import wraps

#: Words as `_plain` writes them -> what faces call it, the first that a face has, and what is to be known of it.
#: "a&b" is a where there is b as well, and "&b" an answer where there is b.
MEANT = {
    "epochs epoch nepochs numepochs nbepoch maxepochs maxiter iternum niter iterations numiterations steps nsteps": (
        (
            "iter_num",
            "which counts updates: epochs * ceil(n_samples / batch_size); without batch_size one an epoch",
        ),
        ("max_iter", "which counts epochs"),
        ("max_epochs", ""),
    ),
    "lr learningrate learningrateinit eta eta0 stepsize rate": (
        ("learning_rate_init", ""),
        ("learning_rate", ""),
        ("alpha", "the learning rate, as in the tutorials"),
    ),
    "lrschedule lrscheduler scheduler schedule learningrateschedule lrdecay learningratedecay": (
        ("learning_rate_init", "with one of fastnn.schedules"),
        ("n_cycles", "the times that the rate rises and falls"),
        ("alpha", "with one of fastnn.schedules"),
    ),
    "optimizer optimiser optim opt algorithm solver": (
        ("solver", ""),
        ("&max_epochs", "tables take AdamW alone"),
    ),
    "batch minibatch minibatchsize bs": (("batch_size", ""),),
    "hiddenlayersizes hiddensizes hiddenlayers hiddenunits hidden nhidden layers layersizes units sizes nnstructure "
    "structure architecture neurons": (
        ("nn_structure", "which has inputs and outputs too: [n_in, 100, n_out]"),
        ("hidden_layer_sizes", "the hidden layers alone: (100,)"),
    ),
    "classweight classweights": (
        ("class_weight", ""),
        ("&hidden_layer_sizes", "numbers have no classes; rows are weighed by sample_weight= of fit"),
    ),
    "sampleweight sampleweights weights weight": (("sample_weight", ""), ("sample_weights", "an entry for each model")),
    "validationsplit validationfraction valsplit valfraction validationsize valsize testsize holdout": (
        ("validation_split", "the share of the rows"),
        ("validation_fraction&early_stopping", "the share of the rows, with early_stopping=True"),
        ("validation_fraction", "the share of the rows"),
    ),
    "xval validationdata validationset valdata valset evalset evaldata validation": (
        ("validation_data", "as (X, y)"),
        ("X_val", "with y_val="),
        ("eval_set", "as (X, y)"),
    ),
    "patience niternochange earlystoppingrounds earlystoppingpatience": (
        (
            "n_iter_no_change&iter_num",
            "which counts reports, one a pass unless report_every says otherwise; with early_stopping=True",
        ),
        ("n_iter_no_change", "which counts epochs; with early_stopping=True, on rows held back"),
        ("&max_epochs", "all max_epochs are made, and the best is kept"),
    ),
    "earlystopping earlystop": (("early_stopping", ""), ("&max_epochs", "the best epoch is kept anyway")),
    "seed randomseed randomstate manualseed rng": (
        ("random_state", ""),
        ("&models", "each model has its random_state"),
        ("&model", "the model has its random_state"),
    ),
    "metrics metric evalmetric scorer": (
        ("track&iter_num", 'such as "accuracy"; scoring= is what early stopping judges by'),
        ("scoring", ""),
    ),
    "callbacks callback hooks": (
        ("callback", "one function"),
        ("&max_epochs", "progress= and verbose= tell how it goes"),
    ),
    "momentumdecay momentum": (("momentum", ""), ("beta_1", "")),
    "decay wd": (("weight_decay", ""),),
    "l2 l2reg l2regularization regularization regularizer kernelregularizer reg reglambda lambda lam lambd penalty "
    "alpha": (
        ("l2", ""),
        ("alpha", "which is over the rows of a batch: alpha = l2 * batch_size"),
        ("weight_decay", ""),
    ),
    "loss lossfunction lossfn criterion objective costfunction": (
        ("loss", ""),
        ("&max_epochs", "it is the log-loss of classes, and the squared error of numbers"),
    ),
    "initializer kernelinitializer weightinit initialization initialisation": (("init", ""),),
    "warmstart": (("warm_start", ""), ("init", "with the TrainResult to go on from")),
    "nesterov nesterovsmomentum": (("nesterov", "with momentum="), ("nesterovs_momentum", "")),
    "eps": (("epsilon", ""),),
    "betas": (("beta_1", "with beta_2="),),
    "clip clipnorm gradclip gradientclip gradientclipping clipgradnorm": (("max_grad_norm", ""),),
    "shuffle": (("order", '"shuffled" or "sequential"'),),
    "order": (("shuffle", "True or False"),),
    "njobs nthreads numthreads nworkers numworkers workers threads": (
        ("n_jobs", ""),
        ("n_threads", ""),
        ("&max_iter", "OMP_NUM_THREADS or threadpoolctl say how many"),
    ),
    "device gpu cuda": (("&", "fastnn computes on the CPU; leave it out"),),
    "dtype precision": (("dtype", ""), ("&max_iter", "it is X's: float32 of float32 X, else float64")),
    "timelimit maxtime timeout budget": (("max_time", "in seconds"), ("time_limit", "in seconds")),
    "nestimators nmodels ensemble ensemblesize": (("n_members", ""),),
    "tolerance tol mindelta": (("tol", ""),),
    "usebias fitintercept": (("bias", ""),),
    "folds nfolds kfold nsplits splits": (("cv", ""),),
    "params paramgrid grid searchspace": (("param_grid", ""),),
}


def unknown(caller, names, parameters, of_other=(), other=""):
    """Return a TypeError that answers keywords by what the caller, or the other of constructor and `fit`, has.

    Parameters
    ----------
    caller : str
    names : iterable of str
        Keywords that it does not have.
    parameters, of_other : iterable of str
        Keywords that the caller has, and those of the other.
    other : str
        What that is called.
    """
    parameters = list(parameters)
    called = {_plain(keyword): f"{keyword}= of {other}" for keyword in of_other}
    called |= {_plain(keyword): f"{keyword}=" for keyword in parameters}
    said = [f"{name!r}: {_answer(_plain(name), called) or _listed(parameters)}" for name in names]
    return TypeError(f"{caller}() got an unexpected keyword argument {', and '.join(said)}")


def _answer(word, called):
    """What to say of a word, by what is here -> what it is called; None if nothing is like it."""
    if word in called:
        return f"use {called[word]}"
    answers = {one: _first(meant, called) for words, meant in MEANT.items() for one in words.split()}
    if word in answers:  # a word that is known means no other, however near
        return answers[word]
    import difflib  # late: only an unknown keyword needs it

    answers = {one: answer for one, answer in answers.items() if answer}
    answers |= {one: f"did you mean {name}?" for one, name in called.items()}
    near = difflib.get_close_matches(word, answers, n=1, cutoff=0.8)  # "output_dim" is no "optim"
    near = near or difflib.get_close_matches(word, called, n=1, cutoff=0.7)
    return answers[near[0]] if near else None


def _first(meant, called):
    """The first answer of which all is here."""
    for asked, note in meant:
        keyword, _, beside = map(_plain, asked.partition("&"))
        if {keyword, beside} - {""} <= called.keys():
            return ", ".join(filter(None, [keyword and f"use {called[keyword]}", note]))
    return None


def _listed(parameters):
    return f"expected one of {', '.join(parameters)}"


def _plain(name):
    return re.sub(r"[\W_]", "", name.lower())


# -- where they are answered ------------------------------------------------------------------------------------------


def answered(method):
    """Have keywords that a constructor or ``fit`` does not have answered; a right call costs a fraction of a µs."""

    @wraps(method)
    def call(self, *args, **options):
        try:
            return method(self, *args, **options)
        except TypeError:
            own = inspect.signature(method).parameters
            names = [name for name in options if name not in own]
            if not names:
                raise
            kind = type(self)
            caller, other, of_other = kind.__name__, "fit", [*inspect.signature(kind.fit).parameters][1:]
            if method.__name__ == "fit":
                caller, other, of_other = f"{caller}.fit", caller, kind._get_param_names()
            raise unknown(caller, names, [*own][1:], of_other, other) from None

    return call


def settable(set_params):
    """Have what ``set_params`` cannot set answered."""

    @wraps(set_params)
    def call(self, **parameters):
        try:
            return set_params(self, **parameters)
        except ValueError:
            own = self._get_param_names()
            names = [name for name in parameters if "__" not in name and name not in own]
            if not names:
                raise
            raise ValueError(unknown(f"{type(self).__name__}.set_params", names, own)) from None

    return call


def refuse(function, names):
    """Raise a TypeError for keywords that a function does not have."""
    raise unknown(function.__name__, names, inspect.signature(function).parameters)


def hides_unknown(function):
    """Leave ``**unknown`` out of what a function says of its parameters."""
    signature = inspect.signature(function)
    named = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    function.__signature__ = signature.replace(parameters=named)
    return function
