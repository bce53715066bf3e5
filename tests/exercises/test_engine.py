"""The engine of the exercises: stubs, solutions, crashes, hints, and the record of what is done."""

import contextlib
import os
import re
import signal
import sys
from functools import partial

import numpy as np
import pytest
import torch

from crnn_lessons.ctc import ctc_loss
from crnn_lessons.exercises import catalogue, check, reset, summary
from crnn_lessons.exercises.aside import aside
from crnn_lessons.exercises.catalogue import find
from crnn_lessons.exercises.compare import same
from crnn_lessons.exercises.engine import judge
from crnn_lessons.exercises.exercise import Exercise, Mistake
from crnn_lessons.exercises.limit import limit
from crnn_lessons.exercises.result import Result, solution_source

ALL = [e for lesson in catalogue.lessons() for e in catalogue.exercises_of(lesson)]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CRNN_LESSONS_PROGRESS", str(tmp_path / "progress"))
    return tmp_path / "progress"


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.key)
def test_the_solution_passes_and_the_stub_is_not_started(exercise):
    status, message, _ = judge(exercise, exercise.solution)
    assert status == "done", message
    assert judge(exercise, ...)[0] == "not started"
    if callable(exercise.solution):
        assert judge(exercise, lambda *arguments: ...)[0] == "not started"


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.key)
def test_each_mistake_of_the_catalogue_is_wrong_and_gets_its_own_name(exercise):
    for mistake in exercise.mistakes:
        status, message, name = judge(exercise, mistake.answer)
        assert (status, name) == ("wrong", mistake.name), message


@pytest.mark.parametrize("exercise", ALL, ids=lambda e: e.key)
def test_there_are_hints_and_a_solution_to_show(exercise):
    assert len(exercise.hints) >= 2
    assert solution_source(exercise)
    page = Result(exercise, "wrong", "so")._repr_html_()
    assert page.count("<details>") == len(exercise.hints) + 1
    assert page.count("<summary>Solution</summary>") == 1


def bias_of(make, size):
    layer = make(size)
    return layer if layer is ... else {"kind": type(layer).__name__, "biases": layer.bias.tolist()}


def ones(size):
    layer = torch.nn.Linear(size, size)
    torch.nn.init.ones_(layer.bias)
    return layer


def test_a_probe_finds_what_can_be_compared():
    zeros = Mistake("leaves zeros", zeroed, "Fill it.")
    exercise = Exercise(key="99-2", title="ones", solution=ones, cases=[(2,), (3,)], probe=bias_of, mistakes=(zeros,))
    assert judge(exercise, lambda size: ones(size))[0] == "done"
    assert judge(exercise, lambda size: ...)[0] == "not started"
    assert judge(exercise, lambda size: zeroed(size))[::2] == ("wrong", "leaves zeros")
    status, message, named = judge(exercise, lambda size: torch.nn.BatchNorm1d(size))
    assert (status, named) == ("wrong", None)
    assert "entry 'kind', should give 'Linear', and yours gives 'BatchNorm1d'" in message


def zeroed(size):
    layer = ones(size)
    torch.nn.init.zeros_(layer.bias)
    return layer


def test_keys_are_unique_and_in_order():
    keys = [e.key for e in ALL]
    assert keys == sorted(set(keys), key=lambda key: [int(part) for part in key.split("-")])  # 11-6 comes after 11-5


def double(x):
    return [2 * v for v in x]


def first_only(x):
    for v in x:
        return [2 * v]


DOUBLE = Exercise(
    key="99-1",
    title="double all",
    solution=double,
    cases=[([1, 2],), ([],), ([0.1],)],
    mistakes=(
        Mistake("squares", lambda x: [v * v for v in x], "Times two, not to the power of two."),
        Mistake("returns too early", first_only, "`return` ends the loop."),
        Mistake("adds something missing", lambda x: x + ..., "Replace the `...`."),
        Mistake("adds a number", lambda x: x + 2, "A list is no number."),
    ),
    hints=(("a", "b"),),
)


def test_the_first_case_that_differs_is_told_with_both_values():
    status, message, name = judge(DOUBLE, lambda x: [v + 1 for v in x])
    assert status == "wrong"
    assert name is None
    assert "double([1, 2]) should give [2, 4], and yours gives [2, 3]." in message


def test_a_none_that_comes_after_a_wrong_value_is_part_of_the_mistake():
    assert judge(DOUBLE, lambda x: [2 * x[0]] if x else None)[2] == "returns too early"


