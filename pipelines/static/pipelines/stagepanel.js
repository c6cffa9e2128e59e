// The panel beside the graph: one stage, one .dvc file, or one group. What the repository says is set as text only.
import { el, formatNumber, formatSize, getJSON, icon } from "../launcher/frame.js";
import { say } from "./keyed.js";
import { logNodes } from "./logtext.js";
import { here, stateLabel } from "./stagestate.js";
import { duration as formatDuration } from "./times.js";

const TAIL_BYTES = 1500, TAIL_MS = 1000;
const ENTRY_STATES = { "": ["Same", "done", "ok"], modified: ["Changed", "change", "warn"], deleted: ["Missing", "fail", "bad"], new: ["New", "plus", "warn"], "not in cache": ["Not in cache", "warn", "warn"], url: ["Not asked", "cloud", "idle"], written: ["Being written", "clock", "idle"], unchecked: ["Not checked", "clock", "idle"] };

export function copyButton(text) {
  return el("button", { type: "button", class: "btn btn-quiet btn-icon copy", "data-copy": text, title: "Copy", "aria-label": `Copy ${text}`, "data-testid": "copy-line" }, icon("copy"));
}
const commandLine = (text, wrap = false) => el("div", { class: `cmd${wrap ? " wrap" : ""}` }, el("code", { title: text }, text), copyButton(text));
const section = (title, count, ...children) => el("section", {}, el("h3", {}, title, count === null ? null : el("span", { class: "t3 n" }, ` ${count}`)), ...children);

