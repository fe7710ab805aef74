"""A service's life under systemd: start, reload, kill, hang, stop."""

import json
import os
import signal
import stat
import threading
import time

from installed import CONFIGURATION, PIPELINE, SLOW, SPOOL, STATE
from promise import eventually, expect, promise


@promise("started, it is active once it is ready, and its status line is words that a person understands")
def start(sono):
    began = time.monotonic()
    sono.systemctl("start", "sono")
    seconds = time.monotonic() - began
    expect(sono.show("ActiveState") == "active", "not active")
    expect(sono.line().startswith("ready: 0 waiting"), sono.line())
    told = sono.run("systemctl", "status", "--no-pager", "sono")
    expect("Status: \"ready: 0 waiting" in told, told)
    return f"{seconds:.2f} s, \"{sono.line()}\""


@promise("who is in sono-drop alone drops a batch, sees nobody's files, and reads no result")
def drop(sono):
    name = sono.drop(rows=100, user="alice")
    sono.wait_until_settled()
    expect(sono.number("SELECT count(*) FROM v1_jobs WHERE state = 'done'") == 1, "not done")
    for folder in ("incoming", "work", "done", "failed"):
        expect(sono.outcome("ls", f"{SPOOL}/p/{folder}", user="alice").returncode != 0, f"alice may list {folder}")
    file = sono.names("done")[0]
    expect(sono.outcome("cat", f"{SPOOL}/p/done/{file}", user="alice").returncode != 0, "alice may read done/")
    expect(sono.outcome("sono", "results", "--after", "0", user="alice").returncode == 69, "alice may read results")
    expect(sono.outcome("sono", "hold", "1", user="alice").returncode == 69, "alice may hold jobs")
    sono.run("sh", "-c", f"cat > /home/alice/again-{name}", user="alice", data=sono.next_batch(30)[1])
    sono.run("sono", "submit", f"/home/alice/again-{name}", user="alice")
    sono.expect_rows(30)
    sono.wait_until_settled()


@promise("who is in sono-read alone reads results, jobs and status, by command and by SQL, and changes nothing")
def read(sono):
    expect(sono.query("SELECT count(*) FROM v1_results", user="bob") == [[130]], "bob counts other rows")
    for command in (["status"], ["jobs"], ["job", "1"], ["results", "--after", "0"]):
        expect("sono: " not in sono.run("sono", *command, user="bob")[:6], f"{command}")
    expect(json.loads(sono.run("sono", "status", "--json", user="bob"))["phase"] == "ready", "not ready")
    expect(sono.outcome("sono", "requeue", "1", user="bob").returncode == 69, "bob may requeue")
    expect(sono.outcome("touch", f"{SPOOL}/p/incoming/x", user="bob").returncode != 0, "bob may drop")
    writing = sono.outcome("sh", "-c", f"echo >> {STATE}/sono.sqlite", user="bob")
    expect(writing.returncode != 0, "bob may write the store")


@promise("who is in sono-admin holds, releases and requeues")
def administer(sono):
    sono.drop(rows=sono.lasting(5), pipeline="slow")
    sono.drop(rows=21, pipeline="slow")
    jobs = "SELECT %s FROM v1_jobs WHERE pipeline = 'slow' AND rows = 21"
    eventually("the second is a job", lambda: sono.number(jobs % "count(*)") == 1)
    job = str(sono.number(jobs % "job_id"))
    sono.run("sono", "hold", job, user="carol")
    expect(sono.number(jobs % "state") == "held", sono.number(jobs % "state"))
    eventually(lambda: f"the line says it: {sono.line()}", lambda: "1 held" in sono.line(), 10)
    sono.run("sono", "release", job, user="carol")
    sono.wait_until_settled()
    expect(sono.number(jobs % "state") == "done", sono.number(jobs % "state"))
    sono.run("sono", "requeue", job, user="carol")
    # Its rows come once more then, of the same ids, in a job that supersedes it.
    eventually("it is computed again", lambda: sono.number(jobs % "count(*)") == 2)
    sono.wait_until_settled()
    latest = "SELECT count(*) FROM v1_latest WHERE job_id = (SELECT max(job_id) FROM v1_jobs)"
    expect(sono.number(latest) == 21, "the new rows are not the latest")


