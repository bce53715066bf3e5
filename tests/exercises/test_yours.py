"""What a learner wrote, kept and given back, in this kernel and in another one; and nothing else is ever run."""

import errno
import json
import linecache
import os
import re
import subprocess
import sys
import textwrap
import types
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from multiprocessing import get_context

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient

from crnn_lessons import exercises
from crnn_lessons.exercises import keep, progress
from crnn_lessons.exercises.catalogue import find

RIGHT = """
from itertools import groupby

def merged(path):
    return [sign for sign, _ in groupby(path)]

def collapse_text(path):
    return "".join(sign for sign in merged(path) if sign != BLANK)

BLANK = "-"
"""


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("CRNN_LESSONS_PROGRESS", str(tmp_path / "progress"))
    return tmp_path / "progress"


@pytest.fixture
def notebook(monkeypatch):
    """Run cells as a kernel does: one namespace, each cell a file that only ``linecache`` knows."""
    module = types.ModuleType("a_notebook")
    monkeypatch.setitem(sys.modules, "a_notebook", module)
    count = iter(range(1000))

    def run(source):
        file = f"/nowhere/{next(count)}.py"
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        exec(compile(source, file, "exec"), vars(module))
        return types.SimpleNamespace(**vars(module))

    return run


def back(value, given=lambda value: None):
    """Capture, write as JSON, read, revive."""
    return keep.revive(json.loads(json.dumps(keep.capture(value, given))), "test", lambda key: f"yours {key}")


def test_an_answer_comes_back_with_its_helpers_imports_and_constants(notebook):
    collapse = back(notebook(RIGHT).collapse_text)
    assert collapse("hhh-eell-llo--o") == "hellоo".replace("о", "o")
    assert collapse.__globals__.keys() >= {"merged", "groupby", "BLANK"}


def test_helpers_from_other_cells_and_modules_under_other_names_are_found(notebook):
    notebook("import numpy as np\nfrom math import log as ln\nimport torch.nn.functional as F")
    notebook("scale, names, table = 2.5, {'a': (1, None)}, np.arange(6).reshape(2, 3)")
    notebook("def helper(x):\n    return scale * x + table[1, 2] + len(names)")
    f = back(notebook("def f(x, y=scale):\n    return helper(x) + ln(y) + F.__name__.count('f')").f)
    assert f(1.0) == pytest.approx(2.5 + 5 + 1 + np.log(2.5) + 1)


def test_local_names_are_no_globals(notebook):
    notebook("x = object()\nT = object()")
    assert back(notebook("def f(a):\n    x = a.T\n    return x").f)(np.arange(2)).tolist() == [0, 1]


def test_a_class_of_static_methods_comes_back_with_what_it_calls(notebook):
    source = (
        "import torch\ndef double(x):\n    return 2 * x\nclass Twice(torch.autograd.Function):\n"
        "    @staticmethod\n    def forward(ctx, x):\n        return double(x)\n"
        "    @staticmethod\n    def backward(ctx, gradient):\n        return double(gradient)\n"
    )
    twice = back(notebook(source).Twice)
    x = torch.tensor([1.0, 3.0], requires_grad=True)
    twice.apply(x).sum().backward()
    assert torch.equal(twice.apply(x), torch.tensor([2.0, 6.0])) and torch.equal(x.grad, torch.tensor([2.0, 2.0]))


def test_recursion_lambdas_classes_and_decorators(notebook):
    space = notebook("def count(n):\n    return 0 if n == 0 else 1 + count(n - 1)")
    assert back(space.count)(7) == 7
    assert back(notebook("double = lambda x: 2 * x").double)(4) == 8
    source = "import torch\nfrom torch import nn\nSIZE = 3\nclass Net(nn.Module):\n    def __init__(self):\n"
    source += "        super().__init__()\n        self.out = nn.Linear(SIZE, 2)\n\n    def forward(self, x):\n"
    source += "        return self.out(x)\n"
    net = back(notebook(source).Net)()
    assert net.out.in_features == 3 and net.__class__.__name__ == "Net"
    space = notebook("from functools import lru_cache\ndef twice(f):\n    return lambda x: f(f(x))")
    fib = notebook("@lru_cache\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)").fib
    assert isinstance(fib, type(lru_cache(len)))
    assert back(notebook("def g(n):\n    return fib(n)").g)(20) == 6765


def test_a_function_of_a_library_is_kept_by_its_name():
    assert back(np.cumsum) is np.cumsum
    assert back(np.exp) is np.exp
    assert back(json.dumps) is json.dumps


