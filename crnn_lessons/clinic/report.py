"""What an examination found, as data, as text and as HTML."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass, field

from crnn_lessons.show.table import html_table


@dataclass(frozen=True)
class Finding:
    """One disease.

    Attributes:
        disease: its short, fixed name.
        evidence: what was seen, in numbers.
        cure: the line to change.
    """

    disease: str
    evidence: str
    cure: str


@dataclass(frozen=True)
class Report:
    """The result of an examination: in a notebook a table, printed a text.

    Attributes:
        findings: the diseases found, the most telling first.
        passed: the names of the diseases that were looked for and not found.
        unseen: what could not be examined, by the name of the disease: why not.
        remarks: what looks sick and is not, or is worth knowing.
    """

    findings: tuple[Finding, ...] = ()
    passed: tuple[str, ...] = ()
    unseen: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether no disease was found. What could not be examined stays open: see ``unseen``."""
        return not self.findings

    def _reasons(self) -> dict[str, str]:
        """Why not, and what: checks that were stopped by the same reason stand together."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.unseen.items():
            reasons.setdefault(why, []).append(name)
        return {why: ", ".join(names) for why, names in reasons.items()}

    def _verdict(self) -> str:
        count = len(self.findings)
        sick = "Nothing sick found." if not count else f"{count} finding{'s' if count > 1 else ''}."
        return f"{sick} {len(self.passed)} checks passed, {len(self.unseen)} could not be made."

    def __str__(self) -> str:
        parts = [self._verdict()]
        for found in self.findings:
            parts += [f"\n{found.disease.upper()}", _wrap("  ", found.evidence)]
            parts += [f"  cure: {found.cure}" if "#" in found.cure else _wrap("  cure: ", found.cure)]
        parts += ["\nremarks"] * bool(self.remarks) + [_wrap("  ", remark) for remark in self.remarks]
        parts += ["\nnot examined"] * bool(self.unseen)
        parts += [_wrap("  ", f"{names}: {why}") for why, names in self._reasons().items()]
        parts += [_wrap("\nlooked for, and not found: ", ", ".join(self.passed))] if self.passed else []
        return "\n".join(parts)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        found = [(("b", f.disease), f.evidence, ("code", f.cure)) for f in self.findings]
        table = html_table(("disease", "evidence", "cure"), found) if found else ""
        rest = [("remark", r) for r in self.remarks]
        rest += [("not examined", f"{names}: {why}") for why, names in self._reasons().items()]
        rest += [("not found", ", ".join(self.passed))] if self.passed else []
        return f"<p>{html.escape(self._verdict())}</p>{table}{html_table(('', ''), rest) if rest else ''}"

    def page(self) -> str:
        """A whole HTML page, to keep or to send."""
        style = "body{font:15px/1.5 sans-serif;margin:2em;max-width:70em}td{padding:.2em .8em;vertical-align:top}"
        head = f'<meta charset="utf-8"><title>CTC clinic</title><style>{style}</style>'
        return f"<!doctype html><html lang=en><head>{head}</head><body>{self._repr_html_()}</body></html>\n"


def _wrap(before: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=before, subsequent_indent="  ")
