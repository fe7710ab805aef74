#!/usr/bin/env python3
"""Power losses, by replay: disks as they may stand after one, each recovered by the real service and checked.

Every life of the service (see lives.py) is recorded once, call by call and byte by byte. Of the calls up to any moment
those that were not made durable may have reached the disk or not, in any order (the rules are in disk_image.py). Such
states are laid out in a directory, the service is started on it, and everything is checked: what it had answered for by
then (jobs, changes and rows that a reader could see) must be there, and every input must come to its end.

usage: power_loss.py [--binary SONO] [--states N] [--seed S] [--jobs J] [--without LABEL]... [--until-broken]

--without leaves a call out of the recording, as "fsync spool/p/work", or several: the disks are then those of a service that does
not make it, and a state that is broken shows that it is needed. --until-broken ends at the first.
"""

import argparse
import collections
import concurrent.futures
import multiprocessing
import os
import random
import sqlite3
import sys
import tempfile
import time

import lives
import service
from disk_image import Disk, Keeps, digest, materialise
from service import Broken

# How many states of each kind are drawn for each moment.
DRAWS = {"nothing": 1, "everything": 1, "names": 1, "bytes": 1, "journal": 3, "anything": 3}
VIEWS = {
    "v1_changes": "SELECT seq, job_id, from_state, to_state FROM v1_changes ORDER BY seq",
    "v1_results": "SELECT seq, job_id, row, item_id, label, score FROM v1_results ORDER BY seq",
    "v1_jobs": "SELECT job_id, pipeline, file_name, sha256 FROM v1_jobs ORDER BY job_id",
}


class Recording:
    """A life, and all that it did to its disk."""

    def __init__(self, life, scratch, without=()):
        self.life = life
        folder = os.path.join(scratch, "recorded-" + life.name.replace(" ", "-"))
        os.makedirs(folder)
        # Before the life; batches that wait were not fsynced by their producer.
        before = life.lay_out(os.path.join(folder, "before"))
        unsynced = [
            f"spool/{batch.pipeline}/incoming/{batch.name}"
            for batch in life.batches
            if os.path.exists(os.path.join(before, "spool", batch.pipeline, "incoming", batch.name))
        ]
        program, _ = life.run(folder, keep_bytes=True)
        self.calls = program.calls
        self.disk = Disk(before, unsynced)
        self.disk.replay(self.calls)
        # Before anything is left out: what a reader is told does not depend on whether it is durable.
        self.answers = self._answers(os.path.join(folder, "reader"))
        self.left_out = sum(call.label in without for call in self.calls)
        if self.left_out:
            self.disk = Disk(before, unsynced)
            self.disk.replay(self.calls, without)
        self.dropped_at = {
            os.path.basename(call.paths[0]): at for at, call in enumerate(self.calls, 1) if call.name == "drop"
        }

    def _answers(self, folder):
        """What a reader saw: by call, from which it is durable, the rows of each view."""
        os.makedirs(folder)
        answers = [(0, self._read(folder, 0))]
        for at, call in enumerate(self.calls, 1):
            if call.name == "fdatasync" and call.paths[0] == "state/sono.sqlite-wal":
                answers.append((at, self._read(folder, at)))
        return answers

    def _read(self, folder, at):
        tree, _ = self.disk.state(at, Keeps("everything", at, random.Random(0)))
        path = os.path.join(folder, f"{at}.sqlite")
        for suffix in ("", "-wal"):
            data = tree.get("state/sono.sqlite" + suffix)
            if data is not None:
                with open(path + suffix, "wb") as file:
                    file.write(data)
        if not os.path.exists(path):
            return {}
        store = sqlite3.connect(path)
        try:
            return {view: store.execute(sql).fetchall() for view, sql in VIEWS.items()}
        except sqlite3.OperationalError:
            return {}  # before there were tables
        finally:
            store.close()

    def answered(self, at):
        return [answer for since, answer in self.answers if since <= at][-1]

    def state(self, at, way, seed):
        return self.disk.state(at, Keeps(way, at, random.Random(f"{way} {at} {seed}")))


RECORDINGS = []


