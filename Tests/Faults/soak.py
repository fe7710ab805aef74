#!/usr/bin/env python3
"""An hour under full load with faults at random, watched from the outside as a consumer sees it.

Producers of every kind drop batches, good and bad, new and old, for as long as it takes; meanwhile the service is killed,
stopped, frozen, reloaded with good and bad configurations, its store held by others, its spool moved away and back, its
children killed; batches are held and released, retention and backups run. A consumer follows the feeds by their cursors.
At the end every row must have been seen exactly once, every input have come to its end, and memory, descriptors and disk
must be where they were.

usage: soak.py [--binary SONO] [--minutes M] [--seed S] [--output FILE]
"""

import argparse
import collections
import errno
import os
import platform
import random
import re
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import tempfile
import threading
import time

import service
from service import Broken, Service

KEEP = "retention: { inputs: 10s, results: 20s, jobs: 20s, failed: 10s, features: 10s }\n"
PIPELINES = {
    "p": "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\n" + KEEP,
    "f": "model: reference.safetensors\nsettle: 200ms\nincomplete_after: 1s\noutput: { features: float16 }\n" + KEEP,
}
# Batches that may wait before producers wait too, and rows a second: what retention takes away meanwhile, so that the disk
# stays as full as it is.
MOST_WAITING = 60
ROWS_A_SECOND = 15_000
# F16 high bytes with an exponent that makes them 0.5 to 2: nothing overflows, no row is zero.
HIGH_BYTES = bytes(byte & 0x83 | 0x38 for byte in range(256))


