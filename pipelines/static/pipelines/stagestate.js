// How a stage's state looks: word, icon, colour; the same on nodes, in counts and in the panel.
import { el, icon } from "../launcher/frame.js";

const LOOKS = {
  "up to date": ["Up to date", "done", "ok"],
  changed: ["Changed", "change", "warn"],
  "upstream changed": ["Upstream changed", "clock", "warn", true],
  "never run": ["Never run", "play", "idle", true],
  frozen: ["Frozen", "lock", "idle"],
  running: ["Running", "run", "run"],
  waiting: ["Waiting", "clock", "idle", true],
  failed: ["Failed", "fail", "bad"],
  blocked: ["Blocked", "block", "idle", true],
  "not readable": ["Not readable", "warn", "bad"],
  "not checked": ["Not checked", "help", "idle", true],
};

export function look(state) {
  const [word, symbol, tone, isDashed] = LOOKS[state] ?? [state, "help", "idle"];
  return { word, symbol, tone, isDashed: Boolean(isDashed) };
}

/** Icon and word. */
export function stateLabel(state, { pill = false, text = "" } = {}) {
  const { word, symbol, tone } = look(state);
  return el("span", { class: `state is-${tone}${pill ? " state-pill" : ""}` }, icon(symbol, state === "running" ? "spin" : ""), text || word);
}

/** Executions of a stage in this workspace, newest first; those of experiments in checkouts of their own are none of its state. */
export const here = (node) => (node.executions ?? []).filter((item) => !item.elsewhere);
