"""Folders and files that belong to this user alone, also in a place that other users may write to.

The spool's names can be foreseen, so somebody else may have made them first: as a folder of their own, or as a link to
a file that is not theirs to change. Nothing here follows a link or opens what another user owns. What is made here is
0600, a folder 0700, whatever the umask is.
"""

import errno
import os
import stat
from pathlib import Path

from emitter.errors import SpoolError

FOLDER = 0o700
FILE = 0o600
_OTHERS = 0o077
# Windows has neither; the spool is not used there.
_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)


def make_folder(path: Path) -> None:
    """Makes a folder and those above it, where they are missing, each for this user alone.

    Raises:
        OSError: if that is not possible.
    """
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        try:
            folder.mkdir(FOLDER)
        except FileExistsError:
            continue
        if stat.S_IMODE(folder.lstat().st_mode) != FOLDER:  # the umask takes even the owner's rights away
            folder.chmod(FOLDER)


def require_private(path: Path) -> None:
    """Checks that nobody but this user can put anything into a folder, or take anything out of it.

    Raises:
        SpoolError: if it is a link, another user's, or open to others; the message says what to do.
        OSError: if it can't be looked at.
    """
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise SpoolError(f"{path} is a symbolic link, which the spool does not follow: {_elsewhere('remove it')}")
    if not stat.S_ISDIR(found.st_mode):
        raise SpoolError(f"{path} is not a folder: {_elsewhere('remove it')}")
    if found.st_uid != os.geteuid():
        owner = f"user {found.st_uid}, and this process is user {os.geteuid()}"
        raise SpoolError(f"{path} belongs to {owner}: {_elsewhere('give it to this user')}")
    if found.st_mode & _OTHERS:
        advice = f"`chmod 700 {path}` after a look at what is in it"
        raise SpoolError(f"{path} is open to other users ({stat.S_IMODE(found.st_mode):03o}): {_elsewhere(advice)}")


def close_folder(path: Path) -> None:
    """Takes the rights of others off a folder that is in a private one; earlier versions left them there.

    Raises:
        SpoolError: if it is a link or another user's.
        OSError: if it can't be changed.
    """
    found = path.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if ours and found.st_mode & _OTHERS:
        path.chmod(FOLDER)
    require_private(path)


def open_own(path: Path, flags: int) -> int:
    """Opens a file, never through a link, and only if it is a plain file of this user.

    Args:
        path: The file.
        flags: Those of `os.open`; with O_CREAT a new file is 0600.

    Raises:
        FileNotFoundError: if it is not there.
        OSError: if it is something else or somebody else's, or can't be opened.
    """
    # Without O_NONBLOCK, to open a named pipe would wait for its other end.
    file = os.open(path, flags | _NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, FILE)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(file)
        raise PermissionError(errno.EPERM, "not a plain file of this user", str(path))
    if flags & os.O_CREAT and stat.S_IMODE(found.st_mode) != FILE:
        os.fchmod(file, FILE)
    return file


def read_own(path: Path) -> bytes:
    """Returns what such a file holds.

    Raises:
        OSError: as `open_own`.
    """
    with open(open_own(path, os.O_RDONLY), "rb") as file:  # a path can't be given for a descriptor
        return file.read()


def is_still(path: Path, file: int) -> bool:
    """True if a name still stands for an open file, rather than for none or for another one."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _elsewhere(advice: str) -> str:
    return f"{advice}, or set `spool_dir` or HEADWATER_SPOOL_DIR to a folder of this user's own"
