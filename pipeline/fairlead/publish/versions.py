"""Pages of the methodology: its versions, each of them, and every change from one to the next. Ranks nothing.

Between any two versions there is a page: numbers in words with what each decides, and the prose side by side.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import msgspec

from fairlead.governance import words
from fairlead.impact import Difference, Part
from fairlead.model import Methodology, Version
from fairlead.problems import Problem
from fairlead.publish import beside, figures, impacts, markup, method, prose
from fairlead.publish.edition import Edition, Page, Searched, changes_url, methodology_url, proposal_url
from fairlead.publish.markup import Html, heading, join, link, tag

_URL = "methodology/"
_PAIRS_SHOWN = 300

#: Where the error rates of a method are shown, by the addresses of the hand-written pages.
_RATES = (
    ("coverage/", "How often our intervals hold", "coverage of every interval and test, by simulation"),
    ("verdict/", "How a claim is judged", "how often an honest claim fails and a boast passes"),
    ("integrity/", "What we look for in a claim", "how often each finding names an honest submission"),
    ("clock/", "How wrong is our clock", "the client's own error, beside the effects that are shown"),
    ("scale/", "How far this reaches", "time and memory of checking and ranking"),
)

PART_WORDS = {
    Part.MEASURED: "what is sent or waited for: it is measured again",
    Part.RULE: "what counts, ranks and is told apart",
    Part.FIGURE: "how a figure is computed, or when something is said",
    Part.WORDS: "nothing",
}


# -- the versions --------------------------------------------------------------------------------


def methodology_page(edition: Edition) -> Page:
    """/methodology/: the versions, their states, their votes, and what changed with each."""
    lines = []
    for version in reversed(edition.versions):
        name = _name(edition, version.version, _URL)
        digest = tag("code", f"{version.sha256[:12]}…") if version.sha256 else "not frozen"
        ratified = markup.day(version.date) if version.date else "–"
        state = method.STATE_WORDS[version.state]
        old = _before(edition, version.version)
        changes = link(_URL, changes_url(old[-1], version.version), f"since {old[-1]}") if old else "–"
        lines.append(
            markup.row(name, state, ratified, _vote(edition, version, _URL), changes, digest, version.changes)
        )
    current = edition.current
    lead = (
        join(("The current version is ", link(_URL, methodology_url(current.version), current.version), "."))
        if current
        else "There is no version yet."
    )
    names = ("Version", "State", "Ratified", "Vote", "What changed", "Digest", "In a line")
    return Page(
        url=_URL,
        title="Methodology",
        description="Every version of the methodology, its state, and the vote that ratified it.",
        blocks=[
            tag("p", lead),
            markup.simple_table("Versions", names, lines),
            heading(2, "How well it works", "rates"),
            _rates(_URL),
        ],
        wide=True,
    )


def _rates(here: str) -> Html:
    """The tables of error rates; each is simulated with the pipeline's own code."""
    return markup.bullets(join((link(here, url, name), f": {about}.")) for url, name, about in _RATES)


def _name(edition: Edition, version: str, here: str) -> Html:
    is_there = version in edition.repository.methodologies
    return link(here, methodology_url(version), version) if is_there else markup.escape(version)


def _before(edition: Edition, version: str) -> list[str]:
    """The versions below this one, the nearest last, where the texts of both are there."""
    names = [each.version for each in edition.versions if each.version in edition.repository.methodologies]
    return names[: names.index(version)] if version in names else []


def _vote(edition: Edition, version: Version, here: str) -> Html:
    """The vote that ratified a version, or how far it is with one that would."""
    if version.ratified_by is not None:
        return _voted(edition, version.ratified_by, here)
    open_ = [
        name
        for name, proposal in edition.repository.proposals.items()
        if proposal.methodology_version == version.version
    ]
    if not open_:
        return markup.escape("nobody has voted on it")
    return join((_voted(edition, name, here) for name in open_), "; ")


def _voted(edition: Edition, proposal: str, here: str) -> Html:
    entry = edition.repository.proposals.get(proposal)
    if entry is None:
        return markup.escape(proposal)
    made = edition.tallies.get(proposal)
    outcome = tag("small", words.outcome_words(made), class_="fl-sub") if made else None
    return join((link(here, proposal_url(proposal), entry.title), outcome))


