// The cache: how much of it is used by what, what is nowhere used, the trash, and the clean-up.

import { el, icon, problemCard, formatSize, localTimes } from "../launcher/frame.js";
import { actionButton, decide, note, progressText } from "../launcher/actions.js";
import { run, newestTrash } from "./dataactions.js";

const ASK_MS = 300;
const ROWS = 12; // of a list, before "Show all"
const WORDS = {
  workspace: ["Used by the workspace", "what the .dvc files and dvc.lock name now"],
  named: ["Only by branches, tags and experiments", "tips of branches, tags, experiments"],
  history: ["Only by older commits", "a checkout of such a commit needs it"],
  unknown: ["By nothing known", "never committed, or its commits are gone"],
};
const objects = (count) => `${count.toLocaleString("en")} ${count === 1 ? "object" : "objects"}`;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Ask again until a job is over. onProgress(progress) -> false ends the asking. */
async function waitFor(ask, name, values, result, onProgress) {
  for (;;) {
    const answer = await ask(name, values);
    if (answer[result]) return answer[result];
    if (answer.error) throw new Error(answer.error.msg);
    if (onProgress(answer.progress) === false) return null;
    await pause(ASK_MS);
  }
}
/** Why nothing needs it any more. */
function reason(group) {
  if (group.workspace) return [el("span", {}, "used by the workspace")];
  if (!group.commit) return [el("span", {}, group.path ? "never committed" : "never committed, or its commit is gone")];
  return [el("span", { class: "hash" }, group.commit.sha.slice(0, 7)), el("span", { class: "trunc", title: group.commit.subject }, group.commit.subject), el("time", { class: "t3 sm", datetime: group.commit.date }, "")];
}
function groupTable(groups, more, testid) {
  const rows = (all) => groups.slice(0, all ? groups.length : ROWS).map((group) => el("tr", { "data-testid": testid },
    el("td", { class: "mono dtd", title: group.path || "of no known name" }, group.path || "of no known name"), el("td", { class: "num" }, group.objects.toLocaleString("en")), el("td", { class: "num" }, formatSize(group.size)), el("td", {}, el("span", { class: "row" }, ...reason(group)))));
  const body = el("tbody", {}, ...rows(groups.length <= ROWS));
  const table = el("div", { class: "card dscroll", tabindex: "0", role: "region", "aria-label": "Unused data" }, el("table", { class: "tbl" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Path"), el("th", { scope: "col", class: "num" }, "Objects"), el("th", { scope: "col", class: "num" }, "Size"), el("th", { scope: "col" }, "Last commit that used it"))), body));
  if (groups.length > ROWS) table.append(el("button", { type: "button", class: "btn btn-quiet", "data-testid": "show-all", onclick: (event) => { body.replaceChildren(...rows(true)); localTimes(body); event.target.remove(); } }, `Show all ${groups.length}`));
  if (more.objects) table.append(el("p", { class: "t2 sm dmore-text" }, `and ${more.objects.toLocaleString("en")} smaller objects, ${formatSize(more.size)}`));
  localTimes(table);
  return table;
}

export class CacheView {
  constructor(box, { ask, hasGit }) { Object.assign(this, { box, ask, hasGit, asked: "", isShown: false, report: null }); }
  show() { this.isShown = true; if (!this.report) this.count(); }
  /** Something was done: count anew when the view is open, else when it is opened. */
  renew() { this.report = null; if (this.isShown && !this.box.hidden) this.count(); }

  async count() {
    const asked = this.asked = String(Date.now());
    const bar = el("p", { class: "t2", role: "status", "data-testid": "cache-progress" }, "Counting");
    if (!this.box.firstChild) this.box.replaceChildren(el("h2", {}, "Cache"), bar);
    try {
      const report = await waitFor(this.ask, "cache", { ask: asked }, "report", (progress) => { bar.textContent = progressText(progress); return this.asked === asked; });
      if (!report || this.asked !== asked) return;
      this.report = report;
      const top = this.box.scrollTop;
      this.draw(report);
      this.box.scrollTop = top;
    } catch (error) { if (this.asked === asked) this.box.replaceChildren(problemCard({ where: "Cache", reason: error.message, hint: "Nothing was changed." })); }
  }

  draw(report) {
    const waste = report.shares.filter((share) => share.name === "history" || share.name === "unknown").reduce((sum, share) => sum + share.size, 0);
    const head = el("div", { class: "row dhead" }, el("div", { class: "grow" }, el("div", { class: "big", "data-testid": "cache-size" }, formatSize(report.size)), el("div", { class: "t2 sm trunc", title: report.folder }, `${objects(report.objects)} in `, el("span", { class: "mono" }, report.folder))),
      el("button", { type: "button", class: "btn", "data-testid": "cache-again", "aria-label": "Count again", title: "Count again", onclick: () => this.count() }, icon("redo"), el("span", { class: "hide-md" }, "Count again")),
      el("button", { type: "button", class: "btn btn-primary", "data-testid": "clean-up", title: "dataver gc", onclick: () => cleanUp(this.ask, this.hasGit) }, icon("trash"), "Clean up"));
    this.box.replaceChildren(head, ...(report.is_outside ? [el("p", { class: "note note-warn" }, icon("warn"), "This cache lies outside of the project. What other projects keep in it counts as unused here.")] : []), ...report.problems.map(([rev, why]) => problemCard({ where: rev, reason: why, hint: "What it uses is not counted as used here. A clean-up refuses to guess." })), this.shares(report),
      ...this.section("Unused", waste ? `${formatSize(waste)} that neither the workspace nor the tip of a branch, a tag or an experiment uses` : "", report.unused.length ? groupTable(report.unused, report.more, "cache-unused") : el("p", { class: "t2" }, "Everything is used by the workspace, a branch, a tag or an experiment.")),
      ...this.section("Tracked paths", "as far as the cache holds them; what is shared counts for each", this.paths(report.paths)),
      ...this.section("Equal files", report.copies_saved ? `the cache holds each content once, which saves ${formatSize(report.copies_saved)}` : "", this.copies(report)),
      ...this.section("Trash", "kept for 7 days", this.trash(report.trash)));
    localTimes(this.box);
  }
  section(title, about, content) { return [el("div", { class: "row dsh" }, el("h2", {}, title), el("span", { class: "t2 sm" }, about)), content]; }

  shares(report) {
    const total = report.size || 1;
    return el("div", { class: "card dshares" }, el("div", { class: "dstack", role: "img", "aria-label": report.shares.map((share) => `${WORDS[share.name][0]}: ${formatSize(share.size)}`).join("; ") }, ...report.shares.filter((share) => share.size).map((share) => { const part = el("span", { class: `dpart d-${share.name}` }); part.style.width = `${(share.size / total) * 100}%`; return part; })),
      el("div", { class: "dlegend" }, ...report.shares.map((share) => el("div", { class: "row", "data-testid": `share-${share.name}` }, el("span", { class: `ddot d-${share.name}` }), el("div", { class: "grow" }, el("div", { class: "medium" }, WORDS[share.name][0]), el("div", { class: "t2 sm" }, WORDS[share.name][1])), el("div", { class: "num nowrap" }, el("div", {}, formatSize(share.size)), el("div", { class: "t3 sm" }, `${objects(share.objects)}`))))));
  }
  paths(paths) {
    if (!paths.length) return el("p", { class: "t2" }, "Nothing is tracked in the workspace.");
    return el("div", { class: "card dscroll", tabindex: "0", role: "region", "aria-label": "Tracked paths" }, el("table", { class: "tbl" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Path"), el("th", { scope: "col", class: "num" }, "Objects"), el("th", { scope: "col", class: "num" }, "Size"))),
      el("tbody", {}, ...paths.slice(0, 200).map((share) => el("tr", { "data-testid": "cache-path" }, el("td", { class: "mono dtd", title: share.name }, share.name), el("td", { class: "num" }, share.objects.toLocaleString("en")), el("td", { class: "num" }, formatSize(share.size)))))));
  }
  copies(report) {
    if (!report.copies.length) return el("p", { class: "t2" }, "No two tracked files of the workspace are equal.");
    return el("div", { class: "card dscroll", tabindex: "0", role: "region", "aria-label": "Equal files" }, el("table", { class: "tbl" }, el("tbody", {}, ...report.copies.map((copy) => el("tr", { "data-testid": "cache-copy" }, el("td", { class: "num" }, formatSize(copy.size)), el("td", { class: "num" }, `${copy.names.length} files`), el("td", { class: "mono dtd", title: copy.names.slice(0, 50).join("\n") }, copy.names.slice(0, 3).join(", "), copy.names.length > 3 ? ` and ${copy.names.length - 3} more` : ""))))));
  }
  trash(batches) {
    if (!batches.length) return el("p", { class: "t2", "data-testid": "trash-empty" }, "The trash is empty. What a clean-up takes out stays here for 7 days and can be brought back.");
    const day = (seconds) => el("time", { datetime: new Date(seconds * 1000).toISOString() }, "");
    return el("div", { class: "card" }, ...batches.map((batch) => el("div", { class: "row dbatch", "data-testid": "trash-batch" }, icon("trash"), el("div", { class: "grow" }, el("div", {}, `${formatSize(batch.size)}, ${objects(batch.objects)}`), el("div", { class: "t2 sm" }, "taken out ", day(batch.since), ", kept until ", day(batch.until))),
      actionButton("Restore", ["gc", "--restore", batch.name], { symbol: "undo", testid: "trash-restore", run }),
      actionButton("Delete now", ["gc", "--empty-trash", batch.name, "-f"], { classes: "btn-danger", testid: "trash-delete", run: async (argv) => { if (await decide({ title: `Delete ${formatSize(batch.size)} for good?`, testid: "trash-sure", isDanger: true, confirm: `Delete ${formatSize(batch.size)}`, argv, content: [el("p", {}, `${objects(batch.objects)} leave the trash. Nothing brings them back, but for a remote that has them.`)] })) run(argv); } }))));
  }
}

// --- the clean-up
const SCOPES = [["all_branches", "-a", "The tips of all branches", true], ["all_tags", "-T", "All tags", true], ["all_experiments", "--all-experiments", "All experiments, queued ones too", true], ["all_commits", "-A", "Every commit ever made", false]];

/** Ask what stays, show what would go, move that to the trash. */
async function cleanUp(ask, hasGit) {
  const boxes = new Map(SCOPES.map(([name, , , isOn]) => [name, el("input", { type: "checkbox", "data-testid": `keep-${name}`, disabled: !hasGit })]));
  for (const [name, , , isOn] of SCOPES) boxes.get(name).checked = isOn && hasGit;
  const num = el("input", { type: "number", min: "1", value: "1", class: "field dnum", "data-testid": "keep-num", "aria-label": "Commits of each branch", disabled: !hasGit });
  const date = el("input", { type: "date", class: "field", "data-testid": "keep-date", "aria-label": "Commits since", disabled: !hasGit });
  const shown = el("div", { class: "dpreview", "data-testid": "clean-preview", "aria-live": "polite" });
  const isOn = (name) => boxes.get(name).checked;
  const count = () => (isOn("all_branches") && !isOn("all_commits") && Number(num.value) > 1 ? Number(num.value) : 1);
  const argv = () => ["gc", "-w", ...SCOPES.filter(([name]) => isOn(name)).map(([, flag]) => flag), ...(count() > 1 ? ["-n", String(count())] : []), ...(date.value ? ["--date", date.value] : []), "--trash", "-f"];
  let go = null, asked = 0, found = null;
  const look = async () => {
    const mine = (asked += 1);
    found = null;
    go.disabled = true;
    go.textContent = "Delete";
    try {
      const values = { ask: `${Date.now()}`, ...Object.fromEntries(SCOPES.filter(([name]) => isOn(name)).map(([name]) => [name, 1])), num: count() > 1 ? count() : "", date: date.value };
      if (!shown.firstChild) shown.append(el("p", { class: "t2" }, "Looking for what nothing uses"));
      const answer = await waitFor(ask, "cleanup", values, "found", (progress) => { if (mine === asked && progress) shown.replaceChildren(el("p", { class: "t2" }, progressText(progress))); return mine === asked && shown.isConnected; });
      if (!answer || mine !== asked) return;
      found = answer;
      go.disabled = !found.objects;
      go.textContent = found.objects ? `Delete ${formatSize(found.size)}` : "Nothing to delete";
      shown.replaceChildren(...found.warnings.map((text) => el("p", { class: "note note-warn" }, icon("warn"), text)),
        found.objects ? el("p", { "data-testid": "clean-total" }, el("span", { class: "strong" }, `${formatSize(found.size)} in ${objects(found.objects)}`), " will be moved to the trash, and be deleted after 7 days.") : el("p", { "data-testid": "clean-total" }, "Nothing is unused: all that the cache holds is kept by what you chose."),
        found.groups.length ? groupTable(found.groups, found.more, "clean-group") : "");
    } catch (error) { if (mine === asked) shown.replaceChildren(problemCard({ where: "gc", reason: error.message })); }
  };
  let timer = null;
  const soon = () => { num.disabled = !hasGit || !isOn("all_branches") || isOn("all_commits"); clearTimeout(timer); timer = setTimeout(look, 250); };
  const label = (box, text) => el("label", { class: "row" }, box, text);
  const isSure = await decide({
    title: "Clean up the cache", testid: "clean", isDanger: true, isWide: true, confirm: "Delete", argv,
    content: [el("fieldset", { class: "dscope" }, el("legend", { class: "t2" }, "Keep what is used by"), label(el("input", { type: "checkbox", checked: true, disabled: true }), "The workspace, always"),
      ...SCOPES.map(([name, , text]) => label(boxes.get(name), text)), el("div", { class: "row" }, "The last", num, "of each branch"), el("label", { class: "row" }, "Commits since", date),
      hasGit ? null : el("p", { class: "t2 sm" }, "Without Git only the workspace is known to use data.")), shown],
    onOpen: (parts) => { go = parts.go; parts.dialog.addEventListener("input", soon); parts.dialog.addEventListener("change", soon); soon(); look(); },
    check: () => Boolean(found && found.objects),
  });
  asked += 1;
  if (!isSure) return;
  const size = found.size;
  const item = await run(argv(), { quiet: true });
  if (!item || item.state !== "done") return;
  const batch = await newestTrash(ask).catch(() => null);
  note(`${formatSize(size)} were moved to the trash`, { undo: batch ? { label: "Restore", argv: ["gc", "--restore", batch.name] } : null });
}
