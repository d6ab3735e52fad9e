"""All records as flat tables, in CSV and Parquet, for whoever computes with them. Computes nothing new.

One struct a table: its fields are the columns, and what is said of them there is what the API's page, the
index of the tables and the Parquet files say. The bytes depend on the edition alone: lines in the order of
ids and times, no date and no name of a machine inside.
"""

from __future__ import annotations

import hashlib
import itertools
import types
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import msgspec

from fairlead import life, ranking, stats
from fairlead.cache import Cache
from fairlead.csvtext import csv_text
from fairlead.documents import Unreadable
from fairlead.metrics import REQUEST_METRICS, Undefined
from fairlead.model import RawFile
from fairlead.publish import figures
from fairlead.publish.edition import Edition, raw_url
from fairlead.ranking import Evidence, Row, withheld_of
from fairlead.windows import Header, Request, decode_window, digest

if TYPE_CHECKING:
    import pyarrow as pa

_LINES_AT_ONCE = 8192  # of a Parquet file, in memory and in a group of rows
FOLDER = "tables/"  # below the API's root
_REQUESTS = "requests/"  # below that: a table for each folder of windows


def _said(words: str) -> msgspec.Meta:
    return msgspec.Meta(description=words)


class _Whose(msgspec.Struct, frozen=True, kw_only=True):
    """What a line is about, first in each table."""

    row: Annotated[str, _said("the row's lasting id, as leaderboards/<model>.json names it")]
    model: Annotated[str, _said("the model's id")]
    scenario: Annotated[str, _said("the scenario of the methodology")]
    vantage: Annotated[str | None, _said("where it was measured from; empty: not recorded")]
    methodology: Annotated[str | None, _said("the methodology version; empty: another tool's")]
    provider: Annotated[str, _said("the provider's id")]
    endpoint: Annotated[str, _said("the endpoint's id at that provider")]
    origin: Annotated[str, _said("who measured: neutral (the board), claim (the provider) or imported")]
    role: Annotated[str, _said("subject, control or smoke")]


class FigureRecord(_Whose, frozen=True, kw_only=True):
    """Every published number: a line for each figure of each row."""

    state: Annotated[str, _said("ranked, or not ranked with every reason")]
    disputes: Annotated[str, _said("the disputes about the row, parted by spaces")]
    first: Annotated[str, _said("when its oldest window that counts began, in UTC")]
    last: Annotated[str, _said("when its newest window that counts ended, in UTC")]
    figure: Annotated[str, _said("the figure's name")]
    unit: Annotated[str, _said("the unit of value, low and high")]
    value: Annotated[float | None, _said("the figure; empty: see reason")]
    low: Annotated[float | None, _said("lower end of its interval")]
    high: Annotated[float | None, _said("upper end of its interval")]
    n: Annotated[int, _said("requests behind it")]
    windows: Annotated[int, _said("windows behind it, the independent units of the interval")]
    rank_best: Annotated[int | None, _said("the best place that the data allows; empty: no rank")]
    rank_worst: Annotated[int | None, _said("the worst place that the data allows")]
    rank_of: Annotated[int | None, _said("of so many rows")]
    reason: Annotated[str | None, _said("why there is no value, no interval or no rank")]