def batch(rows, first_id, source, poison=None):
    values = bytearray(source.randbytes(2 * rows * service.DIMENSION))
    values[1::2] = values[1::2].translate(HIGH_BYTES)
    if poison == "non_finite_rows":
        values[1::2] = b"\x7e" * (rows * service.DIMENSION)
    dimension = 7 if poison == "dimension_mismatch" else service.DIMENSION
    values = values[: 2 * rows * dimension]
    header = (
        '{"__metadata__":{"schema":"embedding-set/1","encoder":"reference"},'
        f'"embeddings":{{"dtype":"F16","shape":[{rows},{dimension}],"data_offsets":[0,{len(values)}]}},'
        f'"ids":{{"dtype":"I64","shape":[{rows}],"data_offsets":[{len(values)},{len(values) + 8 * rows}]}}}}'
    ).encode()
    ids = struct.pack(f"<{rows}q", *range(first_id, first_id + rows))
    data = struct.pack("<Q", len(header)) + header + bytes(values) + ids
    if poison == "incomplete":
        return data[: len(data) // 2]
    if poison == "corrupt_safetensors":
        return data[:8] + b"[" + data[9:]
    return data


class Ledger:
    """What was dropped, and what was seen of it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.next_id = 1
        self.rows = {}  # first id of a good batch -> a byte for each of its rows
        self.first_ids = []
        self.finished = 0
        self.rows_seen = self.rows_twice = self.rows_strange = 0
        self.dropped = collections.Counter()  # names that wait for their end
        self.ends = collections.Counter()
        self.bad = 0
        self.batches = 0
        self.last_progress = time.monotonic()
        self.longest_stall = 0.0

    def begin(self, name, rows):
        """Notes a good batch; gives its first id."""
        with self.lock:
            first = self.next_id
            self.next_id += rows
            self.rows[first] = bytearray(rows)
            self.first_ids.append(first)
            self.dropped[name] += 1
            self.batches += 1
            return first

    def begin_other(self, name, is_bad):
        with self.lock:
            self.dropped[name] += 1
            self.batches += 1
            self.bad += is_bad

    def see(self, first, last, ids):
        """Rows of one job, as the feed gave them."""
        with self.lock:
            for number in ids:
                place = self._batch_of(number)
                seen = self.rows.get(place)
                if seen is None or number - place >= len(seen):
                    self.rows_strange += 1
                elif seen[number - place]:
                    self.rows_twice += 1
                else:
                    seen[number - place] = 1
                    self.rows_seen += 1

    def _batch_of(self, number):
        low, high = 0, len(self.first_ids)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self.first_ids[middle] <= number else (low, middle)
        return self.first_ids[low - 1] if low else None

    def end(self, name, state):
        with self.lock:
            self.ends[state] += 1
            if self.dropped[name] > 0:
                self.dropped[name] -= 1
                if not self.dropped[name]:
                    del self.dropped[name]

    @property
    def rows_lost(self):
        return sum(seen.count(0) for seen in self.rows.values())

    @property
    def waiting(self):
        return sum(self.dropped.values())

    def progress(self):
        now = time.monotonic()
        with self.lock:
            if self.dropped:
                self.longest_stall = max(self.longest_stall, now - self.last_progress)
            self.last_progress = now


class Soak:
    def __init__(self, options, folder):
        self.options = options
        self.root = os.path.join(folder, "root")
        self.folder = folder
        self.log = os.path.join(folder, "log")
        self.source = random.Random(options.seed)
        self.ledger = Ledger()
        self.faults = collections.Counter()
        self.samples = []
        self.ending = threading.Event()
        self.errors = []
        self.service = None
        self.service_lock = threading.RLock()
        os.makedirs(self.root)
        for place in ("pipeline.d", "models"):
            os.makedirs(os.path.join(self.root, place))
        shutil.copy(service.MODEL, os.path.join(self.root, "models/reference.safetensors"))
        for name, text in PIPELINES.items():
            self.configure(name, text)

    def configure(self, name, text):
        path = os.path.join(self.root, "pipeline.d", f"{name}.yaml")
        with open(path + ".new", "w") as file:
            file.write(text)
        os.rename(path + ".new", path)

    def sono(self, *arguments):
        return subprocess.run(
            [self.options.binary, *arguments, "--root", self.root], capture_output=True, text=True, timeout=120)

    # MARK: Producers

    def produce(self, number):
        source = random.Random(self.options.seed * 100 + number)
        kept = []
        count = 0
        while not self.ending.is_set():
            allowed = ROWS_A_SECOND * (time.monotonic() - self.began)
            if self.ledger.waiting > MOST_WAITING or self.ledger.next_id > allowed:
                time.sleep(0.05)
                continue
            count += 1
            name = f"{number}-{count}.safetensors"
            pipeline = source.choice("ppf")
            kind = source.random()
            if kind < 0.06:
                poison = source.choice(["non_finite_rows", "dimension_mismatch", "incomplete", "corrupt_safetensors"])
                data = batch(source.randrange(1, 200), 0, source, poison)
                self.ledger.begin_other(name, True)
            elif kind < 0.12 and kept:
                pipeline, data = source.choice(kept)
                self.ledger.begin_other(name, False)
            else:
                rows = source.choice([1, 50, 500, 2_000, source.randrange(1, 20_000)])
                data = batch(rows, self.ledger.begin(name, rows), source)
                kept = (kept + [(pipeline, data)])[-5:]
            self.deliver(pipeline, name, data, source)

    def deliver(self, pipeline, name, data, source):
        folder = os.path.join(self.root, "spool", pipeline)
        way = source.choice(["rename", "rename", "link", "copy", "slowly", "unnamed"])
        temporary = os.path.join(folder, ".tmp", name)
        target = os.path.join(folder, "incoming", name)
        while True:
            try:
                if way == "unnamed":
                    descriptor = os.open(folder + "/.tmp", os.O_TMPFILE | os.O_WRONLY, 0o644)
                    try:
                        os.write(descriptor, data)
                        # Follows the link only where a directory is named.
                        own = os.open("/proc/self/fd", os.O_DIRECTORY)
                        try:
                            os.link(str(descriptor), target, src_dir_fd=own, follow_symlinks=True)
                        finally:
                            os.close(own)
                    finally:
                        os.close(descriptor)
                elif way in ("copy", "slowly"):
                    # One descriptor to its end: whatever moves the directories meanwhile, the file stays the same one.
                    with open(target, "wb", buffering=0) as file:
                        step = len(data) if way == "copy" else max(1, len(data) // 4)
                        for begin in range(0, len(data), step):
                            file.write(data[begin : begin + step])
                            if way == "slowly":
                                time.sleep(0.03)
                else:
                    with open(temporary, "wb") as file:
                        file.write(data)
                    if way == "link":
                        os.link(temporary, target)
                        os.unlink(temporary)
                    else:
                        os.rename(temporary, target)
                return
            except FileNotFoundError:
                time.sleep(0.1)  # the spool is away: a producer tries again

    # MARK: The consumer

    def consume(self):
        rows_after = changes_after = 0
        names = {}
        while True:
            is_last = self.ending.is_set() and not self.ledger.waiting
            try:
                store = sqlite3.connect(f"file:{self.root}/state/sono.sqlite?mode=ro", uri=True, timeout=10)
                try:
                    found = store.execute(
                        "SELECT seq, item_id FROM v1_results WHERE seq > ? ORDER BY seq LIMIT 50000", (rows_after,)
                    ).fetchall()
                    changes = store.execute(
                        "SELECT seq, job_id, to_state FROM v1_changes WHERE seq > ? ORDER BY seq LIMIT 2000",
                        (changes_after,)).fetchall()
                    for _, job, _ in changes:
                        if job not in names:
                            row = store.execute("SELECT file_name FROM v1_jobs WHERE job_id = ?", (job,)).fetchone()
                            names[job] = row[0] if row else None
                finally:
                    store.close()
            except sqlite3.OperationalError:
                time.sleep(0.2)
                continue
            if found:
                if [seq for seq, _ in found] != sorted({seq for seq, _ in found}):
                    self.errors.append("the feed is out of order")
                rows_after = found[-1][0]
                self.ledger.see(found[0][0], found[-1][0], [int(item) for _, item in found])
            for seq, job, state in changes:
                changes_after = seq
                if state in ("done", "failed", "duplicate", "cancelled"):
                    self.ledger.end(names.pop(job, None), state)
            if found or changes:
                self.ledger.progress()
            elif is_last or self.ending.is_set() and self.gave_up:
                return
            else:
                time.sleep(0.05)

    gave_up = False
    collecting = None

    # MARK: Faults

    def start(self):
        with self.service_lock:
            self.service = Service(self.options.binary, self.root, self.log)
            self.service.wait_until_ready()

    def fault(self):
        source = self.source
        name, body = source.choice(self.fault_table)
        with self.service_lock:
            body()
        self.faults[name] += 1

    @property
    def fault_table(self):
        return [
            ("killed", self.kill), ("killed", self.kill), ("killed", self.kill),
            ("stopped and started", self.restart), ("frozen for seconds", self.freeze),
            ("reloaded", self.reload), ("reloaded with a bad file", self.reload_bad),
            ("store held by a writer", self.hold_store), ("store held by a reader", self.hold_snapshot),
            ("spool moved away and back", self.move_spool), ("a batch held and released", self.hold_batch),
            ("retention asked for", self.collect), ("retention asked for", self.collect), ("backup under load", self.back_up),
            ("killed twice in a row", self.kill_twice),
        ]

    def kill(self):
        self.service.process.kill()
        self.service.process.wait()
        self.start()

    def kill_twice(self):
        self.service.process.kill()
        self.service.process.wait()
        self.service = Service(self.options.binary, self.root, self.log)
        time.sleep(self.source.random() * 0.3)
        self.kill()

    def restart(self):
        self.service.stop()
        self.start()

    def freeze(self):
        self.service.process.send_signal(signal.SIGSTOP)
        time.sleep(self.source.uniform(0.5, 3))
        self.service.process.send_signal(signal.SIGCONT)

    def reload(self):
        self.configure("p", PIPELINES["p"] + f"limits: {{ attempts: {self.source.randrange(3, 9)} }}\n")
        self.service.process.send_signal(signal.SIGHUP)

    def reload_bad(self):
        self.configure("p", "model: [no\n")
        self.service.process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        self.configure("p", PIPELINES["p"])
        self.service.process.send_signal(signal.SIGHUP)

    def hold_store(self):
        store = sqlite3.connect(f"{self.root}/state/sono.sqlite", timeout=10, isolation_level=None)
        store.execute("PRAGMA wal_autocheckpoint = 0")
        store.execute("BEGIN IMMEDIATE")
        time.sleep(self.source.uniform(0.2, 8))
        store.execute("ROLLBACK")
        store.close()

    def hold_snapshot(self):
        store = sqlite3.connect(f"file:{self.root}/state/sono.sqlite?mode=ro", uri=True, timeout=10, isolation_level=None)
        store.execute("BEGIN")
        store.execute("SELECT count(*) FROM v1_jobs").fetchall()
        time.sleep(self.source.uniform(1, 5))
        store.close()

    def move_spool(self):
        path = os.path.join(self.root, "spool", "f")
        os.rename(path, path + ".away")
        time.sleep(0.2)
        # The service may have made it anew, and go on making it: what came into that goes back, too.
        while True:
            try:
                for place in service.PLACES + (".tmp",):
                    folder = os.path.join(path, place)
                    for file in os.listdir(folder) if os.path.isdir(folder) else []:
                        os.rename(os.path.join(folder, file), os.path.join(path + ".away", place, file))
                    if os.path.isdir(folder):
                        os.rmdir(folder)
                os.rename(path + ".away", path)
                return
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                    raise

    def hold_batch(self):
        jobs = service.query(self.root, "SELECT job_id FROM v1_jobs WHERE state IN ('queued', 'retrying') LIMIT 1")
        if jobs:
            number = str(jobs[0][0])
            if self.sono("hold", number).returncode == 0:
                time.sleep(0.5)
                outcome = self.sono("release", number)
                if outcome.returncode:
                    self.errors.append(f"release {number}: {outcome.stderr}")

    def collect(self):
        """Not waited for: it may take minutes, and the service be killed meanwhile."""
        if self.collecting is None or self.collecting.poll() is not None:
            self.collecting = subprocess.Popen(
                [self.options.binary, "gc", "--root", self.root], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def back_up(self):
        path = os.path.join(self.folder, "backup.sqlite")
        if os.path.exists(path):
            os.unlink(path)
        outcome = self.sono("backup", path)
        if outcome.returncode:
            self.errors.append(f"backup: {outcome.stderr}")
            return
        copy = sqlite3.connect(path)
        verdict = copy.execute("PRAGMA quick_check").fetchone()[0]
        copy.close()
        if verdict != "ok":
            self.errors.append(f"backup: {verdict}")

    # MARK: Measuring

    def sample(self, began):
        with self.service_lock:
            pid = self.service.process.pid
            try:
                with open(f"/proc/{pid}/status") as file:
                    resident = int(re.search(r"VmRSS:\s+(\d+)", file.read())[1]) / 1024
                descriptors = len(os.listdir(f"/proc/{pid}/fd"))
                threads = len(os.listdir(f"/proc/{pid}/task"))
            except (FileNotFoundError, TypeError, ProcessLookupError):
                return
        disk = 0
        for folder, _, names in os.walk(self.root):
            for name in names:
                try:
                    disk += os.lstat(os.path.join(folder, name)).st_blocks * 512
                except FileNotFoundError:
                    pass
        self.samples.append((time.monotonic() - began, resident, descriptors, threads, disk / 1e6))
        seconds, resident, descriptors, threads, disk = self.samples[-1]
        print(
            f"{seconds:6.0f} s  {self.ledger.batches:7} batches  {self.ledger.rows_seen:10} rows  "
            f"{sum(self.faults.values()):5} faults  {resident:5.0f} MB  {descriptors:3} fds  {threads:3} threads  "
            f"{disk:6.0f} MB disk  stall {self.ledger.longest_stall:4.1f} s", flush=True)

    # MARK: All of it

    def run(self):
        # Before an hour in which the tree may go on.
        self.commit = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"], cwd=service.REPOSITORY, capture_output=True, text=True
        ).stdout.strip()
        self.start()
        began = self.began = time.monotonic()
        end = began + 60 * self.options.minutes
        threads = [threading.Thread(target=self.produce, args=(number,)) for number in range(3)]
        threads.append(threading.Thread(target=self.consume))
        for thread in threads:
            thread.start()
        next_sample = began
        try:
            while time.monotonic() < end:
                if time.monotonic() >= next_sample:
                    self.sample(began)
                    next_sample += 15
                time.sleep(self.source.uniform(0.2, 3))
                self.fault()
            self.ending.set()
            for thread in threads[:-1]:
                thread.join()
            with self.service_lock:
                try:
                    self.service.wait("every input is settled", lambda: not self.ledger.waiting, 120)
                except Broken as broken:
                    self.errors.append(str(broken))
                if self.collecting:
                    self.collecting.wait()
                self.collect()
                self.collecting.wait()
                self.sample(began)
                self.service.stop()
        finally:
            self.ending.set()
            self.gave_up = True
            for thread in threads:
                thread.join()
            if self.service.process.poll() is None:
                self.service.process.kill()
        return self.report(time.monotonic() - began)

    def report(self, seconds):
        ledger = self.ledger
        verdict = [row[0] for row in service.query(self.root, "PRAGMA integrity_check")]
        if verdict != ["ok"]:
            self.errors.append(f"integrity_check: {verdict}")
        quarter = max(1, len(self.samples) // 4)

        def flat(index):
            first = sorted(sample[index] for sample in self.samples[:quarter])
            last = sorted(sample[index] for sample in self.samples[-quarter:])
            return f"{first[len(first) // 2]:.0f} and {last[len(last) // 2]:.0f}"

        table = [
            ("commit", self.commit),
            ("date", time.strftime("%Y-%m-%d")), ("processor", processor()), ("seed", self.options.seed),
            ("minutes", f"{seconds / 60:.1f}"), ("faults", sum(self.faults.values())),
            ("batches dropped", ledger.batches), ("bad inputs among them", ledger.bad),
            ("ended done, failed, duplicate", ", ".join(str(ledger.ends[s]) for s in ("done", "failed", "duplicate"))),
            ("rows through", ledger.rows_seen), ("rows lost", ledger.rows_lost),
            ("rows seen twice", ledger.rows_twice), ("rows that nobody dropped", ledger.rows_strange),
            ("inputs that came to no end", ledger.waiting),
            ("longest time without progress while something waited, s", f"{ledger.longest_stall:.1f}"),
            ("memory in the first and the last quarter, MB, median", flat(1)),
            ("descriptors", flat(2)), ("threads", flat(3)), ("disk, MB", flat(4)),
        ]
        table += [(f"fault: {name}", count) for name, count in sorted(self.faults.items())]
        text = "| | |\n|---|---|\n" + "".join(f"| {name} | {value} |\n" for name, value in table)
        print(text)
        for error in self.errors[:20]:
            print("broken:", error)
        if self.options.output:
            with open(self.options.output, "w") as file:
                file.write("# Soak\n\nMade by `make soak` (`Tests/Faults/soak.py`).\n\n" + text)
        good = not (ledger.rows_lost or ledger.rows_twice or ledger.rows_strange or ledger.waiting or self.errors)
        if not good and ledger.waiting:
            print("no end:", list(ledger.dropped)[:20])
        return good and ledger.longest_stall < 70


def processor():
    with open("/proc/cpuinfo") as file:
        return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), platform.machine())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(service.REPOSITORY, ".build/release/sono"))
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10_000))
    parser.add_argument("--output", help="write the table here, as Markdown")
    options = parser.parse_args()
    folder = tempfile.mkdtemp(prefix="sono-soak-")
    soak = Soak(options, folder)
    try:
        good = soak.run()
    except Broken as broken:
        print("broken:", broken)
        good = False
    if good:
        shutil.rmtree(folder)
    else:
        print("kept:", folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
