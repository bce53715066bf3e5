"""The shape widget: its arithmetic in JavaScript against Python's, its traits, and its page."""

from __future__ import annotations

import html
import json
import random
import re
from itertools import pairwise

import pytest
import traitlets

from crnn_lessons.models import PRESETS, Config, build, summarise
from crnn_lessons.models.features import FeatureStack
from crnn_lessons.models.grammar import parse
from crnn_lessons.widgets import Shape
from crnn_lessons.widgets.shape import account_of, stack_of, state_of
from tests.widgets.node import needs_node, run_node

LAYERS = [
    "conv 4", "conv 6 3 5", "conv 8 2 2 bias", "conv 5 plain", "conv 4 5 5 pad 2 2 linear", "conv 7 3 3 stride 2 1",
    "pool 2 2", "pool 2 1", "pool 3 3 stride 2 2 pad 1 1", "pool 2 2 stride 2 1 pad 0 1", "block 4", "block 6",
    "block 6 stride 2 1", "block 5 3 5 stride 2 1", "fmp 0.7 0.9", "fmp 0.55 0.8", "unet 3 4 5", "unet 6 2", "up 3 2 2",
    "up 4 1 3", "keep", "lstm2 3",
]  # fmt: skip
SEQUENCES = ["none", "bilstm 7", "gru 5", "bilstm 4, linear 3, bilstm 6", "conv 9 5, gru 4", "linear 8"]


def states() -> list[dict]:
    """All presets, at several sizes, and random stacks of every kind of layer."""
    found = [state_of(config) | {"num_classes": 37, "word": ""} for config in PRESETS.values()]
    found += [state | {"width": width, "num_classes": 11} for state in found for width in (97, 163)]
    rng = random.Random(5)
    while len(found) < 160:
        state = {
            "layers": rng.choices(LAYERS, k=rng.randint(1, 6)),
            "in_channels": rng.choice([1, 3]),
            "height": rng.randint(8, 60),
            "width": rng.randint(12, 150),
            "projection": rng.choice(["concat", "max", "sum", "lstm"]),
            "sequence": rng.choice(SEQUENCES),
            "output": rng.choice(["linear", "mlp 9"]),
            "num_classes": rng.randint(2, 40),
            "word": "",
        }
        try:
            account_of(state)
        except ValueError:
            continue
        if account_of(state).rows[-1].shape[0] <= 300:
            found.append(state)
    return found


@needs_node
def test_the_account_in_javascript_is_pythons(tmp_path):
    cases = states()
    assert all(any(layer in c["layers"] for c in cases) for layer in LAYERS)
    body = "const a = w.accountOf(x); return [a.rows, a.T, a.parameters, a.work];"
    for case, (rows, T, parameters, work) in zip(
        cases, run_node(tmp_path, body, cases, "shape_account.js"), strict=True
    ):
        want = account_of(case)
        assert (T, parameters, work) == (want.rows[-1].shape[0], want.num_parameters, want.multiply_adds)
        for row, python in zip(rows, want.rows, strict=True):
            assert (row["name"], tuple(row["shape"]), tuple(row["parameters"]), row["work"]) == (
                python.name, python.shape, python.parameters, python.multiply_adds,
            )  # fmt: skip
            assert (None if row["sees"] is None else tuple(row["sees"])) == python.sees


@needs_node
def test_presets_in_javascript_have_the_models_own_counts(tmp_path):
    cases = [state_of(config) | {"num_classes": 37} for config in PRESETS.values()]
    answers = run_node(tmp_path, "const a = w.accountOf(x); return [a.parameters, a.T];", cases, "shape_account.js")
    for name, (parameters, T) in zip(PRESETS, answers, strict=True):
        model = build(name, 37)
        assert parameters == model.num_parameters == sum(p.numel() for p in model.parameters())
        assert model.output_lengths(model.config.width) == T


