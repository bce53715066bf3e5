"""What every lesson's test asks of its wrong and right answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.engine import judge


def assert_named(key: str, answer: Any, name: str) -> None:
    """A wrong answer is caught, and its cause named."""
    status, message, named = judge(find(key), answer)
    assert (status, named) == ("wrong", name), message


def assert_right(key: str, answer: Any) -> None:
    status, message, _ = judge(find(key), answer)
    assert status == "done", message


def assert_complete(wrong: Sequence[tuple[str, Any, str]]) -> None:
    """Each mistake of the catalogue has a wrong answer that was written apart from it."""
    named = {(key, name) for key, _, name in wrong}
    for key in {key for key, _, _ in wrong}:
        assert {(key, m.name) for m in find(key).mistakes} <= named