def attempt(binary, scratch, index, at, way, seed):
    """One power loss: (rows, what was broken or None)."""
    recording = RECORDINGS[index]
    life = recording.life
    tree, torn = recording.state(at, way, seed)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="power-") as folder:
        root = os.path.join(folder, "root")
        materialise(tree, root)
        missing = [batch for batch in life.batches if recording.dropped_at.get(batch.name, 0) > at]
        try:
            service.recover(binary, root, os.path.join(folder, "log"), missing)
            rows = service.check(
                binary, root, life.batches, kills=1, requeued=life.requeued,
                torn={os.path.basename(path) for path in torn})
            check_answers(root, recording.answered(at))
            return rows, None
        except Broken as broken:
            return 0, str(broken)


def check_answers(root, answered):
    """What was durable is there still, and in its place."""
    for view, before in answered.items():
        after = [tuple(row) for row in service.query(root, VIEWS[view])][: len(before)]
        if after != before:
            lost = next((row for row, found in zip(before, after + [None] * len(before)) if row != found), None)
            raise Broken(f"{view} answered {lost} before the power loss and does not after")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(service.REPOSITORY, ".build/release/sono"))
    parser.add_argument("--states", type=int, default=1200)
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10_000))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--without", metavar="LABEL", action="append", default=[])
    parser.add_argument("--until-broken", action="store_true")
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir=service.SCRATCH, prefix="sono-power-loss-") as scratch:
        ok = campaign(options, scratch)
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}")
    return 0 if ok else 1


def campaign(options, scratch):
    for life in lives.all(options.binary, scratch):
        RECORDINGS.append(Recording(life, scratch, options.without))
        print(f"{life.name}: {len(RECORDINGS[-1].calls)} calls that change the disk", flush=True)
    if options.without:
        print(f"left out: {sum(recording.left_out for recording in RECORDINGS)} times {', '.join(options.without)}")
    states = draw(options)
    tried, broken, rows = collections.Counter(), collections.Counter(), 0
    # Forked, so that the recordings are there.
    context = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(options.jobs, mp_context=context) as pool:
        futures = {pool.submit(attempt, options.binary, scratch, *state): state for state in states}
        for future in concurrent.futures.as_completed(futures):
            index, at, way, seed = futures[future]
            found, failure = future.result()
            rows += found
            tried[way] += 1
            if sum(tried.values()) % 100 == 0:
                print(f"{sum(tried.values())} states, {sum(broken.values())} broken", flush=True)
            if failure:
                broken[way] += 1
                call = RECORDINGS[index].calls[at - 1].label if at else "the beginning"
                name = RECORDINGS[index].life.name
                print(f"BROKEN {name}, after call {at} ({call}), {way} {seed}: {failure}", flush=True)
                if options.until_broken:
                    pool.shutdown(wait=True, cancel_futures=True)
                    break
    print(f"{'kept of what was not durable':<32}{'states':>8}{'broken':>8}")
    for way in Keeps.WAYS:
        print(f"{way:<32}{tried[way]:>8}{broken[way]:>8}")
    print(
        f"disk states recovered: {sum(tried.values()) - sum(broken.values())} of {sum(tried.values())}; "
        f"rows checked: {rows}; broken: {sum(broken.values())}")
    return not broken


def draw(options):
    """States that differ from each other, from every moment of every life."""
    candidates = [
        (index, at, way, options.seed + number)
        for index, recording in enumerate(RECORDINGS)
        for at in range(len(recording.calls) + 1)
        for way, count in DRAWS.items()
        for number in range(count)
    ]
    random.Random(options.seed).shuffle(candidates)
    seen, states = set(), []
    for index, at, way, seed in candidates:
        tree, _ = RECORDINGS[index].state(at, way, seed)
        # The same disk with other batches to come is another state.
        dropped = sum(place <= at for place in RECORDINGS[index].dropped_at.values())
        key = (index, dropped, digest(tree))
        if key not in seen:
            seen.add(key)
            states.append((index, at, way, seed))
        if len(states) == options.states:
            break
    return states


if __name__ == "__main__":
    sys.exit(main())
