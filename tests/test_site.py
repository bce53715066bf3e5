"""The site: built whole, then opened from its folder in a browser, page by page."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

pytest.importorskip("sphinx", reason="Sphinx is not installed, so the site cannot be built")

from notebooks.site import build, hosted, lessons, pages, stage
from notebooks.site.lessons import README, ROOT

HEAVY = 2_000_000
"""Bytes that a page may take, with all that it loads: its pictures, too."""
LESSONS = [lesson.stem for lesson in lessons.lessons()]
OTHERS = ["index", "start", "teaching", "glossary", "symptoms", "models", "links", "citing", "search"]
PAGES = [*OTHERS, *(f"lessons/{stem}" for stem in LESSONS)]


ONE_OF_EACH = """() => {
    const seen = new Set();
    for (const sign of document.querySelectorAll(".highlight pre span:not([id], :has(*))")) {
        if (seen.has(sign.className)) sign.replaceWith(sign.textContent);
        else seen.add(sign.className);
    }
    return seen.size;
}"""
"""Leaves one of each kind of sign in the code of a page: thousands have the same colour, and axe would judge each."""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("built") / "site"
    program = ROOT / "notebooks/site/build.py"
    done = subprocess.run(
        [sys.executable, program, "--out", out, "--without-reader"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out


class Found(HTMLParser):
    """The places of a page that can be linked to, and where its links lead."""

    def __init__(self, text: str):
        super().__init__()
        self.names, self.links = set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.names.update(given[key] for key in ("id", "name") if given.get(key))
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])


def test_every_page_is_there_and_no_other(site):
    made = {str(path.relative_to(site))[:-5] for path in site.rglob("*.html")}
    assert made == set(PAGES)


def test_every_link_inside_the_site_leads_to_a_place_that_is_there(site):
    found = {path: Found(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    broken = []
    for path, page in found.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            named = not parts.fragment or to not in found or unquote(parts.fragment) in found[to].names
            if not (to.exists() and named):
                broken.append(f"{path.name} -> {link}")
    assert broken == []


def test_each_page_loads_nothing_from_elsewhere_and_little_from_here(site, page):
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    for name in PAGES:
        loaded.clear()
        page.goto((site / f"{name}.html").as_uri())
        page.wait_for_load_state("networkidle")
        assert [url for url in loaded if not url.startswith(("file:", "data:", "blob:"))] == [], name
        files = {Path(unquote(urlsplit(url).path)) for url in loaded if url.startswith("file:")}
        assert sum(file.stat().st_size for file in files) < HEAVY, name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_stands_in_the_way_of_a_screen_reader(site, chromium, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed").Axe()
    context = chromium.new_context(viewport={"width": 1200, "height": 900}, color_scheme=scheme)
    page, met = context.new_page(), []
    options = {"resultTypes": ["violations"]}
    if scheme == "dark":  # only the colours are others
        options["runOnly"] = {"type": "rule", "values": ["color-contrast"]}
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        assert page.evaluate(ONE_OF_EACH) > 5 or name in OTHERS
        for violation in axe.run(page, options=options).response["violations"]:
            if violation["impact"] in ("moderate", "serious", "critical"):
                met.append((name, violation["id"], violation["nodes"][0]["html"][:200]))
    context.close()
    assert met == []


def test_no_page_is_wider_than_its_window(site, page):
    wider = []
    for name in PAGES:
        page.goto((site / f"{name}.html").as_uri())
        for width in (1400, 760, 390):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth") > width:
                wider.append((name, width, page.evaluate("document.documentElement.scrollWidth")))
    assert wider == []


def test_a_widget_answers_to_mouse_and_keyboard(site, page):
    page.goto((site / "lessons/05_alignments.html").as_uri())
    widget = page.locator('.crnn-host[data-crnn="collapse"]').first
    widget.scroll_into_view_if_needed()
    before = widget.inner_text()
    widget.locator("input.crnn-box").first.click()
    page.keyboard.press("ArrowRight")
    page.keyboard.type("z")  # hz-e-... from hh-e-...
    assert widget.locator("input.crnn-box").nth(1).input_value() == "z"
    assert widget.inner_text() != before


def test_a_lesson_is_printed_white_in_a_dark_room(site, chromium):
    """A browser tells the page before it prints; here the page is told, and looked at as paper shows it."""
    context = chromium.new_context(color_scheme="dark")
    page = context.new_page()
    page.goto((site / "lessons/05_alignments.html").as_uri())
    widget = page.locator('.crnn-host[data-crnn="collapse"] .crnn-widget').first

    def brightness(of):
        rgb = of.evaluate("e => getComputedStyle(e).backgroundColor")
        return sum(map(int, re.findall(r"\d+", rgb)[:3])) / 3

    assert brightness(widget) < 60
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for of in (widget, page.locator(".cell_input").first, page.locator("body")):
        assert brightness(of) > 240
    for other in (".skip-to-content", ".sidebar-drawer", ".toc-drawer", ".related-pages"):
        assert not page.locator(other).first.is_visible(), other
    assert page.locator("article img[loading=lazy]").count() == 0  # one out of sight would be left out
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.emulate_media(media="screen")
    page.wait_for_function("document.documentElement.dataset.theme === 'auto'")
    assert brightness(widget) < 60
    context.close()


def test_the_search_finds_a_lesson_from_a_folder(site, page):
    page.goto((site / "search.html").as_uri() + "?q=bookkeeper")
    page.wait_for_selector("ul.search li a")
    assert "05" in page.locator("ul.search li a").first.inner_text()


def test_the_film_can_be_played_again(site, page):
    """The button puts a fresh copy in the film's place, which plays from its beginning."""
    page.goto((site / "index.html").as_uri())
    page.evaluate("document.querySelector('svg.film').seen = true")  # a property, which no copy takes along
    page.locator(".again").evaluate("button => button.click()")  # hidden where less motion is asked for, as here
    assert page.evaluate("document.querySelectorAll('svg.film').length") == 1
    assert page.evaluate("document.querySelector('svg.film').seen === undefined")


