"""One table of effects: each can be switched on alone, and does something alone."""

from dataclasses import fields
from pathlib import Path

import matplotlib
import numpy as np
import pytest

from crnn_lessons.text.effects import NO_EFFECTS, STREET, Effects, only
from crnn_lessons.text.letters import elastic, sign_letters, stacked
from crnn_lessons.text.render import draw_mask, render_word

SANS = Path(matplotlib.__file__).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"
NAMES = [field.name for field in fields(Effects)]


def test_every_chance_is_a_probability_and_every_one_is_used():
    assert all(0 < getattr(STREET, name) <= 1 for name in NAMES)
    assert all(getattr(NO_EFFECTS, name) == 0 for name in NAMES)


def test_only_switches_on_what_it_names():
    assert only(turned=0.5).turned == 0.5 and only(turned=0.5).bent == 0
    with pytest.raises(ValueError, match=r"there is no effect 'rotated'; choose among tracked, .*compressed"):
        only(rotated=1.0)
    with pytest.raises(ValueError, match=r"the chance of an effect is a number from 0 to 1, and 'turned' has 7"):
        only(turned=7)


@pytest.mark.parametrize("name", NAMES)
def test_each_effect_alone_changes_the_picture(name):
    """Against the same word with no effect: among eight words at least four differ from what no effect gives."""
    changed = 0
    for seed in range(8):
        tables = NO_EFFECTS, only(**{name: 1.0})
        kept = [render_word("WORDS", SANS, np.random.default_rng(seed), 40, effects=table) for table in tables]
        changed += kept[0].shape != kept[1].shape or not np.array_equal(*kept)
    assert changed >= 4


def test_no_effects_are_two_greys_and_what_lies_between():
    picture = render_word("HI", SANS, np.random.default_rng(4), effects=NO_EFFECTS)
    values, counts = np.unique(picture, return_counts=True)
    assert counts.max() > 0.4 * picture.size and np.ptp(values) >= 35


def test_the_same_state_gives_the_same_picture_with_every_effect():
    for seed in range(30):
        a, b = (render_word("Street", SANS, np.random.default_rng(seed)) for _ in range(2))
        assert np.array_equal(a, b)


def test_a_stacked_word_is_high_and_its_letters_are_in_order():
    mask = stacked("HIO", str(SANS), 48, 5)
    h, i, o = (draw_mask(c, SANS, size=48) for c in "HIO")
    assert mask.shape == (h.shape[0] + i.shape[0] + o.shape[0] + 10, o.shape[1])  # the O is the widest
    left = (o.shape[1] - h.shape[1]) // 2
    assert np.array_equal(mask[: h.shape[0], left : left + h.shape[1]], h)
    assert not mask[h.shape[0] : h.shape[0] + 5].any() and np.array_equal(mask[-o.shape[0] :], o)


def test_wide_tracking_sets_letters_apart():
    widths = [sign_letters("WORD", str(SANS), np.random.default_rng(i), only(tracked=1.0)).shape[1] for i in range(60)]
    plain = sign_letters("WORD", str(SANS), np.random.default_rng(0), NO_EFFECTS).shape[1]
    assert min(widths) >= plain - 3 * 0.05 * 48 - 2 and plain + 3 * 0.6 * 48 < max(widths) <= plain + 3 * 48 + 2


def test_elastic_ink_moves_by_no_more_than_its_reach():
    mask = np.zeros((60, 120), np.uint8)
    mask[20:40, 30:90] = 255
    for seed in range(10):
        bent = elastic(mask, np.random.default_rng(seed), 4.0)
        height, width = bent.shape
        assert abs(height - 20) <= 8 and abs(width - 60) <= 8
    assert len({elastic(mask, np.random.default_rng(i), 4.0).tobytes() for i in range(5)}) == 5


def test_unreadably_faint_is_never_drawn():
    """After the camera, letters and ground still differ: a flat picture could not be labelled."""
    spreads = [np.ptp(render_word("VISIBLE", SANS, np.random.default_rng(i)).astype(int)) for i in range(400)]
    assert min(spreads) >= 6
