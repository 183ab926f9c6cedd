"""Texts with slashes travel as one path segment."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from modelstudio.kit.http import EncodedSlashes, path_text

app = FastAPI()


@app.get("/files/{path}/content")
async def content(path: str) -> str:
    return path_text(path)


async def fetch(segment: str) -> httpx.Response:
    transport = httpx.ASGITransport(EncodedSlashes(app))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        return await client.get(f"/files/{segment}/content")


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda t: t.strip(".")))
def test_any_text_arrives_as_it_was_sent(text: str) -> None:
    answer = asyncio.run(fetch(quote(text, safe="")))
    assert answer.status_code == 200
    assert answer.json() == text


@pytest.mark.parametrize(
    ("segment", "text"),
    [
        ("a%2Fb", "a/b"),
        ("a%2fb", "a/b"),
        ("a%252Fb", "a%2Fb"),
        ("a%252fb", "a%2fb"),
        ("a%25252Fb", "a%252Fb"),
        ("100%25", "100%"),
        ("%25%2F%25", "%/%"),
        ("train%2Floss", "train/loss"),
        ("%E2%82%AC%2F", "\u20ac/"),
    ],
)
def test_a_segment_is_decoded_exactly_once(segment: str, text: str) -> None:
    assert asyncio.run(fetch(segment)).json() == text


def test_a_slash_that_is_not_encoded_still_separates() -> None:
    assert asyncio.run(fetch("a/b")).status_code == 404
