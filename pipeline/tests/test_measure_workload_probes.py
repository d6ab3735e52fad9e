"""Questions with known answers: what counts as the answer, and what does not."""

from __future__ import annotations

import json

import pytest

from fairlead.measure.workload import PROBE_KINDS, Probe, Workload, ask, probe, score
from fairlead.measure.workload.draws import Draws
from fairlead.measure.workload.probes import make_probe, spelled

TITLE = ("silver", "curtain", "lever")


def made(kind: str, key: str = "k") -> Probe:
    return make_probe(kind, Draws(key), TITLE)


def calls(*named: tuple[str, object]) -> str:
    """Tool calls as the raw record holds them."""
    return json.dumps(
        [
            {"index": index, "id": "x", "name": name, "arguments": json.dumps(arguments)}
            for index, (name, arguments) in enumerate(named)
        ]
    )


def perfect(known: Probe) -> tuple[str | None, str | None]:
    if known.kind != "tool-call":
        return f"Answer: {known.expected}\n\nOnce upon a time", None
    expected = json.loads(known.expected)
    return None, calls((expected["name"], expected["arguments"]))


@pytest.mark.parametrize("kind", PROBE_KINDS)
def test_the_expected_answer_is_right_and_that_of_another_probe_is_wrong(kind):
    for i in range(20):
        mine, other = made(kind, f"a{i}"), made(kind, f"b{i}")
        assert score(mine, *perfect(mine)) is True
        assert score(mine, *perfect(other)) is False


@pytest.mark.parametrize("kind", PROBE_KINDS)
def test_no_reply_is_nothing_to_judge_and_an_empty_one_is_wrong(kind):
    assert score(made(kind), None, None) is None
    assert score(made(kind), "", None) is False
    assert score(made(kind), None, "") is False


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (0, "zero"),
        (19, "nineteen"),
        (20, "twenty"),
        (85, "eighty-five"),
        (100, "one hundred"),
        (407, "four hundred and seven"),
        (1_000, "one thousand"),
        (1_001, "one thousand and one"),
        (1_100, "one thousand one hundred"),
        (407_212, "four hundred and seven thousand two hundred and twelve"),
        (1_000_000, "one million"),
        (2_000_030, "two million and thirty"),
        (
            999_999_999,
            "nine hundred and ninety-nine million nine hundred and ninety-nine thousand nine hundred and "
            "ninety-nine",
        ),
    ],
)
def test_a_number_is_spelled_as_it_is_read_aloud(number, words):
    assert spelled(number) == words


NUMBER = Probe(kind="arithmetic", question="", expected="1234567")


@pytest.mark.parametrize(
    "reply",
    [
        "Answer: 1234567",
        "answer: 1,234,567",
        "**Answer:** 1 234 567",
        "**Answer: 1234567**",
        "**Answer:**\n1234567",
        "Answer:\r\n```\r\n1234567\r\n```",
        "# Answer: `1234567`.",
        "Answer: 20 × 9 + 144 = 1234567",
        "Answer:\n1234567\nand then a story of 99 words",
        "1234567",
        "<think>\nAnswer: 5, or so\n</think>\nAnswer: 1234567",
        "Sure, here it is.\nAnswer: 1234567\nAnswer: 3",
    ],
)
def test_a_number_is_right_however_a_careful_reader_would_write_it(reply):
    assert score(NUMBER, reply, None) is True


@pytest.mark.parametrize(
    "reply",
    [
        "Answer: 1234568",
        "Answer: -1234567",
        "Answer: 12,34567",
        "Answer: 1234567.5",
        "Answer: about 1234567",
        "Answer: 12345671234567",
        "Answer: one million and some",
        "The answer is 1234567",
        "Answer: 3\nAnswer: 1234567",
        "Answer: " + "9" * 100_000,
    ],
)
def test_a_number_is_wrong_where_it_is_another_or_buried_in_words(reply):
    assert score(NUMBER, reply, None) is False


COPY = Probe(kind="copy", question="", expected="ember-93 plank-21 OAK/sand reed-10")


@pytest.mark.parametrize("reply", ["Answer: {}", 'Answer: "{}"', "Answer: `{}`\nmore", "**Answer:** {}"])
def test_a_copy_may_be_quoted(reply):
    assert score(COPY, reply.format(COPY.expected), None) is True


