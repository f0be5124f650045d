"""A search that runs beside: seen without reloading, and none the wiser."""

from __future__ import annotations

import re
import threading
import urllib.error
from pathlib import Path

from drivers import check_whole, count, drive, ended, wait_for
from serving import fetch, serving
from toys import TOY, config, rows


class Held:
    """A search in a process of its own, whose trials are done when the test says so."""

    def __init__(self, folder: Path, trials: int) -> None:
        self.path = folder / "live.db"
        self._turns, self._given, self._trials = folder / "turns", 0, trials
        self._turns.mkdir()
        # Trials that take so long are committed one by one.
        evaluator = {"name": "tally", "turns": str(self._turns), "seconds": 0.05}
        values = config(strategy="climb", evaluator=evaluator, stop={"trials": trials})
        self.running = drive(values, self.path, TOY)
        self.do(2)
        wait_for(lambda: count(self.path) == 2, self.running)

    def do(self, trials: int) -> None:
        for _ in range(trials):
            (self._turns / str(self._given)).touch()
            self._given += 1

    def finish(self) -> None:
        self.do(self._trials - self._given)


def test_progress_without_reloading(tab, tmp_path) -> None:
    search = Held(tmp_path, 20)
    path, running = search.path, search.running
    with serving(path) as served:
        page = tab(served.overview).page
        page.evaluate("window.same = true")
        assert "▶ running" in page.inner_text(".card")
        assert "Process " in page.inner_text(".card")
        for done in (2, 3, 4):
            page.locator(f"progress[value='{done}']").wait_for()
            search.do(1)
        assert page.evaluate("window.same") is True
        page.goto(f"{served.overview}/studies/1")
        page.evaluate("window.same = true")
        page.frame_locator("#plot").locator("#plot[data-drawn]").wait_for()
        search.finish()
        page.locator("#standing", has_text="finished").wait_for()
        page.locator("#plot-state", has_text="20 of 20").wait_for()
        assert page.evaluate("window.same") is True
    assert ended(running) == "20 trials are done"
    check_whole(path)


def test_what_was_written_while_the_page_was_made_is_shown(tab, served) -> None:
    opened = tab(served.overview)
    opened.page.wait_for_timeout(1000)
    assert opened.asked.count(served.overview) == 1, "it is as new as can be"

    def older(route) -> None:
        answer = route.fetch()
        body = re.sub(r'data-version="\w+"', 'data-version="older"', answer.text())
        assert 'data-version="older"' in body
        route.fulfill(response=answer, body=body)

    opened.page.route(served.overview, older, times=1)

    def again(request) -> bool:
        return request.url == served.overview and request.resource_type == "fetch"

    with opened.page.expect_request(again):
        opened.page.goto(served.overview)


def test_it_rests_when_nobody_looks(tab, served) -> None:
    opened = tab(served.overview)
    page = opened.page
    page.get_by_label("live").uncheck()
    page.wait_for_timeout(200)
    asked = len(opened.asked)
    page.wait_for_timeout(2500)
    assert len(opened.asked) == asked
    with page.expect_request("**/progress"):
        page.get_by_label("live").check()
    page.evaluate(
        """Object.defineProperty(document, "hidden", {get: () => window.away});
        window.away = true; document.dispatchEvent(new Event("visibilitychange"))"""
    )
    asked = len(opened.asked)
    page.wait_for_timeout(2500)
    assert len(opened.asked) == asked
    with page.expect_request("**/progress"):
        page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")


def test_a_search_is_not_disturbed_by_many_readers(tmp_path) -> None:
    search = Held(tmp_path, 100)
    path, running = search.path, search.running
    seen: list[str] = []
    wrong: list[tuple[str, bytes]] = []
    with serving(path) as served:
        pages = ("", "/progress", "/studies/1", "/studies/1/points", "/trials/1")
        addresses = [served.overview + page for page in pages]
        addresses.append(f"{served.root}/live/trials.json?_size=10&_nocount=1")

        def look() -> None:
            while running.poll() is None:
                for address in addresses:
                    try:
                        fetch(address)
                    except urllib.error.HTTPError as error:
                        wrong.append((address, error.read()))
                        error.close()
                    seen.append(address)

        readers = [threading.Thread(target=look) for _ in range(4)]
        for reader in readers:
            reader.start()
        wait_for(lambda: set(seen) == set(addresses), running)
        search.finish()
        assert ended(running) == "100 trials are done"
        for reader in readers:
            reader.join()
        assert wrong == []
        assert '"total":100' in fetch(f"{served.overview}/studies/1/points")
    check_whole(path)
    assert rows(path, "SELECT count(*) FROM incidents") == [(0,)]
