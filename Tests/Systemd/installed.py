"""sono as an administrator installed it in a container, the people who use it, and what they have dropped."""

import json
import os
import random
import shutil
import sqlite3
import struct
from contextlib import closing, contextmanager

from promise import eventually, expect

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# D = 24, five classes, order 2, rk4 with 3 steps.
MODEL = os.path.join(REPOSITORY, "Tests/RefinementTests/Fixtures/09.model.safetensors")
DIMENSION = 24
PIPELINE = "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\n"
# The same with more steps, so that one meets it at work.
SLOW = PIPELINE + "refine: { solver: rk4, steps: 100 }\n"
# Alice drops, Bob reads, Carol administers, Mallory is a stranger.
PEOPLE = {"alice": "sono-drop", "bob": "sono-read", "carol": "sono-admin,sono-read", "mallory": ""}
SPOOL, STATE, CONFIGURATION = "/var/spool/sono", "/var/lib/sono", "/etc/sono/pipeline.d"


def batch(rows, seed):
    """An embedding set of F32 [rows, 24] and ids I64 from seed * 1,000,000."""
    values = bytearray(random.Random(seed).randbytes(4 * rows * DIMENSION))
    values[3::4] = b"\x3f" * (rows * DIMENSION)  # all between a half and two
    tensors = {
        "__metadata__": {"schema": "embedding-set/1", "encoder": "reference"},
        "embeddings": {"dtype": "F32", "shape": [rows, DIMENSION], "data_offsets": [0, len(values)]},
        "ids": {"dtype": "I64", "shape": [rows], "data_offsets": [len(values), len(values) + 8 * rows]},
    }
    header = json.dumps(tensors).encode()
    ids = struct.pack(f"<{rows}q", *range(seed * 1_000_000, seed * 1_000_000 + rows))
    return struct.pack("<Q", len(header)) + header + bytes(values) + ids


class Installed:
    def __init__(self, container):
        self.container = container
        self.run, self.outcome, self.path = container.run, container.outcome, container.path
        self.seed = 0
        # Of the slow pipeline on this machine, in rows a second.
        self.rate = None
        # Rows and files that were dropped, by pipeline.
        self.rows, self.files = {}, {}

    # What an administrator does.

    def write(self, path, text, mode=0o644):
        with open(self.path(path), "w") as file:
            file.write(text)
        os.chmod(self.path(path), mode)

    def configure(self, name, text):
        self.write(f"{CONFIGURATION}/{name}.yaml", text)

    def add_people(self):
        for name, groups in PEOPLE.items():
            self.run("useradd", "--create-home", "--groups", groups, name)

    def add_model(self):
        shutil.copy(MODEL, self.path("/etc/sono/models/reference.safetensors"))

    def systemctl(self, *words, seconds=120):
        return self.run("systemctl", *words, seconds=seconds)

    def show(self, name, unit="sono.service"):
        return self.systemctl("show", "--value", "-p", name, unit).strip()

    def line(self):
        """What `systemctl status` says beside Status."""
        return self.show("StatusText")

    def restarts(self):
        return int(self.show("NRestarts"))

    def journal(self, unit="sono.service"):
        return self.run("journalctl", "--no-pager", "-o", "cat", "-n", "30", "-u", unit)

    def override(self, text, unit="sono.service"):
        """A drop-in, as `systemctl edit --runtime` would write; nothing takes it away."""
        folder = f"/run/systemd/system/{unit}.d"
        self.run("mkdir", "-p", folder)
        name = f"{folder}/override.conf"
        if text:
            self.run("tee", name, data=text.encode())
        else:
            self.run("rm", "-f", name)
        self.systemctl("daemon-reload")

    def wait_until_ready(self, seconds=60):
        def is_ready():
            state = self.systemctl("show", "-p", "ActiveState", "-p", "SubState", "-p", "StatusText", "sono.service")
            return "ActiveState=active" in state and "SubState=running" in state and "StatusText=ready" in state

        return eventually(lambda: f"ready: {self.line()}\n{self.journal()}", is_ready, seconds)

    # What producers and consumers do.

    def next_batch(self, rows):
        self.seed += 1
        return f"batch-{self.seed}.safetensors", batch(rows, self.seed)

    def drop(self, rows=50, pipeline="p", user="alice"):
        """As the README says: written under .tmp/, then handed over by a rename."""
        name, data = self.next_batch(rows)
        temporary, incoming = f"{SPOOL}/{pipeline}/.tmp/{name}", f"{SPOOL}/{pipeline}/incoming/{name}"
        self.run("sh", "-c", f"umask 077; cat > {temporary} && mv {temporary} {incoming}", user=user, data=data)
        self.expect_rows(rows, pipeline)
        return name

    def lasting(self, seconds):
        """So many rows keep the slow pipeline at work about so long."""
        return max(5_000, min(int(self.rate * seconds), 1_000_000))

    def expect_rows(self, rows, pipeline="p", files=1):
        self.rows[pipeline] = self.rows.get(pipeline, 0) + rows
        self.files[pipeline] = self.files.get(pipeline, 0) + files

    @contextmanager
    def another_ledger(self):
        """For a spool and a store that are only there for a while."""
        kept = (self.rows, self.files)
        self.rows, self.files = {}, {}
        try:
            yield
        finally:
            self.rows, self.files = kept

    def names(self, place, pipeline="p"):
        folder = self.path(f"{SPOOL}/{pipeline}/{place}")
        return [name for name in os.listdir(folder) if not name.endswith(".reason.json")]

    def query(self, sql, user=None):
        """The rows that a program reads of the store; as one of the people, by their own rights."""

        def ask():
            with closing(sqlite3.connect(f"file:{STATE}/sono.sqlite?mode=ro", uri=True, timeout=10)) as store:
                return store.execute(sql).fetchall()

        return self.container.inside("mnt", ask, user)

    def number(self, sql):
        return self.query(sql)[0][0]

    def wait_until_settled(self, seconds=120):
        return eventually(lambda: f"all is settled: {self.line()}\n{self.journal()}", self.is_settled, seconds)

    def is_settled(self):
        if any(self.names(place, pipeline) for pipeline in self.files for place in ("incoming", "work")):
            return False
        return self.number("SELECT count(*) FROM v1_jobs WHERE state IN ('queued', 'running', 'retrying')") == 0

    def expect_nothing_lost(self):
        """Every file in one place, every row once."""
        self.wait_until_settled()
        for pipeline, rows in self.rows.items():
            # What was computed again on request comes again.
            counted = self.query(
                "SELECT count(*), count(DISTINCT item_id) FROM v1_results WHERE job_id IN"
                f" (SELECT job_id FROM v1_jobs WHERE pipeline = '{pipeline}' AND supersedes IS NULL)")[0]
            came = f"{counted[0]} came, {counted[1]} of them distinct"
            expect(counted == [rows, rows], f"{pipeline}: {rows} rows dropped, {came}")
            placed = len(self.names("done", pipeline)) + len(self.names("failed", pipeline))
            expect(placed == self.files[pipeline], f"{pipeline}: {self.files[pipeline]} files dropped, {placed} there")
        return f"{sum(self.files.values())} batches, {sum(self.rows.values())} rows so far"
