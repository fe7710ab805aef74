#!/usr/bin/python3
"""How long does an answer about the status take with a million jobs in the store, while batches are committed?

    Tests/Latency/status.py [--binary .build/release/sono] [--jobs 1000000] [--queries 1000]

Fills a store through its real schema, starts the real service on it, drops a batch of 1,000 rows again and again, and asks:
by `sono status --json`, and over status.sock. Prints median, 99 % and the longest, which mean little on a busy machine: see
the load beside them.
"""
import argparse
import http.client
import os
import resource
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
MODEL = os.path.join(HERE, "../RefinementTests/Fixtures/09.model.safetensors")
DIMENSION = 24

FILL = (
    """
    WITH RECURSIVE n (i) AS (SELECT :first UNION ALL SELECT i + 1 FROM n WHERE i < :last),
        t (i, state, at) AS (SELECT i, iif(i % 50 = 0, 'failed', iif(i % 50 = 1, 'duplicate', 'done')),
            strftime('%Y-%m-%dT%H:%M:%S.000Z', 'now', '-' || (:total - i) || ' seconds') FROM n)
    INSERT INTO jobs (job_id, token, pipeline, name, file_name, file_bytes, sha256, state, attempts, rows, rows_ok,
        rows_failed, model_id, model_sha256, solver, steps, form, kernel, evaluations, duplicate_of, submitted_at,
        started_at, finished_at, error_code, error_message, filed_as, input_removed_at)
    SELECT i, printf('0%015x', i), 'p', CAST('batch-' || i || '.npy' AS BLOB), 'batch-' || i || '.npy', 1000,
        printf('%064x', i), state, 1, 1, iif(state = 'done', 1, NULL), iif(state = 'done', 0, NULL), '0123456789ab',
        printf('%064x', 0), 'rk4', 3, 'hidden', 'avx2', 11, iif(state = 'duplicate', i - 1, NULL), at, at, at,
        iif(state = 'failed', 'internal', NULL), iif(state = 'failed', 'no', NULL), CAST(i || '--batch' AS BLOB), at
    FROM t""",
    """
    INSERT INTO changes (at, job_id, from_state, to_state)
    SELECT finished_at, job_id, column1, coalesce(column2, state) FROM jobs,
        (VALUES (NULL, 'queued'), ('queued', 'running'), ('running', NULL))
    WHERE job_id BETWEEN :first AND :last""",
    """
    INSERT INTO results (job_id, row, item_id, label, class, score, margin, status, top_k, refined)
    SELECT job_id, 0, job_id, 'cat', 0, 0.7, 0.5, 0, '[["cat",0.7],["dog",0.2],["bird",0.1]]', 1
    FROM jobs WHERE job_id BETWEEN :first AND :last AND state = 'done' ORDER BY job_id""",
)


def fill(path, jobs):
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA cache_size = -262144")
    for first in range(1, jobs + 1, 20_000):
        database.execute("BEGIN")
        for sql in FILL:
            database.execute(sql, {"first": first, "last": min(first + 19_999, jobs), "total": jobs + 1})
        database.execute("COMMIT")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()


class Connection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


def ask(path, target="/v1/status"):
    connection = Connection(path)
    connection.request("GET", target)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status == 200, body


def batch(seed, rows=1_000):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {DIMENSION}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    unit = (seed.to_bytes(2, "little") + b"\x80\x3f") * DIMENSION
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header.encode() + unit * rows


def produce(root, stop, dropped):
    while not stop.is_set():
        name = f"{len(dropped)}.npy"
        with open(f"{root}/spool/p/.tmp/{name}", "wb") as file:
            file.write(batch(1 + len(dropped)))
        os.rename(f"{root}/spool/p/.tmp/{name}", f"{root}/spool/p/incoming/{name}")
        dropped.append(name)
        stop.wait(0.05)


def measure(name, queries, body):
    times = []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    for _ in range(queries):
        start = time.perf_counter()
        body()
        times.append(1_000 * (time.perf_counter() - start))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    times.sort()
    print(f"{name}: p50 {times[len(times) // 2]:.1f} ms, p99 {times[len(times) * 99 // 100]:.1f} ms, "
          f"longest {times[-1]:.1f} ms of {queries}, {1_000 * cpu / queries:.1f} ms of CPU each beside the service's, "
          f"load {os.getloadavg()[0]:.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=".build/release/sono")
    parser.add_argument("--jobs", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=1_000)
    options = parser.parse_args()
    root = tempfile.mkdtemp(prefix="sono-status-")
    service = None
    stop, dropped = threading.Event(), []
    try:
        os.makedirs(f"{root}/pipeline.d")
        os.makedirs(f"{root}/models")
        shutil.copy(MODEL, f"{root}/models/m.safetensors")
        with open(f"{root}/pipeline.d/p.yaml", "w") as file:
            file.write("model: m.safetensors\n")

        def start():
            log = open(f"{root}/log", "a")
            process = subprocess.Popen([options.binary, "serve", "--root", root], stderr=log)
            while subprocess.run([options.binary, "status", "--root", root], capture_output=True).returncode:
                assert process.poll() is None, open(f"{root}/log").read()
                time.sleep(0.1)
            return process

        service = start()
        service.terminate()
        service.wait()
        began = time.time()
        fill(f"{root}/state/sono.sqlite", options.jobs)
        print(f"filled with {options.jobs} jobs in {time.time() - began:.0f} s", flush=True)
        service = start()
        producer = threading.Thread(target=produce, args=(root, stop, dropped))
        producer.start()
        command = [options.binary, "status", "--json", "--root", root]
        measure("sono status", options.queries, lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))
        socket_path = f"{root}/run/status.sock"
        # What the page asks for, besides /metrics.
        for target in ("/v1/status", "/metrics", "/v1/queue", "/v1/history", "/v1/jobs?newest_first=1&limit=15",
                       "/v1/jobs?state=failed&newest_first=1&limit=10", "/v1/pipelines/p/distribution"):
            measure(f"status.sock {target}", options.queries, lambda: ask(socket_path, target))
        for words in (["--file", "batch-77"], ["--code", "internal"], ["--since", "1h"], ["--until", "7d"]):
            search = [options.binary, "jobs", "--root", root, *words]
            measure("sono jobs " + " ".join(words), 20,
                    lambda: subprocess.run(search, check=True, stdout=subprocess.DEVNULL))
        stop.set()
        producer.join()
        done = sqlite3.connect(f"file:{root}/state/sono.sqlite?mode=ro", uri=True).execute(
            "SELECT count(*) FROM v1_jobs WHERE job_id > ? AND state = 'done'", (options.jobs,)).fetchone()[0]
        print(f"meanwhile {done} batches of 1,000 rows were committed")
    finally:
        stop.set()
        if service and service.poll() is None:
            service.terminate()
            service.wait()
        shutil.rmtree(root, ignore_errors=True)


sys.exit(main())
