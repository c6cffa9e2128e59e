// One setting: its rows, and the dialog that changes it in one file. Also secrets, which go to config.local and into no command line.

import { coded, el, icon, postJSON } from "../frame.js";
import { act, commandOf, decide, note } from "../actions.js";

const base = `/r/${document.body.dataset.repository}`;
const LEVELS = { local: "Local", repo: "Project", global: "Global", system: "System" };
export const MASK = "***";

export function levelWord(level) { return (LEVELS[level] || level).toLowerCase(); }
/** Strongest first: [[level, word]]. */
export function levelsOf(page) { return Object.entries(LEVELS).filter(([level]) => page.levels.some((item) => item.level === level)); }
export function pathOf(page, level) { const found = page.levels.find((item) => item.level === level); return found ? found.path : ""; }
/** The flag that names a file; none for the project's own. */
export function flagOf(level) { return level === "repo" ? [] : [`--${level}`]; }

/** What is set under a name, else what is known of it. */
export function findEntry(page, name) { return page.entries.find((entry) => entry.name === name) || page.known.find((entry) => entry.name === name) || null; }

/** `dataver config --local core.remote x`; value null removes it. A remote may have dots in its name, so its options have a command of their own. */
export function argvOf(name, level, value) {
  const [section, ...rest] = name.split(".");
  if (section === "remote" && rest.length >= 2) {
    const option = rest.pop();
    return ["remote", "modify", ...flagOf(level), ...(value === null ? ["-u"] : []), ...dashed(rest.join(".")), option, ...(value === null ? [] : dashed(value))];
  }
  return ["config", ...flagOf(level), ...(value === null ? ["-u", name] : [name, ...dashed(value)])];
}
/** The same for what is not shown: `dataver remote modify --local x password ***`. */
export function secretLine(name) { return `${commandOf(argvOf(name, "local", "x")).replace(/ x$/, "")} ${MASK}`; }
function dashed(value) { return value.startsWith("-") ? ["--", value] : [value]; }

/** A field for a value of a kind, as a node whose value is read by `valueOf`. */
export function fieldFor(entry, text, testid, { allowNone = false } = {}) {
  const label = entry.name;
  if (entry.kind === "bool" || entry.kind === "choice") {
    const choices = entry.kind === "bool" ? ["true", "false"] : entry.choices;
    return el("select", { "data-testid": testid, "aria-label": label, "data-value": "" }, ...(allowNone ? [el("option", { value: "" }, entry.default ? `default (${entry.default})` : "not set")] : []),
      ...choices.map((choice) => el("option", { value: choice, selected: choice === text }, choice)));
  }
  if (entry.kind === "links") {
    const chosen = text.split(",").map((item) => item.trim()).filter(Boolean);
    return el("span", { class: "checks", "data-links": "" }, ...entry.choices.map((choice) => el("label", {}, el("input", { type: "checkbox", value: choice, checked: chosen.includes(choice), "data-testid": `link-${choice}` }), choice)));
  }
  const input = el("input", { type: entry.kind === "int" || entry.kind === "float" ? "number" : "text", step: entry.kind === "float" ? "any" : null, "data-testid": testid, "aria-label": label, "data-value": "", autocomplete: "off", spellcheck: "false", placeholder: entry.default || null });
  input.value = text;
  return el("label", { class: "field" }, input);
}
export function valueOf(node) {
  if (node.matches("[data-links]")) return [...node.querySelectorAll("input:checked")].map((item) => item.value).join(",");
  const field = node.matches("[data-value]") ? node : node.querySelector("[data-value]");
  return field.value.trim();
}
export function hasPassword(text) { return /^[a-z][a-z0-9+.-]*:\/\/[^/@]*:[^/]*@/i.test(text) || /^[a-z][a-z0-9+.-]*:\/\/[^?]*\?./i.test(text); }

