"""Exercises of lesson 13, Photographs."""

from __future__ import annotations

import numpy as np

from crnn_lessons.exercises import Exercise
from crnn_lessons.exercises.slips import mistakes

# 13-1 ---------------------------------------------------------------------------------------------------------------


def seen_box(projection, points):
    x, y = points.T
    seen = projection @ np.stack([x, y, np.ones_like(x)])
    x, y = seen[0] / seen[2], seen[1] / seen[2]
    return x.min(), y.min(), x.max(), y.max()


def turned(degrees: float) -> np.ndarray:
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]).round(3)


CORNERS = np.array([[-40.0, -10.0], [40.0, -10.0], [40.0, 10.0], [-40.0, 10.0]])
INK = np.array([[-30.0, 5.0], [-12.0, -9.0], [3.0, 8.0], [28.0, -2.0], [11.0, 1.0]])
ASIDE = np.array([[0.5, 0.0, 0.0], [0.1, 1.0, 0.0], [0.01, 0.002, 1.0]])

SEEN_BOX = Exercise(
    key="13-1",
    title="the upright box of a word as it is seen",
    solution=seen_box,
    mistakes=mistakes(
        seen_box,
        """
        forgets to divide by the depth :: seen[0] / seen[2], seen[1] / seen[2] -> seen[0], seen[1]
            The third number says how far away the point is. Divide the first two by it: what is far is small.
        multiplies from the wrong side :: projection @ -> projection.T @
            Each point is a column on the right of the matrix. With points as rows, take `points @ projection.T`.
        divides each number by the largest depth :: seen[2] -> seen[2].max()
            Each point has a depth of its own.
        takes the first and the third point for the corners of the box ::
            x.min(), y.min(), x.max(), y.max() -> x[0], y[0], x[2], y[2]
            Once the word is turned, other points lie outermost: take the smallest and the largest over all of them.
        gives width and height in place of right and bottom ::
            x.max(), y.max() -> x.max() - x.min(), y.max() - y.min()
            The answer is left, top, right, bottom.
        swaps across and down :: x.min(), y.min(), x.max(), y.max() -> y.min(), x.min(), y.max(), x.max()
            The answer is left, top, right, bottom, and x runs to the right.
        boxes the points before they are seen :: x, y = seen[0] / seen[2], seen[1] / seen[2] ->
            Box the points as the camera sees them, not as they lie on the sign.
        """,
    ),
    cases=[
        (np.eye(3), CORNERS),
        (turned(30), CORNERS),
        (turned(-60), INK),
        (ASIDE, CORNERS),
        (ASIDE @ turned(20), INK),
        (2 * ASIDE, INK[:3]),
    ],
    tolerance=1e-6,
    show_case=lambda projection, points: f"seen_box(np.array({projection.round(3).tolist()}), {len(points)} points)",
    hints=(
        ("how does a 3 x 3 matrix move a point?", "Put a 1 below it: (x, y, 1). For all points, a 3 x N array."),
        ("three numbers come out", "(a, b, depth): the point is seen at (a / depth, b / depth)."),
        ("and the box?", "`min` and `max` of all x, and of all y, after the division."),
    ),
)

# 13-2 ---------------------------------------------------------------------------------------------------------------


def source_points(projection, box, height, width):
    left, top, right, bottom = box
    x = left + (np.arange(width) + 0.5) * (right - left) / width
    y = top + (np.arange(height) + 0.5) * (bottom - top) / height
    x, y = np.meshgrid(x, y)
    back = np.linalg.inv(projection)
    depth = back[2, 0] * x + back[2, 1] * y + back[2, 2]
    across = (back[0, 0] * x + back[0, 1] * y + back[0, 2]) / depth
    down = (back[1, 0] * x + back[1, 1] * y + back[1, 2]) / depth
    return across, down


