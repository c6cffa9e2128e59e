"""The queue in a browser: real workers, live runs, the dialog that starts runs."""
from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.environment import CHECKOUT
from tests.faults.queuebox import QueueBox, kill
from tests.web.browser import Page
from tracking.pages import key_of

Visit = Callable[..., Page]
PIPELINE = """\
stages:
  work:
    cmd: sh work.sh
    deps: [work.sh]
    params: [n, mode, epochs, lr]
    outs: [model.txt]
metrics: [live/metrics.json]
plots:
- live/plots/metrics: {x: step}
- live/plots/images
"""
# epochs go on up to the number in $LEDGER.upto, if there is one
WORK = """\
n=$(sed -n 's/^n: //p' params.yaml); mode=$(sed -n 's/^mode: //p' params.yaml); epochs=$(sed -n 's/^epochs: //p' params.yaml)
echo "start $n $$" >> "$LEDGER"
[ "$mode" = fail ] && { echo "it broke" >&2; exit 3; }
mkdir -p live/plots/metrics live/plots/images
printf 'step\\tacc\\n' > live/plots/metrics/acc.tsv
i=0
while [ $i -lt $epochs ]; do
  while [ "$mode" = wait ] && [ $i -ge "$(cat "$LEDGER.upto" 2>/dev/null || echo 0)" ]; do sleep 0.05; done
  printf '%s\\t0.%s\\n' $i $((50 + i)) >> live/plots/metrics/acc.tsv
  echo "{\\"acc\\": 0.$((50 + i)), \\"step\\": $i}" > live/metrics.json
  i=$((i + 1))
  [ -e "$LEDGER.loud" ] && { rm "$LEDGER.loud"; seq 1 8000000; echo last words; }
  echo "epoch $i/$epochs done"
done
[ "$mode" = late ] && { echo "too late" >&2; exit 4; }
printf '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>' > live/plots/images/map.svg
echo $n > model.txt
echo "end $n" >> "$LEDGER"
"""


class Box(QueueBox):
    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.write("dvc.yaml", PIPELINE)
        self.write("work.sh", WORK)
        self.write("params.yaml", "n: 0\nmode: ok\nepochs: 2\nlr: 0.1\nnet: {depth: 3, kind: small}\n")
        self.dataver("repro", "-q")
        os.unlink(self.environ["LEDGER"])
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "first model")

    def upto(self, epochs: int) -> None:
        Path(self.environ["LEDGER"] + ".upto").write_text(f"{epochs}")

    @property
    def address(self) -> str:
        return f"/r/{key_of(str(self.path))}/queue"

    def run_address(self, name: str) -> str:
        return f"/r/{key_of(str(self.path))}/runs/{name}"


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    made = Box(tmp_path / "box")
    yield made
    made.close()


@pytest.fixture
def web_home(box: Box) -> dict[str, str]:
    """The server runs in the box, so that what it starts ends with the box."""
    return box.environ


def trust(page: Page) -> None:
    page.js("return fetch(`/r/${document.body.dataset.repository}/trust`, {method: 'POST', headers: {'X-CSRFToken': document.body.dataset.csrf, 'Content-Type': 'application/json'}, body: '{}'}).then(() => true)")


def answer(page: Page) -> Any:
    return json.loads(page.js("return fetch(arguments[0] + '.json').then((response) => response.text())", page.js("return location.pathname")))


def fill(page: Page, name: str, text: str) -> None:
    page.js("const field = document.querySelector(`[data-testid=\"param-${arguments[0]}\"]`); field.value = arguments[1]; field.dispatchEvent(new Event('input', {bubbles: true}))", name, text)


# whether the line of a card is hidden: of a run with a curve, of one without, and of that one when its metric has changed
LINE_OF_WHAT_WAS_SEEN = """
const [card, done] = arguments, none = {...card, curve: []};
import(performance.getEntriesByType("resource").find((entry) => entry.name.includes("queuecards")).name).then(({runningCard}) => {
  const made = [card, none].map(runningCard), hidden = () => made.map(({node}) => node.querySelector(".card-spark").hidden), first = hidden();
  made[1].update({...none, value: card.value + 0.1, elapsed_s: card.elapsed_s + 1});
  done([...first, hidden()[1]]);
});
"""


