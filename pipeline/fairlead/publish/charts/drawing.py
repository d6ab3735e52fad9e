"""From specifications to pictures and files of a built site. Knows no row and no page's words.

The one place that runs Vega, offline and without leave to load anything. What it gives is read again, and
only elements and attributes that a chart needs are written: no script, style, address, identifier or font.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from pathlib import Path
from xml.etree import ElementTree as ET

from fairlead.cache import Cache
from fairlead.publish import markup
from fairlead.publish.charts.chart import Chart, Spec, canonical
from fairlead.publish.markup import Html, tag

#: The release of Vega-Lite that specifications are read by; the renderer holds several.
VEGA_LITE = "6.4"
BUNDLE = "assets/vega.js"
FOLDER = "charts"
_PLACE = re.compile(r"<!--fl-chart ([0-9a-f]{32})-->")


class DrawingError(Exception):
    """A specification of ours that Vega refuses, or whose picture holds what no chart of ours may."""


class Drawings:
    """Pictures that this process drew, by their charts; with a cache, those of earlier ones too."""

    def __init__(self, cache: Cache | None = None) -> None:
        self._cache = cache
        self._held: dict[str, Html] = {}

    def of(self, charts: Mapping[str, Chart], wanted: Set[str]) -> Mapping[str, Html]:
        """The pictures of ``wanted`` at least, by digest. Those of no chart in ``charts`` are let go."""
        self._held = {digest: picture for digest, picture in self._held.items() if digest in charts}
        texts = {digest: _text(charts[digest]) for digest in sorted(wanted - self._held.keys())}
        makers = {_key(text): functools.partial(render, text) for text in texts.values()}
        made = self._make(makers, charts)
        self._held |= {digest: embed(charts[digest], made[_key(text)]) for digest, text in texts.items()}
        return self._held

    def bundle(self, charts: Mapping[str, Chart]) -> str:
        """What explores charts."""
        return self._make({_BUNDLE_KEY: bundle}, charts)[_BUNDLE_KEY]

    def _make(
        self, makers: Mapping[bytes, Callable[[], str]], charts: Mapping[str, Chart]
    ) -> dict[bytes, str]:
        """What each maker makes, by its key; what an earlier process made is taken from the cache."""
        if not makers:
            return {}
        known = {key: value.decode() for key, value in self._cache.find(makers)} if self._cache else {}
        new = {key: make() for key, make in makers.items() if key not in known}
        if self._cache and new:
            used = {_BUNDLE_KEY, *(_key(_text(chart)) for chart in charts.values())}
            self._cache.keep({key: text.encode() for key, text in new.items()}, used=used)
        return known | new


def publish(built: Path, pages: Iterable[Path], charts: Mapping[str, Chart], drawings: Drawings) -> list[str]:
    """Put each picture in its place on these pages, specifications beside them, and what explores them.

    The names of the files that were not there yet; a specification is named by what is in it.
    """
    if not charts:
        return []
    places = {path: charts.keys() & _PLACE.findall(path.read_text("utf-8")) for path in sorted(pages)}
    pictures = drawings.of(charts, set().union(*places.values()))
    for path in (path for path, digests in places.items() if digests):
        text = path.read_text("utf-8")
        path.write_text(_PLACE.sub(lambda match: pictures.get(match[1], match[0]), text), "utf-8")
    makers: dict[str, Callable[[], str]] = {
        spec_path(digest): functools.partial(canonical, chart.spec) for digest, chart in charts.items()
    }
    makers[BUNDLE] = functools.partial(drawings.bundle, charts)
    new = [name for name in makers if not (built / name).exists()]
    (built / FOLDER).mkdir(exist_ok=True)
    for name in new:
        (built / name).write_text(makers[name](), "utf-8")
    return new


def spec_path(digest: str) -> str:
    """Where the specification of a chart lies in the site."""
    return f"{FOLDER}/{digest}.json"


def _text(chart: Chart) -> str:
    """What the picture of a chart is drawn from."""
    return canonical(still(chart.spec))


def _key(text: str) -> bytes:
    return hashlib.sha256(f"{VEGA_LITE} {text}".encode()).digest()


def still(spec: Spec) -> Spec:
    """The specification without what only a reader's hand can use: moving axes, marks that nobody sees."""
    seen = [layer for layer in spec["layer"] if layer["mark"].get("opacity") != 0]
    return {**spec, "layer": [{key: layer[key] for key in layer if key != "params"} for layer in seen]}


