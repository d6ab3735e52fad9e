"""Badges for a provider's own pages: what the board says of one row, in words, as SVG. Ranks nothing.

A badge is never more flattering than the row. Which row it speaks of is settled before any figure is looked
at, and whatever weakens the row (no rank, age, a dispute, a method that no vote has ratified) is on it.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from fairlead import life
from fairlead.clock import moment_of, unix_ns_of
from fairlead.problems import visible
from fairlead.profile import AgeState, age_state
from fairlead.publish import figures, markup
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, tag
from fairlead.publish.rows import row_url
from fairlead.ranking import Family, Origin, Row, methodology_of

FOLDER = "badges/"
NAME_MAX = 40  # characters of a model's name, and of the words of a reason; the title holds them whole
REASON_MAX = 60


@dataclasses.dataclass(frozen=True, slots=True)
class Badge:
    """One badge: its path, the name and the words on it, the whole sentence, and where the row stands."""

    provider: str
    model: str
    path: str
    name: str
    words: str
    sentence: str
    row_url: str

    @property
    def widths(self) -> tuple[int, int]:
        """How wide the name and the words are set, in px."""
        return round(text_width(self.name)), round(text_width(self.words))

    @property
    def width(self) -> int:
        """How wide the whole is, in px."""
        return sum(self.widths) + 4 * _PAD


def badges(edition: Edition, provider: str) -> list[Badge]:
    """The badges of a provider: one for each of its :func:`models`."""
    return [_badge(edition, provider, model) for model in models(edition, provider)]


def models(edition: Edition, provider: str) -> list[str]:
    """The models that a provider has a row of, and so a badge for."""
    return sorted({row.family.model for row in edition.rows_where(provider=provider)})


def badge_path(provider: str, model: str) -> str:
    """Where a badge lies in the site."""
    return f"{FOLDER}{provider}/{model}.svg"


# -- which row -----------------------------------------------------------------------------------


def row_of(edition: Edition, provider: str, model: str) -> Row:
    """The row that a badge speaks of.

    A neutral one, else an import, else a claim; in the first family of the model by the method in force, the
    order of its scenarios and how many rows are there; of several endpoints the one that the board lets
    stand for the company, else the first that the provider lists.
    """
    rows = edition.rows_where(model=model)
    own = [row for row in rows if row.provider == provider]
    order = (Origin.NEUTRAL, Origin.IMPORTED, Origin.CLAIM)
    origin = min((row.origin for row in own), key=order.index)
    candidates = [row for row in own if row.origin == origin]
    subjects = [row for row in candidates if row.role == "subject"] or candidates
    family = min({row.family for row in subjects}, key=lambda family: _place(edition, rows, family))
    entry = edition.repository.providers.get(provider)
    listed = [endpoint.id for endpoint in entry.endpoints] if entry else []

    def standing(row: Row) -> tuple[bool, int, str]:
        place = listed.index(row.endpoint) if row.endpoint in listed else len(listed)
        return not row.ranks, place, row.id

    return min((row for row in subjects if row.family == family), key=standing)


def _place(edition: Edition, rows: Sequence[Row], family: Family) -> tuple[Any, ...]:
    current = edition.current.version if edition.current else None
    versions = [version.version for version in edition.versions]
    age = -versions.index(family.methodology) if family.methodology in versions else 1
    methodology = edition.repository.methodologies.get(family.methodology or "")
    scenarios = [scenario.id for scenario in methodology.scenarios] if methodology else []
    scenario = scenarios.index(family.scenario) if family.scenario in scenarios else len(scenarios)
    number = sum(row.family == family for row in rows)
    last = tuple(part or "~" for part in dataclasses.astuple(family))
    return family.methodology != current, age, scenario, -number, last


# -- what it says --------------------------------------------------------------------------------


def _badge(edition: Edition, provider: str, model: str) -> Badge:
    row = row_of(edition, provider, model)
    name = f"Fairlead · {edition.model_name(model)}"
    place = f"{row.family.scenario} from {row.family.vantage or 'an unrecorded place'}"
    state = _state(edition, row)
    asof = f"as of {moment_of(row.last_unix_ns):%Y-%m}"
    marks = tuple(_marks(edition, row))
    words = " · ".join([_cut(state[0], REASON_MAX), *state[1:], place, *marks, asof])
    whole = " · ".join([*state, place, *marks, asof])
    sentence = f"{edition.provider_name(provider)} on Fairlead, {edition.model_name(model)}: {whole}"
    return Badge(
        provider=provider,
        model=model,
        path=badge_path(provider, model),
        name=_cut(visible(name), NAME_MAX),
        words=visible(words),
        sentence=visible(sentence),
        row_url=row_url(row),
    )


_MARKED = ("dispute ", "suspended ")  # reasons that are a mark of their own


def _state(edition: Edition, row: Row) -> list[str]:
    """Its rank by the methodology's first figure that it has a rank by, else every reason why it has none."""
    if row.unranked:
        said = [reason for reason in row.unranked if not reason.startswith(_MARKED)]
        return [f"not ranked: {'; '.join(said)}" if said else "not ranked"]
    methodology = methodology_of(edition.repository.methodologies, row.family.methodology)
    for name in methodology.ranking.metrics:
        label = figures.FIGURE[name].label
        if name in row.withheld:  # the next figure would speak for one that says nothing good
            return [f"no rank by {label}: {row.withheld[name]}"]
        if name in row.ranks:
            return [f"rank {row.ranks[name].words}", label]
    return ["no rank"]


