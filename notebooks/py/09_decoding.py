# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 Decoding: from probabilities to text
#
# A reader looks at a picture and hands you a table: for each frame, how probable each class is. Your best path decoder
# takes the largest number of each row. Lesson 05 showed that this can miss the most probable text, and left it there.
#
# This lesson decodes properly. You write the search that every CTC system has inside: it grows the beginnings of texts
# frame by frame and keeps the best. Then you tell the reader what you know about the language, and see what that is
# worth. At the end you ask the reader how sure it is, and check whether it tells the truth.
#
# ![The prefixes of a text over three frames, each with two numbers: paths that end in the blank and paths that end in the letter.](../figs/prefixes.svg)
#
# **After this lesson you can**
# - write prefix beam search, and name the mistakes that well-known libraries made in it;
# - read with a lexicon and with a character n-gram, and say when they help and when they hurt;
# - find where each letter stands in the picture;
# - measure whether a confidence means what it says, and mend it if it does not.
#
# **You need** lessons 05 and 06. Lesson 08 shows where such tables come from; here a finished reader makes them.
#
# **Time** 80 minutes: 40 to read, 40 for the exercises. The cells run in 40 seconds.

# %%
import math
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from rapidfuzz.distance import Levenshtein

from crnn_lessons import exercises
from crnn_lessons.alphabet import Alphabet
from crnn_lessons.show import drawings, figures
from crnn_lessons.show.notation import notation

# %% [markdown]
# ## 1 How often does the best path miss?
#
# You wrote a decoder in lesson 05, and the map *B*. Fetch both.

# %%
collapse_text = exercises.yours("05-1")
best_path = exercises.yours("05-7")

# %% [markdown]
# As always, the judge is brute force: list all paths, and let each add its probability to its text. What does the judge
# say about two frames in which the blank has 0.6 and a has 0.4?

# %%
ab = Alphabet("ab")


def every_text(probs):
    """The probability of every text, by listing all paths."""
    totals = Counter()
    for path in product(range(probs.shape[1]), repeat=len(probs)):
        totals[collapse_text(ab.show(path))] += math.prod(probs[range(len(probs)), path])
    return totals


smallest = np.array([[0.6, 0.4], [0.6, 0.4]])  # T C
print({text: f"{p:.2f}" for text, p in every_text(smallest).items()})
print("best path:", repr(ab.decode(best_path(smallest))))

# %% [markdown]
# The best path reads the empty text, with 0.36. The text `a` has 0.64. There is no smaller case: with one frame, a text
# has one path, and the best path is the best text.
#
# One case is an anecdote. Take 1,000 random matrices of two to six frames over a, b and the blank. In how many of them
# does the best path miss the most probable text?

# %%
rng = np.random.default_rng(9)
matrices = [rng.dirichlet(np.ones(3), size=rng.integers(2, 7)) for _ in range(1000)]
truths = [every_text(probs) for probs in matrices]
best_texts = [truth.most_common(1)[0][0] for truth in truths]


def share_missed(read):
    """In how many of the matrices what was read is not the most probable text."""
    return np.mean(
        [ab.decode(labels) != text for labels, text in zip(read, best_texts, strict=True)]
    )


by_best_path = [best_path(probs) for probs in matrices]
missed = share_missed(by_best_path)
print(f"the best path misses {missed:.1%} of {len(matrices)}")
assert 0.3 < missed < 0.45

# %% [markdown]
# More than one in three. To do better we need a way to add up the paths of a text, for all texts at once, without
# listing.
#
# ## 2 Prefix beam search
#
# Lesson 06 adds up the paths of *one* text, row by row of its lattice. Here the text is not known. But its beginnings
# can be: after each frame, sort all paths so far by what they have written. What they have written is a **prefix**, the
# beginning of a text. Paths with the same prefix go on in the same way, with one exception.
#
# Suppose the prefix is `a`, and the next class is a again. For a path that ends in a, nothing new is written: *B* merges
# the two. For a path that ends in the blank, it is a second a, and the prefix becomes `aa`. So the paths of a prefix
# must be kept in two groups: those that **end in the blank**, and those that **end in the label**, the last one. The
# picture at the top shows the two as bars. A prefix is worth their sum.
#
# In one frame, with the probabilities `row`, a prefix hands on what it has in three ways:
#
# | the path takes | paths that may | leads to | and ends in |
# |---|---|---|---|
# | the blank | all | the same prefix | the blank |
# | its last label again | those that end in the label | the same prefix | the label |
# | a label *k* | all; if *k* is the last label, only those that end in the blank | the prefix with *k* at its end | the label |
#
# Different prefixes may lead to the same one: `a` comes from `a`, and from the empty prefix. What arrives is added.
#
# ### Exercise 09-1: one frame  (★★★, 12 minutes)
#
# A **beam** is a dictionary. Its keys are prefixes, tuples of class indices; its values are pairs: the probability of
# the paths that end in the blank, and of those that end in the label. Write `grow(beam, row)`, which returns the beam
# after one more frame, as a new dictionary of the same kind. Class 0 is the blank. (`(*prefix, k)` is the prefix with k
# at its end; `prefix[-1:]` is its last label, as a tuple, or `()`.)


# %% tags=["exercise"]
def grow(beam, row):
    return ...  # your code here


# %%
exercises.check("09-1", grow)

# %% [markdown]
# Follow the picture at the top. Before the first frame there is one path, without a step. It has written nothing, and
# its probability is 1. It counts as ending in the blank: whatever comes next is new.

