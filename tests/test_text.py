"""Bytes to text and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.text import Undecodable, decode, newline_of, split_lines


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x = 1",
        b"x = 1\r\n",
        b"\xef\xbb\xbfx = 1\n",
        b"# coding: latin-1\nx = '\xe9'\n",
        b"#!/bin/sh\n# vim: set fileencoding=cp1252 :\n'\x80'\n",
        b"x\r\ny\rz\n",
        b"\x0cx\n",
        "'\u2028'\n".encode(),
    ],
)
def test_round_trip(data):
    text = decode(data)
    assert text.encode(text.body) == data


@given(st.text(st.characters(blacklist_categories=["Cs"])))
def test_any_text_comes_back(body):
    data = body.encode()
    try:
        text = decode(data)
    except Undecodable:
        return  # it holds something that reads as an encoding cookie
    assert text.encode(text.body) == data


@given(st.text("ab\r\n\f\x0b\x1c\u2028\x85 "))
def test_lines_are_those_of_python(body):
    """As `io` reads universal newlines: not at form feeds or Unicode line separators."""
    import io

    assert split_lines(body) == io.StringIO(body, newline="").readlines()


@pytest.mark.parametrize(
    ("data", "words"), [(b"x = '\xe9'\n", "encoding"), (b"\n\n'\xff'\n", "line 3"), (b"# coding: klingon\n", "klingon"), (b"\xff\xfex\x00", "encoding")]
)
def test_the_reason_says_where_and_what_to_do(data, words):
    with pytest.raises(Undecodable, match=words):
        decode(data)


def test_a_character_that_does_not_fit():
    text = decode(b"# coding: ascii\nx = 1\n")
    with pytest.raises(Undecodable, match="ascii"):
        text.encode("x = 'é'\n")


@pytest.mark.parametrize(("body", "newline"), [("a\nb\r\n", "\n"), ("a\r\nb\n", "\r\n"), ("a\rb", "\r"), ("a", "\n"), ("", "\n")])
def test_newline(body, newline):
    assert newline_of(body) == newline
