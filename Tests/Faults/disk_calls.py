"""Runs a program and stands between it and its disk: every system call that changes something below a directory is
counted, written down with its bytes, and may be the program's last.

A tracer by ptrace(2) and a seccomp filter rather than strace(1), whose `when=N` counts each thread by itself and so
cannot name the N-th call of a program of several threads. Calls that change the disk are let through one at a time: the
order in which they are told is the order in which they happened. x86-64 Linux.
"""

import ctypes
import os
import re
import signal
import struct
from dataclasses import dataclass

AT_FDCWD = -100
O_CREAT, O_TRUNC = 0o100, 0o1000
PROT_WRITE, MAP_SHARED = 2, 1

# Number, name, where its paths are: d0p1 is a path in argument 1 relative to the directory in argument 0, p0 a path,
# f0 a descriptor.
CALLS = {
    1: ("write", "f0"), 18: ("pwrite64", "f0"), 20: ("writev", "f0"), 296: ("pwritev", "f0"), 328: ("pwritev2", "f0"),
    40: ("sendfile", "f0"), 326: ("copy_file_range", "f2"),
    76: ("truncate", "p0"), 77: ("ftruncate", "f0"), 285: ("fallocate", "f0"),
    74: ("fsync", "f0"), 75: ("fdatasync", "f0"), 277: ("sync_file_range", "f0"), 306: ("syncfs", "f0"),
    2: ("open", "p0"), 85: ("creat", "p0"), 257: ("openat", "d0p1"), 437: ("openat2", "d0p1"),
    82: ("rename", "p0 p1"), 264: ("renameat", "d0p1 d2p3"), 316: ("renameat2", "d0p1 d2p3"),
    86: ("link", "p0 p1"), 265: ("linkat", "d0p1 d2p3"), 88: ("symlink", "p1"), 266: ("symlinkat", "d1p2"),
    87: ("unlink", "p0"), 263: ("unlinkat", "d0p1"), 84: ("rmdir", "p0"),
    83: ("mkdir", "p0"), 258: ("mkdirat", "d0p1"), 133: ("mknod", "p0"), 259: ("mknodat", "d0p1"),
    90: ("chmod", "p0"), 91: ("fchmod", "f0"), 268: ("fchmodat", "d0p1"), 452: ("fchmodat2", "d0p1"),
    92: ("chown", "p0"), 93: ("fchown", "f0"), 94: ("lchown", "p0"), 260: ("fchownat", "d0p1"),
    188: ("setxattr", "p0"), 189: ("lsetxattr", "p0"), 190: ("fsetxattr", "f0"), 280: ("utimensat", "d0p1"),
    49: ("bind", "socket"), 9: ("mmap", "f4"),
}

PTRACE_TRACEME, PTRACE_CONT, PTRACE_GETREGS, PTRACE_SETREGS, PTRACE_SYSCALL = 0, 7, 12, 13, 24
# What a full or broken disk has no say in.
NEVER_FAIL = ("bind", "mmap")
PTRACE_SETOPTIONS = 0x4200
OPTION_SYSGOOD, OPTION_FORK, OPTION_VFORK, OPTION_CLONE, OPTION_EXEC, OPTION_SECCOMP = 1, 2, 4, 8, 16, 128
OPTION_EXITKILL = 1 << 20
EVENT_SECCOMP = 7
WALL = 0x40000000

REGISTERS = (
    "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss"
    " fs_base gs_base ds es fs gs"
)


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS.split()]


class FilterStep(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class FilterProgram(ctypes.Structure):
    _fields_ = [("len", ctypes.c_ushort), ("filter", ctypes.POINTER(FilterStep))]


libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, pid, address=None, data=None):
    if libc.ptrace(request, pid, address, data) < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@dataclass