# %%
grow = exercises.yours("09-1")
beam = {(): (1.0, 0.0)}
for t in range(3):
    beam = grow(beam, [0.6, 0.4])
    print(
        f"after frame {t}:",
        {ab.decode(prefix): np.round(ends, 3).tolist() for prefix, ends in beam.items()},
    )

# %% [markdown]
# After the last frame every prefix is a text, and the sum of its two numbers is p(text | *X*). Is it, on all of the 1,000
# matrices, for every text?

# %%
compared = 0
for probs, truth in zip(matrices, truths, strict=True):
    beam = {(): (1.0, 0.0)}
    for row in probs:
        beam = grow(beam, row)
    assert all(math.isclose(sum(beam[tuple(ab.encode(text))]), p) for text, p in truth.items())
    compared += len(truth)
print(f"{compared:,} texts, each with the probability that listing gives")

# %% [markdown]
# Your `grow` is exact. It also grows. How many prefixes are there over 36 letters?

# %%
beam = {(): (1.0, 0.0)}
for t in range(3):
    beam = grow(beam, np.full(37, 1 / 37))
    print(f"after frame {t}: {sum(sum(ends) > 0 for ends in beam.values()):,} prefixes")

# %% [markdown]
# Thirty-five times more with each frame. So keep only the best few after each frame, the **width** of the beam, and
# forget the others. That is the whole of prefix beam search.
#
# ### Exercise 09-2: the search  (★★☆, 6 minutes)
#
# Write `prefix_search(probs, width)`: begin with the empty prefix, grow it by each row, and after each row keep the
# `width` prefixes that are worth most. Return the best text at the end, and its probability, as a pair.


# %% tags=["exercise"]
def prefix_search(probs, width):
    return ...  # your code here


# %%
exercises.check("09-2", prefix_search)

# %% [markdown]
# How wide must the beam be to find the best text of the small matrices?

# %%
prefix_search = exercises.yours("09-2")
for width in [1, 2, 3, 5, 10, 100]:
    missed = share_missed([prefix_search(probs, width)[0] for probs in matrices])
    print(f"width {width:3}: misses {missed:5.1%}")
assert missed == 0

# %% [markdown]
# A beam of width 1 is not the best path: it adds up paths, if only those of one prefix. Where the beam holds all
# prefixes the search is exact. In between it may lose a prefix early that would have won late.
#
# ### What went wrong elsewhere
#
# The three rules look harmless. Here is what became of them in programs that many people used. The wrong versions come
# from the catalogue behind the check. How often does each one miss?

# %%
from crnn_lessons.exercises.catalogue import find

wrong = {mistake.name: mistake.answer for mistake in find("09-1").mistakes}


def search_with(step, worth, probs):
    """Prefix beam search without pruning, with a step of its own and a way to value a prefix's two numbers."""
    beam = {(): (1.0, 0.0)}
    for row in probs:
        beam = step(beam, row)
    return max(beam, key=lambda prefix: worth(beam[prefix]))


# %%
for name, worth in [
    ("keeps the larger where two ways lead to one prefix", max),
    ("merges equal letters across a blank", sum),
    ("cannot write a letter twice in a row", sum),
    ("writes a letter twice without a blank between", sum),
]:
    read = [ab.decode(search_with(wrong[name], worth, probs)) for probs in matrices]
    misread = [n for n in range(len(matrices)) if read[n] != best_texts[n]]
    n = min(misread, key=lambda n: len(matrices[n]))
    print(
        f"{len(misread) / len(read):6.1%}  {name}: {read[n]!r} for {best_texts[n]!r} in {len(matrices[n])} frames"
    )
    assert len(misread) > 0.04 * len(read)
    assert worth is sum or read == [ab.decode(labels) for labels in by_best_path]

# %% [markdown]
# - **A maximum where a sum belongs.** The beam then looks for the best path again, with more effort: it misses exactly
#   what best path decoding misses. This was the default of flashlight's decoder (`log_add=False`), which torchaudio
#   [handed on](https://github.com/pytorch/audio/pull/2089).
# - **Merging after the blanks are dropped.** TensorFlow's beam search merged repeats once more in its results, so that
#   `all` came out as `al`. See [issue 9550](https://github.com/tensorflow/tensorflow/issues/9550), and how it was met
#   by the people who [used it](https://github.com/mozilla/DeepSpeech/issues/53).
# - **No `aa` at all**, because the paths that write the equal label again were dropped; and **`aa` too often**, because
#   the equal label was treated like any other. The second is the worst of the four.
#
# (TensorFlow's merged the finished text; the version here merges in the beam, and misreads more.) The third shows only
# where a letter stands twice. Small matrices and a list of all paths show all four in seconds.

# %% [markdown]
# ## 3 Play: watch the beam
#
# The widget draws the prefixes as a tree: the two numbers of each as a bar, and dashed what has fallen out of the beam.
# Click a prefix to see what its numbers are made of, and walk through the frames with the left and right arrow keys.
# - Go to the last frame and widen the beam, 1, 2, 3: the text at the end changes each time. Which one is right?
# - With a beam of 1, in which frame is the right text lost?
# - Change one probability so that a beam of 1 finds it after all.

# %%
from crnn_lessons.widgets import Beam

four_frames = [[0.1, 0.8, 0.1], [0.1, 0.5, 0.4], [0.3, 0.4, 0.3], [0.1, 0.6, 0.3]]  # T C
played = Beam(four_frames, "ab", width=1, t=2)
played

