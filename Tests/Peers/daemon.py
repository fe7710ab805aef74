"""What the service makes of it: from zstd file to committed rows, against refine+classify alone; threads; memory.

Figures by the wall clock are only as good as the machine is quiet, so the load stands beside them, and processor time,
which waiting does not count towards, says what they would be.
"""

import os
import pathlib
import shutil
import sqlite3
import statistics
import struct
import subprocess
import tempfile
import time

import json
import numpy as np
import zstandard

import workload
from sono import SONO, bench, load, say, table

ROUNDS, FILES, ROWS, D, H = 3, 4, 250_000, 384, 96
TICK = os.sysconf("SC_CLK_TCK")


def write_batch(path, rows, dimension, seed):
    """Unit rows in float16 with ids, compressed, without ever holding all of them."""
    random = np.random.default_rng(seed)
    size = rows * dimension * 2
    header = json.dumps({
        "__metadata__": {"schema": "embedding-set/1", "normalized": "true", "encoder": "benchmark"},
        "ids": {"dtype": "I64", "shape": [rows], "data_offsets": [0, 8 * rows]},
        "embeddings": {"dtype": "F16", "shape": [rows, dimension], "data_offsets": [8 * rows, 8 * rows + size]},
    }).encode()
    total = 8 + len(header) + 8 * rows + size
    with open(path, "wb") as file, zstandard.ZstdCompressor(level=1).stream_writer(file, size=total) as output:
        output.write(struct.pack("<Q", len(header)) + header)
        output.write(np.arange(rows, dtype=np.int64).tobytes())
        for first in range(0, rows, 65_536):
            part = random.standard_normal((min(65_536, rows - first), dimension), np.float32)
            output.write((part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float16).tobytes())


class Daemon:
    """`sono serve` on a directory of its own, with one pipeline."""

    def __init__(self, root, model):
        self.root = pathlib.Path(root)
        for name in ("pipeline.d", "models"):
            (self.root / name).mkdir(parents=True)
        shutil.copy(model, self.root / "models/model.safetensors")
        (self.root / "pipeline.d/bench.yaml").write_text("model: model.safetensors\n")
        self.process = subprocess.Popen([SONO, "serve", "--root", root, "--log-level", "error"])
        self.incoming = self.root / "spool/bench/incoming"
        while not (self.root / "run/status.sock").exists():
            if self.process.poll() is not None:
                raise SystemExit("the service did not start")
            time.sleep(0.05)
        self.store = sqlite3.connect(f"file:{self.root}/state/sono.sqlite?mode=ro", uri=True)

    def drop(self, path, number):
        """As a careful producer does: in place under another name, then renamed."""
        temporary = self.root / f"spool/bench/.tmp/{number}.safetensors.zst"
        os.link(path, temporary)
        temporary.rename(self.incoming / temporary.name)

    def wait(self, jobs):
        while True:
            states = [state for (state,) in self.store.execute("SELECT state FROM v1_jobs")]
            if states.count("done") == jobs:
                return
            if "failed" in states or self.process.poll() is not None:
                raise SystemExit(f"the service could not do it: {states}")
            time.sleep(0.02)

    def processor_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def peak_memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM"))

    def stop(self):
        self.store.close()
        self.process.terminate()
        self.process.wait()


def throughput(folder, cores):
    """Rows a second and processor seconds a row: refine+classify alone, then through the service."""
    model = f"{folder}/model.safetensors"
    weights, x, _ = workload.make(D, H, 65_536)
    workload.write_model(model, weights)
    workload.write_rows(f"{folder}/rows.safetensors", x)
    say(f"writing {FILES} files of {ROWS:,} rows")
    files = [f"{folder}/{number}.safetensors.zst" for number in range(FILES)]
    for number, path in enumerate(files):
        write_batch(path, ROWS, D, number)
    alone, served, jobs = [], [], []
    for number in range(ROUNDS):
        say(f"service, round {number + 1} of {ROUNDS} (load {load():.1f})")
        report = bench(
            "--model", model, "--rows", f"{folder}/rows.safetensors", "--threads", cores, "--batches", 65_536,
            "--form", "hidden", "--repeats", 3, "--seconds", 1)
        cost = report["costs"][-1]
        alone.append((cost["rows_per_second"], cost["processor_seconds_per_row"]))
        root = f"{folder}/round{number}"
        daemon = Daemon(root, model)
        try:
            start, processor = time.monotonic(), daemon.processor_seconds()
            for name, path in enumerate(files):
                daemon.drop(path, name)
            daemon.wait(FILES)
            seconds, processor = time.monotonic() - start, daemon.processor_seconds() - processor
            jobs += daemon.store.execute(
                "SELECT decode_seconds, refine_seconds, commit_seconds FROM v1_jobs").fetchall()
        finally:
            daemon.stop()
        shutil.rmtree(root)
        served.append((FILES * ROWS / seconds, processor / (FILES * ROWS)))
    for path in files:
        os.unlink(path)
    # A commit's own time is noted once the file is moved, after the rows are seen.
    parts = [statistics.median(value for value in part if value is not None) for part in zip(*jobs)]
    return report, [median(alone), median(served)], parts


