// The dialog that adds data: what lies in the workspace and nobody tracks yet.

import { el, icon, formatSize } from "../launcher/frame.js";
import { decide, pathWord } from "../launcher/actions.js";
import { run } from "./dataactions.js";

const WHY = { data: "Tracked already", git: "In Git: `git rm --cached` it first", around: "Holds tracked data" };

/** Ask what to add, and add it. */
export async function openAdd({ ask }) {
  const chosen = new Set();
  let refresh = () => {};
  let go = null;
  const list = el("div", { class: "dadd", role: "group", "aria-label": "Files and folders", "data-testid": "add-list" });
  const where = el("nav", { class: "row dcrumbs", "aria-label": "Folder" });
  const typed = el("input", { "data-testid": "add-path", placeholder: "or type a path, from the project's folder", "aria-label": "Path to add", autocomplete: "off", spellcheck: "false" });
  const argv = () => ["add", ...paths()];
  const paths = () => [...chosen, ...(typed.value.trim() ? [typed.value.trim()] : [])].map(pathWord);
  const show = () => { refresh(); if (go) { go.disabled = !paths().length; go.textContent = paths().length > 1 ? `Add ${paths().length} paths` : "Add"; } };
  const open = async (path) => {
    let found;
    try { found = await ask("folder", { path }); } catch (error) { list.replaceChildren(el("p", { class: "t2" }, error.message)); return; }
    const parts = path ? path.split("/") : [];
    where.replaceChildren(crumb("Project", ""), ...parts.map((name, index) => crumb(name, parts.slice(0, index + 1).join("/"))));
    list.replaceChildren(...(found.entries.length ? found.entries.map(entry) : [el("p", { class: "t2" }, "Nothing lies here.")]));
  };
  const crumb = (name, path) => el("button", { type: "button", class: "btn btn-quiet", "data-testid": "add-crumb", onclick: () => open(path) }, icon("chev-r"), name);
  const entry = (one) => {
    const isFree = !one.tracked;
    const box = el("input", { type: "checkbox", disabled: !isFree, "data-testid": "add-entry", value: one.path, onchange: (event) => { if (event.target.checked) chosen.add(one.path); else chosen.delete(one.path); show(); } });
    box.checked = chosen.has(one.path);
    return el("div", { class: "row dentry" }, el("label", { class: "row grow" }, box, icon(one.dir ? "folder" : "file", "t3"), el("span", { class: `trunc${isFree ? "" : " t3"}` }, one.name), el("span", { class: "t3 sm" }, WHY[one.tracked] || (one.size === null ? "" : formatSize(one.size)))),
      one.dir && one.tracked !== "data" ? el("button", { type: "button", class: "btn btn-quiet", "data-testid": "add-open", "aria-label": `Look into ${one.name}`, onclick: () => open(one.path) }, "Open") : null);
  };
  await open("");
  const isSure = await decide({
    title: "Add data", testid: "add", confirm: "Add", argv, isWide: true,
    content: [el("p", { class: "t2" }, "Its content goes into the cache; a .dvc file beside it names this version, and Git ignores the data itself."), where, list, el("label", { class: "field" }, icon("edit"), typed)],
    onOpen: (parts) => { refresh = parts.refresh; go = parts.go; show(); typed.addEventListener("input", show); },
    check: () => paths().length > 0,
  });
  if (isSure) run(argv());
}