def from_edge_to_edge(projection, box, height, width):
    left, top, right, bottom = box
    x, y = (right - left) / (width - 1) / 2, (bottom - top) / (height - 1) / 2
    return source_points(projection, (left - x, top - y, right + x, bottom + y), height, width)


SOURCE_POINTS = Exercise(
    key="13-2",
    title="which point of the word does each pixel of the crop show?",
    solution=source_points,
    mistakes=mistakes(
        source_points,
        """
        goes forward, from the word to the picture :: np.linalg.inv(projection) -> projection
            The pixel is known and the point of the word is wanted: use the inverse, `np.linalg.inv(projection)`.
        takes the transpose for the inverse :: np.linalg.inv(projection) -> projection.T
            The transpose undoes a turn, and no perspective: `np.linalg.inv(projection)`.
        forgets to divide by the depth :: / depth ->
            On the way back, too, the third number divides the first two.
        takes the corner of a pixel for its middle ::
            (np.arange(width) + 0.5) -> np.arange(width) & (np.arange(height) + 0.5) -> np.arange(height)
            Pixel j covers the stretch from j to j + 1: its middle is at j + 0.5.
        puts the first and the last pixel on the edges of the box :: = from_edge_to_edge
            The crop cuts the box into pixels, and the middle of the first one lies half a pixel inside.
        begins at 0 and not at the box :: left + -> & top + ->
            Pixel 0 lies at the left and the top of the box.
        swaps rows and columns :: np.meshgrid(x, y) -> np.meshgrid(x, y, indexing="ij")
            The crop is `height` x `width`: `np.meshgrid(x, y)` gives arrays of this shape.
        gives down before across :: return across, down -> return down, across
            Across first, then down, as `cv2.remap` takes them.
        """,
    ),
    cases=[
        (np.eye(3), (0.0, 0.0, 4.0, 2.0), 2, 4),
        (turned(90), (-10.0, -40.0, 10.0, 40.0), 4, 2),
        (turned(25), (-30.0, -20.0, 30.0, 25.0), 5, 7),
        (ASIDE, (-30.0, -12.0, 15.0, 12.0), 4, 6),
        (ASIDE @ turned(20), (-30.0, -22.0, 15.0, 19.0), 3, 4),
        (2 * ASIDE, (-3.0, -2.0, 5.0, 9.0), 3, 3),
    ],
    tolerance=1e-6,
    show_case=lambda projection, box, height, width: (
        f"source_points(np.array({projection.round(3).tolist()}), {box}, {height}, {width})"
    ),
    hints=(
        ("where does a pixel lie?", "Column j of `width`, in x: `left + (j + 0.5) * (right - left) / width`."),
        ("all pixels at once", "`np.meshgrid(x, y)` makes two arrays, height x width, of the x and the y of each."),
        ("and back to the word?", "As in 13-1, with `np.linalg.inv(projection)`: three numbers, and divide."),
    ),
)

# 13-3 ---------------------------------------------------------------------------------------------------------------


def put_on(ground, cover, grey, least):
    change = cover * (grey - ground)
    contrast = np.sqrt((cover * change**2).sum() / cover.sum())
    if contrast < least:
        change = change * least / contrast
    return ground + change


def _ground(kind: str) -> np.ndarray:
    rows = np.random.default_rng(13).integers(90, 130, size=(4, 6)).astype(float)
    stripes = np.tile([100.0, 140.0], (4, 3))
    return {"flat": np.full((4, 6), 120.0), "rough": rows, "stripes": stripes}[kind]


COVER = np.zeros((4, 6))
COVER[1:3, 1:5] = 1.0
SOFT = COVER.copy()
SOFT[1:3, 4], SOFT[3, 1:4] = 0.5, 0.25

