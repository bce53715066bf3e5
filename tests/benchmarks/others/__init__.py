"""Readers of other makers, for comparison, and a stopwatch for all."""
