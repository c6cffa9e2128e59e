// Remotes: list, try, add, change, credentials. Every change is a command line; only secrets are not.

import { el, icon, getJSON, postJSON, chosen, keep } from "../frame.js";
import { act, commandOf, decide, note } from "../actions.js";
import { MASK, argvOf, editSecrets, fieldFor, findEntry, flagOf, hasPassword, levelField, levelWord, pathOf, secretLine, valueOf } from "./setting.js";

const base = `/r/${document.body.dataset.repository}`;
const open = new Set();
const testing = new Set();
let page = null;
let section = null;

export function drawRemotes(node, facts) {
  section = node;
  page = facts;
  node.replaceChildren(
    el("div", { class: "sh2" }, el("h2", {}, "Remotes"), el("span", { class: "t3 sm trunc" }, "where data is pushed to and pulled from"), el("span", { class: "grow" }),
      el("button", { type: "button", class: "btn", "data-testid": "add-remote", title: "dataver remote add NAME URL", onclick: addRemote }, icon("plus"), "Add remote")),
    page.remotes.length ? table() : el("div", { class: "card nothing" }, el("div", {}, "No remote yet. A remote is a folder or a storage on the network that data is pushed to, so that others, and you on another machine, can pull it."),
      el("button", { type: "button", class: "btn", "data-testid": "add-first-remote", title: "dataver remote add NAME URL", onclick: addRemote }, icon("plus"), "Add remote")),
    ...page.remotes.map((remote) => failure(remote)).filter(Boolean));
}
function redraw() {
  const focused = document.activeElement && section.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
  drawRemotes(section, page);
  const again = focused && section.querySelector(`[data-testid="${CSS.escape(focused)}"]`);
  if (again) again.focus();
}

const symbolOf = (remote) => ({ "": "disk", ssh: "term", remote: "link", http: "link", https: "link" })[remote.scheme] || "cloud";
const testOf = (remote) => { const found = chosen("remote-tests", {})[remote.name]; return found && found.url === remote.url ? found : null; };
const milliseconds = (seconds) => `${Number((seconds * 1000).toPrecision(2))} ms`;

function table() {
  return el("div", { class: "card scroll-x", tabindex: "0", role: "region", "aria-label": "Remotes" }, el("table", { class: "tbl rt" },
    el("thead", {}, el("tr", {}, ...["Name", "Address", "Last test"].map((title) => el("th", { scope: "col" }, title)), el("th", { scope: "col", class: "num" }, "Latency"), el("th", { scope: "col" }, "Set in"), el("th", { scope: "col" }, el("span", { class: "vh" }, "Actions")))),
    el("tbody", {}, ...page.remotes.flatMap((remote) => [row(remote), open.has(remote.name) ? more(remote) : null]).filter(Boolean))));
}

function row(remote) {
  const found = testOf(remote);
  const toggle = () => { if (open.has(remote.name)) open.delete(remote.name); else open.add(remote.name); redraw(); };
  return el("tr", { "data-testid": "remote-row", "data-name": remote.name },
    el("td", {}, el("button", { type: "button", class: "name", "aria-expanded": String(open.has(remote.name)), "data-testid": `remote-${remote.name}`, title: "Show its options", onclick: toggle }, icon("chev-r", "chev"), icon(symbolOf(remote)), remote.name, remote.is_default ? el("span", { class: "tag" }, "Default") : null)),
    el("td", { class: "mono t2" }, el("div", { class: "trunc addr", title: remote.url }, remote.url || "no address")),
    el("td", { "data-testid": `test-state-${remote.name}` }, testState(remote, found)),
    el("td", { class: "num t2" }, found && found.ok ? milliseconds(found.seconds) : "–"),
    el("td", { class: "t3" }, levelWord(remote.level)),
    el("td", {}, el("div", { class: "acts" },
      el("button", { type: "button", class: "btn", "data-testid": `test-${remote.name}`, "aria-disabled": testing.has(remote.name) ? "true" : null, title: commandOf(["remote", "test", remote.name]), onclick: () => testing.has(remote.name) || test(remote) }, "Test"),
      el("button", { type: "button", class: "btn", "data-testid": `edit-remote-${remote.name}`, title: commandOf(argvOf(`remote.${remote.name}.OPTION`, remote.level, "VALUE")), onclick: () => editRemote(remote) }, "Edit"))));
}