def _marks(edition: Edition, row: Row) -> Iterator[str]:
    """What else a reader of the row would see."""
    methodology = methodology_of(edition.repository.methodologies, row.family.methodology)
    age = age_state(row.last_unix_ns, unix_ns_of(edition.now), methodology.ranking)
    if age is not AgeState.FRESH:
        yield "stale" if age in (AgeState.STALE, AgeState.EXPIRED) else "dated in the future"
    disputes = life.disputes_of(edition.lives, row)
    if any(dispute.is_in_effect for dispute in disputes):
        yield "dispute in effect"
    elif any(dispute.suspended_until for dispute in disputes):
        yield "suspended"
    elif any(dispute.is_open for dispute in disputes):
        yield "disputed"
    version = edition.repository.versions.get(row.family.methodology or "")
    if version is not None and version.state == "superseded":
        yield "by a superseded methodology"
    elif version is None or version.state != "ratified":
        yield "unratified"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


# -- the picture ---------------------------------------------------------------------------------

_SIZE = 11
_HEIGHT = 20
_PAD = 7
# Helvetica's advance widths of ASCII 32 to 126, in thousandths of the size, as Adobe's metrics state them.
_WIDTHS = (
    *(278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278),
    *(556,) * 10,
    *(278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833),
    *(722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556),
    *(556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556),
    *(500, 722, 500, 500, 500, 334, 260, 334, 584),
)


def text_width(text: str) -> float:
    """How wide a text is set, in px: by Helvetica; beyond ASCII a wide character is as wide as it is high."""
    return sum(map(_advance, text)) * _SIZE / 1000


def _advance(character: str) -> int:
    if " " <= character <= "~":
        return _WIDTHS[ord(character) - 32]
    if unicodedata.combining(character):
        return 0
    return 1000 if unicodedata.east_asian_width(character) in "WF" else 278 if character == "·" else 600


def svg(badge: Badge) -> str:
    """The badge. The text is fitted to its width, so that another font cannot spill it."""
    (left, right), whole = badge.widths, badge.width
    split = left + 2 * _PAD
    words = [
        tag("title", badge.sentence),
        tag("rect", width=split, height=_HEIGHT, fill="#24292f"),
        tag("rect", x=split, width=whole - split, height=_HEIGHT, fill="#0b4f6c"),
        _text(badge.name, _PAD, left),
        _text(badge.words, split + _PAD, right),
    ]
    attributes = {"viewBox": f"0 0 {whole} {_HEIGHT}", "role": "img", "aria_label": badge.sentence}
    namespace = "http://www.w3.org/2000/svg"
    return tag("svg", *words, xmlns=namespace, width=whole, height=_HEIGHT, **attributes) + "\n"


def _text(text: str, x: int, width: int) -> Html:
    return tag(
        "text",
        text,
        x=x,
        y=14,
        fill="#ffffff",
        font_family="Helvetica,Arial,Liberation Sans,sans-serif",
        font_size=_SIZE,
        textLength=width,
        lengthAdjust="spacingAndGlyphs",
    )


def render(edition: Edition) -> Iterator[tuple[str, str]]:
    """Every badge as path and text."""
    for provider in edition.repository.providers:
        for badge in badges(edition, provider):
            yield badge.path, svg(badge)


# -- on the provider's page ----------------------------------------------------------------------


def blocks(edition: Edition, provider: str, here: str) -> Iterator[str]:
    """Each badge, and what to paste to show it elsewhere."""
    found = badges(edition, provider)
    if not found:
        return
    yield markup.heading(2, "Badges", "badges")
    note = "A badge says what the row says, and changes with it. It is one picture, and loads nothing else."
    yield tag("p", note, class_="fl-note")
    root = edition.site_url or "https://<this site>/"
    for badge in found:
        source = markup.relative(here, badge.path)
        yield tag(
            "p",
            tag("img", src=source, alt=badge.sentence, width=badge.width, height=_HEIGHT),
        )
        # What is pasted stays as it is: its words must hold whatever becomes of the row.
        alternative = f"{edition.provider_name(provider)} on Fairlead: {edition.model_name(badge.model)}"
        image = f'<img src="{root}{badge.path}" alt="{markup.escape(alternative)}" height="{_HEIGHT}">'
        snippets = (
            ("Markdown", f"[![{_plain(alternative)}]({root}{badge.path})]({root}{badge.row_url})"),
            ("HTML", f'<a href="{root}{badge.row_url}">{image}</a>'),
        )
        code = (markup.join((tag("p", kind), tag("pre", tag("code", text)))) for kind, text in snippets)
        title = f"To embed it: {edition.model_name(badge.model)}"
        yield tag("details", tag("summary", title), *code, class_="fl-fold")


def _plain(text: str) -> str:
    """A text as the alternative of a picture in Markdown: letters, digits, and signs that mark nothing."""
    return "".join(sign if sign.isalnum() or sign in " ,.:;·–-%/" else " " for sign in text).strip()
