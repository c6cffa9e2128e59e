// Menus in the head of a card: axes and smoothing, downloads.
import { el, icon } from "../launcher/frame.js";
import { savePNG, saveSVG } from "./charts.js";
import { optionsOf, questions, resetOptions, setOption, state, URLS } from "./plotstate.js";

/** A button with a menu; the card stands above its neighbours while it is open. */
export function cardMenu(card, testid, symbol, label, items, classes = "") {
  const details = el("details", { class: "card-menu", "data-menu": true }, el("summary", { class: "btn btn-quiet btn-icon", "data-testid": testid, title: label, "aria-label": `${card.plot.title}: ${label}` }, icon(symbol)), el("div", { class: `menu ${classes}` }, ...items));
  details.addEventListener("toggle", () => card.node.classList.toggle("open", details.open));
  return details;
}

function radio(name, value, word, isOn, testid, change) {
  return el("label", {}, el("input", { type: "radio", name, value, "data-testid": testid, checked: isOn, onchange: change }), el("span", { class: "trunc" }, word));
}

/** Y and X, smoothing, outliers, reset. redraw(): the card anew; ask(): its data anew; smooth(): the smoothed line only. */
export function axesMenu(card) {
  const { plot } = card, options = optionsOf(plot.id);
  const y = (value, word) => radio(`y-${plot.id}`, value, word, (options.log ? "log" : "linear") === value, `y-${value}`, () => { setOption(plot.id, "log", value === "log"); card.redraw(); });
  const items = [el("div", { class: "menu-h" }, "Y axis"), y("linear", "Linear"), y("log", "Logarithmic")];
  const isLine = card.data && (card.data.kind === "line" || card.data.kind === "facet");
  if (isLine) {
    const setX = (value) => { setOption(plot.id, "x", value); card.ask(); };
    const others = state.page.plots.filter((other) => other.kind !== "images" && other.id !== plot.id);
    const isPlot = (options.x || "").startsWith("plot:");
    const metric = el("select", { class: "pick", "data-testid": "x-metric", "aria-label": "X axis: another metric", onchange: (event) => setX(event.target.value) },
      el("option", { value: "" }, "another metric…"), ...others.map((other) => el("option", { value: `plot:${other.id}`, selected: options.x === `plot:${other.id}` }, other.title)));
    items.push(el("hr"), el("div", { class: "menu-h" }, "X axis"), ...card.data.x_choices.map((choice) => radio(`x-${plot.id}`, choice.id, choice.label, !isPlot && (options.x || "") === choice.id, "x-choice", () => { metric.value = ""; setX(choice.id); })));
    if (others.length) items.push(el("label", { class: "metric" }, metric));
    const amount = el("output", {}, (options.smoothing || 0).toFixed(2));
    const slider = el("input", { type: "range", min: 0, max: 0.99, step: 0.01, value: options.smoothing || 0, "aria-label": "Smoothing", "data-testid": "smoothing" });
    slider.addEventListener("input", () => { amount.textContent = Number(slider.value).toFixed(2); setOption(plot.id, "smoothing", Number(slider.value)); card.smooth(); });
    items.push(el("hr"), el("label", { class: "smooth" }, "Smoothing", slider, amount),
      el("label", {}, el("input", { type: "checkbox", "data-testid": "clip", checked: Boolean(options.clip), onchange: (event) => { setOption(plot.id, "clip", event.target.checked); card.redraw(); } }), "Clip outliers"));
  }
  items.push(el("hr"), el("button", { type: "button", class: "menu-i", "data-testid": "reset", onclick: () => { const { x } = optionsOf(plot.id); resetOptions(plot.id); card.makeHead(); card.place(); if (x) card.ask(); else card.redraw(); } }, icon("redo"), "Reset this plot"));
  return cardMenu(card, "axes", "settings", "Axes and smoothing", items, "axes");
}

const fileName = (card) => card.plot.id.replace(/[^\w.-]+/g, "_");

/** Save one card: "svg", "png", "csv" or "json". One that nobody has seen yet is drawn out of sight. */
export async function exportCard(card, kind) {
  if (kind === "csv" || kind === "json") {
    const link = el("a", { download: true, href: `${kind === "csv" ? URLS.csv : URLS.json}?${questions({ id: card.plot.id })}` });
    document.body.append(link);
    link.click();
    link.remove();
    await new Promise((next) => setTimeout(next, 150)); // a browser takes one after the other
    return;
  }
  const before = card.isSeen;
  if (!card.data) { card.isSeen = true; card.ask(); }
  for (let turn = 0; !card.drawn && turn < 100 && !(card.data && !card.data.spec); turn += 1) await new Promise((next) => setTimeout(next, 100));
  card.isSeen = before;
  if (card.drawn) await (kind === "svg" ? saveSVG : savePNG)(card.drawn.view, fileName(card));
}

export function downloadsMenu(card) {
  const name = fileName(card);
  const picture = (testid, word, make) => el("button", { type: "button", class: "menu-i", "data-testid": testid, onclick: () => { if (card.drawn) make(card.drawn.view, name); } }, icon("image"), word);
  const link = (testid, word, url) => el("a", { class: "menu-i", "data-testid": testid, download: true, href: `${url}?${questions({ id: card.plot.id })}` }, icon("dl"), word);
  const rows = card.plot.kind === "custom" ? [] : [link("save-csv", "CSV, all rows", URLS.csv), link("save-json", "JSON, all rows", URLS.json)];
  const menu = cardMenu(card, "downloads", "dots", "Download", [el("div", { class: "menu-h" }, "Download"), picture("save-svg", "SVG", saveSVG), picture("save-png", "PNG", savePNG), ...rows]);
  menu.addEventListener("toggle", () => { for (const node of menu.querySelectorAll("a")) node.href = `${node.pathname}?${questions({ id: card.plot.id })}`; });
  return menu;
}
