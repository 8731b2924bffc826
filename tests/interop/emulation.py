"""Lets the kernel run programs of another architecture while somebody here needs it.

The registration is the machine's, not a process's: everyone who needs it holds a shared lock, and the last one takes
away what the first one set up. What was there before stays. Needs root.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

BINFMT = Path("/proc/sys/fs/binfmt_misc")
# Not below TMPDIR: there is one kernel. The first is held as long as the emulation is used and says what was set up;
# the second only while something is set up or taken away.
USERS = Path("/run/shipset-emulation.users")
CHANGING = Path("/run/shipset-emulation.lock")
# ELF, 64 bit, little endian, executable or shared object, of that machine; the mask leaves ABI and version open.
MAGIC = {"aarch64": rb"\x7fELF\x02\x01\x01" + rb"\x00" * 9 + rb"\x02\x00\xb7\x00"}
MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00" + rb"\xff" * 8 + rb"\xfe\xff\xff\xff"


def emulated(machine: str) -> bool:
    """Whether some registration stands for the machine's programs."""
    return (BINFMT / f"qemu-{machine}").exists()


@contextlib.contextmanager
def emulation(machine: str) -> Iterator[None]:
    """Registers qemu's static emulator. Raises OSError.

    Flag F opens the emulator now, so that it works inside containers; P leaves argv[0] as it was given, by which
    busybox knows which of its programs is meant.
    """
    if os.uname().machine == machine:
        yield
        return
    with USERS.open("a+", encoding="utf-8") as users, CHANGING.open("a") as changing:
        fcntl.flock(changing, fcntl.LOCK_EX)
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            _set_up(machine, users)
            fcntl.flock(changing, fcntl.LOCK_UN)
            yield
        finally:
            fcntl.flock(changing, fcntl.LOCK_EX)
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _take_away(machine, users)


def _set_up(machine: str, lock: TextIO) -> None:
    done = _done(lock)
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "-t", "binfmt_misc", "binfmt_misc", str(BINFMT)], check=True)
        done.append("mounted")
    if not emulated(machine):
        emulator = shutil.which(f"qemu-{machine}-static")
        if emulator is None:
            raise OSError(f"qemu-{machine}-static is not installed: bash tests/run.sh --only peers installs it")
        line = b":".join([b"", f"qemu-{machine}".encode(), b"M", b"", MAGIC[machine], MASK, emulator.encode(), b"FP"])
        (BINFMT / "register").write_bytes(line)
        done.append("registered")
    _write(lock, done)


def _take_away(machine: str, lock: TextIO) -> None:
    done = _done(lock)
    if "registered" in done and emulated(machine):
        (BINFMT / f"qemu-{machine}").write_bytes(b"-1")
    if "mounted" in done:
        subprocess.run(["umount", str(BINFMT)], check=False)
    _write(lock, [])


def _done(lock: TextIO) -> list[str]:
    lock.seek(0)
    text = lock.read()
    return list(json.loads(text)) if text else []


def _write(lock: TextIO, done: list[str]) -> None:
    lock.seek(0)
    lock.truncate()
    lock.write(json.dumps(sorted(set(done))))
    lock.flush()
