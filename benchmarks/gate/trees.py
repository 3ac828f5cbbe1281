"""Commits as folders beside each other, made by `git worktree` and removed again.

In: a repository and the name of a base. Out: the merge base of it and HEAD, and HEAD itself, each checked out in a
temporary folder and compiled ahead (sandboxed programs may not write what Python compiles). Both run with this
interpreter and what is installed for it. Raises GitFailed.
"""

import compileall
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError

# The longest name of both has as many letters as the other: a path's length is part of what some programs do.
BASE, HEAD = "base", "head"
PLAIN = ("--unified=0", "--no-color", "--no-ext-diff")  # whatever the caller's git is configured to show


class GitFailed(ConfigError):
    """git could not do what a benchmark needs of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One commit, checked out in a folder of its own."""

    name: str
    commit: str
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """The merge base and HEAD. `added`: lines of CHANGELOG.md that HEAD has more."""

    base: Tree
    head: Tree
    added: tuple[str, ...]


def git(repository: Path, *words: str) -> str:
    """Run git in the repository; its output without the last line break. Raises GitFailed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(repository), *words],  # noqa: S607 - whichever git the caller uses
            capture_output=True,
            text=True,
            check=True,
        )
    except FileNotFoundError as exc:
        raise GitFailed("git is not installed: other commits cannot be checked out") from exc
    except subprocess.CalledProcessError as exc:
        raise GitFailed(f"git {' '.join(words)}: {exc.stderr.strip()}") from exc
    return done.stdout.strip()


def uncommitted(repository: Path) -> bool:
    """Whether files that git tracks are not as in HEAD: what is in them is not measured."""
    return bool(git(repository, "status", "--porcelain", "--untracked-files=no"))


@contextmanager
def checked_out(repository: Path, base: str) -> Iterator[Trees]:
    """Both commits, for as long as the body runs."""
    head = git(repository, "rev-parse", "HEAD")
    merge_base = git(repository, "merge-base", base, head)
    added = tuple(
        line[1:]
        for line in git(repository, "diff", *PLAIN, merge_base, head, "--", "CHANGELOG.md").splitlines()
        if line.startswith("+") and not line.startswith("+++")
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kadr-gate-")))
        trees = [
            stack.enter_context(worktree(repository, commit, folder / name))
            for name, commit in ((BASE, merge_base), (HEAD, head))
        ]
        yield Trees(base=trees[0], head=trees[1], added=added)


@contextmanager
def worktree(repository: Path, commit: str, folder: Path) -> Iterator[Tree]:
    """One commit in a new folder, for as long as the body runs."""
    try:
        git(repository, "worktree", "add", "--detach", "--quiet", str(folder), commit)
        compileall.compile_dir(folder, quiet=2)
        yield Tree(name=folder.name, commit=git(folder, "rev-parse", "HEAD"), folder=folder)
    finally:
        if folder.exists():
            # Twice: git holds a lock on one that it was interrupted in the middle of.
            git(repository, "worktree", "remove", "--force", "--force", str(folder))