@pytest.mark.parametrize("value", [3, -2.5, "ab", (1, [2, {"k": None}]), True, {1, 2}])
def test_plain_values_come_back_equal_and_of_the_same_type(value):
    assert back(value) == value and type(back(value)) is type(value)


@pytest.mark.parametrize("value", [np.int64(13), np.float32(0.1), np.bool_(True)])
def test_numbers_of_numpy_come_back_with_their_type(value, notebook):
    """Of 05-2 and 07-6 answered by NumPy it was said that 'a int64 lives in this notebook only'."""
    assert back(value) == value and type(back(value)) is type(value)
    f = notebook("def f(x):\n    return x * HALF").f
    f.__globals__["HALF"] = value
    assert back(f)(2) == 2 * value


def test_arrays_come_back_with_their_type():
    array = np.array([[0.1, 1e300], [-0.0, 5e-324]])
    assert back(array).tobytes() == array.tobytes()
    assert back(np.array([1, 2], dtype=np.int32)).dtype == np.int32


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("def outer():\n    k = 2\n    def f(x):\n        return k * x\n    return f\nf = outer()", "around it"),
        ("file = open(__import__('os').devnull)\ndef f(x):\n    return file", "file, a TextIOWrapper, lives in this"),
        (
            "import torch\nnet = torch.nn.Linear(2, 2)\ndef f(x):\n    return net(x)",
            "net, a Linear, lives in",
        ),
        ("f = [lambda x: x][0]", "a lambda has no name"),
        ("exec('def f(x): return x')", "the source of 'f' is not at hand"),
        ("class A:\n    def f(self, x):\n        return x\nf = A.f", "defined inside something else"),
        ("f = float('nan')", "a float lives in this notebook only"),
        ("f = __import__('collections').OrderedDict(a=1)", "an OrderedDict lives in this notebook only"),
        ("import numpy\nbig = numpy.zeros(200_000)\ndef f(x):\n    return big", "big, an ndarray, lives in"),
    ],
)
def test_what_lives_in_its_kernel_only_is_refused_with_a_sentence(notebook, source, sentence):
    with pytest.raises(keep.CannotKeep, match=sentence):
        keep.capture(notebook(source).f)


def test_without_an_answer_the_course_gives_its_own_and_says_so(capsys):
    collapse = exercises.yours("05-1")
    assert collapse is find("05-1").solution
    assert capsys.readouterr().out == (
        "05-1 (write B: merge runs, then drop blanks): the course's own, since there is none of yours yet.\n"
    )
    assert exercises.yours("05-1", quiet=True) is collapse
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="there is no exercise '05-99'"):
        exercises.yours("05-99")


def test_an_answer_that_passed_is_given_back_and_says_so(notebook, capsys):
    assert exercises.check("05-1", notebook(RIGHT).collapse_text).status == "done"
    collapse = exercises.yours("05-1")
    assert collapse.__globals__["BLANK"] == "-" and collapse("aa-a") == "aa"
    assert capsys.readouterr().out == "05-1 (write B: merge runs, then drop blanks): yours.\n"
    own = [part for part, whose in exercises.summary().parts if whose == "yours"]
    assert own == [f"{find('05-1').part} (05-1)"]


def test_a_later_wrong_answer_does_not_take_its_place(notebook):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    exercises.check("05-1", notebook("def collapse_text(path):\n    return path").collapse_text)
    assert exercises.yours("05-1", quiet=True)("aa-a") == "aa"


def test_a_later_right_answer_does(notebook):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    exercises.check("05-1", notebook(RIGHT + "\nSECOND = 2\ndef collapse_text(path, _=SECOND):\n" + (
        "    return ''.join(k for k in merged(path) if k != BLANK)")).collapse_text)  # fmt: skip
    assert exercises.yours("05-1", quiet=True).__globals__["SECOND"] == 2


def test_tensors_count_and_a_lesson_in_numpy_goes_on_without_them(notebook, capsys):
    source = """
        import torch
        def rnn_step(x, h, weight_ih, weight_hh, bias):
            a, b, c = map(torch.tensor, (weight_ih @ x, weight_hh @ h, bias))
            return torch.tanh(a + b + c)
    """
    assert exercises.check("01-2", notebook(textwrap.dedent(source)).rnn_step).status == "done"
    assert exercises.yours("01-2") is find("01-2").solution
    assert "since yours gives torch tensors, and the lesson goes on with NumPy arrays." in capsys.readouterr().out
    mended = notebook(textwrap.dedent(source).replace("(a + b + c)", "(a + b + c).numpy()")).rnn_step
    assert exercises.check("01-2", mended).status == "done"
    assert exercises.yours("01-2") is not find("01-2").solution
    assert capsys.readouterr().out == "01-2 (one step of a recurrent network): yours.\n"


