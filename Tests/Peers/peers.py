"""The peers, each as a user of that library would write it, and a worker that measures one of them.

Each function takes the weights and returns `solve(x0, v0) -> x(1)`, NumPy arrays in and out where that copies nothing,
the library's own arrays otherwise: conversion happens before the clock starts. All are float32. Hand-written loops leave
out the last velocity, which nobody reads, as sono does.

    python peers.py NAME WORKLOAD.npz       answers lines `ROWS BATCH` with a line of JSON
"""

import json
import os
import sys
import time

import numpy as np

from workload import CLASSICAL, HORIZON, STEPS, Weights

H = HORIZON / STEPS


def rk4(field, x, v):
    """x(1) of x'' = field(x, x', t), for any array library."""
    for step in range(STEPS):
        t = step * H
        a1 = field(x, v, t)
        v2 = v + H / 2 * a1
        a2 = field(x + H / 2 * v, v2, t + H / 2)
        v3 = v + H / 2 * a2
        a3 = field(x + H / 2 * v2, v3, t + H / 2)
        v4 = v + H * a3
        x, x4 = x + H / 6 * (v + 2 * v2 + 2 * v3 + v4), x + H * v3
        if step < STEPS - 1:
            v = v + H / 6 * (a1 + 2 * a2 + 2 * a3 + field(x4, v4, t + H))
    return x


def hidden_form(weights, tanh, concatenate, array):
    """The same method applied to the hidden layer's own state: exact, and cheaper where H < D. `array` makes constants."""
    wide = Weights(*(np.asarray(w, np.float64) for w in weights))
    square = array(np.concatenate([(w @ wide.output).T for w in (wide.position, wide.velocity)]))  # [2H, H]
    f, g = (array(w @ wide.output_bias) for w in (wide.position, wide.velocity))
    wx, wv, w2 = (array(w.T) for w in (wide.position, wide.velocity, wide.output))
    wt, b1, b2 = array(wide.time), array(wide.bias), array(wide.output_bias)
    a, b = CLASSICAL

    def solve(x, v):
        drift = v @ wx  # grows with t
        start = x @ wx + v @ wv + b1
        beta = alpha = 0.0
        xi = eta = 0.0
        for step in range(STEPS):
            betas, alphas, xis, etas, slopes = [], [], [], [], []
            for stage, row in enumerate(a):
                t = (step + sum(row)) * H
                alphas.append(alpha + combine(row, slopes))
                etas.append(eta + H * sum(row))
                if stage == 3 and step == STEPS - 1:
                    break  # only the velocity would read it
                bs = beta + combine(row, alphas)
                xi_here = xi + H * sum(c * k for c, k in zip(row, etas))
                inner = start + t * (drift + wt) + (xi_here * f + etas[-1] * g)
                if not isinstance(alphas[-1], float):
                    if isinstance(bs, float):
                        inner = inner + alphas[-1] @ square[len(b1):]
                    else:
                        inner = inner + concatenate([bs, alphas[-1]]) @ square
                slopes.append(tanh(inner))
            beta = beta + combine(b, alphas)
            xi = xi + H * sum(c * k for c, k in zip(b, etas))
            eta = eta + H
            if step < STEPS - 1:
                alpha = alpha + combine(b, slopes)
        return x + HORIZON * v + beta @ w2 + xi * b2

    def combine(coefficients, terms):
        return sum((H * c * k for c, k in zip(coefficients, terms) if c != 0), 0.0)

    return solve


def numpy_rk4(weights):
    wx, wv, wt, b1, w2, b2 = weights
    wx, wv, w2 = wx.T, wv.T, w2.T

    def field(x, v, t):
        return np.tanh(x @ wx + v @ wv + (np.float32(t) * wt + b1)) @ w2 + b2

    return (lambda x, v: rk4(field, x, v)), np.asarray, f"NumPy {np.__version__}"


def jax_setup():
    import jax
    import jax.numpy as jnp

    def timed(function):
        compiled = jax.jit(function)
        return lambda x, v: jax.block_until_ready(compiled(x, v))

    return jax, jnp, timed


def jax_rk4(weights):
    jax, jnp, timed = jax_setup()
    wx, wv, wt, b1, w2, b2 = map(jnp.asarray, weights)

    def field(x, v, t):
        return jnp.tanh(x @ wx.T + v @ wv.T + (t * wt + b1)) @ w2.T + b2

    return timed(lambda x, v: rk4(field, x, v)), jnp.asarray, f"JAX {jax.__version__}"


def jax_hidden(weights):
    jax, jnp, timed = jax_setup()
    solve = hidden_form(
        weights, jnp.tanh, lambda parts: jnp.concatenate(parts, axis=1), lambda w: jnp.asarray(w, jnp.float32))
    return timed(solve), jnp.asarray, f"JAX {jax.__version__}"