def waiting(page: Page) -> list[str]:
    return [str(row.get_attribute("data-run")) for row in page.all("waiting-row")]


def test_e5_q6_a_sweep_says_and_shows_its_runs_and_the_waiting_can_be_moved(visit: Visit, box: Box, assert_accessible: Callable[[Page], None]) -> None:
    box.write("notes.txt", "untracked")
    page = visit(box.path).open(box.address)
    page.see("queue-empty", "Nothing is queued")
    page.click("new-run").find("run-dialog")
    fill(page, "lr", "1e-4..1e-1 log 4")
    fill(page, "epochs", "5,10")
    page.see("run-count", "8 runs")
    rows = page.see("run-preview").split("\n")[1:]
    assert [row.split()[1:] for row in rows] == [[epochs, lr] for epochs in ("5", "10") for lr in ("0.0001", "0.001", "0.01", "0.1")]
    page.see("unseen", "notes.txt")
    page.see("dialog-command", "dataver exp run --queue -S epochs=5,10 -S lr=0.0001,0.001,0.01,0.1")
    fill(page, "lr", "0.1,0.2,'x")
    page.expect(lambda: page.find("run-dialog-confirm").is_enabled(), False)
    fill(page, "lr", "0.2..0.4 step 0.1")
    fill(page, "epochs", "2")
    page.click("run-name").type("run-name", "s").see("run-dialog-confirm", "Queue 3 runs")
    page.click("run-dialog-confirm").see("trust", "Do you trust this project?")
    page.click("trust-confirm").count("waiting-row", 3)
    assert waiting(page) == ["s-1", "s-2", "s-3"]
    page.see("counts", "3 waiting")
    page.see("running", "3 queued")  # in the top bar
    # by keyboard, then by pointer
    page.js("document.querySelectorAll('[data-testid=grip]')[2].focus()")
    page.press("alt+arrow_up").expect(lambda: waiting(page), ["s-1", "s-3", "s-2"])
    page.expect(lambda: [task["name"] for task in json.loads(box.dataver("queue", "status", "--json"))["tasks"]], ["s-1", "s-3", "s-2"])
    page.expect(lambda: page.js("return document.activeElement.closest('tr')?.dataset.run"), "s-3")
    grips = page.all("grip")
    from selenium.webdriver.common.action_chains import ActionChains

    ActionChains(page.driver, duration=50).click_and_hold(grips[2]).move_to_element(grips[1]).move_to_element(grips[0]).move_by_offset(0, -14).release().perform()
    page.expect(lambda: waiting(page), ["s-2", "s-1", "s-3"])
    page.expect(lambda: [entry["name"] for entry in answer(page)["waiting"]], ["s-2", "s-1", "s-3"])
    # a copy with edits, and away with one
    page.click("more", 0).click("menu-again").find("run-dialog")
    assert page.attribute("param-lr", "value") == "0.3"
    page.press("escape").click("unqueue", 2).expect(lambda: waiting(page), ["s-2", "s-1"])
    page.see("notes", "s-3 is out of the queue")
    assert_accessible(page)
    page.size(1024, 700).expect(page.scrolls_sideways, False)
    page.leave().console()  # Chromium reports the answer's status 409


def test_e5_q1_counts_always_add_up(visit: Visit, box: Box) -> None:
    box.enqueue("ok", *range(1, 21))
    page = visit(box.path).open(box.address)
    trust(page)
    box.start(4)
    ask = """
        const done = arguments[arguments.length - 1], url = location.pathname + '.json', seen = [];
        (async () => {
          for (;;) {
            const answer = await (await fetch(url)).json();
            seen.push([answer.counts, answer.running.length, answer.waiting.length, answer.finished.length, answer.workers.lines.length]);
            if (answer.counts.done === 20) { done(seen); return; }
            await new Promise((again) => setTimeout(again, 20));
          }
        })();
    """
    seen = page.driver.execute_async_script(ask)
    for counts, running, waits, over, workers in seen:
        assert counts["running"] + counts["waiting"] + counts["done"] + counts["failed"] == counts["total"] == 20, counts
        assert (running, waits, over) == (counts["running"], counts["waiting"], counts["done"] + counts["failed"])
        assert running <= 4 and workers <= 4
    assert max(counts["running"] for counts, *_ in seen) > 1
    page.count("finished-row", 20).see("counts", "20 done")
    assert box.starts() == {str(number): 1 for number in range(1, 21)}