# %% [markdown]
# The widget searches in JavaScript. Does your search find the same with the numbers and the width that you left in it?

# %%
text, p = prefix_search(np.array(played.probs), played.width)
print(
    f"width {played.width}: {ab.decode(text)!r} with {p:.4f} by your search, {played.text!r} by the widget's"
)
assert math.isclose(p, sum(played.beams[-1][played.text]))

# %% [markdown]
# ## 4 What it gains on a reader
#
# The reader that comes with the package (lesson 11 says what it was trained on) reads clean print nearly without a
# fault, and then there is nothing to decode. So give it a bad fax: letters eight pixels high, with noise. Three kinds
# of text:
#
# - 240 words of a **lexicon** of 1,500 English words;
# - 80 **other** English words, which the lexicon does not have (both come from this course's own text);
# - 80 **codes**, six letters and digits drawn at random.

# %%
from crnn_lessons.reader import Reader
from crnn_lessons.text.render import render_word

reader = Reader()
alphabet = reader.alphabet  # 0 to 9, a to z
faces = sorted((Path(matplotlib.get_data_path()) / "fonts/ttf").glob("DejaVuS*.ttf"))
faces = [face for face in faces if "Display" not in face.name]  # that one has no letters
rng = np.random.default_rng(9)
shuffled = rng.permutation(Path("words.txt").read_text().split())
lexicon_words, other_words = sorted(shuffled[:1500].tolist()), sorted(shuffled[1500:].tolist())


def fax(text):
    picture = render_word(text, faces[rng.integers(len(faces))], rng, height=40, wild=0.0)  # H W
    small = cv2.resize(picture, (round(picture.shape[1] / 5), 8), interpolation=cv2.INTER_AREA)
    return np.clip(small + rng.normal(0, 25, small.shape), 0, 255).astype(np.uint8)


# %%
kinds = {
    "lexicon": rng.choice(lexicon_words, size=240).tolist(),
    "other": rng.choice(other_words, size=80).tolist(),
    "codes": ["".join(rng.choice(alphabet.characters, size=6)) for _ in range(80)],
}
kind_of = np.repeat(list(kinds), [len(of_a_kind) for of_a_kind in kinds.values()])
texts = [tuple(alphabet.encode(text)) for of_a_kind in kinds.values() for text in of_a_kind]
pictures = [fax(alphabet.decode(text)) for text in texts]
log_probs = [reader.look(picture)[1].astype(float) for picture in pictures]  # of each, T C

# %% tags=["nbval-ignore-output"]
fig, axes = figures.new_figure(7, 1.5, nrows=2, ncols=4)
shown = [0, 1, 2, 3, 240, 241, 320, 321]
for ax, n in zip(axes.flat, shown, strict=True):
    ax.imshow(pictures[n], cmap="gray")
    ax.set_title(alphabet.decode(texts[n]), fontsize=8, loc="center")
    ax.axis("off")
names = ", ".join(alphabet.decode(texts[n]) for n in shown)
figures.show(fig, f"Eight words as a bad fax gives them, grey letters eight pixels high: {names}.")

# %% [markdown]
# How much of this does the best path read, and how much your prefix search, with a beam of 10?


# %%
def score(read):
    """The share of right readings of each kind."""
    right = np.array([labels == text for labels, text in zip(read, texts, strict=True)])
    shares = {kind: right[kind_of == kind].mean() for kind in kinds}
    print("   ".join(f"{kind} {share:5.1%}" for kind, share in shares.items()))
    return shares


# %% tags=["nbval-ignore-output"]
greedy_texts = [best_path(frames) for frames in log_probs]
found = [(tuple(text), p) for text, p in (prefix_search(np.exp(x), 10) for x in log_probs)]
beam_texts = [text for text, p in found]
greedy, beam_score = score(greedy_texts), score(beam_texts)
differ = sum(a != b for a, b in zip(greedy_texts, beam_texts, strict=True))
print(f"{differ} of {len(texts)} readings differ")
assert differ < 0.05 * len(texts)

# %% [markdown]
# The search that mended a third of the small matrices changes next to nothing here. Why? Look at the frames:

# %% tags=["nbval-ignore-output"]
largest = np.exp(np.concatenate([frames.max(axis=1) for frames in log_probs]))
print(f"{np.mean(largest > 0.9):.0%} of the {len(largest):,} frames give one class more than 0.9")
assert np.mean(largest > 0.9) > 0.8

# %% [markdown]
# A network trained with CTC is **peaked**: most of its frames are nearly certain, even on pictures like these. Where
# every frame has its one class, the best path has nearly all of its text's probability, and there is nothing to add up.
# What a beam is good for is something else. At each frame it asks which prefixes are worth keeping, and here
# *knowledge* can come in: we may have an opinion.
#
# From here on the package's `beam_search` does the work. It returns the best texts, each with its labels and
# ln p(text | *X*). Does it read what your search reads, and how much faster is it?

# %%
from crnn_lessons.ctc import beam_search, text_log_probs

hypotheses = [beam_search(frames, 10)[0] for frames in log_probs]
for frames, (text, _), best in zip(log_probs, found, hypotheses, strict=True):
    assert best.log_prob >= text_log_probs(frames, [text])[0] - 1e-9
print("the same text, or a more probable one, for all", len(found))

# %% tags=["nbval-ignore-output"]
import time

