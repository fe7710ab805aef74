"""A real `sono serve --root` over a directory, the batches it is given, and what must be true of it afterwards."""

import hashlib
import json
import os
import random
import re
import shutil
import sqlite3
import struct
import subprocess
import time
from dataclasses import dataclass

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# D = 24, five classes, order 2, rk4 with 3 steps.
MODEL = os.path.join(REPOSITORY, "Tests/RefinementTests/Fixtures/09.model.safetensors")
DIMENSION = 24
# In memory where that is to be had: what is killed or laid out here need not outlive the machine.
SCRATCH = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
PLACES = ("incoming", "work", "done", "failed")
PIPELINES = {
    "p": "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\n",
    "f": "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\noutput: { features: float32 }\n",
}


class Broken(Exception):
    """A promise that was not kept."""


def safetensors(rows, first_id, seed, dimension=DIMENSION, value=None):
    """Embeddings F32 [rows, dimension] and ids I64; every value the same if one is given."""
    source = random.Random(seed)
    values = [source.uniform(-1, 1) if value is None else value for _ in range(rows * dimension)]
    tensors = {
        "__metadata__": {"schema": "embedding-set/1", "encoder": "reference"},
        "embeddings": {"dtype": "F32", "shape": [rows, dimension], "data_offsets": [0, 4 * len(values)]},
        "ids": {"dtype": "I64", "shape": [rows], "data_offsets": [4 * len(values), 4 * len(values) + 8 * rows]},
    }
    header = json.dumps(tensors).encode()
    ids = struct.pack(f"<{rows}q", *range(first_id, first_id + rows))
    return struct.pack("<Q", len(header)) + header + struct.pack(f"<{len(values)}f", *values) + ids


@dataclass(frozen=True)
class Input:
    pipeline: str
    name: str
    data: bytes
    rows: int
    first_id: int
    # Done, or the code it fails with. Of inputs with the same bytes one is done and the others are duplicates.
    outcome: str

    @property
    def sha256(self):
        return hashlib.sha256(self.data).hexdigest()


def inputs():
    """One batch of each kind of life."""

    def batch(pipeline, name, rows, seed, outcome="done", **more):
        return Input(pipeline, name, safetensors(rows, seed * 1000, seed, **more), rows, seed * 1000, outcome)

    return [
        batch("p", "good.safetensors", 40, 1),
        batch("p", "same.safetensors", 40, 1),
        batch("p", "bad.safetensors", 5, 2, "dimension_mismatch", dimension=7),
        batch("p", "nan.safetensors", 6, 3, "non_finite_rows", value=float("nan")),
        batch("f", "vectors.safetensors", 30, 4),
        batch("p", "more.safetensors", 200, 5),
    ]


def lay_out(root):
    """What an operator makes before the first start."""
    for folder in ("pipeline.d", "models"):
        os.makedirs(os.path.join(root, folder))
    shutil.copy(MODEL, os.path.join(root, "models/reference.safetensors"))
    for name, text in PIPELINES.items():
        with open(os.path.join(root, "pipeline.d", f"{name}.yaml"), "w") as file:
            file.write(text)


def drop(root, batches):
    """As a careful producer: written under .tmp/, made durable, renamed into incoming/."""
    for batch in batches:
        folder = os.path.join(root, "spool", batch.pipeline)
        temporary = os.path.join(folder, ".tmp", batch.name)
        with open(temporary, "wb") as file:
            file.write(batch.data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, os.path.join(folder, "incoming", batch.name))


def eventually(what, holds, seconds=300):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            raise Broken(f"still waiting after {seconds} s: {what}")
        time.sleep(0.02)


def query(root, sql):
    """What a consumer reads, over a connection of its own."""
    store = sqlite3.connect(f"file:{root}/state/sono.sqlite?mode=ro", uri=True, timeout=10)
    store.row_factory = sqlite3.Row
    try:
        return store.execute(sql).fetchall()
    finally:
        store.close()


def names(root, pipeline, place):
    try:
        return sorted(os.listdir(os.path.join(root, "spool", pipeline, place)))
    except FileNotFoundError:
        return []


def is_settled(root):
    """Nothing waits: incoming/ and work/ are empty, every job is at its end and every claim note is forgotten."""
    for pipeline in PIPELINES:
        if names(root, pipeline, "incoming") or names(root, pipeline, "work"):
            return False
    try:
        waiting = query(
            root,
            "SELECT (SELECT count(*) FROM jobs WHERE finished_at IS NULL OR filed_as IS NULL)"
            " + (SELECT count(*) FROM claims)",
        )
    except sqlite3.OperationalError:
        return False
    return waiting[0][0] == 0