@pytest.mark.parametrize(
    "copied",
    [
        "ember-93 plank-21 oak/sand reed-10",
        "ember-93 plank-21  OAK/sand reed-10",
        "ember-93 plank-21 OAK/sand",
        "ember-93 plank-21 OAK/sand reed-10!",
        "ember\u201193 plank-21 OAK/sand reed-10",
    ],
)
def test_a_copy_with_any_other_character_is_wrong(copied):
    assert score(COPY, f"Answer: {copied}", None) is False


OBJECT = Probe(
    kind="json", question="", expected='{"crates":1,"marks":["fern","glass"],"name":"Nora","paid":true}'
)


@pytest.mark.parametrize(
    "reply",
    [
        'Answer: {"name": "Nora", "crates": 1, "paid": true, "marks": ["fern", "glass"]}',
        'Answer:\n```json\n{"paid": true,\n "name": "Nora", "crates": 1, "marks": ["fern", "glass"]}\n```',
        '{"marks":["fern","glass"],"name":"Nora","crates":1,"paid":true} and so on {',
    ],
)
def test_json_is_right_in_any_order_and_spacing(reply):
    assert score(OBJECT, reply, None) is True


@pytest.mark.parametrize(
    "reply",
    [
        'Answer: {"name": "Nora", "crates": "1", "paid": true, "marks": ["fern", "glass"]}',
        'Answer: {"name": "Nora", "crates": true, "paid": 1, "marks": ["fern", "glass"]}',
        'Answer: {"name": "Nora", "crates": 1, "paid": true, "marks": ["glass", "fern"]}',
        'Answer: {"name": "Nora", "crates": 1, "paid": true, "marks": ["fern", "glass"], "note": null}',
        'Answer: {"name": "Nora", "crates": 1, "paid": true}',
        "Answer: {'name': 'Nora', 'crates': 1, 'paid': True, 'marks': ['fern', 'glass']}",
        "Answer: " + "[" * 60_000 + "{",
        'Answer: {"a":' * 20_000,
        'Answer: {"crates": ' + "9" * 10_000 + "}",
        'Answer: {"crates": NaN}',
        "Answer: none",
    ],
)
def test_json_is_wrong_in_any_value_type_or_order_of_an_array_and_never_an_error(reply):
    assert score(OBJECT, reply, None) is False


def test_a_tool_call_is_right_by_name_and_arguments_in_any_order():
    known = made("tool-call")
    expected = json.loads(known.expected)
    backwards = dict(reversed(expected["arguments"].items()))
    assert score(known, "I shall book it.", calls((expected["name"], backwards))) is True


@pytest.mark.parametrize(
    "tool_calls",
    [
        "[]",
        "{}",
        "[1]",
        "not json",
        '[{"index":0,"id":"","name":"","arguments":"{"}]',
        '[{"index":0}]',
        "[" * 60_000,
        '[{"name":"x","arguments":"' + "[" * 60_000 + '"}]',
    ],
)
def test_a_tool_call_that_is_none_is_wrong_and_never_an_error(tool_calls):
    assert score(made("tool-call"), None, tool_calls) is False


def test_a_tool_call_made_twice_or_with_the_wrong_tool_or_argument_is_wrong():
    known = made("tool-call")
    expected = json.loads(known.expected)
    name, arguments = expected["name"], expected["arguments"]
    wrong = next(tool.name for tool in known.tools if tool.name != name)
    assert score(known, None, calls((name, arguments), (name, arguments))) is False
    assert score(known, None, calls((wrong, arguments))) is False
    assert score(known, None, calls((name, arguments | {"people": str(arguments["people"])}))) is False
    assert score(known, None, calls((name, arguments | {"extra": 1}))) is False
    assert score(known, f"{name}({arguments})", None) is False


def test_the_tool_to_call_is_among_the_tools_and_takes_exactly_the_expected_arguments():
    known = made("tool-call")
    expected = json.loads(known.expected)
    schema = next(tool.parameters for tool in known.tools if tool.name == expected["name"])
    assert set(schema["properties"]) == set(schema["required"]) == set(expected["arguments"])


def test_the_answer_of_a_recall_probe_stands_once_in_its_prompt_among_other_words():
    workload = Workload(kind="probes", input_words=2000, max_tokens=20)
    indices = [i for i in range(60) if ask(workload, "ab", i).label == "recall"]
    places = []
    for i in indices:
        known, text = probe(workload, "ab", i), ask(workload, "ab", i).text
        assert known.planted is not None
        assert text.count(known.planted) == 1
        assert known.expected not in known.question
        places.append(text.index(known.planted) / len(text))
    assert len(indices) == 10
    assert max(places) - min(places) > 0.3
