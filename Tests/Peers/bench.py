"""CPU time per row of `sono refine --threads 1` against a hand-written NumPy RK4, both float32, one thread.

Same weights, biases, initial velocity (zero) and rows; D=512, H=256, tanh, classical RK4 with 4 steps. The figure for
sono is that of the whole process less that of the same process with one step: start-up, reading, classifying and
writing cancel, and what is left is three steps' work. NumPy's is taken the same way inside this process. Interleaved;
medians of several rounds.
"""

import json
import os
import pathlib
import platform
import resource
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import numpy as np

D, H, C, N, STEPS, ROUNDS = 512, 256, 10, 16384, 4, 5
SONO = sys.argv[1] if len(sys.argv) > 1 else ".build/release/sono"


def write_safetensors(path, tensors, metadata):
    header, offset = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [offset, offset + value.nbytes]}
        offset += value.nbytes
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for value in tensors.values():
            file.write(value.tobytes())


def read_tensor(path, name):
    raw = pathlib.Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    first, last = header[name]["data_offsets"]
    return np.frombuffer(raw[8 + length + first : 8 + length + last], np.float32).reshape(header[name]["shape"])


def rk4(x, weights, steps):
    """x'' = W2 tanh(Wx x + Wv x' + wt t + b1) + b2, as a NumPy user would write it."""
    position, velocity, time_weight, bias, output, output_bias = weights

    def field(x, v, t):
        return np.tanh(x @ position.T + v @ velocity.T + (time_weight * np.float32(t) + bias)) @ output.T + output_bias

    v, h = np.zeros_like(x), np.float32(1 / steps)
    for step in range(steps):
        t = step * h
        k1, l1 = v, field(x, v, t)
        k2 = v + h / 2 * l1
        l2 = field(x + h / 2 * k1, k2, t + h / 2)
        k3 = v + h / 2 * l2
        l3 = field(x + h / 2 * k2, k3, t + h / 2)
        k4 = v + h * l3
        l4 = field(x + h * k3, k4, t + h)
        x = x + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        v = v + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    return x


def child_cpu(arguments):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    random = np.random.default_rng(1)
    normal = lambda *shape, gain=1.0: (gain * random.standard_normal(shape)).astype(np.float32)
    weights = (
        normal(H, D, gain=1.5), normal(H, D, gain=1.5 / np.sqrt(D)), normal(H), normal(H, gain=0.5),
        normal(D, H, gain=3 / np.sqrt(D * H)), normal(D, gain=0.1),
    )
    names = ("position.weight", "velocity.weight", "time.weight", "bias", "output.weight", "output.bias")
    rows = normal(N, D)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    sono, numpy_ = [], []
    with tempfile.TemporaryDirectory() as folder:
        config = {
            "order": 2, "activation": "tanh", "solver": "rk4", "steps": STEPS, "horizon": 1.0, "mix": 1.0,
            "logit_scale": 10.0, "temperature": 1.0, "classifier": "cosine", "dimension": D, "hidden": H,
        }
        tensors = {f"field.{name}": value for name, value in zip(names, weights)}
        tensors["classifier.weight"] = normal(C, D)
        model, batch, output = (os.path.join(folder, name) for name in ("model.safetensors", "in.npy", "out.safetensors"))
        write_safetensors(model, tensors, {
            "schema": "sono-model/1", "config": json.dumps(config), "classes": json.dumps([str(c) for c in range(C)]),
        })
        np.save(batch, rows)

        def refine(steps):
            if os.path.exists(output):
                os.unlink(output)
            command = [SONO, "refine", "--model", model, "--threads", "1", "--solver", "rk4", "--steps", str(steps)]
            return child_cpu([*command, batch, output])

        def peer(steps):
            start = time.process_time()
            result = rk4(rows, weights, steps)
            return time.process_time() - start, result

        for _ in range(ROUNDS):
            sono.append((refine(STEPS) - refine(1)) / (STEPS - 1) * STEPS / N)
            one, _ = peer(1)
            four, _ = peer(STEPS)
            numpy_.append((four - one) / (STEPS - 1) * STEPS / N)
        refine(STEPS)
        ours = read_tensor(output, "embeddings")
        _, reference = peer(STEPS)
        reference = reference / np.linalg.norm(reference, axis=1, keepdims=True)
        difference = float(np.abs(ours - reference).max())
    processor = next(
        (line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
        platform.machine())
    a, b = statistics.median(sono) * 1e6, statistics.median(numpy_) * 1e6
    print(f"{time.strftime('%Y-%m-%d')}, {processor}, NumPy {np.__version__}; D={D} H={H} tanh rk4 {STEPS} steps, N={N}")
    print(f"CPU microseconds per row, one thread, median of {ROUNDS}: sono {a:.1f}  NumPy {b:.1f}  ratio {b / a:.2f}")
    print(f"largest difference between the two refined unit vectors: {difference:.1e}")
    if difference > 1e-5:
        sys.exit("the two do not compute the same thing")


if __name__ == "__main__":
    main()
