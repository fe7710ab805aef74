"""Computes the reference answers that `sono refine` and Refinement are checked against.

Everything is float64 NumPy, written from the equations of the model (README, "The equations") and from the textbook
tableaux, with none of the package's code. Weights and inputs are rounded to float32 first, so that both sides start
from the same numbers. Run as `python make_reference.py` beside this file; needs numpy, scipy and safetensors.

Each case is three files: NN.model.safetensors (sono-model/1), NN.input.safetensors (embedding-set/1) and
NN.expected.safetensors with `position` = x(T), `embeddings` = y, `logits`, `probabilities` (all float64 [n, ...]).
"""

import json
import pathlib

import numpy as np
from safetensors.numpy import save_file
from scipy.special import erf

HERE = pathlib.Path(__file__).parent

# Explicit tableaux as (A rows, b, c).
TABLEAUX = {
    "euler": ([[]], [1.0], [0.0]),
    "midpoint": ([[], [1 / 2]], [0.0, 1.0], [0.0, 1 / 2]),
    "heun": ([[], [1.0]], [1 / 2, 1 / 2], [0.0, 1.0]),
    "rk4": ([[], [1 / 2], [0.0, 1 / 2], [0.0, 0.0, 1.0]], [1 / 6, 1 / 3, 1 / 3, 1 / 6], [0.0, 1 / 2, 1 / 2, 1.0]),
    "rk4-38": (
        [[], [1 / 3], [-1 / 3, 1.0], [1.0, -1.0, 1.0]],
        [1 / 8, 3 / 8, 3 / 8, 1 / 8],
        [0.0, 1 / 3, 2 / 3, 1.0],
    ),
}

# Explicit Nystrom tableaux for y'' = g(y, t) as (A rows, position weights, velocity weights, c).
NYSTROM = {
    "nystrom4": ([[], [1 / 8], [0.0, 1 / 2]], [1 / 6, 1 / 3, 0.0], [1 / 6, 2 / 3, 1 / 6], [0.0, 1 / 2, 1.0]),
    "dprkn4": (
        [[], [1 / 32], [7 / 1000, 119 / 500], [1 / 14, 8 / 27, 25 / 189]],
        [1 / 14, 8 / 27, 25 / 189, 0.0],
        [1 / 14, 32 / 81, 250 / 567, 5 / 54],
        [0.0, 1 / 4, 7 / 10, 1.0],
    ),
}

ACTIVATIONS = {
    "tanh": np.tanh,
    "gelu": lambda u: 0.5 * u * (1 + erf(u / np.sqrt(2))),
    "silu": lambda u: u / (1 + np.exp(-u)),
}


def integrate(derivative, state, tableau, steps, horizon):
    """The classical explicit Runge-Kutta recursion on z' = derivative(z, t), z of any shape."""
    rows, weights, nodes = TABLEAUX[tableau]
    h = horizon / steps
    for step in range(steps):
        slopes = []
        for row, node in zip(rows, nodes):
            stage = state + h * sum((a * k for a, k in zip(row, slopes)), np.zeros_like(state))
            slopes.append(derivative(stage, (step + node) * h))
        state = state + h * sum(w * k for w, k in zip(weights, slopes))
    return state


def integrate_nystrom(force, gamma, x, v, tableau, steps, horizon):
    """x'' = force(x, t) - gamma x': each step in y = exp(gamma s / 2) (x(s) - x(0)), which has no damping."""
    rows, position_weights, velocity_weights, nodes = NYSTROM[tableau]
    h = horizon / steps
    for step in range(steps):
        grown = lambda s: np.exp(gamma * s / 2)
        acceleration = lambda y, s: grown(s) * force(x + y / grown(s), step * h + s) + gamma**2 / 4 * y
        y, w = np.zeros_like(x), v
        slopes = []
        for row, node in zip(rows, nodes):
            stage = y + node * h * w + h**2 * sum((a * k for a, k in zip(row, slopes)), np.zeros_like(x))
            slopes.append(acceleration(stage, node * h))
        y = y + h * w + h**2 * sum(b * k for b, k in zip(position_weights, slopes))
        w = w + h * sum(b * k for b, k in zip(velocity_weights, slopes))
        x, v = x + y / grown(h), (w - gamma / 2 * y) / grown(h)
    return x


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def refine(tensors, config, embeddings, supplied):
    t = {name: value.astype(np.float64) for name, value in tensors.items()}
    act = ACTIVATIONS[config["activation"]]
    rows = embeddings.astype(np.float64) - t.get("input.mean", 0.0)
    x0 = unit(rows)
    time = t.get("field.time.weight", 0.0)
    output_bias = t.get("field.output.bias", 0.0)
    bias = t["field.bias"]
    if config["order"] == 1:

        def derivative(z, at):
            hidden = act(z @ t["field.position.weight"].T + time * at + bias)
            return hidden @ t["field.output.weight"].T + output_bias

        position = integrate(derivative, x0, config["solver"], config["steps"], config["horizon"])
    else:
        gamma = float(t["field.damping"][0]) if "field.damping" in t else 0.0
        if supplied is not None:
            v0 = supplied.astype(np.float64)
        elif "velocity.input.weight" in t:
            hidden = act(x0 @ t["velocity.input.weight"].T + t["velocity.input.bias"])
            v0 = hidden @ t["velocity.output.weight"].T + t["velocity.output.bias"]
        else:
            v0 = np.zeros_like(x0)

        def derivative(z, at):
            x, v = z
            inner = x @ t["field.position.weight"].T + v @ t["field.velocity.weight"].T + time * at + bias
            return np.stack([v, act(inner) @ t["field.output.weight"].T + output_bias - gamma * v])

        def force(x, at):
            inner = x @ t["field.position.weight"].T + time * at + bias
            return act(inner) @ t["field.output.weight"].T + output_bias

        grid = config["solver"], config["steps"], config["horizon"]
        if config["solver"] in NYSTROM:
            position = integrate_nystrom(force, gamma, x0, v0, *grid)
        else:
            position, _ = integrate(derivative, np.stack([x0, v0]), *grid)
    y = unit(x0 + config["mix"] * (position - x0))
    scale = config["logit_scale"]
    if config["classifier"] == "cosine":
        logits = scale * y @ unit(t["classifier.weight"]).T
    else:
        logits = scale * y @ t["classifier.weight"].T + t["classifier.bias"]
    if "prior.weight" in t:
        logits = logits + config["prior_scale"] * x0 @ t["prior.weight"].T
    shifted = logits / config["temperature"]
    shifted = np.exp(shifted - shifted.max(axis=1, keepdims=True))
    return position, y, logits, shifted / shifted.sum(axis=1, keepdims=True)


