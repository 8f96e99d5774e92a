"""The same mathematics, to read and to compare with.

- ``loops``: naive Python loops over lists (backend "python");
- ``batched``: NumPy, a batch at a time by matrix products (backend "numpy"), the oracle of the tests;
- ``tutorial``: the tutorials' own functions by their own names, per-sample NumPy loops among them.

The formulas are written from the maths, not from the compiled code, which is tested against them.
"""

from fastnn.reference.tutorial import (
    accuracy,
    calculate_hidden_delta,
    calculate_out_layer_delta,
    convert_y_to_vect,
    f,
    f_deriv,
    feed_forward,
    init_tri_values,
    matrix_feed_forward_calc,
    predict_y,
    relu_activation,
    setup_and_init_weights,
    simple_looped_nn_calc,
    softmax,
    train_nn,
)

__all__ = [
    "accuracy",
    "calculate_hidden_delta",
    "calculate_out_layer_delta",
    "convert_y_to_vect",
    "f",
    "f_deriv",
    "feed_forward",
    "init_tri_values",
    "matrix_feed_forward_calc",
    "predict_y",
    "relu_activation",
    "setup_and_init_weights",
    "simple_looped_nn_calc",
    "softmax",
    "train_nn",
]


def __dir__():
    return [*__all__, "batched", "loops", "tutorial"]
