"""The list of digests: what the standard tool reads, and what it tells of another build."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from fairlead.publish import sums


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with two files and its list."""
    folder = tmp_path / "site"
    (folder / "models").mkdir(parents=True)
    (folder / "index.html").write_text("<p>one</p>")
    (folder / "models" / "index.html").write_text("<p>two</p>")
    sums.write(folder)
    return folder


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="needs sha256sum")
def test_the_standard_tool_reads_the_list(site: Path) -> None:
    """Whoever has the site and no Fairlead can check it."""
    subprocess.run(
        ["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=site, check=True, capture_output=True
    )


def test_the_same_build_differs_in_nothing_and_another_is_told_file_by_file(site: Path) -> None:
    """What is missing, what is new, and what has other bytes."""
    published = (site / "SHA256SUMS").read_bytes()
    assert sums.compare(published, site) == []
    (site / "index.html").write_text("<p>One</p>")
    (site / "models" / "index.html").rename(site / "new.html")
    assert sums.compare(published, site) == [
        "published, and not built: models/index.html",
        "built, and not published: new.html",
        "not the published bytes: index.html",
    ]


@pytest.mark.parametrize("text", [b"nonsense\n", b"\xff\xfe\n", b"00  x\n"])
def test_what_is_no_list_is_said_and_not_compared(site: Path, text: bytes) -> None:
    """A page for a missing address, served where the list should be, is not the end of the site."""
    assert sums.compare(text, site) == ["line 1 of the published list is not `<sha256>  <path>`"]
