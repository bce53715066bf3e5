"""Whether a learner's value equals the solution's, and how to show the difference in a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np

from crnn_lessons.arrays import to_numpy

SINGLE = 1e-5
"""The least tolerance for an answer in float32 or less, as a share of the largest number: it cannot be nearer."""


def same(got: Any, want: Any, tolerance: float) -> bool:
    """Equal values: lists, tuples, arrays and tensors are alike; floating-point numbers may differ by the tolerance."""
    try:
        return _same(got, want, tolerance)
    except Exception:  # a list that contains itself, an object that cannot be compared: a learner's may raise anything
        return False


def _same(got: Any, want: Any, tolerance: float) -> bool:
    if isinstance(want, str) or isinstance(got, str):
        return isinstance(got, str) and isinstance(want, str) and got == want
    if isinstance(want, dict):
        return (
            isinstance(got, dict) and got.keys() == want.keys() and all(_same(got[k], want[k], tolerance) for k in want)
        )
    if isinstance(want, (set, frozenset)):
        return isinstance(got, (set, frozenset)) and got == want
    if isinstance(want, (list, tuple)) and isinstance(got, (list, tuple)):
        return len(got) == len(want) and all(_same(g, w, tolerance) for g, w in zip(got, want, strict=True))
    if callable(want):
        return got is want
    if isinstance(want, int) and isinstance(got, (int, float)):  # of any size, and exact
        return got == want
    apart = _apart(got, want, tolerance)
    return apart is not None and not apart.any()


def _apart(got: Any, want: Any, tolerance: float) -> np.ndarray | None:
    """Which numbers of two values differ; None where they are no numbers, or not of one shape."""
    try:
        got, want = plain(got), plain(want)
        single = str(getattr(got, "dtype", "")) in ("float32", "float16")
        if not _comparable(got, want):
            return None
        if np.iscomplexobj(got) != np.iscomplexobj(want):  # a cast to floats would drop the imaginary part
            return None
        kind = np.complex128 if np.iscomplexobj(want) else np.float64
        got, want = np.asarray(got, dtype=kind), np.asarray(want, dtype=kind)
    except (TypeError, ValueError, OverflowError):
        return None
    if got.shape != want.shape:
        return None
    least = 0.0  # absolute: where numbers of all sizes are added up, the small ones are as far off as the large ones
    if single:
        least = SINGLE * np.abs(want[np.isfinite(want)]).max(initial=0.0)
    return ~np.isclose(got, want, rtol=tolerance, atol=max(tolerance, least), equal_nan=True)


def _comparable(got: Any, want: Any) -> bool:
    """False for what a cast would hide: digits written as text, and a mask of integers, which indexes otherwise."""
    got, want = np.asarray(got), np.asarray(want)
    text = "U" in (got.dtype.kind, want.dtype.kind)
    mask = want.ndim > 0 and want.dtype.kind == "b" and got.size > 0
    return not text and not (mask and got.dtype.kind != "b")


def plain(value: Any) -> Any:
    """A tensor as an array; everything else as it is."""
    if getattr(value, "is_meta", False):
        return f"a tensor without data, of the shape {tuple(value.shape)}"
    return to_numpy(value)


def holds_text(value: Any) -> bool:
    """Whether numbers stand in a value as text, '5' for 5, which a cast to floats would hide."""
    return np.asarray(value).dtype.kind in "US"


def unfinished(value: Any, depth: int = 6) -> bool:
    """Whether a `...` stands anywhere in a value of tuples, lists and dictionaries."""
    parts = value.values() if isinstance(value, dict) else value
    inside = isinstance(value, (list, tuple, dict)) and depth > 0
    return value is ... or (inside and any(unfinished(part, depth - 1) for part in parts))


def difference(got: Any, want: Any, tolerance: float) -> str:
    """What should have come out and what did, as the end of a sentence that begins with the call."""
    several = isinstance(want, tuple) and isinstance(got, (list, tuple)) and len(got) == len(want) > 1
    if several and any(_is_array(part) for part in want):  # too much to show as a whole
        i = next(i for i, (g, w) in enumerate(zip(got, want, strict=True)) if not same(g, w, tolerance))
        return f", result [{i}],{difference(got[i], want[i], tolerance)}"
    if isinstance(got, dict) and isinstance(want, dict):
        for key in [*want, *got]:
            if key not in got:
                return f" should have {short(key)}: {short(want[key])}, and yours has no such entry"
            if key not in want:
                return f" should have no entry {short(key)}, and yours has {short(key)}: {short(got[key])}"
            if not same(got[key], want[key], tolerance):
                return f", entry {short(key)},{difference(got[key], want[key], tolerance)}"
    if type(got) is type(want) is list and len(got) != len(want):
        return f" should have {len(want)} entries, {short(want)}, and yours has {len(got)}: {short(got)}"
    no_rows = isinstance(got, list) and not got and _is_array(want)  # an array of no rows is shown as [], too
    shapes = [np.shape(plain(value)) if _is_array(value) or no_rows else None for value in (got, want)]
    if None not in shapes and shapes[0] != shapes[1]:
        return f" should have the shape {shapes[1]}, and yours has {shapes[0]}"
    if shapes[0] is None and shapes[1] is not None and isinstance(plain(got), (int, float, np.number, np.ndarray)):
        return f" should have the shape {shapes[1]}, and yours is one number, {short(got)}"
    shown = [short(value) for value in (want, got)]
    deep = any(text.endswith("…") or "\n\n" in text for text in shown)  # three axes fill a page
    if shown[0] == shown[1] or deep:
        found = _first_difference(got, want, tolerance)
        if found:
            return found
    return f" should give {shown[0]}, and yours gives {shown[1]}"


def _first_difference(got: Any, want: Any, tolerance: float) -> str | None:
    """Where two arrays or lists of numbers of one shape differ first, with all the digits that it takes to see it."""
    apart = _apart(got, want, tolerance)
    if apart is None or not apart.any():
        return None
    got, want = (np.asarray(plain(value), dtype=np.float64) for value in (got, want))
    if got.ndim == 0:
        return f" should give {float(want)!r}, and yours gives {float(got)!r}"
    at = tuple(int(i) for i in np.argwhere(apart)[0])
    values = [short(array[at]) for array in (want, got)]
    values = values if values[0] != values[1] else [repr(float(array[at])) for array in (want, got)]
    return (
        f" should have {values[0]} at {list(at)}, and yours has {values[1]} there "
        f"({int(apart.sum())} of {want.size} numbers differ)"
    )


def _is_array(value: Any) -> bool:
    return hasattr(value, "shape") and len(value.shape) > 0


def short(value: Any, most: int = 160, depth: int = 6) -> str:
    """A value as a learner would write it, cut where it is long or deep."""
    value = plain(value)
    if isinstance(value, np.ndarray) and value.ndim:
        text = np.array2string(value, precision=4, separator=", ")
    elif isinstance(value, (float, np.floating)) or (getattr(value, "ndim", None) == 0 and value.dtype.kind == "f"):
        text = f"{float(value):.6g}"
    elif isinstance(value, np.generic) or getattr(value, "ndim", None) == 0:
        text = repr(value.item())
    elif type(value) in (list, tuple) and value and depth:
        inside = ", ".join(short(v, most, depth - 1) for v in value[:most])  # an entry takes two signs at least
        text = f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(value) == 1 else ''})"
    elif type(value) is dict and value and depth:
        text = "{" + ", ".join(f"{short(k)}: {short(v, most, depth - 1)}" for k, v in list(value.items())[:most]) + "}"
    else:
        text = _repr(value, most)
    return text if len(text) <= most else text[: most - 1] + "…"


def with_article(kind: str) -> str:
    """'a list', 'an int', 'an ndarray'."""
    return f"{'an' if kind[0] in 'aeioAEIO' or kind == 'ndarray' else 'a'} {kind}"


def _repr(value: Any, most: int) -> str:
    try:
        return repr(value[: most + 1] if isinstance(value, (str, bytes)) else value)
    except Exception:  # more digits than Python writes, or a class of the learner's whose __repr__ fails
        if isinstance(value, int):
            return f"an integer of {value.bit_length()} bits"
        return f"a {type(value).__name__} that fails to show"


def message_of(error: BaseException) -> str:
    """What an error says; nothing where it is of a learner's own kind and fails to say it."""
    try:
        return str(error)
    except Exception:
        return ""
