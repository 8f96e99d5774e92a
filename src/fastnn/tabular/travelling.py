"""What estimators for tables need to leave the process: pickles, copies, files, ONNX, C.

The base of ``_base``. What goes out and is checked on its way in is `saved`'s; each method
hands over when it is called.
"""

from sklearn.utils.validation import check_is_fitted


class Travelling:
    """The state of an estimator holds columns and networks as plain data; a copy shares what was learned."""

    def __getstate__(self):
        from fastnn.tabular.saved import OTHERS, fitted_of, to_plain

        state = fitted_of(super().__getstate__())
        if (learned := to_plain(self)) is not None:
            state = {name: value for name, value in state.items() if name not in OTHERS}
            state["_learned"] = learned
        return state

    def __setstate__(self, state):
        from fastnn.tabular.saved import OTHERS, defaults_of, take

        if known := sorted(OTHERS & state.keys()):
            raise ValueError(f"{', '.join(known)} of a state follow from what was learned; it is damaged")
        state = {**defaults_of(type(self)), **state}  # of parameters that did not exist when it was saved
        learned = state.pop("_learned", None)
        super().__setstate__(state)
        if learned is not None:
            take(self, learned)

    def __copy__(self):
        """As of any estimator, what was learned is shared: a state's would be a copy."""
        other = type(self).__new__(type(self))
        vars(other).update(vars(self))
        return other

    def save(self, path):
        """Save to a file that `fastnn.load` reads: data alone, no code.

        It has the parameters of the constructor, what the columns are, the networks of all members, classes and units.
        An earlier file of this name is replaced at once, when all is written.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.safetensors"``.

        Raises
        ------
        TypeError
            For a class of your own, or classes that are neither numbers nor strings.
        OSError
            If it cannot be written; what was there before is there still.

        Warns
        -----
        UserWarning
            If it has what is no data, such as a function. The file does not have it: a parameter comes back as its
            default.
        """
        from fastnn.tabular.saved import save

        save(self, path)

    def to_onnx(self, path=None):
        """Return the estimator as one ONNX model, from the columns as they are to the answers; needs ``onnx``.

        Each column that is used is an input by its name, of shape (N, 1): float64 for numbers and time spans (NaN where
        missing; spans in seconds), strings for text ('' where missing), booleans or int64 for such categories without
        gaps, int64 for dates (microseconds since 1970 in UTC, -2**63 where missing, as NumPy has them). An array of
        numbers is a single input ``X``. What each takes stands in the metadata, as ``inputs``. Unknown levels count
        as missing, infinity as a very large number. The outputs are ``label`` and ``probabilities``, or ``variable``
        of shape (N, n_outputs); they differ from those of `predict_proba` and `predict` by rounding of float32.

        Parameters
        ----------
        path : str or os.PathLike, default=None
            The file, which is there whole or not at all.

        Returns
        -------
        model : onnx.ModelProto

        Raises
        ------
        NotFittedError
            If there is nothing to write.
        ImportError
            If ``onnx`` is not installed.
        ValueError
            If ONNX cannot do what is done to a column: levels of text and numbers, clocks that change in summer.
        OSError
            If the file cannot be written.
        """
        from fastnn.tabular.export_onnx import to_onnx

        check_is_fitted(self, "members_")
        return to_onnx(self, path)

    def to_c(self, path, *, name=None, self_test=None):
        """Write one file of C that predicts without fastnn, of a table of numbers, time spans and truth values.

        A row is an array of ``double``, one a column of the table in its order, NaN where a cell is missing, spans in
        seconds; infinity counts as a very large number. What `fit` did to the columns is inside, and all members are.
        The outputs, ``double`` too, are those of `predict_proba` or `predict`, but for rounding of float. How the file
        is used stands at its top, and in `Network.to_c`.

        Parameters
        ----------
        path : str or os.PathLike
        name : str, default=None
            What all its names begin with. None: as the file is called, without its suffix.
        self_test : table of shape (n_samples, n_features), default=None
            Rows that the file is to test itself by.

        Returns
        -------
        exported : ExportedC

        Raises
        ------
        NotFittedError
            If there is nothing to write.
        TypeError, ValueError
            If the table has other columns that are used, which are named, or an argument is not as described.
        OSError
            If the file cannot be written.
        """
        from fastnn.tabular.export_c import write

        check_is_fitted(self, "members_")
        return write(self, path, name=name, self_test=self_test)
