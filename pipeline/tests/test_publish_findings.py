"""What the replies of a model show, on its page: from raw windows to words, and only with their figures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import random
from pathlib import Path

import jsonschema
import msgspec
import pytest

from fairlead import model
from fairlead.fidelity import ALL, Answers, FidelityRules, Tally, Wrong
from fairlead.publish import api, findings, observed
from fairlead.publish.edition import Edition
from fairlead.publish.findings import FindingRules
from fairlead.ranking import INTERVALS, Origin, Row
from fairlead.repository import Repository
from fairlead.smoothness import Pattern, observe

from .examples import make_window
from .publish_example import COMMIT, HOSTILE, NOW, Outline, load, write_root
from .test_smoothness import RULES as SMOOTH_RULES
from .test_smoothness import holding_back, honest

RULES = FindingRules(
    smooth=SMOOTH_RULES,
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
    repository = example[0] if rules is None else with_rules(example[0], rules)
    edition = Edition(repository, rows, NOW.astimezone(dt.UTC), COMMIT, {})
    return "\n".join(findings.section(edition, rows, PAGE))


def with_rules(repository: Repository, rules: FindingRules) -> Repository:
    stated = msgspec.structs.replace(
        repository.methodologies["0.1.0"],
        fidelity=model.FidelityLimits(providers_min=3, windows_min=6),
        smoothness=model.SmoothnessLimits(**dataclasses.asdict(rules.smooth)),
    )
    return dataclasses.replace(repository, methodologies={**repository.methodologies, "0.1.0": stated})


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


def test_the_providers_of_one_company_are_judged_together_and_named_together(example) -> None:
    """Half of the group's answers are those of its good provider; the finding is of both, and says so."""
    rows = planted(example[1])
    one = {"dunlin": "holding", "cumulus": "holding"}
    found = findings.findings(rows, RULES, intervals=INTERVALS, group_of=lambda name: one.get(name, name))
    assert {each.provider for each in found.judgement.findings} == {"holding"}
    assert found.members["holding"] == ("cumulus", "dunlin")
    alone = findings.findings(rows, RULES, intervals=INTERVALS).judgement.scores["dunlin", ALL]
    assert found.judgement.scores["holding", ALL].answered == 2 * alone.answered


def test_providers_of_one_company_are_no_two_witnesses(example) -> None:
    """Four providers, two companies: nobody is accused by rivals that are one and the same."""
    rows = planted(example[1])
    names = sorted({row.provider for row in rows if row.origin is Origin.NEUTRAL})
    one = {name: "dunlin" if name == "dunlin" else "holding" for name in names}
    found = findings.findings(rows, RULES, intervals=INTERVALS, group_of=lambda name: one[name])
    assert found.judgement.findings == ()
    assert found.judgement.reasons[ALL].startswith("2 of 2 providers")


def test_the_page_names_every_provider_of_a_company_group(example) -> None:
    repository, rows = example
    providers = {
        name: msgspec.structs.replace(entry, organisation="holding")
        if name in ("dunlin", "cumulus")
        else entry
        for name, entry in repository.providers.items()
    }
    page = section((dataclasses.replace(repository, providers=providers), rows), planted(rows), RULES)
    said = " ".join(Outline(page).text.split())
    assert "Cumulus Cloud Works, Dunlin (one company group), all probes:" in said


def test_the_data_file_holds_what_the_page_says_row_by_row(example) -> None:
    """One row has a statement, another a finding with the requests of its own windows; as the schema says."""
    rows = planted(example[1])
    repository = with_rules(example[0], RULES)
    edition = Edition(repository, rows, NOW.astimezone(dt.UTC), COMMIT, {})
    files = {path: json.loads(text) for path, text in api.render(edition)}
    data = files["api/v1/findings/fable-7b.json"]
    jsonschema.Draft202012Validator(api.schema("findings")).validate(data)
    (version,) = data["versions"]
    found = {row["id"]: row for row in version["rows"]}
    by_provider = {row.provider: found[row.id] for row in rows if row.origin is Origin.NEUTRAL}
    assert [each["pattern"] for each in by_provider["borealis"]["statements"]] == ["held_back"]
    assert [each["question"] for each in by_provider["dunlin"]["fidelity"]] == [ALL, "copy"]
    finding = by_provider["dunlin"]["fidelity"][0]
    (row,) = [row for row in rows if row.provider == "dunlin" and row.origin is Origin.NEUTRAL]
    assert [each["path"] for each in finding["requests"]] == sorted(item.path for item in row.valid)
    assert all(each["requests"] == list(range(5)) for each in finding["requests"])
    assert (finding["right"], finding["answered"]) == (5 * len(row.valid), 10 * len(row.valid))
    assert not by_provider["acme"]["fidelity"]


def test_without_rules_the_data_file_calls_nothing_a_finding(example) -> None:
    edition = Edition(example[0], planted(example[1]), NOW.astimezone(dt.UTC), COMMIT, {})
    assert observed.model_findings(edition, "fable-7b") == {"model": "fable-7b", "versions": []}


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
