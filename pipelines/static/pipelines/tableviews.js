// Saved views: the reader's own, and those the project shares (`dataver exp view`).
import { act, commandOf, decide, plainWords } from "../launcher/actions.js";
import { chosen, el, keep } from "../launcher/frame.js";
import { openMenu } from "./tablemenu.js";
import { readView, viewText } from "./tableview.js";

const button = document.querySelector('[data-testid="views"]');
const shared = JSON.parse(document.getElementById("shared-views").textContent);
const own = () => chosen("experiments.views", {});

/** apply: called after another view was taken over. */
export function startViews(apply) {
  const take = (name, text) => { readView(new URLSearchParams(text)); showName(name); apply(); };
  button.addEventListener("click", () => {
    const names = Object.keys(own()).sort();
    openMenu([
      { label: "Everything, as at first", symbol: "redo", run: () => take("", ""), testid: "view-plain" },
      names.length ? { heading: "Your views" } : false,
      ...names.map((name) => ({ label: name, symbol: "eye", run: () => take(name, own()[name]), testid: "view" })),
      Object.keys(shared).length ? { heading: "Views of the project" } : false,
      ...Object.keys(shared).sort().map((name) => ({ label: name, symbol: "git", run: () => take(name, shared[name]), testid: "shared-view" })),
      null,
      { label: "Save this view", symbol: "plus", run: save, testid: "view-save" },
      names.length > 0 && { label: "Forget a view", symbol: "trash", run: forget, testid: "view-forget" },
    ], button.getBoundingClientRect(), { label: "Views", back: button, testid: "views-menu" });
  });
}

function showName(name) { button.querySelector("[data-name]").textContent = name ? `View: ${name}` : "View"; }

async function save() {
  const name = el("input", { type: "text", id: "view-name", required: true, maxlength: "80", "data-testid": "view-name", autocomplete: "off" });
  const share = el("input", { type: "checkbox", "data-testid": "view-share" });
  const parts = () => [name.value.trim() || "NAME", viewText() || "v=1"];
  const isSure = await decide({
    title: "Save this view", testid: "save-view", confirm: "Save", command: () => (share.checked ? commandOf(["exp", "view", ...plainWords(...parts())]) : null),
    content: [el("label", { class: "form-line" }, el("span", {}, "Name"), el("span", { class: "field" }, name)), el("label", { class: "row" }, share, "Share it with the project: it is written to .dvc/dataver.yaml, which you commit"), el("p", { class: "t2 sm" }, "Filter, order, columns, widths and baseline are saved; what is selected is not.")],
    check: () => Boolean(name.value.trim()),
  });
  if (!isSure) return;
  const [called, text] = parts();
  if (share.checked) { const item = await act(["exp", "view", ...plainWords(called, text)]); if (!item || item.state !== "done") return; shared[called] = text; } else keep("experiments.views", { ...own(), [called]: viewText() });
  showName(called);
}

function forget() {
  openMenu(Object.keys(own()).sort().map((name) => ({ label: name, symbol: "trash", testid: "forget-view", run: () => { const rest = { ...own() }; delete rest[name]; keep("experiments.views", Object.keys(rest).length ? rest : null); } })),
    button.getBoundingClientRect(), { label: "Forget a view", back: button });
}
