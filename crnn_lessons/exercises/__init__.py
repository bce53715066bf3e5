"""Exercises: an instant check that says what went wrong, graded hints, solutions, and a record of what is done."""

from crnn_lessons.exercises.answers import check, yours
from crnn_lessons.exercises.exercise import Exercise, Mistake
from crnn_lessons.exercises.progress import reset
from crnn_lessons.exercises.result import Result
from crnn_lessons.exercises.slips import mistakes
from crnn_lessons.exercises.summary import summary

__all__ = ["Exercise", "Mistake", "Result", "check", "mistakes", "reset", "summary", "yours"]