class WindowRecord(_Whose, frozen=True, kw_only=True):
    """Every window that a row rests on, with figures of that window alone, which have no interval."""

    path: Annotated[str, _said("its raw file in the repository")]
    raw: Annotated[str, _said("its raw file on this site")]
    sha256: Annotated[str | None, _said("of the raw file")]
    round: Annotated[str | None, _said("the neutral round that it belongs to")]
    start_unix_ns: Annotated[int, _said("when it began, ns after 1970-01-01 UTC")]
    duration_ns: Annotated[int | None, _said("how long it was, ns")]
    planned: Annotated[int, _said("requests that were to be sent")]
    requests: Annotated[int, _said("requests that are charged: all but those that were our own fault")]
    successes: Annotated[int, _said("requests that ended well")]
    failures: Annotated[str, _said("how many failed in which way, such as: rate_limited 3; timeout 1")]
    counts: Annotated[bool, _said("whether it counts by the methodology's limits")]
    invalid: Annotated[str, _said("why it does not count")]
    success_rate: Annotated[float | None, _said("successes / requests, a share from 0 to 1")]
    ttft_p50_ms: Annotated[float | None, _said("TTFT p50, ms")]
    ttft_p95_ms: Annotated[float | None, _said("TTFT p95, ms")]
    e2e_p50_ms: Annotated[float | None, _said("E2E latency p50, ms")]
    tpot_p50_ms: Annotated[float | None, _said("TPOT p50, ms a token")]
    output_speed_p50_tps: Annotated[float | None, _said("output speed p50 of one reader, tokens a second")]
    system_throughput_tps: Annotated[float | None, _said("over its steady part, tokens a second")]
    lag_p99_ms: Annotated[float | None, _said("our own client's lag p99, ms; empty: no kernel stamps")]
    schedule_delay_p99_ms: Annotated[float | None, _said("our own delay p99 of an open loop, ms")]


class RequestRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Every request of a folder: its stamps and numbers, without texts and single chunks."""

    path: Annotated[str, _said("the window's raw file in the repository")]
    provider: Annotated[str, _said("the provider's id")]
    endpoint: Annotated[str, _said("the endpoint's id at that provider")]
    model: Annotated[str, _said("the model's id")]
    scenario: Annotated[str, _said("the scenario of the methodology")]
    round: Annotated[str | None, _said("the neutral round")]
    i: Annotated[int, _said("the request's number in its window; it is line i + 2 of the raw file")]
    slot: Annotated[int | None, _said("the stream of a closed loop")]
    probe: Annotated[str | None, _said("the probe that its prompt carried")]
    outcome: Annotated[str, _said("ok, or the class of failure")]
    status: Annotated[int | None, _said("HTTP status")]
    finish: Annotated[str | None, _said("the finish reason, as the provider states it")]
    error_code: Annotated[str | None, _said("the code of a failure")]
    scheduled_ns: Annotated[int | None, _said("when it was due, ns after the window's origin")]
    sent_ns: Annotated[int | None, _said("when it was sent, ns after the window's origin")]
    headers_ns: Annotated[int | None, _said("when its headers came, ns after the window's origin")]
    done_ns: Annotated[int | None, _said("when it ended, ns after the window's origin")]
    reused: Annotated[bool | None, _said("whether it came over an open connection")]
    dns_ns: Annotated[int | None, _said("how long the look-up took, ns")]
    tcp_ns: Annotated[int | None, _said("how long connecting took, ns")]
    tls_ns: Annotated[int | None, _said("how long TLS took, ns")]
    chunks: Annotated[int, _said("content chunks")]
    tokens_counted: Annotated[int | None, _said("output tokens by the pinned tokenizer")]
    tokens_usage_output: Annotated[int | None, _said("output tokens, as the provider states them")]
    tokens_usage_input: Annotated[int | None, _said("input tokens, as the provider states them")]
    tokens_usage_cached: Annotated[int | None, _said("cached input tokens, as the provider states them")]
    tokens_usage_reasoning: Annotated[int | None, _said("reasoning tokens, as the provider states them")]
    ttft_ms: Annotated[float | None, _said("TTFT, ms")]
    e2e_ms: Annotated[float | None, _said("E2E latency, ms")]
    tpot_ms: Annotated[float | None, _said("TPOT, ms a token")]
    output_speed_tps: Annotated[float | None, _said("output speed, tokens a second")]
    icl_max_ms: Annotated[float | None, _said("longest gap between content chunks, ms")]
    first_gap_paces: Annotated[float | None, _said("first gap, in mean later gaps")]


Record = type[FigureRecord] | type[WindowRecord] | type[RequestRecord]

TABLES: dict[str, Record] = {"figures": FigureRecord, "windows": WindowRecord, "requests": RequestRecord}


# -- columns -------------------------------------------------------------------------------------


class Column(NamedTuple):
    """A column: the type is ``text``, ``integer``, ``number`` or ``boolean``."""

    name: str
    type: str
    nullable: bool
    description: str


_TYPES = {str: "text", int: "integer", float: "number", bool: "boolean"}


def columns(record: Record) -> list[Column]:
    """The columns of a table, from its struct."""
    found = []
    for name, hint in typing.get_type_hints(record, include_extras=True).items():
        inner, meta = typing.get_args(hint)
        options = typing.get_args(inner) if isinstance(inner, types.UnionType) else (inner,)
        kind = next(option for option in options if option is not types.NoneType)
        found.append(Column(name, _TYPES[kind], len(options) > 1, meta.description))
    return found


# -- lines ---------------------------------------------------------------------------------------


def figure_records(edition: Edition) -> Iterator[FigureRecord]:
    """A line for each figure of each row, in the order of their ids."""
    for row in sorted(edition.rows, key=lambda row: row.id):
        about: dict[str, Any] = {
            **_whose(row),
            "state": f"not ranked: {'; '.join(row.unranked)}" if row.unranked else "ranked",
            "disputes": " ".join(dispute.id for dispute in life.disputes_of(edition.lives, row)),
            "first": figures.instant(row.first_unix_ns),
            "last": figures.instant(row.last_unix_ns),
        }
        withheld = withheld_of(row)
        for name, estimate in row.figures.items():
            rank = row.ranks.get(name)
            yield FigureRecord(
                **about,
                figure=name,
                unit="share" if name.endswith("_rate") else figures.unit(name),
                value=estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n,
                windows=estimate.windows,
                rank_best=rank.best if rank else None,
                rank_worst=rank.worst if rank else None,
                rank_of=rank.of if rank else None,
                reason=estimate.reason or withheld.get(name),
            )


def _whose(row: Row) -> dict[str, Any]:
    family = row.family
    return {
        "row": row.id,
        "model": family.model,
        "scenario": family.scenario,
        "vantage": family.vantage,
        "methodology": family.methodology,
        "provider": row.provider,
        "endpoint": row.endpoint,
        "origin": str(row.origin),
        "role": row.role,
    }


def window_records(edition: Edition) -> Iterator[WindowRecord]:
    """A line for each window, in the order of rows, then of time."""
    for row in sorted(edition.rows, key=lambda row: row.id):
        for item in sorted(row.evidence, key=lambda item: (item.head.start_unix_ns, item.path)):
            yield _window_record(edition, row, item)


def _window_record(edition: Edition, row: Row, item: Evidence) -> WindowRecord:
    table, listed = item.table, edition.raw_files.get(item.path)
    values: dict[str, Any] = {
        name: ranking.window_value(table, figures.FIGURE[name]) for name in _WINDOW_FIGURES
    }
    failures = sorted((str(outcome), number) for outcome, number in table.outcomes.items() if outcome != "ok")
    delays = table.schedule_delay_ms
    return WindowRecord(
        **_whose(row),
        path=item.path,
        raw=raw_url(item.path),
        sha256=listed.sha256 if listed else None,
        round=table.header.round,
        start_unix_ns=table.start_unix_ns,
        duration_ns=table.header.clock.duration_ns,
        planned=table.header.load.planned,
        requests=table.requests,
        successes=table.successes,
        failures="; ".join(f"{outcome} {number}" for outcome, number in failures),
        counts=not item.invalid,
        invalid="; ".join(item.invalid),
        success_rate=table.successes / table.requests if table.requests else None,
        **values,
        system_throughput_tps=None if isinstance(table.throughput_tps, Undefined) else table.throughput_tps,
        lag_p99_ms=table.lag_p99_ms,
        schedule_delay_p99_ms=stats.quantile(delays, 0.99) if delays else None,
    )


_WINDOW_FIGURES = ("ttft_p50_ms", "ttft_p95_ms", "e2e_p50_ms", "tpot_p50_ms", "output_speed_p50_tps")


def request_records(edition: Edition, items: Iterable[Evidence]) -> Iterator[RequestRecord]:
    """A line for each request of these windows, read from the raw files again.

    Raises:
        Unreadable, windows.WindowError: a raw file is not what its manifest lists.
    """
    for item in items:
        window = decode_window(_raw_bytes(edition, item.path))
        for request in window.requests:
            yield _request_record(item, window.header, request)


def _raw_bytes(edition: Edition, path: str) -> bytes:
    try:
        data = edition.repository.read_raw(path)
    except Unreadable as error:
        raise Unreadable(error.code, f"{path}: {error.message}") from None
    listed = edition.raw_files.get(path)
    if listed is not None and digest(data) != listed.sha256:
        raise Unreadable("SUB007", f"{path}: its bytes are not those that its manifest lists")
    return data


def _request_record(item: Evidence, header: Header, request: Request) -> RequestRecord:
    kind, connection, tokens = header.load.kind, request.connection, request.tokens
    numbers = {name: (metric(request, kind), factor) for name, (metric, factor) in REQUEST_METRICS.items()}
    return RequestRecord(
        path=item.path,
        provider=header.provider,
        endpoint=header.endpoint,
        model=header.model,
        scenario=item.scenario,
        round=header.round,
        i=request.i,
        slot=request.slot,
        probe=request.probe,
        outcome=str(request.outcome),
        status=request.status,
        finish=request.finish,
        error_code=request.error.code if request.error else None,
        scheduled_ns=request.scheduled_ns,
        sent_ns=request.sent_ns,
        headers_ns=request.headers_ns,
        done_ns=request.done_ns,
        reused=connection.reused,
        dns_ns=connection.dns_ns,
        tcp_ns=connection.tcp_ns,
        tls_ns=connection.tls_ns,
        chunks=len(request.chunk_ns),
        tokens_counted=tokens.counted,
        tokens_usage_output=tokens.usage_output,
        tokens_usage_input=tokens.usage_input,
        tokens_usage_cached=tokens.usage_cached,
        tokens_usage_reasoning=tokens.usage_reasoning,
        **{name: None if value is None else value * factor for name, (value, factor) in numbers.items()},
    )


# -- CSV and Parquet -----------------------------------------------------------------------------


def as_csv(record: Record, lines: Iterable[msgspec.Struct]) -> str:
    """A table as CSV."""
    names = [column.name for column in columns(record)]
    return csv_text(names, ([getattr(line, name) for name in names] for line in lines))


def write_parquet(path: Path, record: Record, lines: Iterable[msgspec.Struct]) -> None:
    """A table as Parquet, compressed; each column carries its description."""
    import pyarrow as pa
    from pyarrow import parquet

    shape = columns(record)
    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    fields = [
        pa.field(one.name, kinds[one.type], one.nullable, {"description": one.description}) for one in shape
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    schema, left = pa.schema(fields), iter(lines)
    with parquet.ParquetWriter(path, schema, compression="zstd", version="2.6") as writer:
        writer.write_table(_arrow(schema, itertools.islice(left, _LINES_AT_ONCE)))
        while part := list(itertools.islice(left, _LINES_AT_ONCE)):
            writer.write_table(_arrow(schema, part))


def _arrow(schema: pa.Schema, lines: Iterable[msgspec.Struct]) -> pa.Table:
    import pyarrow as pa

    held: dict[str, list[Any]] = {name: [] for name in schema.names}
    for line in lines:
        for name, cells in held.items():
            cells.append(getattr(line, name))
    arrays = [pa.array(held[field.name], type=field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


# -- files ---------------------------------------------------------------------------------------


def files(edition: Edition) -> Iterator[tuple[str, str, int]]:
    """Every file: its table, its path below the API's root, and how many lines it holds."""
    numbers = {
        "figures": sum(len(row.figures) for row in edition.rows),
        "windows": sum(len(row.evidence) for row in edition.rows),
    }
    for name, lines in numbers.items():
        for ending in ("csv", "parquet"):
            yield name, f"{FOLDER}{name}.{ending}", lines
    for folder, items in edition.folders.items():
        lines = sum(sum(item.head.outcomes.values()) for item in items)
        yield "requests", f"{FOLDER}{_REQUESTS}{folder}.parquet", lines


