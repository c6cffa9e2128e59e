// The page of trends: a large card with a range to choose, and small ones; charts come from the server one by one.
import { chosen, el, formatNumber, getJSON, icon, isDark, keep, onChange, problemCard, ready } from "../launcher/frame.js";
import { draw, follow, hideTip, loadSoon, swatch } from "./charts.js";

const byId = (id) => document.getElementById(id);
const URLS = byId("addresses").dataset;
const KEY = document.body.dataset.repository;
const EXPERIMENTS = document.querySelector('[data-testid="nav-experiments"]');
const SHORT_NAME = 40;

const store = { get: (name, otherwise) => chosen(`trends.${name}`, otherwise), set: (name, value) => keep(`trends.${name}`, value) };
const turned = store.get("better", {}); // id of a metric -> direction the reader says
let page = JSON.parse(byId("page-data").textContent);
let generation = 0;
let best = store.get("best", true);
let tries = store.get("experiments", true); // faint dots
let range = [0, 0]; // places shown
const cards = new Map();

const params = () => new URLSearchParams(location.search);
const lastOf = () => { const text = params().get("last"); return text === null ? (page.last_place + 1 > 100 ? "100" : "") : /^\d{1,7}$/.test(text) ? text : ""; };
const betterOf = (metric) => turned[metric.id] || metric.better;
const word = (better) => (better === "lower" ? "lower is better" : "higher is better");
function setParam(name, value) {
  const changed = params();
  if (value === null) changed.delete(name); else changed.set(name, value);
  history.replaceState(null, "", `${location.pathname}${changed.size ? `?${changed}` : ""}`);
}
function change(metric) {
  if (metric.change === null || metric.change === 0) return null;
  const isGood = (metric.change > 0) === (betterOf(metric) === "higher");
  return el("span", { class: `sm ${isGood ? "good" : "bad"}`, title: "Against the commit before it that has the metric" }, signed(metric.change));
}
const signed = (value) => `${value > 0 ? "+" : ""}${formatNumber(value)}`;

class Trend {
  constructor(metric, isLarge) {
    this.metric = metric;
    this.isLarge = isLarge;
    this.generation = -1;
    this.drawn = null;
    this.node = el("section", { class: `card trend${isLarge ? " is-large" : ""}`, "data-testid": isLarge ? "trend-large" : "trend", "data-metric": metric.id, "aria-label": metric.label });
    this.head = el("div", { class: "card-head" });
    this.box = el("div", { class: "chart-box" }, el("div", { class: "wait" }));
    this.body = el("div", { class: "card-body" }, this.box);
    this.node.append(this.head, this.body);
    if (isLarge) {
      this.strip = el("div", { class: "strip-box", "data-testid": "overview" });
      this.stripText = el("div", { class: "row sm t3" });
      this.body.append(el("div", { class: "overview" }, this.strip, this.stripText));
    }
    this.makeHead();
  }

