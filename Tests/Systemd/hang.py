"""One thread that hangs while the others go on: found by the hearts that the service's watchdog listens to."""

import ctypes
import json
import os
import threading
import time

from installed import MODEL, SLOW
from life import half_done, outer
from promise import Broken, eventually, expect, promise

ROOT = "/var/lib/sono-hang"
UNIT = "sono-hang.service"
SEIZE, INTERRUPT, DETACH, WALL = 0x4206, 0x4207, 17, 0x4000_0000


class Hang:
    """A service of its own beside the other, for the patience of its watchdog is two minutes."""

    def __init__(self, sono):
        self.sono = sono
        self.batches = 0

    def start(self):
        sono = self.sono
        for folder in ("pipeline.d", "models"):
            sono.run("mkdir", "-p", f"{ROOT}/{folder}")
        sono.write(f"{ROOT}/pipeline.d/h.yaml", SLOW)
        with open(MODEL, "rb") as file:
            sono.run("tee", f"{ROOT}/models/reference.safetensors", data=file.read())
        sono.run("chown", "-R", "sono:sono", ROOT)
        with open(sono.path("/usr/lib/systemd/system/sono.service")) as file:
            unit = file.read()
        begin = unit.index("ExecStart=")
        program = unit[begin:unit.index("\n", begin)]
        unit = unit.replace(program, f"{program} --root {ROOT}").replace("WatchdogSec=60", "WatchdogSec=4")
        unit = unit.replace("ReadWritePaths=", f"ReadWritePaths={ROOT} ").replace("RuntimeDirectory=sono\n", "")
        expect(f"--root {ROOT}" in unit and "WatchdogSec=4" in unit, unit)
        sono.write(f"/etc/systemd/system/{UNIT}", unit)
        sono.systemctl("daemon-reload")
        sono.systemctl("start", UNIT)
        self.process = outer(sono, sono.show("MainPID", UNIT))

    def rows_done(self):
        return half_done(self.sono, "--root", ROOT)

    def drop(self, rows):
        sono = self.sono
        name, data = sono.next_batch(rows)
        temporary = f"{ROOT}/spool/h/.tmp/{name}"
        sono.run("tee", temporary, data=data)
        sono.run("chown", "sono:sono", temporary)
        sono.run("mv", temporary, f"{ROOT}/spool/h/incoming/{name}")
        self.batches += 1

    def done(self):
        status = json.loads(self.sono.run("sono", "status", "--json", "--root", ROOT))
        counts = status["pipelines"][0].get("counts")
        return counts["jobs"].get("done", 0) if counts else 0

    def hold_thread(self):
        """Stops it as a debugger does; true if that was in the middle of a batch."""
        thread = self.computing_thread()
        if self.rows_done() == 0:
            return False
        trace(SEIZE, thread)
        trace(INTERRUPT, thread)
        threading.Thread(target=bury, args=[thread], daemon=True).start()
        self.began = time.monotonic()
        time.sleep(0.5)
        # Others may finish what it has given them; then nothing moves.
        done = self.rows_done()
        time.sleep(1)
        if 0 < done == self.rows_done():
            return True
        trace(DETACH, thread)
        return False

    def computing_thread(self):
        for thread in os.listdir(f"/proc/{self.process}/task"):
            with open(f"/proc/{self.process}/task/{thread}/comm") as file:
                if file.read() == "sono.lane\n":
                    return int(thread)
        raise Broken("no thread computes")


def trace(request, thread):
    library = ctypes.CDLL(None, use_errno=True)
    if library.ptrace(request, thread, None, None) != 0:
        raise Broken(f"ptrace: {os.strerror(ctypes.get_errno())}")


def bury(thread):
    """Whoever holds a thread is told of its end, and until it has listened the process is not gone."""
    try:
        while True:
            os.waitpid(thread, WALL)
    except ChildProcessError:
        return


@promise("the thread that computes is held in the middle of a batch; what comes of it is told below")
def hold(hang):
    hang.start()
    for attempt in range(4):
        hang.drop(hang.sono.lasting(4 * 2**attempt))
        eventually("it is at work", lambda: hang.rows_done() > 0 or hang.done() == hang.batches, 60)
        if hang.hold_thread():
            return
    expect(False, "it was never met at work")


@promise("a hang of the thread that computes, others at work, is ended by the watchdog; the batch is done after all")
def thread_hangs(hang):
    sono = hang.sono
    eventually(
        lambda: f"it is started again: {sono.journal(UNIT)}", lambda: int(sono.show("NRestarts", UNIT)) == 1, 200)
    seconds = int(sono.show("ExecMainStartTimestampMonotonic", UNIT)) / 1e6 - hang.began
    expect("Watchdog timeout" in sono.journal(UNIT), sono.journal(UNIT))

    def is_done():
        return sono.show("SubState", UNIT) == "running" and hang.done() == hang.batches

    eventually(lambda: f"the batch is done: {sono.journal(UNIT)}", is_done, 60)
    sono.systemctl("stop", UNIT)
    return f"started again {seconds:.0f} s after the thread was held"