class Service:
    """A service that runs free, with nobody between it and its disk."""

    def __init__(self, binary, root, log):
        self.log = log
        self.begin = os.path.getsize(log) if os.path.exists(log) else 0
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [binary, "serve", "--root", root], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=dict(os.environ, SWIFT_BACKTRACE="enable=no"))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def wait(self, what, holds, seconds=300):
        def check():
            if self.process.poll() is not None:
                raise Broken(f"the service ended with {self.process.returncode}: {self.last_words}")
            return holds()

        eventually(what, check, seconds)

    def wait_until_ready(self):
        self.wait("the service is ready", lambda: " notice ready " in self.words)

    @property
    def words(self):
        with open(self.log, errors="replace") as file:
            file.seek(self.begin)
            return file.read()

    @property
    def last_words(self):
        return self.words[-600:]

    def stop(self):
        self.process.terminate()
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            raise Broken(f"the service does not stop: {self.last_words}") from None
        if status != 0:
            raise Broken(f"the service stopped with {status}: {self.last_words}")


def recover(binary, root, log, missing=()):
    """A start after a fault, until nothing waits; then an orderly stop.

    missing: batches that the producer has not dropped yet.
    """
    with Service(binary, root, log) as service:
        service.wait_until_ready()
        drop(root, missing)
        service.wait("every input is settled", lambda: is_settled(root))
        service.stop()


def check(binary, root, batches, kills=1, requeued=(), torn=()):
    """The promise, after recovery.

    requeued: names of inputs that may have been run once more.
    torn: names of inputs whose own bytes a power loss may have spoilt before the service answered for them.
    Raises Broken with everything that is wrong.
    """
    wrong = []
    jobs = [dict(row) for row in query(root, "SELECT * FROM v1_jobs ORDER BY job_id")]
    by_id = {job["job_id"]: job for job in jobs}
    wrong += check_places(root, batches, by_id, torn)
    wrong += check_jobs(batches, jobs, requeued, torn)
    wrong += check_rows(root, batches, jobs, torn)
    wrong += check_changes(root, by_id)
    wrong += check_features(binary, root, jobs)
    over = [job["job_id"] for job in jobs if job["attempts"] > 1]
    if len(over) > kills or any(job["attempts"] > 1 + kills for job in jobs):
        wrong.append(f"attempts: {[(job['job_id'], job['attempts']) for job in jobs]}")
    if query(root, "SELECT count(*) FROM claims")[0][0]:
        wrong.append("claim notes are left")
    verdict = [row[0] for row in query(root, "PRAGMA integrity_check")]
    if verdict != ["ok"]:
        wrong.append(f"integrity_check: {verdict}")
    if wrong:
        raise Broken("; ".join(wrong))
    return sum(job["rows"] for job in jobs if job["state"] == "done")


def check_places(root, batches, by_id, torn):
    """Every input stands in exactly one place, whole, where its job says, and nothing else does."""
    wrong = []
    for pipeline in PIPELINES:
        expected = sorted(batch.name for batch in batches if batch.pipeline == pipeline)
        found = []
        inodes = set()
        for place in PLACES:
            for name in names(root, pipeline, place):
                path = os.path.join(root, "spool", pipeline, place, name)
                if name.startswith("."):
                    wrong.append(f"left behind: {pipeline}/{place}/{name}")
                    continue
                if place == "failed" and name.endswith(".reason.json"):
                    if not os.path.exists(path[: -len(".reason.json")]):
                        wrong.append(f"a reason without its input: {name}")
                    continue
                match = re.fullmatch(r"(\d+)(?:-[0-9a-f]{16})?--(.*)", name)
                if place not in ("done", "failed") or not match:
                    wrong.append(f"{name} is in {place}")
                    continue
                job = by_id.get(int(match[1]))
                found.append(match[2])
                inodes.add(os.stat(path).st_ino)
                filed = "failed" if job and job["state"] in ("failed", "cancelled") else "done"
                if not job or job["file_name"] != match[2] or job["pipeline"] != pipeline or filed != place:
                    wrong.append(f"{place}/{name} belongs to no such job: {job}")
                with open(path, "rb") as file:
                    data = file.read()
                if match[2] not in torn and data not in [b.data for b in batches if b.name == match[2]]:
                    wrong.append(f"{place}/{name} has other bytes than were dropped")
                elif job and job["sha256"] and hashlib.sha256(data).hexdigest() != job["sha256"]:
                    wrong.append(f"{place}/{name} has other bytes than its job")
                if place == "failed":
                    wrong += check_reason(path, job)
        if sorted(found) != expected or len(inodes) != len(expected):
            wrong.append(f"inputs of {pipeline}: {sorted(found)}, dropped were {expected}")
        temporary = names(root, pipeline, ".tmp")
        if temporary:
            wrong.append(f".tmp: {temporary}")
    return wrong


def check_reason(path, job):
    try:
        with open(path + ".reason.json") as file:
            reason = json.load(file)
    except (OSError, ValueError) as error:
        return [f"no reason for {path}: {error}"]
    return [] if job and reason["job_id"] == job["job_id"] and reason["code"] == job["error_code"] else [f"{reason}"]


