"""What the replies of a model show, on its page: from raw windows to words, and only with their figures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import random
from pathlib import Path

import msgspec
import pytest

from fairlead import model
from fairlead.fidelity import ALL, Answers, FidelityRules, Tally, Wrong
from fairlead.publish import findings
from fairlead.publish.edition import Edition
from fairlead.publish.findings import FindingRules
from fairlead.ranking import INTERVALS, Origin, Row
from fairlead.repository import Repository
from fairlead.smoothness import Pattern, SmoothRules, observe

from .examples import make_window
from .publish_example import COMMIT, HOSTILE, NOW, Outline, load, write_root
from .test_smoothness import holding_back, honest

RULES = FindingRules(
    smooth=SmoothRules(
        replies_min=20,
        replies_share_min=0.5,
        reads_min=8,
        bundle_tokens_min=2.0,
        same_read_share_min=0.5,
        opening_reads_min=5.0,
        early_gap_paces_min=20.0,
        steady_spread_max=0.05,
        steady_wait_share_min=0.5,
    ),
    fidelity=FidelityRules(providers_min=3, windows_min=6, family_error=0.05, length_min_share=0.9),
)
PAGE = "models/fable-7b/"


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, tuple[Row, ...]]:
    root: Path = tmp_path_factory.mktemp("findings")
    write_root(root)
    return load(root)


def planted(rows: tuple[Row, ...], *, wrong: str = "dunlin", holding: str = "borealis") -> tuple[Row, ...]:
    """The rows with replies of our making: one provider answers half of its probes wrong, one holds back."""
    source = random.Random(4)

    def of(row: Row) -> Row:
        good = 5 if row.provider == wrong and row.origin is Origin.NEUTRAL else 10
        faults = tuple(Wrong(i, "copy", HOSTILE, "ember-93", HOSTILE) for i in range(10 - good))
        answers = Answers({"copy": Tally(10, 10, good)}, faults, None, ())
        draw = holding_back if row.provider == holding else honest
        replies = observe(make_window([draw(source, i) for i in range(5)]))
        items = (dataclasses.replace(item, answers=answers, replies=replies) for item in row.evidence)
        return dataclasses.replace(row, evidence=tuple(items))

    return tuple(map(of, rows))


def section(
    example: tuple[Repository, tuple[Row, ...]], rows: tuple[Row, ...], rules: FindingRules | None
) -> str:
    """The section under a version that states these rules."""
    methodologies = dict(example[0].methodologies)
    if rules is not None:
        methodologies["0.1.0"] = msgspec.structs.replace(
            methodologies["0.1.0"],
            fidelity=model.FidelityLimits(providers_min=3, windows_min=6),
            smoothness=model.SmoothnessLimits(**dataclasses.asdict(rules.smooth)),
        )
    repository = dataclasses.replace(example[0], methodologies=methodologies)
    edition = Edition(repository, rows, NOW.astimezone(dt.UTC), COMMIT, {})
    return "\n".join(findings.section(edition, rows, PAGE))


def test_findings_are_a_pure_function_of_rows_and_rules(example) -> None:
    rows = planted(example[1])
    found = findings.findings(rows, RULES, intervals=INTERVALS)
    assert [(each.provider, each.question) for each in found.judgement.findings] == [
        ("dunlin", ALL),
        ("dunlin", "copy"),
    ]
    stated = {each.row.provider: [s.pattern for s in each.statements] for each in found.rows}
    assert stated.pop("borealis") == [Pattern.HELD_BACK]
    assert not any(stated.values())


def test_a_claim_is_never_held_against_the_others(example) -> None:
    """The windows that the provider measured itself are worse than all; they are no sample."""
    claims = tuple(dataclasses.replace(row, origin=Origin.CLAIM) for row in planted(example[1]))
    judgement = findings.findings(claims, RULES, intervals=INTERVALS).judgement
    assert judgement.findings == ()
    assert judgement.reasons[ALL].startswith("0 of 0 providers")


def test_invalid_windows_are_no_evidence(example) -> None:
    rows = tuple(
        dataclasses.replace(
            row, evidence=tuple(dataclasses.replace(item, invalid=("cut off",)) for item in row.evidence)
        )
        for row in planted(example[1])
    )
    found = findings.findings(rows, RULES, intervals=INTERVALS)
    assert found.judgement.findings == ()
    assert not any(each.statements for each in found.rows)


def test_the_page_says_what_was_found_with_its_figures_and_links(example) -> None:
    html = section(example, planted(example[1]), RULES)
    text = " ".join(Outline(html).text.split())
    assert "Dunlin, copy: 40 of 80 right. At the pooled rate of all providers it would be 72.0" in text
    assert (
        "Borealis, chat-c1, neutral: in 40 of 40 replies the opening brought what otherwise takes 20" in text
    )
    links = [
        link for link in Outline(html).values("href") if link.startswith("../../raw/submissions/neutral/")
    ]
    assert len(links) == 2 * (5 + 8)
    assert "requests 0, 1, 2, 3, 4" in text
    assert "<script>" not in html
    assert "Not judged. numerals: 0 of 5 providers have 6 windows with an answer, 3 are needed" in text


def test_without_rules_the_figures_stand_and_nothing_is_called_a_finding(example) -> None:
    text = " ".join(Outline(section(example, planted(example[1]), None)).text.split())
    assert "Dunlin api · chat-c1 · neutral 40 of 80, 80" in text
    assert "Borealis api · chat-c1 · neutral 80 of 80, 80" in text
    assert "By the limits" not in text


def test_nothing_found_is_said(example) -> None:
    rows = planted(example[1], wrong="nobody", holding="nobody")
    assert "nothing was found." in section(example, rows, RULES)


def test_rows_without_replies_have_no_section(example) -> None:
    rows = tuple(
        dataclasses.replace(
            row, evidence=tuple(dataclasses.replace(item, replies=None) for item in row.evidence)
        )
        for row in example[1]
    )
    assert section(example, rows, RULES) == ""


def test_evidence_holds_what_its_window_shows(example) -> None:
    """Read from raw files on disk: every measured window has its replies; these name no workload."""
    items = [item for row in example[1] for item in row.evidence]
    assert all(item.replies is not None and item.replies.i.size == item.table.successes for item in items)
    assert {getattr(item.answers, "reason", None) for item in items} == {
        "the window does not say what was asked"
    }