def test_every_lesson_leads_on_and_back_and_can_be_taken_along(site):
    for before, after in pairwise(LESSONS):
        text = (site / f"lessons/{before}.html").read_text(encoding="utf-8")
        assert re.search(rf'class="next-page" href="{after}\.html"', text)
        assert re.search(
            rf'class="prev-page" href="{before}\.html"',
            (site / f"lessons/{after}.html").read_text(encoding="utf-8"),
        )
    for lesson in lessons.lessons():
        assert (site / f"lessons/{lesson.path.name}").read_bytes() == lesson.path.read_bytes()


def test_the_table_in_the_readme_is_that_of_the_lessons():
    assert lessons.readme() == README.read_text(encoding="utf-8"), "run: python notebooks/site/lessons.py"
    assert (ROOT / "figs/widget.png").read_bytes() == lessons.widget_picture(), "run: python notebooks/site/lessons.py"


def test_what_a_lesson_says_of_another_place_exists():
    """A lesson, section or exercise that a text names is there, or is not written yet."""
    found = {lesson.number: lesson for lesson in lessons.lessons()}
    keys = {key for lesson in found.values() for key in lesson.exercises}
    lost = []
    for lesson in found.values():
        for text in re.split(r"^(?=## )", "\n\n".join(lesson.texts), flags=re.MULTILINE):
            heading = text.partition("\n")[0]
            for place in stage.PLACE.finditer(stage.KEPT.sub(" ", text)):
                other = found.get(place["l"] or place["sl"] or lesson.number)
                if place["e"] and place["e"] not in keys:
                    lost.append((lesson.number, place[0]))
                section = place["ls"] or place["s"] or place["a"]
                if section and "Read on" not in heading and other and section not in other.sections:
                    lost.append((lesson.number, place[0]))
    assert lost == []


def test_without_an_address_nothing_names_one(site):
    assert lessons.address() == ""
    assert "colab" not in (site / f"lessons/{LESSONS[0]}.html").read_text(encoding="utf-8")
    assert not (site / "hosted").exists()
    with pytest.raises(ValueError, match="no public address yet"):
        hosted.notebook(lessons.lessons()[0])


def test_with_an_address_a_hosted_link_leads_to_what_the_workflow_pushes(tmp_path, monkeypatch):
    for module in (build, hosted, stage):
        monkeypatch.setattr(module, "address", lambda: "https://github.com/owner/name")
    found = lessons.lessons()
    build.copies(found, tmp_path / "build/site")
    workflow = yaml.safe_load((ROOT / ".github/workflows/course.yml").read_text(encoding="utf-8"))
    steps = workflow["jobs"]["site"]["steps"]
    (step,) = [step for step in steps if step.get("name") == "hosted"]
    assert any(tmp_path.glob(re.search(r"hashFiles\('(.*)'\)", step["if"])[1]))
    assert workflow["jobs"]["site"]["permissions"]["contents"] == "write"

    def git(*arguments):
        return subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    git("init", "--quiet", "--bare", "origin.git")
    git("init", "--quiet")
    git("remote", "add", "origin", str(tmp_path / "origin.git"))
    for _ in range(2):  # and once more, over what is there
        subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, check=True, capture_output=True)
    for lesson in found:
        link = stage.hosted_link(lesson)
        start, path = link.split("/blob/")
        assert start == "https://colab.research.google.com/github/owner/name"
        branch, name = path.split("/")
        assert git("--git-dir", "origin.git", "show", f"{branch}:{name}") == hosted.notebook(lesson)
        assert f'<a href="{link}">' in stage.facts(lesson, found)
    assert git("--git-dir", "origin.git", "branch", "--list").split() == [hosted.BRANCH]


def test_every_external_link_stands_on_one_page(site):
    text = (site / "links.html").read_text(encoding="utf-8").replace("&amp;", "&")
    for links in pages.external_links(lessons.lessons()).values():
        for _, url in links:
            assert url in text
