// Charts over all runs: a metric against a param, parallel coordinates. What is brushed is selected: a bar leads to the rows of the table.
import { el, getJSON, icon, isDark } from "../launcher/frame.js";
import { draw, text, tipRow } from "./charts.js";
import { Card } from "./plotcard.js";
import { cardMenu } from "./plotmenus.js";
import { byId, KEY, questions, state, store, URLS } from "./plotstate.js";

const NAMED_AT_MOST = 1000; // in an address
const PLOTTED_AT_MOST = 24;
const AGAIN_MS = 300;
const charts = () => store.get("charts", null) || defaults();
const keepCharts = (list) => store.set("charts", list);
const labelOf = (column) => column.split(":").slice(2).join(":") || column.split(":")[1];

/** Until the reader says otherwise: the first metric against the first param that varies, and all that vary side by side. */
function defaults() {
  const { columns } = state.page;
  const params = columns.filter((column) => column.kind === "params"), metrics = columns.filter((column) => column.kind === "metrics" && column.is_number);
  const isOf = (column) => column.differs || column.varies;
  const varying = [...params.filter((column) => column.varies), ...params.filter((column) => !column.varies && column.differs), ...params.filter((column) => !isOf(column) && column.is_number)];
  const x = varying.find((column) => column.is_number) || varying[0];
  if (!x || !metrics.length) return [];
  return [{ id: "custom:1", kind: "scatter", columns: [x.id, metrics[0].id] }, { id: "custom:2", kind: "parallel", columns: [...(params.some(isOf) ? varying.filter(isOf) : varying).slice(0, 4), ...metrics.slice(0, 3)].map((column) => column.id) }];
}

/** The charts as the page lists plots. */
export function customPlots() {
  return charts().map((chart) => {
    const title = chart.kind === "scatter" ? `${labelOf(chart.columns[1])} by ${labelOf(chart.columns[0])}` : `${labelOf(chart.columns.at(-1))} and ${chart.columns.length - 1} more`;
    return { id: chart.id, kind: "custom", title, folder: "All runs", name: title, revs: [], steps: [], chart };
  });
}
export function addChart() {
  const { columns } = state.page;
  const list = charts(), used = new Set(list.filter((chart) => chart.kind === "scatter").map((chart) => chart.columns.join()));
  const metrics = columns.filter((column) => column.kind === "metrics" && column.is_number), params = columns.filter((column) => column.kind === "params");
  const pairs = params.flatMap((param) => metrics.map((metric) => [param.id, metric.id]));
  const pair = pairs.find((one) => !used.has(one.join())) || pairs[0];
  if (!pair) return null;
  const number = 1 + Math.max(0, ...list.map((chart) => Number(chart.id.split(":")[1])));
  keepCharts([...list, { id: `custom:${number}`, kind: "scatter", columns: pair }]);
  return `custom:${number}`;
}

// --- what is brushed
let brushed = { card: null, runs: [] };
function setBrushed(card, runs) {
  if (!runs.length && brushed.card !== card) return;
  brushed = { card, runs };
  const bar = byId("brush-bar");
  bar.hidden = !runs.length;
  if (!runs.length) return;
  const names = runs.map((run) => (run.k === "commit" ? run.id.slice(0, 12) : run.n));
  bar.querySelector("[data-count]").textContent = `${runs.length} ${runs.length === 1 ? "run" : "runs"} selected`;
  byId("brush-table").href = `/r/${KEY}/experiments?${new URLSearchParams({ select: names.slice(0, NAMED_AT_MOST).join(",") })}`;
  byId("brush-table").title = runs.length > NAMED_AT_MOST ? `The first ${NAMED_AT_MOST} of them` : "Select their rows in the table";
  byId("brush-plot").hidden = runs.length > PLOTTED_AT_MOST;
  byId("brush-plot").dataset.revs = names.join(",");
}
export function onPlotBrushed(change) { byId("brush-plot").addEventListener("click", () => change(byId("brush-plot").dataset.revs.split(","))); }
byId("brush-clear").addEventListener("click", () => brushed.card?.clearBrush());
document.addEventListener("keydown", (event) => { if (event.key === "Escape" && brushed.runs.length && !document.querySelector("dialog[open], details[data-menu][open]")) brushed.card?.clearBrush(); });

