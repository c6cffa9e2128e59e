"""The third-party scripts work under the pages' policy: no eval, no inline style, nothing loaded from elsewhere."""
from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Project
from tests.web.browser import Page

LOAD = """
const done = arguments[arguments.length - 1];
(async () => {
  for (const name of arguments[0]) await new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = new URL("../vendor/" + name, document.querySelector("script[src*='/frame.js']").src).href; script.onload = resolve; script.onerror = reject;
    document.head.append(script);
  });
})().then(() => done("loaded"), (error) => done(String(error)));
"""
DRAW = """
const done = arguments[arguments.length - 1];
const spec = {data: {values: [{x: 1, y: 2}, {x: 2, y: 5}, {x: 3, y: 1}]}, width: 200, height: 100,
  transform: [{calculate: "datum.y * 2", as: "z"}, {filter: "datum.z > 2"}],
  mark: {type: "line", point: true, tooltip: true}, encoding: {x: {field: "x", type: "quantitative"}, y: {field: "z", type: "quantitative"}}};
const node = document.createElement("div");
document.querySelector("main").append(node);
import(new URL("charts.js", document.querySelector("script[src*='/frame.js']").src)).then(async (charts) => {
  const view = await charts.drawChart(node, {...spec, ...arguments[1]}, {renderer: arguments[0]});
  return {drawn: node.querySelectorAll("svg path, canvas").length, rows: view().data("source_0").length};
}).then(done, (error) => done(String(error)));
"""


def loaded(page: Page, *names: str) -> Page:
    assert page.driver.execute_async_script(LOAD, list(names)) == "loaded"
    return page


def test_vega_draws_without_eval(visit: Callable[..., Page], project: Project) -> None:
    page = visit(project.path).open("/")
    for renderer in ("canvas", "svg"):
        result = page.driver.execute_async_script(DRAW, renderer, {})
        assert result["drawn"] > 0 and result["rows"] == 3, result
    theme = page.attribute("theme", "title")
    page.click("theme").wait(lambda: page.attribute("theme", "title") != theme, "the other theme")
    expression = "const done = arguments[0]; import(new URL('../vendor/vega-interpreter.js', document.querySelector('script[src*=\"/frame.js\"]').src)).then((module) => done(Boolean(module.expressionInterpreter)), (error) => done(String(error)))"
    assert page.driver.execute_async_script(expression) is True


HOSTILE = (
    {"data": {"url": "https://example.com/steal.json"}},
    {"data": {"url": "/index.json"}},
    {"usermeta": {"embedOptions": {"ast": False, "actions": True, "loader": {"baseURL": "https://example.com"}}}},
    {"transform": [{"calculate": "constructor.constructor('return fetch(\\'https://example.com\\')')()", "as": "z"}]},
    {"title": "<img src=https://example.com/x onerror=alert(1)>", "encoding": {"href": {"value": "javascript:alert(1)"}}},
    {"mark": {"type": "image", "url": "https://example.com/x.png"}},
)


def test_a_hostile_chart_is_inert(visit: Callable[..., Page], project: Project) -> None:
    """Whatever a repository's spec asks for, nothing is fetched, no script runs; at most the chart fails."""
    page = visit(project.path).open("/")
    for changes in HOSTILE:
        page.driver.execute_async_script(DRAW, "svg", changes)
    assert page.strangers() == [] and not page.js("return Boolean(document.querySelector('main img'))")
    page.console()  # refusals are reported there


def test_dagre_lays_a_graph_out(visit: Callable[..., Page], project: Project) -> None:
    page = loaded(visit(project.path).open("/"), "dagre.min.js")
    lay = "const g = new dagre.graphlib.Graph(); g.setGraph({rankdir: 'LR'}); g.setDefaultEdgeLabel(() => ({})); g.setNode('a', {width: 10, height: 10}); g.setNode('b', {width: 10, height: 10}); g.setEdge('a', 'b'); dagre.layout(g); return g.node('b').x > g.node('a').x"
    assert page.js(lay) is True
