// Words, icons and colours of the states of tracked files.

import { el, icon } from "../launcher/frame.js";

export const WORDS = { modified: "Modified", added: "Added", deleted: "Deleted", renamed: "Renamed", unknown: "Unknown" };
const LOOKS = { modified: ["is-warn", "change"], added: ["is-warn", "plus"], deleted: ["is-bad", "x"], renamed: ["is-warn", "arrow-r"], unknown: ["", "help"] };
const LOCAL = "In the workspace it is not what the .dvc file or dvc.lock records: commit it, or check it out";
const COMMITTED = "The .dvc file or dvc.lock records it; Git's last commit does not yet";
export const MISSING = "The cache does not hold it: pull or fetch it";

function mark(look, symbol, text, title) { return el("span", { class: `state ${look}`, title }, icon(symbol), text); }

/** What the state cell of a row holds. */
export function stateMarks(row) {
  const marks = [];
  if (row.dir && !row.hollow) {
    for (const side of ["local", "committed"]) {
      const own = Object.entries(row.counts || {}).filter(([name]) => name.startsWith(`${side} `)).map(([name, count]) => [name.split(" ")[1], count]);
      if (!own.length) continue;
      const words = own.map(([state, count]) => `${count.toLocaleString("en")} ${state}`), sum = own.reduce((total, [, count]) => total + count, 0);
      const text = own.length === 1 ? words[0] : `${sum.toLocaleString("en")} changed`;
      const title = own.length === 1 ? "" : `${words.join(", ")}. `;
      marks.push(side === "local" ? mark(...(own.length === 1 ? LOOKS[own[0][0]] : LOOKS.modified), text, title + LOCAL) : mark("", "commit", `${text}, committed`, title + COMMITTED));
    }
    if (row.counts && row.counts.missing) marks.push(mark("is-bad", "disk", `${row.counts.missing.toLocaleString("en")} not in cache`, MISSING));
    else if (row.missing) marks.push(mark("is-bad", "disk", "List not in cache", "The cache does not hold the list of its files, so they cannot be compared: fetch it"));
  } else {
    if (row.local) marks.push(mark(...LOOKS[row.local], WORDS[row.local], row.local === "renamed" ? `It was ${row.was}` : LOCAL));
    if (row.missing) marks.push(mark("is-bad", "disk", "Not in cache", MISSING));
    if (row.committed) marks.push(mark("", "commit", `${WORDS[row.committed]}, committed`, row.committed === "renamed" && row.was ? `It was ${row.was}` : COMMITTED));
  }
  return marks.length ? marks : [el("span", { class: "t3 sm" }, document.body.dataset.checked === "1" ? "Unchanged" : "Checking")];
}

/** `3 modified`, `2 not in cache`: chips of the whole project. Gives [{state, text, look, symbol}]. */
export function summary(counts, absent) {
  const found = [];
  const total = {};
  for (const [name, count] of Object.entries(counts)) {
    if (name === "missing") continue;
    const [side, state] = name.split(" ");
    total[`${side} ${state}`] = count;
  }
  for (const side of ["local", "committed"]) for (const state of Object.keys(WORDS)) {
    const count = total[`${side} ${state}`];
    if (count) found.push({ state: `${side} ${state}`, text: `${count.toLocaleString("en")} ${state}${side === "committed" ? ", committed" : ""}`, look: side === "local" ? LOOKS[state][0] : "", symbol: side === "local" ? LOOKS[state][1] : "commit" });
  }
  if (counts.missing) found.push({ state: "missing", text: `${counts.missing.toLocaleString("en")} not in cache`, look: "is-bad", symbol: "disk" });
  if (absent) found.push({ state: "absent", text: `${absent.toLocaleString("en")} not in the remote`, look: "is-warn", symbol: "cloud" });
  return found;
}
