"""The methods of ``Network`` by which it leaves the process and comes from elsewhere: each hands over to a room above.

What is written and read is ``export``'s and ``interop``'s, which are imported when one of them is called.
"""

import os
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike, DTypeLike

from fastnn.activations import ActivationLike
from fastnn.checks import optional

if TYPE_CHECKING:
    import onnx

    from fastnn.export.c.file import ExportedC
    from fastnn.network import Network


class Exchange:
    """Ways out of the process and into it."""

    def save(self, path: str | os.PathLike) -> None:
        """Save to a file that `fastnn.load` reads: data alone, no code.

        The file is in the format of safetensors: the array "parameters" has all weights, layer by layer, each
        (n_out, n_in) row by row, then all biases; the metadata says the rest, in JSON. An earlier file of this name is
        replaced at once, when all is written: whoever reads meanwhile, and networks that were loaded from it, have the
        old one.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.safetensors"``.

        Raises
        ------
        TypeError
            For classes that are neither numbers nor strings.
        OSError
            If it cannot be written; what was there before is there still.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastnn
        >>> path = os.path.join(tempfile.mkdtemp(), "neuron.safetensors")
        >>> fastnn.Network([[[7.0, 3.0]]], [[-2.0]]).save(path)
        >>> fastnn.load(path)([1.0, 0.0]).round(4)
        array([0.9933])
        """
        from fastnn.export.models import save

        save(self, path)

    def to_onnx(self, path: str | os.PathLike | None = None, *, dtype: DTypeLike | None = None) -> "onnx.ModelProto":
        """Return the network as an ONNX model, and write it to a file, if a path is given; needs ``onnx``.

        The model has standard operators alone, of version 13, which ONNX Runtime knows from 1.6 on, and takes any
        number of rows. Its input is ``X``; its outputs are named as skl2onnx names them: ``variable`` for values; for
        classes ``label`` and ``probabilities``, or ``scores`` where the outputs are no probabilities; after
        gaussian_nll ``variable`` for the means, and ``variance``. Several heads have these with a number each, as
        ``label_0``. `feature_names`, classes and fastnn's version are in ``metadata_props``.

        Parameters
        ----------
        path : str or os.PathLike, optional
            The file, which is there whole or not at all. None: nothing is written.
        dtype : {"float64", "float32"}, optional
            What the model computes in. None: as the network.

        Returns
        -------
        model : onnx.ModelProto

        Raises
        ------
        ImportError
            If ``onnx`` is not installed.
        ValueError
            If the model would be larger than 2 GiB, or weights are beyond the range of `dtype`.
        OSError
            If the file cannot be written.
        """
        from fastnn.export.onnx import to_onnx

        return to_onnx(self, path, dtype=dtype)

    @classmethod
    def from_onnx(cls, model: "str | os.PathLike | onnx.ModelProto") -> "Network":
        """Return the network that an ONNX model is, where that is a chain of dense layers; needs ``onnx``.

        Layers are MatMul and Gemm, with Add, Mul, BatchNormalization and the like folded into their weights.
        Activations are recognised by their values, however they are composed. Outputs may be several heads, and
        labels by the operators that `to_onnx` and skl2onnx write; what classes, names of columns and kinds of labels
        `to_onnx` wrote beside the graph is read too.

        Parameters
        ----------
        model : str, os.PathLike or onnx.ModelProto
            A file, or what ``onnx.load`` makes of it.

        Returns
        -------
        network : Network
            Of the dtype of the weights; of float64 where something that is subtracted from the inputs is folded in.

        Raises
        ------
        ModelFormatError
            If it is no ONNX model, is damaged, or is no such chain; the message names the node that cannot be carried
            over.
        ImportError
            If ``onnx`` is not installed.
        OSError
            If the file cannot be read.

        Warns
        -----
        RuntimeWarning
            If weights are not finite.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
        >>> model = neuron.to_onnx()  # doctest: +SKIP
        >>> fastnn.Network.from_onnx(model).predict([1.0, 0.0])  # doctest: +SKIP
        np.str_('yes')
        """
        from fastnn.interop.onnx import from_onnx

        return from_onnx(cls, model)

    def to_c(
        self,
        path: str | os.PathLike,
        dtype: str | None = None,
        *,
        name: str | None = None,
        calibration: ArrayLike | None = None,
        self_test: ArrayLike | None = None,
    ) -> "ExportedC":
        """Write one file of C99, which is C++11 too, that predicts without fastnn: for devices, and for other programs.

        It allocates nothing, changes nothing but what it is given, and needs no library but ``<math.h>``: the weights
        are ``const`` tables. ``name_predict`` gives the outputs of a row; of a classifier ``name_predict_class`` the
        place of its class in ``name_classes``, several labels a row come from ``name_predict_labels``, and of several
        heads each has its own, ``name_head0_predict_class``. The comment at its head says how it is used, and what the
        inputs are called.

        Parameters
        ----------
        path : str or os.PathLike
            Such as ``"model.h"``. A file that is there is replaced once the new one is whole.
        dtype : {"float64", "float32", "int8"}, optional
            What it computes in. None: as the network. With "int8" weights and what goes from layer to layer take a byte
            each, a fourth of float32; inputs and outputs are floats.
        name : str, optional
            What all its names begin with; macros have it in capitals. None: as the file is called, without its suffix.
        calibration : array-like of shape (n_samples, n_in), optional
            Of "int8" alone, which needs it: rows like those that are to be predicted, some hundred of them. What goes
            beyond their ranges counts as the end of these.
        self_test : array-like of shape (n_samples, n_in), optional
            Rows that are stored in the file, with their outputs: compiled with ``-DNAME_SELF_TEST`` it is a program
            that predicts them, prints what differs, and ends with 0 if nothing does.

        Returns
        -------
        exported : ExportedC
            The bytes of the tables and of the stack, and of "int8" how far outputs are from the network's.

        Raises
        ------
        TypeError, ValueError
            If an argument is not as described, a name none of C, or weights are not finite in this dtype.
        OSError
            If the file cannot be written.

        Examples
        --------
        >>> import os, tempfile
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]], classes=["no", "yes"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     exported = neuron.to_c(os.path.join(folder, "neuron.h"))
        >>> exported.table_bytes, exported.ram_bytes
        (24, 0)
        """
        from fastnn.export.c.file import write

        return write(self, path, dtype, name=name, calibration=calibration, self_test=self_test)

    @classmethod
    def from_sklearn(cls, model: Any) -> "Network":
        """Return the network of a fitted perceptron of scikit-learn, or of fastnn's estimators.

        Parameters
        ----------
        model : MLPClassifier, MLPRegressor or Pipeline
            A Pipeline ends in one; StandardScaler, MinMaxScaler, MaxAbsScaler and RobustScaler before it are folded
            into the first layer, in float64, so that the network takes X as the Pipeline does.

        Returns
        -------
        network : Network
            With the classes, the names of the columns, and the dtype that the model has.

        Raises
        ------
        NotFittedError
            If the model is not fitted.
        TypeError, ValueError
            If it is another model, or a step of the Pipeline cannot be folded, which the message names.

        Examples
        --------
        >>> import fastnn
        >>> from sklearn.datasets import load_iris
        >>> from sklearn.neural_network import MLPClassifier
        >>> from sklearn.pipeline import make_pipeline
        >>> from sklearn.preprocessing import StandardScaler
        >>> X, y = load_iris(return_X_y=True)
        >>> model = make_pipeline(StandardScaler(), MLPClassifier((8,), solver="lbfgs", random_state=0)).fit(X, y)
        >>> network = fastnn.Network.from_sklearn(model)
        >>> bool((network.predict(X) == model.predict(X)).all())
        True
        """
        with optional("Network.from_sklearn", "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
            from fastnn.interop.sklearn import from_sklearn
        return from_sklearn(model)

    def to_sklearn(self) -> Any:
        """Return a fitted perceptron of scikit-learn that predicts the same, and goes on training.

        Returns
        -------
        model : sklearn.neural_network.MLPClassifier or MLPRegressor
            A classifier where the network has classes or several labels a row. Its training is at its start: its
            first `partial_fit`, or `fit` with ``warm_start=True``, goes on from these weights.

        Raises
        ------
        ValueError
            If scikit-learn's have no such network: for other hidden activations than identity, logistic, tanh and
            relu, or different ones; other outputs than softmax and logistic with classes, or else identity and exp,
            from which they would train by a wrong gradient; several heads; quantiles and variances.

        Examples
        --------
        >>> import fastnn
        >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
        >>> network = fastnn.train([2, 4, 1], X, y, activation="tanh", loss="log_loss", random_state=1).network
        >>> network.to_sklearn().predict(X)
        array([0, 1, 1, 0])
        """
        with optional("Network.to_sklearn", "scikit-learn 1.7 or newer", "sklearn", "scipy", extra="sklearn"):
            from fastnn.interop.sklearn import to_sklearn
        return to_sklearn(self)

    @classmethod
    def from_torch(
        cls, module: Any, output_activation: ActivationLike | None = None, classes: ArrayLike | None = None
    ) -> "Network":
        """Return the network of a PyTorch ``nn.Sequential`` of dense layers, as it computes in eval mode.

        Parameters
        ----------
        module : torch.nn.Sequential
            Of Linear, BatchNorm1d (folded into the Linear before or after it), Dropout, Flatten, Identity, the
            activations that fastnn has, and of such Sequentials. CELU, Softplus of any beta and PReLU of one parameter
            will do. It is not changed.
        output_activation : str or (str, float), optional
            Of a module that ends in a Linear since its loss takes logits: "softmax" after CrossEntropyLoss, "logistic"
            after BCEWithLogitsLoss.
        classes : array-like, optional
            The class labels, sorted, one per output (one output: two).

        Returns
        -------
        network : Network
            Of float64 where a Linear is, else of float32, which holds all numbers of float16 and bfloat16.

        Raises
        ------
        TypeError
            If it is no module.
        ValueError
            If a layer cannot be carried over, which the message names.

        Examples
        --------
        >>> import fastnn
        >>> from torch import nn  # doctest: +SKIP
        >>> module = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))  # doctest: +SKIP
        >>> fastnn.Network.from_torch(module, "softmax", ["a", "b", "c"])  # doctest: +SKIP
        <Network 4-8-3, relu, softmax, float32, 67 parameters>
        """
        with optional("Network.from_torch", "PyTorch", "torch", extra="neighbours", only=("torch",)):
            from fastnn.interop.torch import from_torch
        return from_torch(module, output_activation, classes)

    def to_torch(self) -> Any:
        """Return the network as a PyTorch ``nn.Sequential``, with copies of its weights.

        Activations that torch.nn lacks, exp, sin, step and those of several heads, variances and quantiles, are small
        modules of ``fastnn.interop.torch``. It ends in the outputs, not in logits.

        Returns
        -------
        module : torch.nn.Sequential
            Of the network's dtype, on the CPU.

        Examples
        --------
        >>> import fastnn
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
        >>> neuron.to_torch()  # doctest: +SKIP
        Sequential(
          (0): Linear(in_features=2, out_features=1, bias=True)
          (1): Sigmoid()
        )
        """
        with optional("Network.to_torch", "PyTorch", "torch", extra="neighbours", only=("torch",)):
            from fastnn.interop.torch import to_torch
        return to_torch(self)

    @classmethod
    def from_keras(
        cls, model: Any, output_activation: ActivationLike | None = None, classes: ArrayLike | None = None
    ) -> "Network":
        """Return the network of a Keras 3 model of dense layers, one after another, as it predicts.

        Parameters
        ----------
        model : keras.Model, str or os.PathLike
            Sequential or Functional, of Dense, BatchNormalization, Normalization and Rescaling (folded into a Dense),
            Dropout, Flatten, activations that fastnn has, and of such models; or the ``.keras`` file of one, which
            Keras loads in its safe mode. It is not changed.
        output_activation : str or (str, float), optional
            Of a model that ends without an activation since its loss takes logits (``from_logits=True``).
        classes : array-like, optional
            The class labels, sorted, one per output (one output: two).

        Returns
        -------
        network : Network
            Of float64 where a Dense is, or a Normalization is folded in; else of float32, which holds all numbers of
            float16 and bfloat16. Where the model flattens images, it takes these as rows.

        Raises
        ------
        ModelFormatError
            If the file is none that Keras reads in its safe mode.
        TypeError
            If it is no model.
        ValueError
            If a layer cannot be carried over, which the message names.

        Examples
        --------
        >>> import fastnn
        >>> network = fastnn.Network.from_keras("model.keras")  # doctest: +SKIP
        """
        with optional(
            "Network.from_keras", "Keras 3 and its backend", "keras", "tensorflow", "jax", "torch", extra="neighbours",
            only=("keras", "torch"),
        ):  # fmt: skip
            from fastnn.interop.keras import from_keras
        return from_keras(model, output_activation, classes)

    @classmethod
    def from_fann(
        cls,
        path: str | os.PathLike,
        scaled: bool | None = None,
        dtype: DTypeLike = "float64",
        classes: ArrayLike | None = None,
    ) -> "Network":
        """Return the network of a file that FANN saved, of the text format ``FANN_FLO_2.1``.

        Parameters
        ----------
        path : str or os.PathLike
        scaled : bool, optional
            Of a file that has scales, which must be told: True for the network that takes and gives numbers as they are
            before ``fann_scale_input`` and after ``fann_descale_output``, False for what ``fann_run`` computes.
        dtype : {"float64", "float32"}, default "float64"
            Both hold what libfloatfann writes. With ``scaled=True`` it is float64, as the scales of inputs need.
        classes : array-like, optional
            The class labels, sorted, one per output (one output: two).

        Returns
        -------
        network : Network
            The steepness of each neuron goes into its weights. libfann cuts sums off at 150 over the steepness, which
            LINEAR, SIN, COS and ELLIOT show; this does not.

        Raises
        ------
        ModelFormatError
            If it is no such file, is damaged, or has what fastnn has not: connections that skip layers or are missing,
            GAUSSIAN and stepwise functions, different ones in a layer.
        OSError
            If there is no such file, or it is not to be read.
        ValueError
            If it has scales, and `scaled` does not say what is to become of them.

        Examples
        --------
        >>> import fastnn, os, tempfile
        >>> neuron = fastnn.Network([[[7.0, 3.0]]], [[-2.0]])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = os.path.join(folder, "neuron.net")
        ...     neuron.to_fann(path)
        ...     fastnn.Network.from_fann(path).W[1]
        array([[7., 3.]])
        """
        from fastnn.interop.fann import from_fann

        return from_fann(path, scaled, dtype, classes)

    def to_fann(self, path: str | os.PathLike) -> None:
        """Write the network to a file that ``fann_create_from_file`` reads.

        Its labels are not kept. Identity, sin and softsign have a small steepness, as libfann cuts sums off by it.

        Parameters
        ----------
        path : str or os.PathLike

        Raises
        ------
        OSError
            If it cannot be written; what was there before is there still.
        ValueError
            If FANN has no such activation, or for several heads.

        Examples
        --------
        See `from_fann`.
        """
        from fastnn.interop.fann import to_fann

        to_fann(self, path)
