"""Widgets for the lessons: live under Jupyter, working without a kernel on any page, a picture where no script runs."""

from crnn_lessons.widgets.adder import Adder
from crnn_lessons.widgets.autopsy import Autopsy
from crnn_lessons.widgets.beam import Beam
from crnn_lessons.widgets.collapse import Collapse
from crnn_lessons.widgets.film import Film
from crnn_lessons.widgets.gates import Gates
from crnn_lessons.widgets.lattice import Lattice
from crnn_lessons.widgets.memory import Memory
from crnn_lessons.widgets.menu import Menu
from crnn_lessons.widgets.shape import Shape
from crnn_lessons.widgets.unroll import Unroll

__all__ = ["Adder", "Autopsy", "Beam", "Collapse", "Film", "Gates", "Lattice", "Memory", "Menu", "Shape", "Unroll"]
