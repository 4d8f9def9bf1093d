# SPDX-License-Identifier: Apache-2.0
"""Where is a compiled bundle kept between processes? One file for each program, compiler and target.

The folder is what ATTUNE_CACHE_DIR names ("off": none is kept), else attune in XDG_CACHE_HOME or ~/.cache. A file
appears by a rename, so that no reader ever sees half of one; it begins with a digest of the rest, and a file that does
not fit its digest counts as absent. Because bundles are code, files that another user owns or could have written are
not read. When all files together exceed ATTUNE_CACHE_MEGABYTES (256), those that were used longest ago are removed.
"""
import hashlib
import os
import stat
import tempfile
import time
from pathlib import Path
from typing import Iterator, List, Optional, Tuple

_MAGIC = b"attune cache 1\n"
_SUFFIX, _PARTIAL = ".attn", ".partial"
_LIMIT_MEGABYTES = 256
_PARTIAL_SECONDS = 3600.0


def folder() -> Optional[Path]:
    """The folder of the cache, which may not exist yet; None when nothing is kept."""
    named = os.environ.get("ATTUNE_CACHE_DIR")
    if named is not None:
        return None if named in ("", "off") else Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    if base and os.path.isabs(base):
        return Path(base) / "attune"
    try:
        return Path.home() / ".cache" / "attune"
    except RuntimeError:
        return None


def key(*parts: str) -> str:
    """The name of what these texts decide."""
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.hexdigest()


def load(name: str) -> Optional[bytes]:
    """What was stored under this name; None if nothing was, or it is damaged, or not ours."""
    path = _path(name)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            if not _is_ours(os.fstat(file.fileno())):
                return None
            content = file.read()
    except OSError:
        return None
    head = len(_MAGIC)
    body = content[head + 32:]
    if content[:head] != _MAGIC or hashlib.sha256(body).digest() != content[head:head + 32]:
        return None
    try:
        os.utime(path)  # used now: removed last
    except OSError:
        pass
    return body


def store(name: str, body: bytes) -> None:
    """Keeps `body` under this name. A folder that cannot be written is no error: nothing is kept then."""
    path = _path(name)
    if path is None:
        return
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(suffix=_PARTIAL, dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(body).digest() + body)
            os.replace(partial, path)
        except BaseException:
            os.unlink(partial)
            raise
        _trim(path.parent)
    except OSError:
        pass


def clear() -> int:
    """Removes every bundle that is kept; returns how many there were."""
    base, removed = folder(), 0
    for _, _, path in _files(base) if base else ():
        try:
            os.unlink(path)
            removed += 1
        except OSError:
            pass
    return removed


def _path(name: str) -> Optional[Path]:
    base = folder()
    return base / (name + _SUFFIX) if base else None


def _is_ours(status: os.stat_result) -> bool:
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _files(base: Path) -> Iterator[Tuple[float, int, str]]:
    """Time of last use, size and path of each bundle; removes what an interrupted process has left."""
    try:
        with os.scandir(base) as entries:
            for entry in entries:
                try:
                    status = entry.stat(follow_symlinks=False)
                    if entry.name.endswith(_SUFFIX):
                        yield status.st_mtime, status.st_size, entry.path
                    elif entry.name.endswith(_PARTIAL) and time.time() - status.st_mtime > _PARTIAL_SECONDS:
                        os.unlink(entry.path)
                except OSError:
                    continue
    except OSError:
        return


def _limit() -> int:
    try:
        return int(float(os.environ.get("ATTUNE_CACHE_MEGABYTES", _LIMIT_MEGABYTES)) * 1e6)
    except ValueError:
        return _LIMIT_MEGABYTES * 1_000_000


def _trim(base: Path) -> None:
    limit = _limit()
    files: List[Tuple[float, int, str]] = list(_files(base))
    total = sum(size for _, size, _ in files)
    if total <= limit:
        return
    # Down to three quarters, so that the next store does not have to remove again. The newest stays.
    for _, size, path in sorted(files)[:-1]:
        try:
            os.unlink(path)
        except OSError:
            pass
        total -= size
        if total <= limit * 3 // 4:
            break
