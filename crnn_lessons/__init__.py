"""CRNN Lessons: the small helper package behind the notebooks.

Importing it is light: no Jupyter, no matplotlib, no widgets, no torch until a module that needs them is imported.
"""

__version__ = "0.1.0"