def test_an_answer_that_cannot_be_kept_counts_and_the_learner_is_told(notebook, capsys):
    source = (
        RIGHT + "\ndef outer(blank):\n    def f(path):\n        return ''.join(k for k in merged(path) if k != blank)"
    )
    result = exercises.check("05-1", notebook(source + "\n    return f\nf = outer('-')").f)
    assert result.status == "done"
    assert "later lessons cannot use it: f uses variables of a function around it" in result.message
    exercises.yours("05-1")
    assert "the course's own, since yours could not be kept" in capsys.readouterr().out


def test_an_answer_made_of_an_earlier_answer_follows_it(notebook):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    notebook("from crnn_lessons import exercises\nearlier = exercises.yours('05-1', quiet=True)")
    exercises.check("05-1", notebook("def again(path):\n    return earlier(path)").again)
    entry = progress.read("05")["05-1"]
    assert entry.answer["names"] == {"earlier": ["yours", "05-1"]}


def test_one_that_no_longer_passes_is_passed_over_and_stays_on_record(own_folder, capsys):
    answer = {"name": "f", "sources": ["def f(path):\n    return path"], "names": {}}
    progress.record("05-1", "done", None, answer)
    assert exercises.yours("05-1") is find("05-1").solution
    said = capsys.readouterr().out
    assert "the course's own, since yours no longer passes (collapse_text(" in said
    assert progress.read("05")["05-1"].answer == answer


@pytest.mark.parametrize(
    "answer",
    [
        {"name": "f"},
        {"name": "f", "sources": ["def f(:"], "names": {}},
        {"name": "g", "sources": ["def f(x): pass"], "names": {}},
        {"name": "f", "sources": [], "names": {"f": ["import", "no_such_module:f"]}},
        {"name": "f", "sources": [], "names": {"f": ["constant", "__import__('os')"]}},
        {"name": "f", "sources": ["raise SystemExit"], "names": {}},
    ],
)
def test_nonsense_in_the_file_ends_in_one_line_and_the_course_goes_on(answer, capsys):
    progress.record("05-1", "done", None, answer)
    assert exercises.yours("05-1") is find("05-1").solution
    assert "yours could not be brought back (" in capsys.readouterr().out


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can give a file away")
def test_code_of_another_user_is_not_run(own_folder, capsys):
    progress.record("05-1", "done", None, {"name": "f", "sources": ["open('was_run', 'w')"], "names": {}})
    os.chown(progress.path_of("05"), 12345, 12345)
    assert exercises.yours("05-1") is find("05-1").solution
    assert "belongs to another user, whose code is not run" in capsys.readouterr().out


def test_it_lives_in_another_kernel_of_a_real_notebook(own_folder, tmp_path):
    check = "from crnn_lessons import exercises\nexercises.check('05-1', collapse_text)"
    use = "from crnn_lessons import exercises\ncollapse = exercises.yours('05-1')\nprint(collapse('hhh-e-ll-l-oo'))"
    for cells in ([RIGHT, check], [use]):
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        NotebookClient(book, timeout=60, resources={"metadata": {"path": str(tmp_path)}}).execute()
        shown = "".join(out.get("text", "") for cell in book.cells for out in cell.outputs)
    assert shown == "05-1 (write B: merge runs, then drop blanks): yours.\nhello\n"


def attempts(number):
    for _ in range(number):
        progress.record("05-2", "wrong", "adds up")


def test_two_kernels_that_record_at_full_speed_lose_nothing(own_folder):
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(attempts, [500, 500]))
    assert progress.read("05")["05-2"] == progress.Record(1000, False, None, ("adds up",) * 1000)


@pytest.mark.parametrize("damage", [b"{half", b'{"key": "05-2", "status": "do', b"\xff\xfe\x00", b"[]\n3\nnull", b"{}"])
def test_damaged_lines_take_no_other_line_with_them(own_folder, damage):
    exercises.check("05-2", 13)
    before = progress.path_of("05").read_bytes()
    with open(progress.path_of("05"), "ab") as file:
        file.write(damage)
    exercises.check("05-6", 3)
    assert progress.path_of("05").read_bytes().startswith(before + damage)  # it stays for whoever can mend it
    answer = {"name": "answer", "sources": [], "names": {"answer": ["constant", "13"]}}
    assert progress.read("05")["05-2"] == progress.Record(1, True, answer)
    assert progress.read("05")["05-6"].attempts == 1