def test_a_none_on_some_cases_alone_is_no_forgotten_return_at_the_end():
    _, message, _ = judge(DOUBLE, lambda x: double(x) if x else None)
    assert message.startswith("double([]) gave None, and other cases gave a value: ")


def test_errors_of_one_type_are_told_apart_by_what_they_are_about():
    """A text joined of numbers was taken for a number that is walked through; both are TypeErrors."""
    walks = Mistake("walks through a number", lambda x: list(len(x)), "Take `range`.")
    joins = Mistake("joins numbers", lambda x: "".join(x), "Make texts of them.")
    exercise = Exercise("99-9", "", double, cases=[([1, 2],)], mistakes=(walks, joins))
    assert judge(exercise, lambda x: "-".join(x))[2] == "joins numbers"
    assert judge(exercise, lambda x: [v for v in 3])[2] == "walks through a number"


def test_an_error_over_something_missing_is_told_from_others():
    assert judge(DOUBLE, lambda x: ... + x)[2] == "adds something missing"
    assert judge(DOUBLE, lambda x: None + x)[2] == "adds something missing"
    assert judge(DOUBLE, lambda x: 2 + x)[2] == "adds a number"


def test_complex_numbers_are_no_floats_and_are_compared_whole():
    assert not same(1 + 2j, 1.0, 1e-9) and not same(1.0, 1 + 2j, 1e-9) and not same([1 + 0j], [1.0], 1e-9)
    assert same(np.array([1 + 2j]), [1 + 2j], 1e-9) and not same(1 + 2j, 1 + 3j, 1e-9)


def test_a_known_mistake_must_agree_on_every_case():
    assert judge(DOUBLE, lambda x: [v * v for v in x])[2] == "squares"
    assert judge(DOUBLE, lambda x: [v * v for v in x] if x != [0.1] else [0.2])[2] is None


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: 1 / 0, "double([1, 2]) raised ZeroDivisionError: division by zero"),
        (lambda x: None, "does the function end with a return?"),
        (lambda x: [x.append(3), 2, 4][1:], "changed its own argument"),
        ([2, 4], "A function is asked for"),
        (lambda: [2, 4], "Your function takes (), and the exercise calls it with (x): give it these parameters."),
        (lambda x, factor: [2, 4], "Your function takes (x, factor), and the exercise calls it with (x)"),
        (lambda x: [2, ...], "double([1, 2]) gave a result with a `...` in it: replace the remaining `...`."),
        ([2, ...], "There is a `...` in the answer still: replace the remaining `...`."),
        (lambda x: [2 + 0j, 4 + 0j], "should give [2, 4], and yours gives [(2+0j), (4+0j)]"),
        (lambda x: "24", "yours gives '24'"),
    ],
)
def test_answers_of_the_wrong_kind_get_one_clear_sentence(answer, sentence):
    status, message, _ = judge(DOUBLE, answer)
    assert status == "wrong"
    assert sentence in message


def test_lists_tuples_arrays_and_generators_are_alike():
    for answer in (lambda x: tuple(double(x)), lambda x: np.array(double(x)), lambda x: (2 * v for v in x)):
        assert judge(DOUBLE, answer)[0] == "done"


ROOTS = Exercise(
    key="99-3",
    title="roots",
    solution=lambda x: (np.sqrt(x), len(x)),
    cases=[(np.arange(1.0, 4.0),), (np.arange(1.0, 100.0),)],
    show_case=lambda x: f"roots of {len(x)} numbers",
)


def test_tensors_and_single_precision_are_as_good_as_any():
    for answer in (
        lambda x: (torch.tensor(x, dtype=torch.float32).sqrt(), len(x)),
        lambda x: [torch.tensor(x, requires_grad=True).sqrt(), torch.tensor(len(x))],
    ):
        assert judge(ROOTS, answer)[0] == "done"
    assert judge(DOUBLE, lambda x: torch.tensor(double(x)))[0] == "done"
    assert judge(ROOTS, lambda x: (np.float32(1.001) * np.sqrt(np.float32(x)), len(x)))[0] == "wrong"
    assert judge(ROOTS, lambda x: ((1 + 1e-7) * np.sqrt(x), len(x)))[0] == "wrong"  # float64 is held to more