# -- one version ---------------------------------------------------------------------------------


def version_page(edition: Edition, version: Version) -> tuple[Page, list[Problem]]:
    """/methodology/<version>/: the prose with its numbers, then every number in one table."""
    methodology, url = edition.repository.methodologies[version.version], methodology_url(version.version)
    text, problems = _prose(edition, version.version)
    facts = markup.definitions(
        [
            ("State", method.STATE_WORDS[version.state]),
            ("Vote", _vote(edition, version, url)),
            ("Ratified", markup.day(version.date) if version.date else "–"),
            ("Digest", tag("code", version.sha256) if version.sha256 else "not frozen yet"),
            ("Changes", version.changes),
        ]
    )
    page = Page(
        url=url,
        title=f"Methodology {version.version}: {methodology.title}",
        description=f"How the board measures, version {version.version}, with every number it works by.",
        searched=Searched.WHOLE,
        blocks=[
            *_switch(edition, version.version, url),
            facts,
            *prose.render(text),
            heading(2, "How well it works", "rates"),
            _rates(url),
            *impacts.version_blocks(edition, version),
            heading(2, "Every number"),
            *_numbers(methodology),
        ],
        crumbs=((_URL, "Methodology"),),
    )
    return page, problems


def _prose(edition: Edition, version: str) -> tuple[str, list[Problem]]:
    """The text of a version with its numbers put in."""
    path = f"methodology/versions/{version}/methodology.md"
    data = msgspec.to_builtins(edition.repository.methodologies[version])
    return prose.fill(edition.prose.get(path, ""), data, path)


def _switch(edition: Edition, version: str, here: str, old: str | None = None) -> Iterator[Html]:
    """The way to every other version, and to what changed since each older one; none where there is one."""
    texts = edition.repository.methodologies
    names = [each.version for each in edition.versions if each.version in texts]
    if len(names) < 2:
        return
    others = (_place(here, methodology_url(name), name, name == version and old is None) for name in names)
    lines = [tag("p", "Version: ", join(others, " · "))]
    before = _before(edition, version)
    if before:
        since = (_place(here, changes_url(name, version), name, name == old) for name in before)
        lines.append(tag("p", f"What changed in {version} since: ", join(since, " · ")))
    yield tag("nav", *lines, class_="fl-switch", aria_label="Versions of the methodology")


def _place(here: str, url: str, name: str, is_here: bool) -> Html:
    return link(here, url, name, aria_current="page" if is_here else None)


def _numbers(methodology: Methodology) -> Iterator[str]:
    """Workloads and scenarios as tables, every other number as a row."""
    yield heading(3, "Workloads")
    yield _struct_table("Workloads", methodology.workloads)
    yield heading(3, "Scenarios")
    yield _struct_table("Scenarios", methodology.scenarios)
    data = msgspec.to_builtins(methodology)
    groups = {name: value for name, value in data.items() if isinstance(value, dict)}
    single = {"day_seconds": data["day_seconds"]}
    for name, group in {"time": single, **groups}.items():
        yield heading(3, name.capitalize())
        yield method.values_table(name, group)


def _struct_table(label: str, structs: tuple[msgspec.Struct, ...]) -> Html:
    names = structs[0].__struct_fields__ if structs else ()
    lines = []
    for struct in structs:
        first, *rest = (prose.said(name, getattr(struct, name)) for name in names)
        cells = (tag("td", cell, class_="fl-n" if cell[:1].isdigit() else None) for cell in rest)
        lines.append(markup.row(first, *cells))
    return markup.simple_table(label, (method.key_words(name) for name in names), lines)


# -- what changed --------------------------------------------------------------------------------


def changes_pages(edition: Edition) -> Iterator[Page]:
    """/methodology/<new>/since-<old>/ for every version and the ones below it."""
    for version in edition.versions:
        for old in _before(edition, version.version):
            yield _changes_page(edition, old, version.version)


