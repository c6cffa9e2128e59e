// The dialog that adds a revision: branches, tags, experiments, commits, or whatever Git reads.
import { el, getJSON, icon, problemCard } from "../launcher/frame.js";
import { byId, state, URLS } from "./plotstate.js";

const SYMBOLS = { workspace: "edit", branch: "branch", tag: "tag", experiment: "zap", running: "run", commit: "commit" };
const SHOWN_AT_MOST = 200;

/** change(names): of all revisions that are to be shown then. */
export function startChoices(change) {
  let choices = [];
  const input = byId("add-find"), list = byId("add-list");
  const item = (choice) => el("button", { type: "button", class: "menu-i", "data-testid": "choice", "data-name": choice.name, onclick: () => { byId("add-dialog").close(); change([...state.page.revisions.map((chip) => chip.name), choice.name]); } },
    icon(SYMBOLS[choice.kind] || "commit"), el("span", { class: "name trunc" }, choice.name), el("span", { class: "t3 trunc" }, choice.subject || (choice.kind === "workspace" ? "as it is now" : choice.kind)), choice.id === "workspace" || choice.id.startsWith(choice.name) ? null : el("span", { class: "hash" }, choice.id.slice(0, 7)));
  const fill = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean), typed = input.value.trim();
    const shown = new Set(state.page.revisions.map((chip) => chip.id));
    const found = choices.filter((choice) => !shown.has(choice.id) && words.every((word) => `${choice.name} ${choice.subject} ${choice.id}`.toLowerCase().includes(word))).slice(0, SHOWN_AT_MOST);
    const exact = typed && !found.some((choice) => choice.name === typed) ? [item({ kind: "commit", name: typed, subject: "as typed", id: "" })] : [];
    list.replaceChildren(...exact, ...found.map(item));
    if (!list.children.length) list.replaceChildren(el("p", { class: "t3 none" }, "Every revision is shown already."));
  };
  input.addEventListener("input", fill);
  input.addEventListener("keydown", (event) => { if (event.key === "Enter") { event.preventDefault(); list.querySelector("button")?.click(); } });
  document.querySelector('[data-testid="add-revision"]')?.addEventListener("click", async () => {
    input.value = "";
    choices = [];
    list.replaceChildren(el("p", { class: "t3 none" }, "Reading the history…"));
    input.focus();
    try { choices = (await getJSON(URLS.choices)).revisions; fill(); } catch (error) { list.replaceChildren(problemCard({ reason: error.message })); }
  });
}
