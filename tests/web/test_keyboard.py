"""The pages without a pointer: keys alone, and nothing here clicks or focuses by a script."""
from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Project
from tests.experiments import make_experiment
from tests.web.browser import Page
from tests.web.test_compare import two
from tests.web.test_experiments import ACCURACY, LR, names, open_table, small
from tracking.pages import key_of

__all__ = ["small", "two"]
Visit = Callable[..., Page]


# notes each stop of Tab, and what of it a reader would not see: no ring around it, outside of the window, or under something else
STOPS = """
window.stops = []; window.unseen = [];
const ring = (node, part) => { const style = node && getComputedStyle(node, part); return style && (!part || style.content !== 'none') && style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) > 0; };
addEventListener('focusin', ({target}) => {
  const name = target.dataset.testid || target.getAttribute('aria-label') || target.textContent.trim(), box = target.getBoundingClientRect();
  const x = box.x + box.width / 2, y = box.y + Math.min(box.height, innerHeight) / 2, top = document.elementFromPoint(x, y);
  stops.push(name);
  if (![target, target.closest('.field'), target.nextElementSibling].some((node) => ring(node)) && ![target, target.parentElement].some((node) => ring(node, '::after'))) unseen.push(`${name}: no ring`);
  if (!box.width || !box.height || x < 0 || x > innerWidth || y < 0 || y > innerHeight) unseen.push(`${name}: not in sight`);
  else if (!target.contains(top) && !top?.contains(target) && !target.closest('label')?.contains(top)) unseen.push(`${name}: under ${top?.className}`);
});
"""


def test_tab_shows_where_it_is_on_every_page(visit: Visit, project: Project) -> None:
    project.ok("exp", "run", "-q", "-n", "loud-owl", "-S", "lr=0.5")
    page, base = visit(project.path), f"/r/{key_of(str(project.path))}"
    for path, last in {
        "/": "activity", f"{base}/experiments": "table", f"{base}/compare?revs=main,workspace": "only", f"{base}/plots": "find", f"{base}/trends": "turn", f"{base}/pipeline": "node", f"{base}/queue": "gpus",
        f"{base}/data": "data-tree", f"{base}/runs": "run-link", f"{base}/runs/loud-owl": "to-compare", f"{base}/settings": "add-setting",
    }.items():
        page.open(path).js(STOPS)
        page.press(*["tab"] * 62)
        stops, unseen = page.js("return [stops, unseen]")
        assert last in stops, (path, stops)
        assert unseen == [], path


def to_experiment(page: Page) -> None:
    """Go down to the next row of an experiment."""
    page.press("j")
    while not page.js("return document.querySelector('.cursor.is-exp')"):
        page.press("j")


