"""x(T) by sono and by its peers: same weights, biases, initial velocity and rows, one thread each, interleaved.

Processor time of the measured region, median of several rounds, at N rows in one call and at each peer's own best batch.
Every answer is compared with one in double precision.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile

import numpy as np

import workload
from peers import PEERS
from sono import bench, load, micro, say, table

D, H, N, ROUNDS, CHECKED = 512, 256, 16384, int(os.environ.get("ROUNDS", 5)), 1024
BATCHES = [256, 512, 1024, 2048, 4096, 16384]
NOTES = {"torchdiffeq": "`rk4`, which is the 3/8 rule", "jax-hidden": "hidden-space form",
         "torch-hidden": "hidden-space form", "diffrax": "RK4 tableau, ConstantStepSize, jit", "jax": "hand-written, jit",
         "torch": "hand-written", "numpy": "hand-written"}


class Peer:
    """A process that holds one library, and answers one request at a time."""

    def __init__(self, name, path):
        self.name = name
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(os.path.dirname(__file__), "peers.py"), name, path],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        hello = self.read()
        self.missing, self.version = hello.get("missing"), hello.get("version")
        self.difference, self.memory, self.laps, self.best_laps, self.best = 0, 0, [], [], None

    def read(self):
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"missing": "it ended unexpectedly, see above"}

    def measure(self, batch):
        """Processor seconds a row."""
        rows = max(4096, batch)
        self.process.stdin.write(f"{rows} {batch}\n")
        self.process.stdin.flush()
        answer = self.read()
        if "missing" in answer:
            sys.exit(f"{self.name} failed at a batch of {batch}")
        self.difference = max(self.difference, answer["difference"])
        self.memory = answer["memory"]
        return answer["seconds"] / rows

    @property
    def title(self):
        return f"{self.version} ({NOTES[self.name]})" if self.name in NOTES else self.version


class Sono:
    """One way of running sono: a short process each time, which reads the same rows and measures inside."""

    def __init__(self, folder, form, kernel=None):
        self.arguments = [
            "--model", f"{folder}/model.safetensors", "--rows", f"{folder}/rows.safetensors", "--batches", N,
            "--position-only", "--seconds", 0, "--form", form,
        ]
        self.kernel = kernel
        output = f"{folder}/position.safetensors"
        report = self.run(1, "--save", output)
        self.position = workload.read_tensor(output, "position")
        self.report, self.laps = report, []

    def run(self, repeats, *more):
        return bench(*self.arguments, "--repeats", repeats, *more, kernel=self.kernel)

    def measure(self):
        self.report = self.run(1)  # as many as a peer
        self.laps.append(self.report["costs"][0]["processor_seconds_per_row"])

    @property
    def title(self):
        return f"sono, {self.report['costs'][0]['form']} form, {self.report['kernel']}"


def main():
    # One processor for everyone: spinning helpers of a library then count as its own time.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    first_load = load()
    with tempfile.TemporaryDirectory() as folder:
        weights, x, v = workload.make(D, H, N)
        classical = workload.reference(weights, x[:CHECKED], v[:CHECKED])
        three_eighths = workload.reference(weights, x[:CHECKED], v[:CHECKED], workload.THREE_EIGHTHS)
        path = f"{folder}/workload.npz"
        np.savez(path, x=x, v=v, classical=classical, three_eighths=three_eighths, **weights._asdict())
        workload.write_model(f"{folder}/model.safetensors", weights)
        workload.write_rows(f"{folder}/rows.safetensors", x, v)

        ours = sono_variants(folder)
        peers = []
        for name in PEERS:
            say(f"starting {name}")
            peers.append(Peer(name, path))
        there = [peer for peer in peers if peer.missing is None]
        for peer in there:
            say(f"looking for the best batch of {peer.title} (load {load():.1f})")
            seconds = {batch: min(peer.measure(batch), peer.measure(batch)) for batch in BATCHES}
            peer.best = min(seconds, key=seconds.get)
        for number in range(ROUNDS):
            say(f"round {number + 1} of {ROUNDS} (load {load():.1f})")
            for one in ours:
                one.measure()
            for peer in there:
                peer.laps.append(peer.measure(N))
                peer.best_laps.append(peer.measure(peer.best) if peer.best != N else peer.laps[-1])
        for peer in peers:
            peer.process.stdin.close()
            peer.process.wait()

    base = statistics.median(ours[0].laps)
    rows = []
    for one in ours:
        median = statistics.median(one.laps)
        difference = float(np.abs(one.position[:CHECKED] - classical).max())
        rows.append([one.title, micro(median), ratio(median, base), N, micro(median), ratio(median, base),
                     f"{difference:.1e}", memory(one.report["peak_memory"])])
    for peer in there:
        at_n, at_best = statistics.median(peer.laps), statistics.median(peer.best_laps)
        rows.append([peer.title, micro(at_n), ratio(at_n, base), peer.best, micro(at_best), ratio(at_best, base),
                     f"{peer.difference:.1e}", memory(peer.memory)])
    machine = ours[0].report["machine"]
    print(f"{ours[0].report['date'][:10]}, {machine['processor']}, load {first_load:.1f} to {load():.1f}; "
          f"D={D} H={H} tanh, rk4, {workload.STEPS} steps, initial velocity supplied, x(T) only, float32, one thread.")
    print(f"CPU time, microseconds a row, median of {ROUNDS} interleaved rounds; ratios to the first line; error: the "
          f"largest difference from float64 over {CHECKED} rows.\n")
    print(table(["program", f"N={N}", "ratio", "own best batch", "us/row there", "ratio", "error", "peak memory"], rows))
    for peer in peers:
        if peer.missing:
            print(f"\n{peer.name} is missing: {peer.missing}")
    wrong = [row[0] for row in rows if float(row[6]) > 1e-5]
    if wrong:
        sys.exit(f"not the same computation: {', '.join(wrong)}")


def sono_variants(folder):
    """The default first; each form by itself; the narrower instructions where the default has wider ones."""
    variants = [Sono(folder, "hidden"), Sono(folder, "direct")]
    if variants[0].report["kernel"] == "avx512":
        variants += [Sono(folder, "hidden", "avx2"), Sono(folder, "direct", "avx2")]
    return variants


def ratio(value, base):
    return f"{value / base:.2f}"


def memory(size):
    return f"{size / 2**20:.0f} MiB"


if __name__ == "__main__":
    main()
