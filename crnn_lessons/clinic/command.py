"""``python -m crnn_lessons examine module:factory``: the examination from a script."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from crnn_lessons.clinic.examine import examine


def run(name: str, page: str | None = None) -> int:
    """Examine what a factory makes, and print the report.

    Args:
        name: ``module:factory``. The factory takes nothing, and returns the model and the batch, or these two and a
            dictionary with the other arguments of ``examine``.
        page: a file for the report as HTML.

    Returns:
        The exit status: 0 healthy, 1 sick, 2 it could not be examined.
    """
    module, _, factory = name.partition(":")
    sys.path.insert(0, os.getcwd())  # as `python -m` does not when it runs a package
    try:
        if not module or not factory:
            raise ValueError(f"write module:factory, and not {name!r}")
        made = getattr(importlib.import_module(module), factory)()
        if not isinstance(made, tuple) or len(made) not in (2, 3) or not isinstance(made[-1], (tuple, list, Mapping)):
            raise ValueError(f"{name} must return model, batch or model, batch, dict(loss=...), and gives {type(made)}")
        report = examine(*made[:2], **(made[2] if len(made) == 3 else {}))
    except Exception as error:  # the factory is somebody else's, and may raise anything
        print(f"examine: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(report)
    if page:
        Path(page).write_text(report.page(), encoding="utf-8")
    return 0 if report.healthy and report.passed else 1 if report.findings else 2