@needs_node
def test_receptive_fields_in_javascript_are_pythons(tmp_path):
    cases = states()
    body = """const stack = x.layers.map(w.parseLayer);
              return [["height", 0], ["width", 1]].map(([name, axis]) => {
                const outputs = w.sizesAlong(stack, axis, x[name]).at(-1);
                return Array.from({ length: outputs }, (_, i) => w.spansOf(stack, axis, i, x[name])[0]);
              });"""
    for case, axes in zip(cases, run_node(tmp_path, body, cases, "shape_stack.js"), strict=True):
        stack = stack_of(case)
        for axis, image in ((0, case["height"]), (1, case["width"])):
            want = [list(stack.reach(axis, i, image)) for i in range(stack.size(axis, image)[-1])]
            assert axes[axis] == want


@needs_node
def test_both_read_the_same_layers(tmp_path):
    texts = [
        *LAYERS, "dropout 3", "conv", "conv x", "pool 2", "", "conv 3 3", "conv 8 pad", "conv 8 stride 0 1", "keep 2",
        "conv 8 bias plain", "pool 2 2 bias", "block 8 pad 1 1", "fmp 2 2", "fmp 0.4 0.9", "unet 8", "up 4 2", "conv 0",
        "conv 8 bias bias", "pool 2 2 pad 2 0", "conv 8 stride 1 x", "toString 1", "fmp 0.7 0.9 pad 1 1", "conv 1.5",
        "conv 8 stride 2 1 pad 1 1 plain", "conv 8 3 3 pad 1 1 stride 2 2", "conv 100000", "CONV 8", " conv  8 ",
    ]  # fmt: skip
    answers = run_node(tmp_path, "return w.parseLayer(x) !== null;", texts, "shape_stack.js")
    for text, read in zip(texts, answers, strict=True):
        try:
            parse(text)
        except ValueError:
            assert not read, text
        else:
            assert read, text
    assert run_node(tmp_path, "return w.EXAMPLES.every((e) => w.parseLayer(e));", [0], "shape_stack.js") == [True]


@needs_node
def test_words_and_the_width_they_need(tmp_path):
    words = ["", "a", "aaa", "counterrevolutionary", "é한한"]
    cases = [
        {"layers": list(PRESETS[name].features), "word": word}
        for name in ("paper", "tiny", "captcha")
        for word in words
    ]
    body = "return w.roomFor([...x.word], x.layers.map(w.parseLayer));"
    for case, room in zip(cases, run_node(tmp_path, body, cases, "shape_account.js"), strict=True):
        word, stack = case["word"], FeatureStack(case["layers"])
        r = sum(a == b for a, b in pairwise(word))
        needed = len(word) + r
        narrowest = next(w for w in range(1, 2000) if stack.size(1, w)[-1] >= max(1, needed))
        assert room == {"S": len(word), "r": r, "needed": needed, "narrowest": narrowest}


