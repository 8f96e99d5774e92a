"""PyTorch: eager with autograd and its own optimizers, and one update compiled as a whole by ``torch.compile``."""

import shutil
from dataclasses import replace
from functools import cache, partial

import numpy as np
import torch
from torch.nn import functional

from bench.peers.interface import BETA_1, BETA_2, EPSILON, N_THREADS, CannotExpress, adam_steps, flat

PACKAGES = ("torch",)

torch.set_num_threads(N_THREADS)

ACTIVATIONS = {
    "identity": lambda Z: Z,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "softmax": partial(torch.softmax, dim=-1),
}


def scores(W, b, X, hidden):
    """Return the weighted sums of the last layer."""
    for weights, biases in zip(W[:-1], b[:-1], strict=True):
        X = ACTIVATIONS[hidden](functional.linear(X, weights, biases))
    return functional.linear(X, W[-1], b[-1])


def mean_loss(W, b, X, y, case):
    """Return the mean loss of a batch; y are class numbers for softmax."""
    Z = scores(W, b, X, case.hidden)
    if case.output == "softmax":
        return functional.cross_entropy(Z, y)
    if case.loss == "log_loss":
        return functional.binary_cross_entropy_with_logits(Z, y)
    return functional.mse_loss(ACTIVATIONS[case.output](Z), y, reduction="sum") * (0.5 / len(X))


class Train:
    """What both ways share: the data, and the start."""

    def __init__(self, problem):
        self.problem, self.case = problem, problem.case
        self.X = torch.from_numpy(problem.X)
        self.y = torch.from_numpy(problem.labels if problem.case.output == "softmax" else problem.y)
        self.rows = torch.from_numpy(problem.rows)

    def reset(self):
        self.W = [torch.tensor(weights) for weights in self.problem.W]
        self.b = [torch.tensor(biases) for biases in self.problem.b]

    def batches(self):
        """Return the batches of one epoch, gathered at once: a gather a batch took 1.1 to 1.3 times as long."""
        if not self.case.batch_size:
            return [(self.X, self.y)]
        X, y = self.X[self.rows], self.y[self.rows]
        return zip(X.split(self.case.batch_size), y.split(self.case.batch_size), strict=True)

    def numbers(self):
        return flat([W.detach().numpy() for W in self.W], [b.detach().numpy() for b in self.b])


class Eager(Train):
    """Autograd, and the fused optimizers: ``foreach=True`` took 1.3 times as long.

    Plain descent needs no optimizer: one multi-tensor operation took 0.55 of the time of ``torch.optim.SGD``.
    """

    def reset(self):
        super().reset()
        self.parameters = [part.requires_grad_() for part in (*self.W, *self.b)]
        options = {"lr": self.case.learning_rate, "fused": True}
        self.optimizer = None
        if self.case.solver == "adam":
            self.optimizer = torch.optim.Adam(self.parameters, betas=(BETA_1, BETA_2), eps=EPSILON, **options)
        elif self.case.momentum:
            self.optimizer = torch.optim.SGD(self.parameters, momentum=self.case.momentum, **options)

    def run(self):
        W, b, case, optimizer = self.W, self.b, self.case, self.optimizer
        is_adam, t = case.solver == "adam", 0
        for _ in range(case.n_epochs):
            for X, y in self.batches():
                loss = mean_loss(W, b, X, y, case)
                if optimizer is None:
                    gradient = torch.autograd.grad(loss, self.parameters)
                    with torch.no_grad():
                        torch._foreach_add_(self.parameters, gradient, alpha=-case.learning_rate)
                    continue
                loss.backward()
                if is_adam:  # PyTorch adds epsilon after the correction of v, scikit-learn before
                    t += 1
                    optimizer.param_groups[0]["eps"] = EPSILON / (1 - BETA_2**t) ** 0.5
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)


def update(W, b, m, v, X, y, step, case):
    """Make one update in place."""
    gradient = torch.func.grad(lambda parameters: mean_loss(*parameters, X, y, case))((W, b))
    for p, g, m_part, v_part in zip((*W, *b), (*gradient[0], *gradient[1]), m, v, strict=True):
        if case.solver == "adam":
            m_part.mul_(BETA_1).add_(g, alpha=1 - BETA_1)
            v_part.mul_(BETA_2).add_(g * g, alpha=1 - BETA_2)
            p.sub_(step * m_part / (v_part.sqrt() + EPSILON))
        elif case.momentum:
            v_part.mul_(case.momentum).sub_(step * g)
            p.add_(v_part)
        else:
            p.sub_(step * g)


@cache
def compiled_update(case):
    """Return the update of cases that differ in their rows alone, compiled once a batch size."""
    if not (shutil.which("g++") or shutil.which("c++")):
        raise CannotExpress("torch.compile needs a C++ compiler")
    torch._dynamo.reset()
    return torch.compile(partial(update, case=case), dynamic=False)


class Compiled(Train):
    """Gradient and solver in one graph.

    Once all batch sizes are compiled, the guards that no batch can fail are not asked: 0.65 of the time. Parameters
    in one array, or the C++ wrapper, were no faster.
    """

    def __init__(self, problem):
        super().__init__(problem)
        self.update = compiled_update(replace(self.case, n_rows=0, n_epochs=0))
        self.is_warm = False

    def reset(self):
        super().reset()
        self.m, self.v = ([torch.zeros_like(part) for part in (*self.W, *self.b)] for _ in range(2))

    def run(self):
        case = self.case
        n = case.n_epochs * len(case.batches)
        steps = adam_steps(case.learning_rate, 1, n) if case.solver == "adam" else np.full(n, case.learning_rate)
        step_of = iter(torch.from_numpy(steps.astype(self.problem.dtype)).unbind())
        state = self.W, self.b, self.m, self.v
        with torch.compiler.set_stance("default", skip_guard_eval_unsafe=self.is_warm):
            for _ in range(case.n_epochs):
                for X, y in self.batches():
                    self.update(*state, X, y, next(step_of))
        self.is_warm = True


class Predict:
    """NumPy in and out, without autograd."""

    def __init__(self, problem):
        case = problem.case
        self.X = problem.X
        W = [torch.from_numpy(weights) for weights in problem.W]
        b = [torch.from_numpy(biases) for biases in problem.b]
        self.function = lambda X: ACTIVATIONS[case.output](scores(W, b, X, case.hidden))

    def reset(self):
        pass

    def run(self):
        with torch.inference_mode():
            self.out = self.function(torch.from_numpy(self.X)).numpy()

    def numbers(self):
        return self.out


class PredictCompiled(Predict):
    """The function compiled: fewer passes over many rows, more overhead for one."""

    def __init__(self, problem):
        if not (shutil.which("g++") or shutil.which("c++")):
            raise CannotExpress("torch.compile needs a C++ compiler")
        super().__init__(problem)
        torch._dynamo.reset()
        self.function = torch.compile(self.function, dynamic=False)


TRAINERS = {"PyTorch, eager": Eager, "PyTorch, compiled": Compiled}
PREDICTORS = {"PyTorch, eager": Predict, "PyTorch, compiled": PredictCompiled}
