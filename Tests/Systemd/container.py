"""A Debian with systemd as its first process: systemd-nspawn over an overlay of a root directory, left as it is."""

import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time

from promise import Broken, eventually

# What a runaway in there may take of this machine's memory.
MEMORY = 4 << 30
CGROUPS = "/sys/fs/cgroup"
LIBRARY = ctypes.CDLL(None, use_errno=True)


def missing():
    """What this machine lacks for it, in words; nothing if all is there."""
    if os.geteuid() != 0:
        return "needs root"
    absent = [name for name in ("systemd-nspawn", "nsenter", "dpkg-deb", "dpkg-shlibdeps") if not shutil.which(name)]
    return f"{', '.join(absent)} not there: install systemd-container and dpkg-dev" if absent else ""


class Container:
    def __init__(self, lower="/"):
        self.work = tempfile.mkdtemp(prefix="sono-systemd-")
        self.name = f"sono-systemd-{os.getpid()}"
        self.root = f"{self.work}/overlay/root"
        self.leader = None
        os.mkdir(f"{self.work}/overlay")
        call("mount", "-t", "tmpfs", "-o", "size=3g,mode=755", "tmpfs", f"{self.work}/overlay")
        for folder in ("up", "work", "root"):
            os.mkdir(f"{self.work}/overlay/{folder}")
        layers = f"lowerdir={lower},upperdir={self.work}/overlay/up,workdir={self.work}/overlay/work"
        call("mount", "-t", "overlay", "overlay", "-o", layers, self.root)
        # Images for other kinds of container forbid packages to start services.
        if os.path.exists(self.path("/usr/sbin/policy-rc.d")):
            os.remove(self.path("/usr/sbin/policy-rc.d"))
        # In a machine's own journal these would stand among its own.
        shutil.rmtree(self.path("/var/log/journal"), ignore_errors=True)

    def path(self, inside):
        """Where root finds a file of the container out here, with what is mounted in there."""
        return (f"/proc/{self.leader}/root" if self.leader else self.root) + inside

    def boot(self):
        command = [
            "systemd-nspawn", "-q", "-D", self.root, "-b", "--register=no", "--private-network",
            f"--machine={self.name}", "--link-journal=no", "--console=pipe",
        ]
        # Where this machine's own systemd is not there to be asked for a scope.
        if not os.path.isdir("/run/systemd/system"):
            command.append("--keep-unit")
        # No service that this machine happens to have enabled.
        command.append("systemd.unit=basic.target")
        with open(f"{self.work}/console", "wb") as console:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=console, stderr=console, preexec_fn=self._enter_cgroup)

        def is_up():
            if self.process.poll() is not None:
                raise Broken(f"systemd-nspawn ended: {self.console()}")
            with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
                self.leader = (file.read().split() or [None])[0]
            return self.leader and self.run("systemctl", "is-system-running", check=False).strip() in (
                "running", "degraded")

        eventually("systemd is up", is_up, 60)

    def console(self):
        with open(f"{self.work}/console", errors="replace") as file:
            return file.read()[-2_000:]

    def _cgroups(self):
        """A group of its own in each hierarchy, or it would make some in the root of each."""
        if os.path.exists(f"{CGROUPS}/cgroup.procs"):
            return [f"{CGROUPS}/{self.name}"]
        names = ("systemd", "unified", "memory", "pids", "cpu")
        return [f"{CGROUPS}/{name}/{self.name}" for name in names if os.path.isdir(f"{CGROUPS}/{name}")]

    def _enter_cgroup(self):
        if os.path.isdir("/run/systemd/system"):
            return
        for group in self._cgroups():
            os.makedirs(group, exist_ok=True)
            with open(f"{group}/cgroup.procs", "w") as file:
                file.write(str(os.getpid()))
            for limit in ("memory.limit_in_bytes", "memory.max"):
                if os.path.exists(f"{group}/{limit}"):
                    with open(f"{group}/{limit}", "w") as file:
                        file.write(str(MEMORY))

    def command(self, *words, user=None):
        """What runs a command in there, as root or as a user with all its groups."""
        enter = ["nsenter", "-t", str(self.leader), "-a"]
        if user:
            enter += ["setpriv", "--reuid", user, "--regid", user, "--init-groups"]
        return enter + list(words)

    def run(self, *words, user=None, check=True, data=None, seconds=120):
        """Runs a command in there and returns what it says."""
        outcome = self.outcome(*words, user=user, data=data, seconds=seconds)
        if check and outcome.returncode != 0:
            raise Broken(f"{' '.join(words)}: status {outcome.returncode}: {outcome.stdout}{outcome.stderr}")
        return outcome.stdout

    def outcome(self, *words, user=None, data=None, seconds=120):
        outcome = subprocess.run(
            self.command(*words, user=user), input=data, capture_output=True, timeout=seconds,
            stdin=subprocess.DEVNULL if data is None else None,
            env={**os.environ, "SYSTEMD_PAGER": "", "LC_ALL": "C.UTF-8"})
        outcome.stdout = outcome.stdout.decode(errors="replace")
        outcome.stderr = outcome.stderr.decode(errors="replace")
        return outcome

    def inside(self, space, function, user=None):
        """What a function of this program returns in one of the container's name spaces ("mnt", "net"); it runs as a
        user there if one is named, with all its groups. The container needs no Python for it."""
        if user:
            number, *groups = (int(word) for words in ("-u", "-G") for word in self.run("id", words, user).split())
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                with open(f"/proc/{self.leader}/ns/{space}") as file:
                    if LIBRARY.setns(file.fileno(), 0) != 0:
                        raise OSError(ctypes.get_errno(), "setns")
                if user:
                    os.setgroups(groups)
                    os.setresgid(groups[0], groups[0], groups[0])
                    os.setresuid(number, number, number)
                answer = [True, function()]
            except BaseException as error:
                answer = [False, repr(error)]
            os.write(writing, json.dumps(answer).encode())
            os._exit(0)
        os.close(writing)
        with open(reading) as file:
            said = file.read()
        os.waitpid(child, 0)
        fine, value = json.loads(said)
        if not fine:
            raise Broken(value)
        return value

    def close(self):
        if self.leader and self.process.poll() is None:
            self.run("systemctl", "poweroff", "--no-block", check=False)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGKILL)
                os.kill(int(self.leader), signal.SIGKILL)
                self.process.wait()
        for mount in (self.root, f"{self.work}/overlay"):
            subprocess.run(["umount", "-R", "-l", mount], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.work, ignore_errors=True)
        for group in self._cgroups():
            for folder, _, _ in os.walk(group, topdown=False):
                remove_group(folder)


def remove_group(folder):
    # The last processes may take a moment to go.
    for _ in range(50):
        try:
            return os.rmdir(folder)
        except OSError:
            time.sleep(0.1)


def call(*command):
    outcome = subprocess.run(command, capture_output=True, text=True)
    if outcome.returncode != 0:
        raise Broken(f"{' '.join(command)}: {outcome.stderr}")
    return outcome.stdout