/** A choice of a file to write. */
export function levelField(page, level, testid = "setting-level") {
  return el("select", { "data-testid": testid, "aria-label": "File to write" }, ...levelsOf(page).map(([name, word]) => el("option", { value: name, selected: name === level }, `${word}: ${pathOf(page, name)}`)));
}

/** What each file says about a setting, and which wins. */
export function winners(page, entry) {
  const rows = levelsOf(page).map(([level, word]) => {
    const value = entry.values.find((item) => item.level === level);
    const wins = entry.values.length > 0 && entry.values[0].level === level;
    return el("div", { class: "lvr", "data-testid": `wins-${level}` }, el("span", { class: "lev" }, word), el("span", { class: "mono t3 val", title: pathOf(page, level) }, pathOf(page, level)),
      el("span", { class: `mono ${wins ? "strong" : "t3"} trunc`, title: value ? value.text : null }, value ? (entry.is_secret ? "set, not shown" : value.text) : "–"),
      el("span", { class: "win" }, wins ? el("span", { class: "state is-ok" }, icon("done"), "In use") : null));
  });
  const unset = entry.values.length ? null : el("div", { class: "lvr" }, el("span", { class: "lev" }, "Default"), el("span", { class: "val t3" }, "in no file"), el("span", { class: "mono strong" }, entry.default || "–"), el("span", { class: "win" }, el("span", { class: "state is-ok" }, icon("done"), "In use")));
  return el("div", { class: "card" }, ...rows, unset);
}

/** The dialog that sets or removes one setting in one file. */
export async function editSetting(page, entry) {
  if (entry.is_secret) { await editSecrets(page, [{ name: entry.name, label: entry.name, levels: entry.values.map((value) => value.level) }], entry.name); return; }
  const start = entry.values.length ? entry.values[0].level : "repo";
  const level = levelField(page, start);
  const textAt = (name) => { const found = entry.values.find((value) => value.level === name); return found && !found.text.includes(MASK) ? found.text : ""; };
  const holder = el("span", {});
  const fill = () => holder.replaceChildren(fieldFor(entry, textAt(level.value) || (entry.values.length ? "" : entry.default), "setting-value"));
  fill();
  const remove = el("input", { type: "checkbox", "data-testid": "setting-unset" });
  const removeLabel = el("label", {}, remove, "Remove it from this file");
  const says = el("span", { class: "says", role: "status" }, "");
  const update = () => {
    removeLabel.hidden = !entry.values.some((value) => value.level === level.value);
    if (removeLabel.hidden) remove.checked = false;
    holder.hidden = remove.checked;
    const stronger = entry.values.find((value) => Object.keys(LEVELS).indexOf(value.level) < Object.keys(LEVELS).indexOf(level.value));
    says.textContent = stronger ? `${pathOf(page, stronger.level)} is stronger and stays in use.` : "";
  };
  level.addEventListener("change", () => { fill(); update(); });
  remove.addEventListener("change", update);
  update();
  const argv = () => argvOf(entry.name, level.value, remove.checked ? null : valueOf(holder.firstChild));
  const isSure = await decide({
    title: entry.name, testid: "setting", confirm: "Save", argv,
    content: [winners(page, entry), el("div", { class: "form" }, el("span", { class: "lab" }, "File"), level, el("span", { class: "lab" }, "Value"), el("span", { class: "checks" }, holder, removeLabel), says)],
    check: () => {
      if (!remove.checked && !valueOf(holder.firstChild)) { says.textContent = "A value is needed."; says.classList.add("is-bad"); return false; }
      if (!remove.checked && hasPassword(valueOf(holder.firstChild))) { says.textContent = "A password or token in an address would be shown and recorded. Store it as a credential instead."; says.classList.add("is-bad"); return false; }
      return true;
    },
  });
  if (!isSure) return;
  const before = entry.values.find((value) => value.level === level.value);
  const undo = before && before.text.includes(MASK) ? null : { label: "Undo", argv: argvOf(entry.name, level.value, before ? before.text : null) };
  await act(argv(), { undo, done: remove.checked ? `${entry.name} is not set in ${pathOf(page, level.value)} any more` : `${entry.name} is set in ${pathOf(page, level.value)}` });
}

