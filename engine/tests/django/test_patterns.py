import re
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vola.django.errors import PatternInvalid
from vola.django.patterns import ChannelPattern, ParameterValue

TILE = ChannelPattern("fleet:tile:{fleet_id:int}:{x:int}:{y:int}")


def test_a_name_is_built_from_typed_parameters() -> None:
    assert TILE.build({"fleet_id": 7, "x": -3, "y": 0}) == "fleet:tile:7:-3:0"


def test_matching_gives_the_typed_parameters_back() -> None:
    assert TILE.match("fleet:tile:7:-3:0") == {"fleet_id": 7, "x": -3, "y": 0}


@pytest.mark.parametrize(
    "name",
    [
        "fleet:tile:7:1",
        "fleet:tile:7:1:2:3",
        "fleet:tile:a:1:2",
        "Fleet:tile:7:1:2",
        "fleet:tile:7:1:2\n",
        "",
        "fleet:tile:7::2",
    ],
)
def test_other_names_do_not_match(name: str) -> None:
    assert TILE.match(name) is None


@pytest.mark.parametrize("spelling", ["007", "-0", "+1", "1.0", "\uff11", "9" * 19])
def test_only_the_canonical_spelling_of_an_integer_matches(spelling: str) -> None:
    assert ChannelPattern("a:{x:int}").match(f"a:{spelling}") is None


@given(st.integers(-(10**18) + 1, 10**18 - 1), st.from_regex(r"[A-Za-z0-9_.~@\-]{1,40}", fullmatch=True), st.uuids())
def test_building_and_matching_are_inverse(number: int, text: str, unique: UUID) -> None:
    pattern = ChannelPattern("a:{number:int}:{text}:{unique:uuid}")
    values: dict[str, ParameterValue] = {"number": number, "text": text, "unique": unique}
    assert pattern.match(pattern.build(values)) == values


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"fleet_id": 1, "x": 1}, "takes the parameters fleet_id, x, y, was given fleet_id, x"),
        ({"fleet_id": 1, "x": 1, "y": 1, "z": 1}, "was given fleet_id, x, y, z"),
        ({"fleet_id": "1", "x": 1, "y": 1}, "fleet_id must be int, was given str '1'"),
        ({"fleet_id": True, "x": 1, "y": 1}, "fleet_id must be int, was given bool True"),
        ({"fleet_id": 10**18, "x": 1, "y": 1}, "fleet_id cannot be 1000000000000000000"),
    ],
)
def test_wrong_parameters_are_refused_with_their_name(values: dict[str, object], problem: str) -> None:
    with pytest.raises(PatternInvalid, match=re.escape(problem)):
        TILE.build(values)


@pytest.mark.parametrize("text", ["a:b", "a b", "é", "", "a/b", "a\n"])
def test_a_text_parameter_cannot_smuggle_in_another_segment(text: str) -> None:
    with pytest.raises(PatternInvalid):
        ChannelPattern("room:{name}").build({"name": text})


def test_a_name_over_the_protocols_limit_is_refused() -> None:
    pattern = ChannelPattern("room:{name}")
    assert len(pattern.build({"name": "n" * 250})) == 255
    with pytest.raises(PatternInvalid, match="256 characters"):
        pattern.build({"name": "n" * 251})


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a" * 256, "longer than 255"),
        ("a::b", "segment ''"),
        ("a:{x:float}", "unknown type 'float'"),
        ("a:{x}:{x}", "appears twice"),
        ("a:b{x}", "segment 'b{x}'"),
        ("a:{X}", "segment '{X}'"),
        ("a:*", "segment '*'"),
    ],
)
def test_an_invalid_pattern_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(PatternInvalid, match=re.escape(problem)):
        ChannelPattern(text)


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ("a:{x:int}", "a:{y:int}", True),
        ("a:{x:int}", "a:{y}", True),
        ("a:{x:uuid}", "a:{y}", True),
        ("a:{x:uuid}", "a:{y:int}", False),
        ("a:{x:int}", "a:7", True),
        ("a:{x:int}", "a:seven", False),
        ("a:{x}", "b:{x}", False),
        ("a:{x}", "a:{x}:c", False),
        ("{x}:b", "a:{y}", True),
    ],
)
def test_overlap_of_two_patterns_is_known(one: str, other: str, overlap: bool) -> None:
    assert ChannelPattern(one).overlaps(ChannelPattern(other)) is overlap
    assert ChannelPattern(other).overlaps(ChannelPattern(one)) is overlap