PUT_ON = Exercise(
    key="13-3",
    title="letters on a ground, and never invisible",
    solution=put_on,
    mistakes=mistakes(
        put_on,
        """
        adds the letters to the ground :: cover * (grey - ground) -> cover * grey
            Ink covers: where the cover is 1 the picture is grey, and where it is 0.5 it lies half way from the ground.
        measures the contrast over the whole picture :: (cover * change**2).sum() / cover.sum() -> (change**2).mean()
            Measure where the letters are: weigh the squares with the cover, and divide by its sum.
        lets brighter and darker places cancel ::
            np.sqrt((cover * change**2).sum() / cover.sum()) -> abs((cover * change).sum() / cover.sum())
            Letters may be brighter than one part of the ground and darker than another. Squares do not cancel.
        takes the mean distance and not the root of the mean square ::
            np.sqrt((cover * change**2).sum() / cover.sum()) -> (cover * abs(change)).sum() / cover.sum()
            The root mean square is asked for: square, average, take the root.
        forgets the root :: np.sqrt((cover * change**2).sum() / cover.sum()) -> (cover * change**2).sum() / cover.sum()
            The mean of the squares is no distance in grey levels: take its root.
        weakens letters that stand out :: if contrast < least: -> if True:
            Only letters with too little contrast are changed.
        checks nothing :: change = change * least / contrast -> pass
            Below `least`, enlarge the change so that its contrast is `least`.
        makes the whole picture stronger ::
            change = change * least / contrast -> ground, change = ground * least / contrast, change * least / contrast
            The ground stays as it is: it is the change that grows.
        adds what is missing to every letter :: change * least / contrast -> change + cover * (least - contrast)
            Scale the change: a constant would move it the wrong way where the letters are darker than the ground.
        """,
    ),
    cases=[
        (_ground("flat"), COVER, 30.0, 9.0),
        (_ground("flat"), COVER, 122.0, 9.0),
        (_ground("flat"), SOFT, 200.0, 9.0),
        (_ground("flat"), SOFT, 117.0, 12.0),
        (_ground("rough"), COVER, 110.0, 20.0),
        (_ground("stripes"), COVER, 120.0, 30.0),
        (_ground("stripes"), SOFT, 105.0, 30.0),
    ],
    show_case=lambda ground, cover, grey, least: (
        f"put_on(ground, cover, {grey}, {least}), on a ground of {ground.min():.0f} to {ground.max():.0f},"
    ),
    hints=(
        ("how does ink cover?", "The picture is `ground + change`, and the change `cover * (grey - ground)`."),
        ("what is the contrast?", "The root of the mean of change², each pixel weighted with its cover."),
        ("and if it is too small?", "Multiply the change by `least / contrast`: then its contrast is `least`."),
    ),
)

# 13-4 ---------------------------------------------------------------------------------------------------------------


def paired_interval(a, b):
    difference = np.asarray(a, float) - np.asarray(b, float)
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() - 1.96 * error, difference.mean() + 1.96 * error


def _marks(count: int, share: float, seed: int) -> list[int]:
    return (np.random.default_rng(seed).random(count) < share).astype(int).tolist()


