"""The grid of lesson 12: designs and their orthogonal fraction, the run that can be killed, the table."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import stats

from crnn_lessons.models import Recogniser, summarise
from notebooks import menu

TINY = ["--steps", "1", "2", "--seconds", "0.001", "0.002", "--search", "0.001"]
QUICK = "mean+vgg+concat+none"


@pytest.fixture
def few_words(monkeypatch):
    """Pools of a few words, so that a cell takes no time."""
    monkeypatch.setattr(menu, "POOLS", {"train": (1, 20), "test": (2, 10)})
    for cached in (menu.drawn, menu.words):
        cached.cache_clear()
    yield
    for cached in (menu.drawn, menu.words):
        cached.cache_clear()


# ---- designs


def test_every_menu_becomes_a_model_whose_steps_suffice():
    assert len(menu.menus()) == 4 * 4 * 3 * 4 * 2
    rows, pixels = menu.HEIGHT, menu.WIDTH
    built = {m.name: m.config for m in menu.menus().values() if m.normalisation == "none"}
    for name, config in built.items():
        model = Recogniser(config, 10).eval()
        with torch.inference_mode():
            logits, lengths = model(torch.rand(2, 1, rows, pixels))
        assert logits.shape == (lengths[0], 2, 10) and lengths[0] >= 7, name  # 4 letters, and blanks between equal ones
    for m in menu.menus().values():
        assert m.config == built[replace(m, normalisation="none").name]


def test_scalings_bring_back_the_width():
    steps = {s: Recogniser(menu.Menu(scaling=s).config, 10).output_lengths(menu.WIDTH) for s in menu.FACTORS["scaling"]}
    assert steps == {"none": menu.WIDTH // 4, "interpolation": menu.WIDTH, "transposed": menu.WIDTH}


def test_a_width_multiplies_the_channels_alone():
    assert menu.widen(
        "conv 8 3 5 stride 2 1, pool 2 2, block 16, fmp 0.6 0.7, unet 12 24 32, up 32 1 4, keep", 0.5
    ) == ("conv 4 3 5 stride 2 1, pool 2 2, block 8, fmp 0.6 0.7, unet 6 12 16, up 16 1 4, keep")
    assert menu.widen("conv 800 5, bilstm 200", 1 / 8) == "conv 100 5, bilstm 25"
    assert menu.Menu(width=2).config.sequence == "bilstm 64" and menu.widen("none", 3) == "none"


@pytest.mark.parametrize("name", menu.BUILDS)
def test_each_build_of_the_lecture_learns_from_every_weight(name):
    torch.manual_seed(0)
    model = Recogniser(menu.design(name).config, menu.ALPHABET.num_classes)
    pictures = torch.randint(256, (2, 1, menu.HEIGHT, menu.WIDTH), dtype=torch.uint8)
    loss = menu.loss_of(model, pictures, ["an", "toe"])
    loss.backward()
    assert loss > 0 and all(p.grad.isfinite().all() for p in model.parameters())
    still = [key for key, p in model.named_parameters() if not p.grad.any()]
    assert still == []


def test_the_builds_at_full_size():
    """Of the two that no preset holds, the parameters from their layers."""
    with torch.device("meta"):  # no numbers, shapes alone
        counts = {name: Recogniser(config, 53).num_parameters for name, config in menu.BUILDS.items()}
    convs = lambda sizes: sum(9 * i * o + 2 * o for i, o in itertools.pairwise(sizes))  # noqa: E731
    lstm = lambda inputs, units: 8 * units * (inputs + units + 2)  # noqa: E731
    line = 5 * 800 * 800 + 2 * 800 + 801 * 53
    assert counts["lstm2"] == counts["conv_only"] + lstm(400, 400) + lstm(800, 400) + 5 * 400 * 800
    assert (
        counts["lstm2"] == convs((1, 100, 100, 200, 200, 300, 300, 400, 400)) + lstm(400, 400) + lstm(800, 400) + line
    )
    up = 200 * 800 * 2 + 2 * 800
    assert counts["lstm_transpose"] == convs((1, 50, 50, 100, 100, 150, 150, 200, 200)) + up + lstm(800, 100) + 201 * 53


def test_the_transposed_convolution_leaves_no_column_constant():
    torch.manual_seed(0)
    model = Recogniser(menu.design("lstm_transpose").config, 10)
    x = model.features(torch.rand(4, 1, menu.HEIGHT, menu.WIDTH))  # N D H W
    assert x.shape[-1] == 6 and (x.std(dim=0).amax(dim=(0, 1)) > 0.1).all()


def test_what_is_not_on_the_menu_is_refused():
    with pytest.raises(ValueError, match="there is no reduction 'mean'; choose one of sum, max, concat, lstm"):
        menu.Menu(reduction="mean")
    with pytest.raises(ValueError, match="there is no design 'lstm3'; write one of conv_only"):
        menu.design("lstm3")


def test_the_fraction_is_orthogonal():
    """Every pair of levels of two factors occurs equally often; normalisation, reduction and sequence are crossed."""
    rows = menu.fraction()
    factors = [factor for factor in menu.FACTORS if factor != "scaling"]
    for a, b in itertools.combinations(factors, 2):
        pairs = Counter((getattr(m, a), getattr(m, b)) for m in rows)
        assert len(pairs) == len(menu.FACTORS[a]) * len(menu.FACTORS[b]) and len(set(pairs.values())) == 1
    assert len({(m.normalisation, m.reduction, m.sequence) for m in rows}) == len(rows) == 32
    assert {m.scaling for m in rows} == {"none"}


def test_the_grid_holds_all_menus_the_scalings_and_the_builds():
    names = menu.grid()
    assert len(names) == len(set(names)) == 128 + 2 + 8 and set(menu.BUILDS) < set(names)
    assert len(menu.plain()) == 128 and {m.name for m in menu.fraction()} < set(menu.plain()) < set(names)


# ---- tasks


@pytest.mark.parametrize("task", menu.TASKS)
def test_words_are_the_same_at_every_call_and_lie_inside(task):
    pictures, texts = menu.drawn(task, "test")
    menu.drawn.cache_clear()
    again, same = menu.drawn(task, "test")
    assert texts == same and all(map(np.array_equal, pictures, again))
    assert {len(text) for text in texts} == {3, 4}
    assert all(p.shape == (menu.HEIGHT, menu.WIDTH) and p.max() > 150 and not p[:, -1].any() for p in pictures)
    tops = [np.flatnonzero(p.any(axis=1))[0] for p in pictures]
    assert (max(tops) - min(tops) > 8) == (task == "turned")  # in print, only from short letters to tall ones


def test_normalising_takes_place_and_size_away():
    turned, _ = menu.drawn("turned", "test")
    high = {form: [spread(menu.normalised(p, form)) for p in turned] for form in menu.FACTORS["normalisation"]}
    for form in menu.CUT:
        centres, heights = np.array(high[form]).T
        raw_centres, raw_heights = np.array(high["none"]).T
        assert centres.std() < 0.7 < 2 < raw_centres.std() and heights.std() < 0.8 * raw_heights.std()
        assert not menu.normalised(np.zeros((24, 48), np.uint8), form).any()  # a blank line stays blank


def spread(picture: np.ndarray) -> tuple[float, float]:
    """Mean and standard deviation of the rows of ink."""
    rows, weights = np.arange(len(picture)), picture.sum(axis=1, dtype=float)
    mean = np.average(rows, weights=weights)
    return mean, np.average((rows - mean) ** 2, weights=weights) ** 0.5


# ---- runs


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def without_time(line: dict) -> dict:
    kept = ("task", "name", "seed", "rate", "parameters", "error_1_steps", "error_2_steps")
    return {key: line[key] for key in kept if key in line}


def test_a_run_that_was_killed_goes_on_where_it_was(tmp_path, few_words, monkeypatch):
    out = tmp_path / "deep" / "grid.jsonl"
    command = ["run", "--out", str(out), "--seeds", "2", "--designs", QUICK, "none+vgg+max+none", *TINY]
    assert menu.main(command) == 0
    whole = lines(out)
    assert len(whole) == 1 + 2 * 2 * 3 + 2 * 2 * 2  # rates on both tasks, then cells of two seeds
    assert [line["seed"] for line in whole[13:]] == [1] * 4 + [2] * 4  # a grid that is stopped is balanced
    assert menu.main(command) == 0 and lines(out) == whole  # nothing is left to do
    data = out.read_bytes()
    calls = []
    monkeypatch.setattr(menu, "run_cell", lambda *given, then=menu.run_cell: calls.append(given[:2]) or then(*given))
    for cut in (len(data) - 5, len(data) - 1, data.rfind(b"\n", 0, -1) + 1):  # in the last line, or before it
        out.write_bytes(data[:cut])
        calls.clear()
        assert menu.main(command) == 0
        again = lines(out)
        assert calls == [("none+vgg+max+none", "turned")] and again[:-1] == whole[:-1]
        assert without_time(again[-1]) == without_time(whole[-1])  # the same words, weights and order
    out.write_bytes(data[:20])  # killed in the first line
    assert menu.main(command) == 0 and len(lines(out)) == len(whole)


def test_seeds_change_the_order_of_words_and_designs_do_not(few_words, monkeypatch):
    seen = []
    monkeypatch.setattr(menu, "loss_of", lambda *given, then=menu.loss_of: seen.append(given[2]) or then(*given))
    for name, seed in ((QUICK, 1), ("none+vgg+max+lstm", 1), (QUICK, 2)):
        next(menu.train(menu.design(name), "print", 0.004, seed, 16))
    assert seen[0] == seen[1] != seen[2]


def test_the_rate_with_the_least_loss_is_taken(tmp_path):
    results = menu.Results(tmp_path / "r.jsonl", menu.Budget())
    for task, losses in (("print", (2.0, 1.5, 1.7)), ("turned", (2.0, 2.5, 1.9))):
        for rate, loss in zip(menu.Budget().rates, losses, strict=True):
            results.add({"task": task, "name": QUICK, "rate": rate, "loss": loss})
    results = menu.Results(tmp_path / "r.jsonl")
    assert [results.rate(task, QUICK) for task in menu.TASKS] == [menu.Budget().rates[i] for i in (1, 2)]


def test_bad_input_is_one_sentence(tmp_path, capsys, monkeypatch):
    def refused(*argv: str) -> str:
        assert menu.main(argv) == 2
        said = capsys.readouterr().err
        assert said.startswith("menu.py: ") and said.count("\n") == 1
        return said

    out = str(tmp_path / "r.jsonl")
    assert "no design 'nothing'" in refused("run", "--out", out, "--designs", "nothing")
    assert "workers and the seeds are 1 or more" in refused("run", "--out", out, "--seeds", "0")
    assert "rise" in refused("run", "--out", out, "--steps", "20", "10")
    (tmp_path / "other").write_text("no results\n")
    assert "holds no results" in refused("run", "--out", str(tmp_path / "other"), "--designs", QUICK)
    assert "holds no results" in refused("summary", "--out", str(tmp_path / "other"))
    inside = str(tmp_path / "other" / "r")  # a file is no folder
    assert "cannot be used" in refused("run", "--out", inside, "--designs", QUICK)
    assert "no finished cell" in refused("summary", "--out", str(begun(tmp_path)))
    assert "another budget" in refused("run", "--out", str(begun(tmp_path)), "--designs", QUICK, *TINY)
    assert "gone.jsonl" in refused("summary", "--out", str(tmp_path / "gone.jsonl"))
    monkeypatch.setattr(menu, "FACES", ("NoSuchFace",))
    menu.faces.cache_clear()
    assert "the font NoSuchFace was not found" in refused("run", "--out", out, "--designs", QUICK)
    menu.faces.cache_clear()


def begun(folder):
    menu.Results(folder / "begun.jsonl", menu.Budget())
    return folder / "begun.jsonl"


# ---- the table


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> list[menu.Row]:
    """A table as if errors added up: effects of the dishes, seeds, and noise for each cell."""
    rng = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("made")
    results = menu.Results(folder / "r.jsonl", menu.Budget())
    effect = {"moments": -0.10, "concat": 0.05, "unet": 0.20, "fmp": 0.15, "lstm": -0.04}
    for seed, name, task in itertools.product(range(1, 6), menu.plain(), menu.TASKS):
        m = menu.menus()[name]
        dishes = (m.normalisation, m.convolution, m.reduction, m.sequence)
        error = 0.4 + 0.03 * seed + sum(effect.get(dish, 0) for dish in dishes) + rng.normal(0, 0.01)
        cell = {"error_200_steps": round(error, 4)} if not (seed == 2 and m.convolution == "unet") else {}
        results.add({"task": task, "name": m.name, "seed": seed, "rate": 0.004, "parameters": 9, "steps": 7, **cell})
    for name in ("none+vgg+interpolation+max+lstm", "none+vgg+transposed+max+lstm", "lstm2"):  # beside these
        results.add({"task": "print", "name": name, "seed": 1, "rate": 0.004, "error_200_steps": 1.9})
    assert menu.write_table(results, folder / "t.csv") == 5 * 128 * 2 + 3
    return menu.read_table(folder / "t.csv")


def test_contrasts_find_the_effects(made):
    at = "error_200_steps"
    d = menu.contrast(
        made, {"normalisation": "moments", "task": "print"}, {"normalisation": "mean", "task": "print"}, at
    )
    assert d.low < -0.10 < d.high and d.high - d.low < 0.03 and d.verdict == "better"
    assert len(d.by_seed) == 4  # in seed 2 some designs did not reach the steps
    d = menu.contrast(made, {"reduction": "concat"}, {"reduction": ("sum", "max")}, at)
    assert d.low < 0.05 < d.high and d.verdict == "worse"
    plain = {"normalisation": "none", "sequence": "none"}
    d = menu.contrast(made, plain | {"reduction": "lstm"}, plain | {"reduction": "concat"}, at)
    assert d.mean == pytest.approx(-0.04 - 0.05, abs=0.01) and d.half < 0.01  # of 16 rows a side, each off by 0.01
    d = menu.contrast(made, {"convolution": "fmp"}, {"convolution": "vgg"}, at)  # the convolution itself stays
    assert d.low < 0.15 < d.high and d.half < 0.05
    d = menu.contrast(made, {"reduction": "max"}, {"reduction": "sum"}, at)
    assert d.low < 0 < d.high and d.verdict == "cannot tell"
    assert len(menu.choose(made, {"normalisation": "none", "task": "print"})) == 5 * 32
    assert len(menu.choose(made, {"name": "lstm2"})) == len(menu.choose(made, {"scaling": "transposed"})) == 1
    with pytest.raises(ValueError, match="no row of the table has"):
        menu.choose(made, {"reduction": "mean"})
    with pytest.raises(ValueError, match="two seeds or more, and there are 1"):
        menu.interval([0.3])


def test_the_interval_is_students():
    a, b = np.random.default_rng(1).normal(size=(2, 5))
    ours, theirs = menu.interval(a - b), stats.ttest_rel(a, b).confidence_interval(0.95)
    np.testing.assert_allclose((ours.low, ours.high, ours.mean), (theirs.low, theirs.high, (a - b).mean()))


def test_rules_compare_sets_that_are_balanced():
    """Within each side, the other crossed factors have each of their levels equally often."""
    chosen = [menu.menus()[name] for name in menu.plain()]
    rows = [{f: getattr(m, f) for f in menu.FACTORS} | {"name": m.name, "task": "print"} for m in chosen]
    for rule in menu.RULES:
        for side in (rule.a, rule.b):
            found = menu.choose(rows, side)
            for factor in {"normalisation", "convolution", "reduction", "sequence"} - side.keys():
                assert len(set(Counter(row[factor] for row in found).values())) == 1, rule.text


def test_a_file_that_is_no_table_is_refused(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is no table of this grid"):
        menu.read_table(tmp_path / "t.csv")


def test_the_table_that_is_kept():
    rows, head = menu.read_table(), menu.head_of()
    assert menu.TABLE.stat().st_size < 300_000 and any("processor" in line for line in head)
    steps, seconds = menu.marks(rows)
    assert set(rows[0]) == {*menu.COLUMNS, *steps, *seconds} and len(steps) == len(seconds) == 3
    assert list(steps) == [f"error_{n}_steps" for n in steps.values()]
    for row in rows:
        built = menu.design(row["name"])
        assert built.normalisation == row["normalisation"] and row["rate"] in menu.Budget().rates
        assert all(np.isnan(row[column]) or 0 <= row[column] < 2 for column in (*steps, *seconds))
    sample = {row["name"]: row["parameters"] for row in rows}
    for name in list(sample)[::6]:
        assert summarise(Recogniser(menu.design(name).config, menu.ALPHABET.num_classes)).num_parameters == sample[name]