seconds = []
for search in [lambda frames: prefix_search(np.exp(frames), 10), beam_search]:
    start = time.perf_counter()
    for frames in log_probs[:50]:
        search(frames)
    seconds.append((time.perf_counter() - start) / 50)
print(f"yours {1000 * seconds[0]:.1f} ms a picture, the package's {1000 * seconds[1]:.2f} ms")
assert seconds[0] > 5 * seconds[1]

# %% [markdown]
# "Or a more probable one" has a reason. A beam knows only the paths it has kept, so the probability that your search
# returns is too small where prefixes were dropped. The package weighs the texts of its last beam once more, each by the
# forward variables of lesson 06, and then ranks them.
#
# ## 5 A lexicon
#
# Suppose you know that the text is one of 1,500 words. How do you tell the beam? By dropping every prefix that begins no
# word. A set of all beginnings is enough:

# %%
lexicon = {tuple(alphabet.encode(word)) for word in lexicon_words}
beginnings = {word[:n] for word in lexicon for n in range(len(word) + 1)}
print(f"{len(lexicon):,} words, {len(beginnings):,} beginnings")


def word_search(probs, width):
    beam = {(): (1.0, 0.0)}
    for row in probs:
        grown = {prefix: ends for prefix, ends in grow(beam, row).items() if prefix in beginnings}
        best = sorted(grown, key=lambda prefix: sum(grown[prefix]), reverse=True)
        beam = {prefix: grown[prefix] for prefix in best[:width]}
    words = [prefix for prefix in beam if prefix in lexicon]
    return max(words, key=lambda prefix: sum(beam[prefix]), default=())


# %% [markdown]
# Stored as a tree, in which words that begin alike share their beginning, this set is called a **trie**. The package's
# `Lexicon` is one, and `beam_search` walks down its branches. Is it the same search as your filtered one?

# %%
from crnn_lessons.ctc import Lexicon

trie = Lexicon(lexicon)
print(trie)

# %% tags=["nbval-ignore-output"]
some = log_probs[::5]
both = [(word_search(np.exp(x), 10), beam_search(x, 10, lexicon=trie)[0]) for x in some]
same = sum(yours == theirs.labels for yours, theirs in both)
print(f"{same} of {len(both)} words are the same")
for frames, (yours, theirs) in zip(some, both, strict=True):
    assert yours == theirs.labels or theirs.log_prob >= text_log_probs(frames, [yours])[0]
assert same > 0.9 * len(both)

# %% [markdown]
# Where they differ, the package's word is the more probable one: it has weighed the words of its last beam exactly. How
# many more of the words are read?

# %% tags=["nbval-ignore-output"]
print("best path:     ", end="")
score(greedy_texts)
print("words only:    ", end="")
in_trie = score([beam_search(frames, 10, lexicon=trie)[0].labels for frames in log_probs])
assert in_trie["lexicon"] > greedy["lexicon"] + 0.05
assert in_trie["other"] == in_trie["codes"] == 0

# %% [markdown]
# The words of the lexicon are read far better, and everything else is lost. Of course: a search that can write nothing
# but 1,500 words reads nothing but 1,500 words, with full confidence, whatever the picture shows. A lexicon is a promise
# about the pictures. Is there a gentler way to use it?
#
# ### Words near the reading
#
# The [CRNN paper](https://arxiv.org/abs/1507.05717) (section 2.3.2) goes the other way round. It reads the picture by
# the best path, looks for words within a few **edits** of what it read (one edit puts a letter in, takes one out, or
# replaces one), and asks CTC which of them is the most probable. If nothing in the lexicon is near, the reading stands.
#
# To find the near words without comparing all of them, the paper uses a **BK-tree** (Burkhard and Keller, 1973). Take a
# word as the root. Every other word hangs below it, on the edge that is numbered by its distance from the root; words
# with the same distance share an edge, and below it the rule begins anew.
#
# ![A BK-tree of words on signs. The edges carry distances; for the misread text hote, the branches at a distance of three or more from the root need not be looked at.](../figs/bk_tree.svg)


# %%
def plant(words):
    tree = words[0], {}  # a word, and its children by their distance from it
    for word in words[1:]:
        node = tree
        while (d := Levenshtein.distance(word, node[0])) in node[1]:
            node = node[1][d]
        node[1][d] = word, {}
    return tree


print(plant(["hotel", "hostel", "motel", "taxi", "hotels", "exit"]))

# %% [markdown]
# Why does this save work? Edits obey the triangle inequality: a detour is never shorter than the straight way. Let *d*
# be the distance from the text to the word of a node. A child that hangs on the edge *e* is *e* away from that word. If
# the child is within *m* edits of the text, then *d* ≤ *m* + *e* and *e* ≤ *d* + *m*. So only the edges from *d* − *m* to
# *d* + *m* can lead to near words, and this holds for everything that hangs below them, too.
#
# ### Exercise 09-3: near words  (★★☆, 8 minutes)
#
# Write `near(tree, text, most)`: all words within `most` edits of the text, in alphabetical order, and how many words
# were compared with it, as a pair. `Levenshtein.distance(a, b)` counts edits. A node is a pair: its word, and a
# dictionary of its children by their distance.


# %% tags=["exercise"]
def near(tree, text, most):
    return ...  # your code here


# %%
exercises.check("09-3", near)