@promise("a stranger is told to join a group")
def stranger(sono):
    outcome = sono.outcome("sono", "status", user="mallory")
    expect(outcome.returncode == 69 and "join the group sono-read" in outcome.stderr, f"{outcome.returncode} {outcome.stderr}")


@promise("a reload takes a good file, and stays ready")
def reload_good(sono):
    for name, text in (("q", PIPELINE), ("slow", SLOW)):
        sono.configure(name, text)
    sono.systemctl("reload", "sono")
    places = [sono.path(f"{SPOOL}/{name}/.tmp") for name in ("q", "slow")]
    eventually("both are served", lambda: all(os.path.isdir(place) for place in places))
    sono.drop(rows=10, pipeline="q")
    sono.wait_until_settled()
    sono.drop(rows=10_000, pipeline="slow")
    sono.wait_until_settled()
    sono.wait_until_ready(5)
    sono.rate = json.loads(sono.run("sono", "status", "--json"))["rows_per_second"]
    return f"{sono.rate:,.0f} rows a second"


@promise("a reload with a bad file leaves the pipeline as it was, and the status line names it until it is mended")
def reload_bad(sono):
    before = sono.show("MainPID")
    sono.configure("q", PIPELINE + "clasify: { top_k: 2 }\n")
    sono.systemctl("reload", "sono")
    eventually(lambda: f"the line names it: {sono.line()}", lambda: "q: configuration_invalid" in sono.line(), 10)
    line = sono.line()
    expect("clasify" in sono.journal(), sono.journal())
    sono.drop(rows=10, pipeline="q")
    sono.wait_until_settled()
    expect(sono.show("MainPID") == before and sono.show("ActiveState") == "active", "it was restarted")
    sono.configure("q", PIPELINE)
    sono.systemctl("reload", "sono")
    eventually("the line names it no more", lambda: "q:" not in sono.line(), 10)
    return f"\"{line}\""


@promise("a second daemon on the same spool exits 75 and names the first")
def second(sono):
    outcome = sono.outcome("sono", "serve", user="sono")
    expect(outcome.returncode == 75, f"{outcome.returncode} {outcome.stderr}")
    expect(sono.show("MainPID") in outcome.stderr, outcome.stderr)


@promise("killed with batches in flight it is started again, and loses nothing")
def killed(sono):
    before = sono.restarts()
    sono.drop(rows=sono.lasting(1), pipeline="slow")
    for _ in range(10):
        sono.drop(rows=200)
    sono.systemctl("kill", "--signal=KILL", "sono")
    seconds = eventually("it is started again", lambda: sono.restarts() == before + 1, 30)
    seconds += sono.wait_until_ready()
    sono.expect_nothing_lost()
    return f"ready again after {seconds:.1f} s"


@promise("a process that hangs as a whole is ended by the watchdog and started again, and loses nothing")
def stopped(sono):
    sono.override("[Service]\nWatchdogSec=2\n")
    sono.systemctl("restart", "sono")
    sono.wait_until_ready()
    before = sono.restarts()
    sono.drop(rows=sono.lasting(1), pipeline="slow")
    os.kill(outer(sono, sono.show("MainPID")), signal.SIGSTOP)
    for _ in range(3):
        sono.drop(rows=100)
    seconds = eventually("it is started again", lambda: sono.restarts() == before + 1, 60)
    expect("Watchdog timeout" in sono.journal(), sono.journal())
    sono.override("")
    sono.wait_until_ready()
    sono.expect_nothing_lost()
    return f"started again after {seconds:.1f} s, the interval being 2 s"


def outer(sono, inner):
    """A process of the container by the number it has out here."""
    for name in os.listdir("/proc"):
        try:
            with open(f"/proc/{name}/status") as file:
                numbers = next(line for line in file if line.startswith("NSpid:")).split()[1:]
        except (OSError, StopIteration):
            continue
        if len(numbers) == 2 and numbers[1] == inner and same_container(sono, name):
            return int(name)
    raise ProcessLookupError(inner)


def same_container(sono, process):
    try:
        return os.readlink(f"/proc/{process}/ns/pid") == os.readlink(f"/proc/{sono.container.leader}/ns/pid")
    except OSError:
        return False