def _changes_page(edition: Edition, old: str, new: str) -> Page:
    url, texts = changes_url(old, new), edition.repository.methodologies
    numbers = impacts.number_changes(texts[old], texts[new])
    counts = {part: sum(each.part is part for each in numbers) for part in Part}
    summary = "; ".join(
        f"{figures.count(number, 'number')}: {PART_WORDS[part]}" for part, number in counts.items() if number
    )
    pairs = beside.paragraph_pairs(_prose(edition, old)[0], _prose(edition, new)[0])
    blocks: list[str] = [
        *_switch(edition, new, url, old),
        tag("p", f"By what each decides: {summary}." if summary else "No number differs."),
        heading(2, "Numbers"),
        *_numbers_blocks(numbers),
        heading(2, "Words"),
        *_words_blocks(pairs, old, new),
    ]
    return Page(
        url=url,
        title=f"What changed from {old} to {new}",
        description=f"Every number and every word in which methodology {new} differs from {old}.",
        blocks=blocks,
        crumbs=((_URL, "Methodology"), (methodology_url(new), new)),
        wide=True,
    )


def _numbers_blocks(numbers: Sequence[Difference]) -> Iterator[str]:
    """Values that were changed, in full; then, folded, those that only one of the two states."""
    changed = [each for each in numbers if each.before is not None and each.after is not None]
    new = [each for each in numbers if each.before is None]
    gone = [each for each in numbers if each.after is None]
    if changed:
        names = ("Value", "Was", "Is", "Decides")
        yield _numbers_table("Numbers that differ", names, changed, _changed_row)
    else:
        yield tag("p", "No number that both state differs.", class_="fl-empty")
    for title, name, found in (("stated for the first time", "Is", new), ("stated no longer", "Was", gone)):
        if found:
            table = _numbers_table(f"Numbers {title}", ("Value", name, "Decides"), found, _stated_row)
            summary = tag("summary", f"{figures.count(len(found), 'number')} {title}")
            yield tag("details", summary, table, class_="fl-fold")


def _numbers_table(
    label: str, names: Sequence[str], found: Sequence[Difference], line: Callable[[Difference], Html]
) -> Html:
    """Numbers in words, part of the file by part."""
    bodies = []
    for part, group in itertools.groupby(found, key=lambda each: each.path.partition(".")[0]):
        title = tag("th", method.key_words(part), colspan=len(names), scope="rowgroup")
        bodies.append(tag("tbody", tag("tr", title, class_="fl-group"), *map(line, group)))
    return markup.table(label, markup.head_row(*names), *bodies)


def _changed_row(each: Difference) -> Html:
    key = each.path.rpartition(".")[2]
    way = tag("small", _way(each), class_="fl-sub")
    was, is_ = method.said(key, each.before), method.said(key, each.after)
    return markup.row(_named(each), was, join((is_, way)), _decides(each))


def _stated_row(each: Difference) -> Html:
    value = each.after if each.before is None else each.before
    return markup.row(_named(each), method.said(each.path.rpartition(".")[2], value), _decides(each))


def _named(each: Difference) -> Html:
    """What an id names (``chat-c8``, ``50%``) is said as it is, a key in words."""
    *above, key = each.path.split(".")
    places = [method.key_words(one) if one.replace("_", "").isalpha() else one for one in above[1:]]
    label = ": ".join([*places, method.key_words(key)])
    return tag("th", label, tag("small", each.path, class_="fl-sub fl-wrap"), scope="row")


def _decides(each: Difference) -> Html:
    return tag("td", PART_WORDS[each.part], class_="fl-wide")


def _way(each: Difference) -> str:
    before, after = each.before, each.after
    if isinstance(before, bool) or isinstance(after, bool):
        return "changed"
    if isinstance(before, int | float) and isinstance(after, int | float):
        return "higher" if after > before else "lower"
    return "changed"


def _words_blocks(pairs: Sequence[beside.Pair] | None, old: str, new: str) -> Iterator[str]:
    if pairs is None:
        yield tag("p", "One of the two texts is too long to be compared here.", class_="fl-empty")
    elif not pairs:
        yield tag("p", "No word differs.", class_="fl-empty")
    else:
        note = "As written, numbers put in: what is gone is struck through, what is new is underlined."
        yield tag("p", note, class_="fl-note")
        yield beside.render_pairs(pairs[:_PAIRS_SHOWN], old, new)
        if len(pairs) > _PAIRS_SHOWN:
            yield tag("p", f"And {len(pairs) - _PAIRS_SHOWN} more paragraphs.")
