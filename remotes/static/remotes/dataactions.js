// What the data page does: commands with their progress, which can be cancelled and gone on with.

import { copy, el, icon, postJSON } from "../launcher/frame.js";
import { act, cancel, commandOf, decide, note, pathWord, pause, progressText } from "../launcher/actions.js";

const SHOWN = /^dataver (add|commit|checkout|pull|push|fetch|gc|remove|unprotect|move)\b/;
const GOES_ON = new Set(["pull", "push", "fetch", "checkout", "add"]); // started again, they go on where they stopped
const NAMED = 20; // paths of a preview
let box = null;
let shown = null;

/** Run a command line; what it does is shown in the bar. Options as of act. */
export async function run(argv, options = {}) {
  const item = await act(argv, { ...options, onProgress: show });
  if (item) show(item);
  return item;
}

/** Show in `place` how far the newest action of this project is, whoever began it. */
export function followActions(place) {
  box = place;
  document.addEventListener("dataver:live", (event) => { if (event.detail.action && event.detail.action.state === "running") show(event.detail.action); else if (event.detail.action && shown && shown.id === event.detail.action.id) show(event.detail.action); });
}

function show(item) {
  if (!box || !SHOWN.test(item.command) || (shown && shown.id > item.id)) return;
  if (shown && shown.id === item.id && shown.state !== "running") return;
  shown = item;
  const { argv } = item;
  if (item.state === "running") {
    if (box.dataset.id !== item.id || box.dataset.state !== "running") {
      box.replaceChildren(icon("run", "spin"), el("code", { class: "trunc" }, item.command), el("progress", { class: "dbar", "aria-label": "How far it is" }), el("span", { class: "t2 sm nowrap", "data-testid": "data-progress-text" }), el("span", { class: "grow" }),
        GOES_ON.has(argv?.[0]) ? el("button", { type: "button", class: "btn", "data-testid": "data-pause", title: "It stops, keeps what arrived, and goes on from there", onclick: () => pause(shown).catch((error) => note(error.message, { isBad: true })) }, icon("pause"), "Pause") : "",
        el("button", { type: "button", class: "btn", "data-testid": "data-cancel", title: "As Ctrl-C in a terminal; what is done stays done", onclick: () => cancel(shown) }, icon("stop"), "Cancel"));
    }
    const bar = box.querySelector("progress"), progress = item.progress;
    if (progress && progress.total) { bar.max = progress.total; bar.value = Math.min(progress.done, progress.total); } else bar.removeAttribute("value");
    box.querySelector('[data-testid="data-progress-text"]').textContent = progressText(progress) || item.message || "Working";
    box.hidden = false;
  } else if (["cancelled", "failed", "paused"].includes(item.state)) {
    const isPaused = item.state === "paused";
    box.replaceChildren(icon(item.state === "failed" ? "warn" : isPaused ? "pause" : "stop"), el("code", { class: "trunc" }, item.command), el("span", { class: "t2 sm trunc" }, item.state === "failed" ? item.message : isPaused ? "Paused. What arrived stays." : GOES_ON.has(item.command.split(" ")[1]) ? "Cancelled. What arrived stays; started again, it goes on from there." : "Cancelled."), el("span", { class: "grow" }),
      argv?.length ? el("button", { type: "button", class: "btn", "data-testid": "data-again", title: item.command, onclick: () => { hide(); run(argv); } }, icon(isPaused ? "play" : "redo"), isPaused ? "Resume" : "Start again") : null,
      el("button", { type: "button", class: "btn btn-quiet btn-icon", "aria-label": "Close", "data-testid": "data-progress-close", onclick: hide }, icon("x")));
    box.hidden = false;
  } else hide();
  box.dataset.id = item.id;
  box.dataset.state = item.state;
}
function hide() { box.hidden = true; box.replaceChildren(); }

/** Files below a path with one of the states, for a preview: nodes. */
async function namesOf(ask, path, states) {
  const found = await ask("rows", { path, state: states, limit: NAMED }).catch(() => ({ rows: [], total: 0 }));
  return [el("ul", { class: "dnames" }, ...found.rows.map((row) => el("li", { class: "row" }, el("span", { class: "mono trunc grow" }, row.path), el("span", { class: "t2 sm" }, [row.local, row.missing ? "not in cache" : ""].filter(Boolean).join(", "))))),
    found.total > NAMED ? el("p", { class: "t2 sm" }, `and ${(found.total - NAMED).toLocaleString("en")} more`) : null].filter(Boolean);
}
const LOCAL = ["local modified", "local added", "local deleted", "local renamed"];

/** Record what lies in the workspace, after a look at it. */
export async function commit(ask, path, target, count) {
  const argv = ["commit", "-f", pathWord(target)];
  if (await decide({ title: `Commit ${count.toLocaleString("en")} changed ${count === 1 ? "file" : "files"} of ${target}?`, testid: "commit", confirm: "Commit", argv,
    content: [el("p", {}, "The cache takes the new content, and the file that tracks it names it from then on. The old version stays in the cache."), ...(await namesOf(ask, target, LOCAL))] })) run(argv);
}