def test_e5_q2_a_dead_worker_is_told_and_retry_works(visit: Visit, box: Box) -> None:
    box.enqueue("wait", 1)
    box.enqueue("wait", 2)
    page = visit(box.path).open(box.address)
    trust(page)
    page.click("start-queue").count("running-card", 1)
    page.click("more-workers").count("running-card", 2)
    page.count("worker", 2).see("worker-count", "2 workers")
    box.wait(lambda: box.starts()["1"], "a stage that has begun: what has not is given back, not failed")
    horse = box.claim("e1")["pid"]
    kill(int(Path(f"/proc/{horse}/stat").read_text().rpartition(")")[2].split()[1]))
    page.see("finished-row", "e1", "Failed", "worker died")
    page.expect(lambda: [card.get_attribute("data-run") for card in page.all("running-card")], ["e2"])
    page.click("retry").count("running-card", 2)
    box.upto(9)
    page.expect(lambda: sorted((row.get_attribute("data-run"), row.get_attribute("data-state")) for row in page.all("finished-row")), [("e1", "success"), ("e2", "success")])
    page.click("less-workers").see("worker-count", "1 worker")
    page.click("more-workers").click("more-workers").click("pause-queue").see("worker-count", "0 workers")  # the last click has the last word
    said = [entry["command"] for entry in page.js("return fetch(`/r/${document.body.dataset.repository}/actions.json`).then((answer) => answer.json())")["items"]]
    assert said[0] == "dataver queue stop" and "dataver queue start -j 3 --exact" in said, said
    page.click("more-workers").click("less-workers").see("worker-count", "0 workers")
    page.expect(page.focused, "more-workers")  # the other can do nothing now
    page.wait(lambda: all(entry["state"] != "running" for entry in page.js("return fetch(`/r/${document.body.dataset.repository}/actions.json`).then((answer) => answer.json())")["items"]), "the end of what was clicked")
    box.dataver("queue", "start", "-j", "2", "--exact", "--gpus", "0,1")
    page.wait(lambda: (page.attribute("more-workers", "title") or "").endswith(" --exact --gpus 0,1"), "the devices")  # the workers leave by themselves
    page.click("clear").click("clear-done").see("queue-empty", "Nothing is queued")


def test_e5_q3_q4_q5_a_live_run_its_log_and_its_end(visit: Visit, box: Box) -> None:
    box.dataver("exp", "run", "--queue", "-n", "slow", "-S", "mode=wait", "-S", "epochs=12")
    box.upto(4)
    box.start(1)
    page = visit(box.path).open(box.address)
    page.driver.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["notifications"], "origin": page.server.origin})
    page.see("running-card", "slow", "mode wait", "work", "4 of 12 epochs", "epoch 4/12 done", "0.53", "acc")
    page.expect(lambda: "Memory" in page.find("running-card").text and "Heartbeat" in page.find("running-card").text, True)
    assert page.driver.execute_async_script(LINE_OF_WHAT_WAS_SEEN, answer(page)["running"][0]) == [False, True, False]
    # Q4: the log follows, stays where one scrolled to, and is bounded in the page
    Path(box.environ["LEDGER"] + ".loud").touch()
    box.upto(5)
    page.open(box.run_address("slow") + "#log")
    page.see("log", "last words")
    box.upto(6)
    page.see("log", "epoch 6/12 done")
    log = "document.querySelector('[data-testid=log]')"
    assert page.js(f"return {log}.textContent.length") < 6_000_000
    page.wait(lambda: page.js(f"return {log}.scrollHeight - {log}.scrollTop - {log}.clientHeight < 30"), "the end")
    page.js(f"{log}.scrollTop -= 400")
    page.expect(lambda: page.is_shown("to-end"), True)
    box.upto(7)
    page.wait(lambda: page.js(f"return {log}.textContent.includes('epoch 7/12')"), "more")
    assert page.js(f"return {log}.scrollHeight - {log}.scrollTop - {log}.clientHeight") > 300
    page.click("to-end").expect(lambda: page.is_shown("to-end"), False)
    # Q3
    page.open(box.address).see("running-state", "Stuck? silent for")
    # Q5
    page.js("window.told = []; window.Notification = class { constructor(title, options) { window.told.push([title, options.body]); } static permission = 'granted'; static requestPermission() { return Promise.resolve('granted'); } }; document.addEventListener('dataver:finished', (event) => { window.finished = event.detail; });")
    page.click("notify").expect(lambda: page.attribute("notify", "aria-pressed"), "true")
    box.upto(12)
    page.see("finished-row", "slow", "Done", "0.61")
    page.expect(lambda: page.js("return window.told.map((note) => note[0])"), ["slow is done"])
    assert page.js("return window.finished.name + ' ' + window.finished.state") == "slow success"
    page.click("notify").expect(lambda: page.attribute("notify", "aria-pressed"), "false")


