"""PyTorch's ``nn.Sequential`` of dense layers as networks, and networks as such; modules for what torch.nn lacks.

Called by `Network.from_torch` and `.to_torch`.
"""

import copy

import torch
from torch import nn
from torch.nn.functional import softplus
from torch.nn.utils import parametrize

from fastnn.activations import as_activation
from fastnn.interop.chain import Chain

#: What a variance is at least, as everywhere.
LEAST_VARIANCE = 1e-6


class Exp(nn.Module):
    """e^z."""

    def forward(self, z):
        return torch.exp(z)


class Sin(nn.Module):
    """The sine."""

    def forward(self, z):
        return torch.sin(z)


class Step(nn.Module):
    """1 for z >= 0, else 0, with a slope of 0 everywhere."""

    def forward(self, z):
        return torch.ceil((torch.sign(z) + 1) / 2)


class MeanVariance(nn.Module):
    """Means as they are, in the first half of the columns, and variances log(1 + e^z) + 1e-6 in the second."""

    def forward(self, z):
        means, sums = z.chunk(2, -1)
        return torch.cat([means, softplus(sums) + LEAST_VARIANCE], -1)


class Increasing(nn.Module):
    """Of each group of columns the first as it is, each other the one before plus log(1 + e^z); 0: all are a group."""

    def __init__(self, group=0):
        super().__init__()
        self.group = group

    def forward(self, z):
        groups = z.unflatten(-1, (-1, int(self.group) or z.shape[-1]))
        return torch.cat([groups[..., :1], softplus(groups[..., 1:])], -1).cumsum(-1).flatten(-2)


class Heads(nn.ModuleList):
    """Blocks of the columns, of these sizes, each with an activation of its own."""

    def __init__(self, sizes, activations):
        super().__init__(activations)
        self.sizes = list(sizes)

    def forward(self, z):
        return torch.cat([head(block) for head, block in zip(self, z.split(self.sizes, -1), strict=True)], -1)


#: Activation -> what makes its module, of its parameter if it has one.
MODULES = {
    "identity": nn.Identity,
    "logistic": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "step": Step,
    "softmax": lambda: nn.Softmax(-1),
    "exp": Exp,
    "leaky_relu": nn.LeakyReLU,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "mish": nn.Mish,
    "softplus": nn.Softplus,
    "hard_sigmoid": nn.Hardsigmoid,
    "hard_swish": nn.Hardswish,
    "sin": Sin,
    "softsign": nn.Softsign,
    "mean_variance": MeanVariance,
    "increasing": Increasing,
}

#: Module -> the activation, where there is nothing to ask.
PLAIN = {made: name for name, made in MODULES.items() if isinstance(made, type)}

#: Module -> the activation that it is, as users write it; None: none of ours.
ASKED = {
    nn.LeakyReLU: lambda own: ("leaky_relu", own.negative_slope),
    nn.ELU: lambda own: ("elu", own.alpha),
    nn.GELU: lambda own: "gelu" if own.approximate == "none" else None,
    nn.Softmax: lambda own: "softmax" if own.dim in (None, 1, -1) else None,
    nn.PReLU: lambda own: ("leaky_relu", own.weight.item()) if own.num_parameters == 1 else None,
    Increasing: lambda own: ("increasing", own.group),
}

#: Of rows, in eval mode, these do nothing.
NOTHING = (nn.Identity, nn.Dropout, nn.AlphaDropout, nn.FeatureAlphaDropout)

#: All whose forward is what it says.
KNOWN = {nn.Sequential, nn.Linear, nn.BatchNorm1d, nn.Flatten, nn.CELU, Heads, *NOTHING, *PLAIN, *ASKED}


def from_torch(module, output_activation=None, classes=None):
    """Return the Network of an ``nn.Sequential`` as it is in eval mode; see `Network`."""
    if not isinstance(module, nn.Module):
        raise TypeError(f"module must be a torch.nn.Sequential, got a {type(module).__name__}")
    chain = Chain()
    _append(chain, "", module)
    return chain.network(output_activation, classes)


def to_torch(network):
    """Return the ``nn.Sequential`` of a network, with copies of its weights."""
    layers = []
    for W, b, activation in zip(network.W.values(), network.b.values(), network.activations, strict=True):
        dense = nn.Linear(*reversed(W.shape), device="meta").to_empty(device="cpu").to(_tensor(W).dtype)
        with torch.no_grad():
            dense.weight.copy_(_tensor(W))
            dense.bias.copy_(_tensor(b))
        layers += [dense, *([] if activation == "identity" else [_module_of(activation)])]
    if network.heads:
        sizes, activations = zip(*network.heads, strict=True)
        layers.append(Heads(sizes, map(_module_of, activations)))
    return nn.Sequential(*layers)