# %%
near = exercises.yours("09-3")
tree = plant(np.random.default_rng(0).permutation(lexicon_words).tolist())
for most in [0, 1, 2, 3]:
    words, compared = near(tree, "lettice", most)
    print(
        f"within {most}: {compared:5} of 1,500 compared; found",
        *words[:8],
        "..." if len(words) > 8 else "",
    )
    assert set(words) == {
        word for word in lexicon_words if Levenshtein.distance(word, "lettice") <= most
    }

# %% [markdown]
# For one edit the tree saves nearly everything; for three it compares two words in three. (The package's `Lexicon.near`
# finds the same words in the trie, where words that begin alike share the beginning of their comparison with the text.)
# The rest of the paper's procedure fits in a few lines:


# %%
def read_near(frames, most):
    text = best_path(frames)
    words = [tuple(alphabet.encode(word)) for word in near(tree, alphabet.decode(text), most)[0]]
    return words[np.argmax(text_log_probs(frames, words))] if words else text


# %% tags=["nbval-ignore-output"]
by_edits = {}
for most in [0, 1, 2, 3]:
    print(f"within {most}:   ", end="")
    by_edits[most] = score([read_near(frames, most) for frames in log_probs])
assert by_edits[3]["lexicon"] > greedy["lexicon"] + 0.05
assert by_edits[3]["other"] < greedy["other"] - 0.2

# %% [markdown]
# Within three edits the words of the lexicon are read about as well as in the trie, and most codes stand, since no word
# is near them. The other words fare badly: nearly all of them have a neighbour in the lexicon. No distance is right for
# both.
#
# Photographs show both sides, too. With a lexicon of 88,172 words, this package's reader, as it was after three of its
# training runs, went from 70.0 to 78.2 % on the street signs of [SVT](http://vision.ucsd.edu/~kai/svt/), of which the
# lexicon has 91 of 100, and *fell* from 93.9 to 79.6 % on those of
# [IIIT5K](https://cvit.iiit.ac.in/research/projects/cvit-projects/the-iiit-5k-word-dataset), of which it has 80.
# (`tests/benchmarks/decoding_photographs.py` measures it, where these pictures are at hand.) Ask what share of your words
# a lexicon has before you ask what it gains.
#
# ## 6 A language
#
# A lexicon says yes or no. A **language model** says how probable a text is before anyone has looked at the picture: a
# q is followed by a u, most of the time. The simplest one that helps counts letters.
#
# An **n-gram** predicts each letter from the *n* − 1 before it, its **context**. Count what followed each context, for
# all lengths up to *n* − 1. A dot stands for the beginning of a word and for its end:


# %%
def count_signs(words, n):
    counts = defaultdict(Counter)
    for word in words:
        word = f".{word}."
        for i in range(1, len(word)):
            for length in range(min(n - 1, i) + 1):
                counts[word[i - length : i]][word[i]] += 1
    return dict(counts)


counts = count_signs(lexicon_words, 5)
for context in ["", ".", "q", "tio", "ght"]:
    print(f"{context!r:6} was followed by", dict(counts[context].most_common(6)))

# %% [markdown]
# Why not divide the counts and be done? Because a sign that never followed a context would then be impossible, and one
# impossible letter makes a word impossible. What long contexts have never seen, shorter ones have. Mix them: let *n*,
# no longer the order, be how often the context *h* was seen, *u* the number of **different** signs that followed it,
# and *h′* the context without its first sign. Then
#
# $$P(k \mid h) = \frac{\text{count}(h, k) + u \, P(k \mid h')}{n + u}$$
#
# The shorter context has *u* votes beside the *n* that were counted: the more often something new came after *h*, the
# less we trust what we saw. (This is [Witten and Bell's](https://doi.org/10.1109/18.87000) rule, 1991.) The empty
# context is one like the others; below it stands 1/*C*, all signs alike.
#
# ### Exercise 09-4: the next letter  (★★☆, 6 minutes)
#
# Write `p_next(counts, context, sign, C)`, which calls itself for the shorter context. A context that was never seen
# leaves everything to the shorter one.


# %% tags=["exercise"]
def p_next(counts, context, sign, C):
    return ...  # your code here


# %%
exercises.check("09-4", p_next)

# %%
p_next = exercises.yours("09-4")
signs = ".0123456789abcdefghijklmnopqrstuvwxyz"
for context in ["q", "tio", "zx"]:
    p = {sign: p_next(counts, context, sign, len(signs)) for sign in signs}
    top = sorted(p, key=p.get, reverse=True)[:4]
    print(
        f"after {context!r:5}",
        *(f"{sign} {p[sign]:.3f}  " for sign in top),
        f"all together {sum(p.values()):.3f}",
    )
    assert math.isclose(sum(p.values()), 1)

# %% [markdown]
# The package's `NGram` is the same model, stored as a table: a row for each context that was seen, a column for each
# class. No text contains the blank, so its column is free for the end of the word. Does it agree with your function?

# %%
from crnn_lessons.ctc import NGram

language = NGram.train(lexicon, num_classes=alphabet.num_classes, order=5)
for word in ["reading", "quiz", "7up"]:
    padded, state = f".{word}.", language.start()
    for i, k in enumerate(alphabet.encode(word), start=1):
        state, log_p = language.step(state, k)
        assert math.isclose(
            math.exp(log_p), p_next(counts, padded[max(0, i - 4) : i], padded[i], 37), rel_tol=1e-5
        )
    print(f"ln p({word}) = {language.log_prob(alphabet.encode(word)):.1f}")

