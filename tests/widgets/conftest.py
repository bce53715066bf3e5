"""Fixtures for the widgets' tests."""

from tests.browser import chromium, lab, page  # noqa: F401  (fixtures are found by name)