@pytest.mark.parametrize("entry", ['{"attempts": Infinity, "done": true}', "[]", '{"done": true}', "{"])
def test_the_first_editions_record_counts_and_a_broken_one_is_left_alone(own_folder, entry):
    own_folder.mkdir()
    old = own_folder / "lesson_05.json"
    old.write_text('{"05-2": {"attempts": 3, "done": true}}')
    exercises.check("05-2", 13)
    assert exercises.summary("05").rows[1][2] == "done, 4 tries"
    old.write_text(f'{{"05-2": {entry}}}')
    assert exercises.summary("05").rows[1][2] == "done, 1 try"
    assert old.read_text() == f'{{"05-2": {entry}}}'


def test_a_file_that_cannot_be_written_is_not_replaced(own_folder):
    exercises.check("05-2", 13)
    before = progress.path_of("05").read_bytes()
    code = "from crnn_lessons import exercises; print(exercises.check('05-2', 13).message)"
    if os.getuid() == 0:
        pytest.skip("this user may write to every file, so a refusal cannot be made")
    progress.path_of("05").chmod(0)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "could not be saved" in done.stdout
    progress.path_of("05").chmod(0o644)
    assert progress.path_of("05").read_bytes() == before


def test_a_file_that_may_not_be_opened_stays_as_it_is(own_folder, monkeypatch):
    """The same for users to whom no file is closed: the system's refusal is played."""
    exercises.check("05-2", 13)
    before = progress.path_of("05").read_bytes()

    def refuse(file, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(file))

    monkeypatch.setattr(progress, "open", refuse, raising=False)
    monkeypatch.setattr(progress, "_text", lambda path: "")  # what Path.read_text makes of a refusal
    message = exercises.check("05-2", 13).message
    assert f"could not be saved in {own_folder}: Permission denied." in message
    assert progress.path_of("05").read_bytes() == before and b"05-2" in before


def test_the_whole_course_in_one_summary(notebook):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    whole = exercises.summary()
    numbers = [tuple(map(int, key.split("-"))) for key, _, _ in whole.rows]
    assert numbers == sorted(numbers) and (11, 10) in numbers  # and not between 11-2 and 11-3
    assert {key[:2] for key, _, _ in whole.rows} >= {"01", "05", "11"}
    assert whole.count() == f"1 of {len(whole.rows)}"
    assert whole.reader() == f"Parts of the final reader that are yours: 1 of {len(whole.parts)}"
    assert len(whole.parts) >= 5
    assert whole._repr_html_().count("<table>") == 2
    assert exercises.summary(5).title == exercises.summary("5").title == "Lesson 05"
    with pytest.raises(ValueError, match="there is no lesson '77' with exercises; there are 01, 02"):
        exercises.summary(77)


def test_the_map_shows_each_exercise_in_its_state(notebook):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    exercises.check("05-2", 12)
    shown = exercises.summary()._repr_html_()
    total = len(exercises.summary().rows)
    label = f"Progress map: of {total} exercises 1 done, 1 not yet, {total - 2} not started."
    assert f'role="img" aria-label="{label}"' in shown
    titles = dict(re.findall(r"<title>(\d\d-\d+) [^<]*: ([^<:]*)</title><rect", shown.replace("><g", ">\n<g")))
    assert len(titles) == total
    assert (titles["05-1"], titles["05-2"], titles["05-3"]) == ("done, 1 try", "not yet, 1 try", "not started")
    drawing = shown[shown.index("<svg") : shown.index("</svg>")]
    assert drawing.count("<polyline") == 2 and drawing.count("<circle") == 2  # one each, and one each in the key
    assert 'fill="#1a1a1a"' not in drawing  # letters are of the page's colour, dark or light


def test_the_page_to_hand_in_holds_what_is_on_record_and_no_answer(notebook, tmp_path):
    exercises.check("05-1", notebook(RIGHT).collapse_text)
    progress.record("05-2", "wrong", "a </script> in it")
    exercises.summary().save(tmp_path / "handed in" / "ada.html")
    page = (tmp_path / "handed in" / "ada.html").read_text(encoding="utf-8")
    assert "collapse_text" not in page and "<svg" in page
    (data,) = re.findall(r'<script type="application/json" id="crnn-progress">(.*?)</script>', page, re.DOTALL)
    assert json.loads(data) == {
        "05-1": {"attempts": 1, "done": True, "mistakes": []},
        "05-2": {"attempts": 1, "done": False, "mistakes": ["a </script> in it"]},
    }


def test_reset_that_fails_says_which_file(own_folder, monkeypatch):
    exercises.check("05-2", 13)

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(OSError, match=r"lesson_05\.jsonl could not be removed: Permission denied; remove it yourself"):
        exercises.reset("05")
