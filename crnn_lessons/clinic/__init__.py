"""A doctor for CTC trainings: ``examine`` looks at a model, a batch and what belongs to them, and says what is sick."""

from crnn_lessons.clinic.examine import examine
from crnn_lessons.clinic.report import Finding, Report

__all__ = ["Finding", "Report", "examine"]
