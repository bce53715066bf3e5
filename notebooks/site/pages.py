"""The pages that are made from what the course already holds: each function returns one page as Markdown."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from pathlib import Path

from crnn_lessons.show.notation import SYMBOLS
from notebooks.site.lessons import README, ROOT, Lesson, address
from notebooks.site.stage import CASE_LINK, case_link, plain

EXTERNAL = re.compile(r"\[((?:[^][]|\[[^]]*\])*)\]\((https?://[^)\s]+)\)")


def readme_section(title: str) -> str:
    """A section of README.md, '## Start', without its heading."""
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", README.read_text(encoding="utf-8"), re.M | re.S)
    if found is None:
        raise ValueError(f"README.md has no section '## {title}', which a page of the site is made from")
    return found[1].strip()


def front(lessons: Sequence[Lesson], template: str, film: str, widget: str, reader: bool) -> str:
    """The front page: the template with the film, the map and one widget in it."""
    rows = "".join(
        f'<li><a href="lessons/{lesson.stem}.html"><b>{lesson.number}</b> {html.escape(lesson.title)}</a>'
        f'<span class="minutes">{lesson.minutes} minutes</span>'
        f'<span class="builds">{html.escape(lesson.builds)}</span></li>'
        for lesson in lessons
    )
    exercises = sum(len(lesson.exercises) for lesson in lessons)
    hours = round(sum(lesson.minutes for lesson in lessons) / 60)
    read = '<a class="button" href="reader/index.html">Read a word now</a>' if reader else ""
    parts = {
        "film": film,
        "map": f'<ol class="map">{rows}</ol>',
        "count": f"{len(lessons)} lessons, {exercises} exercises, about {hours} hours",
        "read": read,
        "first": f"lessons/{lessons[0].stem}.html",
        "widget": widget,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda name: parts[name[1]], template)


def film() -> str:
    """figs/film.svg as a part of a page, which follows the page's theme; as a picture it follows the system's."""
    text = (ROOT / "figs/film.svg").read_text(encoding="utf-8")
    dark = re.search(r"@media \(prefers-color-scheme: dark\) \{\n(\.film \{.*?\}) \}", text, re.DOTALL)
    by_hand = f'body[data-theme="dark"] {dark[1]}'
    by_system = f'@media (prefers-color-scheme: dark) {{ body:not([data-theme="light"]) {dark[1]} }}'
    return text.replace(dark[0], f"{by_hand}\n{by_system}").replace("\n\n", "\n").strip()


def widget(lessons: Sequence[Lesson], kind: str) -> str:
    """The first widget of a kind in the lessons, alive."""
    for lesson in lessons:
        for cell in lesson.cells:
            for output in cell.get("outputs", ()):
                text = "".join(output.get("data", {}).get("text/html", ""))
                if f'data-crnn="{kind}"' in text:
                    link = f'<a href="lessons/{lesson.stem}.html">lesson {lesson.number}</a>'
                    return f'{text}<p class="from">From {link}.</p>'
    return ""


def glossary(lessons: Sequence[Lesson]) -> str:
    """The table of notation, with the lessons that use each sign."""
    uses: dict[str, list[str]] = {symbol.sign: [] for symbol in SYMBOLS}
    for lesson in lessons:
        code = "\n".join("".join(cell["source"]) for cell in lesson.cells if cell["cell_type"] == "code")
        for call in re.findall(r"\bnotation\((.*?)\)\n?$", code, re.MULTILINE | re.DOTALL):
            for sign in re.findall(r'"([^"]+)"', call):
                uses.get(sign, []).append(f'<a href="lessons/{lesson.stem}.html">{lesson.number}</a>')
    rows = "".join(
        f"<tr><th scope='row'><i>{html.escape(s.sign)}</i></th><td><code>{html.escape(s.code)}</code></td>"
        f"<td>{html.escape(s.meaning)}<br><small>Lessons {' '.join(uses[s.sign])}</small></td></tr>"
        for s in SYMBOLS
    )
    head = "".join(f'<th scope="col">{title}</th>' for title in ("in equations", "in code", "meaning"))
    return f"""# Glossary

What each letter means, in equations and in code, in every lesson. A lesson shows its own part of this table where it
first needs it.

