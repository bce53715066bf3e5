"""Exercises: an instant check that says what went wrong, graded hints, solutions, and a record of what is done."""

from crnn_lessons.exercises.engine import Exercise, Mistake, Result, check
from crnn_lessons.exercises.progress import reset, summary

__all__ = ["Exercise", "Mistake", "Result", "check", "reset", "summary"]