def test_e5_r1_r3_a_run_follows_and_its_parts_have_addresses(visit: Visit, box: Box, assert_accessible: Callable[[Page], None]) -> None:
    box.dataver("exp", "run", "--queue", "-n", "slow", "-S", "mode=wait", "-S", "epochs=12")
    box.start(1)
    page = visit(box.path)
    page.wait(lambda: box.count("running"), "the run")
    page.open(f"/r/{key_of(str(box.path))}/experiments").open(box.run_address("slow") + "#curves")
    assert page.js("const box = document.querySelector('[data-scroll]').getBoundingClientRect(), at = document.getElementById('curves').getBoundingClientRect(); return at.top >= box.top && at.top < box.bottom")
    page.wait(lambda: "None was written yet" in page.text("#overview"), "no metrics: the file there is the baseline's")
    assert page.js("return fetch(`${location.pathname}/image?id=live/plots/images/map.svg`).then((answer) => answer.status)") == 204  # and no error of a page
    box.upto(3)
    page.see("tile", "acc", "0.52", "+0.01")
    page.expect(lambda: page.attribute("curve", "data-points"), "5")  # two of the baseline
    page.see("params", "epochs", "12")
    page.see("run-bar", "3 of 12 epochs")
    box.upto(8)
    page.see("tile", "0.57")
    page.expect(lambda: page.attribute("curve", "data-points"), "10")
    page.see("log", "epoch 8/12 done")
    page.see("run-bar", "8 of 12 epochs")
    page.see("gantt", "work", "Running")
    box.upto(12)
    page.expect(lambda: page.attribute("run-state", "data-state"), "succeeded")
    page.see("files", "model.txt", "made")
    page.see("gantt", "work", "Done")
    page.wait(lambda: page.js("const image = document.querySelector('[data-testid=image] img'); return image && image.complete && image.naturalWidth > 0"), "the image")
    page.see("reproduce", "dataver exp apply slow")
    page.click("edit-note").type("note-input", "-best").expect(lambda: page.attribute("note-input", "title"), "dataver exp note -- slow -best")
    page.press("enter").see("note", "-best")
    page.click("edit-tags").type("tags-input", "candidate, good").press("enter").see("tags", "candidate, good")
    page.wait(lambda: box.dataver("exp", "tag", "slow") == "candidate\ngood\n", "both tags")
    page.click("edit-tags").type("tags-input", "-looking").press("enter")
    page.wait(lambda: box.dataver("exp", "tag", "slow") == "candidate\ngood-looking\n", "the other tag")
    page.expect(lambda: '"note": "-best"' in box.dataver("ui", "--get", f"{box.run_address('slow')}.json"), True)
    page.js("document.querySelector('[data-testid=code-file][data-path=\"params.yaml\"]').click()")
    page.wait(lambda: "epochs: 12" in page.text("[data-code-lines]"), "lines")
    assert_accessible(page)
    page.size(1024, 700).expect(page.scrolls_sideways, False)
    # back leads to where the table was, whatever parts were looked at
    box.dataver("queue", "stop")
    box.enqueue("ok", *range(20, 34))
    page.size(1024, 500).open(f"/r/{key_of(str(box.path))}/experiments")
    page.wait(lambda: page.js("const table = document.getElementById('table'); table.scrollTop = 90; return table.scrollTop") == 90, "rows to scroll")
    with page.leaving():
        page.js("location.assign(arguments[0])", box.run_address("slow"))
    page.js("document.querySelector('[data-testid=tabs] a[href=\"#log\"]').click()")
    page.wait(lambda: page.driver.current_url.endswith("#log"), "the address")
    with page.leaving():
        page.driver.back()
    page.expect(lambda: page.js("return document.getElementById('table').scrollTop"), 90)


