"""Draw figs/bk_tree.svg: a BK-tree of words on signs, and which of them are compared with a misread text.

python figs/bk_tree.py
"""

from pathlib import Path

from rapidfuzz.distance.Levenshtein import distance

from crnn_lessons.show.palette import BLUE, FAINT, INK, ORANGE
from crnn_lessons.show.svg import box, line, sheet, text

WORDS = ("hotel", "hostel", "total", "station", "motel", "hot", "nation", "taxi", "exit", "hotels", "metal")
READ, MOST = "hote", 1
WIDE, HIGH, STEP, DOWN = 72, 40, 92, 92


class Node:
    """A word, its children by their distance, and where it is drawn."""

    def __init__(self, word: str):
        self.word, self.children, self.x, self.depth = word, {}, 0.0, 0


def plant(words: tuple[str, ...]) -> Node:
    root = Node(words[0])
    for word in words[1:]:
        node, new = root, Node(word)
        while (d := distance(word, node.word)) in node.children:
            node = node.children[d]
        node.children[d], new.depth = new, node.depth + 1
    return root


def place(node: Node, left: float) -> float:
    """Lay a node out over its children; returns where the next tree may begin."""
    if not node.children:
        node.x = left + STEP / 2
        return left + STEP
    right = left
    for _, child in sorted(node.children.items()):
        right = place(child, right)
    below = [child.x for child in node.children.values()]
    node.x = (min(below) + max(below)) / 2
    return right


def branch(node: Node, compared: bool) -> list[str]:
    """The drawing of a node and of all below it."""
    d, y = distance(READ, node.word), 46 + DOWN * node.depth
    parts = []
    for edge, child in sorted(node.children.items()):
        open_ = compared and d - MOST <= edge <= d + MOST
        style = {"stroke": BLUE, "stroke_width": 2.5} if open_ else {"stroke": FAINT, "stroke_dasharray": "4 4"}
        parts.append(line((node.x, y + HIGH), (child.x, y + DOWN), **style))
        middle = node.x + 0.65 * (child.x - node.x), y + HIGH + 0.65 * (DOWN - HIGH)
        parts.append(box(middle[0] - 9, middle[1] - 10, 18, 20, str(edge), 13, stroke="none", rx=0))
        parts += branch(child, open_)
    fill = ORANGE if d <= MOST and compared else "white"
    style = {"stroke": INK} if compared else {"stroke": FAINT, "stroke_dasharray": "4 4"}
    parts.append(box(node.x - WIDE / 2, y, WIDE, HIGH, fill=fill, **style))
    parts.append(text(node.x, y + (18 if compared else 25), node.word, 14, "middle"))
    if compared:
        parts.append(text(node.x, y + 34, f"d = {d}", 12, "middle"))
    return parts


def looked_at(node: Node) -> list[str]:
    """The words that are compared."""
    d = distance(READ, node.word)
    below = [looked_at(c) for edge, c in sorted(node.children.items()) if d - MOST <= edge <= d + MOST]
    return [node.word, *(word for words in below for word in words)]


def draw() -> str:
    """The whole picture as SVG text."""
    root = plant(WORDS)
    width = place(root, 10) + 10
    compared = looked_at(root)
    found = [word for word in compared if distance(READ, word) <= MOST]
    said = f"Read: {READ}. Within {MOST} edit: {', '.join(found)}. Compared: {len(compared)} of {len(WORDS)} words."
    title = (
        f"A BK-tree of {len(WORDS)} words. The number on an edge is how far the words below are from the word above. "
        f"For the text {READ} and at most {MOST} edit, these words are compared: {', '.join(compared)}. Found: "
        f"{', '.join(found)}."
    )
    return sheet(width, 380, title, text(16, 26, said, 14), *branch(root, True))


if __name__ == "__main__":
    Path(__file__).with_suffix(".svg").write_text(draw(), encoding="utf-8")
