"""The pages in a browser: what they show is what is archived, and leads to the rest."""

from __future__ import annotations

import json
from pathlib import Path

from serving import fetch
from toys import rows

import nas
from nas import Status


def first(archive: Path, study: str, status: Status) -> nas.Trial:
    with nas.Archive(archive) as opened:
        return opened.trials(study, status=status)[0]


class TestOverview:
    def test_every_study_with_its_state(self, tab, served, archive) -> None:
        page = tab(served.root).page  # leads to the overview
        assert page.url == served.overview
        assert page.title() == "searches.db: searches"
        cards = page.locator(".card")
        assert cards.locator("h2").all_inner_texts() == ["toy", "cells"]
        assert "✓ finished" in cards.first.inner_text()
        with nas.Archive(archive) as opened:
            front = len(opened.front("cells"))
        assert f"on the front\n{front}\n" in cards.last.inner_text()
        assert "error ↓, params ↓" in cards.last.inner_text()
        assert cards.last.get_by_role("progressbar").get_attribute("value") == "60"
        page.get_by_role("link", name="cells").click()
        page.wait_for_load_state()
        assert page.title() == "cells: front and trials"


class TestStudy:
    def test_numbers_and_table(self, tab, served, archive) -> None:
        page = tab(f"{served.overview}/studies/1").page
        with nas.Archive(archive) as opened:
            counts = opened.counts("cells")
            front = sorted(trial.id for trial in opened.front("cells"))
        told = page.locator("#standing").inner_text()
        for status, n in counts.items():
            assert (f"{status}\n{n}\n" in told) == (n > 0)
        shown = page.locator("#table tbody tr.front th").all_inner_texts()
        assert sorted(map(int, shown)) == front
        assert page.locator("#table h2").inner_text() == f"{sum(counts.values())} trials"
        assert "not params at most 12000" in page.locator("#failures").inner_text()

    def test_the_plot_has_every_trial_with_both_values(self, tab, served, archive) -> None:
        opened = tab(f"{served.overview}/studies/1")
        drawn = opened.plot().evaluate(
            """() => document.getElementById("plot").calcdata.map((points, i) => [
                document.getElementById("plot").data[i].name, points.length])"""
        )
        names = [name.rpartition(" ")[0] for name, _ in drawn]
        assert names == ["stopped or paused", "dominated", "front"]
        said = opened.page.locator("#plot-state").inner_text()
        with nas.Archive(archive) as archived:
            counts = archived.counts("cells")
        assert f"{sum(counts.values())} trials drawn; left out: {counts['infeasible']}" in said
        titles = opened.plot().evaluate(
            """() => [document.getElementById("plot").layout.xaxis.title.text,
                document.getElementById("plot").layout.yaxis.title.text]"""
        )
        assert titles == ["params ↓ (parameters)", "error ↓"]

    def test_a_point_opens_its_trial(self, tab, served, archive) -> None:
        opened = tab(f"{served.overview}/studies/1?show=front")
        frame = opened.plot()
        x, y = frame.evaluate(
            """() => {
                const plot = document.getElementById("plot"), {xaxis, yaxis} = plot._fullLayout;
                const [point] = plot.calcdata[0];
                return [xaxis._offset + xaxis.c2p(point.x), yaxis._offset + yaxis.c2p(point.y)];
            }"""
        )
        frame.locator("#plot").click(position={"x": x, "y": y})
        opened.page.wait_for_url("**/trials/*")
        with nas.Archive(archive) as archived:
            assert int(opened.page.url.rpartition("/")[2]) in {
                trial.id for trial in archived.front("cells")
            }

    def test_choosing_axes_and_trials_without_reloading(self, tab, served, archive) -> None:
        opened = tab(f"{served.overview}/studies/1")
        page = opened.page
        opened.plot()
        page.evaluate("window.same = true")
        page.get_by_label("Across", exact=True).select_option("trial:number")
        page.get_by_label("Show", exact=True).select_option("short")
        page.wait_for_url("**show=short*")
        with nas.Archive(archive) as archived:
            stopped = archived.trials("cells", status="stopped")
            counts = archived.counts("cells")
        page.locator("#table h2", has_text=f"{len(stopped)} trials").wait_for()
        ids = page.locator("#table tbody th").all_inner_texts()
        assert ids == [str(trial.id) for trial in stopped][:50]
        page.get_by_label("Table by").select_option("metric:error")
        page.wait_for_url("**order=metric*")
        best = min(stopped, key=lambda trial: (trial.metrics["error"], trial.number))
        page.locator("#table tbody tr:first-child", has_text=str(best.id)).wait_for()
        drawn = "document.getElementById('plot').layout.xaxis.title.text === 'trial number'"
        opened.plot().wait_for_function(drawn)
        assert page.evaluate("window.same") is True
        page.go_back()
        page.go_back()
        page.wait_for_url("**x=trial%3Anumber*")
        page.locator("#table h2", has_text=f"{sum(counts.values())} trials").wait_for()
        assert page.get_by_label("Show", exact=True).input_value() == "all"
        assert page.evaluate("window.same") is True

    def test_a_filter_in_sql(self, tab, served, archive) -> None:
        opened = tab(f"{served.overview}/studies/1")
        page = opened.page
        page.get_by_label("Filter").fill("params < 5000 AND status = 'complete'")
        page.get_by_label("Filter").press("Enter")
        page.wait_for_url("**where=params*")
        with nas.Archive(archive) as archived:
            found = [
                t for t in archived.trials("cells", status="complete") if t.metrics["params"] < 5e3
            ]
        page.locator("#table h2", has_text=f"{len(found)} trial").wait_for()
        page.get_by_label("Filter").fill("parms < 5000")
        page.get_by_role("button", name="Show").click()
        wrong = page.get_by_role("alert")
        wrong.filter(has_text="Did you mean 'params'?").wait_for()
        assert page.locator("#table").inner_text().endswith("There is none.")
        page.get_by_text("No plot: ").wait_for()
        opened.troubles = [said for said in opened.troubles if "400" not in said]

    def test_pages_of_the_table(self, tab, served) -> None:
        page = tab(f"{served.overview}/studies/1").page
        before = page.locator("#table tbody th").all_inner_texts()
        page.get_by_role("link", name="Next").click()
        page.get_by_text("page 2 of 2").wait_for()
        after = page.locator("#table tbody th").all_inner_texts()
        assert len(before) == 50
        assert not set(before) & set(after)

    def test_by_keyboard_from_the_form_to_a_trial(self, tab, served) -> None:
        page = tab(f"{served.overview}/studies/1").page
        page.get_by_role("button", name="Show").focus()
        for _ in range(12):
            page.keyboard.press("Tab")
            href = page.evaluate("document.activeElement.getAttribute('href') || ''")
            if "/trials/" in href:
                break
        page.keyboard.press("Enter")
        page.wait_for_url("**/trials/*")