PAIRED_INTERVAL = Exercise(
    key="13-4",
    title="two readers on the same words",
    solution=paired_interval,
    mistakes=mistakes(
        paired_interval,
        """
        treats the two as if they had read different words ::
            difference.std(ddof=1) -> np.sqrt(np.var(a, ddof=1) + np.var(b, ddof=1))
            Both read the same words, and what is hard for one is hard for the other. Take the difference word by word
            first, and its deviation.
        forgets the root of the number of words :: / np.sqrt(len(difference)) ->
            That is the spread of one word. The mean of N words has an error smaller by the root of N.
        divides by the number of words, not by its root :: np.sqrt(len(difference)) -> len(difference)
            The error of a mean shrinks with the root of N.
        gives one standard error each way :: 1.96 -> 1.0
            One standard error holds 68 of 100; for 95 take 1.96 of them.
        gives twice the width :: 1.96 -> 3.92
            1.96 errors each way, and 3.92 from end to end.
        asks how much better the second is ::
            np.asarray(a, float) - np.asarray(b, float) -> np.asarray(b, float) - np.asarray(a, float)
            The first minus the second: above 0 where a is better.
        divides by N where the deviation is estimated :: ddof=1 -> ddof=0
            The mean was estimated from the same words: divide by N - 1, `ddof=1`.
        gives the difference and its error ::
            difference.mean() - 1.96 * error, difference.mean() + 1.96 * error -> difference.mean(), error
            The two ends of the interval are asked for.
        """,
    ),
    cases=[
        ([1, 1, 0, 1], [1, 0, 0, 1]),
        ([1, 0, 1, 1, 0, 1], [0, 1, 1, 0, 0, 1]),
        (_marks(40, 0.8, 1), _marks(40, 0.7, 2)),
        (_marks(300, 0.9, 3), _marks(300, 0.85, 4)),
        ([1, 1, 1, 0, 0], [1, 1, 1, 0, 0]),
    ],
    show_case=lambda a, b: f"paired_interval({a}, {b})" if len(a) < 8 else f"paired_interval of {len(a)} words",
    hints=(
        ("what is paired?", "For each word: 1 where only a is right, -1 where only b is, 0 where they agree."),
        ("how sure is a mean?", "Its error is the deviation of the N differences (`ddof=1`) over √N, as in lesson 12."),
        ("95 %", "The mean, 1.96 standard errors less and more, as a pair."),
    ),
)

# 13-5 ---------------------------------------------------------------------------------------------------------------


def surest(read, picture, crops):
    found = []
    for crop in crops:
        height, width = picture.shape
        cut = round(crop * height)
        part = picture[cut : height - cut, cut : width - cut]
        found.append(read(part))
    return max(found, key=lambda reading: reading[1])


def says_its_size(picture):
    """A reader for tests: says the size of what it was shown, and is surest at 20 rows."""
    return f"{picture.shape[0]}x{picture.shape[1]}", 1 / (1 + abs(picture.shape[0] - 20))


def likes_ink(picture):
    """Says its first number, and is sure by the share of ink."""
    return str(int(picture[0, 0])), float(picture.mean()) / 255


def long_when_unsure(picture):
    return "n" * len(picture), 0.9 - len(picture) / 100


_BLOCK = np.zeros((20, 40), np.uint8)
_BLOCK[4:16, 4:36] = 200

SUREST = Exercise(
    key="13-5",
    title="read several crops, believe the surest",
    solution=surest,
    mistakes=mistakes(
        surest,
        """
        cuts above and below alone :: , cut : width - cut ->
            The same number of pixels goes on all four sides.
        cuts as large a share of the width :: cut : width - cut -> round(crop * width) : width - round(crop * width)
            The cut is a share of the height, on every side: a margin around letters is as wide as it is high.
        cuts everything away where the cut is 0 :: cut : height - cut, cut : width - cut -> cut:-cut, cut:-cut
            `picture[0:-0]` is empty. Write the end as the length minus the cut.
        believes the last crop :: max(found, key=lambda reading: reading[1]) -> found[-1]
            Of all readings take the one with the highest confidence.
        believes the least sure crop :: max( -> min(
            The highest confidence wins.
        takes the longest text :: lambda reading: reading[1] -> lambda reading: len(reading[0])
            The second of the pair is the confidence: compare by it.
        takes the last text of the alphabet :: max(found, key=lambda reading: reading[1]) -> max(found)
            Pairs compare by their first entry, the text. Say what to compare: `key=`.
        cuts crop after crop :: part = picture -> picture = part = picture
            Each crop begins with the whole picture.
        gives the text alone :: key=lambda reading: reading[1]) -> key=lambda reading: reading[1])[0]
            The text and its confidence are asked for, as `read` gave them.
        """,
    ),
    cases=[
        (says_its_size, np.zeros((20, 50), np.uint8), (0.0, 0.1)),
        (says_its_size, np.zeros((24, 50), np.uint8), (0.0, 0.08, 0.2)),
        (says_its_size, np.zeros((26, 40), np.uint8), (0.25, 0.12, 0.05)),
        (likes_ink, _BLOCK, (0.0, 0.1, 0.2)),
        (long_when_unsure, np.zeros((20, 30), np.uint8), (0.0, 0.1, 0.2)),
    ],
    show_case=lambda read, picture, crops: (
        f"surest({read.__name__}, a picture of {picture.shape[0]} x {picture.shape[1]}, {crops})"
    ),
    hints=(
        ("how much is cut?", "`height, width = picture.shape`, and `cut = round(crop * height)` pixels."),
        ("nothing is left for a crop of 0", "`picture[cut : height - cut, cut : width - cut]`, not `-cut`."),
        ("which one?", "`max(found, key=...)`, by the second entry of each pair."),
    ),
)

