// How one begins: open a folder, clone, try the sample, or go through the steps from a folder to a project that ran.
import { act, cancel, commandOf, decide, note, optionWords, pathWord, progressText } from "./actions.js";
import { el, getJSON, icon, postJSON } from "./frame.js";

const body = document.body;
const test = (id) => document.querySelector(`[data-testid="${id}"]`);

// --- what goes on
const goingOn = test("going-on");
let current = null;
function show(what, item) {
  goingOn.hidden = false;
  goingOn.querySelector("[data-what]").textContent = item && item.progress ? progressText(item.progress) : what;
  goingOn.querySelector("[data-said]").textContent = item ? item.message : "";
  current = item;
}
test("going-on-cancel").addEventListener("click", () => { if (current) cancel(current); });
addEventListener("pageshow", (event) => { if (event.persisted) goingOn.hidden = true; }); // come back to

/** Run an action of this page, with its progress shown; gives the ended item or null. */
async function run(what, argv) {
  show(what, null);
  try { return await act(argv, { quiet: true, onProgress: (item) => show(what, item) }); } finally { goingOn.hidden = true; }
}

/** Add the project in a folder to the list and go to it, or to `address`; what is no project is shown with what it lacks. */
async function open(folder, address = "") {
  show("Opening it", null); // so that the list, which changes, does not load this page anew instead
  try {
    const answer = await postJSON(body.dataset.openUrl, { path: folder });
    location.href = address || answer.address;
  } catch (error) {
    goingOn.hidden = true;
    if (error.type === "NotARepository") location.href = `/?folder=${encodeURIComponent(folder)}`; else note(error.message, { isBad: true });
  }
}

// --- fields of dialogs
function field(label, testid, { value = "", placeholder = "", hint = "", isFolder = false } = {}) {
  const input = el("input", { value, placeholder, autocomplete: "off", spellcheck: "false", "data-testid": testid, id: testid, "data-folder-field": isFolder });
  const said = el("p", { class: "t3 sm" }, hint);
  return { input, said, node: el("div", { class: "open-form" }, el("label", { for: testid, class: "medium" }, label), el("div", { class: "row" }, el("span", { class: "field grow" }, isFolder ? icon("folder") : null, input)), said) };
}
/** False, with the reason below the field. */
function refuse({ input, said }, reason) {
  said.textContent = reason;
  said.className = reason ? "sm is-bad" : "t3 sm";
  input.toggleAttribute("aria-invalid", Boolean(reason));
  if (reason) input.focus();
  return !reason;
}

// --- sample and clone
async function trySample() {
  const where = field("Folder to make", "sample-folder", { value: body.dataset.sample, isFolder: true, hint: "New or empty. Half a minute, 2 MB, no network." });
  const argv = () => ["sample", where.input.value.trim()];
  const isSure = await decide({
    title: "Try the sample", testid: "sample", confirm: "Make the sample", argv,
    content: [el("p", {}, "Images of handwritten digits, a pipeline of four stages, two commits and three experiments. They are made now, on this machine, by the commands you would type."), where.node],
    check: () => refuse(where, where.input.value.trim() ? "" : "A folder is needed"),
  });
  if (!isSure) return;
  const folder = where.input.value.trim();
  const item = await run("Making the sample", ["sample", folder]);
  if (item && item.state === "done") await open(folder);
}

const nameOf = (url) => url.trim().replace(/[/\\]+$/, "").split(/[/:\\]/).pop().replace(/\.git$/, "");
async function clone() {
  const url = field("Address", "clone-url", { placeholder: "https://host/project.git, git@host:project.git or a folder", hint: "Git asks nothing here: credentials come from its helpers or SSH keys." });
  const where = field("Folder to make", "clone-folder", { value: `${body.dataset.clone}/`, isFolder: true, hint: "New or empty" });
  const pull = el("input", { type: "checkbox", "data-testid": "clone-pull", id: "clone-pull" });
  pull.checked = true;
  let isTyped = false;
  where.input.addEventListener("input", () => { isTyped = true; });
  url.input.addEventListener("input", () => { if (!isTyped) where.input.value = `${body.dataset.clone}/${nameOf(url.input.value)}`; });
  const argv = () => ["clone", ...(pull.checked ? ["--pull"] : []), url.input.value.trim() || "ADDRESS", where.input.value.trim()];
  const isSure = await decide({
    title: "Clone a repository", testid: "clone-dialog", confirm: "Clone", argv,
    content: [url.node, where.node, el("label", { class: "row", for: "clone-pull" }, pull, "Fetch its data afterwards"), el("p", { class: "t3 sm" }, "Nothing of it is run until you say that you trust it.")],
    check: () => {
      const address = url.input.value.trim();
      if (!refuse(url, !address ? "An address is needed" : address.startsWith("-") || /^[\w+.-]*::/.test(address) ? "This is no address of a repository" : "")) return false;
      return refuse(where, where.input.value.trim() ? "" : "A folder is needed");
    },
  });
  if (!isSure) return;
  const folder = where.input.value.trim();
  const item = await run("Cloning", argv());
  const isThere = item && (item.state === "done" || (await getJSON(`${body.dataset.folderUrl}?path=${encodeURIComponent(folder)}`).catch(() => ({}))).has_project);
  if (isThere) await open(folder);
}
for (const button of document.querySelectorAll("[data-start]")) button.addEventListener("click", { sample: trySample, clone }[button.dataset.start]);

