#!/usr/bin/env python3
"""A disk that fails: calls by which the service changes it are answered with an error instead of being made.

For each call of two lives (batches of every kind waiting; settled jobs requeued) and each error, that call alone fails, or
it and the nineteen after it (fewer if two minutes and a half go by). Meanwhile the service may wait, try again or end with an error; once the disk is sound again it
must come to its end, by itself or by being started again, with everything as if nothing had been.

usage: fault_sweep.py [--binary SONO] [--sample N] [--seed S] [--jobs J]
"""

import argparse
import collections
import concurrent.futures
import errno
import os
import random
import sys
import tempfile
import time

import lives
import service
from service import Broken

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "EACCES", "EMFILE", "EROFS")
TIMES = (1, 20)


def attempt(life, scratch, number, error, times):
    """One failure and what came of it: (the call that failed first or None, rows, what was broken or None)."""
    with tempfile.TemporaryDirectory(dir=scratch, prefix="fault-") as folder:
        root = os.path.join(folder, "root")
        label, rows = None, 0
        try:
            program, missing = life.run(folder, fail=(number, getattr(errno, error), times))
            label = program.failed[0].label if program.failed else None
            service.recover(life.binary, root, os.path.join(folder, "free.log"), missing)
            rows = service.check(life.binary, root, life.batches, kills=1, requeued=life.requeued)
            return label, program.status, rows, None
        except Broken as broken:
            return label, None, rows, str(broken)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default=os.path.join(service.REPOSITORY, ".build/release/sono"))
    parser.add_argument("--sample", type=int, help="so many faults, spread over all")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 10_000))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    options = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="sono-fault-sweep-") as scratch:
        ok = sweep(options, scratch)
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}")
    return 0 if ok else 1


def sweep(options, scratch):
    points = []
    for life in lives.all(options.binary, scratch)[1:]:
        folder = os.path.join(scratch, "dry-" + life.name.replace(" ", "-"))
        os.makedirs(folder)
        program, _ = life.run(folder)
        points += [
            (life, call.number, error, times) for call in program.calls for error in ERRORS for times in TIMES
        ]
        print(f"{life.name}: {len(program.calls)} calls that change the disk", flush=True)
    if options.sample:
        random.Random(options.seed).shuffle(points)
        points = points[: options.sample]
    table = collections.defaultdict(lambda: [0, 0, 0])
    unreached, rows, failures = 0, 0, []
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        futures = {pool.submit(attempt, life, scratch, *point): (life, *point) for life, *point in points}
        for done, future in enumerate(concurrent.futures.as_completed(futures), 1):
            life, number, error, times = futures[future]
            label, status, found, broken = future.result()
            rows += found
            if label:
                line = table[(label.split()[0], error)]
                line[0] += 1
                line[1] += status == 0
                line[2] += broken is not None
            else:
                unreached += 1
            if broken:
                failures.append(f"{life.name}, call {number} ({label}), {error} {times} times: {broken}")
                print("BROKEN", failures[-1], flush=True)
            if done % 100 == 0:
                print(f"{done} faults, {len(failures)} broken", flush=True)
    print(f"{'system call':<14}{'error':<9}{'failed':>8}{'went on by itself':>19}{'broken':>8}")
    for (name, error), (failed, alive, broken) in sorted(table.items()):
        print(f"{name:<14}{error:<9}{failed:>8}{alive:>19}{broken:>8}")
    print(
        f"faults tried: {len(points)} ({unreached} came to their end first); rows checked: {rows}; "
        f"broken: {len(failures)}")
    return not failures


if __name__ == "__main__":
    sys.exit(main())
