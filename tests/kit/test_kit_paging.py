"""Page sizes and page tokens."""

from __future__ import annotations

import base64

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from modelstudio.errors import InvalidPageSize, InvalidPageToken
from modelstudio.kit.paging import PageTokens, page_size

TOKENS = PageTokens(b"k" * 32)
SORT_KEYS = st.lists(
    st.one_of(
        st.integers(-(2**63), 2**63 - 1),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=100),
    ),
    min_size=1,
    max_size=3,
)
CONTEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(SORT_KEYS, CONTEXTS)
def test_a_token_gives_back_the_key_it_was_made_of(key: list[int | str], context: str) -> None:
    token = TOKENS.make(context, key)
    assert token.startswith("v1.")
    assert TOKENS.read(context, token) == key


@given(SORT_KEYS, st.data())
def test_a_token_with_a_changed_bit_is_refused(key: list[int | str], data: st.DataObject) -> None:
    token = TOKENS.make("runs|1", key)
    raw = bytearray(base64.urlsafe_b64decode(token[3:] + "=" * (-len(token[3:]) % 4)))
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    changed = "v1." + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    with pytest.raises(InvalidPageToken):
        TOKENS.read("runs|1", changed)


@given(SORT_KEYS, st.data())
def test_a_token_with_a_changed_character_is_refused(
    key: list[int | str], data: st.DataObject
) -> None:
    token = TOKENS.make("runs|1", key)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]))
    assume(other != token[place])
    with pytest.raises(InvalidPageToken):
        TOKENS.read("runs|1", token[:place] + other + token[place + 1 :])


@given(SORT_KEYS, st.data())
def test_a_shortened_or_prolonged_token_is_refused(
    key: list[int | str], data: st.DataObject
) -> None:
    token = TOKENS.make("runs|1", key)
    for changed in (
        token[: data.draw(st.integers(0, len(token) - 1))],
        token + data.draw(st.sampled_from(["=", "==", "A", "AAAA", "\n", "\0"])),
    ):
        with pytest.raises(InvalidPageToken):
            TOKENS.read("runs|1", changed)


@given(SORT_KEYS, CONTEXTS, CONTEXTS)
def test_a_token_is_good_for_its_own_listing_only(
    key: list[int | str], context: str, other: str
) -> None:
    assume(context != other)
    with pytest.raises(InvalidPageToken):
        TOKENS.read(other, TOKENS.make(context, key))


def test_context_and_key_cannot_be_shifted_into_each_other() -> None:
    token = TOKENS.make("a", ["b"])
    raw = base64.urlsafe_b64decode(token[3:] + "=" * (-len(token[3:]) % 4))
    moved = "v1." + base64.urlsafe_b64encode(raw[1:]).rstrip(b"=").decode()
    for context in ("a\0[", "a["):
        with pytest.raises(InvalidPageToken):
            TOKENS.read(context, moved)


@given(SORT_KEYS)
def test_a_token_made_with_another_key_is_refused(key: list[int | str]) -> None:
    with pytest.raises(InvalidPageToken):
        TOKENS.read("c", PageTokens(b"K" * 32).make("c", key))


@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidPageToken):
        TOKENS.read("c", text)


def test_the_longest_display_name_fits_a_token() -> None:
    key = ["\N{GRINNING FACE}" * 700, f"ri.compass.main.folder.{'0' * 36}"]
    assert TOKENS.read("children", TOKENS.make("children", key)) == key


def test_a_huge_token_is_refused_and_not_repeated_in_full() -> None:
    with pytest.raises(InvalidPageToken) as caught:
        TOKENS.read("c", "v1." + "A" * 1_000_000)
    assert len(caught.value.envelope()) < 10_000


def test_two_processes_with_one_key_read_each_others_tokens() -> None:
    assert PageTokens(b"k" * 32).read("c", TOKENS.make("c", [1])) == [1]


@given(st.integers(1, 1000), st.integers(1, 1000))
def test_a_page_size_is_a_wish_up_to_the_maximum(asked: int, maximum: int) -> None:
    assert page_size(asked, default=10, maximum=maximum) == min(asked, maximum)
    assert page_size(None, default=10, maximum=maximum) == 10


def test_the_default_page_size_is_the_maximum_unless_one_is_named() -> None:
    assert page_size(10**9, default=100) == 100
    assert page_size(70, default=50, maximum=100) == 70


@given(st.integers(max_value=0))
def test_a_page_without_results_cannot_be_asked_for(asked: int) -> None:
    with pytest.raises(InvalidPageSize):
        page_size(asked, default=100)