class TestTrial:
    def test_one_that_was_trained(self, tab, served, archive) -> None:
        with nas.Archive(archive) as opened:
            trial = next(t for t in opened.trials("cells", status="complete") if t.parents)
            details, curve = opened.details(trial.id), opened.curve(trial.id)
            ancestors = opened.lineage(trial.id)
        shown = tab(f"{served.overview}/trials/{trial.id}")
        page = shown.page
        assert details.text in page.locator(".text").inner_text()
        drawing = page.locator("#drawing")
        drawing.wait_for()
        assert page.evaluate("document.getElementById('drawing').naturalWidth") > 50
        rows = dict(
            page.locator("section[aria-labelledby=metrics-heading] tbody tr").evaluate_all(
                "rows => rows.map((row) => [row.cells[0].innerText, row.cells[1].title])"
            )
        )
        assert {name: float(value) for name, value in rows.items()} == dict(trial.metrics)
        assert "kept: params at most 12000" in page.inner_text("main")
        frame = shown.plot()
        assert frame.evaluate("document.getElementById('plot').data[0].y") == [
            point.metrics["error"] for point in curve
        ]
        nearest = [a.trial.id for a in ancestors if a.depth == 1]
        links = page.locator(".lineage > ul > li > a").all_inner_texts()
        assert links[: len(nearest)] == [f"trial {id_}" for id_ in nearest]
        command = f"nas export {archive} {trial.id} --to onnx -o trial-{trial.id}.onnx"
        assert page.locator("#export-onnx").inner_text() == command

    def test_copying_a_command(self, tab, served) -> None:
        page = tab(
            f"{served.overview}/trials/1", permissions=["clipboard-write", "clipboard-read"]
        ).page
        page.get_by_label("Copy the command for python").click()
        page.get_by_text("The command is copied.").wait_for()
        assert "--to python" in page.evaluate("navigator.clipboard.readText()")

    def test_one_that_was_stopped_says_why(self, tab, served, archive) -> None:
        trial = first(archive, "cells", Status.STOPPED)
        page = tab(f"{served.overview}/trials/{trial.id}").page
        with nas.Archive(archive) as opened:
            reason = opened.rulings(trial.id)[-1].reason
        assert reason in page.locator("section[aria-labelledby=rulings-heading]").inner_text()

    def test_one_that_failed_of_a_space_that_is_not_here(self, tab, served, archive) -> None:
        trial = first(archive, "toy", Status.FAILED)
        opened = tab(f"{served.overview}/trials/{trial.id}")
        told = opened.page.locator(".failure").inner_text()
        assert "Failure: error" in told
        assert "this candidate cannot be trained" in told
        assert "Traceback" in told
        opened.page.get_by_text("No drawing: ").wait_for()
        told = opened.page.locator("#drawing-state").inner_text()
        assert "no space named 'toy:toy'" in told
        assert "nas ui --plugin FILE.py has it" in told

    def test_children_are_linked(self, tab, served, archive) -> None:
        with nas.Archive(archive) as opened:
            child = next(t for t in opened.trials("cells") if t.parents)
            parent = opened.lineage(child.id)[0].trial
        page = tab(f"{served.overview}/trials/{parent.id}").page
        page.get_by_role("link", name=f"trial {child.id}", exact=True).click()
        page.wait_for_url(f"**/trials/{child.id}")

    def test_as_json(self, tab, served, archive) -> None:
        trial = first(archive, "cells", Status.COMPLETE)
        page = tab(f"{served.overview}/trials/{trial.id}/json").page
        document = json.loads(page.inner_text("pre"))
        assert document["metrics"] == dict(trial.metrics)
        assert document["architecture"] == dict(trial.architecture)

    def test_one_that_is_not_there(self, tab, served) -> None:
        opened = tab(f"{served.overview}/trials/100000")
        assert "no trial 100000" in opened.page.inner_text("main")
        opened.troubles = [said for said in opened.troubles if "404" not in said]


class TestDatasette:
    def test_its_tables_and_sql_are_below(self, tab, served) -> None:
        opened = tab(f"{served.overview}/studies/1")
        page = opened.page
        page.get_by_role("link", name="All tables, and SQL").click()
        page.get_by_role("link", name="trials_wide").first.wait_for()
        page.goto(f"{served.root}/searches?sql=select+count(*)+from+trials_wide")
        page.locator(".CodeMirror").wait_for()  # its own scripts run
        page.goto(f"{served.root}/searches/trials_wide?study=toy")
        assert "70 rows" in page.inner_text("h3").replace(
            "\n", " "
        ) or "50 rows" in page.inner_text("h3")

    def test_every_table_can_be_seen(self, served, archive) -> None:
        sql = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
        for (name,) in rows(archive, sql):
            assert "<h1" in fetch(f"{served.root}/searches/{name}")