# arguments and traits


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("papier",), "there is no model 'papier'; choose one of small, street, tiny, paper"),
        ((["conv"],), "'conv' is no feature layer"),
        (("conv 4, pool 64 2",), "leaves 0 x 50 of an image of 32 x 100"),
        (("paper", 8), "leaves 0 x 26 of an image of 8 x 100"),
        (("paper", 32, 5000), "width runs from 1 to 2000, and got 5000"),
        (([],), "at least one layer"),
    ],
)
def test_it_refuses_with_one_sentence(arguments, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        Shape(*arguments)


def test_other_bad_arguments():
    for arguments, words in [
        (dict(num_classes=1), "num_classes runs from 2 to 2000, and got 1"),
        (dict(frame=26), "frame runs from 0 to 25"),
        (dict(word="x" * 65), "the word has 65 characters"),
        (dict(config=Config(("conv 8",), sequence="bilstm 999999")), "a number in sequence has at most five digits"),
        (dict(config=Config(("conv 8",), output="mlp 999999")), "a number in output has at most five digits"),
    ]:
        with pytest.raises(ValueError, match=words):
            Shape(**arguments)


def test_a_shape_stands_on_one_line_of_the_summary():
    rows = re.findall(r"<tr>.*?</tr>", Shape("paper").summary._repr_html_())
    assert len(rows) > 10
    for row in rows[1:]:
        cells = re.findall(r"<td[^>]*>(.*?)</td>", row)
        assert " " not in cells[1] + cells[4]  # spaces that do not break


def test_everything_that_describes_a_stack_is_taken():
    assert Shape("post").summary.num_parameters == 8_724_133
    assert Shape(PRESETS["captcha"]).T == 180
    assert Shape(build("tiny", 11)).summary.num_parameters == build("tiny", 11).num_parameters
    own = Shape("conv 8, pool 2 2", 16, 40)
    assert own.layers == ["conv 8", "pool 2 2"] and own.T == 20 and own.sequence == "bilstm 128"
    assert Shape(["conv 8"]).T == 100
    assert Shape(Config(("conv 8",), sequence="gru", hidden_size=9, num_layers=2)).sequence == "gru 9, gru 9"


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_have_their_counts(name):
    model = build(name, 37)
    widget = Shape(name)
    assert widget.summary.num_parameters == model.num_parameters
    assert widget.summary.multiply_adds == summarise(model).multiply_adds
    assert int(model.output_lengths(model.config.width)) == widget.T


def test_setting_traits_follows_the_same_rules():
    w = Shape("paper", frame=25)
    for name, value, words in [
        ("layers", ["conv"], "is no feature layer"),
        ("width", 3, "leaves 1 x 0 of an image of 32 x 3"),
        ("frame", 26, "frame runs from 0 to 25"),
        ("sequence", "tcn 3", "no sequence model 'tcn 3'"),
        ("output", "softmax", "no output 'softmax'"),
        ("num_classes", 1, "num_classes runs from 2"),
        ("in_channels", 2, "2"),
        ("projection", "mean", "mean"),
        ("presets", {}, "read-only"),
    ]:
        before = getattr(w, name)
        with pytest.raises(traitlets.TraitError, match=re.escape(words)):
            setattr(w, name, value)
        assert getattr(w, name) == before
    w.width = 40
    assert (w.T, w.frame) == (11, 10)  # the frame is kept within the new width
    with w.hold_trait_notifications():  # as when the page sends several at once
        w.layers, w.height, w.width, w.frame = ["conv 4", "pool 4 4"], 16, 80, 19
    assert (w.T, w.frame) == (20, 19)


# the page without a kernel


def state_in(page: str) -> dict:
    return json.loads(html.unescape(re.search(r'data-state="([^"]*)"', page)[1]))


def test_alt_text_and_repr_are_made_from_the_data():
    w = Shape("paper", frame=12, word="committee")
    assert w.field == (21, 74)
    assert w.alt() == (
        "A recogniser of 11 layers on an image of 1 × 32 × 100: T = 26, 8,331,301 parameters, 705,143,808 "
        "multiply-adds. Frame 12 sees columns 21 to 74. The word 'committee' needs 12 steps and fits."
    )
    assert "does not fit" in Shape("paper", width=20, word="committee").alt()
    assert html.escape(w.alt()) in w.html()
    assert repr(w) == "Shape(11 layers, image=1x32x100, T=26, parameters=8331301, frame=12)"


def test_the_page_starts_where_the_widget_is_and_needs_nothing_from_outside():
    w = Shape("tiny")
    w.width = 64
    state = state_in(w.html())
    assert state["width"] == 64 and state["start"]["width"] == 100 and set(state["presets"]) == set(PRESETS)
    assert set(re.findall(r"https?://[^\"'`\s)]*", w.html())) <= {"http://www.w3.org/2000/svg"}
    nasty = Shape("tiny", word="</script><!--").html()
    assert nasty.count("</script>") == 1 and "<!--" not in nasty