def test_single_precision_is_no_excuse_where_all_numbers_are_small():
    small = Exercise("99-6", "", lambda: np.array([2e-6, 1e-6]), [()])
    assert judge(small, lambda: np.array([2e-6, 1e-6], dtype=np.float32))[0] == "done"
    assert judge(small, lambda: np.array([2e-6, 5e-6], dtype=np.float32))[0] == "wrong"


def test_rounding_is_not_named_as_the_difference():
    def answer(x):
        roots = np.sqrt(np.float32(x))
        roots[len(x) // 2] += 1
        return roots, len(x)

    only = Exercise("99-7", "", ROOTS.solution, [(np.arange(1.0, 100.0),)], show_case=lambda x: "roots")
    assert "have 7.07107 at [49], and yours has 8.07107 there (1 of 99 numbers differ)" in judge(only, answer)[1]


def test_numbers_beyond_all_floats_are_wrong_and_no_crash():
    assert judge(Exercise("99-8", "", 0.5), 10**400)[0] == "wrong"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: (np.sqrt(x), len(x) + 1), "roots of 3 numbers, result [1], should give 3, and yours gives 4."),
        (lambda x: (np.sqrt(x)[None], len(x)), "result [0], should have the shape (3,), and yours has (1, 3)."),
        (
            lambda x: (np.where(x == 42, -1.0, np.sqrt(x)), len(x)),
            "result [0], should have 6.48074 at [41], and yours has -1 there (1 of 99 numbers differ).",
        ),
        (lambda x: torch.tensor(2.0), "and yours gives 2."),
    ],
)
def test_where_large_results_part_is_said(answer, sentence):
    assert sentence in judge(ROOTS, answer)[1]


def test_numbers_that_look_alike_are_shown_with_all_their_digits():
    assert (
        "should give 0.125, and yours gives 0.12500001"
        in judge(Exercise("99-4", "", lambda: 0.125, [()]), lambda: 0.12500001)[1]
    )
    said = judge(Exercise("99-4", "", lambda: [1.0, 2.0], [()]), lambda: [1.0, 2.0000001])[1]
    assert "should have 2.0 at [1], and yours has 2.0000001 there (1 of 2 numbers differ)." in said


def test_lists_of_another_length_are_counted():
    said = judge(Exercise("99-4", "", lambda n: [0] * n, [(200,)]), lambda n: [0] * (n + 1))[1]
    assert "should have 200 entries, [0, 0" in said and "and yours has 201: [0, 0" in said
    said = judge(Exercise("99-4", "", lambda n: [0] * n, [(200,)]), lambda n: [0] * (n - 1) + [1])[1]
    assert "should have 0 at [199], and yours has 1 there (1 of 200 numbers differ)." in said


def forever(x):
    while len(x) > 1:
        try:
            double(x)
        except Exception:
            return None
    return double(x)


def test_a_loop_that_never_ends_is_stopped_with_a_sentence(monkeypatch):
    monkeypatch.setattr("crnn_lessons.exercises.engine.limit", lambda: limit(0.2))
    status, message, _ = judge(DOUBLE, forever)
    assert status == "wrong"
    assert "double([1, 2]) did not come back within 10 seconds and was stopped." in message
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    assert judge(DOUBLE, double)[0] == "done"


def test_large_cases_wait_until_the_others_are_right():
    tried = []

    def answer(n):
        tried.append(n)
        return n

    exercise = Exercise("99-5", "", lambda n: n * n, [(0,), (1,), (2,)], large=[(10,), (11,)])
    assert "(2) should give 4, and yours gives 2" in judge(exercise, answer)[1]
    assert tried == [0, 1, 2]
    assert "(10) should give 100" in judge(exercise, lambda n: n * n if n < 10 else 0)[1]
    assert judge(exercise, lambda n: n**2)[1] == "Right on all 5 cases."


def test_large_integers_are_compared_exactly():
    big = Exercise(key="99-2", title="", solution=10**30 + 1)
    assert judge(big, 10**30)[0] == "wrong"
    assert judge(big, 10**30 + 1)[0] == "done"


def test_not_implemented_counts_as_not_started():
    def answer(x):
        raise NotImplementedError

    assert judge(DOUBLE, answer)[0] == "not started"


def test_messages_are_escaped():
    page = Result(DOUBLE, "wrong", "a < b & `x<y`")._repr_html_()
    assert "a &lt; b &amp; <code>x&lt;y</code>" in page


@pytest.mark.parametrize("key", ["05-99", "77-1", "five"])
def test_an_unknown_key_is_named(key):
    with pytest.raises(ValueError, match=f"there is no exercise '{key}'"):
        find(key)


