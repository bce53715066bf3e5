"""One letter, one meaning."""

import pytest

from crnn_lessons.show.notation import SYMBOLS, notation


def test_no_sign_has_two_meanings():
    signs = [symbol.sign for symbol in SYMBOLS]
    assert len(signs) == len(set(signs))


def test_rows_come_in_the_order_of_the_table():
    assert [s.sign for s in notation("S", "T").symbols] == ["T", "S"]


def test_an_unknown_sign_is_named():
    with pytest.raises(ValueError, match=r"has no \['Q'\]"):
        notation("T", "Q")


def test_html_escapes_and_shows_sign_code_and_meaning():
    page = notation("p(t, k)")._repr_html_()
    assert page.count('<th scope="col" style="text-align: left">') == page.count("<th") - page.count("<thead>") == 3
    assert "<i>p(t, k)</i>" in page
    assert "<code>probs[t, k]</code>" in page
