"""Everybody can use the pages: by keyboard, on a phone, in the dark, with a screen reader."""

from __future__ import annotations

from itertools import pairwise

import pytest

import nas

PHONE = {"viewport": {"width": 390, "height": 844}}
NORMAL, LARGE = 4.5, 3.0
"""Least contrast of text by WCAG 2.2, level AA; large is 24 pixels, or 18.66 bold."""

CONTRAST = """() => {
    const channel = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const luminance = ([r, g, b]) =>
        0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const behind = (element) => {
        for (let e = element; e; e = e.parentElement) {
            const found = numbers(getComputedStyle(e).backgroundColor);
            if (found.length === 3 || found[3] === 1) return found;
        }
        return [255, 255, 255];
    };
    const found = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const element = walker.currentNode.parentElement;
        if (!walker.currentNode.data.trim() || !element.checkVisibility()) continue;
        const style = getComputedStyle(element), size = parseFloat(style.fontSize);
        const both = [luminance(numbers(style.color)), luminance(behind(element))];
        const [light, dark] = both.sort((a, b) => b - a);
        found.push([element.textContent.trim().slice(0, 40), (light + 0.05) / (dark + 0.05),
            size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700)]);
    }
    return found;
}"""

UNNAMED = """() => [...document.querySelectorAll(
        "a, button, input, select, img, iframe, progress, [role=region]")]
    .filter((e) => !(e.getAttribute("aria-label") || e.title || e.alt || e.labels?.length
        || document.getElementById(e.getAttribute("aria-labelledby"))?.textContent.trim()
        || (e.matches("a, button") && e.textContent.trim())))
    .map((e) => e.outerHTML)"""


def addresses(served, archive) -> list[str]:
    with nas.Archive(archive) as opened:
        failed = opened.trials("toy", status="failed")[0].id
        trained = next(t for t in opened.trials("cells", status="complete") if t.parents).id
    pages = ("", "/studies/1", f"/trials/{failed}", f"/trials/{trained}", "/trials/100000")
    return [served.overview + page for page in pages]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out(tab, served, archive, scheme) -> None:
    opened = tab(served.overview, color_scheme=scheme)
    for address in addresses(served, archive):
        opened.page.goto(address)
        found = opened.page.evaluate(CONTRAST)
        assert found
        assert [t for t, ratio, large in found if ratio < (LARGE if large else NORMAL)] == []
    opened.troubles = [said for said in opened.troubles if "404" not in said]


def test_the_plot_too(tab, served) -> None:
    for scheme, paper in (("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 26)")):
        frame = tab(f"{served.overview}/studies/1", color_scheme=scheme).plot()
        assert frame.locator(".main-svg").first.evaluate("e => e.style.background") == paper
        colours = frame.evaluate("document.getElementById('plot').data.map((t) => t.marker.color)")
        ink = frame.evaluate("document.getElementById('plot').layout.font.color")
        for colour in (*colours, ink):
            assert _contrast(colour, paper) >= 3


def _contrast(colour: str, paper: str) -> float:
    one = _luminance([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    other = _luminance([int(part) for part in paper[4:-1].split(",")])
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def _luminance(colour: list[int]) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (x / 255 for x in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_phone_shows_all_of_it(tab, served, archive) -> None:
    opened = tab(served.overview, **PHONE, has_touch=True, is_mobile=True)
    for address in addresses(served, archive):
        opened.page.goto(address)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert opened.page.evaluate("window.innerWidth") == 390
    opened.troubles = [said for said in opened.troubles if "404" not in said]


def test_everything_has_a_name_and_pages_have_an_order(tab, served, archive) -> None:
    opened = tab(served.overview)
    for address in addresses(served, archive):
        opened.page.goto(address)
        assert opened.page.evaluate(UNNAMED) == []
        assert opened.page.locator("h1").count() == 1
        assert opened.page.locator("html[lang=en] main").count() == 1
        levels = opened.page.evaluate(
            "[...document.querySelectorAll('h1, h2, h3')].map((e) => Number(e.tagName[1]))"
        )
        assert all(after - before <= 1 for before, after in pairwise(levels))
        ids = opened.page.evaluate("[...document.querySelectorAll('[id]')].map((e) => e.id)")
        assert len(ids) == len(set(ids))
    opened.troubles = [said for said in opened.troubles if "404" not in said]


def test_the_keyboard_reaches_everything_and_shows_where_it_is(tab, served) -> None:
    page = tab(f"{served.overview}/studies/1").page
    wanted = page.evaluate(
        """[...document.querySelectorAll("a, button, input, select, summary")]
            .filter((e) => e.checkVisibility()).length"""
    )
    reached = set()
    for _ in range(wanted + 20):
        page.keyboard.press("Tab")
        seen = page.evaluate(
            """() => {
                const e = document.activeElement;
                window.all ??= []; if (!window.all.includes(e)) window.all.push(e);
                return [window.all.indexOf(e), e.tagName, getComputedStyle(e).outlineStyle,
                    parseFloat(getComputedStyle(e).outlineWidth)];
            }"""
        )
        if seen[1] == "BODY":
            break
        assert seen[2] != "none"
        assert seen[3] >= 2
        reached.add(seen[0])
    assert len(reached) >= wanted
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # the first of all skips to the content
    assert page.evaluate("document.activeElement.id") == "main"


def test_nothing_moves_for_who_wants_no_motion(tab, served) -> None:
    page = tab(f"{served.overview}/studies/1", reduced_motion="reduce").page
    moving = page.evaluate(
        """[...document.querySelectorAll("*")].map((e) => getComputedStyle(e))
            .filter((s) => s.animationName !== "none" || parseFloat(s.transitionDuration) > 0)
            .length"""
    )
    assert moving == 0


def test_without_javascript_the_table_and_the_form_work(tab, served) -> None:
    page = tab(f"{served.overview}/studies/1", java_script_enabled=False).page
    page.get_by_label("Show", exact=True).select_option("front")
    page.get_by_role("button", name="Show").click()
    assert "show=front" in page.url
    assert page.locator("#table tbody tr").count() == page.locator("#table tr.front").count() > 0
