"""Fixtures that tests of more than one folder use: one Chromium for all of them, since a process can drive only one."""

from tests.browser import chromium, lab, page  # noqa: F401  (fixtures are found by name)