/** Bring back what is recorded; what would be overwritten is named first. */
export async function checkout(ask, path, counts) {
  const unsaved = LOCAL.slice(0, 2).concat("local renamed").reduce((sum, name) => sum + (counts[name] || 0), 0);
  const target = path ? [pathWord(path)] : [];
  if (!unsaved) { run(["checkout", ...target]); return; }
  const argv = ["checkout", "-f", ...target];
  if (await decide({ title: `Throw away ${unsaved.toLocaleString("en")} changed ${unsaved === 1 ? "file" : "files"}?`, testid: "checkout-force", isDanger: true, confirm: `Overwrite ${unsaved.toLocaleString("en")} ${unsaved === 1 ? "file" : "files"}`, argv,
    content: [el("p", {}, "These differ from what is recorded. Content that was never committed is nowhere else and will be gone."), ...(await namesOf(ask, path, ["local modified", "local added", "local renamed"]))] })) run(argv);
}

/** Stop tracking, with a way back where there is one. */
export async function remove(path, facts, size) {
  const target = facts.stage || facts.file, outs = el("input", { type: "checkbox", "data-testid": "remove-outs" });
  const argv = () => ["remove", pathWord(target), ...(outs.checked ? ["--outs"] : [])];
  const isSure = await decide({ title: facts.stage ? `Remove the stage ${facts.stage}?` : `Stop tracking ${path}?`, testid: "remove", isDanger: true, confirm: facts.stage ? "Remove the stage" : "Stop tracking", argv,
    content: [el("p", {}, facts.stage ? `The stage that writes it goes from ${facts.file}.` : `${facts.file} goes. The cache keeps the content until a clean-up.`), el("label", { class: "row" }, outs, `Delete ${path} in the workspace, too (${size})`)] });
  if (!isSure) return;
  const isKept = !outs.checked && !facts.stage;
  run(argv(), { done: `${target} was removed`, undo: isKept ? { label: "Track it again", argv: ["add", pathWord(path)] } : null });
}

const TIMES = [[3600, "an hour"], [86400, "a day"], [604800, "a week"]];
const LINES = 50; // of links that are shown
/** Links to a file, or to those of a folder, in the remote: asked for, then shown to be copied. */
export async function makeLink(base, path) {
  const time = el("select", { class: "select", "aria-label": "How long it works", "data-testid": "link-time" }, ...TIMES.map(([seconds, words]) => el("option", { value: seconds }, words)));
  const argv = () => ["remote", "link", pathWord(path), ...(time.value === "3600" ? [] : ["--expires", time.value])];
  if (!(await decide({ title: `A link to ${path}`, testid: "link", confirm: "Make the link", argv,
    content: [el("p", {}, "Whoever has it can read this data from the remote, without an account there, until it expires. A remote on the web or in a folder has links that do not expire."), el("label", { class: "row" }, "It works for", time)] }))) return;
  let found;
  try { found = await postJSON(`${base}/link`, { path, expires: Number(time.value) }); } catch (error) { note(error.message, { isBad: true, command: commandOf(argv()) }); return; }
  const { links, total } = found, all = links.map((link) => (total === 1 ? link.url : `${link.path}\t${link.url}`)).join("\n");
  await decide({ title: total === 1 ? `The link to ${path}` : `${total.toLocaleString("en")} links`, testid: "links", confirm: "Copy and close", isWide: true,
    content: [el("pre", { class: "log dlinks", tabindex: "0", "data-testid": "links-text" }, all.split("\n").slice(0, LINES).join("\n")), total > LINES ? el("p", { class: "t2 sm" }, total > links.length ? `The first ${links.length.toLocaleString("en")} are copied; the command line prints all.` : "All are copied.") : null, links[0].expires_s ? el("p", { class: "t2 sm" }, "It is kept nowhere: copy it now.") : null].filter(Boolean),
    check: () => { copy(all); } });
}

/** The newest batch of the trash, or null. */
export async function newestTrash(ask) { return (await ask("trash")).batches[0] || null; }

/** Ask where data should go, and make that the default remote. */
export async function addRemote() {
  const name = el("input", { value: "storage", "aria-label": "Name", "data-testid": "remote-name", autocomplete: "off", spellcheck: "false" });
  const url = el("input", { placeholder: "/mnt/storage/project", "aria-label": "Folder", "data-testid": "remote-url", autocomplete: "off", spellcheck: "false" });
  const argv = () => ["remote", "add", "-d", name.value.trim(), url.value.trim()];
  if (await decide({ title: "Where should data be kept?", testid: "remote", confirm: "Add the remote", argv, check: () => Boolean(name.value.trim() && url.value.trim()),
    content: [el("p", { class: "t2" }, "A remote is a place that others and other machines reach, such as a mounted folder. Push sends tracked data there, pull brings it back."),
      el("label", { class: "dform" }, "Name", el("span", { class: "field" }, name)), el("label", { class: "dform" }, "Folder", el("span", { class: "field" }, url))] })) run(argv());
}