def test_what_goes_away_hands_the_focus_to_what_is_near(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=accuracy>0.1+and+f1>0.1")
    page.reach("filter").press("tab").expect(page.focused, "Remove: accuracy>0.1")
    page.press("enter").count("chip", 1).expect(page.focused, "Remove: f1>0.1")
    page.press("enter").count("chip", 0).expect(lambda: page.focused() in ("filter", "only-changed"), True)
    page.open(page.driver.current_url.removeprefix(page.server.origin))
    page.reach("filter").press("enter").expect(page.focused, "filter-column")
    page.press(*"accuracy", "tab", "tab", *"0.1", "enter").count("chip", 1).expect(page.focused, "filter")
    page.reach("columns").press("enter").expect(page.focused, "column-search")
    page.reach(f"better-{ACCURACY}").press("enter").see(f"better-{ACCURACY}", "lower is better")
    page.expect(page.focused, f"better-{ACCURACY}")
    page.press("escape").expect(page.focused, "columns").press("enter").reach("show-value", 40)
    assert not page.is_shown("column-search")  # Tab went on


def test_one_title_is_a_stop_of_tab_and_arrows_lead_to_the_others(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.reach("table")
    assert page.js("return getComputedStyle(document.getElementById('box'), '::after').outlineStyle") == "solid"  # rows would cover one of its own
    page.press("tab").expect(page.focused, "sort-name")
    page.press("tab").expect(page.focused, "copy-command").press("shift+tab")
    page.press("end").expect(lambda: page.focused().startswith("sort-data:"), True)
    page.press("home", *["arrow_right"] * 20).expect(lambda: page.focused().startswith("sort-data:"), True)
    while page.focused() != f"sort-{LR}":
        page.press("arrow_left")
    page.press("enter").find("sort-meta:parent")  # a column more: titles are drawn anew
    page.expect(page.focused, f"sort-{LR}")
    page.press("alt+arrow_down").expect(page.focused, "column-ascending").press("end", "enter").count(f"sort-{LR}", 0)
    page.expect(lambda: page.focused().startswith("sort-params:"), True)


def test_rows_are_selected_removed_and_brought_back(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=state:done")
    shown = names(page)
    to_experiment(page)
    page.press("x").expect(lambda: page.text("#selected"), "1 selected")
    page.reach("clear").press("enter").expect(page.focused, "table")
    page.press("x").reach("remove").press("enter").expect(page.focused, "remove-cancel")
    page.press("escape").expect(page.focused, "remove").press("enter").reach("remove-confirm")
    page.js("const real = setTimeout; window.late = []; window.setTimeout = (run, ms, ...rest) => ms >= 8000 ? late.push(run) : real(run, ms, ...rest)")
    page.press("enter").expect(page.focused, "table").reach("undo")
    page.js("late.splice(0).forEach((run) => run())")  # its time is over, and it has the focus
    page.press("enter").expect(lambda: names(page), shown)
    page.wait(page.focused, "something that has the focus")


def test_the_palette_brings_back_what_was_removed(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small, "?q=state:done")
    shown = names(page)
    to_experiment(page)
    page.press("m").find("row-actions")
    page.press("end", "enter").reach("remove-confirm").press("enter").find("undo")
    page.press("ctrl+k").type("palette-input", "undo").expect(lambda: page.js("return document.querySelector('#palette-list [aria-selected=true]')?.textContent"), "Undo")
    page.press("enter").expect(lambda: names(page), shown)


def test_nothing_behind_a_dialog_and_no_shortcut_hears_what_is_typed(visit: Visit, small: Project) -> None:
    page = open_table(visit(small.path), small)
    page.press("j", "j", "j", "?").expect(page.focused, "help-close")
    page.reach("admin").press("tab").expect(page.focused, "")  # the browser's own things come next
    page.press("x", "n", "j")
    page.press("escape").expect(page.focused, "")
    assert not page.is_shown("selection") and not page.all("run-dialog")
    page.press("/", "x", "n").expect(page.focused, "search").expect(lambda: page.attribute("search", "value"), "xn")
    page.press("escape", "escape").expect(page.focused, "table")
    assert not page.is_shown("selection") and not page.all("run-dialog")


def test_the_focus_follows_revisions_that_are_compared(visit: Visit, two: Project) -> None:
    make_experiment(two, "bold-idea", {"params.yaml": "lr: 0.9\nlayers: [1, 2]\nseed: 7\n"}, baseline="b")
    page = visit(two.path).open(f"/r/{key_of(str(two.path))}/compare?revs=a,b,workspace,bold-idea")
    heads = lambda: [element.text.split("\n")[0] for element in page.all("revision")]  # noqa: E731
    label = lambda: page.js("return document.activeElement.getAttribute('aria-label')")  # noqa: E731
    page.reach("as-baseline")
    while label() != "Move bold-idea to the left":
        page.reach("to-left")
    page.press("enter").expect(heads, ["a", "b", "bold-idea", "Workspace"]).expect(label, "Move bold-idea to the left")
    page.reach("drop").press("enter").expect(heads, ["a", "b", "Workspace"]).expect(label, "Take workspace out")


def test_data_is_added_and_the_menu_of_a_path_is_walked(visit: Visit, make_project: Callable[..., Project]) -> None:
    project = make_project("filed", files={"data": {"raw.csv": "a,b\n1,2\n"}, "more.csv": "c\n"})
    project.ok("add", "-q", "data/raw.csv")
    page = visit(project.path).open(f"/r/{key_of(str(project.path))}/data")
    page.reach("data-tree")
    assert page.js("return getComputedStyle(document.querySelector('.dsplit'), '::after').outlineStyle") == "solid"
    page.press("arrow_down").find("panel-close")
    page.count("panel-more", 0)  # nothing can be done with a folder that is not tracked itself
    page.press("arrow_right").expect(lambda: len(page.all("data-row")), 2).press("arrow_down").find("panel-more")
    page.reach("panel-more").press("enter", "arrow_down").expect(page.focused, "more-unprotect")
    page.press("escape").expect(page.focused, "panel-more").press("escape").expect(page.focused, "data-tree")
    page.reach("add").press("enter").expect(page.focused, "add-entry").reach("add-path")
    page.press(*"more.csv").see("dialog-command", "dataver add more.csv")
    page.press("tab").expect(page.focused, "Copy dataver add more.csv").reach("add-confirm").press("enter")
    page.expect(lambda: (project.path / "more.csv.dvc").exists(), True).expect(page.focused, "add")