def check_jobs(batches, jobs, requeued, torn):
    """Every input has its job, in the state it ought to have come to."""
    wrong = []
    for batch in batches:
        mine = [job for job in jobs if job["pipeline"] == batch.pipeline and job["file_name"] == batch.name]
        if not 1 <= len(mine) <= (2 if batch.name in requeued else 1):
            wrong.append(f"{batch.name} has {len(mine)} jobs")
        if batch.name in torn:
            continue
        twins = [other.name for other in batches if other.data == batch.data and other.name != batch.name]
        twins = [name for name in twins if name not in torn]
        for job in mine:
            outcome = job["error_code"] if job["state"] == "failed" else job["state"]
            allowed = [batch.outcome] + (["duplicate"] if twins else [])
            if outcome not in allowed or job["sha256"] != batch.sha256:
                wrong.append(f"{batch.name}: {outcome} {job['sha256']}")
            # Rows are computed again only where somebody asked for it.
            if job is not mine[0] and batch.outcome == "done" and job["supersedes"] != mine[0]["job_id"]:
                wrong.append(f"{batch.name} done twice")
    for data in {batch.data for batch in batches}:
        twins = [batch for batch in batches if batch.data == data and batch.name not in torn]
        done = [
            job for job in jobs if job["state"] == "done" and job["file_name"] in [batch.name for batch in twins]
        ]
        if twins and twins[0].outcome == "done" and not twins[0].name in requeued and len(done) != 1:
            wrong.append(f"{[batch.name for batch in twins]} are done by {len(done)} jobs")
    if len(jobs) > len(batches) + len(requeued):
        wrong.append(f"{len(jobs)} jobs")
    return wrong


def check_rows(root, batches, jobs, torn):
    """Every row of a done job exactly once, none of any other; sequence numbers grow with no repetition."""
    wrong = []
    by_job = {}
    last = 0
    for row in query(root, "SELECT seq, job_id, row, item_id, status FROM v1_results ORDER BY seq"):
        if row["seq"] <= last:
            wrong.append(f"seq {row['seq']} after {last}")
        last = row["seq"]
        by_job.setdefault(row["job_id"], []).append((row["row"], row["item_id"], row["status"]))
    for job in jobs:
        rows = by_job.pop(job["job_id"], [])
        batch = next((batch for batch in batches if batch.name == job["file_name"]), None)
        if batch is None:
            wrong.append(f"job {job['job_id']} is about {job['file_name']}, which nobody dropped")
            continue
        if batch.name in torn and job["sha256"] != batch.sha256:
            expected = job["rows"] if job["state"] == "done" else 0
            if [row[0] for row in rows] != list(range(expected)):
                wrong.append(f"torn {batch.name}: {len(rows)} rows")
            continue
        expected = [(i, str(batch.first_id + i), "ok") for i in range(batch.rows)] if job["state"] == "done" else []
        if rows != expected:
            wrong.append(f"job {job['job_id']} ({batch.name}, {job['state']}) has {len(rows)} rows")
    if by_job:
        wrong.append(f"rows of no job: {sorted(by_job)}")
    return wrong


def check_changes(root, by_id):
    """Replaying the changes gives the jobs."""
    wrong = []
    states = {}
    for change in query(root, "SELECT * FROM v1_changes ORDER BY seq"):
        if states.get(change["job_id"]) != change["from_state"]:
            wrong.append(f"change {change['seq']} leaves {change['from_state']}, job is {states.get(change['job_id'])}")
        states[change["job_id"]] = change["to_state"]
    if states != {number: job["state"] for number, job in by_id.items()}:
        wrong.append(f"changes say {states}")
    return wrong


def check_features(binary, root, jobs):
    """Refined vectors stand there for every done job of the pipeline that asks for them, whole, and for no other."""
    folder = os.path.join(root, "state/features/f")
    found = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    expected = []
    wrong = []
    for job in jobs:
        if job["pipeline"] != "f" or job["state"] != "done":
            continue
        name = f"{job['job_id']}.safetensors.zst"
        expected.append(name)
        if not job["features_path"] or os.path.basename(job["features_path"]) != name:
            wrong.append(f"features_path {job['features_path']}")
        if name in found:
            wrong += check_vectors(binary, os.path.join(folder, name), job["rows"])
    if [name for name in found if not (name.startswith(".") and name.endswith(".tmp"))] != sorted(expected):
        wrong.append(f"features {found}, not {expected}")
    return wrong


def check_vectors(binary, path, rows):
    """A whole embedding set: `sono inspect` reads it to its end, checksum and all."""
    outcome = subprocess.run([binary, "inspect", "--json", path], capture_output=True, text=True)
    if outcome.returncode:
        return [f"{path}: {outcome.stderr}"]
    found = json.loads(outcome.stdout)
    if (found["rows"], found["dimension"]) != (rows, DIMENSION):
        return [f"{path} has {found['rows']} rows of {found['dimension']}, not {rows}"]
    return []