<table class="signs"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>
"""


def symptoms(lessons: Sequence[Lesson]) -> str:
    """The index of symptoms of the clinic; under it, every case of every lesson."""
    clinic = next((lesson for lesson in lessons if lesson.number == "15"), None)
    index = ""
    if clinic is not None:
        text = "\n\n".join(clinic.texts)
        index = re.search(r"^## \d+ Index of symptoms\n.*?(^\|.*?)(?=^## )", text, re.MULTILINE | re.DOTALL)[1]
        index = CASE_LINK.sub(lambda found: case_link(found, lessons, "lessons/"), index)
        index = re.sub(r"(?<![\d.])15\.(\d+)", rf'<a href="lessons/{clinic.stem}.html#section-15-\1">15.\1</a>', index)
    said = "Everything that goes wrong in this course, by what you see. Each link leads to the place that tells more."
    parts = [f"# Index of symptoms\n\n{said}\n\n{index}\n\n## All cases, by lesson\n"]
    for lesson in lessons:
        at = f"lessons/{lesson.stem}.html#wrong-{lesson.number}"
        cases = [
            f'<li><a href="{at}-{n}">{html.escape(_head(case))}</a></li>'
            for n, case in enumerate(lesson.wrong, start=1)
        ]
        if cases:
            parts.append(f"### {lesson.number} {lesson.title}\n\n<ul>{''.join(cases)}</ul>\n")
    return "\n".join(parts)


def _head(case: str) -> str:
    """How a case begins: the first cell of a row, or what stands in bold."""
    first = case.split("|")[1] if case.startswith("|") else re.match(r"\*\*(.*?)\*\*", case, re.DOTALL)[1]
    return plain(first).rstrip(".")


def models() -> str:
    """The shipped weights, and the designs that have a name."""
    from crnn_lessons.models.presets import PRESETS
    from crnn_lessons.models.recogniser import Recogniser

    weights = (ROOT / "crnn_lessons/weights/README.md").read_text(encoding="utf-8")
    weights = re.sub(r"^#", "##", weights, flags=re.MULTILINE)
    rows = []
    for name, config in PRESETS.items():
        count = sum(p.numel() for p in Recogniser(config, num_classes=37).parameters())
        rows.append(f"| `{name}` | {config.height} x {config.width} | {config.sequence} | {count:,} |")
    return (
        "# Models and weights\n\nThe designs that have a name, with the parameters they have for 36 letters and digits "
        "and the blank. `python -m crnn_lessons train --model NAME` trains one.\n\n"
        "| name | picture, H x W | sequence model | parameters |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n\n"
        + weights
    )


def external_links(lessons: Sequence[Lesson]) -> dict[str, list[tuple[str, str]]]:
    """Every address outside that the course's texts lead to: the words of the link and the address, by page."""
    found = {}
    for lesson in lessons:
        links = [link for text in lesson.texts for link in EXTERNAL.findall(text)]
        found[f"{lesson.number} {lesson.title}"] = [(plain(words), url) for words, url in dict.fromkeys(links)]
    for name in ("README.md", "crnn_lessons/weights/README.md"):
        found[name] = [
            (plain(words), url) for words, url in EXTERNAL.findall((ROOT / name).read_text(encoding="utf-8"))
        ]
    return {page: links for page, links in found.items() if links}


def links(lessons: Sequence[Lesson]) -> str:
    """The list of all external links."""
    found = external_links(lessons)
    total = len({url for links in found.values() for _, url in links})
    parts = [f"# Where the course leads\n\nEvery link out of the course, by the page that has it: {total} addresses.\n"]
    for page, of_page in found.items():
        parts.append(f"## {page}\n")
        parts += [f"- [{words}]({url})" for words, url in of_page]
        parts.append("")
    return "\n".join(parts)


def citing() -> str:
    """How to cite, from CITATION.cff."""
    import yaml

    cff = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    where = f",\n  url     = {{{address()}}}" if address() else ""
    names = " and ".join(a.get("name") or f"{a['family-names']}, {a['given-names']}" for a in cff["authors"])
    return f"""# Cite and reuse

{cff["abstract"].strip()}

```bibtex
@misc{{crnn-lessons,
  title   = {{{cff["title"]}}},
  author  = {{{{{names}}}}},
  version = {{{cff["version"]}}}{where}
}}
```

{cff["message"]} The same data stand in `CITATION.cff`, which GitHub and reference managers read.

## Licences

{readme_section("Licences")}
"""


def from_readme(title: str, *sections: str) -> str:
    """A page made of sections of README.md; its deeper headings stay as they are."""
    return f"# {title}\n\n" + "\n\n".join(
        (f"## {name}\n\n" if len(sections) > 1 else "") + readme_section(name) for name in sections
    )


def template(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")
