// Drawing of Vega-Lite specs under the pages' strict policy: no eval, nothing loaded, text only as text.
import { loadVega } from "../launcher/charts.js";
import { el, formatNumber } from "../launcher/frame.js";

const refuse = () => Promise.reject(new Error("charts load nothing"));
const LOADER = { load: refuse, sanitize: refuse, http: refuse, file: refuse, options: {} };

/** Collects what Vega has to say; the console stays quiet, a card shows the errors. */
function makeLogger() {
  const errors = [];
  const logger = { errors, level() { return logger; }, error(...parts) { errors.push(parts.map((part) => (part && part.message) || String(part)).join(" ")); return logger; }, warn() { return logger; }, info() { return logger; }, debug() { return logger; } };
  return logger;
}

/** Begin to load what draws, once the page shows its first data: charts are asked for meanwhile. */
export function loadSoon() { setTimeout(() => loadVega().catch(() => {})); } // a card that cannot be drawn tells why

/** The box of a chart. One in parts may be wider than its card: it scrolls, by keyboard, too. */
export function chartBox(isDivided, label) {
  return el("div", isDivided ? { class: "chart-box is-divided", tabindex: "0", role: "group", "aria-label": label } : { class: "chart-box" }, el("div", { class: "canvas" }));
}

/** Draw a spec in a node. tip(datum, value): nodes to show under the pointer, or null. Resolves to {view, errors}. */
export async function draw(node, spec, tip) {
  const logger = makeLogger();
  const handler = (_, event, item, value) => showTip(event, value === null || value === undefined || value === "" ? null : tip(item && item.datum, value), node);
  const made = await (await loadVega())(node, spec, { mode: "vega-lite", ast: true, actions: false, defaultStyle: false, renderer: "canvas", loader: LOADER, tooltip: handler, logger, hover: false });
  node.addEventListener("wheel", (event) => { // with Shift, most browsers turn a wheel sideways; charts zoom by deltaY
    if (!event.isTrusted || !event.shiftKey || event.deltaY || !event.deltaX) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    event.target.dispatchEvent(new WheelEvent("wheel", { bubbles: true, cancelable: true, shiftKey: true, deltaY: event.deltaX, deltaMode: event.deltaMode, clientX: event.clientX, clientY: event.clientY }));
  }, { capture: true, passive: false });
  return { view: made.view, errors: logger.errors, finalize: () => made.finalize() };
}

/**
 * Follow the pointer over a chart with scales x and y. rows: objects with x and y. near(row): nodes to show, or null
 * when the pointer leaves; click(row). Cheaper than a layer of Vega: only the pointed row is drawn, over the canvas.
 * Gives {mark(x)}: a line at the x that is pointed at elsewhere, none for null.
 */
export function follow(node, view, rows, near, click) {
  const dot = el("div", { class: "near-dot", hidden: true });
  const rule = el("div", { class: "near-rule", hidden: true });
  node.append(rule, dot);
  let found = null, waiting = null;
  const number = (value) => (typeof value === "string" && view.scale("x").type !== "point" ? Date.parse(value) : value);
  const leave = () => { found = null; dot.hidden = true; rule.hidden = true; node.classList.remove("is-near"); hideTip(); near(null); };
  const look = (event) => {
    waiting = null;
    const canvas = node.querySelector("canvas");
    if (!canvas) return;
    const box = canvas.getBoundingClientRect();
    const padding = view.padding();
    const left = view.origin()[0] + (padding.left || 0), top = view.origin()[1] + (padding.top || 0);
    const width = view.signal("width"), height = view.signal("height");
    const px = event.clientX - box.left - left, py = event.clientY - box.top - top;
    if (px < -12 || py < -12 || px > width + 12 || py > height + 12) { leave(); return; }
    const scaleX = view.scale("x"), scaleY = view.scale("y");
    let best = Infinity;
    found = null;
    for (const row of rows()) {
      if (row.y === null || row.y === undefined) continue;
      const x = scaleX(number(row.x)), dx = x - px;
      if (x < -1 || x > width + 1 || dx * dx >= best) continue;
      const y = scaleY(row.y), distance = dx * dx + (y - py) * (y - py) * 0.25;
      if (distance < best) { best = distance; found = row; }
    }
    if (!found) { leave(); return; }
    const x = scaleX(number(found.x)) + left + box.left - node.getBoundingClientRect().left, y = scaleY(found.y) + top + box.top - node.getBoundingClientRect().top;
    dot.style.left = `${x}px`;
    dot.style.top = `${y}px`;
    rule.style.left = `${x}px`;
    rule.style.top = `${top}px`;
    rule.style.height = `${height}px`;
    dot.hidden = false;
    rule.hidden = false;
    node.classList.add("is-near");
    showTip(event, near(found, dot), node);
  };
  node.addEventListener("pointermove", (event) => { if (waiting) cancelAnimationFrame(waiting); waiting = requestAnimationFrame(() => look(event)); });
  node.addEventListener("pointerleave", () => { if (waiting) cancelAnimationFrame(waiting); leave(); });
  node.addEventListener("click", () => { if (found) click(found); });
  return { mark(x) {
    const canvas = node.querySelector("canvas"), scale = x === null || !canvas ? null : view.scale("x");
    const at = scale ? scale(number(x)) : NaN;
    if (!(at >= 0 && at <= view.signal("width"))) { rule.hidden = true; return; }
    const padding = view.padding();
    rule.style.left = `${at + view.origin()[0] + (padding.left || 0) + canvas.getBoundingClientRect().left - node.getBoundingClientRect().left}px`;
    rule.style.top = `${view.origin()[1] + (padding.top || 0)}px`;
    rule.style.height = `${view.signal("height")}px`;
    rule.hidden = false;
  } };
}