# %% [markdown]
# ### Two opinions, one score
#
# The picture has an opinion, p(text | *X*), and so has the language, p(text). **Shallow fusion** adds their logarithms,
# with a weight, and a reward for each of the *S* labels, since a language model finds every further letter improbable
# and would like all texts short:
#
# $$\text{score} = \ln p(\text{text} \mid X) + \alpha \ln p(\text{text}) + \beta S$$
#
# (These two weights are called α and β everywhere, and have nothing to do with the α(*t*, *s*) and β(*t*, *s*) of
# lesson 06.) In the beam, a prefix gets its share of this when it is born, and the ranking uses the score. Both weights
# are found by trying. Trying on the words that you then report would be cheating, so tune on every second word, and
# keep the others.

# %%
words_only = np.flatnonzero(kind_of != "codes")
tune, rest = words_only[::2], words_only[1::2]


def share_right(samples, **weights):
    read = [beam_search(log_probs[n], 10, language=language, **weights)[0].labels for n in samples]
    return np.mean([labels == texts[n] for labels, n in zip(read, samples, strict=True)])


# %% tags=["nbval-ignore-output"]
alphas, betas = [0, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5], [0, 1, 2, 4, 6]
grid = np.array([[share_right(tune, alpha=a, beta=b) for a in alphas] for b in betas])
b, a = np.unravel_index(grid.argmax(), grid.shape)
weights = {"alpha": alphas[a], "beta": betas[b]}
print(f"best of {grid.size} on {len(tune)} words: {weights}, {grid.max():.1%} right")
before, after = share_right(rest, alpha=0), share_right(rest, **weights)
print(f"on the other {len(rest)}: {before:.1%} without the language, {after:.1%} with it")
assert after > before + 0.03

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(6, 2.6)
for beta, shares in zip(betas, grid, strict=True):
    ax.plot(alphas, shares, "os^Dv"[betas.index(beta)] + "-", label=f"β = {beta}")
ax.set(xlabel="α, the weight of the language", ylabel="words read right", ylim=(0, 1))
ax.legend(loc="lower right", ncols=5, fontsize=8)
figures.show(
    fig,
    f"Share of words read right against the language's weight: {grid[0, 0]:.0%} without, {grid.max():.0%} at best.",
)

# %% [markdown]
# There is a broad top, and the words that chose nothing gain about as much as those that chose the weights: two numbers,
# tuned on 160 words, leave little room for luck. How does each kind fare? (Half of these words did choose.)

# %% tags=["nbval-ignore-output"]
print("best path:     ", end="")
score(greedy_texts)
print("with language: ", end="")
with_language = score(
    [beam_search(frames, 10, language=language, **weights)[0].labels for frames in log_probs]
)
assert with_language["other"] > greedy["other"] and with_language["codes"] < greedy["codes"]

# %% [markdown]
# The other words gain, too, though the language has never seen one of them: it knows how English is spelled. That is
# what a list of words cannot do. And the codes are worse than without: to someone who expects English, `q7x0rk` is a
# misprint. A language model is a promise as well, a softer one. For number plates and order numbers, leave it out.
#
# ## 7 Where does each letter stand?
#
# A decoder gives the text and not the place. But once the text is known, the lattice of lesson 06 has the answer: of all
# paths that spell it, take the most probable one, the **forced alignment**. Where alpha adds up what comes from the rows
# before, take the largest, and remember where it came from. At the end, walk back. (Speech recognition calls this
# [Viterbi's](https://doi.org/10.1109/TIT.1967.1054010) algorithm, 1967.)
#
# ### Exercise 09-5: align  (★★☆, 8 minutes)
#
# Write `align(probs, rows)`, which returns the row of the lattice at each of the *T* steps, as a list. `rows[s]` is the
# class of row *s*, and `predecessors(rows, s)` lists the rows from which a path may step into row *s*: *s* itself,
# *s* − 1, and *s* − 2 where the skip is allowed. A path begins in row 0 or 1 and ends in one of the last two (the empty
# text has row 0 alone). Of equally good rows take the smallest *s*, both on the way and at the end.

# %%
from crnn_lessons.ctc import extend, predecessors

rows = extend(ab.encode("aab"))
print(ab.show(rows), [predecessors(rows, s) for s in range(len(rows))])


# %% tags=["exercise"]
def align(probs, rows):
    return ...  # your code here


# %%
exercises.check("09-5", align)

# %% tags=["nbval-ignore-output"]
align = exercises.yours("09-5")
n = next(n for n in range(len(texts)) if hypotheses[n].labels == texts[n] and len(texts[n]) > 8)
picture, frames = reader.look(pictures[n])  # as the reader gets it, and T C
rows = list(align(np.exp(frames.astype(float)), extend(texts[n])))
print(alphabet.decode(texts[n]), alphabet.show(extend(texts[n])[rows]))

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(6.5, 1.8)
drawings.draw_letter_places(ax, picture, alphabet.decode(texts[n]), rows)
figures.show(
    fig,
    f"The word {alphabet.decode(texts[n])}, each letter at the frames that the best path spends in it.",
)

# %% [markdown]
# Each letter stands over its own ink or at its edge, though a letter often gets a single frame, at the place where the
# network is surest. CTC fixes the order of the letters and never their place, so the *width* of a letter in such a path
# means little.
#
# Ties are a trap here. In torchaudio's `forced_align` each cell compares its three ways strictly: is the skip larger than
# both others, or the step? If these two tie and both beat the third, neither is larger than both, and the third, the
# worst, is taken ([issue 4221](https://github.com/pytorch/audio/issues/4221)). Random numbers never tie, so a test with
# random numbers sees nothing. Whole numbers tie:

