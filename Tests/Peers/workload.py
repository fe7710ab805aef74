"""The workload that all programs share: weights, rows, initial velocity, and the answer in double precision.

    x'' = W2 tanh(Wx x + Wv x' + wt t + b1) + b2,  x(0) and x'(0) given,  x(1) wanted;  classical RK4 in 4 steps
"""

import json
import struct
from typing import NamedTuple

import numpy as np

STEPS, HORIZON, CLASSES = 4, 1.0, 100
# Stages of the classical method, and of the 3/8 rule, which torchdiffeq calls rk4.
CLASSICAL = (((), (1 / 2,), (0, 1 / 2), (0, 0, 1)), (1 / 6, 1 / 3, 1 / 3, 1 / 6))
THREE_EIGHTHS = (((), (1 / 3,), (-1 / 3, 1), (1, -1, 1)), (1 / 8, 3 / 8, 3 / 8, 1 / 8))


class Weights(NamedTuple):
    position: np.ndarray  # Wx [H, D]
    velocity: np.ndarray  # Wv [H, D]
    time: np.ndarray  # wt [H]
    bias: np.ndarray  # b1 [H]
    output: np.ndarray  # W2 [D, H]
    output_bias: np.ndarray  # b2 [D]


def make(dimension, hidden, rows, seed=1):
    """Weights, unit rows and initial velocities, all float32."""
    random = np.random.default_rng(seed)

    def normal(*shape, gain=1.0):
        return (gain * random.standard_normal(shape, np.float32)).astype(np.float32)

    d, h = dimension, hidden
    weights = Weights(
        normal(h, d, gain=1.5), normal(h, d, gain=1.5), normal(h), normal(h, gain=0.5),
        normal(d, h, gain=3 / np.sqrt(d * h)), normal(d, gain=0.1 / np.sqrt(d)))
    x = normal(rows, d)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return weights, x, normal(rows, d, gain=0.1 / np.sqrt(d))


def reference(weights, x, v, tableau=CLASSICAL):
    """x(1) in double precision, straight from the definition of a Runge-Kutta method."""
    wx, wv, wt, b1, w2, b2 = (np.asarray(w, np.float64) for w in weights)
    x, v = x.astype(np.float64), v.astype(np.float64)
    a, b = tableau
    h = HORIZON / STEPS
    for step in range(STEPS):
        velocities, slopes = [], []
        for row in a:
            t = (step + sum(row)) * h
            xs = x + h * sum(c * k for c, k in zip(row, velocities))
            vs = v + h * sum(c * k for c, k in zip(row, slopes))
            velocities.append(vs)
            slopes.append(np.tanh(xs @ wx.T + vs @ wv.T + t * wt + b1) @ w2.T + b2)
        x = x + h * sum(c * k for c, k in zip(b, velocities))
        v = v + h * sum(c * k for c, k in zip(b, slopes))
    return x


def write_safetensors(path, tensors, metadata):
    names = {"float32": "F32", "float16": "F16", "int64": "I64"}
    header, offset = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {
            "dtype": names[str(value.dtype)], "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]
        }
        offset += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(np.ascontiguousarray(value).data)


def read_tensor(path, name):
    """A float32 tensor of a safetensors file."""
    with open(path, "rb") as file:
        raw = file.read()
    (length,) = struct.unpack("<Q", raw[:8])
    entry = json.loads(raw[8 : 8 + length])[name]
    first, last = (8 + length + offset for offset in entry["data_offsets"])
    return np.frombuffer(raw[first:last], np.float32).reshape(entry["shape"])


def write_model(path, weights, classes=CLASSES):
    hidden, dimension = weights.position.shape
    config = {
        "order": 2, "activation": "tanh", "solver": "rk4", "steps": STEPS, "horizon": HORIZON, "mix": 1.0,
        "logit_scale": 10.0, "temperature": 1.0, "classifier": "cosine", "dimension": dimension, "hidden": hidden,
    }
    names = ("position.weight", "velocity.weight", "time.weight", "bias", "output.weight", "output.bias")
    tensors = {f"field.{name}": value for name, value in zip(names, weights)}
    tensors["classifier.weight"] = np.random.default_rng(2).standard_normal((classes, dimension), np.float32)
    write_safetensors(path, tensors, {
        "schema": "sono-model/1", "config": json.dumps(config),
        "classes": json.dumps([f"class {number}" for number in range(classes)]),
    })


def write_rows(path, x, velocity=None):
    tensors = {"embeddings": x} if velocity is None else {"embeddings": x, "velocity": velocity}
    write_safetensors(path, tensors, {"schema": "embedding-set/1", "normalized": "true", "encoder": "benchmark"})
