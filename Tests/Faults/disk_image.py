"""What a disk may hold after a power loss, from the calls that were made before it.

The rules, which are those of POSIX and no kinder:
- fsync and fdatasync of a file make its bytes and its length durable, and no name of it;
- fsync of a directory makes every name made, moved or removed in it durable; syncfs makes everything so;
- of all else, any part may have reached the disk and any other not, in any order: names without their bytes, bytes
  without their names, the later without the earlier, of one write some sectors. What was never written reads as zeros;
- a rename happens as a whole or not at all. That much every Linux file system with a journal or copy-on-write gives,
  and the service asks for one.
"""

import hashlib
import os
import stat
from dataclasses import dataclass, field

PAGE, SECTOR = 4096, 512
NEVER = 1 << 60


@dataclass
class Change:
    """One change of one inode's bytes or of some names, made by call `at`; durable from call `durable` on."""

    at: int
    durable: int = NEVER


@dataclass
class Bytes(Change):
    offset: int = 0
    data: bytes = b""
    length: int | None = None  # a new length instead of bytes


@dataclass
class Names(Change):
    # (directory, name, inode or None)
    entries: list = field(default_factory=list)


@dataclass(eq=False)
class Inode:
    kind: str  # "file", "directory", "other"
    base: bytes = b""
    changes: list = field(default_factory=list)
    # A directory's names: those at the beginning, and those now.
    first: dict = field(default_factory=dict)
    now: dict = field(default_factory=dict)


class Disk:
    """A tree that was durable, and all that was done to it since."""

    def __init__(self, root, unsynced=()):
        """unsynced: paths of files whose producer did not fsync them."""
        self.unsynced = set(unsynced)
        self.at_risk = {}
        self.root = self._read(root, "")
        self.names = []
        self.files = []
        self._collect(self.root)

    def _read(self, path, relative):
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            inode = Inode("directory")
            for name in os.listdir(path):
                inode.first[name] = self._read(os.path.join(path, name), os.path.join(relative, name))
            inode.now = dict(inode.first)
            return inode
        if not stat.S_ISREG(status.st_mode):
            return Inode("other")
        with open(path, "rb") as file:
            data = file.read()
        inode = Inode("file")
        if relative in self.unsynced:
            inode.changes.append(Bytes(0, data=data))
            self.at_risk[relative] = inode
        else:
            inode.base = data
        return inode

    def _collect(self, inode):
        if inode.kind == "file":
            self.files.append(inode)
        for child in inode.first.values():
            self._collect(child)

    # MARK: What was done

    def replay(self, calls, without=()):
        for index, call in enumerate(calls, 1):
            if call.label not in without:
                self._apply(index, call)

    def _apply(self, at, call):
        name = call.name
        if name in ("open", "openat", "openat2", "creat"):
            inode = self._find(call.paths[0])
            if inode is None:
                self._link(at, call.paths[0], self._new("file"))
            else:
                inode.changes.append(Bytes(at, length=0))
        elif name in ("mkdir", "mkdirat"):
            self._link(at, call.paths[0], self._new("directory"))
        elif name in ("bind", "mknod", "mknodat", "symlink", "symlinkat"):
            self._link(at, call.paths[-1], self._new("other"))
        elif name in ("write", "pwrite64"):
            if (inode := self._open(call.paths[0])) is not None:
                inode.changes.append(Bytes(at, offset=call.offset, data=call.data))
        elif name in ("truncate", "ftruncate"):
            if (inode := self._open(call.paths[0])) is not None:
                inode.changes.append(Bytes(at, length=call.length))
        elif name in ("fsync", "fdatasync"):
            if (inode := self._open(call.paths[0])) is not None:
                self._sync(at, inode)
        elif name == "syncfs":
            for change in self.names + [change for file in self.files for change in file.changes]:
                change.durable = min(change.durable, at)
        elif name in ("unlink", "unlinkat", "rmdir"):
            directory, last = self._place(call.paths[0])
            del directory.now[last]
            self.names.append(Names(at, entries=[(directory, last, None)]))
        elif name in ("rename", "renameat", "renameat2"):
            self._rename(at, *call.paths)
        elif name in ("link", "linkat"):
            self._link(at, call.paths[1], self._find(call.paths[0]))
        elif name == "drop":
            # A careful producer: the file whole and durable, its name too.
            inode = self._new("file")
            inode.base = call.data
            self._link(at, call.paths[0], inode)
            self.names[-1].durable = at
        elif name == "mmap":
            if not call.paths[0].endswith("-shm"):
                raise ValueError(f"{call.paths[0]} is written through a mapping, which is not followed")
        elif name in ("chmod", "fchmod", "fchmodat", "chown", "fchown", "setxattr", "fsetxattr", "utimensat"):
            pass  # who may do what is not what this is about
        else:
            raise ValueError(f"{name} is not followed")

    def _new(self, kind):
        inode = Inode(kind)
        if kind == "file":
            self.files.append(inode)
        return inode

    def _link(self, at, path, inode):
        directory, last = self._place(path)
        directory.now[last] = inode
        self.names.append(Names(at, entries=[(directory, last, inode)]))

    def _rename(self, at, old, new):
        source, name = self._place(old)
        target, new_name = self._place(new)
        inode = source.now.pop(name)
        target.now[new_name] = inode
        self.names.append(Names(at, entries=[(source, name, None), (target, new_name, inode)]))

    def _sync(self, at, inode):
        changes = inode.changes
        if inode.kind == "directory":
            changes = [change for change in self.names if any(entry[0] is inode for entry in change.entries)]
        for change in changes:
            change.durable = min(change.durable, at)

    def _place(self, path):
        head, last = os.path.split(path)
        return self._find(head), last

    def _find(self, path):
        inode = self.root
        for part in path.split("/"):
            if part in ("", "."):
                continue
            inode = inode.now.get(part)
            if inode is None:
                return None
        return inode

    def _open(self, path):
        """The inode of an open file; None once its name is gone, for nothing of it will be found again."""
        inode = self._find(path)
        if inode is None and not path.endswith(" (deleted)"):
            raise ValueError(f"{path} is written to and was never made")
        return inode

    # MARK: What may be left

    def state(self, at, keeps):
        """The tree after a power loss that came when call `at` had been made.

        keeps: `names(change)` says whether a change of names that need not be durable is so; `bytes(change)` gives the
        pieces of a write, or the length, that are.
        Returns a dictionary of path to bytes, or None for a directory; and the paths of `unsynced` that are not whole.
        """
        tables = {}

        def table(directory):
            return tables.setdefault(id(directory), dict(directory.first))

        for change in self.names:
            if change.at <= at and (change.durable <= at or keeps.names(change)):
                for directory, name, inode in change.entries:
                    if inode is None:
                        table(directory).pop(name, None)
                    else:
                        table(directory)[name] = inode
        tree, torn = {}, set()
        whole = {id(inode): (path, inode.changes[0].data) for path, inode in self.at_risk.items()}

        def walk(directory, path):
            for name, inode in sorted(table(directory).items()):
                place = os.path.join(path, name)
                if inode.kind == "directory":
                    tree[place] = None
                    walk(inode, place)
                elif inode.kind == "file":
                    tree[place] = self._bytes(inode, at, keeps)
                    if id(inode) in whole and tree[place] != whole[id(inode)][1]:
                        torn.add(whole[id(inode)][0])

        walk(self.root, "")
        return tree, torn

    def _bytes(self, inode, at, keeps):
        data = bytearray(inode.base)
        for change in inode.changes:
            if change.at > at:
                break
            durable = change.durable <= at
            if change.length is not None:
                if durable or keeps.bytes(change):
                    del data[change.length :]
                    data.extend(bytes(change.length - len(data)))
                continue
            for start, end in [(0, len(change.data))] if durable else keeps.pieces(change):
                offset = change.offset + start
                if len(data) < offset:
                    data.extend(bytes(offset - len(data)))
                data[offset : offset + end - start] = change.data[start:end]
        return bytes(data)