# %%
wrong = {mistake.name: mistake.answer for mistake in find("09-5").mistakes}
strict = wrong["compares strictly where rows tie"]


def probability(path, probs, rows):
    return math.prod(probs[t, rows[s]] for t, s in enumerate(path))


rng = np.random.default_rng(7)
worse = 0
for _ in range(1000):
    T, rows = rng.integers(4, 7), extend(rng.integers(1, 3, size=2))
    probs = rng.integers(1, 3, size=(T, 3)) / 6  # whole numbers of sixths
    best = probability(align(probs, rows), probs, rows)
    worse += probability(strict(probs, rows), probs, rows) < best
print(f"{worse} of 1,000 alignments are not the best one")
assert worse > 10

# %% [markdown]
# ## 8 How sure?
#
# p(text | *X*) is the reader's own opinion of its reading. Is it worth anything? If it is **calibrated**, then of all
# readings with a confidence near 0.7, seven in ten are right. Sort the readings by confidence into ten bins, and compare:

# %%
from crnn_lessons.ctc import (
    calibration_error,
    fit_temperature,
    letter_posteriors,
    reliability,
    temper,
)

right = np.array([best.labels == text for best, text in zip(hypotheses, texts, strict=True)])
sure = np.exp([best.log_prob for best in hypotheses])

# %% tags=["nbval-ignore-output"]
fig, ax = figures.new_figure(3.6, 3.3)
mean, share, count = reliability(sure, right).T
ax.plot([0, 1], [0, 1], color=figures.GREY, linestyle="--")
ax.plot(mean, share, "o-", color=figures.BLUE)
ax.set(xlabel="confidence p(text | X)", ylabel="share of right readings", xlim=(0, 1), ylim=(0, 1))
error = calibration_error(sure, right)
figures.show(
    fig,
    f"Share of right readings against confidence, in ten bins: on average {error:.3f} from the diagonal.",
)

# %% tags=["nbval-ignore-output"]
print(
    f"on average {sure.mean():.2f} sure, and {right.mean():.2f} right; expected calibration error {error:.3f}"
)
print(f"least and largest bin: {count.min():.0f} and {count.max():.0f} readings")
assert error < 0.15

# %% [markdown]
# The **expected calibration error** is the average distance from the diagonal, each bin weighted by its number of
# readings. This reader is not far from honest. Many networks are too sure of themselves, and there is a cure with one
# number: divide the log-probabilities by a **temperature** τ, normalise again, and choose τ on readings of which you
# know whether they are right ([Guo and others](https://arxiv.org/abs/1706.04599), 2017). For readers, fit it to whole
# *words*, whose confidence is what is used, and not to characters ([Slossberg and
# others](https://arxiv.org/abs/2012.12643), 2020). Does the fit catch a reader that shouts, with all its logarithms
# doubled?

# %% tags=["nbval-ignore-output"]
greedy_right = np.array([a == b for a, b in zip(greedy_texts, texts, strict=True)])
shouting = [temper(frames, 0.5) for frames in log_probs]
for name, tables in [("as it is", log_probs), ("shouting", shouting)]:
    temperature = fit_temperature(tables[::2], greedy_texts[::2], greedy_right[::2])
    errors = []
    for tau in [1, temperature]:
        pairs = zip(tables[1::2], greedy_texts[1::2], strict=True)
        log_p = [text_log_probs(temper(frames, tau), [text])[0] for frames, text in pairs]
        errors.append(calibration_error(np.exp(log_p), greedy_right[1::2]))
    print(
        f"{name}: temperature {temperature:.2f}; error on the other half {errors[0]:.3f} before, {errors[1]:.3f} after"
    )
assert 1.5 < temperature < 3 and errors[1] < errors[0]

# %% [markdown]
# A confidence that can be trusted lets a reader say no. Accept only readings above a threshold, and hand the rest to a
# human. What is the trade?

# %% tags=["nbval-ignore-output"]
for threshold in [0, 0.3, 0.6, 0.9]:
    accepted = sure >= threshold
    print(
        f"above {threshold}: {accepted.mean():4.0%} accepted, {right[accepted].mean():.1%} of them right"
    )
assert right[sure >= 0.9].mean() > right.mean() + 0.1

# %% [markdown]
# ### Which letter is wrong?
#
# Confidence can be had for each letter. Replace the letter at one place by each other letter, and by none, and weigh
# all these texts; `letter_posteriors` does this. The share of the text itself says how sure the reader is of this
# letter, if the others are right. (This is a posterior, too, but not lesson 06's γ.) In readings with exactly one wrong
# letter, is it the least sure one?

# %% tags=["nbval-ignore-output"]
found_out, slips_seen = 0, 0
for frames, best, text in zip(log_probs, hypotheses, texts, strict=True):
    differs = [a != b for a, b in zip(best.labels, text, strict=False)]
    if len(best.labels) == len(text) and sum(differs) == 1:
        slips_seen += 1
        found_out += letter_posteriors(frames, best.labels).argmin() == differs.index(True)
print(f"in {found_out} of {slips_seen} readings with one wrong letter it is the least sure one")
assert found_out > 0.4 * slips_seen

