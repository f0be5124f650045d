"""An archive from a stranger: its names, messages and configs are shown, and do nothing."""

from __future__ import annotations

import http.client
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from serving import Served, serving

from nas import Architecture, CurvePoint, Failure, Goal, Measurement, Status, Trial
from nas.archive.record import ComponentRecord, Record, Score
from nas.archive.writer import Writer
from nas.goals import losses
from nas.study import Study
from nas.trial import Ruling

IMAGE = "<img src=x onerror=\"window.pwned='image';alert(1)\">"
SCRIPT = "</script><script>window.pwned='script';alert(2)</script>"
QUOTE = '"\' onmouseover=alert(3) onfocus=alert(3) autofocus x="'
LINK = "javascript:window.pwned='link';alert(4)"
TEMPLATE = "{{ 7 * 7 }} {% raw %} ${alert(5)} %{x}"
PLOTLY = '<a href="javascript:alert(6)">x</a><b>&lt;b&gt;'
EVIL = " ".join((IMAGE, SCRIPT, QUOTE, LINK, TEMPLATE, PLOTLY, "\u202e\x1b[31m"))
GOALS = (Goal(SCRIPT, unit=IMAGE, high=5.0), Goal(PLOTLY, "maximize", unit=QUOTE))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an archive every text of which is an attack, its file name among them."""
    path = tmp_path_factory.mktemp("hostile") / "a<img src=x onerror=alert(7)>'\".db"
    fill(path)
    with serving(path) as running:
        yield running


def fill(path: Path) -> None:
    metrics = {SCRIPT: 1.0, PLOTLY: 2.0, IMAGE: 3.0, QUOTE: 4.0}
    architecture = Architecture({EVIL: EVIL, LINK: LINK})
    good = Trial(0, architecture, Status.COMPLETE, losses(GOALS, metrics), metrics=metrics)
    other = {**metrics, SCRIPT: 2.0, PLOTLY: 3.0}
    child = Trial(1, architecture, Status.COMPLETE, losses(GOALS, other), 0.0, other, parents=(0,))
    bad = Trial(2, architecture, Status.FAILED, failure=Failure(EVIL, EVIL, f"{EVIL}\n{SCRIPT}"))
    curve = tuple(CurvePoint(s, {SCRIPT: 1 / s, IMAGE: 100.0 * s}) for s in (1, 2, 3))
    with Writer.open(path) as writer:
        spaces = [ComponentRecord("space", EVIL, {EVIL: EVIL}, EVIL, EVIL)]
        config = {"study": EVIL, SCRIPT: [EVIL], "stop": {"trials": SCRIPT}}
        study = writer.study(Study(EVIL, "", GOALS, config, 0, 1), spaces)
        more = {
            "curve": curve,
            "worker": EVIL,
            "measurements": {SCRIPT: Measurement(1.0, 0.1, {EVIL: EVIL})},
            "scores": (Score(EVIL, architecture, EVIL, 1.0),),
            "rulings": (Ruling(1, "continue", EVIL),),
        }
        writer.record(
            study,
            [
                Record(good, EVIL, EVIL, **more),
                Record(child, EVIL, LINK),
                Record(bad, EVIL, EVIL, worker=EVIL),
            ],
        )
        writer.heartbeat(
            study,
            {
                "workers": 1,
                "waiting": 0,
                "doing": EVIL,
                "stuck": EVIL,
                "running": [{"number": 1, "worker": EVIL, "since": 0.0}],
            },
        )
        writer.close_session(study, "failed", EVIL)


PAGES = ("", "/studies/1", "/trials/1", "/trials/2", "/trials/3", "/studies/1?where=" + "%3Cimg%3E")


@pytest.mark.parametrize("page", PAGES)
def test_no_page_runs_what_an_archive_says(tab, hostile, page) -> None:
    opened = tab(hostile.overview + page)
    if page.startswith("/trials/1") or page == "/studies/1":
        opened.plot()
    for frame in opened.page.frames:
        assert frame.evaluate("window.pwned") is None
        assert (
            frame.evaluate("document.querySelectorAll('[onerror],[onload],[onmouseover]').length")
            == 0
        )
        links = frame.evaluate("[...document.links].map((link) => link.protocol)")
        assert set(links) <= {"http:"}
    assert opened.page.locator("main img[src='x']").count() == 0
    opened.troubles = [said for said in opened.troubles if "400" not in said]


def test_what_it_says_is_shown_as_it_is(tab, hostile) -> None:
    page = tab(f"{hostile.overview}/trials/3").page
    assert IMAGE in page.inner_text(".failure")
    assert SCRIPT in page.inner_text("pre")
    assert "{{ 7 * 7 }}" in page.inner_text(".failure")
    assert "\\x1b[31m" in page.inner_text(".failure")


def test_names_without_end_fit_a_phone(tab, hostile) -> None:
    opened = tab(hostile.overview, viewport={"width": 390, "height": 844})
    for page in ("", "/studies/1", "/trials/1", "/trials/3"):
        opened.page.goto(hostile.overview + page)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_plot_shows_names_as_text(tab, hostile) -> None:
    frame = tab(f"{hostile.overview}/studies/1").plot()
    assert SCRIPT.replace(" ", "") in frame.locator(".ytitle").text_content().replace(" ", "")
    assert frame.locator("a[href^='javascript']").count() == 0


def test_datasette_too(tab, hostile) -> None:
    name = hostile.overview.rpartition("/")[2]
    for table in ("", "/trials_wide", "/studies", "/trials/1"):
        opened = tab(f"{hostile.root}/{name}{table}")
        assert opened.page.evaluate("window.pwned") is None


class TestPolicy:
    def test_a_page_runs_no_script_but_our_files(self, tab, served) -> None:
        opened = tab(served.overview)
        opened.page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.pwned = 1";
                document.body.append(script);
                const image = document.createElement("img");
                image.setAttribute("onerror", "window.pwned = 2");
                image.src = "/nowhere";
                document.body.append(image);
            }"""
        )
        opened.page.wait_for_timeout(300)
        assert opened.page.evaluate("window.pwned") is None
        assert any("Content Security Policy" in said for said in opened.troubles)
        opened.troubles.clear()

    def test_the_frame_that_plots_reaches_nothing(self, tab, served) -> None:
        opened = tab(f"{served.overview}/studies/1")
        frame = opened.plot()
        assert frame.evaluate("window.origin") == "null"
        reach = f"fetch('{served.overview}').then(() => 'reached', () => 'refused')"
        assert frame.evaluate(reach) == "refused"
        assert (
            frame.evaluate("(() => { try { return parent.document.title } catch { return '' } })()")
            == ""
        )
        opened.troubles = [s for s in opened.troubles if "Security Policy" not in s]

    @pytest.mark.parametrize(
        "page", ["", "/progress", "/studies/1", "/trials/1", "/trials/1/architecture"]
    )
    def test_headers(self, served, page) -> None:
        with urllib.request.urlopen(served.overview + page) as answer:
            policy = answer.headers["content-security-policy"]
            assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in policy
        scripts = [part for part in policy.split("; ") if part.startswith("script-src")]
        assert scripts in ([], ["script-src 'self'"])

    @pytest.mark.parametrize("page", ["/", "/searches", "/searches/trials", "/-/databases.json"])
    def test_of_datasettes_pages(self, served, page) -> None:
        with urllib.request.urlopen(served.root + page) as answer:
            policy = answer.headers["content-security-policy"]
        scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
        assert "unsafe" not in scripts


class TestGuard:
    def ask(self, served: Served, host: str, method: str = "GET") -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", int(served.root.rpartition(":")[2]))
        connection.putrequest(method, "/-/nas/searches/progress", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer

    @pytest.mark.parametrize(
        "host",
        [
            "evil.example",
            "evil.example:80",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "",
            "192.0.2.1",
            "127.0.0.1@evil.example",
            "[::1].evil.example",
        ],
    )
    def test_a_name_made_to_lead_here_is_refused(self, served, host) -> None:
        assert self.ask(served, host).status == 421

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80"])
    def test_its_own_names_are_not(self, served, host) -> None:
        assert self.ask(served, host).status == 200

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
    def test_only_reading(self, served, method) -> None:
        assert self.ask(served, "localhost", method).status == 405
