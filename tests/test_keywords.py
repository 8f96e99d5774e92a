"""Keywords of other libraries are answered, by every face, with what it calls the same; and values in any case."""

import inspect
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import InvalidParameterError

import fastnn
from fastnn import MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor, keywords

X = np.random.default_rng(0).standard_normal((20, 3))
Y = (X[:, 0] > 0).astype(int)
BEFORE = X.copy()

#: What can be called with keywords -> a call of it by these alone.
FACES = {
    "train": lambda **options: fastnn.train([3, 2, 1], X, Y, **options),
    "MLPClassifier": MLPClassifier,
    "MLPRegressor": MLPRegressor,
    "TabularClassifier": TabularClassifier,
    "TabularRegressor": TabularRegressor,
    "MLPClassifier.fit": lambda **options: MLPClassifier().fit(X, Y, **options),
    "MLPRegressor.fit": lambda **options: MLPRegressor().fit(X, Y, **options),
    "TabularClassifier.fit": lambda **options: TabularClassifier().fit(X, Y, **options),
    "TabularRegressor.fit": lambda **options: TabularRegressor().fit(X, Y, **options),
    "fit_many": lambda **options: fastnn.fit_many([MLPClassifier()], X, Y, **options),
    "cross_validate": lambda **options: fastnn.cross_validate(MLPClassifier(), X, Y, **options),
}
MLP, TABULAR = "MLPClassifier MLPRegressor", "TabularClassifier TabularRegressor"


def said_by(face, **options):
    """What a face says of keywords that it does not have, after their names."""
    with pytest.raises(TypeError) as caught:
        FACES[face](**options)
    start = f"{face}() got an unexpected keyword argument "
    assert str(caught.value).startswith(start)
    return str(caught.value).removeprefix(start)


#: Faces, what is typed, what the answer begins with.
ANSWERS = [
    ("train", "epochs n_epochs max_iter num_epochs epoch", "use iter_num=, which counts updates: epochs * ceil("),
    (MLP, "epochs n_epochs iter_num max_epochs num_epochs n_iter", "use max_iter=, which counts epochs"),
    (TABULAR, "epochs n_epochs max_iter num_epochs", "use max_epochs="),
    ("train", "learning_rate lr learning_rate_init eta", "use alpha=, the learning rate"),
    (MLP, "lr LR learningrateinit eta0", "use learning_rate_init="),
    (TABULAR, "lr learning_rate_init", "use learning_rate="),
    (f"train {MLP}", "optimizer optim Optimizer", "use solver="),
    (TABULAR, "optimizer solver", "tables take AdamW alone"),
    (f"train {MLP} {TABULAR}", "batchsize batch mini_batch_size bs", "use batch_size="),
    ("train", "hidden_layer_sizes layers hidden_units", "use nn_structure=, which has inputs and outputs too"),
    (f"{MLP} {TABULAR}", "nn_structure hidden layers", "use hidden_layer_sizes=, the hidden layers alone"),
    ("train MLPClassifier TabularClassifier", "class_weights classWeight", "use class_weight="),
    ("MLPRegressor TabularRegressor", "class_weight", "numbers have no classes; rows are weighed by sample_weight= of"),
    (f"{MLP} {TABULAR}", "sample_weight weights", "use sample_weight= of fit"),
    ("train", "validation_fraction val_split test_size", "use validation_split=, the share of the rows"),
    (MLP, "validation_split val_fraction", "use validation_fraction=, the share of the rows, with early_stopping=True"),
    (TABULAR, "validation_split", "use validation_fraction=, the share of the rows"),
    ("train", "eval_set val_data", "use validation_data=, as (X, y)"),
    (MLP, "validation_data eval_set", "use X_val= of fit, with y_val="),
    (TABULAR, "validation_data", "use eval_set= of fit, as (X, y)"),
    ("train", "patience early_stopping_rounds", "use n_iter_no_change=, which counts reports"),
    (MLP, "patience early_stopping_rounds", "use n_iter_no_change=, which counts epochs; with early_stopping=True"),
    (TABULAR, "patience n_iter_no_change", "all max_epochs are made, and the best is kept"),
    (f"train {MLP} {TABULAR}", "seed random_seed rng manual_seed", "use random_state="),
    ("fit_many", "seed random_state", "each model has its random_state"),
    ("cross_validate", "seed random_state", "the model has its random_state"),
    ("train", "metrics", 'use track=, such as "accuracy"'),
    (f"{MLP} {TABULAR} cross_validate", "metrics scorer", "use scoring="),
    (f"train {MLP}", "callbacks", "use callback=, one function"),
    (TABULAR, "callbacks callback", "progress= and verbose= tell how it goes"),
    (f"train {MLP}", "momentum_decay", "use momentum="),
    (TABULAR, "momentum_decay momentum", "use beta_1="),
    (MLP, "l2 kernel_regularizer", "use alpha=, which is over the rows of a batch: alpha = l2 * batch_size"),
    ("train", "l2_reg regularization penalty", "use l2="),
    (TABULAR, "l2 alpha decay", "use weight_decay="),
    ("train", "shuffle", 'use order=, "shuffled" or "sequential"'),
    (MLP, "order", "use shuffle=, True or False"),
    ("train", "warm_start", "use init=, with the TrainResult to go on from"),
    (MLP, "nesterov", "use nesterovs_momentum="),
    ("train", "n_jobs workers", "use n_threads="),
    (MLP, "n_jobs n_threads", "OMP_NUM_THREADS or threadpoolctl say how many"),
    (f"{TABULAR} fit_many cross_validate", "n_threads num_workers", "use n_jobs="),
    (" ".join(FACES), "device gpu", "fastnn computes on the CPU; leave it out"),
    (f"train {MLP}", "time_limit", "use max_time=, in seconds"),
    (TABULAR, "max_time", "use time_limit=, in seconds"),
    ("cross_validate", "folds n_splits", "use cv="),
    ("cross_validate", "grid params", "use param_grid="),
    ("MLPClassifier.fit", "epochs n_epochs", "use max_iter= of MLPClassifier, which counts epochs"),
    ("TabularRegressor.fit", "epochs", "use max_epochs= of TabularRegressor"),
    ("MLPRegressor.fit", "batch_size batchsize", "use batch_size= of MLPRegressor"),
    ("MLPRegressor.fit", "validation_data eval_set", "use X_val=, with y_val="),
    ("TabularClassifier.fit", "validation_data", "use eval_set=, as (X, y)"),
    ("MLPClassifier.fit TabularClassifier.fit", "weights sample_weights", "use sample_weight="),
    ("MLPClassifier.fit", "verbose", "use verbose= of MLPClassifier"),
    # by a slip
    ("train", "batch_sise", "did you mean batch_size=?"),
    (f"{MLP} {TABULAR}", "hiden_layer_sizes", "did you mean hidden_layer_sizes=?"),
    (MLP, "optimzer", "use solver="),
    (TABULAR, "optimzer", "tables take AdamW alone"),
    ("MLPClassifier.fit", "sample_wieght", "did you mean sample_weight=?"),
    ("MLPClassifier.fit", "max_itr", "did you mean max_iter= of MLPClassifier?"),
    # nothing alike
    (MLP, "output_dim batch_norm", "expected one of "),
    ("fit_many", "foo", "expected one of models, X, y, rows, "),
    ("train", "foo", "expected one of nn_structure, X, y, iter_num, "),
    ("MLPRegressor.fit", "foo", "expected one of X, y, sample_weight, X_val, y_val, sample_weight_val"),
    (MLP, "foo", "expected one of "),
]  # fmt: skip
CASES = [(face, typed, answer) for faces, words, answer in ANSWERS for face in faces.split() for typed in words.split()]