def test_e5_l8_a_run_that_goes_on_is_a_chip_of_the_plots_and_its_curve_grows(visit: Visit, box: Box) -> None:
    box.dataver("exp", "run", "--queue", "-n", "slow", "-S", "mode=wait", "-S", "epochs=12")
    box.upto(4)
    box.start(1)
    page = visit(box.path)
    page.wait(lambda: box.count("running"), "the run")
    page.open(f"/r/{key_of(str(box.path))}/plots?revs=main")
    page.click("add-revision")
    page.js("const find = () => { const choice = document.querySelector('[data-testid=choice][data-name=slow]'); if (choice) choice.click(); else setTimeout(find, 50); }; find();")
    page.see("revision-running", "Running")
    page.expect(lambda: [chip.get_attribute("data-rev") for chip in page.all("revision")], ["main", "slow"])
    rows = lambda: page.js("return document.querySelector('[data-testid=plot]').rowCount()")  # noqa: E731
    page.expect(rows, 2 + 4)
    colour = page.js("return document.querySelector('[data-rev=slow] .lsw').className")
    box.upto(9)
    page.expect(rows, 2 + 9)
    box.upto(12)
    page.count("revision-running", 0).expect(rows, 2 + 12)  # it is an experiment now, of the same name and colour
    assert page.js("return document.querySelector('[data-rev=slow] .lsw').className") == colour


def test_e5_e9_a_failed_run_keeps_the_metrics_it_reached(visit: Visit, box: Box) -> None:
    box.dataver("exp", "run", "--queue", "-n", "tardy", "-S", "mode=late", "-S", "epochs=4")
    box.start(1)
    box.wait_for(failed=1)
    page = visit(box.path).open(f"/r/{key_of(str(box.path))}/experiments")
    row = "[...document.querySelectorAll('[data-testid=row]')].find((one) => one.querySelector('[data-testid=experiment]')?.textContent === 'tardy')"
    page.expect(lambda: page.js(f"return {row}.querySelector('[data-column=\"metrics:live/metrics.json:acc\"]').textContent"), "0.53")
    state = page.js(f"const state = {row}.querySelector('[data-testid=state]'); return [state.textContent, state.title, state.classList.contains('is-bad')]")
    assert (state[0], state[2]) == ("Failed", True) and "too late" in state[1]
    with page.leaving():
        page.js(f"{row}.querySelector('[data-testid=log-link]').click()")
    page.see("log", "too late")


def test_e5_r2_reproduce_gives_the_same_outs(visit: Visit, box: Box) -> None:
    box.enqueue("ok", 7)
    box.start(1)
    page = visit(box.path)
    page.wait(lambda: box.experiments() == {"e7"}, "the experiment")
    commit = box.git("for-each-ref", "--format=%(objectname)", "refs/exps/").split()[0]
    wanted = box.git("show", f"{commit}:dvc.lock")
    page.open(box.run_address("e7"))
    lines = [str(line.get_attribute("title")) for line in page.all("reproduce-line")]
    at = next(number for number, line in enumerate(lines) if line.startswith("git checkout"))
    again = lines[at : at + 3]
    assert again[-1] == "dataver repro --force"
    for path in ("../../../../../../etc/passwd", "/etc/passwd", "work.sh", "live/plots/images/none.svg"):
        assert "no image" in box.dataver("ui", "--get", f"{box.run_address('e7')}/image?id={path}", check=False), path
    folder = box.base / "bin"
    folder.mkdir()
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from dataver_site.entry import main; sys.exit(main())"
    (folder / "dataver").write_text(f"#!/bin/sh\nexec {sys.executable} -P -c '{code}' {CHECKOUT} \"$@\"\n")
    (folder / "dataver").chmod(0o755)
    (box.path / "model.txt").unlink()
    page.leave()
    subprocess.run(["sh", "-ec", "\n".join(again)], cwd=box.path, env={**box.environ, "PATH": f"{folder}:{box.environ['PATH']}"}, check=True, capture_output=True)
    assert (box.path / "dvc.lock").read_text() == wanted
    assert (box.path / "model.txt").read_text() == "7\n"
