// What the modules of the page of plots share: the page's data, the reader's choices, questions to the server.
import { chosen, isDark, keep } from "../launcher/frame.js";

export const byId = (id) => document.getElementById(id);
export const URLS = byId("addresses").dataset;
export const KEY = document.body.dataset.repository;

export const store = { get: (name, otherwise) => chosen(`plots.${name}`, otherwise), set: (name, value) => keep(`plots.${name}`, value) };
const query = new URLSearchParams(location.search);
export const state = {
  page: JSON.parse(byId("page-data").textContent),
  generation: 0, // of revisions, theme and grouping; answers of an older one are dropped
  group: query.get("group") || "", // id of a param
  by: ["dash", "facet"].includes(query.get("by")) ? query.get("by") : "colour",
};

// settings: id of a plot -> {log, smoothing, x, clip, mode, w (columns), h (pixels)}
const settings = store.get("settings", {});
export const optionsOf = (id) => settings[id] || {};
export function setOption(id, name, value) {
  const changed = { ...optionsOf(id), [name]: value };
  if (!value) delete changed[name];
  if (Object.keys(changed).length) settings[id] = changed; else delete settings[id];
  store.set("settings", { ...settings });
}
export function resetOptions(id) { delete settings[id]; store.set("settings", { ...settings }); }

export const chipOf = (rev) => state.page.revisions.find((chip) => chip.name === rev);
export const seriesOf = (rev) => chipOf(rev)?.series || 1;
export const named = () => state.page.revisions.filter((chip) => chip.id);
/** `lr 0.01`: the params in which a revision differs from the others. */
export const paramsOf = (chip, most = 6) => (chip ? chip.params : []).filter(([, value]) => value !== null).slice(0, most).map(([name, value]) => `${name.slice(name.lastIndexOf(".") + 1)} ${typeof value === "number" ? Number(value.toPrecision(5)) : value}`);

export function questions(extra = {}) {
  const { revisions } = state.page;
  return new URLSearchParams({ revs: revisions.map((chip) => chip.name).join(","), series: revisions.map((chip) => chip.series || "").join(","), ...extra });
}
export function cardQuestions(extra = {}) {
  const asked = questions({ theme: isDark() ? "dark" : "light", ...extra });
  if (state.group) { asked.set("group", state.group); asked.set("by", state.by); }
  return asked;
}

// --- revisions that are pointed at, on every card and chip
const listeners = new Set();
/** change({rev, x, from}): rev "" and x null when nothing is. Returns what ends it. */
export function onPoint(change) { listeners.add(change); return () => listeners.delete(change); }
export function point(rev, x = null, from = null) { for (const change of listeners) change({ rev: rev || "", x, from }); }