/** Write-only fields. secrets: [{name, label, levels}]. They go to config.local by a request of their own. */
export async function editSecrets(page, secrets, title) {
  const rows = secrets.map((secret) => {
    const input = el("input", { type: "password", autocomplete: "new-password", "data-testid": `secret-${secret.label}`, "aria-label": secret.label, placeholder: secret.levels.length ? "set; empty keeps it" : "not set" });
    const clear = el("input", { type: "checkbox", "data-testid": `clear-${secret.label}` });
    const elsewhere = secret.levels.filter((level) => level !== "local");
    return { secret, input, clear, nodes: [el("span", { class: "lab mono sm" }, secret.label),
      el("span", { class: "checks" }, el("label", { class: "field" }, input), el("span", { class: `state ${secret.levels.length ? "is-ok" : ""}`, "data-testid": `state-${secret.label}` }, icon(secret.levels.length ? "check" : "minus"), secret.levels.length ? "Set" : "Not set"),
        secret.levels.includes("local") ? el("label", {}, clear, "Clear") : null),
      elsewhere.length ? el("span", { class: `says${elsewhere.includes("repo") ? " is-bad" : ""}` }, `Set in ${elsewhere.map((level) => pathOf(page, level)).join(", ")}${elsewhere.includes("repo") ? ", which Git shares with everybody: " : ": "}${commandOf(argvOf(secret.name, elsewhere[0], null))}`) : null] };
  });
  const values = () => Object.fromEntries(rows.flatMap(({ secret, input, clear }) => (clear.checked ? [[secret.name, null]] : input.value ? [[secret.name, input.value]] : [])));
  const command = () => Object.entries(values()).map(([name, value]) => (value === null ? commandOf(argvOf(name, "local", null)) : secretLine(name))).join(" && ") || "dataver remote modify --local NAME OPTION ***";
  const isSure = await decide({
    title, testid: "secrets", confirm: "Store", command,
    content: [el("p", { class: "t2" }, "Kept in .dvc/config.local, which Git ignores. What is stored is never shown again, and is in no command line, log or list."), el("div", { class: "form" }, ...rows.flatMap((row) => row.nodes).filter(Boolean))],
    check: () => Object.keys(values()).length > 0,
  });
  if (!isSure) return;
  try {
    await postJSON(`${base}/settings/secrets`, { values: values() });
    note("Stored in .dvc/config.local");
  } catch (error) { note(error.message, { isBad: true }); }
  for (const { input } of rows) input.value = "";
  document.dispatchEvent(new CustomEvent("dataver:acted", { detail: null }));
}

/** A row of one setting: label, value, file, button. otherwise: what holds while it is set nowhere. */
export function settingRow(page, name, label, explain = "", otherwise = "not set") {
  const entry = findEntry(page, name) || { name, kind: "text", choices: [], values: [], default: "", is_secret: false };
  const full = { values: [], ...entry };
  if (full.kind === "links") full.default = otherwise;
  const first = full.values[0];
  const value = first ? (full.is_secret ? "set, not shown" : first.text) : full.default || otherwise;
  return el("div", { class: "lvr", "data-testid": `row-${name}` }, el("span", { class: "lab", title: name }, label),
    el("span", { class: "val wraps" }, el("span", { class: "mono sm" }, value), explain ? el("span", { class: "says" }, ...coded(explain)) : null),
    el("span", { class: "src" }, first ? levelWord(first.level) : "default"),
    el("button", { type: "button", class: "btn", "data-testid": `edit-${name}`, title: commandOf(argvOf(name, "repo", "VALUE")), onclick: () => editSetting(page, full) }, "Edit"));
}
