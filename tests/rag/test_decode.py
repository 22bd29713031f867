"""From logits to tokens: every rule against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from firmground.knowledge.errors import InputError
from firmground.rag.decode import Row, contrasted, cut, draws, pick
from firmground.rag.types import Decoding

HALF, QUARTER, EIGHTH = math.log(0.5), math.log(0.25), math.log(0.125)
LOGITS = [EIGHTH, HALF, QUARTER, EIGHTH]  # tokens 0 to 3; laid out: [0, .125) [.125, .625) [.625, .875) [.875, 1)


def picked(decoding: Decoding, *uniform: float) -> list[int]:
    import torch

    return pick(torch.tensor([LOGITS] * len(uniform)), decoding, uniform)


def test_greedy_takes_the_likeliest_whatever_is_drawn() -> None:
    assert picked(Decoding(), 0.0, 0.99) == [1, 1]


def test_a_draw_falls_on_the_token_whose_share_it_is_in() -> None:
    drawn = Decoding(temperature=1.0)
    assert picked(drawn, 0.0, 0.12, 0.13, 0.62, 0.63, 0.87, 0.88, 0.999) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_temperature_sharpens() -> None:
    # At 0.5 the shares are squared and made to add up to 1: 1, 16, 4, 1 of 22.
    drawn = Decoding(temperature=0.5)
    assert picked(drawn, 0.9 / 22, 1.1 / 22, 16.9 / 22, 17.1 / 22, 20.9 / 22, 21.1 / 22) == [0, 1, 1, 2, 2, 3]


def test_top_k_and_top_p_leave_the_rest_out() -> None:
    two = Decoding(temperature=1.0, top_k=2)  # of tokens 1 and 2: 2/3 and 1/3
    assert picked(two, 0.0, 0.66, 0.67, 0.999) == [1, 1, 2, 2]
    assert picked(replace(two, top_k=1), 0.999) == [1]
    # The least set with 0.7 of the probability is {1, 2}; with 0.4 it is {1}, whatever top-k would leave.
    assert picked(Decoding(temperature=1.0, top_p=0.7), 0.0, 0.66, 0.67, 0.999) == [1, 1, 2, 2]
    assert picked(Decoding(temperature=1.0, top_p=0.4, top_k=3), 0.0, 0.999) == [1, 1]


def test_drawn_often_enough_the_shares_come_out() -> None:
    uniform = draws(0, 0, [1], 4000)
    counts = np.bincount(picked(Decoding(temperature=1.0), *uniform), minlength=4) / 4000
    np.testing.assert_allclose(counts, [0.125, 0.5, 0.25, 0.125], atol=0.03)  # four standard errors of a half


def test_draws_are_of_their_seed_sample_and_prompt_alone() -> None:
    first = draws(3, 1, [5, 6], 4)
    assert first.shape == (4,)
    assert ((first >= 0) & (first < 1)).all()
    np.testing.assert_array_equal(draws(3, 1, [5, 6], 8)[:4], first)  # how many may come doesn't matter
    for other in (draws(4, 1, [5, 6], 4), draws(3, 2, [5, 6], 4), draws(3, 1, [6, 5], 4)):
        assert not np.allclose(other, first)


def test_contrast_by_hand() -> None:
    import torch

    given, bare = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[4.0, 0.0, 1.0]])
    assert contrasted(given, bare, 0.5).tolist() == [[1.0, 1.5, -0.5]]  # 1.5 given - 0.5 bare
    assert contrasted(given, bare, 0.0).tolist() == given.tolist()
    shares = torch.softmax(contrasted(given, bare, 1.0), -1)
    assert shares[0, 1] / shares[0, 0] == pytest.approx(math.exp(2 * (1 - 2) - (0 - 4)))


class Bytes:
    """A tokenizer whose tokens are bytes."""

    def decode(self, tokens: list[int], skip_special_tokens: bool) -> str:
        return bytes(tokens).decode("utf-8", errors="replace")


def taken(data: bytes, decoding: Decoding) -> Row:
    row = Row(np.zeros(0))
    for token in data:
        if row.finish is None:
            row.take(token, -1.0, decoding, Bytes(), ends={0})
    return row


def test_a_row_ends_where_it_should() -> None:
    ended = taken(b"ab\0c", Decoding(max_new_tokens=9))
    assert (ended.text, ended.finish, ended.tokens, ended.log_probability) == ("ab", "stop", [97, 98], -2.0)
    stopped = taken(b"ab\ncd", Decoding(max_new_tokens=9, stop=("\n",)))
    assert (stopped.text, stopped.finish, len(stopped.tokens)) == ("ab", "stop", 3)
    full = taken(b"abcd", Decoding(max_new_tokens=3))
    assert (full.text, full.finish, len(full.tokens)) == ("abc", "length", 3)


def test_half_a_character_is_no_text() -> None:
    row = taken("冰".encode()[:2], Decoding(max_new_tokens=9))
    assert (row.text, row.safe(())) == ("", 0)
    assert taken("冰".encode(), Decoding(max_new_tokens=9)).text == "冰"


def test_a_stop_string_that_comes_in_two_pieces_is_never_shown() -> None:
    def shown(text: str, stops: tuple[str, ...], done: bool = False) -> str:
        row = Row(np.zeros(0), text=text, finish="length" if done else None)
        return text[: row.safe(stops)]

    assert shown("more than 3,000\nQues", ("\nQuestion",)) == "more than 3,"  # eight characters may begin it
    assert shown("a\nQueen", ("\nQuestion",), done=True) == "a\nQueen"
    assert shown("a", ("\nQuestion",)) == ""
    assert shown("all", ()) == "all"


def test_cut() -> None:
    assert cut("a few words\nQuestion: more", ("\n", "Question")) == ("a few words", "stop")
    assert cut("all of it", ("\n",)) == ("all of it", "length")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"contrast": -0.5}, "contrast of at least 0"),
        ({"contrast": math.nan}, "contrast of at least 0"),
        ({"samples": 0}, "at least 1 of samples"),
        ({"samples": 5}, "need a temperature above 0"),
        ({"beams": 4, "contrast": 0.5}, "neither contrast nor samples"),
        ({"beams": 4, "samples": 3, "temperature": 1.0}, "neither contrast nor samples"),
    ],
)
def test_fields_that_cant_be_together(fields: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Decoding(**fields)  # type: ignore[arg-type]