  makeHead() {
    const { metric } = this;
    const turn = el("button", { type: "button", class: "turn", "data-testid": "turn", title: "Turn the direction around", onclick: () => this.turn() }, word(betterOf(metric)));
    const parts = [el("h3", { class: "trunc", title: metric.id }, metric.label), turn];
    if (this.isLarge) {
      parts.push(el("span", { class: "t3 sm trunc sub hide-md" }, metric.file), el("span", { class: "grow" }), this.legend());
    } else parts.push(el("span", { class: "grow" }));
    if (metric.last !== null) parts.push(el("span", { class: "now", title: `${page.branches[0].name}: ${metric.last}` }, formatNumber(metric.last)), change(metric));
    if (!this.isLarge) parts.push(el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-testid": "enlarge", title: "Show it large", "aria-label": `Show ${metric.label} large`, onclick: () => { setParam("metric", metric.id); layOut(); byId("box").scrollTop = 0; } }, icon("expand")));
    this.head.classList.toggle("is-tall", this.isLarge && page.branches.length > 2); // names of branches get a line of their own
    this.head.replaceChildren(...parts.filter(Boolean));
  }

  legend() {
    const lines = page.branches.slice(0, 4).map((branch) => el("span", {}, swatch(branch.series), el("span", { class: "trunc" }, branch.name.slice(0, SHORT_NAME))));
    if (page.branches.length > 4) lines.push(el("span", {}, `and ${page.branches.length - 4} more`));
    if (tries && page.experiments.length) lines.push(el("span", {}, el("span", { class: "try-dot" }), "experiment"));
    if (best) lines.push(el("span", {}, el("span", { class: "lsw lsw-dash best-line" }), `best so far on ${page.branches[0].name}`));
    return el("span", { class: "legend" }, ...lines);
  }

  turn() {
    turned[this.metric.id] = betterOf(this.metric) === "higher" ? "lower" : "higher";
    store.set("better", turned);
    this.makeHead();
    this.ask();
  }

  async ask() {
    const asked = generation;
    this.generation = asked;
    const query = params();
    const wanted = new URLSearchParams({ version: page.version, metric: this.metric.id, theme: isDark() ? "dark" : "light", better: betterOf(this.metric), size: this.isLarge ? "large" : "small" });
    for (const name of ["branch", "branches"]) if (query.has(name)) wanted.set(name, query.get(name));
    try {
      const answers = await Promise.all([getJSON(`${URLS.chart}?${wanted}`), this.isLarge ? getJSON(`${URLS.chart}?${wanted}&kind=overview&last=${lastOf()}`) : null]);
      if (asked !== generation) return;
      if (answers[0].version !== page.version) { await load(); return; }
      await this.show(answers[0].spec, answers[1] && answers[1].spec);
    } catch (error) { this.box.replaceChildren(problemCard({ where: this.metric.id, reason: error.message })); }
  }

  async show(spec, overview) {
    if (!best) spec.datasets = { ...spec.datasets, best: [], ends: [] };
    if (!tries) spec.datasets = { ...spec.datasets, tried: [] };
    for (const param of spec.params) if (param.name === "lo" || param.name === "hi") param.value = range[param.name === "lo" ? 0 : 1];
    const canvas = el("div", { class: "canvas" });
    const before = this.drawn;
    this.box.replaceChildren(canvas);
    this.drawn = await draw(canvas, spec, () => null);
    if (before) before.finalize();
    if (this.drawn.errors.length) this.box.append(problemCard({ where: this.metric.id, reason: this.drawn.errors[0] }));
    const rows = [...spec.datasets.points, ...spec.datasets.tried];
    follow(canvas, this.drawn.view, () => rows.filter((row) => row.x >= range[0] && row.x <= range[1]), (row, dot) => row && this.tip(row, dot), openRow);
    this.node.dataset.drawn = "1";
    if (overview) { this.alignOverview(); await this.showOverview(overview); }
  }

  /** Below the lines, not below the labels of their axis. */
  alignOverview() {
    const { view } = this.drawn, { style } = this.strip.parentNode;
    const left = view.origin()[0] + (view.padding().left || 0);
    style.marginLeft = `${left}px`;
    style.marginRight = `${Math.max(0, this.box.clientWidth - left - view.signal("width"))}px`;
  }

  async showOverview(spec) {
    const canvas = el("div", { class: "canvas" });
    this.strip.replaceChildren(canvas);
    if (this.overview) this.overview.finalize();
    this.overview = await draw(canvas, spec, () => null);
    this.overview.view.addSignalListener("brush", (_, value) => {
      const [low, high] = value && value.x ? value.x : [0, page.last_place];
      setRange([Math.max(0, Math.round(low)), Math.min(page.last_place, Math.round(high))], true);
    });
    this.showText();
  }

  showText() {
    if (!this.isLarge) return;
    const first = page.branches[0];
    const shown = Math.min(range[1], page.last_place) - range[0] + 1;
    const day = (place) => { const at = dateAt(place); return at ? dayOf(at) : ""; };
    const others = page.branches.slice(1).map((branch) => `${branch.commits} on ${branch.name.slice(0, SHORT_NAME)}`).slice(0, 3);
    if (page.branches.length > 4) others.push(`and ${page.branches.length - 4} more`);
    this.stripText.replaceChildren(el("span", {}, day(0)), el("span", { class: "trunc", "data-testid": "range" }, [`${Math.min(shown, first.commits)} of ${first.commits} commits on ${first.name}`, ...others].join(", ")), el("span", {}, day(page.last_place)));
  }

  tip(datum, dot) {
    const { commits } = page;
    const branch = page.branches[datum.b];
    const tried = datum.e === undefined ? null : page.experiments[datum.e];
    dot.className = `near-dot s-${(branch.series - 1) % 12 + 1}`;
    const at = new Date((tried ? tried.time : commits.time[datum.i]) * 1000);
    const isGood = (datum.d > 0) === (betterOf(this.metric) === "higher");
    return [
      el("div", { class: "row" }, swatch(branch.series), el("span", { class: `trunc${tried ? " strong" : ""}` }, tried ? tried.name : branch.name), el("span", { class: "hash" }, (tried ? tried.sha : commits.sha[datum.i]).slice(0, 7)), el("span", { class: "v" }, formatNumber(datum.y))),
      el("div", { class: "row" }, el("span", { class: "t3 trunc" }, `${tried ? tried.author : commits.author[datum.i]}, ${dayOf(at)} ${at.toTimeString().slice(0, 5)}`), datum.d === undefined ? null : el("span", { class: `v ${datum.d === 0 ? "t3" : isGood ? "good" : "bad"}` }, datum.d === 0 ? "±0" : signed(datum.d))),
      tried ? el("div", { class: "t2 subject" }, `on ${commits.sha[datum.i].slice(0, 7)} ${commits.subject[datum.i]}`) : el("div", { class: "subject" }, commits.subject[datum.i]),
      EXPERIMENTS ? el("div", { class: "t3" }, "Click to open the row") : null,
    ].filter(Boolean);
  }

  release() { for (const part of [this.drawn, this.overview]) if (part) part.finalize(); }
}

/** The row of the table, selected and scrolled to: an experiment by its name, a commit by its id. */
function openRow(row) {
  const path = EXPERIMENTS && EXPERIMENTS.href ? new URL(EXPERIMENTS.href).pathname : `/r/${KEY}/experiments`;
  const sha = row.e === undefined ? page.commits.sha[row.i] : page.experiments[row.e].sha;
  location.assign(`${path}?${new URLSearchParams({ select: row.e === undefined ? sha : page.experiments[row.e].name, rows: sha.slice(0, 12) })}`);
}
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]; // to load a language takes as long as a chart
const dayOf = (at) => `${at.getDate()} ${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
function dateAt(place) {
  const index = page.places.indexOf(place);
  return index < 0 ? null : new Date(page.commits.time[index] * 1000);
}

// --- range
function setRange(wanted, fromBrush = false) {
  if (wanted[1] - wanted[0] < 1) wanted = [Math.max(0, wanted[1] - 1), Math.max(1, wanted[1])];
  if (wanted[0] === range[0] && wanted[1] === range[1]) return;
  range = wanted;
  for (const card of cards.values()) {
    if (card.drawn) card.drawn.view.signal("lo", range[0]).signal("hi", range[1]).runAsync();
    card.showText();
  }
  if (fromBrush) markLast(null);
}
function chosenRange() {
  const last = lastOf();
  return [last ? Math.max(0, page.last_place + 1 - Number(last)) : 0, Math.max(1, page.last_place)];
}
function markLast(last) { for (const button of document.querySelectorAll("[data-last]")) button.setAttribute("aria-pressed", String(button.dataset.last === last)); }
for (const button of document.querySelectorAll("[data-last]")) button.addEventListener("click", async () => {
  setParam("last", button.dataset.last || "all");
  setRange(chosenRange());
  markLast(button.dataset.last);
  for (const card of cards.values()) if (card.isLarge) await card.ask(); // its overview marks the range
});

// --- branches
function showBranches() {
  const shown = page.branches.map((branch) => branch.name);
  byId("branch-count").textContent = shown.length === 1 ? shown[0].slice(0, SHORT_NAME) : `${shown.length} branches`;
  byId("branch-menu").hidden = !shown.length;
  const row = (name, series, count, isFirst) => el("label", { title: name }, el("input", { type: "checkbox", checked: shown.includes(name), disabled: isFirst, "data-testid": "branch", "data-name": name, onchange: (event) => {
    const wanted = event.target.checked ? [...shown, name] : shown.filter((other) => other !== name);
    setParam("branches", wanted.join(","));
    load();
  } }), series ? swatch(series) : null, el("span", { class: "trunc" }, name), el("span", { class: "end t3 sm" }, count));
  byId("branch-list").replaceChildren(...page.branches.map((branch, index) => row(branch.name, branch.series, `${branch.commits}`, index === 0)), ...page.hidden.map((name) => row(name, 0, "")));
}

// --- cards
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    const card = cards.get(entry.target.dataset.metric);
    if (card && card.node === entry.target) { card.isSeen = entry.isIntersecting; if (card.isSeen && card.generation !== generation) card.ask(); }
  }
}, { root: byId("box"), rootMargin: "200px" });

function layOut() {
  const words = byId("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = page.metrics.filter((metric) => words.every((part) => metric.id.toLowerCase().includes(part)));
  const large = shown.find((metric) => metric.id === params().get("metric")) || shown[0];
  const wanted = new Map(shown.map((metric) => [metric.id, metric]));
  for (const [id, card] of cards) if (!wanted.has(id) || card.isLarge !== (id === large.id)) { watcher.unobserve(card.node); card.release(); card.node.remove(); cards.delete(id); }
  const nodes = [];
  for (const metric of shown) {
    let card = cards.get(metric.id);
    if (!card) { card = new Trend(metric, metric === large); cards.set(metric.id, card); } else { card.metric = metric; card.makeHead(); }
    if (!card.isLarge) nodes.push(card.node);
  }
  byId("large").replaceChildren(...(large ? [cards.get(large.id).node] : []));
  nodes.forEach((node, index) => { if (byId("small").children[index] !== node) byId("small").insertBefore(node, byId("small").children[index] || null); });
  for (const card of cards.values()) watcher.observe(card.node);
  byId("empty").hidden = page.metrics.length > 0 || page.problems.length > 0;
  byId("none").hidden = !page.metrics.length || shown.length > 0;
  for (const id of ["find", "best", "experiments"]) (byId(id).closest(".field") || byId(id)).hidden = !page.metrics.length;
  document.querySelector('.seg[aria-label="Commits shown"]').hidden = !page.metrics.length;
  byId("experiments").disabled = !page.experiments.length;
  for (const card of cards.values()) if (card.isSeen && card.generation !== generation) card.ask();
}
byId("find").addEventListener("input", layOut);
/** A button that shows or hides a part of all charts. */
function toggle(id, get, set) {
  const button = byId(id);
  button.setAttribute("aria-pressed", String(get()));
  button.addEventListener("click", () => {
    set(!get());
    store.set(id, get());
    button.setAttribute("aria-pressed", String(get()));
    generation += 1;
    layOut();
  });
}
toggle("best", () => best, (value) => { best = value; });
toggle("experiments", () => tries, (value) => { tries = value; });

async function load() {
  try { page = await getJSON(`${URLS.page}?${params()}`); } catch (error) { byId("problems").replaceChildren(problemCard({ where: "Trends", reason: error.message })); return; }
  showAll();
}
function showAll() {
  generation += 1;
  hideTip();
  range = chosenRange();
  markLast(lastOf());
  showBranches();
  byId("problems").replaceChildren(...page.problems.map(problemCard));
  byId("progress").textContent = page.waiting ? `${page.waiting} still to be read` : "";
  layOut();
  if (page.waiting) setTimeout(load, 500);
}
document.addEventListener("dataver:theme", () => { generation += 1; layOut(); });
onChange(load);

showAll();
ready();
loadSoon();