# 13-6 ---------------------------------------------------------------------------------------------------------------


def words_of(letters, gap):
    words = []
    for left, top, right, bottom in sorted(letters):
        if words and left - words[-1][2] <= gap:
            before = words[-1]
            words[-1] = (before[0], min(before[1], top), max(before[2], right), max(before[3], bottom))
        else:
            words.append((left, top, right, bottom))
    return words


WORDS_OF = Exercise(
    key="13-6",
    title="from letters to words",
    solution=words_of,
    mistakes=mistakes(
        words_of,
        """
        takes the letters as they come :: sorted(letters) -> letters
        :: sorted(letters) -> letters & words[-1] = (before[0], -> words[-1] = (min(before[0], left),
            The letters come in any order. Sort them by their left edge first.
        measures from left edge to left edge :: left - words[-1][2] -> left - words[-1][0]
            A gap runs from the right edge of what is there to the left edge of what comes.
        lets the word end where its last letter ends :: max(before[2], right) -> right
            A dot or a crossbar may end before the letter that it stands on: the word ends at the largest right edge.
        keeps the height of the first letter ::
            min(before[1], top) -> before[1] & max(before[3], bottom) -> before[3]
            Letters have different heights: the word's top is the smallest of theirs, its bottom the largest.
        parts letters whose gap is just the limit :: <= gap -> < gap
            A gap of exactly `gap` still belongs to the word.
        joins what is far apart and parts what is near :: <= gap -> > gap
            A small gap joins, a large one parts.
        gives the letters back ::
            words[-1] = (before[0], -> words.append((before[0], & max(before[3], bottom)) -> max(before[3], bottom)))
            A letter that belongs to a word replaces the word's box: `words[-1] = ...`.
        """,
    ),
    cases=[
        ([(0, 2, 6, 12), (8, 4, 14, 12), (30, 2, 36, 12)], 5),
        ([(30, 2, 36, 12), (8, 4, 14, 15), (0, 2, 6, 12)], 5),
        ([(0, 4, 12, 12), (3, 0, 5, 2), (15, 4, 20, 12), (60, 0, 70, 9)], 4),
        ([(0, 0, 5, 5), (8, 0, 13, 5), (17, 0, 22, 5)], 3),
        ([(4, 1, 9, 8)], 3),
        ([], 3),
        ([(0, 0, 40, 9), (2, 3, 6, 9), (43, 0, 50, 12), (90, 1, 95, 9), (97, 0, 99, 9)], 6),
    ],
    show_case=lambda letters, gap: f"words_of({letters}, {gap})",
    hints=(
        ("where do I begin?", "Sort the letters, and keep a list of words; its last one may still grow."),
        ("does this letter belong to it?", "If its left edge is at most `gap` to the right of the word's right edge."),
        ("how does a word grow?", "Its box becomes the smallest one around both: min, min, max, max."),
    ),
)

EXERCISES = (SEEN_BOX, SOURCE_POINTS, PUT_ON, PAIRED_INTERVAL, SUREST, WORDS_OF)