def case(number, order, solver, activation):
    random = np.random.default_rng(7000 + number)
    dimension, hidden = [(24, 16), (33, 19), (100, 37)][number % 3]
    guiding, classes, rows = 11, 5, 9
    normal = lambda *shape, gain=1.0: (gain * random.standard_normal(shape)).astype(np.float32)
    flags = {name: bool(random.integers(2)) for name in ("network", "supplied", "damping", "time", "output_bias", "mean")}
    steps = int(random.integers(1, 5))
    if order == 2 and solver == "euler":
        steps += 1  # one Euler step of a second-order system never evaluates the field
    config = {
        "order": order,
        "activation": activation,
        "solver": solver,
        "steps": steps,
        "horizon": [1.0, 1.5][int(random.integers(2))],
        "mix": [1.0, 0.6][int(random.integers(2))],
        "logit_scale": 12.5,
        "prior_scale": 4.0,
        "temperature": 1.7,
        "classifier": ["cosine", "affine"][int(random.integers(2))],
        "dimension": dimension,
        "hidden": hidden,
        "encoder": "reference",
    }
    tensors = {
        "field.position.weight": normal(hidden, dimension, gain=1.5),
        "field.bias": normal(hidden, gain=0.5),
        "field.output.weight": normal(dimension, hidden, gain=(3 if order == 2 else 1.2) / np.sqrt(dimension * hidden)),
        "classifier.weight": normal(classes, dimension),
    }
    if order == 2:
        # A Nystrom method is for fields that read no velocity.
        reads_velocity = solver not in NYSTROM
        tensors["field.velocity.weight"] = normal(hidden, dimension, gain=1.5 / np.sqrt(dimension)) * reads_velocity
        if flags["damping"] or not reads_velocity:
            tensors["field.damping"] = np.array([0.7], np.float32)
        if flags["network"]:
            tensors["velocity.input.weight"] = normal(guiding, dimension)
            tensors["velocity.input.bias"] = normal(guiding, gain=0.3)
            tensors["velocity.output.weight"] = normal(dimension, guiding, gain=3 / np.sqrt(dimension * guiding))
            tensors["velocity.output.bias"] = normal(dimension, gain=0.1)
    if flags["time"]:
        tensors["field.time.weight"] = normal(hidden)
    if flags["output_bias"]:
        tensors["field.output.bias"] = normal(dimension, gain=0.3)
    if flags["mean"]:
        tensors["input.mean"] = normal(dimension, gain=0.05)
    if config["classifier"] == "affine":
        tensors["classifier.bias"] = normal(classes)
    if random.integers(2):
        tensors["prior.weight"] = unit(normal(classes, dimension)).astype(np.float32)
    embeddings = normal(rows, dimension)
    supplied = normal(rows, dimension, gain=0.3) if order == 2 and flags["supplied"] else None
    inputs = {"embeddings": embeddings, "ids": np.arange(100, 100 + rows, dtype=np.int64)}
    if supplied is not None:
        inputs["velocity"] = supplied

    position, y, logits, probabilities = refine(tensors, config, embeddings, supplied)
    assert np.abs(position).max() < 500, "a diverged case proves nothing"
    metadata = {
        "schema": "sono-model/1",
        "config": json.dumps(config),
        "classes": json.dumps([f"class {k}" for k in range(classes)]),
        "training": "{}",
        "reference": "{}",
    }
    name = f"{number:02d}"
    save_file(tensors, HERE / f"{name}.model.safetensors", metadata)
    save_file(
        inputs,
        HERE / f"{name}.input.safetensors",
        {"schema": "embedding-set/1", "encoder": "reference", "normalized": "false", "producer": "make_reference.py"},
    )
    expected = {"position": position, "embeddings": y, "logits": logits, "probabilities": probabilities}
    save_file({k: np.ascontiguousarray(v) for k, v in expected.items()}, HERE / f"{name}.expected.safetensors")
    given = ", ".join(sorted(tensors)) + (", supplied velocity" if supplied is not None else "")
    print(name, f"|x(T)|<{np.linalg.norm(position, axis=1).max():.2f}", order, solver, activation, f"n={steps} D={dimension} H={hidden} mix={config['mix']}", given)


if __name__ == "__main__":
    number = 0
    for order in (2, 1):
        for solver in TABLEAUX:
            for activation in ACTIVATIONS:
                case(number, order, solver, activation)
                number += 1
    for solver in NYSTROM:
        for activation in ACTIVATIONS:
            case(number, 2, solver, activation)
            number += 1