class Call:
    """A call that changed the disk. Paths are told without the directory that is watched."""

    number: int
    name: str
    paths: list
    result: int
    # Offset, bytes or length, flags: whatever the call has of them.
    offset: int = 0
    data: bytes = b""
    length: int = 0
    flags: int = 0

    @property
    def label(self):
        """The call and what kind of thing it was made to: the same in every run, whatever tokens and job ids are."""
        return f"{self.name} {' -> '.join(kind(path) for path in self.paths)}"


def kind(path):
    path = re.sub(r"\.sono-(probe|reason|submit)-[0-9a-f]+\.tmp", r".sono-\1-TOKEN.tmp", path)
    path = re.sub(r"\.sono-[0-9a-f]+\.tmp", ".sono-TOKEN.tmp", path)
    path = re.sub(r"/work/[0-9a-f]{16}", "/work/TOKEN", path)
    path = re.sub(r"\b[0-9a-f]{64}\b", "SHA256", path)
    path = re.sub(r"/(done|failed)/\d+(-[0-9a-f]{16})?--", r"/\1/JOB--", path)
    return re.sub(r"(features/[^/]+)/\d+\.", r"\1/JOB.", path)


def install_filter():
    """Has the kernel stop the process at the calls of the table and at no other."""
    load, equal, give = 0x20, 0x15, 0x06
    trace, allow, architecture = 0x7FF00000, 0x7FFF0000, 0xC000003E
    steps = [(load, 0, 0, 4), (equal, 1, 0, architecture), (give, 0, 0, allow), (load, 0, 0, 0)]
    numbers = sorted(CALLS)
    for index, number in enumerate(numbers):
        steps.append((equal, len(numbers) - index, 0, number))
    steps += [(give, 0, 0, allow), (give, 0, 0, trace)]
    array = (FilterStep * len(steps))(*[FilterStep(*step) for step in steps])
    program = FilterProgram(len(steps), array)
    if libc.prctl(38, 1, 0, 0, 0) != 0 or libc.prctl(22, 2, ctypes.byref(program), 0, 0) != 0:
        os._exit(126)


