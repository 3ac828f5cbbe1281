"""core.own_folder: a folder whose name others can guess is used only where they could not have made it."""

import os
from pathlib import Path

import pytest

from core.errors import ConfigError
from core.own_folder import own_folder


def test_a_new_folder_is_for_this_user_alone(tmp_path: Path) -> None:
    made = own_folder(tmp_path / "a" / "b", "KADR_WORK_DIR")
    assert made.stat().st_mode & 0o777 == 0o700
    assert own_folder(made, "KADR_WORK_DIR") == made


@pytest.mark.parametrize("through_link", [False, True])
def test_another_users_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, through_link: bool) -> None:
    folder, link = tmp_path / "theirs", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    theirs = 12_345
    changed = os.stat_result((0o40777, 0, 0, 2, theirs, 0, 0, 0, 0, 0))
    which = "stat" if through_link else "lstat"
    monkeypatch.setattr(Path, which, lambda self, **_: changed)
    with pytest.raises(ConfigError, match=r"KADR_WORK_DIR=.*another user"):
        own_folder(link if through_link else folder, "KADR_WORK_DIR")
