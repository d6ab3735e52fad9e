"""Disputes and the life of what was published, in words: on their own page and wherever they matter.

Decides nothing, and tells no state by colour alone. What was withdrawn or corrected is shown where it was.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from fairlead import life
from fairlead.life import Dispute, Life, Phase
from fairlead.model import Event
from fairlead.publish import figures, markup
from fairlead.publish.edition import (
    DISPUTES_URL,
    Edition,
    Page,
    Searched,
    dispute_anchor,
    dispute_url,
    model_url,
    submission_url,
)
from fairlead.publish.markup import Html, join, link, tag
from fairlead.ranking import Row
from fairlead.rules import RULES

_WORDS = {
    Phase.OPEN: "open",
    Phase.ANSWERED: "answered",
    Phase.UNANSWERED: "unanswered",
    Phase.RECOMPUTED: "in effect",
    Phase.UPHELD: "upheld",
    Phase.DISMISSED: "dismissed",
    Phase.SETTLED: "settled",
}


# -- the page ------------------------------------------------------------------------------------


def disputes_page(edition: Edition) -> Page:
    """/disputes/: the undecided ones by their deadline, then the decided ones, the newest first."""
    found = [dispute for one in edition.lives.values() for dispute in one.disputes]
    waiting = sorted((d for d in found if d.is_open), key=lambda d: (d.answer_due or d.opened.at, d.id))
    decided = sorted((d for d in found if not d.is_open), key=lambda d: d.id)
    decided.sort(key=lambda d: d.decided.at if d.decided else d.opened.at, reverse=True)
    blocks: list[str] = [
        _how(edition),
        markup.heading(2, "Not decided yet", "open"),
        _table(edition, waiting, "Disputes that nobody has decided yet")
        if waiting
        else tag("p", "No dispute is open.", class_="fl-empty"),
        markup.heading(2, "Decided or settled", "decided"),
        _table(edition, decided, "Disputes that were decided")
        if decided
        else tag("p", "No dispute has been decided.", class_="fl-empty"),
    ]
    return Page(
        url=DISPUTES_URL,
        title="Disputes",
        description="Every dispute of a published result: who opened it, on what evidence, what is due when.",
        searched=Searched.WHOLE,
        blocks=blocks,
        wide=True,
    )


def _how(edition: Edition) -> Html:
    rules = edition.repository.rules
    if rules is None:
        return tag("p", "No rules are in force, so no dispute can run.", class_="fl-note")
    words = (
        f"Anyone may dispute a result, {rules.disputes.open_per_person_max} at a time. A dispute is shown at "
        f"once and moves no rank. It takes effect when {rules.disputes.panelists_min} panelists without an "
        f"interest uphold it; or, where it says that a claim's own raw windows give another figure, and they "
        f"do, after {rules.disputes.answer_days} days without an answer. {rules.suspension.approvals_min} "
        f"members without ties may suspend what is disputed for {rules.suspension.days_max} days. Nothing is "
        "deleted."
    )
    command = tag("code", "fairlead new dispute")
    return join(
        (tag("p", words), tag("p", command, " writes one, and says the next step.", class_="fl-note"))
    )


def _table(edition: Edition, disputes: Iterable[Dispute], label: str) -> Html:
    lines = [_line(edition, dispute) for dispute in disputes]
    names = ("Dispute", "State", "Concerns", "Reason and evidence", "Interests of whoever disputes")
    return markup.simple_table(label, names, lines)


def _line(edition: Edition, dispute: Dispute) -> Html:
    by = dispute.opened.by.login if dispute.opened.by else figures.NOT_DISCLOSED
    name = tag(
        "th",
        link(DISPUTES_URL, submission_url(dispute.folder), dispute.id),
        tag("small", f"{figures.minute(dispute.opened.at)} by {by}", class_="fl-sub"),
        scope="row",
        id=dispute_anchor(dispute.id),
    )
    words = life.sentence(dispute, edition.now).removeprefix(f"{_WORDS[dispute.phase]}: ")
    state = join((_mark(dispute), tag("small", words, class_="fl-sub fl-wrap")))
    evidence = join(map(_source, dispute.case.evidence), ", ")
    why = join((dispute.opened.reason, " ", tag("small", "Evidence: ", evidence, class_="fl-sub fl-wrap")))
    figure = dispute.case.figure
    if figure is not None:
        words = (
            f"{figure.metric}: claimed {figure.claimed:.10g}, said to recompute to {figure.recomputed:.10g}"
        )
        why = join((why, tag("small", words, class_="fl-sub fl-wrap")))
    return markup.row(name, state, _concerns(edition, dispute), why, _interests(edition, dispute))


def _mark(dispute: Dispute) -> Html:
    strong = " fl-error" if dispute.is_in_effect else " fl-warning" if dispute.is_open else ""
    return tag("span", _WORDS[dispute.phase], class_=f"fl-state{strong}")


def _source(source: str) -> Html:
    return markup.external(source) if source.startswith("https://") else markup.escape(source)


def _rule(here: str, rule: str) -> Html:
    return link(here, f"rules/#{rule.lower()}", rule) if rule in RULES else tag("code", rule)


def _concerns(edition: Edition, dispute: Dispute) -> Html:
    name = dispute.case.row
    if name is None:
        what: Html = markup.escape("all that the folder holds")
    else:
        row = next((row for row in edition.rows if row.id == name), None)
        what = link(DISPUTES_URL, model_url(row.family.model), name) if row else markup.escape(name)
    return join((_rule(DISPUTES_URL, dispute.case.rule), tag("small", what, class_="fl-sub fl-wrap")))


def _interests(edition: Edition, dispute: Dispute) -> Html | str:
    stated = dispute.case.interests
    if stated is None:
        return markup.disclosed(None)
    words = (f"{one.kind}: {edition.organisation_name(one.party)}" for one in stated)
    return join(words, "; ") or "none, as stated"


# -- beside what they are about ------------------------------------------------------------------


def row_note(edition: Edition, row: Row, here: str) -> Html | None:
    """The disputes of a row, each with where it stands; None where there is none."""
    found = life.disputes_of(edition.lives, row)
    return join((_short(edition, dispute, here) for dispute in found), " ") if found else None


def _short(edition: Edition, dispute: Dispute, here: str) -> Html:
    head = link(here, dispute_url(dispute.id), f"Dispute {dispute.id}")
    return join((head, " (", _rule(here, dispute.case.rule), ") ", life.sentence(dispute, edition.now), "."))


def row_mark(edition: Edition, row: Row) -> Html | None:
    """A mark on a row that a dispute is open about, or in effect against."""
    found = life.disputes_of(edition.lives, row)
    words = None
    if any(dispute.is_in_effect for dispute in found):
        words = "dispute in effect"
    elif any(dispute.suspended_until for dispute in found):
        words = "suspended"
    elif any(dispute.is_open for dispute in found):
        words = "disputed"
    return join((" ", tag("span", words, class_="fl-state fl-warning"))) if words else None


def about_provider(edition: Edition, provider: str, here: str) -> Iterator[str]:
    """Every dispute about a provider's rows or submissions."""
    found = {
        dispute.id: dispute for row in edition.rows_where(provider=provider) for dispute in _of(edition, row)
    }
    for folder, one in edition.lives.items():
        if folder.partition("/")[0] == provider:
            found |= {dispute.id: dispute for dispute in one.disputes}
    yield markup.heading(2, "Disputes")
    if found:
        yield markup.bullets(_short(edition, found[name], here) for name in sorted(found))
    else:
        yield tag("p", "Nothing of this provider is disputed.", class_="fl-empty")