def test_what_is_done_is_kept_and_can_be_reset(own_folder):
    assert check("05-2", 10).status == "wrong"
    assert check("05-2", 13).status == "done"
    check("05-2", 10)  # to try again does not undo what is done
    check("05-6", 3)
    rows = {key: state for key, _, state in summary("05").rows}
    assert rows["05-1"] == "not started"
    assert rows["05-2"] == "done, 3 tries"
    assert rows["05-6"] == "not yet, 1 try"
    assert summary("05").count() == "1 of 7"
    reset("04")
    assert summary("05").count() == "1 of 7"
    reset("05")
    assert summary("05").count() == "0 of 7"


def test_a_stub_leaves_no_trace(own_folder):
    check("05-2", ...)
    assert not own_folder.exists()


def test_a_folder_that_cannot_be_written_is_said_and_loses_no_answer(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("CRNN_LESSONS_PROGRESS", str(tmp_path / "file"))
    result = check("05-2", 13)
    assert result.status == "done"
    assert "could not be saved" in result.message


class Mute:
    def __repr__(self):
        raise RuntimeError("no words")


def endless():
    while True:
        yield 0


SELF: list = [1, 2]
SELF.append(SELF)


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda x: 10**5000, "yours gives an integer of 16610 bits."),
        (lambda x: Mute(), "yours gives a Mute that fails to show."),
        (lambda x: SELF, "and yours has 3: [1, 2, [1, 2, "),
        (lambda x: torch.eye(2).to_sparse(), "and yours gives [[1., 0.],"),
        (lambda x: torch.empty(2, device="meta"), "yours gives 'a tensor without data, of the shape (2,)'."),
        (lambda x: sys.exit("bye"), "double([1, 2]) raised SystemExit: bye"),
        (lambda x: endless(), "double([1, 2]) did not come back within 10 seconds and was stopped."),
        (lambda x: "a" * 10**6, "yours gives 'aaa"),
        (lambda x: list(range(10**6)), "should have 2 entries, [2, 4], and yours has 1000000: [0, 1, 2, "),
    ],
)
def test_answers_that_are_hard_to_show_get_a_short_sentence(answer, sentence):
    status, message, _ = judge(DOUBLE, answer)
    assert status == "wrong"
    assert sentence in message
    assert len(Result(DOUBLE, status, message)._repr_html_()) < 2000


@pytest.mark.parametrize("value", [lambda: 10**5000, lambda: SELF, Mute, lambda: "1" * 10**6])
def test_values_that_are_hard_to_show_get_one_too(value):
    result = check("05-2", value())
    assert result.status == "wrong" and len(result._repr_html_()) < 6000


def test_work_it_out_by_hand_is_said_of_wrong_values_alone():
    assert "Work this case out by hand" in judge(DOUBLE, lambda x: [v + 1 for v in x])[1]
    assert "Run this one call in a cell of its own" in judge(DOUBLE, lambda x: x[9])[1]
    assert "Which of its loops does not end" in judge(DOUBLE, lambda x: endless())[1]


def stubborn(path):
    while True:
        with contextlib.suppress(BaseException):
            sum(range(1000))


def deaf(path):
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    while True:
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs answers in a copy of the process")
@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (stubborn, "did not come back within 10 seconds and was stopped"),
        (deaf, "did not come back within 10 seconds and was stopped"),
        (lambda path: sum(range(10**12)), "did not come back within 10 seconds and was stopped"),
        (lambda path: os._exit(0), "ended Python itself"),
        (lambda path: os.kill(os.getpid(), signal.SIGSEGV), "ended Python itself (SIGSEGV)"),
        (lambda path: "a" * (3 << 30), "raised MemoryError"),
    ],
)
def test_answers_that_cannot_be_stopped_from_within_are_stopped(monkeypatch, answer, sentence):
    monkeypatch.setattr("crnn_lessons.exercises.answers.aside", partial(aside, seconds=0.5))
    result = check("05-1", answer)
    assert result.status == "wrong" and sentence in result.message


class Fails:
    """An object whose every service fails."""

    def fail(self, *_, **__):
        raise RuntimeError("no")

    __eq__ = __array__ = __repr__ = __str__ = __float__ = __len__ = __iter__ = fail
    __hash__ = object.__hash__


class Unsaid(Exception):
    def __str__(self):
        raise RuntimeError("no")


