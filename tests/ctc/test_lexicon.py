"""The trie of a lexicon, and the words near a text."""

from __future__ import annotations

import numpy as np
import pytest
from rapidfuzz.distance import Levenshtein

from crnn_lessons.ctc import Lexicon
from crnn_lessons.ctc.lexicon import walk


def random_words(rng: np.random.Generator, letters: int, count: int, longest: int) -> list[tuple[int, ...]]:
    return [tuple(rng.integers(1, letters + 1, size=rng.integers(0, longest + 1)).tolist()) for _ in range(count)]


def spelled(lexicon: Lexicon) -> dict[tuple[int, ...], int]:
    """Every prefix in the trie, with the number of the word that ends there."""
    found, waiting = {}, [((), 0)]
    while waiting:
        prefix, place = waiting.pop()
        assert prefix not in found
        found[prefix] = int(lexicon.word[place])
        waiting += [((*prefix, k), child) for k, child in lexicon.after(place)]
    return found


@pytest.mark.parametrize("seed", range(20))
def test_the_trie_holds_all_beginnings_and_marks_the_words(seed):
    rng = np.random.default_rng(seed)
    words = random_words(rng, 3, int(rng.integers(1, 60)), 5)
    lexicon, prefixes = Lexicon(words), {word[:n] for word in words for n in range(len(word) + 1)}
    found = spelled(lexicon)
    assert found.keys() == prefixes and len(lexicon.label) == len(prefixes)
    assert {prefix for prefix, n in found.items() if n >= 0} == set(words) == set(lexicon.words)
    assert all(lexicon.words[n] == prefix for prefix, n in found.items() if n >= 0)
    assert len(lexicon) == len(set(words)) and all(word in lexicon for word in words) and (9,) not in lexicon


@pytest.mark.parametrize("seed", range(20))
def test_near_words_are_those_within_the_distance_and_come_nearest_first(seed):
    rng = np.random.default_rng(seed)
    lexicon = Lexicon(random_words(rng, 3, 80, 6))
    for text in random_words(rng, 3, 20, 8):
        for most in range(5):
            pairs = [(Levenshtein.distance(text, word), word) for word in lexicon.words]
            want = [(word, d) for d, word in sorted(pairs) if d <= most]
            assert lexicon.near(text, most) == want
            found = np.empty((len(lexicon), 2), np.int64)
            count = walk(np.array(text, np.int64), most, lexicon.start, lexicon.label, lexicon.word, found)
            assert [(lexicon.words[n], d) for d, n in sorted(found[:count].tolist())] == want


def test_a_bk_tree_finds_the_same_words():
    """The paper's way, in the words of Burkhard and Keller 1973: children hang at their distance from the parent."""
    rng = np.random.default_rng(0)
    lexicon = Lexicon(random_words(rng, 4, 300, 7))
    root, *others = lexicon.words
    tree = (root, {})
    for word in others:
        node = tree
        while (d := Levenshtein.distance(word, node[0])) in node[1]:
            node = node[1][d]
        node[1][d] = (word, {})

    def near(node, text, most):
        d = Levenshtein.distance(text, node[0])
        found = {node[0]} if d <= most else set()
        return found.union(*(near(child, text, most) for edge, child in node[1].items() if abs(edge - d) <= most))

    for text in random_words(rng, 4, 30, 7):
        assert {word for word, _ in lexicon.near(text, 2)} == near(tree, text, 2)


def test_a_word_longer_than_the_text_and_a_far_distance():
    lexicon = Lexicon([(1,) * 70, (2,)])
    assert lexicon.near((1,) * 68, 2) == [((1,) * 70, 2)]
    assert lexicon.near((), 100) == [((2,), 1), ((1,) * 70, 70)]


def test_the_empty_word_is_a_word():
    lexicon = Lexicon([()])
    assert () in lexicon and lexicon.near((1,), 1) == [((), 1)] and lexicon.after(0) == []


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Lexicon([]), "a lexicon needs at least one word, and got none"),
        (lambda: Lexicon([(1, 0)]), "has the blank"),
        (lambda: Lexicon([(1,)], blank=1), "has the blank"),
        (lambda: Lexicon([(-1,)]), "has -1 at place 0"),
        (lambda: Lexicon([(1,)]).near((1,), -1), "distance is a number of edits, 0 or more, and is -1"),
        (lambda: Lexicon([(1,)]).near((1,), 1.5), "and is 1.5"),
        (lambda: Lexicon([(1,)]).near((0,), 1), "has the blank"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