def _of(edition: Edition, row: Row) -> Sequence[Dispute]:
    return life.disputes_of(edition.lives, row)


def state_words(edition: Edition, folder: str) -> str:
    """The state of a folder as it is told in a list."""
    one = edition.lives.get(folder)
    if one is None:
        return str(life.State.STANDING)
    return life.end_words(one) if one.ended is not None else str(one.state)


def state(edition: Edition, folder: str, here: str) -> Html:
    """The state of a folder, with the way to what supersedes it."""
    words, one = markup.escape(state_words(edition, folder)), edition.lives.get(folder)
    other = one.superseded_by if one else None
    if other is None or other not in edition.repository.submissions:
        return words
    return join((words, "; ", link(here, submission_url(other), "what supersedes it")))


def history(edition: Edition, folder: str, here: str) -> Iterator[str]:
    """Where each dispute stands, and every event as it was recorded."""
    yield markup.heading(2, "History")
    recorded = edition.repository.histories.get(folder)
    if recorded is None or not recorded.events:
        yield tag("p", "No event is recorded.", class_="fl-empty")
        return
    one: Life | None = edition.lives.get(folder)
    if one is not None and one.disputes:
        yield markup.bullets(_short(edition, dispute, here) for dispute in one.disputes)
    lines = [_event(edition, folder, event, here) for event in recorded.events]
    yield markup.simple_table("Events", ("Event", "At", "By", "Reason"), lines)


def _event(edition: Edition, folder: str, event: Event, here: str) -> Html:
    kind = event.kind if event.dispute is None else f"{event.kind} (dispute {event.dispute})"
    who = event.by.login if event.by else figures.NOT_DISCLOSED
    reason: list[Html | str] = [event.reason]
    if event.link:
        reason += [" ", markup.external(event.link)]
    if event.approvals:
        names = ", ".join(person.login for person in event.approvals)
        reason.append(tag("small", f"approved by {names}", class_="fl-sub fl-wrap"))
    if event.superseded_by is not None:
        other = f"{folder.partition('/')[0]}/{event.superseded_by}"
        known = other in edition.repository.submissions
        shown = link(here, submission_url(other), other) if known else markup.escape(other)
        reason.append(tag("small", "superseded by ", shown, class_="fl-sub fl-wrap"))
    return markup.row(kind, figures.minute(event.at), who, join(reason))
