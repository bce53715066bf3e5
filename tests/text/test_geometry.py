"""Words are bent, turned and seen from the side by as much as is said, and cropped by their upright box."""

import numpy as np
import pytest

from crnn_lessons.text.effects import NO_EFFECTS, STREET, only
from crnn_lessons.text.geometry import Placement, View, random_margins, random_view

H, W = 40, 160
CORNERS = np.array([[-80, -20], [80, -20], [80, 20], [-80, 20]], float)
BAR = np.full((H, W), 255, np.uint8)


def size_of(view):
    left, top, right, bottom = Placement(view, H, W).box(BAR)
    return right - left, bottom - top


def test_a_plain_view_changes_nothing():
    assert np.allclose(Placement(View(), H, W).forward(CORNERS), CORNERS)
    assert size_of(View()) == pytest.approx((W - 1, H), abs=1e-6)  # columns are taken at their centres


@pytest.mark.parametrize("angle", [30, -30, 60, 75])
def test_the_upright_box_of_a_turned_word(angle):
    """A rectangle w x h turned by a has the box w cos a + h sin a wide and w sin a + h cos a high."""
    a = np.deg2rad(abs(angle))
    width, height = size_of(View(roll=angle))
    assert width == pytest.approx(W * np.cos(a) + H * np.sin(a), abs=1.5)
    assert height == pytest.approx(W * np.sin(a) + H * np.cos(a), abs=1.5)


def test_a_word_is_turned_clockwise():
    right = Placement(View(roll=30), H, W).forward(np.array([[80, 0]]))[0]
    assert right == pytest.approx([80 * np.cos(np.pi / 6), 80 * np.sin(np.pi / 6)])  # y points down


@pytest.mark.parametrize("bend", [120, -120, 60, -60])
def test_the_sagitta_of_an_arc(bend):
    """The middle of an arc of radius R over an angle a lies R (1 - cos(a / 2)) above its ends; lengths stay."""
    place = Placement(View(bend=bend), H, W)
    ends, middle = place.forward(np.array([[-80, 0], [80, 0]])), place.forward(np.array([[0, 0]]))[0]
    radius = W / np.deg2rad(abs(bend))
    sagitta = radius * (1 - np.cos(np.deg2rad(abs(bend)) / 2))
    assert ends[:, 1] - middle[1] == pytest.approx(np.sign(bend) * np.array([sagitta, sagitta]))
    along = place.forward(np.stack([np.linspace(-80, 80, 2001), np.zeros(2001)], axis=1))
    assert np.hypot(*np.diff(along, axis=0).T).sum() == pytest.approx(W, rel=1e-4)


def test_letters_on_an_arc_stand_upright_on_it():
    """The top of the rightmost letter lies further out than its foot by its height, along the radius."""
    top, foot = Placement(View(bend=90), H, W).forward(np.array([[80, -20], [80, 20]]))
    assert np.hypot(*(top - foot)) == pytest.approx(H)
    assert (top - foot) / H == pytest.approx([np.sin(np.pi / 4), -np.cos(np.pi / 4)])


@pytest.mark.parametrize(("yaw", "distance"), [(40, 2.0), (-60, 1.25), (65, 4.0)])
def test_a_sign_seen_from_the_side(yaw, distance):
    """Depth Z = -x sin(yaw), and a point is drawn at 1 / (1 + Z / d): the nearer edge is the higher one."""
    seen = Placement(View(yaw=yaw, distance=distance), H, W).forward(CORNERS)
    left, right = seen[3, 1] - seen[0, 1], seen[2, 1] - seen[1, 1]
    z = -80 * np.sin(np.deg2rad(yaw)) / (distance * W)
    assert (left, right) == (pytest.approx(H / (1 - z)), pytest.approx(H / (1 + z)))
    assert seen[1, 0] == pytest.approx(80 * np.cos(np.deg2rad(yaw)) / (1 + z))


def test_slant_and_stretch():
    seen = Placement(View(slant=0.5, stretch=1.5), H, W).forward(CORNERS)
    assert seen == pytest.approx(np.array([[-110, -20], [130, -20], [110, 20], [-130, 20]]))


@pytest.mark.parametrize("seed", range(40))
def test_backward_undoes_forward(seed):
    rng = np.random.default_rng(seed)
    view = random_view(rng, only(bent=1.0, aside=1.0, turned=1.0, slanted=1.0, stretched=1.0), W / H)
    place = Placement(view, H, W)
    points = rng.uniform([-80, -20], [80, 20], size=(50, 2))
    x, y = place.backward(*place.forward(points).astype(np.float32).T)
    assert np.allclose(np.stack([x, y], axis=1), points, atol=0.05)


def test_the_maps_of_a_crop_reach_from_corner_to_corner():
    x, y = Placement(View(), H, W).maps((-80, -20, 80, 20), 20, 40)
    assert x.shape == y.shape == (20, 40) and x.dtype == np.float32
    assert (x[0, 0], x[0, -1], y[0, 0], y[-1, 0]) == pytest.approx((-78, 78, -19, 19))  # centres of pixels of 4 x 2


def test_views_are_as_wild_as_the_table_says():
    views = [random_view(np.random.default_rng(i), STREET, 4.0) for i in range(4000)]
    assert np.mean([v.bend != 0 for v in views]) == pytest.approx(STREET.bent, abs=0.02)
    assert np.mean([v.yaw != 0 for v in views]) == pytest.approx(STREET.aside, abs=0.03)
    turned = np.mean([abs(v.roll) > 12 for v in views])
    assert 0.6 * STREET.turned < turned <= STREET.turned and 60 < max(abs(v.roll) for v in views) <= 75
    assert {np.sign(v.bend) for v in views} == {-1, 0, 1} and max(abs(v.bend) for v in views) <= 190
    plain = random_view(np.random.default_rng(0), NO_EFFECTS, 4.0)
    assert (plain.bend, plain.yaw, plain.pitch, plain.roll, plain.slant, plain.stretch) == (0, 0, 0, 0, 0, 1)


def test_margins_are_cut_only_where_asked():
    drawn = np.array([random_margins(np.random.default_rng(i), NO_EFFECTS) for i in range(500)])
    assert drawn.min() == 0 and drawn.max() < 0.6 and 0.1 < drawn.mean() < 0.2
    cut = np.array([random_margins(np.random.default_rng(i), only(cut=1.0)) for i in range(500)])
    assert np.all((cut < 0).sum(axis=1) == 1) and cut.min() >= -0.14
    roomy = np.array([random_margins(np.random.default_rng(i), only(roomy=1.0)) for i in range(500)])
    assert roomy.mean() > drawn.mean() + 0.1 and roomy.min() >= 0 and roomy.max() > 0.6