def diffrax_rk4(weights):
    jax, jnp, timed = jax_setup()
    import diffrax

    wx, wv, wt, b1, w2, b2 = map(jnp.asarray, weights)
    (_, *rows), b = CLASSICAL

    class RK4(diffrax.AbstractERK):
        tableau = diffrax.ButcherTableau(
            c=np.array([sum(row) for row in rows]), b_sol=np.array(b), b_error=np.zeros(4),
            a_lower=tuple(np.array(row, np.float64) for row in rows))
        interpolation_cls = diffrax.ThirdOrderHermitePolynomialInterpolation.from_k

        def order(self, terms):
            return 4

    def field(t, state, _):
        x, v = state
        return v, jnp.tanh(x @ wx.T + v @ wv.T + (t * wt + b1)) @ w2.T + b2

    def solve(x, v):
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(field), RK4(), 0.0, HORIZON, H, (x, v), stepsize_controller=diffrax.ConstantStepSize(),
            saveat=diffrax.SaveAt(t1=True), max_steps=STEPS)
        return solution.ys[0][0]

    return timed(solve), jnp.asarray, f"diffrax {diffrax.__version__}"


def onnxruntime_rk4(weights):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants = [], []

    class Value:
        """A name in the graph, with the arithmetic that `rk4` uses."""

        def __init__(self, name):
            self.name = name

        def __add__(self, other):
            return node("Add", self, other)

        def __rmul__(self, factor):
            return node("Mul", constant(factor), self)

    def constant(value):
        constants.append(numpy_helper.from_array(np.asarray(value, np.float32), f"c{len(constants)}"))
        return Value(constants[-1].name)

    def node(kind, *inputs):
        nodes.append(helper.make_node(kind, [value.name for value in inputs], [f"n{len(nodes)}"]))
        return Value(nodes[-1].output[0])

    wx, wv, w2 = (constant(weights[i].T.copy()) for i in (0, 1, 4))
    b2 = constant(weights.output_bias)

    def field(x, v, t):
        shift = constant(t * weights.time + weights.bias)
        layer = node("Tanh", node("MatMul", x, wx) + node("MatMul", v, wv) + shift)
        return node("MatMul", layer, w2) + b2

    result = rk4(field, Value("x"), Value("v"))
    shape = ["n", weights.position.shape[1]]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "v")]
    output = helper.make_tensor_value_info(result.name, TensorProto.FLOAT, shape)
    model = helper.make_model(
        helper.make_graph(nodes, "rk4", inputs, [output], constants), opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8)
    onnx.checker.check_model(model)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return (
        lambda x, v: session.run(None, {"x": x, "v": v})[0], np.asarray,
        f"ONNX Runtime {onnxruntime.__version__}, unrolled graph")


def torch_setup():
    import torch

    torch.set_num_threads(1)

    def timed(function):
        def solve(x, v):
            with torch.inference_mode():
                return function(x, v)

        return solve

    return torch, timed


def torch_field(weights, torch):
    wx, wv, wt, b1, w2, b2 = map(torch.from_numpy, weights)
    return lambda x, v, t: torch.tanh(x @ wx.T + v @ wv.T + (t * wt + b1)) @ w2.T + b2


def torch_rk4(weights):
    torch, timed = torch_setup()
    field = torch_field(weights, torch)
    return timed(lambda x, v: rk4(field, x, v)), torch.from_numpy, f"PyTorch {torch.__version__}"


def torch_hidden(weights):
    torch, timed = torch_setup()
    solve = hidden_form(
        weights, torch.tanh, lambda parts: torch.cat(parts, 1), lambda w: torch.tensor(w, dtype=torch.float32))
    return timed(solve), torch.from_numpy, f"PyTorch {torch.__version__}"


def torchdiffeq_rk4(weights):
    torch, timed = torch_setup()
    import importlib.metadata

    import torchdiffeq

    field = torch_field(weights, torch)
    times = torch.tensor([0.0, HORIZON])

    def solve(x, v):
        return torchdiffeq.odeint(
            lambda t, state: (state[1], field(*state, t)), (x, v), times, method="rk4", options={"step_size": H})[0][1]

    return timed(solve), torch.from_numpy, f"torchdiffeq {importlib.metadata.version('torchdiffeq')}"


PEERS = {
    "numpy": numpy_rk4,
    "jax": jax_rk4,
    "diffrax": diffrax_rk4,
    "onnxruntime": onnxruntime_rk4,
    "torch": torch_rk4,
    "torchdiffeq": torchdiffeq_rk4,
    "jax-hidden": jax_hidden,
    "torch-hidden": torch_hidden,
}


def peak_memory():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) << 10 for line in file if line.startswith("VmHWM"))


def main(name, path):
    # The library may print what it likes; answers go where standard output was.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**values):
        print(json.dumps(values), file=answers, flush=True)

    data = np.load(path)
    try:
        solve, convert, version = PEERS[name](Weights(*(data[field] for field in Weights._fields)))
    except ImportError as error:
        return answer(missing=str(error))
    x, v = data["x"], data["v"]
    answer(version=version)
    for line in sys.stdin:
        rows, batch = map(int, line.split())
        parts = [(convert(x[i : i + batch]), convert(v[i : i + batch])) for i in range(0, rows, batch)]
        solve(*parts[0])  # compiles, and warms up
        start = time.process_time()
        results = [solve(*part) for part in parts]
        seconds = time.process_time() - start
        result = np.concatenate([np.asarray(part) for part in results])
        difference = float(np.abs(result[: len(data[reference(name)])] - data[reference(name)][:rows]).max())
        answer(seconds=seconds, difference=difference, memory=peak_memory())


def reference(name):
    return "three_eighths" if name == "torchdiffeq" else "classical"


if __name__ == "__main__":
    main(*sys.argv[1:])