@pytest.mark.parametrize(("face", "typed", "answer"), CASES, ids=lambda value: value if len(value) < 25 else "")
def test_a_keyword_is_answered(face, typed, answer):
    said = said_by(face, **{typed: 3})
    assert said.startswith(f"{typed!r}: {answer}")


def test_several_are_all_answered():
    assert said_by("MLPClassifier", epochs=3, lr=0.1, tol=1.0) == (
        "'epochs': use max_iter=, which counts epochs, and 'lr': use learning_rate_init="
    )


def test_what_dicts_of_fit_many_have_is_answered():
    with pytest.raises(TypeError, match=r"train\(\) got an unexpected keyword argument 'lr': use alpha="):
        fastnn.fit_many([{"nn_structure": [3, 1], "lr": 0.1}], X, Y)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor])
def test_set_params_answers(kind):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\.set_params\(\) got an unexpected .* 'epochs': use max_"):
        kind().set_params(epochs=3)
    assert kind().set_params(random_state=5).random_state == 5


def test_set_params_that_is_right_looks_for_nothing(monkeypatch):
    names, looked = MLPClassifier._get_param_names(), []
    monkeypatch.setattr(MLPClassifier, "_get_param_names", lambda *_: looked.append("names") or names)
    assert MLPClassifier().set_params(tol=0.1).tol == 0.1
    mine, looked[:] = len(looked), []
    BaseEstimator.set_params(MLPClassifier(), tol=0.1)
    assert mine == len(looked) > 0


def test_a_grid_is_answered():
    with pytest.raises(ValueError, match="'epochs': use max_iter="):
        fastnn.cross_validate(MLPClassifier(), X, Y, param_grid={"epochs": [3]})


def test_what_a_method_raises_itself_is_left():
    class Own(MLPClassifier):
        def _check_targets(self, *args, **options):
            raise TypeError("of its own")

    with pytest.raises(TypeError, match=r"^of its own$"):
        Own().fit(X, Y, sample_weight=None)


