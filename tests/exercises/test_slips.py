"""Slips: how a catalogue's text becomes wrong answers, and what is said of a text that cannot be read."""

import copy
import math
import warnings

import numpy as np
import pytest

from crnn_lessons.exercises import catalogue, mistakes
from crnn_lessons.exercises.compare import same


def share(a, b, rows=2):
    s = a - b  # what lies between
    return s / rows


def test_a_text_gives_names_answers_and_messages_in_order():
    found = mistakes(
        share,
        """
        forgets the rows :: / rows ->
            A share is asked for:
            divide.
        divides twice :: / rows -> / rows / rows
        takes one of the two ::
            = lambda a, b: a
        :: a - b -> b

            Half of the difference.
        """,
    )
    assert [m.name for m in found] == ["forgets the rows", "divides twice", *2 * ["takes one of the two"]]
    assert [m.answer(3.0, 5.0) for m in found] == [-2.0, -0.5, 3.0, 2.5]
    assert [m.message for m in found] == ["A share is asked for: divide.", *3 * ["Half of the difference."]]


@pytest.mark.parametrize(
    ("slip", "value"),
    [
        ("- -> +", 4.0),
        ("- b ->", 1.5),
        ("a -> b & b -> a", 1.0),  # both changes are made in the solution as it stands
        ("s -> between", -1.0),  # in both lines, and rows stays what it is
        ("s -> b & s / rows -> b", -2.0),  # the longer text goes first where two begin at one place
        ("a - b -> a; b = 0.0; rows = 3", 1.0),
        ("/ rows -> + math.pi", math.pi - 2),  # the module of the solution is at hand
        ("/ rows -> + given", 5.0),
        ("= lambda a, b: share(b, a) + given", 8.0),
        ("= math.hypot", math.hypot(3, 5)),
    ],
)
def test_a_slip_is_one_or_more_changes_or_an_expression(slip, value):
    (mistake,) = mistakes(share, f"is wrong :: {slip}\n    So it is.", given=7.0)
    assert mistake.answer(3.0, 5.0) == value


class Doubler:
    def __call__(self, x):
        return math.ldexp(x, 1)


def test_a_class_slips_as_a_function_does():
    found = mistakes(
        Doubler, "halves :: 1 -> -1\n:: math.ldexp -> share\n    So it is.\nis a function :: = share\n    No."
    )
    assert [m.answer()(8.0) for m in found[:2]] == [4.0, 3.5]
    assert Doubler()(8.0) == 16.0 and found[2].answer(8.0, 2.0) == 3.0


def test_the_solution_stays_as_it_is():
    mistakes(share, "is wrong :: s -> math\n    So it is.")
    assert share(3.0, 5.0) == -1.0 and math.pi > 3


def test_a_wrong_value_is_an_expression():
    found = mistakes(13, "counts the letters :: = letters\n:: = [10, letters]\n    And the pairs.", letters=10)
    assert [m.answer for m in found] == [10, [10, 10]]


def test_wrong_answers_overflow_in_silence():
    (mistake,) = mistakes(np.mean, "is wrong :: = lambda x: np.exp(x) + np.mean([])\n    So it is.", np=np)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(mistake.answer(np.array([1000.0]))).all()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "the first line should be 'name :: slip', without indentation"),
        ("    So it is.\nis wrong :: a -> b\n    So it is.", "the first line should be 'name :: slip'"),
        ("is wrong :: a -> b", "'is wrong :: a -> b' has no message: write it below, indented"),
        ("is wrong ::\n    a -> b", "'is wrong :: a -> b' has no message"),
        ("is wrong\n    So it is.", "'is wrong' should be 'name :: slip', or a message, which is indented"),
        ("is wrong ::\nis bad :: a -> b\n    So it is.", "'is wrong ::' should be 'name :: slip'"),
        (":: a -> b\n    So it is.", "':: a -> b' should be 'name :: slip'"),
        ("is wrong :: a to b\n    So it is.", "'is wrong :: a to b' cannot be made: a slip is 'old -> new'"),
        ("is wrong :: a -> b -> c\n    So it is.", "a slip is 'old -> new'"),
        ("is wrong :: -> b\n    So it is.", "a slip is 'old -> new'"),
        ("is wrong :: a -> b & a -> c\n    So it is.", "a slip is 'old -> new'"),
        ("is wrong :: c -> a\n    So it is.", "'is wrong :: c -> a' cannot be made: the solution has no 'c'"),
        ("is wrong :: a -> b & c -> a\n    So it is.", "the solution has no 'c'"),
        ("is wrong :: a - b -> 0 & - b ->\n    So it is.", "the solution has no '- b'"),  # it went with the longer one
        ("is wrong :: ro -> b\n    So it is.", "the solution has no 'ro'"),
        ("is wrong :: rows=2 -> rows=3\n    So it is.", "the solution has no 'rows=2'"),  # in its body, that is
        ("is wrong :: a -> a\n    So it is.", "'is wrong :: a -> a' cannot be made: it changes nothing"),
        ("is wrong :: lies -> stands\n    So it is.", "it changes nothing"),
        ("is wrong :: a - b -> a -\n    So it is.", "cannot be made: invalid syntax"),
        ("is wrong :: = a -\n    So it is.", "cannot be made: invalid syntax"),
        ("is wrong :: = nobody\n    So it is.", "cannot be made: name 'nobody' is not defined"),
    ],
)
def test_a_text_that_cannot_be_read_gets_one_sentence_that_names_solution_and_slip(text, sentence):
    with pytest.raises(ValueError) as caught:
        mistakes(share, text)
    assert str(caught.value).startswith("in the slips of share, ")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_cannot_be_changed():
    with pytest.raises(ValueError, match=r"in the slips of 13, .* only a function can be changed"):
        mistakes(13, "counts two pairs :: 13 -> 12\n    There are three.")


def differs(exercise, answer, case):
    """Whether a wrong answer to a function exercise is wrong on this case."""
    try:
        got = exercise.outcome(answer, copy.deepcopy(case))
    except NameError:  # the slip itself is broken, and would be "wrong" everywhere
        raise
    except Exception:
        return True
    return not same(got, exercise.outcome(exercise.solution, case), exercise.tolerance)


@pytest.mark.parametrize(
    "exercise", [e for lesson in catalogue.lessons() for e in catalogue.exercises_of(lesson)], ids=lambda e: e.key
)
def test_each_known_wrong_answer_differs_from_the_solution_somewhere(exercise):
    for mistake in exercise.mistakes:
        if exercise.verify is not None:
            assert exercise.verify(mistake.answer) is not None, mistake.name
        elif callable(exercise.solution):
            cases = (*exercise.cases, *exercise.large)
            assert any(differs(exercise, mistake.answer, case) for case in cases), mistake.name
        else:
            assert not same(mistake.answer, exercise.solution, exercise.tolerance), mistake.name
