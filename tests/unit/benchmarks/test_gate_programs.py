"""What the gate runs: the playlists' program says the same each time, and the commits are checked out and removed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gate import trees
from benchmarks.gate.programs import playlists_program
from benchmarks.gate.trees import GitFailed, Tree
from benchmarks.harness.machine import UNKNOWN
from benchmarks.questions.all import commit_of
from tests.checks import ROOT

IDENTITY = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")


def commit(folder: Path, **files: str) -> str:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text)
    subprocess.run(["git", "-C", str(folder), "add", "-A"], check=True)
    subprocess.run(["git", "-C", str(folder), *IDENTITY, "commit", "-qm", "a commit"], check=True)
    return trees.git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repository"
    subprocess.run(["git", "init", "-qb", "main", str(folder)], check=True)
    return folder


def test_both_commits_are_checked_out_and_removed_again(repository: Path) -> None:
    first = commit(repository, CHANGELOG_md="- old\n", program_py="print(1)\n")
    trees.git(repository, "branch", "begin")
    second = commit(repository, CHANGELOG_md="- old\n- Changes the bytes of: sessions\n", program_py="print(2)\n")
    with trees.checked_out(repository, "begin") as found:
        assert (found.base.commit, found.head.commit) == (first, second)
        assert [(tree.folder / "program.py").read_text() for tree in (found.base, found.head)] == [
            "print(1)\n",
            "print(2)\n",
        ]
        assert list((found.head.folder / "__pycache__").iterdir())  # what is sandboxed may not write it
        assert found.added == ("- Changes the bytes of: sessions",)
    assert not found.base.folder.parent.exists()
    assert trees.git(repository, "worktree", "list").count("\n") == 0
    assert not trees.uncommitted(repository)


def test_one_that_git_was_interrupted_in_is_removed_again(repository: Path, tmp_path: Path) -> None:
    first = commit(repository, program_py="print(1)\n")
    with pytest.raises(KeyboardInterrupt), trees.worktree(repository, first, tmp_path / "base") as tree:
        trees.git(repository, "worktree", "lock", "--reason", "initializing", str(tree.folder))
        raise KeyboardInterrupt
    assert trees.git(repository, "worktree", "list").count("\n") == 0


def test_a_new_line_is_found_however_git_shows_differences(repository: Path) -> None:
    commit(repository, CHANGELOG_md="- old\n")
    trees.git(repository, "branch", "begin")
    commit(repository, CHANGELOG_md="- old\n- new\n")
    trees.git(repository, "config", "color.ui", "always")
    with trees.checked_out(repository, "begin") as found:
        assert found.added == ("- new",)


def test_changes_that_are_not_committed_are_noticed(repository: Path) -> None:
    made = commit(repository, program_py="print(1)\n")
    assert commit_of(repository) == made
    (repository / "program.py").write_text("print(2)\n")
    assert trees.uncommitted(repository)
    assert commit_of(repository) == f"{made} with changes"
    assert commit_of(repository.parent) == UNKNOWN


def test_a_base_that_is_not_there_is_told(repository: Path) -> None:
    commit(repository, program_py="print(1)\n")
    with pytest.raises(GitFailed, match=r"git merge-base nowhere"), trees.checked_out(repository, "nowhere"):
        pytest.fail("nothing is checked out")


def test_a_commit_has_its_own_program_or_is_given_ours(tmp_path: Path) -> None:
    tree = Tree(name="base", commit="1", folder=tmp_path)
    assert playlists_program(tree) == ROOT / "benchmarks" / "gate" / "playlists.py"
    own = tmp_path / "benchmarks" / "gate" / "playlists.py"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert playlists_program(tree) == own


def test_playlists_are_the_same_each_time() -> None:
    command = [sys.executable, "-P", str(ROOT / "benchmarks/gate/playlists.py"), "--share", "0.02"]
    said = [
        json.loads(
            subprocess.run(
                command, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=300
            ).stdout
        )
        for _ in range(2)
    ]
    assert said[0]["digests"] == said[1]["digests"]
    assert set(said[0]["digests"]) == set(said[0]["cpu_s"]) == {"sessions", "viewers", "signing", "packaging"}
    assert len(set(said[0]["digests"].values())) == 4
    assert min(said[0]["cpu_s"].values()) > 0