class Keeps:
    """Which of the changes that need not be durable are so all the same.

    way: `nothing`, `everything`, `names` (and no bytes), `bytes` (and no names), `journal` (the names in their order up
    to some call, the bytes at random, which is how most file systems behave), or `anything` (each at random).
    """

    WAYS = ("nothing", "everything", "names", "bytes", "journal", "anything")

    def __init__(self, way, at, source):
        self.way, self.source = way, source
        self.journal_end = source.randint(0, at) if way == "journal" else 0
        self.share = source.choice([0.1, 0.5, 0.9])

    def names(self, change):
        if self.way == "journal":
            return change.at <= self.journal_end
        if self.way == "anything":
            return self.source.random() < self.share
        return self.way in ("everything", "names")

    def bytes(self, change):
        if self.way in ("journal", "anything"):
            return self.source.random() < self.share
        return self.way in ("everything", "bytes")

    def pieces(self, change):
        """Start and end of the parts of a write that are kept: pages of the file, now and then sectors."""
        if self.way not in ("journal", "anything"):
            return [(0, len(change.data))] if self.bytes(change) else []
        unit = SECTOR if self.source.random() < 0.2 else PAGE
        kept = []
        start = 0
        while start < len(change.data):
            end = min(start + unit - (change.offset + start) % unit, len(change.data))
            if self.source.random() < self.share:
                kept.append((start, end))
            start = end
        return kept


def digest(tree):
    hash = hashlib.sha256()
    for path, data in sorted(tree.items()):
        hash.update(path.encode(errors="surrogateescape") + b"\0")
        hash.update(b"directory" if data is None else hashlib.sha256(data).digest())
    return hash.hexdigest()


def materialise(tree, root):
    os.makedirs(root, exist_ok=True)
    for path, data in sorted(tree.items()):
        place = os.path.join(root, path)
        if data is None:
            os.makedirs(place, exist_ok=True)
        else:
            with open(place, "wb") as file:
                file.write(data)
