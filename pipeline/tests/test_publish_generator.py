"""What MkDocs is spared changes no page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fairlead.publish.edition import Searched
from fairlead.publish.generator import Generator, SiteError, Source
from fairlead.publish.site import draft_site, shipped_source

from .publish_example import COMMIT, NOW, load, write_root


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Generator]:
    """The example as a MkDocs project, built our way."""
    folder = tmp_path_factory.mktemp("generator")
    write_root(folder / "root")
    draft = draft_site(*load(folder / "root"), now=NOW, commit=COMMIT, source=shipped_source())
    draft.lay_out(folder / "project")
    generator = Generator(folder / "project", folder / "ours", draft.sources)
    generator.build()
    return folder, generator


def _said(path: Path) -> str:
    """A page without our policy, and without what only parts one element from the next."""
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", path.read_text("utf-8"))
    return re.sub(r"\s+", " ", re.sub(r"\s*(<[^>]*>)\s*", r"\1", text))


def test_every_page_is_what_mkdocs_makes_of_the_folder_without_us(
    project: tuple[Path, Generator], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same elements, attributes and words on each page, hostile strings among them."""
    from mkdocs.commands.build import build
    from mkdocs.config import load_config

    folder, _ = project
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    build(load_config(str(folder / "project" / "mkdocs.yml"), site_dir=str(folder / "bare"), strict=True))
    pages = sorted(path.relative_to(folder / "bare") for path in (folder / "bare").rglob("*.html"))
    assert len(pages) > 25
    assert [
        str(page) for page in pages if _said(folder / "bare" / page) != _said(folder / "ours" / page)
    ] == []


def test_a_block_cannot_name_another(project: tuple[Path, Generator]) -> None:
    """The marks that stand for blocks are ours; no text of a stranger becomes one."""
    folder, _ = project
    assert not any("data-block=" in path.read_text("utf-8") for path in (folder / "ours").rglob("*.html"))


def test_mkdocs_complaints_are_the_error_and_stay_off_the_terminal(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A broken link in a hand-written page stops the build and is said once."""
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "index.md").write_text("# Here\n\n[there](nowhere.md)\n")
    (tmp_path / "mkdocs.yml").write_text(
        "site_name: x\ndocs_dir: content\nstrict: true\ntheme:\n  name: material\n"
    )
    with pytest.raises(SiteError, match=r"nowhere\.md"):
        Generator(tmp_path, tmp_path / "built", {"index.md": Source(Searched.WHOLE, ())}).build()
    assert capfd.readouterr() == ("", "")