# %% [markdown]
# ### The most probable text, or the least risk?
#
# The most probable text is the best answer if only whole words count. If you pay for each wrong letter, another one may
# be better: the text whose expected number of edits is smallest, over all the texts that it might be. This is **minimum
# Bayes risk** decoding; the ten best texts of the beam stand for "all".


# %%
def least_risk(best):
    texts = [alphabet.decode(hypothesis.labels) for hypothesis in best]
    p = np.exp([hypothesis.log_prob for hypothesis in best])
    risks = [
        sum(q * Levenshtein.distance(text, other) for q, other in zip(p, texts, strict=True))
        for text in texts
    ]
    return texts[np.argmin(risks)]


# %% tags=["nbval-ignore-output"]
from crnn_lessons.metrics import character_error_rate, word_accuracy

truth = [alphabet.decode(text) for text in texts]
ten_best = [beam_search(frames, 50, top=10) for frames in log_probs]
for name, read in [
    ("most probable", [alphabet.decode(best[0].labels) for best in ten_best]),
    ("least risk", [least_risk(best) for best in ten_best]),
]:
    words, letters = word_accuracy(read, truth), character_error_rate(read, truth)
    print(f"{name:14} words right {words:.1%}, wrong letters {letters:.2%}")

# %% [markdown]
# Here the two differ by a hair, if at all: ten texts of a beam are few, and near one another.
#
# ## 9 What goes wrong
#
# **Probabilities where logarithms are due.** Decoders differ in what they want, and few of them look: with the wrong one
# they return nonsense without a word. [fast-ctc-decode](https://github.com/nanoporetech/fast-ctc-decode) takes
# probabilities; ours takes logarithms, and asks.

# %%
try:
    beam_search(np.exp(log_probs[0]))
except ValueError as error:
    print(error)

# %% [markdown]
# **A maximum where a sum belongs.** Section 2: the beam then finds what best path decoding finds, at more cost.
#
# **The probability taken for the score.** With a language, texts are *ranked* by the score. The probability of the text
# given the picture is another number, and it is the one for section 8.

# %% tags=["nbval-ignore-output"]
best = beam_search(log_probs[0], language=language)[0]
print(f"{alphabet.decode(best.labels)}: p = {math.exp(best.log_prob):.3f}, score {best.score:.2f}")

# %% [markdown]
# **A lexicon that lacks a form.** Plurals, names, numbers: what the list lacks is read as something else. Section 5
# counted.
#
# **Weights tuned on the test set.** Of many settings tried on few words, the best owes a part of its lead to luck.
#
# ## 10 Questions to test yourself
#
# <details><summary>Why does a prefix need two numbers, and not one for each class its paths end in?</summary>
# Paths that end in the blank go on alike, and so do paths that end in the label. A path of a prefix can end in nothing
# else: the label that was written last, or the blank after it.
# </details>
#
# <details><summary>When is prefix beam search exact?</summary>
# When nothing is dropped: when the width is at least the number of prefixes with a probability above zero at every frame.
# Or when all that was dropped on the way has, added up, less probability than the lead of the winner: no text can have
# lost more than that. (The package's <code>most_probable</code> proves its answer in another way: it opens the prefix
# first whose texts have most together, and stops when no unopened prefix has as much as the best text.)
# </details>
#
# <details><summary>The beam of width 10 has the best text in it at every frame, and still its probability comes out too small. Why?</summary>
# The text's paths run through its prefixes. Where a prefix was dropped for a while and came back, the paths that went
# through it in the meantime are lost.
# </details>
#
# <details><summary>Which is better for reading licence plates: a lexicon, an n-gram of English, or an n-gram of plates?</summary>
# The last. It knows which places hold letters and which hold digits, and a lexicon of all plates would be everything.
# </details>
#
# <details><summary>Your reader has a calibration error of 0.01 on your test set. Will it have it on your customer's pictures?</summary>
# Not for that reason. Calibration is measured on one kind of picture. On another kind the reader may be as sure, and
# wrong more often. Measure there.
# </details>
#
# <details><summary>Could you train with the language instead of adding it when decoding?</summary>
# A recurrent network does learn something of the language of its training texts. That part cannot be exchanged for
# another language, and you cannot switch it off for codes.
# </details>
#
# ## 11 Read on
#
# - A. Graves and others, *Connectionist Temporal Classification*, ICML 2006, section 3.2: best path and prefix search.
# - A. Hannun and others, [*First-Pass Large Vocabulary Continuous Speech Recognition*](https://arxiv.org/abs/1408.2873),
#   2014: algorithm 1 is your search, with a language in it.
# - A. Hannun, [*Sequence Modeling with CTC*](https://distill.pub/2017/ctc/), Distill 2017, section *Inference*.
# - B. Shi, X. Bai, C. Yao, [the CRNN paper](https://arxiv.org/abs/1507.05717), section 2.3: reading with a lexicon.
# - S. Chen, J. Goodman, *An Empirical Study of Smoothing Techniques for Language Modeling*, 1998: equation 17 is yours.
# - H. Scheidl and others, [*Word Beam Search*](https://doi.org/10.1109/ICFHR-2018.2018.00052), 2018: words from a
#   lexicon, and anything between them.
# - Next: **10 From image to sequence**, where the frames come from.
#
# The letters of this lesson, for looking up:

# %%
notation("X", "T", "t", "C", "k", "−", "S", "π", "B", "p(t, k)", "p(Y | X)", "s", "α(t, s)")

# %% [markdown]
# Your exercises so far (`exercises.reset("09")` forgets them):

# %%
exercises.summary("09")
