"""The built site before tools that are none of ours: the reference validator of HTML, and another generator.

Neither is needed to run the tests: `make html` and `make zensical` bring them, and say so where they cannot.
"""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from fairlead.publish import site

from .publish_example import CHECKOUT, COMMIT, NOW, Outline, build, load, write_root

VNU = CHECKOUT / "build" / "vnu" / "node_modules" / "vnu-jar" / "build" / "dist" / "vnu.jar"
VNU_SHA256 = "55ab5a6588be26c03a0e8cbe5ba95d4c0cc312898245a9475ab51102c8339658"
#: The theme's switches have it so that a browser forgets them; HTML knows it for fields of text only.
KNOWN = "Attribute “autocomplete” is only allowed when the input type is"
ZENSICAL = CHECKOUT / "build" / "zensical" / "bin" / "zensical"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tools") / "root"
    write_root(made)
    return made


def test_every_page_is_valid_html(root: Path, tmp_path: Path) -> None:
    """By the validator of the HTML standard's own community, hostile strings and all."""
    if not VNU.is_file() or shutil.which("java") is None:
        pytest.skip("the validator is not here: `make html` brings it, and needs npm and Java")
    assert hashlib.sha256(VNU.read_bytes()).hexdigest() == VNU_SHA256
    build(root, tmp_path / "site")
    command = ["java", "-jar", str(VNU), "--errors-only", "--skip-non-html", "--format", "json"]
    told = subprocess.run([*command, str(tmp_path / "site")], capture_output=True, text=True, check=False)
    found = json.loads(told.stderr)["messages"]
    wrong = [
        (each["url"].rpartition("/site/")[2], each.get("lastLine"), each["message"], each.get("extract"))
        for each in found
        if not each["message"].startswith(KNOWN)
    ]
    assert wrong == []
    assert len(found) > 40  # so that the tool has read every page: each holds the theme's switches


def test_the_markdown_builds_under_zensical_too(root: Path, tmp_path: Path) -> None:
    """Without our theme: every page is there, and all that is HTML stands in it as it was written.

    Of a setting that it does not know Zensical says nothing, so it is its output that is looked at.
    """
    if not ZENSICAL.is_file():
        pytest.skip("Zensical is not here: `make zensical` brings it")
    draft = site.draft_site(*load(root), now=NOW, commit=COMMIT, source=site.shipped_source())
    draft.lay_out(tmp_path / "project")
    settings = tmp_path / "project" / "mkdocs.yml"
    settings.write_text(re.sub(r"(?m)^ *custom_dir:.*\n", "", settings.read_text("utf-8")), "utf-8")
    command = [str(ZENSICAL), "build"]
    told = subprocess.run(command, cwd=tmp_path / "project", capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr
    missing = []
    for path, source in draft.sources.items():
        address = path.removesuffix("index.md") if path.endswith("index.md") else f"{path[:-3]}/"
        page = tmp_path / "project" / "site" / address / "index.html"
        if not page.is_file():
            missing.append((path, "no page"))
            continue
        text = _letters(page.read_text("utf-8"))
        missing += [
            (path, block[:80]) for block in source.blocks(draft.texts[path]) if _letters(block) not in text
        ]
    assert missing == []


def _letters(text: str) -> str:
    """What is read, whatever stands between the elements."""
    return "".join(html.unescape(Outline(text).text).split())
