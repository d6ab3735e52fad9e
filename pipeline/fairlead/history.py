"""What git remembers of a tree. Knows no rule; it is the only place that runs git.

The tree is a stranger's, so git is asked for plain objects only: no hook, filter, text conversion,
pager, replacement or lazy fetch, no configuration but the clone's own, and a bounded answer. Files
are compared by the digest that git itself would give their bytes, without any checkout filter.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

MAX_LISTING_BYTES = 128 * 1024 * 1024
MAX_TRAIL_BYTES = 512 * 1024 * 1024  # about 200 a file: twice what a tree of a million files says
MAX_BLOB_BYTES = 64 * 1024 * 1024

_REGULAR = frozenset({"100644", "100755"})
_CONFIG = (
    "core.quotepath=off",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showRoot=true",
    "protocol.allow=never",
    # The check reads; whom the folder belongs to is no matter. Only the command line may say so.
    "safe.directory=*",
)
_AUTHOR = ("-c", "user.name=Fairlead", "-c", "user.email=fairlead@example.org")
_REMOTE = ("protocol.https.allow=always", "protocol.file.allow=always", "protocol.ssh.allow=always")
_ENVIRONMENT = {
    "PATH": os.defpath,
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
}


class EnvironmentProblem(Exception):  # noqa: N818  (what the machine lacks, not a fault of ours)
    """The machine or the clone cannot answer; ``fix`` says what would help."""

    def __init__(self, message: str, fix: str) -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix


@dataclasses.dataclass(frozen=True, slots=True)
class Base:
    """The state that a change started from: the merge base of HEAD and the given ref.

    ``files`` maps each path below the root to git's digest of its bytes; ``elsewhere`` holds the
    paths outside ``root`` (or outside its three data folders) that differ between it and HEAD.
    """

    root: Path
    commit: str
    files: Mapping[str, str]
    elsewhere: tuple[str, ...]

    def read(self, path: str) -> bytes:
        """The bytes of a file as they were.

        Raises:
            KeyError: there was no such file.
            EnvironmentProblem: git cannot give it.
        """
        return _git(self.root, "cat-file", "blob", self.files[path], limit=MAX_BLOB_BYTES)

    def differs(self, path: str, data: bytes) -> bool:
        """Whether these bytes are not those that the path had; true where it had none."""
        known = self.files.get(path)
        return known is None or known != blob_digest(data, len(known))


@dataclasses.dataclass(frozen=True, slots=True)
class Merge:
    """A first-parent commit: its place in their order (the later, the larger), and the time that its
    committer's clock showed, in whole seconds. Of what is merged on a forge, that is the forge's clock."""

    commit: str
    place: int
    unix_s: int


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """What a merge made of one path: git's digest of its bytes; None where no regular file was left."""

    merge: Merge
    blob: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Trail:
    """What became of each path below a root in each first-parent commit, the oldest first.

    A file that was moved is a new one, and one that was removed and came back was added when it came first.
    What is not committed, or not reachable through first parents, is in no trail.
    """

    root: Path
    changes: Mapping[str, tuple[Change, ...]]

    def added(self, path: str) -> Change | None:
        """The merge that first added a file; None where none has."""
        return next((change for change in self.changes.get(path, ()) if change.blob is not None), None)

    def blob_at(self, path: str, merge: Merge | None) -> str | None:
        """The digest of a file as a merge left it (None: as the last one did); None where it was not."""
        found = None
        for change in self.changes.get(path, ()):
            if merge is None or change.merge.place <= merge.place:
                found = change.blob
        return found

    def last_changed(self) -> dict[str, dt.date]:
        """The day of the last merge that changed each path."""
        return {
            path: dt.datetime.fromtimestamp(changes[-1].merge.unix_s, tz=dt.UTC).date()
            for path, changes in self.changes.items()
        }

    def read(self, blob: str) -> bytes:
        """The bytes of a digest.

        Raises:
            EnvironmentProblem: git cannot give them.
        """
        return _git(self.root, "cat-file", "blob", blob, limit=MAX_BLOB_BYTES)


