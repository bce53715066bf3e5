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
        source: who else had it: a public report, a paper, or a lesson of this course.
    """

    disease: str
    evidence: str
    cure: str
    source: str = ""


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

    def _rest(self) -> list[tuple[str, str]]:
        """What is said besides the findings; checks that were stopped by the same reason stand together."""
        reasons: dict[str, list[str]] = {}
        for name, why in self.unseen.items():
            reasons.setdefault(why, []).append(name)
        rest = [("remark", remark) for remark in self.remarks]
        rest += [("not examined", f"{', '.join(names)}: {why}") for why, names in reasons.items()]
        return rest + [("looked for, and not found", ", ".join(self.passed))] * bool(self.passed)

    def _verdict(self) -> str:
        count = len(self.findings)
        sick = "Nothing sick found." if not count else f"{count} finding{'s' if count > 1 else ''}."
        return f"{sick} {len(self.passed)} checks passed, {len(self.unseen)} could not be made."

    def __str__(self) -> str:
        lines = [self._verdict()]
        for found in self.findings:
            lines += [f"\n{found.disease.upper()}", _wrap("  ", found.evidence)]
            lines += [f"  cure: {found.cure}" if "#" in found.cure else _wrap("  cure: ", found.cure)]
            lines += [_wrap("  known from: ", found.source)] * bool(found.source)
        return "\n".join([*lines, "", *(_wrap(f"{what}: ", text) for what, text in self._rest())])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        found = [(("b", f.disease), f.evidence, ("code", f.cure), f.source) for f in self.findings]
        table, rest = html_table(("disease", "evidence", "cure", "known from"), found) if found else "", self._rest()
        return f"<p>{html.escape(self._verdict())}</p>{table}{html_table(('', ''), rest) if rest else ''}"

    def page(self) -> str:
        """A whole HTML page, to keep or to send."""
        style = "body{font:15px/1.5 sans-serif;margin:2em;max-width:70em}td{padding:.2em .8em;vertical-align:top}"
        head = f'<meta charset="utf-8"><title>CTC clinic</title><style>{style}</style>'
        return f"<!doctype html><html lang=en><head>{head}</head><body>{self._repr_html_()}</body></html>\n"


def _wrap(before: str, text: str) -> str:
    return textwrap.fill(text, 100, initial_indent=before, subsequent_indent="  ")