def _tensor(array):
    return torch.tensor(array)  # a copy, which may be of a mapped file


def _module_of(activation):
    own = as_activation(activation)
    return MODULES[own.name](*own.parameters)


def _append(chain, path, module):
    where = f"layer {path!r} ({type(module).__name__})" if path else f"the module ({type(module).__name__})"
    kind = next((kind for kind in type(module).__mro__ if kind in KNOWN), None)
    if kind is None:
        logits = "; take it away, and say output_activation='softmax'" if isinstance(module, nn.LogSoftmax) else ""
        raise _refusal(where, f"it is none that is known{logits}")
    if "forward" in vars(module) or type(module).forward is not kind.forward:
        raise _refusal(where, "it has a forward of its own, which may do anything")
    if parametrize.is_parametrized(module):  # some, as spectral_norm, change what they read while training
        module = copy.deepcopy(module).eval()
    if any(map(nn.parameter.is_lazy, module.parameters(recurse=False))):
        raise _refusal(where, "it has no weights yet; call the module once")
    if module._forward_hooks or module._forward_pre_hooks:
        raise _refusal(where, "it has hooks, which may change what goes through; remove them")
    if isinstance(module, nn.Sequential):
        for name, child in module._modules.items():  # named_children has a child that is there twice once
            _append(chain, f"{path}.{name}" if path else name, child)
    elif isinstance(module, nn.Linear):
        chain.dense(where, *(None if own is None else _array(where, own) for own in (module.weight, module.bias)))
    elif isinstance(module, nn.BatchNorm1d):
        _append_norm(chain, where, module)
    elif isinstance(module, Heads):
        chain.heads(
            where, [(n_out, _activation_of(where, own)) for n_out, own in zip(module.sizes, module, strict=True)]
        )
    elif isinstance(module, nn.Softplus):
        _append_scaled(chain, where, module, "softplus", module.beta)
    elif isinstance(module, nn.CELU):
        _append_scaled(chain, where, module, "elu", 1 / module.alpha)
    elif isinstance(module, nn.Flatten):
        if module.start_dim != 1 or module.end_dim not in (-1, 1):
            raise _refusal(where, "of rows it would flatten more than each")
    elif not isinstance(module, NOTHING):
        chain.activate(where, _activation_of(where, module))


def _append_scaled(chain, where, module, activation, factor):
    """Of f(factor z) / factor."""
    if getattr(module, "threshold", 20) < 20 or not factor > 0:
        raise _refusal(where, f"of {module}: only thresholds of at least 20 and positive numbers have the same outputs")
    chain.scale(where, factor)
    chain.activate(where, activation)
    chain.scale(where, 1 / factor)


def _append_norm(chain, where, norm):
    if norm.running_mean is None:
        raise _refusal(where, "without running statistics (track_running_stats=False) a row's outputs hang on others")
    mean, variance = (_array(where, own).astype("float64") for own in (norm.running_mean, norm.running_var))
    factor, shift = (variance + norm.eps) ** -0.5, 0.0
    if norm.affine:
        factor, shift = factor * _array(where, norm.weight), _array(where, norm.bias)
    chain.scale(where, factor, shift - mean * factor)


def _activation_of(where, module):
    kind = next((kind for kind in type(module).__mro__ if kind in ASKED or kind in PLAIN), None)
    activation = ASKED[kind](module) if kind in ASKED else PLAIN.get(kind)
    if activation is None:
        raise _refusal(where, f"fastnn has no {module!r:.60}")
    return activation


def _array(where, tensor):
    """The numbers of a tensor; those of half precision in float32, which holds them all."""
    if tensor.is_meta:
        raise _refusal(where, "it has no weights: it is on the device 'meta'")
    if not tensor.is_floating_point():
        raise _refusal(where, f"its weights are {tensor.dtype}, not real numbers")
    tensor = tensor.detach().cpu()
    return (tensor if tensor.dtype == torch.float64 else tensor.float()).numpy()


def _refusal(where, why):
    return ValueError(
        f"{where} cannot be carried over: {why}. What can: an nn.Sequential of Linear, BatchNorm1d, Dropout, Flatten, "
        "Identity and activations that fastnn has"
    )