/** The panel: sections are drawn anew only when what they say has changed, so scroll, focus and open menus stay. */
export class StagePanel {
  /** root: its element. at: {runs: address of the list, choose(id), expand(group, member), collapse(group), close(), buttons(node), busy()}. */
  constructor(root, at) {
    Object.assign(this, { root, at, id: "", drawn: new Map() });
    this.name = el("h2", { class: "trunc", "data-testid": "panel-name" });
    this.state = el("div", { class: "row" });
    this.buttons = el("div", { class: "row panel-buttons" });
    this.body = el("div", { class: "db", tabindex: "0", "aria-label": "About the stage", role: "region" });
    root.replaceChildren(el("div", { class: "dh" },
      el("div", { class: "row" }, this.name, el("span", { class: "grow" }), el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close", title: "Close  Esc", "data-testid": "panel-close", onclick: at.close }, icon("x"))),
      this.state, this.buttons), this.body);
  }

  /** node: of the JSON twin, or a group with members; null for none. */
  show(node) {
    this.root.hidden = !node;
    if (!node) { this.id = ""; return; }
    const { root, at } = this;
    if (this.id !== node.id) {
      this.id = root.dataset.id = node.id;
      this.drawn.clear();
      this.body.replaceChildren();
      this.body.scrollTop = 0;
    }
    root.setAttribute("aria-label", node.name);
    say(this.name, node.name);
    this.name.title = node.id;
    this.part("state", this.state, [node.state, node.note, node.progress], () => [stateLabel(node.state, { pill: true, text: node.progress ? runningText(node.progress) : "" }), node.note ? el("span", { class: "t2 sm", title: node.note }, node.note) : null]);
    this.part("buttons", this.buttons, [node.id, node.kind, node.state === "running", node.state === "failed", node.kind === "data" && node.state, node.frozen, node.file, node.members?.length, at.busy()], () => at.buttons(node));
    this.sections(node.members ? group(node, at) : stage(node, at));
  }

  /** Children of a place, drawn when `sign` differs from last time; the focus stays on what has the same name. */
  part(key, place, sign, draw) {
    const text = JSON.stringify(sign);
    if (this.drawn.get(key) === text) return;
    this.drawn.set(key, text);
    const focus = place.contains(document.activeElement) ? document.activeElement.dataset.testid : "";
    place.replaceChildren(...draw().filter(Boolean));
    if (focus) place.querySelector(`[data-testid="${focus}"]`)?.focus({ preventScroll: true });
  }

  /** parts: [key, sign, draw] from top to bottom; draw gives nodes. */
  sections(parts) {
    const places = new Map([...this.body.children].map((place) => [place.dataset.part, place]));
    let before = null;
    for (const [key, sign, draw] of parts) {
      const place = places.get(key) ?? el("div", { class: "part", "data-part": key });
      places.delete(key);
      if (before ? before.nextElementSibling !== place : this.body.firstElementChild !== place) { if (before) before.after(place); else this.body.prepend(place); }
      this.part(`section ${key}`, place, sign, draw);
      before = place;
    }
    for (const [key, place] of places) { place.remove(); this.drawn.delete(`section ${key}`); }
  }
}

export const stepsText = ({ done, total }) => (total ? `${done}/${total}` : String(done));
const runningText = ({ done, total, unit }) => `Running, ${total ? `${done} of ${total}` : done} ${unit}${(total ?? done) === 1 ? "" : "s"}`;

function group(node, at) {
  return [["expand", [node.members.length], () => [el("button", { type: "button", class: "btn", "data-testid": "expand", onclick: () => at.expand(node.id) }, icon("expand"), `Show ${node.members.length} stages`)]],
    ["members", node.members.map((member) => [member.id, member.state]), () => [section("Stages", node.members.length, el("ul", { class: "gl" }, ...node.members.map((member) => el("li", {}, el("button", { type: "button", "data-testid": "member", onclick: () => at.expand(node.id, member.id) },
      el("span", { class: "trunc grow medium" }, member.name), stateLabel(member.state))))))]]];
}

function stage(node, at) {
  const parts = [];
  const add = (key, isThere, sign, draw) => { if (isThere) parts.push([key, sign, () => [draw()]]); };
  add("desc", node.desc, node.desc, () => el("p", { class: "t2" }, node.desc));
  const flags = [node.frozen ? "frozen: repro leaves it alone until it is unfrozen" : "", node.always_changed ? "always_changed: it runs every time" : ""].filter(Boolean);
  add("flags", flags.length, flags, () => el("div", { class: "note" }, icon("lock"), el("div", {}, ...flags.map((flag) => el("div", {}, flag)))));
  const why = node.kind === "data" ? "What changed" : node.state === "running" ? "Why it runs" : "Why it would run";
  add("why", node.reasons.length, [why, node.reasons], () => section(why, null, el("ul", { class: "why", "data-testid": "reasons" }, ...node.reasons.map((reason) => el("li", {}, icon("change"), el("span", {}, reason))))));
  const after = node.reasons.length ? "And it comes after" : node.state === "waiting" ? "It waits for" : "It comes after what would run";
  add("behind", node.behind.length, [after, node.behind], () => section(after, null, links(node.behind, at)));
  const logged = here(node).find((item) => item.has_log) ?? node.executions.find((item) => item.has_log);
  const isLogFirst = logged && (node.state === "running" || node.state === "failed");
  const drawLog = () => log(node, logged, at);
  add("log", isLogFirst, [logged?.run_id], drawLog);
  add("command", node.command.length, node.command, () => section("Command", null, ...node.command.map((line) => commandLine(line, true))));
  add("deps", node.deps.length, node.deps, () => section("Dependencies", node.deps.length, entries(node.deps)));
  add("outs", node.outs.length, node.outs, () => section("Outputs", node.outs.length, entries(node.outs)));
  add("params", node.params.length, node.params, () => section("Params", node.params.length, params(node.params)));
  const timed = node.executions.filter((item) => item.seconds !== null).reverse();
  add("durations", timed.length, [timed, node.median_s], () => durations(node, timed, at));
  add("oldlog", logged && !isLogFirst, [logged?.run_id], drawLog);
  add("lines", node.commands.length, node.commands, () => section("On the command line", null, ...node.commands.map((line) => commandLine(line))));
  add("file", true, node.file, () => el("p", { class: "t3 sm" }, "Defined in ", el("span", { class: "mono" }, node.file)));
  add("collapse", node.group, node.group, () => el("button", { type: "button", class: "btn", "data-testid": "collapse", onclick: () => at.collapse(node.group) }, icon("minus"), "Collapse its group"));
  return parts;
}

function links(ids, at) {
  return el("div", { class: "gl" }, ...ids.map((id) => el("button", { type: "button", "data-testid": "behind", onclick: () => at.choose(id) }, icon("arrow-r"), el("span", { class: "trunc" }, id))));
}

function entries(list) {
  return el("table", { class: "tbl tt", "data-density": "compact" }, el("tbody", {}, ...list.map((entry) => {
    const [word, symbol, tone] = ENTRY_STATES[entry.state] ?? [entry.state, "change", "warn"];
    const change = entry.old && entry.new ? `${entry.old} → ${entry.new}` : entry.old ?? "";
    return el("tr", {}, el("td", { class: "mono", title: entry.path }, entry.path), el("td", { class: "num t2" }, entry.size === null ? "" : formatSize(entry.size)), el("td", { title: change }, el("span", { class: `state is-${tone}` }, icon(symbol), word)));
  })));
}

const shown = (value) => typeof value === "number" ? formatNumber(value) : typeof value === "string" ? value : value === null ? "–" : JSON.stringify(value);
function params(list) {
  const several = new Set(list.map((param) => param.file)).size > 1;
  return el("table", { class: "tbl tt", "data-density": "compact" }, el("tbody", {}, ...list.map((param) => {
    const [before, after] = [shown(param.old), shown(param.new)];
    return el("tr", param.state ? { "data-testid": "changed-param" } : {}, el("td", { class: "mono", title: `${param.file}: ${param.key}` }, several ? `${param.file}: ${param.key}` : param.key),
      el("td", { class: "num t3 val", title: before }, param.state ? el("del", {}, before) : ""), el("td", { class: "num val", title: after }, param.state ? el("ins", {}, after) : el("span", { class: "t2" }, after)));
  })));
}

function durations(node, timed, at) {
  const longest = Math.max(...timed.map((item) => item.seconds), 0.001);
  const bars = timed.map((item, index) => {
    const bad = item.state === "failed" || item.state === "interrupted";
    const words = `${formatDuration(item.seconds)}, ${bad ? item.state : item.state === "succeeded" ? "done" : item.state}`;
    const bar = el("a", { href: runAddress(at, item, node), title: words, "aria-label": `Run ${item.run_id}: ${words}`, class: bad ? "is-bad" : index === timed.length - 1 ? "now" : "" });
    bar.style.height = `${Math.max(item.seconds / longest * 100, 5)}%`;
    return bar;
  });
  const title = el("div", { class: "row" }, el("h3", { class: "grow" }, "Last durations"), el("span", { class: "sm t3" }, node.median_s === null ? "" : `median ${formatDuration(node.median_s)}`));
  return el("section", { "data-testid": "durations" }, title, el("div", { class: "dur" }, ...bars));
}

const runAddress = (at, execution, node) => `${at.runs}/${encodeURIComponent(execution.run_id)}${execution.has_log ? `#log=${encodeURIComponent(node.id)}` : ""}`;

function log(node, execution, at) {
  const box = el("div", { class: "log", tabindex: "0", "aria-label": "End of the log", "data-testid": "tail" }, "…");
  const query = new URLSearchParams({ stage: node.id, limit: TAIL_BYTES });
  const fill = async () => {
    try {
      const answer = await getJSON(`${at.runs}/${encodeURIComponent(execution.run_id)}/log.json?${query}`);
      const isAtEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
      box.replaceChildren(...(answer.text ? logNodes(answer.text, {}) : ["It wrote nothing."]));
      if (isAtEnd) box.scrollTop = box.scrollHeight;
      if (!answer.over) setTimeout(() => { if (box.isConnected) fill(); }, TAIL_MS);
    } catch (error) { box.replaceChildren(error.message); }
  };
  fill();
  const title = el("div", { class: "row" }, el("h3", { class: "grow" }, "Log"), el("a", { class: "sm", href: runAddress(at, execution, node), "data-testid": "full-log" }, "Open full log"));
  return el("section", {}, title, box);
}