class TracedProgram:
    """A program under watch. `step()` runs it to its next change of the disk.

    kill_before, kill_after: the number (from 1) of the call that is not made any more, or that is the last one made.
    fail: (number, errno, times): from this call on, so many calls are not made and answered with an error.
    """

    def __init__(self, command, root, log, kill_before=None, kill_after=None, fail=None, keep_bytes=False):
        self.root = os.path.realpath(root)
        self.kill_before, self.kill_after, self.keep_bytes = kill_before, kill_after, keep_bytes
        self.fail_from, self.errno, self.failures_left = fail or (None, 0, 0)
        self.failed = []
        self.calls = []
        self.status = None
        self.killed_at = None
        self.under_way = None  # thread and call that are in the kernel
        self.waiting = []  # threads at the entry of a call
        self.threads = set()
        self.others = {}  # children that are not this program's, by how they ended
        self.pid = os.fork()
        if self.pid == 0:
            self._exec(command, log)
        os.waitpid(self.pid, WALL)
        options = (
            OPTION_SYSGOOD | OPTION_FORK | OPTION_VFORK | OPTION_CLONE | OPTION_EXEC | OPTION_SECCOMP | OPTION_EXITKILL
        )
        ptrace(PTRACE_SETOPTIONS, self.pid, None, options)
        self.threads.add(self.pid)
        ptrace(PTRACE_CONT, self.pid)

    def _exec(self, command, log):
        try:
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            libc.ptrace(PTRACE_TRACEME, 0, None, None)
            os.kill(os.getpid(), signal.SIGSTOP)
            install_filter()
            os.execve(command[0], command, dict(os.environ, SWIFT_BACKTRACE="enable=no"))
        finally:
            os._exit(127)

    @property
    def is_running(self):
        return self.status is None

    def step(self):
        """Handles all that has happened, without waiting. Returns whether anything had."""
        anything = False
        while self.is_running:
            try:
                pid, status = os.waitpid(-1, WALL | os.WNOHANG)
            except ChildProcessError:
                self.status = self.status if self.status is not None else -1
                break
            if pid == 0:
                break
            anything = True
            if pid not in self.threads and not os.WIFSTOPPED(status):
                self.others[pid] = status
            self._handle(pid, status)
        return anything

    def note(self, name, path, data):
        """Writes down what somebody else did in between. Only while no call is under way."""
        self.calls.append(Call(len(self.calls) + 1, name, [path], 0, data=data, length=len(data)))

    def kill(self):
        """Ends the program, if it has not ended, and collects it."""
        while self.is_running:
            try:
                os.kill(self.pid, signal.SIGKILL)
                pid, status = os.waitpid(-1, WALL)
            except (ChildProcessError, ProcessLookupError):
                break
            if not os.WIFSTOPPED(status) and pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)
        if self.status is None:
            self.status = -1

    def _handle(self, pid, status):
        if not os.WIFSTOPPED(status):
            self.threads.discard(pid)
            if self.under_way and self.under_way[0] == pid:
                self.under_way = None
            if pid == self.pid:
                self.status = os.waitstatus_to_exitcode(status)
            return
        number = os.WSTOPSIG(status)
        event = status >> 16
        try:
            if number == signal.SIGTRAP and event == EVENT_SECCOMP:
                self.waiting.append(pid)
                self._admit()
            elif number == signal.SIGTRAP | 0x80:
                self._leave(pid)
            elif number == signal.SIGTRAP and event:
                ptrace(PTRACE_CONT, pid)
            elif number == signal.SIGSTOP and pid not in self.threads:
                self.threads.add(pid)
                ptrace(PTRACE_CONT, pid)
            else:
                ptrace(PTRACE_CONT, pid, None, number)
        except ProcessLookupError:
            pass  # killed meanwhile: the next wait says so

    def _admit(self):
        while self.waiting and self.under_way is None and self.killed_at is None:
            pid = self.waiting.pop(0)
            try:
                registers = Registers()
                ptrace(PTRACE_GETREGS, pid, None, ctypes.addressof(registers))
                call = self._read(pid, registers)
            except (ProcessLookupError, FileNotFoundError):
                continue
            if call is None:
                ptrace(PTRACE_CONT, pid)
                continue
            if call.number == self.kill_before:
                self.killed_at = call
                os.kill(self.pid, signal.SIGKILL)
                return
            if self.fail_from and call.number >= self.fail_from and self.failures_left and call.name not in NEVER_FAIL:
                self.failures_left -= 1
                self.failed.append(call)
                # No such call: the kernel makes none and leaves the answer as it is.
                registers.rax = ctypes.c_ulonglong(-self.errno).value
                registers.orig_rax = ctypes.c_ulonglong(-1).value
                ptrace(PTRACE_SETREGS, pid, None, ctypes.addressof(registers))
                ptrace(PTRACE_CONT, pid)
                continue
            self.under_way = (pid, call)
            ptrace(PTRACE_SYSCALL, pid)

    def _leave(self, pid):
        if not self.under_way or self.under_way[0] != pid:
            ptrace(PTRACE_CONT, pid)
            return
        call = self.under_way[1]
        registers = Registers()
        ptrace(PTRACE_GETREGS, pid, None, ctypes.addressof(registers))
        call.result = ctypes.c_longlong(registers.rax).value
        self.under_way = None
        if call.result >= 0:
            if call.data and call.result < len(call.data):
                call.data = call.data[: call.result]
            self.calls.append(call)
        if call.number == self.kill_after:
            self.killed_at = call
            os.kill(self.pid, signal.SIGKILL)
            return
        ptrace(PTRACE_CONT, pid)
        self._admit()

    # MARK: What a call is about

    def _read(self, pid, registers):
        """The call at whose entry a thread stands; None if it changes nothing below the root."""
        name, places = CALLS[registers.orig_rax]
        arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9]
        flags = 0
        if name in ("open", "openat", "openat2", "creat"):
            if name == "openat2":
                flags = struct.unpack("Q", self._bytes(pid, arguments[2], 8))[0]
            else:
                flags = {"open": arguments[1], "openat": arguments[2], "creat": O_CREAT | O_TRUNC}[name]
            if not flags & (O_CREAT | O_TRUNC):
                return None
        if name == "mmap" and not (arguments[2] & PROT_WRITE and arguments[3] & MAP_SHARED):
            return None
        paths = self._paths(pid, places, arguments)
        inside = [path for path in paths if path == self.root or path.startswith(self.root + "/")]
        if not inside:
            return None
        if self._is_vain(name, paths, flags):
            return None
        call = Call(len(self.calls) + 1, name, [os.path.relpath(path, self.root) for path in paths], 0, flags=flags)
        self._add_bytes(call, pid, arguments)
        return call

    def _is_vain(self, name, paths, flags):
        """Whether a call will change nothing: it opens or makes what is there, or moves or removes what is not."""
        if name in ("open", "openat", "openat2", "creat"):
            return os.path.lexists(paths[0]) and not flags & O_TRUNC
        if name in ("mkdir", "mkdirat"):
            return os.path.lexists(paths[0])
        if name in ("unlink", "unlinkat", "rmdir", "rename", "renameat", "renameat2"):
            return not os.path.lexists(paths[0])
        return False

    def _paths(self, pid, places, arguments):
        paths = []
        for place in places.split():
            if place == "socket":
                address = self._bytes(pid, arguments[1], min(arguments[2], 110))
                if len(address) > 2 and struct.unpack("H", address[:2])[0] == 1 and address[2]:
                    paths.append(os.fsdecode(address[2:].split(b"\0")[0]))
            elif place[0] == "f":
                paths.append(self._descriptor(pid, arguments[int(place[1])]))
            else:
                text = os.fsdecode(self._string(pid, arguments[int(place[-1])]))
                directory = arguments[int(place[1])] if place[0] == "d" else AT_FDCWD
                if not text.startswith("/"):
                    text = os.path.join(self._descriptor(pid, directory), text)
                paths.append(os.path.normpath(text))
        return paths

    def _descriptor(self, pid, value):
        number = ctypes.c_int(value & 0xFFFFFFFF).value
        try:
            return os.readlink(f"/proc/{pid}/cwd" if number == AT_FDCWD else f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            return ""

    def _add_bytes(self, call, pid, arguments):
        if call.name in ("write", "pwrite64"):
            call.length = arguments[2]
            call.offset = arguments[3] if call.name == "pwrite64" else self._position(pid, arguments[0])
            if self.keep_bytes:
                call.data = self._bytes(pid, arguments[1], arguments[2])
        elif call.name in ("truncate", "ftruncate"):
            call.length = arguments[1]
        elif call.name == "fallocate":
            call.flags, call.offset, call.length = arguments[1], arguments[2], arguments[3]
        elif call.name in ("unlinkat", "renameat2"):
            call.flags = arguments[2] if call.name == "unlinkat" else arguments[4]

    def _position(self, pid, descriptor):
        number = descriptor & 0xFFFFFFFF
        with open(f"/proc/{pid}/fdinfo/{number}") as file:
            return int(file.readline().split()[1])

    def _bytes(self, pid, address, count):
        memory = os.open(f"/proc/{pid}/mem", os.O_RDONLY)
        try:
            return os.pread(memory, count, address)
        finally:
            os.close(memory)

    def _string(self, pid, address):
        # Not past the page's end: the next one may not be there.
        text = b""
        while b"\0" not in text:
            step = 4096 - address % 4096
            text += self._bytes(pid, address, step)
            address += step
        return text[: text.index(b"\0")]
