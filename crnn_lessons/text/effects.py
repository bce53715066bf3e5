"""The effects of the street, and how often each is met: one table."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Effects:
    """How often a rendered word meets each effect, 0 to 1.

    Effects are drawn one by one, and independently; of those on the face of the letters (from ``shadowed`` to
    ``motley``) a word has one at most, so their sum must not exceed 1.
    """

    # how the letters are set
    tracked: float = 0.25  # wide apart, or tight
    bounced: float = 0.05  # each a little higher or lower
    first_large: float = 0.08  # the first of capitals larger than the others
    heavy: float = 0.15  # strokes thicker or thinner than the font has them
    elastic: float = 0.12  # strokes bent as by hand
    stacked: float = 0.008  # letters below one another
    # how the sign stands before the camera
    bent: float = 0.22  # along an arc, either way
    aside: float = 0.3  # seen from the side or from below, to a perspective of one half
    turned: float = 0.18  # within the picture, to 75 degrees
    tilted: float = 0.7  # as cameras are held, a few degrees
    slanted: float = 0.25
    stretched: float = 0.7
    # the face of the letters
    shadowed: float = 0.11
    extruded: float = 0.09  # solid letters whose sides show
    outlined: float = 0.1
    hollow: float = 0.04  # an outline alone
    embossed: float = 0.07  # the colour of the ground; edges lit and shaded
    lamps: float = 0.025  # dots in rows
    neon: float = 0.025  # a thin tube and its glow
    motley: float = 0.03  # letters of several greys
    # the ground, and what is near
    faint: float = 0.12  # contrast at the limit of sight
    surface: float = 0.6  # an uneven ground: light that falls off, blotches
    photograph: float = 0.18  # a photographed material as the ground
    inlay: float = 0.08  # a photographed material on the letters
    edges: float = 0.15  # rules, frames, poles
    neighbours: float = 0.3  # pieces of other lines and words
    crossed: float = 0.03  # a wire or a pole before the word
    uneven_light: float = 0.4
    glare: float = 0.04  # a bright spot that takes contrast away
    # the crop
    roomy: float = 0.12  # wide margins
    cut: float = 0.08  # the crop takes a little of the letters
    # the camera
    blurred: float = 0.65  # up to a tenth of the height of the letters
    moved: float = 0.08
    coarse: float = 0.25  # few pixels, enlarged
    sharpened: float = 0.15
    noisy: float = 0.3
    exposed: float = 0.3  # too dark or too bright
    compressed: float = 0.5


STREET = Effects()
"""What training renders."""

NO_EFFECTS = Effects(**{field.name: 0.0 for field in fields(Effects)})
"""One colour on another, seen from the front."""

FACES = ("shadowed", "extruded", "outlined", "hollow", "embossed", "lamps", "neon", "motley")


def only(**chances: float) -> Effects:
    """The table with nothing but the effects named, for example ``only(turned=1.0)``.

    Raises:
        ValueError: an effect that does not exist, or a chance outside 0..1.
    """
    known = [field.name for field in fields(Effects)]
    if unknown := sorted(chances.keys() - set(known)):
        raise ValueError(f"there is no effect {unknown[0]!r}; choose among {', '.join(known)}")
    if wrong := [name for name, chance in chances.items() if not 0 <= chance <= 1]:
        raise ValueError(f"the chance of an effect is a number from 0 to 1, and {wrong[0]!r} has {chances[wrong[0]]}")
    return replace(NO_EFFECTS, **chances)