function testState(remote, found) {
  if (testing.has(remote.name)) return el("span", { class: "state is-run" }, icon("run", "spin"), "Testing");
  if (!found) return el("span", { class: "t3" }, "not tested");
  const when = new Date(found.at);
  return el("span", { class: `state ${found.ok ? "is-ok" : "is-bad"}`, title: `${when.toLocaleString()}: ${found.ok ? "" : found.reason}` }, icon(found.ok ? "done" : "fail"), found.ok ? "Write, read, delete" : `Failed to ${found.failed}`);
}

function failure(remote) {
  const found = testOf(remote);
  if (!found || found.ok || testing.has(remote.name)) return null;
  return el("div", { class: "note note-bad", role: "status", "data-testid": `test-problem-${remote.name}` }, icon("fail"), el("div", { class: "grow" },
    el("b", { class: "medium" }, `${remote.name}: ${found.reason}.`), el("div", { class: "t2" }, `Nothing was left there. ${found.hint}`)));
}

function more(remote) {
  const facts = [];
  const fact = (name, ...value) => facts.push(el("dt", {}, name), el("dd", {}, ...value));
  for (const option of remote.options) fact(option.name.split(".").pop(), el("span", { class: "mono" }, option.values[0].text), el("span", { class: "t3" }, ` ${levelWord(option.values[0].level)}`));
  const set = remote.secrets.filter((secret) => secret.levels.length);
  if (remote.secrets.length) fact("credentials", set.length ? set.map((secret) => `${secret.option}: set (${secret.levels.map(levelWord).join(", ")})`).join(", ") : "none set");
  if (remote.has_login) fact("address", el("span", { class: "is-warn" }, "holds a password or token: move it into the credentials"));
  const found = testOf(remote);
  if (found && found.ok) fact("last test", found.steps.map((step) => `${step.step} ${milliseconds(step.seconds)}`).join(", "));
  if (!facts.length) fact("options", "none set");
  const button = (label, testid, argv, run, danger = "") => el("button", { type: "button", class: `btn ${danger}`, "data-testid": `${testid}-${remote.name}`, title: typeof argv === "string" ? argv : commandOf(argv), onclick: run }, label);
  return el("tr", { class: "more", "data-testid": `more-${remote.name}` }, el("td", { colspan: "6" }, el("dl", { class: "facts" }, ...facts), el("div", { class: "row" },
    remote.is_default ? button("Not the default", "undefault", undefaultArgv(), () => act(undefaultArgv(), { done: `${remote.name} is not the default remote any more`, undo: { label: "Undo", argv: defaultArgv(remote, defaultLevel()) } }))
      : button("Make default", "default", defaultArgv(remote), () => makeDefault(remote)),
    remote.secrets.length ? button("Credentials", "credentials", secretLine(`remote.${remote.name}.OPTION`), () => editSecrets(page, remote.secrets.map((secret) => ({ name: `remote.${remote.name}.${secret.option}`, label: secret.option, levels: secret.levels })), `Credentials of ${remote.name}`)) : null,
    button("Rename", "rename", ["remote", "rename", ...flagOf(remote.level), remote.name, "NEW"], () => renameRemote(remote)),
    button("Remove", "remove", ["remote", "remove", ...flagOf(remote.level), remote.name], () => removeRemote(remote), "btn-danger"))));
}

/** Try a remote and remember what came out, for this project on this machine. */
async function test(remote) {
  testing.add(remote.name);
  redraw();
  const item = await act(["remote", "test", "--json", remote.name], { quiet: "all" });
  testing.delete(remote.name);
  if (item) {
    const { output } = await getJSON(`${base}/actions/${item.id}.json`).catch(() => ({ output: "" }));
    const line = output.split("\n").find((text) => text.startsWith("{"));
    const found = line ? JSON.parse(line) : { ok: false, failed: "open", reason: item.message, hint: "", steps: [], seconds: 0 };
    keep("remote-tests", { ...chosen("remote-tests", {}), [remote.name]: { ...found, url: remote.url, at: new Date().toISOString() } });
  }
  redraw();
}