def render(spec: str) -> str:
    """A specification, as JSON, drawn as SVG of the kind that :func:`clean` writes.

    Raises:
        DrawingError: Vega refuses it, or draws what no chart of ours may hold.
    """
    import vl_convert

    try:
        drawn = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE, allowed_base_urls=[])
    except ValueError as error:
        raise DrawingError(str(error)) from error
    return clean(drawn)


_NOTICE = "/*! Vega, Vega-Lite, Vega-Embed and what they use: the notices are in vega-notices.txt */\n"
_SNIPPET = "window.vegaEmbed = vegaEmbed;"  # what chart.js asks for


def bundle() -> str:
    """Vega, Vega-Lite and Vega-Embed with the interpreter of expressions, as one script without an import."""
    import vl_convert

    return _NOTICE + vl_convert.javascript_bundle(_SNIPPET, vl_version=VEGA_LITE)


_BUNDLE_KEY = _key("bundle")


def embed(chart: Chart, picture: str) -> Html:
    """The picture with its title and description inside, for who does not see it."""
    head, rest = picture.split(">", 1)
    words = markup.join((tag("title", chart.title), tag("desc", chart.says)))
    return Html(f'{head} role="img">{words}{rest}')


# -- what a picture may hold ---------------------------------------------------------------------

_SVG = "{http://www.w3.org/2000/svg}"
_ELEMENTS = frozenset({"svg", "g", "path", "line", "rect", "text", "tspan"})
_GEOMETRY = {"d", "x", "y", "x1", "y1", "x2", "y2", "dx", "dy", "width", "height", "viewBox", "transform"}
_STROKES = {"", "-width", "-opacity", "-dasharray", "-dashoffset", "-linecap", "-linejoin"}
_PAINT = {"fill", "fill-opacity", "opacity", *(f"stroke{part}" for part in _STROKES)}
_KEPT = _GEOMETRY | _PAINT | {"text-anchor", "font-size", "font-weight"}
_NAMES = {"class", "version", "role", "aria-hidden", "aria-label", "aria-roledescription"}
_DROPPED = _NAMES | {"font-family", "pointer-events", "stroke-miterlimit", "display", "cursor", "dir"}
_VALUE = re.compile(r"[-+A-Za-z0-9.,() #%]*")  # no quote, colon, slash or ampersand
_FRACTION = re.compile(r"\d+\.\d{3,}")
_COLOUR_DEFAULTS = {("opacity", "1"), ("fill-opacity", "1"), ("stroke-opacity", "1")}


def clean(svg: str) -> str:
    """The drawing with nothing in it but shapes and words, and half its length.

    Raises:
        DrawingError: an element, attribute or value that no chart of ours has.
    """
    try:
        root = ET.fromstring(svg)  # noqa: S314 - what Vega wrote just now, from a spec of ours
    except ET.ParseError as error:
        raise DrawingError(f"Vega's drawing is not XML: {error}") from error
    return "".join(_written(root))


def _written(element: ET.Element) -> Iterator[str]:
    name = element.tag.removeprefix(_SVG)
    if name not in _ELEMENTS:
        raise DrawingError(f"a chart holds <{name}>")
    if element.get("display") == "none" or (name == "path" and not element.get("d", "").strip()):
        return
    kept = "".join(_attributes(element))
    inside = markup.escape(element.text or "") if name in ("text", "tspan") else ""
    inside += "".join(piece for child in element for piece in _written(child))
    if name == "g" and (not kept or not inside):
        yield inside
    elif name == "text" and not inside:
        return
    else:
        yield f"<{name}{kept}>{inside}</{name}>" if inside else f"<{name}{kept}/>"


def _attributes(element: ET.Element) -> Iterator[str]:
    for key, value in element.attrib.items():
        if key in _DROPPED or (key, value) in _COLOUR_DEFAULTS:
            continue
        if key not in _KEPT or _VALUE.fullmatch(value) is None or "url" in value:
            raise DrawingError(f"a chart holds {key}={value!r}")
        yield f' {key}="{_FRACTION.sub(_rounded, value)}"'


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.2f}".rstrip("0").rstrip(".")