export class RunsCard extends Card {
  constructor(plot, hooks) {
    super(plot, hooks);
    this.node.classList.toggle("double", plot.chart.kind === "parallel");
  }
  get chart() { return this.plot.chart; }
  change(columns, kind = this.chart.kind) {
    keepCharts(charts().map((chart) => (chart.id === this.chart.id ? { ...chart, kind, columns } : chart)));
    this.plot = customPlots().find((plot) => plot.id === this.plot.id);
    this.head.querySelector("h3").textContent = this.plot.title;
    this.head.querySelector("h3").title = this.plot.title;
    this.hooks.listed();
    this.ask();
  }
  menus() {
    const { columns } = state.page, { chart } = this;
    const options = (now) => ["params", "metrics"].map((kind) => el("optgroup", { label: kind === "params" ? "Params" : "Metrics" }, ...columns.filter((column) => column.kind === kind).map((column) => el("option", { value: column.id, selected: column.id === now }, column.label))));
    const picker = (name, place) => el("label", { class: "metric" }, el("span", {}, name), el("select", { class: "pick", "data-testid": `${name.toLowerCase()}-column`, onchange: (event) => this.change(chart.columns.map((column, index) => (index === place ? event.target.value : column))) }, ...options(chart.columns[place])));
    const kinds = el("label", { class: "metric" }, el("span", {}, "As"), el("select", { class: "pick", "data-testid": "chart-kind", onchange: (event) => { this.change(this.chart.columns, event.target.value); this.makeHead(); } },
      el("option", { value: "scatter", selected: chart.kind === "scatter" }, "Metric by param"), el("option", { value: "parallel", selected: chart.kind === "parallel" }, "Parallel coordinates")));
    const boxes = () => columns.map((column) => el("label", {}, el("input", { type: "checkbox", "data-testid": "column", "data-id": column.id, checked: this.chart.columns.includes(column.id), onchange: (event) => {
      const now = this.chart.columns;
      if (!event.target.checked && now.length <= 2) { event.target.checked = true; return; }
      this.change(event.target.checked ? columns.map((one) => one.id).filter((id) => id === column.id || now.includes(id)) : now.filter((id) => id !== column.id));
    } }), el("span", { class: "trunc" }, column.label), el("span", { class: "t3 sm end" }, column.kind === "params" ? "param" : "metric")));
    const body = chart.kind === "scatter" ? [picker("X", 0), picker("Y", 1)] : [el("div", { class: "column-list" }, ...boxes())];
    const ends = chart.columns.map((column) => [column, ...["from", "to"].map((word) => el("input", { type: "number", step: "any", class: "range-end", placeholder: word, "data-testid": `range-${word}`, "aria-label": `${labelOf(column)} ${word}`, oninput: () => this.selectBetween(ends.map(([, from, to]) => [from.value, to.value])) }))]);
    const ranges = ends.filter(([id]) => columns.find((column) => column.id === id)?.is_number).map(([id, from, to]) => el("label", { class: "metric" }, el("span", { class: "trunc" }, labelOf(id)), from, to));
    const remove = el("button", { type: "button", class: "menu-i", "data-testid": "remove-chart", onclick: () => { keepCharts(charts().filter((other) => other.id !== chart.id)); this.clearBrush(); this.hooks.listed(); } }, icon("trash"), "Remove this chart");
    return [cardMenu(this, "columns-menu", "settings", "What is drawn", [el("div", { class: "menu-h" }, "What is drawn"), kinds, el("hr"), ...body, el("hr"), ...(ranges.length ? [el("div", { class: "menu-h", title: "As dragging over the chart does" }, "Select runs between"), ...ranges, el("hr")] : []), remove], "axes")];
  }
  /** Select without a pointer. ranges: [from, to] of each column, texts that may be empty. */
  selectBetween(ranges) {
    if (!this.data?.spec?.datasets) return;
    const { runs, rows, ends } = this.data.spec.datasets;
    const given = ranges.flatMap(([from, to], place) => (from === "" && to === "" ? [] : [[place, from === "" ? -Infinity : Number(from), to === "" ? Infinity : Number(to)]]));
    const known = this.chart.kind === "scatter" ? null : new Map(rows.map((row) => [`${row.i} ${row.c}`, row.t]));
    const valueOf = (run, at, place) => (known ? known.get(`${at} ${ends[place].c}`) : run[place === 0 ? "x" : "y"]);
    setBrushed(this, given.length ? runs.filter((run, at) => given.every(([place, low, high]) => { const value = valueOf(run, at, place); return typeof value === "number" && value >= low && value <= high; })) : []);
  }

