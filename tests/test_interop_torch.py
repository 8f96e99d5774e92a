"""PyTorch's modules as networks and back: PyTorch's own outputs are what is expected."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits

import fastnn
from fastnn._tables import HIDDEN_ACTIVATIONS

torch = pytest.importorskip("torch")
nn = torch.nn
torch.set_num_threads(1)  # of a machine that has other things to do, more wait for each other
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")

X = np.random.default_rng(0).standard_normal((40, 6))
TOLERANCE = {torch.float32: 3e-6, torch.float64: 1e-13}


def outputs_of(module, X=X):
    dtype = next(module.parameters()).dtype
    with torch.no_grad():
        return module.eval()(torch.tensor(X).to(dtype)).double().numpy()


def same(network, module, X=X, tolerance=None):
    expected = outputs_of(module, X)
    dtype = next(module.parameters()).dtype
    tolerance = (tolerance or TOLERANCE[dtype]) * np.abs(expected).max()
    np.testing.assert_allclose(network(X), expected, rtol=0, atol=tolerance)


def trained(module, loss, X, y, n_steps=30):
    torch.manual_seed(0)
    for layer in module.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    optimizer = torch.optim.Adam(module.parameters(), 0.01)
    module.train()
    for _ in range(n_steps):
        optimizer.zero_grad()
        loss(module(X), y).backward()
        optimizer.step()
    return module.eval()


ACTIVATIONS = {
    nn.ReLU(): "relu",
    nn.LeakyReLU(): "leaky_relu",
    nn.LeakyReLU(0.3): ("leaky_relu", 0.3),
    nn.PReLU(): ("leaky_relu", 0.25),
    nn.ELU(): "elu",
    nn.ELU(0.5): ("elu", 0.5),
    nn.CELU(0.5): "elu",
    nn.SELU(): "selu",
    nn.GELU(): "gelu",
    nn.SiLU(): "silu",
    nn.Mish(): "mish",
    nn.Softplus(): "softplus",
    nn.Softplus(beta=3.0): "softplus",
    nn.Hardsigmoid(): "hard_sigmoid",
    nn.Hardswish(): "hard_swish",
    nn.Softsign(): "softsign",
    nn.Tanh(): "tanh",
    nn.Sigmoid(): "logistic",
}


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_each_activation_of_hidden_units_and_of_outputs(activation, dtype):
    torch.manual_seed(0)
    layers = [nn.Linear(6, 5), activation, nn.Linear(5, 4)]
    for module in (nn.Sequential(*layers), nn.Sequential(*layers, activation)):
        network = fastnn.Network.from_torch(module.to(dtype))
        assert network.activations[0] == ACTIVATIONS[activation]
        assert network.dtype == str(dtype).removeprefix("torch.")
        is_scaled = isinstance(activation, nn.Softplus | nn.CELU)
        tolerance = 3e-9 if is_scaled and dtype == torch.float64 else None  # Softplus is linear beyond 20, there
        for rows in (X, 8 * X):
            same(network, module, rows, tolerance)


@pytest.mark.parametrize("activation", [*HIDDEN_ACTIVATIONS, ("leaky_relu", 0.2), ("elu", 0.7)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_activation_there_and_back(activation, dtype):
    rng = np.random.default_rng(1)
    W, b = [rng.standard_normal((5, 6)), rng.standard_normal((4, 5))], [rng.standard_normal(5), rng.standard_normal(4)]
    network = fastnn.Network(W, b, activation=activation, output_activation=activation, dtype=dtype)
    module = network.to_torch()
    assert next(module.parameters()).dtype == getattr(torch, dtype)
    same(network, module, tolerance=3e-9 if activation == "softplus" and dtype == "float64" else None)
    back = fastnn.Network.from_torch(module)
    assert back.activations == network.activations
    assert back.parameters.tobytes() == network.parameters.tobytes()
    module(torch.tensor(X).to(next(module.parameters()).dtype)).sum().backward()  # gradients flow through each
    gradient = module[0].weight.grad
    assert (gradient == 0).all() if activation == "step" else (gradient != 0).any()


def test_a_step_at_zero():
    neuron = fastnn.Network([[[1.0]]], None, output_activation="step")
    assert neuron.to_torch()(torch.tensor([[-1e-9], [0.0], [1e-9]]).double()).ravel().tolist() == [0.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("options", "n_out", "expected"),
    [
        ({"loss": "log_loss"}, 3, "softmax"),
        ({"loss": "poisson"}, 2, "exp"),
        ({"loss": "gaussian_nll"}, 4, "mean_variance"),
        ({"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}, 6, ("increasing", 3.0)),
        ({"heads": [fastnn.Head(2), fastnn.Head(3, "log_loss"), fastnn.Head(2, "gaussian_nll")]}, 7, "identity"),
    ],
)
def test_other_outputs_there_and_back(options, n_out, expected):
    rng = np.random.default_rng(2)
    y = {
        "log_loss": rng.integers(0, 3, 40),
        "poisson": rng.poisson(2.0, (40, 2)),
        None: [rng.standard_normal((40, 2)), rng.integers(0, 3, 40), rng.standard_normal(40)],
    }.get(options.get("loss"), rng.standard_normal((40, 2)))
    network = fastnn.train([6, 5, n_out], X, y, 30, 0.01, activation="tanh", random_state=0, **options).network
    module = network.to_torch()
    same(network, module, tolerance=3e-9)
    back = fastnn.Network.from_torch(module)
    assert back.activations[-1] == expected
    assert back.heads == network.heads
    assert np.array_equal(back(X), network(X))


def test_a_classifier_of_digits_with_everything_that_is_folded():
    data = load_digits()
    rows, y = torch.tensor(data.data / 16).float(), torch.tensor(data.target)
    layers = [nn.Flatten(), nn.BatchNorm1d(64), nn.Linear(64, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU()]
    norm = nn.BatchNorm1d(16, affine=False)
    inner = nn.Sequential(nn.Dropout(0.2), nn.Linear(32, 16), nn.SiLU(), norm, nn.Identity())
    module = trained(nn.Sequential(*layers, inner, nn.Linear(16, 10)), nn.CrossEntropyLoss(), rows, y)
    network = fastnn.Network.from_torch(module, "softmax", data.target_names)
    assert network.layer_sizes == (64, 32, 16, 10)
    expected = torch.softmax(module(rows), 1).detach().numpy()
    np.testing.assert_allclose(network(data.data / 16), expected, atol=2e-6)
    assert (network.predict(data.data / 16) == expected.argmax(1)).all()
    assert (network.predict(data.data / 16) == data.target).mean() > 0.9


def test_a_regression_of_diabetes_in_float64():
    X, y = load_diabetes(return_X_y=True)
    module = nn.Sequential(nn.Linear(10, 20), nn.Tanh(), nn.Linear(20, 1)).double()
    trained(module, nn.MSELoss(), torch.tensor(X), torch.tensor(y)[:, None] / 100)
    network = fastnn.Network.from_torch(module)
    same(network, module, X)
    assert network.predict(X).shape == (442,)


def test_two_classes_by_logits():
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    module = nn.Sequential(nn.BatchNorm1d(30), nn.Linear(30, 8), nn.Hardswish(), nn.Linear(8, 1))
    trained(module, nn.BCEWithLogitsLoss(), torch.tensor(X).float(), torch.tensor(y)[:, None].float())
    network = fastnn.Network.from_torch(module, "logistic", ["malignant", "benign"][::-1])
    expected = torch.sigmoid(module(torch.tensor(X).float())).detach().numpy()
    np.testing.assert_allclose(network(X), expected, atol=2e-6)
    assert set(network.predict(X)) == {"malignant", "benign"}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_becomes_float32_with_the_same_numbers(dtype):
    module = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 2)).to(dtype)
    network = fastnn.Network.from_torch(module)
    assert network.dtype == "float32"
    assert network.W[1].tolist() == module[0].weight.tolist()
    same(network, module.float())


def test_a_norm_after_an_activation_at_the_end_and_one_activation_after_another():
    torch.manual_seed(1)
    norm = nn.BatchNorm1d(4, eps=0.1)
    norm.running_mean, norm.running_var = torch.rand(4), torch.rand(4)
    norm.weight.data, norm.bias.data = torch.randn(4), torch.randn(4)
    for layers in ([nn.Tanh(), norm], [nn.Tanh(), nn.Softmax(1)], [norm, nn.Sigmoid(), norm]):
        module = nn.Sequential(nn.Linear(6, 4), nn.ReLU(), *layers).double()
        network = fastnn.Network.from_torch(module)
        assert set(network.layer_sizes[1:]) == {4}
        same(network, module)


def test_heads_after_a_norm_or_an_activation():
    for between in ([nn.Tanh(), nn.BatchNorm1d(3)], [nn.Tanh()], [nn.BatchNorm1d(3)]):
        module = nn.Sequential(nn.Linear(6, 3), *between, heads([1, 2], nn.Sigmoid(), nn.Softmax(-1)))
        same(network := fastnn.Network.from_torch(module), module)
        assert network.heads == ((1, "logistic"), (2, "softmax"))


def test_a_single_linear_and_one_that_a_parametrization_makes():
    same(fastnn.Network.from_torch(linear := nn.Linear(6, 2)), linear)
    normed = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(6, 2)))
    same(fastnn.Network.from_torch(normed), normed)


def test_nothing_is_shared_or_changed():
    module = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    nn.utils.parametrizations.spectral_norm(module[3])
    before = {name: own.clone() for name, own in module.state_dict().items()}
    network = fastnn.Network.from_torch(module)
    network.W[1][:] = 7.0
    assert module.training
    assert all(torch.equal(before[name], own) for name, own in module.state_dict().items())
    other = network.to_torch()
    other[0].weight.data[:] = 1.0
    assert (network.W[1] == 7.0).all()
    same(fastnn.Network.from_torch(module), module)


def test_a_state_dict_goes_on(tmp_path):
    network = fastnn.train([6, 4, 2], X, X[:, :2], 10, activation="tanh", random_state=0).network
    torch.save(network.to_torch().state_dict(), tmp_path / "state.pt")
    other = nn.Sequential(nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 2)).double()
    other.load_state_dict(torch.load(tmp_path / "state.pt"))
    same(network, other)


class Doubled(nn.Linear):
    def forward(self, x):
        return 2 * super().forward(x)


class Own(nn.Module):
    def forward(self, x):
        return x


def hooked():
    linear = nn.Linear(6, 2)
    linear.register_forward_hook(lambda *args: None)
    return linear


def patched():
    linear = nn.Linear(6, 2)
    linear.forward = lambda x: x
    return linear


def heads(sizes=(1, 1), *activations):
    from fastnn.interop.torch import Heads

    return Heads(sizes, activations or [nn.Sigmoid(), nn.Identity()])


def hooked_before():
    linear = nn.Linear(6, 2)
    linear.register_forward_pre_hook(lambda *args: None)
    return linear


def diverged():
    linear = nn.Linear(6, 2)
    linear.weight.data[0, 0] = np.nan
    return linear


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([nn.Linear(6, 2), nn.GELU("tanh")], r"layer '1' \(GELU\).*approximate='tanh'"),
        ([nn.Linear(6, 2), nn.LogSoftmax(1)], r"layer '1' \(LogSoftmax\).*output_activation='softmax'"),
        ([nn.Linear(6, 2), nn.ReLU6(), nn.Linear(2, 1)], r"layer '1' \(ReLU6\).*none that is known"),
        ([nn.Linear(6, 2), nn.PReLU(2)], "PReLU"),
        ([nn.Linear(6, 2), nn.Softmax(0)], r"layer '1' \(Softmax\).*Softmax\(dim=0\)"),
        ([nn.Linear(6, 2), nn.Softmax(1), nn.Linear(2, 1)], r"layer '1' \(Softmax\).*last layer alone"),
        ([nn.Linear(6, 2), nn.Sequential(nn.LayerNorm(2))], r"layer '1.0' \(LayerNorm\)"),
        ([nn.Linear(6, 2), nn.BatchNorm1d(2, track_running_stats=False)], "running statistics"),
        ([nn.Linear(6, 2), nn.Softplus(threshold=3)], "threshold"),
        ([nn.Linear(6, 2), nn.Linear(3, 1)], r"layer '1' \(Linear\) takes 3 inputs.*2 outputs"),
        ([nn.Linear(6, 2), nn.BatchNorm1d(3)], r"layer '1' \(BatchNorm1d\).*before it: .*2 columns.*3"),
        ([nn.Linear(6, 2), heads(), nn.Linear(2, 2)], r"layer '2' \(Linear\).*follows the heads"),
        ([nn.Linear(6, 2), heads(), heads()], r"layer '2' \(Heads\).*follows the heads"),
        ([heads(), nn.Linear(6, 2)], r"layer '0' \(Heads\).*before the first"),
        ([nn.ReLU(), nn.Linear(6, 2)], r"layer '0' \(ReLU\).*before the first"),
        ([nn.Flatten(0), nn.Linear(6, 2)], r"layer '0' \(Flatten\)"),
        ([nn.Conv1d(1, 1, 1)], r"layer '0' \(Conv1d\)"),
        ([Doubled(6, 2)], r"layer '0' \(Doubled\).*forward of its own"),
        ([Own()], r"layer '0' \(Own\)"),
        ([hooked()], "hooks"),
        ([hooked_before()], "hooks"),
        ([nn.Linear(6, 2), nn.Softplus(beta=-1)], "positive numbers"),
        ([nn.Linear(6, 2), nn.Flatten(1, 2)], r"layer '1' \(Flatten\)"),
        ([patched()], "forward of its own"),
        ([nn.LazyLinear(2)], "no weights yet"),
        ([nn.Linear(6, 2, device="meta")], "'meta'"),
        ([nn.Linear(6, 2, dtype=torch.complex64)], "complex64"),
        ([diverged()], r"layer '0' \(Linear\).*not finite"),
        ([nn.Identity()], "no dense layer"),
    ],
)
def test_what_cannot_be_carried_over_is_named(layers, message):
    with pytest.raises(ValueError, match=message):
        fastnn.Network.from_torch(nn.Sequential(*layers))


def test_other_arguments():
    with pytest.raises(TypeError, match=r"nn.Sequential, got a list"):
        fastnn.Network.from_torch([nn.Linear(6, 2)])
    module = nn.Sequential(nn.Linear(6, 2), nn.Sigmoid())
    with pytest.raises(ValueError, match=r"end without an activation.*layer '1' \(Sigmoid\)"):
        fastnn.Network.from_torch(module, "softmax")
    with pytest.raises(ValueError, match="unknown output_activation"):
        fastnn.Network.from_torch(module[:1], "sofmax")
    with pytest.raises(ValueError, match="classes are of a model without heads"):
        fastnn.Network.from_torch(nn.Sequential(module[0], heads()), classes=["a", "b"])
    with pytest.raises(ValueError, match="classes"):
        fastnn.Network.from_torch(module, classes=["a", "b", "c"])