def test_a_class_of_ones_own_is_named():
    class Own(MLPClassifier):
        def __init__(self, extra=1, **others):
            super().__init__(**others)

    with pytest.raises(TypeError, match=r"^Own\(\) got an unexpected keyword argument 'epochs': use max_iter="):
        Own(epochs=3)


@pytest.mark.parametrize(
    "function",
    [fastnn.train, fastnn.fit_many, fastnn.cross_validate, MLPClassifier, MLPRegressor.fit, TabularClassifier],
    ids=lambda function: function.__qualname__,
)
def test_signatures_say_nothing_of_it(function):
    kinds = {parameter.kind for parameter in inspect.signature(function).parameters.values()}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor, TabularClassifier, TabularRegressor])
def test_estimators_are_cloned_as_before(kind):
    parameters = {**kind().get_params(), "random_state": 3}
    assert clone(kind(random_state=3)).get_params() == parameters
    assert (
        list(inspect.signature(kind).parameters)
        == list(kind.__init__.__wrapped__.__code__.co_varnames)[1 : 1 + len(parameters)]
    )


def test_what_is_answered_exists_and_each_word_stands_once():
    known = set()
    for call in (fastnn.train, fastnn.fit_many, fastnn.cross_validate, MLPClassifier, TabularClassifier):
        known |= set(inspect.signature(call).parameters)
    for kind in (MLPRegressor, TabularClassifier):
        known |= set(inspect.signature(kind.fit).parameters)
    words = [word for row in keywords.MEANT for word in row.split()]
    assert len(words) == len(set(words))
    assert all(word.isalnum() and word.islower() for word in words)
    for answers in keywords.MEANT.values():
        for asked, _ in answers:
            assert set(asked.split("&")) - {""} <= known, asked


def test_nothing_of_it_is_imported_or_computed_by_a_right_call():
    program = (
        "import sys, fastnn; fastnn.train([1, 1], [[0.0]], [[0.0]], 1, random_state=0); print('difflib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


# -- values -----------------------------------------------------------------------------------------------------------

#: A call of each face by which its values are looked at.
FIT = {
    "train": FACES["train"],
    "MLPClassifier": lambda **options: MLPClassifier(**options).fit(X, Y),
    "MLPRegressor": lambda **options: MLPRegressor(**options).fit(X, Y),
    "TabularClassifier": lambda **options: TabularClassifier(**options).fit(X, Y),
    "TabularRegressor": lambda **options: TabularRegressor(**options).fit(X, Y),
}

VALUES = [
    *[("train MLPClassifier MLPRegressor", "solver", write(name), name)
      for name in ("adam", "sgd", "rmsprop", "lbfgs") for write in (str.upper, str.capitalize)],
    *[("train MLPClassifier TabularRegressor", "activation", write(name), name)
      for name in ("relu", "tanh", "gelu") for write in (str.upper, str.title)],
    ("train MLPClassifier MLPRegressor TabularClassifier", "activation", "ReLU", "relu"),
    ("train MLPClassifier MLPRegressor TabularClassifier", "activation", "swish", "silu"),
    ("train MLPRegressor", "loss", "MSE", "squared_error"),
    ("train MLPRegressor", "loss", "mae", "absolute_error"),
    ("train MLPClassifier", "loss", "CrossEntropy", "log_loss"),
    ("MLPClassifier MLPRegressor", "output_activation", "Linear", "identity"),
    ("MLPClassifier", "solver", "gradient_descent", "sgd"),
    ("MLPClassifier TabularClassifier", "class_weight", "Balanced", "balanced"),
    ("MLPClassifier", "learning_rate", "Cosine", "cosine"),
    ("TabularClassifier TabularRegressor", "preset", "BEST", "best"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("face", "argument", "typed", "meant"),
    [(face, *rest) for faces, *rest in VALUES for face in faces.split()],
)
def test_a_value_in_another_case_or_by_another_name_is_answered(face, argument, typed, meant):
    with pytest.raises(ValueError, match=rf"(?i)did you mean '{meant}'\?$") as caught:
        FIT[face](**{argument: typed})
    assert repr(typed) in str(caught.value)
    assert np.array_equal(X, BEFORE)


@pytest.mark.parametrize("rate", [0.01, 1])
def test_a_rate_in_place_of_a_schedule(rate):
    with pytest.raises(InvalidParameterError, match=rf"instead\. The rate itself is learning_rate_init={rate}\.$"):
        MLPClassifier(learning_rate=rate).fit(X, Y)


@pytest.mark.parametrize("options", [{"solver": "foo"}, {"solver": 3}, {"alpha": -1.0}, {"activation": "prelu"}])
def test_what_nobody_can_guess_is_told_as_scikit_learn_does(options):
    with pytest.raises(InvalidParameterError, match=r"instead\.$"):
        MLPClassifier(**options).fit(X, Y)