/** The file that says which remote is the default; the project's own where none does. */
function defaultLevel() { return findEntry(page, "core.remote")?.values?.[0]?.level || "repo"; }
/** A stronger file that names another default would stay in use. */
function defaultArgv(remote, level = remote.level === "local" || defaultLevel() === "local" ? "local" : "repo") { return ["remote", "default", ...flagOf(level), remote.name]; }
function undefaultArgv() { return ["remote", "default", ...flagOf(defaultLevel()), "-u"]; }
function makeDefault(remote) {
  const argv = defaultArgv(remote), level = argv.includes("--local") ? "local" : "repo";
  const before = findEntry(page, "core.remote")?.values?.find((value) => value.level === level);
  act(argv, { done: `${remote.name} is the default remote`, undo: { label: "Undo", argv: ["remote", "default", ...flagOf(level), before ? before.text : "-u"] } });
}

/** The kind of an address; null where nobody serves it. */
function kindOf(url) {
  const scheme = (/^([a-z][a-z0-9+.-]*):\/\/[^/?#]/i.exec(url) || ["", ""])[1].toLowerCase();
  return page.kinds.find((kind) => kind.scheme === scheme) || null;
}

/** Fields of a kind's options and credentials: those it mostly needs, the others behind a fold. Gives {node, argvs(name, level), secrets(name)}. */
function optionFields(kind) {
  const named = (entry) => ({ entry, node: entry.is_secret ? secretField(entry) : fieldFor(entry, "", `new-${entry.name}`, { allowNone: true }) });
  const first = kind.first.map((name) => kind.options.find((entry) => entry.name === name)).filter(Boolean).map(named);
  const others = kind.options.filter((entry) => !kind.first.includes(entry.name)).map(named);
  const rows = (items) => items.flatMap(({ entry, node }) => [el("span", { class: "lab mono sm" }, entry.name), node]);
  const textOf = ({ entry, node }) => (entry.is_secret ? node.querySelector("input").value : valueOf(node));
  const filled = (isSecret) => [...first, ...others].filter((item) => item.entry.is_secret === isSecret && textOf(item));
  return {
    node: el("div", { class: "form", "data-testid": `kind-${kind.scheme || "folder"}` }, ...rows(first),
      [...first, ...others].some((item) => item.entry.is_secret) ? el("span", { class: "says" }, "Credentials go to .dvc/config.local, which Git ignores, and into no command line, log or list. Left empty, the storage's own files and environment variables are used.") : null,
      others.length ? el("details", {}, el("summary", { "data-testid": "new-all-options" }, `More options (${others.length})`), el("div", { class: "form" }, ...rows(others))) : null),
    argvs: (name, level) => filled(false).map((item) => argvOf(`remote.${name}.${item.entry.name}`, level, hasPassword(textOf(item)) ? MASK : textOf(item))),
    secrets: (name) => Object.fromEntries(filled(true).map((item) => [`remote.${name}.${item.entry.name}`, textOf(item)])),
    problem: () => (filled(false).some((item) => hasPassword(textOf(item))) ? "Leave passwords and tokens out of the options' addresses." : ""),
    forget: () => { for (const { entry, node } of [...first, ...others]) if (entry.is_secret) node.querySelector("input").value = ""; },
  };
}
function secretField(entry) { return el("label", { class: "field" }, el("input", { type: "password", autocomplete: "new-password", "data-testid": `new-${entry.name}`, "aria-label": entry.name, placeholder: "not set" })); }

async function addRemote() {
  const name = el("input", { type: "text", "data-testid": "remote-name", "aria-label": "Name", placeholder: "storage", autocomplete: "off", spellcheck: "false" });
  const kinds = el("select", { "data-testid": "remote-kind", "aria-label": "Kind" }, ...page.kinds.map((kind) => el("option", { value: kind.scheme }, kind.label)));
  const url = el("input", { type: "text", "data-testid": "remote-url", "aria-label": "Address", autocomplete: "off", spellcheck: "false" });
  const level = levelField(page, "repo", "remote-level");
  const isDefault = el("input", { type: "checkbox", "data-testid": "remote-default", checked: !page.remotes.some((remote) => remote.is_default) });
  const says = { name: el("span", { class: "says is-bad", "data-testid": "remote-name-problem" }), url: el("span", { class: "says is-bad", "data-testid": "remote-url-problem" }) };
  const options = el("div", { class: "form-part" });
  let fields = null;
  const show = (kind) => { kinds.value = kind.scheme; url.placeholder = kind.example; fields = optionFields(kind); options.replaceChildren(fields.node); };
  show(page.kinds[0]);
  kinds.addEventListener("change", () => show(page.kinds.find((kind) => kind.scheme === kinds.value)));
  url.addEventListener("input", () => { const kind = kindOf(url.value.trim()); if (kind && kind.scheme !== kinds.value && url.value.trim()) show(kind); });
  const known = () => name.value.trim().toLowerCase();
  const argv = () => ["remote", "add", ...flagOf(level.value), ...(isDefault.checked ? ["-d"] : []), name.value.trim() || "NAME", hasPassword(url.value) ? MASK : url.value.trim() || "URL"];
  const command = () => [argv(), ...fields.argvs(known() || "NAME", level.value)].map(commandOf).concat(Object.keys(fields.secrets(known() || "NAME")).map(secretLine)).join(" && ");
  const isSure = await decide({
    title: "Add a remote", testid: "add-remote-dialog", confirm: "Add", isWide: true, command,
    content: [el("div", { class: "form" }, el("span", { class: "lab" }, "Name"), el("label", { class: "field" }, name), says.name, el("span", { class: "lab" }, "Kind"), kinds, el("span", { class: "lab" }, "Address"), el("label", { class: "field" }, url), says.url,
      el("span", { class: "lab" }, "File"), level, el("span", { class: "lab" }, ""), el("span", { class: "checks" }, el("label", {}, isDefault, "Default: used when no remote is named"))), options],
    onOpen: () => name.focus(),
    check: () => {
      says.name.textContent = !name.value.trim() ? "A name is needed." : /["[\]\n]/.test(name.value) ? "No quotes or brackets." : page.remotes.some((remote) => remote.name === known()) ? "There is a remote of this name." : "";
      says.url.textContent = !url.value.trim() ? "A folder or an address is needed." : hasPassword(url.value) ? "Leave the password or token out of the address: it would be shown and recorded. There are fields for credentials below."
        : /^remote:\/\//i.test(url.value.trim()) ? "" : !kindOf(url.value.trim()) ? "There is no such kind of storage." : kindOf(url.value.trim()).scheme !== kinds.value ? `This is no address of the kind ${kinds.selectedOptions[0].textContent}: they look like ${page.kinds.find((kind) => kind.scheme === kinds.value).example}.` : fields.problem();
      return !says.name.textContent && !says.url.textContent;
    },
  });
  if (!isSure) { fields.forget(); return; }
  const secrets = fields.secrets(known());
  fields.forget();
  const more = fields.argvs(known(), level.value);
  const added = await act(argv(), { quiet: more.length > 0 || Object.keys(secrets).length > 0, done: `Remote ${known()} is there; "Test" tries it`, undo: { label: "Undo", argv: ["remote", "remove", ...flagOf(level.value), known()] } });
  if (!added || added.state !== "done") return;
  for (const argv of more) { const item = await act(argv, { quiet: true }); if (!item || item.state !== "done") return; }
  if (Object.keys(secrets).length) {
    try { await postJSON(`${base}/settings/secrets`, { values: secrets }); } catch (error) { note(error.message, { isBad: true }); return; }
    document.dispatchEvent(new CustomEvent("dataver:acted", { detail: null }));
  }
  if (more.length || Object.keys(secrets).length) note(`Remote ${known()} is there; "Test" tries it`);
}

/** All options of its kind; what was changed becomes one command line each. */
async function editRemote(remote) {
  const level = levelField(page, remote.level, "remote-edit-level");
  const setIn = (option) => { const found = remote.options.find((item) => item.name.endsWith(`.${option}`)); return found ? found.values[0].text : ""; };
  const url = fieldFor({ name: "Address", kind: "text", choices: [], default: remote.has_login ? "has a password; type a new address" : "" }, remote.typed_url, "remote-edit-url");
  const fields = remote.known.map((entry) => ({ entry, before: setIn(entry.name), node: fieldFor(entry, setIn(entry.name), `option-${entry.name}`, { allowNone: true }) }));
  const used = fields.filter((item) => item.before || ["jobs", "region", "profile", "endpointurl", "user", "port", "keyfile"].includes(item.entry.name));
  const rows = (items) => items.flatMap(({ entry, node }) => [el("span", { class: "lab mono sm" }, entry.name), node]);
  const says = el("span", { class: "says is-bad", "data-testid": "remote-edit-problem" });
  const argvs = () => {
    const found = [];
    const address = valueOf(url);
    if (address && address !== remote.typed_url) found.push(argvOf(`remote.${remote.name}.url`, level.value, hasPassword(address) ? MASK : address));
    for (const { entry, before, node } of fields) { const now = valueOf(node); if (now !== before) found.push(argvOf(`remote.${remote.name}.${entry.name}`, now ? level.value : levelIn(remote, entry.name), now || null)); }
    return found;
  };
  const isSure = await decide({
    title: `Edit ${remote.name}`, testid: "edit-remote", confirm: "Save", isWide: true, command: () => argvs().map(commandOf).join(" && ") || "nothing changed",
    content: [el("div", { class: "form" }, el("span", { class: "lab" }, "Address"), url, says, el("span", { class: "lab" }, "Write to"), level, ...rows(used),
      el("details", {}, el("summary", { "data-testid": "remote-all-options" }, `All options of this kind (${fields.length})`), el("div", { class: "form" }, ...rows(fields.filter((item) => !used.includes(item))))))],
    check: () => { says.textContent = hasPassword(valueOf(url)) ? "Leave the password or token out of the address; store it under Credentials." : ""; return !says.textContent; },
  });
  if (!isSure) return;
  for (const argv of argvs()) { const item = await act(argv, { done: `${remote.name} is changed in ${pathOf(page, level.value)}` }); if (!item || item.state !== "done") break; }
}
function levelIn(remote, option) { const found = remote.options.find((item) => item.name.endsWith(`.${option}`)); return found ? found.values[0].level : remote.level; }

async function renameRemote(remote) {
  const name = el("input", { type: "text", "data-testid": "remote-new-name", "aria-label": "New name", autocomplete: "off", spellcheck: "false" });
  name.value = remote.name;
  const argv = () => ["remote", "rename", ...flagOf(remote.level), remote.name, name.value.trim() || "NEW"];
  const isSure = await decide({ title: `Rename ${remote.name}`, testid: "rename-remote", confirm: "Rename", argv, content: [el("div", { class: "form" }, el("span", { class: "lab" }, "New name"), el("label", { class: "field" }, name))], check: () => Boolean(name.value.trim()) && name.value.trim() !== remote.name });
  if (isSure) await act(argv(), { done: `${remote.name} is called ${name.value.trim().toLowerCase()} now`, undo: { label: "Undo", argv: ["remote", "rename", ...flagOf(remote.level), name.value.trim().toLowerCase(), remote.name] } });
}

async function removeRemote(remote) {
  const set = remote.secrets.filter((secret) => secret.levels.length).map((secret) => secret.option);
  const argv = ["remote", "remove", ...flagOf(remote.level), remote.name];
  const isSure = await decide({
    title: `Remove ${remote.name}?`, testid: "remove-remote", confirm: "Remove", isDanger: true, argv,
    content: [el("p", {}, `Its settings go: the address ${remote.url}${remote.options.length ? `, ${remote.options.length} option${remote.options.length === 1 ? "" : "s"}` : ""}${set.length ? `, and its credentials (${set.join(", ")}), which cannot be brought back` : ""}.`), el("p", { class: "t2" }, `What is stored there stays.${remote.is_default ? " It stops being the default remote." : ""}`)],
  });
  if (!isSure) return;
  const undo = remote.typed_url && !remote.options.length && !set.length ? { label: "Undo", argv: ["remote", "add", ...flagOf(remote.level), ...(remote.is_default ? ["-d"] : []), remote.name, remote.typed_url] } : null;
  await act(argv, { done: `${remote.name} is removed`, undo });
}
