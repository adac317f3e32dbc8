"""Folders and files that belong to this user alone, also below a folder that other users may write to.

The spool's names are predictable, so another user may have created them first: as a folder of their own, or as a link
to a file that they may not change. Nothing here follows a link or opens another user's file. New files are 0600 and
new folders 0700, independent of the umask.
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
    """Creates a folder and its missing parents, each accessible to this user only.

    Raises:
        OSError: A folder can't be created.
    """
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for folder in reversed(missing):
        try:
            folder.mkdir(FOLDER)
        except FileExistsError:
            continue
        if stat.S_IMODE(folder.lstat().st_mode) != FOLDER:  # the umask removes even the owner's permissions
            folder.chmod(FOLDER)


def require_private(path: Path) -> None:
    """Checks that only this user can create and delete files in a folder.

    Raises:
        SpoolError: The path is a link, another user's, or open to others; the message has the next action.
        OSError: The path can't be examined.
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
        advice = f"check its content, then `chmod 700 {path}`"
        raise SpoolError(f"{path} is open to other users ({stat.S_IMODE(found.st_mode):03o}): {_elsewhere(advice)}")


def close_folder(path: Path) -> None:
    """Removes the permissions of other users from a folder below a private one; earlier versions left them.

    Raises:
        SpoolError: The path is a link or another user's.
        OSError: The permissions can't be changed.
    """
    found = path.lstat()
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
    if ours and found.st_mode & _OTHERS:
        path.chmod(FOLDER)
    require_private(path)


def open_own(path: Path, flags: int) -> int:
    """Opens a file without following links, and only if it is a regular file of this user.

    Args:
        path: The file.
        flags: The flags of `os.open`; with O_CREAT a new file is 0600.

    Raises:
        FileNotFoundError: The file does not exist.
        OSError: The file is not a regular file of this user, or can't be opened.
    """
    # Without O_NONBLOCK, opening a named pipe would block until its other end is opened.
    file = os.open(path, flags | _NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, FILE)
    found = os.fstat(file)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(file)
        raise PermissionError(errno.EPERM, "not a plain file of this user", str(path))
    if flags & os.O_CREAT and stat.S_IMODE(found.st_mode) != FILE:
        os.fchmod(file, FILE)
    return file


def read_own(path: Path) -> bytes:
    """Returns the content of a regular file of this user.

    Raises:
        OSError: The same as those of `open_own`.
    """
    with open(open_own(path, os.O_RDONLY), "rb") as file:  # a path can't be given for a descriptor
        return file.read()


def is_still(path: Path, file: int) -> bool:
    """True if a name still refers to an open file, and not to none or to another one."""
    try:
        return os.path.samestat(path.lstat(), os.fstat(file))
    except FileNotFoundError:
        return False


def _elsewhere(advice: str) -> str:
    return f"{advice}, or set `spool_dir` or HEADWATER_SPOOL_DIR to a folder of this user's own"