// --- a folder that is no project, and the steps
const list = document.querySelector("[data-checklist]");
const folder = list ? list.dataset.checklist : "";
let steps = null;
async function initialise() {
  if (!steps) return;
  const item = await run("Making it a project", steps.init);
  if (item && item.state === "done") await open(folder, "/");
}
async function chooseData() {
  const boxes = steps.candidates.map((name) => el("label", { class: "row" }, el("input", { type: "checkbox", value: name, "data-testid": "data-choice" }), el("span", { class: "mono" }, name)));
  const other = field("Or a path in it", "data-path", { placeholder: "data/raw.csv" });
  const argv = () => ["add", ...[...boxes.map((box) => box.firstChild).filter((box) => box.checked).map((box) => box.value), ...(other.input.value.trim() ? [other.input.value.trim()] : [])].map(pathWord)];
  const isSure = await decide({ title: "Track the first data", testid: "data-dialog", confirm: "Track", argv, content: [el("p", { class: "t2" }, "Large files and folders that change: they go to the cache, and Git keeps a note of 100 bytes of each."), el("div", { class: "choices" }, ...boxes), other.node],
    check: () => refuse(other, argv().length > 1 ? "" : "Choose something, or name a path") });
  if (isSure) { await act(argv(), { at: `/r/${steps.key}/` }); await look(); }
}
async function addStage() {
  const name = field("Name", "stage-name", { value: "train" });
  const command = field("Command", "stage-command", { placeholder: "python train.py" });
  const deps = field("It reads", "stage-deps", { placeholder: "train.py, data", hint: "Files and folders, separated by commas" });
  const outs = field("It writes", "stage-outs", { placeholder: "model.bin", hint: "What a run makes; it is kept in the cache" });
  const words = (input) => input.value.split(",").map((word) => word.trim()).filter(Boolean);
  const argv = () => ["stage", "add", "-n", name.input.value.trim(), ...words(deps.input).flatMap((path) => optionWords("-d", path)), ...words(outs.input).flatMap((path) => optionWords("-o", path)), "--", command.input.value.trim()];
  const isSure = await decide({ title: "Run the first stage", testid: "stage-dialog", confirm: "Add and run", command: () => `${commandOf(argv())} && ${commandOf(["repro"])}`, content: [name.node, command.node, deps.node, outs.node],
    check: () => refuse(name, name.input.value.trim() ? "" : "A name is needed") && refuse(command, command.input.value.trim() ? "" : "A command is needed") });
  if (!isSure) return;
  const at = `/r/${steps.key}/`;
  const added = await act(argv(), { at, quiet: true });
  if (added && added.state === "done") { await act(["repro"], { at }); await look(); }
}

function tick(name, isDone, isNext) {
  const step = list.querySelector(`[data-step="${name}"]`);
  step.classList.toggle("is-done", isDone);
  step.querySelector("[data-tick]").hidden = !isDone;
  step.querySelector(".cmd").hidden = isDone;
  const nb = step.querySelector(".nb");
  if (isDone !== Boolean(nb.querySelector("svg"))) nb.replaceChildren(...(isDone ? [icon("check")] : [String([...list.querySelectorAll("[data-step]")].indexOf(step) + 1)]));
  const button = step.querySelector(":scope > .btn");
  if (!button) return;
  button.hidden = isDone;
  button.disabled = !isNext;
}
async function look() {
  if (!folder) return;
  try { steps = await getJSON(`${body.dataset.folderUrl}?path=${encodeURIComponent(folder)}`); } catch { return; }
  const done = [steps.has_git, steps.has_project, steps.has_data, steps.has_run];
  list.querySelector("[data-done]").textContent = `${done.filter(Boolean).length} of 4 done in`;
  tick("git", steps.has_git, false);
  tick("project", steps.has_project, !steps.has_project && steps.exists);
  tick("data", steps.has_data, steps.has_project);
  tick("run", steps.has_run, steps.has_project);
  if (steps.branch) list.querySelector("[data-step=git] [data-says]").textContent = `Branch ${steps.branch}`;
  test("initialise").title = commandOf(steps.init);
  for (const node of document.querySelectorAll("[data-init-command]")) node.textContent = commandOf(steps.init);
}
if (list) {
  test("initialise").addEventListener("click", initialise);
  test("choose-data").addEventListener("click", chooseData);
  test("add-stage").addEventListener("click", addStage);
  document.addEventListener("dataver:live", look);
  await look();
}
const make = test("make-project");
if (make) make.addEventListener("click", () => { document.getElementById("open-dialog").close(); initialise(); });
const dialog = document.getElementById("open-dialog");
if (dialog && "show" in dialog.dataset && !location.hash) dialog.showModal();