// --- values under the pointer
const box = el("div", { class: "tip", role: "tooltip", "data-testid": "tip", hidden: true });
let pinned = false;
function showTip(event, nodes, node) {
  if (pinned) return;
  if (!nodes) { hideTip(); return; }
  const home = (node && node.closest("dialog[open]")) || document.body;
  if (box.parentNode !== home) home.append(box);
  box.replaceChildren(...nodes);
  box.hidden = false;
  const { width, height } = box.getBoundingClientRect();
  const x = event.clientX + 16 + width > innerWidth - 8 ? event.clientX - 16 - width : event.clientX + 16;
  box.style.left = `${Math.max(8, x)}px`;
  box.style.top = `${Math.max(8, Math.min(event.clientY + 12, innerHeight - height - 8))}px`;
}
export function hideTip() { if (!pinned) box.hidden = true; }
/** A click keeps the values shown; the next one lets them go. */
export function pinTip() { pinned = !pinned && !box.hidden; if (!pinned) box.hidden = true; }
document.addEventListener("scroll", () => { pinned = false; hideTip(); }, true);
document.addEventListener("keydown", (event) => { if (event.key === "Escape") { pinned = false; hideTip(); } });

/** Rows of names and values of any datum. */
export function plainTip(value) {
  if (typeof value !== "object") return [el("div", {}, text(value))];
  return Object.entries(value).filter(([name]) => !name.startsWith("_")).slice(0, 12).map(([name, inner]) => tipRow(null, name, inner));
}
/** Values of all lines at the row's x, largest first. seriesOf(rev): number of its colour. paramsOf(rev): texts about the row's revision. */
export function lineTip(rows, xLabel, here, dot, seriesOf, paramsOf = () => []) {
  dot.className = `near-dot s-${(seriesOf(here.rev) - 1) % 12 + 1}`;
  const same = rows.filter((row) => row.x === here.x && row.y !== null).sort((one, other) => other.y - one.y).slice(0, 24);
  const params = paramsOf(here.rev);
  return [el("div", { class: "head" }, `${xLabel} ${text(here.x)}`), ...same.map((row) => tipRow(swatch(seriesOf(row.rev)), row.line ? `${row.rev} ${row.line}` : row.rev, row.y, row.rev === here.rev && row.line === here.line ? "is-near" : "")),
    params.length ? el("div", { class: "t3 foot" }, `${here.rev}: ${params.join(", ")}`) : null].filter(Boolean);
}
export function tipRow(swatch, name, value, classes = "") {
  return el("div", { class: `row ${classes}` }, swatch, el("span", { class: "trunc" }, name), el("span", { class: "v" }, text(value)));
}
export function text(value) { return typeof value === "number" ? formatNumber(value) : value === null || value === undefined ? "–" : typeof value === "object" ? JSON.stringify(value).slice(0, 80) : String(value).slice(0, 200); }

/** The mark of a series: colour 1 to 12, then dashed, then dotted. */
export function swatch(series) { return el("span", { class: `lsw s-${(series - 1) % 12 + 1}${series > 24 ? " lsw-dot" : series > 12 ? " lsw-dash" : ""}`, "aria-hidden": "true" }); }
export function square(series) { return el("span", { class: `sw s-${(series - 1) % 12 + 1}`, "aria-hidden": "true" }); }

// --- downloads
function save(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = el("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}
export async function saveSVG(view, name) { save(new Blob([await withBackground(view, () => view.toSVG())], { type: "image/svg+xml" }), `${name}.svg`); }
export async function savePNG(view, name) {
  const canvas = await withBackground(view, () => view.toCanvas(2));
  await new Promise((done) => canvas.toBlob((blob) => { save(blob, `${name}.png`); done(); }, "image/png"));
}
async function withBackground(view, make) {
  const before = view.background();
  view.background(getComputedStyle(document.documentElement).getPropertyValue("--bg").trim());
  try { return await make(); } finally { view.background(before); }
}