  /** Asked for alone: its data are all runs, not the revisions. */
  async load() {
    const asked = questions({ kind: this.chart.kind, theme: isDark() ? "dark" : "light" });
    for (const column of this.chart.columns) asked.append("column", column);
    const answer = await getJSON(`${URLS.custom}?${asked}`);
    if (answer.waiting) setTimeout(() => this.ask(), AGAIN_MS);
    const rows = answer.spec.datasets.runs;
    return { kind: this.chart.kind, spec: answer.spec, images: [], revs: [], is_divided: false, x_choices: [],
      problems: rows.length ? [] : [{ where: this.plot.title, reason: "no run has both of them", hint: "Choose other columns in the menu of this card." }],
      notes: answer.waiting ? [`${answer.waiting} experiments still to be read`] : [] };
  }
  async show(data) {
    this.node.classList.toggle("double", data.kind === "parallel");
    await super.show(data);
  }
  async draw(node) {
    const drawn = await draw(node, this.data.spec, (datum) => this.tip(datum));
    drawn.view.addSignalListener("brush", (_, value) => this.brushed(drawn.view, value || {}));
    node.addEventListener("click", () => { if (this.under && !Object.keys(drawn.view.signal("brush") || {}).length) setBrushed(this, [this.under]); });
    return drawn;
  }
  tip(datum) {
    const { runs } = this.data.spec.datasets, { chart } = this;
    if (datum && datum.datum) datum = datum.datum;
    if (!datum) return null;
    const run = chart.kind === "scatter" ? datum : runs[datum.i];
    if (!run) return null;
    this.under = run;
    const head = el("div", { class: "head strong" }, run.n);
    if (chart.kind === "scatter") return [head, tipRow(null, labelOf(chart.columns[0]), datum.x), tipRow(null, labelOf(chart.columns[1]), datum.y)];
    const own = new Map(this.data.spec.datasets.rows.filter((row) => row.i === datum.i).map((row) => [row.c, row.t]));
    return [head, ...this.data.spec.datasets.ends.map(({ c }) => tipRow(null, c, text(own.get(c)), c === datum.c ? "is-near" : ""))];
  }
  brushed(view, value) {
    const { runs, rows } = this.data.spec.datasets;
    if (this.chart.kind === "scatter") {
      const inside = (row, name) => { const found = value[name]; return !found || (typeof row[name] === "number" && found.length === 2 && typeof found[0] === "number" ? row[name] >= Math.min(...found) && row[name] <= Math.max(...found) : found.includes(row[name])); };
      setBrushed(this, value.x && value.y ? runs.filter((row) => inside(row, "x") && inside(row, "y")) : []);
      return;
    }
    const names = new Set(value.c || []), [low, high] = value.v ? [Math.min(...value.v), Math.max(...value.v)] : [1, 0];
    const found = new Map(); // run -> how many of the brushed columns have it inside
    for (const row of rows) if (names.has(row.c) && row.v >= low && row.v <= high) found.set(row.i, (found.get(row.i) || 0) + 1);
    const picks = [...found].filter(([, count]) => count === names.size).map(([index]) => index);
    view.signal("picks", names.size ? Object.fromEntries(picks.map((index) => [index, true])) : null).runAsync();
    setBrushed(this, names.size ? picks.map((index) => runs[index]) : []);
  }
  clearBrush() {
    setBrushed(this, []);
    byId("brush-bar").hidden = true;
    brushed = { card: null, runs: [] };
    this.redraw();
  }
  pointed() {}
}