def threads(cores):
    """Rows a second and processor seconds a row with one thread and with one for each core."""
    laps = {1: [], cores: []}
    for number in range(5):
        say(f"threads, round {number + 1} of 5 (load {load():.1f})")
        for count in laps:
            report = bench("--shape", "512,256,100", "--steps", workload.STEPS, "--threads", count, "--batches", 8192,
                           "--form", "hidden", "--position-only", "--repeats", 5, "--seconds", 0)
            cost = report["costs"][-1]
            laps[count].append((cost["rows_per_second"], cost["processor_seconds_per_row"]))
    return [median(laps[count]) for count in laps]


def peak_memory(folder, rows):
    """Bytes that the service has had resident at most, over two batches of 512 float16 numbers a row: while one is
    committed, the next is computed."""
    say(f"memory with {rows:,} rows (load {load():.1f})")
    model, root = f"{folder}/model.safetensors", f"{folder}/memory"
    paths = [f"{folder}/rows{number}.safetensors.zst" for number in range(2)]
    weights, _, _ = workload.make(512, 64, 1)
    workload.write_model(model, weights)
    for seed, path in enumerate(paths):
        write_batch(path, rows, 512, seed)
    daemon = Daemon(root, model)
    try:
        for number, path in enumerate(paths):
            daemon.drop(path, number)
        daemon.wait(2)
        return daemon.peak_memory()
    finally:
        daemon.stop()
        shutil.rmtree(root)


def median(pairs):
    return [statistics.median(column) for column in zip(*pairs)]


def main():
    cores, first_load = len(os.sched_getaffinity(0)), load()
    with tempfile.TemporaryDirectory(dir=".build-peers") as folder:
        report, (alone, served), parts = throughput(folder, cores)
        one, all_ = threads(cores)
        memory = {rows: peak_memory(folder, rows) for rows in (100_000, 1_000_000)}
    machine = report["machine"]
    print(f"{report['date'][:10]}, {machine['processor']}, {cores} cores, load {first_load:.1f} to {load():.1f}, kernel "
          f"{report['kernel']}; medians of {ROUNDS} rounds.\n")
    print(f"D={D} H={H} C={workload.CLASSES}, tanh, rk4, {workload.STEPS} steps; {FILES} files of {ROWS:,} rows, float16, "
          "zstd, with ids, from the first rename to the last commit.\n")
    print(table(["", "rows/s (wall)", "CPU us/row"], [
        [f"refine+classify alone, {cores} threads", f"{alone[0]:,.0f}", f"{alone[1] * 1e6:.2f}"],
        ["the service", f"{served[0]:,.0f}", f"{served[1] * 1e6:.2f}"],
        ["share", f"{100 * served[0] / alone[0]:.0f} %", f"{100 * alone[1] / served[1]:.0f} %"],
    ]))
    names = ("decode", "refine and classify", "commit")
    print("\nOf a job, median: " + ", ".join(f"{name} {part:.2f} s" for name, part in zip(names, parts)) + ".\n")
    print("D=512 H=256, x(T) only, batches of 8,192 rows.\n")
    print(table(["threads", "rows/s (wall)", "CPU us/row"], [
        [count, f"{rate:,.0f}", f"{seconds * 1e6:.2f}"] for count, (rate, seconds) in ((1, one), (cores, all_))
    ] + [["speed-up", f"{all_[0] / one[0]:.2f}", f"{cores * one[1] / all_[1]:.2f} if every core were free"]]))
    print("\nPeak resident memory of the service, 512 float16 numbers a row.\n")
    print(table(["rows", "peak", "limit: 150 MB + 64 bytes a row"], [
        [f"{rows:,}", f"{peak / 1e6:.0f} MB", f"{150 + 64 * rows / 1e6:.0f} MB"] for rows, peak in memory.items()]))


if __name__ == "__main__":
    main()