def unsaid(path):
    raise Unsaid


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda path: Fails(), "yours gives a Fails that fails to show"),
        (lambda path: [Fails()], "yours gives [a Fails that fails to show]"),
        (unsaid, "raised Unsaid. Run this"),
    ],
)
def test_an_object_that_fails_at_everything_is_shown_as_such(answer, sentence):
    result = check("05-1", answer)
    assert result.status == "wrong" and sentence in result.message, result.message


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs answers in a copy of the process")
def test_what_an_answer_prints_is_shown_and_a_flood_is_cut(capsys):
    def loud(path):
        print("looking at", path)
        return ""

    check("05-1", loud)
    assert capsys.readouterr().out.startswith("looking at ")
    check("05-1", lambda path: print("x" * 10**6))
    assert len(capsys.readouterr().out) == 4002


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux runs answers in a copy of the process")
def test_torch_and_numba_work_in_the_copy_after_they_worked_here(two_threads):
    layer = torch.nn.LSTM(64, 64)
    x = torch.randn(50, 32, 64, requires_grad=True)

    def work():
        out = layer(x)[0] @ torch.randn(64, 500)
        ctc_loss(out.log_softmax(-1), torch.ones(32, 3, dtype=torch.long), [50] * 32, [3] * 32).backward()
        conv = torch.nn.functional.conv2d(torch.randn(8, 16, 64, 64), torch.randn(32, 16, 3, 3))
        return float(np.linalg.norm(np.ones((500, 500)) @ np.ones((500, 500)))), conv.shape[1]

    assert aside(work, seconds=60) == work() == (250000.0, 32)


def test_what_a_cast_would_hide_is_not_the_same():
    mask = np.array([[True, False], [True, True]])
    assert same(mask.tolist(), mask, 0.0) and not same(mask.astype(int), mask, 0.0)
    assert not same([["1", "2"]], np.array([[1.0, 2.0]]), 1e-9) and not same(np.array([1.0]), ["1"], 1e-9)


def test_an_open_question_about_a_function_knows_a_stub():
    def is_even(answer):
        got = answer()
        return ... if got is ... else (None if got % 2 == 0 else "That is odd.")

    exercise = Exercise(key="00-1", title="", solution=lambda: 2, verify=is_even)
    assert judge(exercise, lambda: ...)[0] == judge(exercise, ...)[0] == "not started"
    assert judge(exercise, lambda: 4)[0] == "done"
    assert judge(exercise, lambda: 3)[:2] == ("wrong", "That is odd.")


def test_advice_belongs_to_the_case_that_is_shown():
    """A wrong value is shown; that a later case raises is no reason to look for an exception in it."""
    exercise = Exercise("99-1", "half", lambda x: x / 2, cases=[(4,), (0,)])
    said = judge(exercise, lambda x: 12 / x)[1]
    assert "should give 2" in said and "Work this case out by hand" in said and "cell of its own" not in said


@pytest.mark.parametrize("key", ["01-3", "02-6", "04-5", "06-4", "06-6", "07-1", "07-4", "07-5"])
def test_a_list_is_refused_where_the_lesson_computes_on_with_an_array(key):
    """It was accepted, and the next cells of the lesson ended in a TypeError."""
    right = find(key).solution

    def in_lists(*case):
        found = right(*case)
        if isinstance(found, tuple):
            return tuple(part.tolist() for part in found)
        return found.tolist() if len(found) else found  # no rows, but the right number of columns

    status, message, _ = judge(find(key), in_lists)
    assert status == "wrong"
    assert re.match(r"The numbers are right, as a list( in result \[[01]\])?\. Return an array: ", message), message


def test_a_list_is_refused_in_the_second_result_too():
    right = find("07-5").solution

    def half_in_lists(*case):
        losses, q = right(*case)
        return losses, q.tolist()

    assert judge(find("07-5"), half_in_lists)[1].startswith(
        "The numbers are right, as a list in result [1]. Return an array"
    )


@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("01-4", ("3", "3", "0")),
        ("04-6", ([["1", "1"]] * 3, [[0, 1, 0]] * 3, [-0.5, -1.5, -2.5], [1, -1, 1], -0.5)),
        ("05-5", [["0.6", "0.4"], ["0.6", "0.4"]]),
    ],
)
def test_numbers_written_as_text_are_refused(key, answer):
    """They were accepted, and the next cells of the lesson ended in a TypeError."""
    status, message, _ = judge(find(key), answer)
    assert status == "wrong"
    assert "text: write " in message