def half_done(sono, *root):
    """Rows computed of the batch that runs, 0 without one."""
    running = json.loads(sono.run("sono", "status", "--json", *root)).get("running")
    return running["rows_done"] if running and running["rows"] > 1_000 else 0


@promise("told to stop with work in flight it ends in seconds, and goes on with it at the next start")
def stop(sono):
    # Until it is met at work, for a machine that others use too may be faster now than when it was timed.
    for attempt in range(4):
        sono.drop(rows=sono.lasting(4 * 2**attempt), pipeline="slow")
        for _ in range(5):
            sono.drop(rows=1_000)
        eventually("it is at work", lambda: half_done(sono) or sono.is_settled(), 60)
        began = time.monotonic()
        sono.systemctl("stop", "sono")
        seconds = time.monotonic() - began
        expect(sono.show("Result") == "success", sono.show("Result"))
        if sono.names("work", "slow"):
            break
        sono.systemctl("start", "sono")
    else:
        expect(False, "it was never met at work")
    expect(sono.number("SELECT max(attempts) FROM v1_jobs WHERE pipeline = 'slow' AND state = 'queued'") == 0,
           "the attempt was not given back")
    sono.systemctl("start", "sono")
    sono.expect_nothing_lost()
    return f"stopped in {seconds:.2f} s"


@promise("a batch that was dropped while the service was down is found at the next start")
def dropped_while_down(sono):
    sono.systemctl("stop", "sono")
    sono.drop(rows=10)
    sono.systemctl("start", "sono")
    sono.expect_nothing_lost()


@promise("a configuration of which nothing is valid ends it with 78, and systemd does not try again")
def configuration_error(sono):
    sono.systemctl("stop", "sono")
    folder, aside = sono.path(CONFIGURATION), sono.path("/etc/sono/aside")
    os.rename(folder, aside)
    os.mkdir(folder)
    sono.configure("p", "model: 7\nlimts: {}\n")
    outcome = sono.outcome("systemctl", "start", "sono")
    expect(outcome.returncode != 0, "systemctl says that it started")
    expect(sono.show("ExecMainStatus") == "78", sono.show("ExecMainStatus"))
    # With a restart to come it would be activating, auto-restart.
    expect(sono.show("SubState") == "failed", sono.show("SubState"))
    expect("p.yaml" in sono.journal(), sono.journal())
    os.remove(f"{folder}/p.yaml")
    os.rmdir(folder)
    os.rename(aside, folder)
    sono.systemctl("reset-failed", "sono")
    sono.systemctl("start", "sono")
    return f"\"{sono.line()}\" after it was mended"


@promise("a start that waits for a command on the store, for longer than a start may take, is given the time")
def start_waits(sono):
    sono.override("[Service]\nTimeoutStartSec=5\n")
    sono.systemctl("stop", "sono")
    # The lock as `sono gc` has it with no service running, for longer than that would take here. systemd-run takes $$
    # for $.
    lock = f"{SPOOL}/.lock"
    now = time.strftime("%FT%TZ", time.gmtime())
    sono.run(
        "systemd-run", "--unit=keeper", "sh", "-c",
        f'exec 9<>{lock}; flock 9; echo "$$$$ {now} command" > {lock}; sleep 12')

    def is_taken():
        with open(sono.path(lock)) as file:
            return file.read().endswith(f"{now} command\n")

    eventually("the lock is taken", is_taken)
    began = time.monotonic()
    try:
        sono.systemctl("start", "sono")
    finally:
        sono.override("")
    seconds = time.monotonic() - began
    expect(sono.show("ActiveState") == "active", sono.show("ActiveState"))
    expect(seconds > 6, f"it did not wait: {seconds:.1f} s")
    expect("a command that is at work on the store" in sono.journal(), sono.journal())
    return f"{seconds:.1f} s, TimeoutStartSec being 5 s"


