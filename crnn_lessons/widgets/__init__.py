"""Widgets for the lessons: live under Jupyter, working without a kernel on any page, a picture where no script runs."""

from crnn_lessons.widgets.collapse import Collapse
from crnn_lessons.widgets.lattice import Lattice

__all__ = ["Collapse", "Lattice"]