def blob_digest(data: bytes, hex_digits: int = 40) -> str:
    """Git's name for these bytes: sha1, or sha256 in a repository whose names have 64 digits."""
    algorithm = hashlib.sha256 if hex_digits == 64 else hashlib.sha1
    return algorithm(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def is_installed() -> bool:
    """Whether this machine has git."""
    return shutil.which("git") is not None


def is_under_git(root: Path) -> bool:
    """Whether a folder lies in a git work tree."""
    found = _run(root, ("rev-parse", "--is-inside-work-tree"), 1024)
    if found.returncode and b"not a git repository" not in found.stderr:
        raise _failure("rev-parse", found.stderr)
    return found.stdout.strip() == b"true"


def initialise(root: Path) -> None:
    """Put an existing folder under git, on a branch called main, with no hook and no commit.

    Raises:
        EnvironmentProblem: no git.
    """
    _git(root, "init", "--quiet", "--template=", "--initial-branch=main")


def open_base(root: Path, ref: str, tops: tuple[str, ...]) -> Base | None:
    """The base of a change; None where the root is not under git. ``tops`` are the folders of data.

    Raises:
        EnvironmentProblem: no git, a shallow clone, an unknown ref, or no common ancestor.
    """
    if not _is_whole(root):
        return None
    commit = _commit(root, ref)
    merge_base = _run(root, ("merge-base", commit, "HEAD"), 1024)
    if merge_base.returncode:
        raise EnvironmentProblem(f"{ref!r} and HEAD have no common ancestor here", _FETCH)
    base = merge_base.stdout.split()[0].decode()
    prefix = os.fsdecode(_git(root, "rev-parse", "--show-prefix")).rstrip("\n")
    files = {
        path.removeprefix(prefix): digest
        for path, digest in _list_tree(root, base).items()
        if path.startswith(tuple(f"{prefix}{top}/" for top in tops))
    }
    changed = _git(root, "diff-tree", "-r", "-z", "--name-only", "--no-renames", base, "HEAD")
    names = [os.fsdecode(name) for name in changed.split(b"\0") if name]
    inside = tuple(f"{prefix}{top}/" for top in tops)
    elsewhere = tuple(name for name in names if not name.startswith(inside))
    return Base(root=root, commit=base, files=files, elsewhere=elsewhere)


def open_trail(root: Path, tip: str | None, tops: tuple[str, ...]) -> Trail | None:
    """What the first-parent history of a commit (None: of HEAD) did below some folders, by one call of git.

    None where the root is not under git; an empty trail before the first commit.

    Raises:
        EnvironmentProblem: no git, a shallow clone, or more history than anybody has.
    """
    if not _is_whole(root):
        return None
    commit = commit_id(root) if tip is None else tip
    if commit is None:
        return Trail(root, {})
    listing = _git(root, "log", *_TRAIL_OPTIONS, commit, "--", *tops, limit=MAX_TRAIL_BYTES)
    changes: dict[str, list[Change]] = {}
    for merge, path, blob in reversed(list(_trail_entries(listing))):
        changes.setdefault(path, []).append(Change(merge, blob))
    return Trail(root, {path: tuple(found) for path, found in changes.items()})


_TRAIL_OPTIONS = (
    *("--first-parent", "--diff-merges=first-parent", "--no-renames", "--raw", "-z", "--no-abbrev"),
    *("--relative", "--no-show-signature", "--no-notes", "--no-color", "--format=%H %ct"),
)


def _trail_entries(listing: bytes) -> Iterator[tuple[Merge, str, str | None]]:
    """Each change of ``git log --raw -z``, the newest first, as git gives them; places count down from -1.

    A path follows its entry, whatever it is made of, so that no name is taken for anything else.
    """
    tokens = listing.split(b"\0")
    merge, place, at = None, 0, 0
    while at < len(tokens):
        token = tokens[at].lstrip(b"\n")
        at += 1
        if token.startswith(b":") and merge is not None:
            _, mode, _, blob, _ = token.decode().split(" ")
            yield merge, os.fsdecode(tokens[at]), blob if mode in _REGULAR else None
            at += 1
        elif token:
            commit, _, unix_s = token.decode().partition(" ")
            place -= 1
            merge = Merge(commit, place, int(unix_s))


def _is_whole(root: Path) -> bool:
    """Whether a folder lies in a git work tree, whose past is all there.

    Raises:
        EnvironmentProblem: no git, or a shallow clone.
    """
    if not is_under_git(root):
        return False
    if _git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise EnvironmentProblem("this clone is shallow, so the past cannot be read", _FETCH)
    return True


_FETCH = "fetch the whole history: `fetch-depth: 0` in actions/checkout, `git fetch --unshallow` by hand"


def _commit(root: Path, ref: str) -> str:
    found = _run(root, ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"), 1024)
    if found.returncode:
        raise EnvironmentProblem(f"git knows no commit {ref!r}", f"name an existing ref, or {_FETCH}")
    return found.stdout.strip().decode()


def _list_tree(root: Path, commit: str) -> dict[str, str]:
    """Every regular file of a commit, by its path from the top of the work tree."""
    files: dict[str, str] = {}
    for line in _git(root, "ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            about, _, name = line.partition(b"\t")
            mode, _, digest = about.decode().split(" ")
            if mode in _REGULAR:
                files[os.fsdecode(name)] = digest
    return files


def _git(root: Path, *arguments: str, limit: int = MAX_LISTING_BYTES) -> bytes:
    found = _run(root, arguments, limit)
    if found.returncode:
        raise _failure(arguments[0], found.stderr)
    return found.stdout


def _failure(command: str, stderr: bytes) -> EnvironmentProblem:
    said = stderr.decode(errors="replace").strip().partition("\n")[0][:300]
    return EnvironmentProblem(f"`git {command}` failed: {said or 'no reason given'}", _FETCH)


def _run(
    root: Path, arguments: tuple[str, ...], limit: int, config: Sequence[str] = ()
) -> subprocess.CompletedProcess[bytes]:
    git = shutil.which("git")
    if git is None:
        raise EnvironmentProblem("git is not installed", "install git, or check without `--base`")
    settings = [part for setting in (*_CONFIG, *config) for part in ("-c", setting)]
    command = [git, "--no-pager", "--literal-pathspecs", *settings, "-C", str(root), *arguments]
    try:
        return _bounded(command, limit)
    except (OSError, subprocess.SubprocessError) as error:
        fix = "see that `git status` works in this folder"
        raise EnvironmentProblem(f"`git {arguments[0]}` failed: {error}", fix) from None


def _bounded(command: list[str], limit: int) -> subprocess.CompletedProcess[bytes]:
    """Run a command; beyond ``limit`` bytes of output it is stopped and counts as failed."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(  # noqa: S603  (a list, no shell; the program is git's full path)
            command, env=_ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as process,
    ):
        output = process.stdout.read(limit + 1) if process.stdout else b""
        if len(output) > limit:
            process.kill()
            raise subprocess.SubprocessError(f"more than {limit:,} bytes of output")
        returncode = process.wait()
        errors.seek(0)
        return subprocess.CompletedProcess(command, returncode, output, errors.read(4096))


def is_clean(root: Path, tops: Sequence[str]) -> bool:
    """Whether nothing below some folders differs from the commit that is checked out, new files included.

    Raises:
        EnvironmentProblem: git cannot say.
    """
    return not _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--", *tops)


def commit_id(root: Path) -> str | None:
    """The commit that is checked out; None without git or before the first commit."""
    found = _run(root, ("rev-parse", "--verify", "--quiet", "HEAD^{commit}"), 1024)
    return found.stdout.strip().decode() if found.returncode == 0 else None


def holds(root: Path, commit: str) -> bool:
    """Whether a full commit id is that of the commit that is checked out, or of one before it."""
    if not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        return False
    return _run(root, ("merge-base", "--is-ancestor", commit, "HEAD"), 1024).returncode == 0


def commit_time(root: Path) -> dt.datetime | None:
    """When the commit that is checked out was made; None without git or before the first commit."""
    found = _run(root, ("log", "-1", "--format=%ct", "HEAD"), 1024)
    if found.returncode:
        return None
    return dt.datetime.fromtimestamp(int(found.stdout), tz=dt.UTC)


def commit_all(root: Path, message: str) -> None:
    """Commit everything below a root, in the name of the program: for scratch roots that we made.

    Raises:
        EnvironmentProblem: git refuses.
    """
    _git(root, "add", "--all", ".")
    _commit_index(root, message)


def _commit_index(root: Path, message: str) -> None:
    _git(root, *_AUTHOR, "commit", "--quiet", "--no-gpg-sign", f"--message={message}")


def land(
    root: Path, paths: Sequence[str], message: str, *, remote: str, branch: str, tries: int
) -> str | None:
    """Commit what changed below ``paths`` and push it onto a branch of a remote.

    What others pushed meanwhile comes before it: their commits are fetched and ours is put on top, as often
    as ``tries`` says. Nothing is ever forced.

    Returns:
        The commit that the branch now has, or None where nothing changed.

    Raises:
        EnvironmentProblem: git refuses, or others' changes do not go with ours.
    """
    _git(root, "add", "--all", "--", *paths)
    if not _git(root, "diff", "--cached", "--name-only", "-z"):
        return None
    _commit_index(root, message)
    for _ in range(tries):
        pushed = _run(root, ("push", "--quiet", remote, f"HEAD:refs/heads/{branch}"), 1 << 16, _REMOTE)
        if pushed.returncode == 0:
            return commit_id(root)
        fetched = _run(root, ("fetch", "--quiet", remote, branch), 1 << 16, _REMOTE)
        if fetched.returncode:
            raise _failure("push", pushed.stderr)
        rebased = _run(root, (*_AUTHOR, "rebase", "--quiet", "FETCH_HEAD"), 1 << 16)
        if rebased.returncode:
            _run(root, ("rebase", "--abort"), 1 << 16)
            fix = f"pull {branch}, put the change on top of it by hand, and push"
            raise EnvironmentProblem(f"what {remote} has does not go with this change", fix)
    raise EnvironmentProblem(f"{remote} moved on {tries} times in a row", "try again")