class Killer:
    """Ends every process that reads one of these files: from outside that is the same as a fault in a decoder."""

    def __init__(self, sono, files):
        self.sono = sono
        self.inodes = {os.stat(sono.path(file)).st_ino for file in files}
        self.killed, self.seen = set(), {}
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def work(self):
        while not self.ended.wait(0.002):
            # Who opens a file to see to its durability does not read it, however long the disk takes.
            readers = {process for process in self.processes() if self.reads(process) and not self.syncs(process)}
            self.seen = {process: count for process, count in self.seen.items() if process in readers}
            for process in readers:
                self.seen[process] = self.seen.get(process, 0) + 1
                # Before and after that.
                if self.seen[process] > 2:
                    try:
                        os.kill(process, signal.SIGKILL)
                        self.killed.add(process)
                    except ProcessLookupError:
                        pass

    def processes(self):
        """Those of the container."""
        found = []
        for name in os.listdir("/proc"):
            if name.isdigit() and same_container(self.sono, name):
                found.append(int(name))
        return found

    def reads(self, process):
        try:
            with os.scandir(f"/proc/{process}/fd") as entries:
                return any(self.is_one(entry.path) for entry in entries)
        except OSError:
            return False

    def syncs(self, process):
        """Whether a thread of it is in fsync or fdatasync."""
        try:
            for thread in os.listdir(f"/proc/{process}/task"):
                with open(f"/proc/{process}/task/{thread}/syscall") as file:
                    if file.read().split()[0] in ("74", "75"):
                        return True
        except (OSError, IndexError):
            pass
        return False

    def is_one(self, descriptor):
        try:
            status = os.stat(descriptor)
            # An overlay numbers its directories by itself: the spool's, which are always open, may have a file's number.
            is_file = stat.S_ISREG(status.st_mode) and status.st_ino in self.inodes
            return is_file and "/spool/sono/" in os.readlink(descriptor)
        except OSError:
            return False

    def stop(self):
        self.ended.set()
        self.thread.join()


@promise("three batches that kill whoever reads them, among twenty good ones, leave the service active, the good done")
def poison(sono):
    before = sono.restarts()
    names = []
    for _ in range(3):
        # Large, or it would be read in one go.
        name, data = sono.next_batch(max(200_000, sono.lasting(3)))
        sono.run("sh", "-c", f"cat > {SPOOL}/slow/.tmp/{name}; sync {SPOOL}/slow/.tmp/{name}", user="alice", data=data)
        names.append(name)
    killer = Killer(sono, [f"{SPOOL}/slow/.tmp/{name}" for name in names])
    try:
        for number in range(20):
            sono.drop(rows=100)
            if number in (5, 11, 17):
                name = names[number // 6]
                sono.run("mv", f"{SPOOL}/slow/.tmp/{name}", f"{SPOOL}/slow/incoming/{name}", user="alice")
        sono.expect_rows(0, "slow", files=3)
        sono.wait_until_settled(150)
    finally:
        killer.stop()
    crashed = sono.number("SELECT count(*) FROM v1_jobs WHERE state = 'failed' AND error_code = 'crashed'")
    expect(crashed == 3, f"{crashed} are put aside as crashed")
    sono.wait_until_ready()
    restarts = sono.restarts() - before
    expect(restarts >= 1, "nothing was killed")
    expect(sono.show("ActiveState") == "active", sono.show("ActiveState"))
    sono.expect_nothing_lost()
    return f"{restarts} restarts, {len(killer.killed)} processes killed, \"{sono.line()}\""


@promise("with 10,000 files waiting it is ready within 2 s of its start, and stops in seconds")
def ten_thousand(sono):
    sono.systemctl("stop", "sono")
    folder = sono.path(f"{SPOOL}/p/incoming")
    owner = int(sono.run("id", "-u", "alice"))
    for _ in range(10_000):
        name, data = sono.next_batch(2)
        with open(f"{folder}/{name}", "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)
            os.fchown(file.fileno(), owner, owner)
    began = time.monotonic()
    sono.systemctl("start", "sono")
    seconds = time.monotonic() - began
    waiting = len(sono.names("incoming"))
    time.sleep(2)
    began = time.monotonic()
    sono.systemctl("stop", "sono")
    stopping = time.monotonic() - began
    expect(seconds < 2, f"ready after {seconds:.2f} s")
    files = sum(len(sono.names(place)) for place in ("incoming", "work", "done", "failed"))
    sono.expect_rows(20_000, files=10_000)
    expect(files == sono.files["p"], f"{files} of {sono.files['p']} files are there")
    return f"ready after {seconds:.2f} s with {waiting} still in incoming/, stopped in {stopping:.2f} s"