def tables_data(edition: Edition) -> dict[str, Any]:
    """The index of the tables: their columns, and every file."""
    listed = list(files(edition))
    return {
        "tables": [
            {
                "name": name,
                "title": title(record),
                "columns": [column._asdict() for column in columns(record)],
                "files": [{"path": path, "lines": lines} for of, path, lines in listed if of == name],
            }
            for name, record in TABLES.items()
        ]
    }


def title(record: Record) -> str:
    """What a line of the table is, in a sentence."""
    return (record.__doc__ or "").strip().partition("\n")[0]


def tables(edition: Edition) -> Iterator[tuple[str, Record, Iterator[msgspec.Struct]]]:
    """Every table: its path without an ending, what a line is, and its lines, made as they are asked for."""
    yield "figures", FigureRecord, figure_records(edition)
    yield "windows", WindowRecord, window_records(edition)
    for folder, items in edition.folders.items():
        yield f"{_REQUESTS}{folder}", RequestRecord, request_records(edition, items)


def write(
    edition: Edition, folder: Path, before: Edition | None = None, cache: Cache | None = None
) -> list[str]:
    """Write every table below a folder, the API's root; their paths there. Some requests are held at a time.

    The requests of windows that ``before`` had, bytes and all, are there already. ``cache``: tables of
    requests that an earlier build made; its entries are large.

    Raises:
        Unreadable, windows.WindowError: a raw file was changed meanwhile.
    """
    written, keys = [], _keys(edition) if cache else {}
    for name, record, found in tables(edition):
        table, text = (f"{FOLDER}{name}.{ending}" for ending in ("parquet", "csv"))
        of = name.removeprefix(_REQUESTS)
        if record is not RequestRecord:
            lines = list(found)
            write_parquet(folder / table, record, lines)
            (folder / text).write_bytes(as_csv(record, lines).encode())
            written += [table, text]
        elif before is None or _bytes_of(before, of) != _bytes_of(edition, of):
            if cache is None or of not in keys:
                write_parquet(folder / table, record, found)
            elif not _take(folder / table, cache, keys[of]):
                write_parquet(folder / table, record, found)
                cache.keep({keys[of]: (folder / table).read_bytes()}, used=set(keys.values()))
            written.append(table)
    return written


def _take(path: Path, cache: Cache, key: bytes) -> bool:
    """Write what the cache holds, if it does."""
    made = dict(cache.find([key])).get(key)
    if made is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made)
    return True


def _keys(edition: Edition) -> dict[str, bytes]:
    """By folder, a digest of all that its requests depend on but the code: its windows' paths and bytes."""
    found = {folder: _bytes_of(edition, folder) for folder in edition.folders}
    return {
        folder: hashlib.sha256(msgspec.json.encode(windows)).digest()
        for folder, windows in found.items()
        if all(listed for _, listed in windows)  # else nobody says what its bytes are
    }


def _bytes_of(edition: Edition, folder: str) -> list[tuple[str, RawFile | None]]:
    """The windows of a folder, each with what its manifest says of its bytes."""
    return [(item.path, edition.raw_files.get(item.path)) for item in edition.folders.get(folder, ())]
