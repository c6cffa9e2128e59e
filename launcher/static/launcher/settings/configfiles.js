// Every setting that stands in any file, which file wins, and a way to change or add one.

import { el, icon } from "../frame.js";
import { commandOf, decide } from "../actions.js";
import { argvOf, editSetting, findEntry, levelWord, secretLine, winners } from "./setting.js";

let picked = null;
let words = "";

export function drawConfig(node, page) {
  const search = el("input", { type: "search", placeholder: "Filter", "aria-label": "Filter settings", "data-testid": "config-filter", "data-search": "", autocomplete: "off" });
  search.value = words;
  const body = el("tbody", {});
  const detail = el("div", { "data-testid": "which-wins" });
  const fill = () => {
    const found = page.entries.filter((entry) => entry.name.includes(words.toLowerCase().trim()));
    if (!found.some((entry) => entry.name === picked)) picked = found.length ? found[0].name : null;
    body.replaceChildren(...found.map((entry) => row(page, entry, (name) => { picked = name; fill(); })));
    const entry = page.entries.find((item) => item.name === picked);
    detail.replaceChildren(...(entry ? [el("div", { class: "sh2" }, el("h3", {}, "Which file wins"), el("span", { class: "mono t3 trunc" }, entry.name)), winners(page, entry)] : []));
  };
  search.addEventListener("input", () => { words = search.value; fill(); });
  fill();
  node.replaceChildren(
    el("div", { class: "sh2" }, el("h2", {}, "Config files"), el("span", { class: "t3 sm trunc" }, "everything that is set, and where"), el("span", { class: "grow" }),
      page.entries.length > 6 ? el("label", { class: "field" }, icon("search"), search) : null,
      el("button", { type: "button", class: "btn", "data-testid": "add-setting", title: "dataver config NAME VALUE", onclick: () => addSetting(page) }, icon("plus"), "Add setting")),
    page.entries.length ? el("div", { class: "card scroll-x", tabindex: "0", role: "region", "aria-label": "Settings that are set" }, el("table", { class: "tbl ct" }, el("thead", {}, el("tr", {}, ...["Setting", "Value", "Set in"].map((title) => el("th", { scope: "col" }, title)), el("th", { scope: "col" }, el("span", { class: "vh" }, "Change")))), body))
      : el("div", { class: "card nothing" }, "No file sets anything yet; the defaults are in use. A setting that you add goes to .dvc/config, or to the file you choose."),
    detail);
}

function row(page, entry, pick) {
  const [first, ...others] = entry.values;
  const shown = entry.is_secret ? el("span", { class: "state is-ok" }, icon("lock"), "Set, not shown") : el("span", { class: "mono trunc val", title: first.text }, first.text);
  return el("tr", { "data-testid": "config-entry", "aria-selected": String(entry.name === picked) },
    el("td", {}, el("button", { type: "button", class: "pick", "data-testid": `pick-${entry.name}`, "aria-pressed": String(entry.name === picked), onclick: () => pick(entry.name) }, entry.name), entry.is_known ? null : el("span", { class: "tag", title: "No setting of this name is known; it stays in the file" }, "unknown")),
    el("td", {}, el("div", { class: "trunc val" }, shown)),
    el("td", {}, levelWord(first.level), others.length ? el("span", { class: "over" }, ` over ${others.map((value) => levelWord(value.level)).join(", ")}`) : null),
    el("td", { class: "num" }, el("button", { type: "button", class: "btn btn-row", "data-testid": `edit-entry-${entry.name}`, title: entry.is_secret ? secretLine(entry.name) : commandOf(argvOf(entry.name, entry.values[0].level, "VALUE")), onclick: () => editSetting(page, entry) }, "Edit")));
}

async function addSetting(page) {
  const known = el("datalist", { id: "known-settings" }, ...page.known.map((entry) => el("option", { value: entry.name })));
  const name = el("input", { type: "text", list: "known-settings", "data-testid": "new-setting", "aria-label": "Name of the setting", placeholder: "core.autostage", autocomplete: "off", spellcheck: "false" });
  const says = el("span", { class: "says", role: "status" }, "");
  const isSure = await decide({
    title: "Add a setting", testid: "add-setting-dialog", confirm: "Next", command: () => commandOf(argvOf(name.value.trim() || "NAME", "repo", "VALUE")),
    content: [el("div", { class: "form" }, el("label", {}, "Name"), el("label", { class: "field" }, name), says), known],
    check: () => { const entry = findEntry(page, name.value.trim()); says.textContent = entry ? "" : "No setting has this name. Options of remotes are set under Remotes."; says.classList.add("is-bad"); return Boolean(entry); },
  });
  if (isSure) await editSetting(page, { values: [], ...findEntry(page, name.value.trim()) });
}
