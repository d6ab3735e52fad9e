"""How the board works, for its pages: values in words, state, rules, glossary. Types no number itself.

Every number is taken from the YAML, every definition from the docstring of the function that
computes it, every rule from the catalogue that the checks use; so a page cannot drift from the code.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

from fairlead import cost, fidelity, fronts, governance, metrics, profile, ranking, smoothness, stats
from fairlead.measure import workload
from fairlead.model import Rules
from fairlead.publish import figures, markup, prose
from fairlead.publish.edition import Edition
from fairlead.publish.markup import Html, heading, join, number_cell, number_head, tag
from fairlead.rules import GROUPS, RULES

STATE_WORDS = {
    "draft": "a draft: nobody has voted on it",
    "candidate": "a release candidate: not ratified yet",
    "ratified": "ratified by vote",
    "superseded": "superseded by a later version",
}


# -- values of a YAML file in words ----------------------------------------------------------------


def values_table(label: str, group: Mapping[str, prose.Json]) -> Html:
    """Names and values of one part of a YAML file."""
    lines = []
    for name, value in group.items():
        parts = value if isinstance(value, dict) else {name: value}
        for key, one in parts.items():
            words = (
                f"{key_words(name)}: {key_words(key).lower()}" if isinstance(value, dict) else key_words(name)
            )
            shown = said(key, one)
            lines.append(markup.row(words, number_cell(shown)))
    return markup.simple_table(label, ("Name", number_head("Value")), lines)


def said(name: str, value: prose.Json) -> str:
    """A value on one line; of an entry of a list, each of its parts with its name."""
    if isinstance(value, dict):
        return " ".join(f"{key} {prose.said(key, one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return (", " if not any(isinstance(each, dict) for each in value) else "; ").join(
            said(name, each) for each in value
        ) or "none"
    return prose.said(name, value)


_UNIT_WORDS = {
    "ns": "ns",
    "ms": "ms",
    "tps": "tokens/s",
    "days": "days",
    "seconds": "s",
    "hours": "hours",
    "months": "months",
}
_ACRONYMS = {"ttft": "TTFT", "e2e": "E2E", "id": "Id", "usd": "USD"}


def key_words(name: str) -> str:
    """A key in words: ``token_error_p99_ms`` -> Token error p99 (ms)."""
    parts = name.rstrip("_").split("_")
    unit = _UNIT_WORDS.get(parts[-1]) if len(parts) > 1 else None
    kept = parts[:-1] if unit else [part for part in parts if part != "share"] or parts
    text = " ".join(_ACRONYMS.get(part, part) for part in kept)
    text = re.sub(r"\bmin$", "at least", re.sub(r"\babove$", "above", text))
    return text[:1].upper() + text[1:] + (f" ({unit})" if unit else "")


# -- governance ----------------------------------------------------------------------------------


def rule_numbers(rules: Rules) -> Iterator[str]:
    """Every number of the rules, part by part."""
    data = msgspec.to_builtins(rules)
    single = {
        name: value
        for name, value in data.items()
        if not isinstance(value, dict) and name not in ("schema_version", "notes")
    }
    groups = {name: value for name, value in data.items() if isinstance(value, dict)}
    for name, group in {"counting": single, **groups}.items():
        yield heading(3, key_words(name))
        yield values_table(name, group)


def founding_gaps(edition: Edition) -> list[str]:
    """What is missing for the state *founding* to end, in words; empty when it has ended."""
    register = governance.register_of(edition.repository)
    if register is None:
        return ["No rules are in force."]
    return list(governance.founding_at(register, edition.now).gaps)


def state(edition: Edition) -> Iterator[str]:
    """What has been decided by a vote, what has not, and what of the results is ranked."""
    current = edition.current
    if current is None:
        yield tag("p", "There is no methodology yet.")
    else:
        yield tag("p", f"Methodology {current.version} is {STATE_WORDS[current.state]}.")
    gaps = founding_gaps(edition)
    if gaps:
        yield tag("p", "The board is ", tag("strong", "founding"), ", and no vote can be held yet:")
        yield markup.bullets(gaps)
    else:
        yield tag("p", "The board is seated: votes can be held.")


def banner(edition: Edition) -> Html:
    """The line on top of every page: what has not been decided yet. Empty when all has."""
    parts: list[str] = []
    current = edition.current
    if current is None or current.state != "ratified":
        state = (
            f"methodology {current.version} is {STATE_WORDS[current.state]}"
            if current
            else "there is no methodology yet"
        )
        parts.append(state)
    if founding_gaps(edition):
        parts.append("the board is still being founded")
    if not parts:
        return Html("")
    return join(
        (tag("strong", "Unratified."), " " + "; ".join(parts)[:1].upper() + "; ".join(parts)[1:] + ".")
    )


# -- fragments of hand-written pages -------------------------------------------------------------


def rules_blocks() -> list[str]:
    """Every rule of the checks: one anchor a code."""
    blocks: list[str] = []
    for group, title in GROUPS.items():
        blocks.append(heading(2, f"{group}: {title}", f"group-{group.lower()}"))
        for rule in RULES.values():
            if re.fullmatch(f"{group}[0-9]+", rule.code) is None:
                continue
            blocks.append(heading(3, f"{rule.code} {rule.title}", rule.code.lower()))
            blocks.append(
                tag(
                    "div",
                    tag(
                        "p",
                        tag("span", rule.severity, class_=f"fl-state fl-{rule.severity}"),
                        " ",
                        _code(rule.why),
                    ),
                    tag("p", tag("b", "Fix. "), _code(rule.fix)),
                    class_="fl-rule-text",
                )
            )
    return blocks


#: What the glossary explains, by the anchor of its entry: a function whose docstring says it.
GLOSSARY: Mapping[str, Callable[..., object]] = {
    "start": metrics.start_ns,
    "ttft": metrics.ttft_ns,
    "e2e": metrics.e2e_ns,
    "output-tokens": metrics.output_tokens,
    "tpot": metrics.tpot_ns,
    "output-speed": metrics.output_speed_tps,
    "icl": metrics.icl_ns,
    "icl-p99": smoothness.icl_p99_ms,
    "stutter": smoothness.stutter_share,
    "tokens-per-chunk": smoothness.tokens_per_chunk,
    "same-read": smoothness.same_read_share,
    "bundled": smoothness.bundled,
    "held-back": smoothness.held_back,
    "early-first-chunk": smoothness.early_first,
    "metronome": smoothness.metronome,
    "system-throughput": metrics.system_throughput_tps,
    "quantile": stats.quantile,
    "quantile-interval": stats.quantile_estimates,
    "success-adjusted": stats.adjusted_quantile_estimates,
    "success-rate": stats.share_estimate,
    "ratio-interval": stats.ratio_estimate,
    "throughput-interval": stats.mean_estimate,
    "comparison": stats.compare,
    "many-comparisons": stats.holm,
    "drift": profile.drift,
    "curve": fronts.curve,
    "front": fronts.pareto_front,
    "billed-requests": cost.is_billed,
    "billed-input": cost.billed_input,
    "billed-output": cost.billed_output,
    "blended-price": cost.blended_usd_per_mtok,
    "cost-per-success": cost.usd_per_success,
    "answers": fidelity.observe,
    "right-answers": workload.score,
    "fidelity": fidelity.judge,
    "output-length": fidelity.length_shares,
    "caching": fidelity.caching,
}

_NAMES = {
    "start": "Start",
    "ttft": "TTFT",
    "e2e": "E2E latency",
    "output-tokens": "Output tokens",
    "tpot": "TPOT",
    "output-speed": "Output speed",
    "icl": "ICL",
    "icl-p99": "ICL p99",
    "stutter": "Stutter",
    "tokens-per-chunk": "Tokens per chunk",
    "same-read": "Same read",
    "bundled": "Bundled",
    "held-back": "Held back",
    "early-first-chunk": "Early first chunk",
    "metronome": "Metronome",
    "system-throughput": "System throughput",
    "quantile": "Quantile",
    "quantile-interval": "Interval of a quantile",
    "success-adjusted": "Success-adjusted quantile",
    "success-rate": "Success rate and its interval",
    "ratio-interval": "Interval of a ratio of sums",
    "throughput-interval": "Interval of the throughput",
    "comparison": "Comparison of two rows",
    "many-comparisons": "Many comparisons at once",
    "drift": "Drift",
    "curve": "Curve over concurrency",
    "front": "Pareto front",
    "billed-requests": "Billed requests",
    "billed-input": "Billed input",
    "billed-output": "Billed output",
    "blended-price": "Blended price",
    "cost-per-success": "Cost per success",
    "answers": "Answers",
    "right-answers": "Right answers",
    "fidelity": "Fidelity",
    "output-length": "Output length",
    "caching": "Caching",
}


def glossary_blocks() -> list[str]:
    """Every term as the code computes it."""
    blocks: list[str] = []
    for anchor, function in GLOSSARY.items():
        blocks.append(heading(2, _NAMES[anchor], anchor))
        text = inspect.getdoc(function) or ""
        blocks += [tag("p", _code(paragraph)) for paragraph in re.split(r"\n\s*\n", text)]
        where = f"{function.__module__}.{function.__name__}"
        blocks.append(tag("p", "Computed by ", tag("code", where), class_="fl-note"))
    blocks.append(heading(2, "Failures", "failures"))
    pairs = ((tag("code", outcome), words) for outcome, words in figures.OUTCOME_WORDS.items())
    blocks.append(markup.definitions(pairs))
    blocks.append(heading(2, "Published figures", "published-figures"))
    lines = [
        markup.row(
            tag("code", figure.name), figure.label, figures.unit(figure.name), figures.better_words(figure)
        )
        for figure in ranking.FIGURES
    ]
    blocks.append(markup.simple_table("Figures", ("Name", "Said as", "Unit", "Better"), lines))
    return blocks


def _code(paragraph: str) -> Html:
    """A paragraph of our own on one line: what stands between backticks is set as code."""
    text = " ".join(re.sub(r":[a-z]+:(`[^`]+`)", r"\1", paragraph).replace("``", "`").split())
    parts = re.split(r"`([^`]+)`", text)
    return join(tag("code", part) if place % 2 else part for place, part in enumerate(parts))
