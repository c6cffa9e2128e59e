// The panel of one tracked file or folder: its state, what can be done with it, its beginning, its versions.

import { el, icon, problemCard, formatSize } from "../launcher/frame.js";
import { actionButton, commandOf, pathWord } from "../launcher/actions.js";
import { stateMarks } from "./datastate.js";
import { run, commit, checkout, makeLink, remove } from "./dataactions.js";
import { Versions } from "./dataversions.js";
import { Preview } from "./datapreview.js";

export class DataPanel {
  constructor(box, { ask, base, hasRemote, hasGit, onClose, reveal }) {
    Object.assign(this, { box, ask, base, hasRemote, hasGit, onClose, reveal, path: "", item: null });
  }
  close() { this.path = ""; this.box.hidden = true; this.onClose(); }

  /** Show a path; "" hides the panel. */
  async show(path) {
    if (!path) { this.path = ""; this.box.hidden = true; return; }
    const isOther = path !== this.path;
    this.path = path;
    let item;
    try { item = await this.ask("item", { path }); } catch (error) {
      if (this.path !== path) return;
      this.box.hidden = false;
      this.item = null;
      this.box.replaceChildren(this.head({ name: path.split("/").pop(), path, dir: false }, []), el("div", { class: "ddb" }, problemCard({ where: path, reason: error.message, hint: error.status === 404 ? "It is not tracked any more, or was renamed." : "" })));
      return;
    }
    if (this.path !== path) return;
    const key = JSON.stringify({ ...item, version: 0, hasRemote: this.hasRemote() });
    if (!isOther && key === this.key && !this.box.hidden) return;
    const isSame = !isOther && this.item && this.item.oid === item.oid && this.item.local === item.local && this.item.size === item.size;
    Object.assign(this, { item, key });
    this.box.hidden = false;
    if (isOther || !this.facts) this.build(item); else this.update(item, !isSame);
  }
  /** There is a newer table. */
  renew() { if (this.path) this.show(this.path); }

  build(item) {
    this.facts = el("dl", { class: "kv" });
    this.buttons = el("div", { class: "row dbuttons", "data-testid": "panel-actions" });
    this.marks = el("div", { class: "row dmarks", "data-testid": "panel-state" });
    this.preview = item.dir ? null : new Preview({ ask: this.ask, base: this.base, path: item.path });
    this.versions = this.hasGit ? new Versions({ ask: this.ask, path: item.path, isFolder: item.dir, onLook: (rev) => this.preview && this.preview.show(rev), reveal: this.reveal }) : null;
    this.box.replaceChildren(this.head(item, [this.marks, this.buttons]), el("div", { class: "ddb scroll", tabindex: "0", role: "region", "aria-label": `About ${item.name}` }, this.facts, ...(this.preview ? [this.preview.node] : []), ...(this.versions ? [this.versions.node] : [])));
    this.update(item, true);
  }
  head(item, parts) {
    return el("div", { class: "ddh" }, el("div", { class: "row" }, icon(item.dir ? "folder" : "file"), el("h2", { class: "trunc grow", title: item.path, "data-testid": "panel-name" }, item.name),
      el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-copy": item.path, title: "Copy the path", "aria-label": `Copy the path ${item.path}` }, icon("copy")),
      el("button", { type: "button", class: "btn btn-quiet btn-icon", "data-testid": "panel-close", "aria-label": "Close", title: "Close  Esc", onclick: () => this.close() }, icon("x"))), ...parts);
  }

  update(item, isChanged) {
    const facts = item.tracked;
    this.marks.replaceChildren(...stateMarks(item), item.remote === null ? "" : el("span", { class: `state ${item.remote ? "is-warn" : "is-ok"}` }, icon("cloud"), item.remote ? (item.dir ? `${item.remote.toLocaleString("en")} not in the remote` : "Not in the remote") : "In the remote"));
    const focused = this.buttons.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    const isOpen = this.buttons.querySelector("details[open]") !== null;
    this.buttons.replaceChildren(...this.actions(item));
    const menu = this.buttons.querySelector("details");
    if (isOpen && menu) menu.open = true;
    if (focused) this.buttons.querySelector(`[data-testid="${focused}"]`)?.focus();
    const rows = [["Size", item.size === null ? "unknown" : formatSize(item.size)]];
    if (item.dir) rows.push(["Files", item.files.toLocaleString("en")]);
    if (facts) rows.push(["Tracked by", facts.stage ? `stage ${facts.stage}` : facts.file]);
    else if (item.inside.length) rows.push(["Tracked inside", item.inside.length === 1 ? item.inside[0] : `${item.inside.length} paths`]);
    if (item.around && item.around !== item.path) rows.push(["Part of", item.around]);
    if (facts && facts.source) rows.push(["Imported from", facts.source]);
    if (facts && facts.remote) rows.push(["Remote", facts.remote]);
    if (facts && !facts.pushed) rows.push(["Push", "never: push is false"]);
    if (item.was) rows.push(["Was", item.was]);
    if (item.oid) rows.push(["Recorded as", item.oid]);
    this.facts.replaceChildren(...rows.flatMap(([name, value]) => [el("dt", {}, name), el("dd", { title: value, class: name === "Recorded as" ? "mono" : "" }, value)]));
    if (isChanged) { if (this.preview) this.preview.show(""); if (this.versions) this.versions.load(); }
  }

  actions(item) {
    const facts = item.tracked, counts = item.dir ? { missing: item.missing ? 1 : 0, ...item.counts } : { [`local ${item.local}`]: 1, missing: item.missing ? 1 : 0 };
    const word = pathWord(item.path), target = facts ? [word] : ["-R", word], found = [];
    if (!facts && !item.inside.length) return []; // Git's last commit has it, nothing tracks it now
    const local = Object.entries(counts).reduce((sum, [name, count]) => sum + (name.startsWith("local ") && name !== "local " && name !== "local unknown" ? count : 0), 0);
    if (local && facts) {
      const out = facts.stage || item.around;
      found.push(actionButton("Commit", ["commit", "-f", pathWord(out)], { symbol: "check", testid: "panel-commit", run: () => commit(this.ask, item.path, out, local) }));
    }
    if (local && facts) found.push(actionButton("Check out", ["checkout", word], { symbol: "undo", testid: "panel-checkout", run: () => checkout(this.ask, item.path, counts) }));
    const missing = counts.missing || 0;
    if (this.hasRemote()) found.push(actionButton("Pull", ["pull", ...target], { symbol: "dl", testid: "panel-pull", run, classes: missing ? "btn-primary" : "" }), actionButton("Push", ["push", ...target], { symbol: "ul", testid: "panel-push", run }));
    if (facts || this.hasRemote()) found.push(this.more(item, facts, target));
    return found;
  }
  more(item, facts, target) {
    const entry = (label, symbol, argv, go = null, danger = false) => el("button", { type: "button", class: `menu-i${danger ? " is-bad" : ""}`, role: "menuitem", title: commandOf(argv), "data-testid": `more-${argv[0] === "remote" ? "link" : argv[0]}`, onclick: () => { details.open = false; if (go) go(); else run(argv); } }, icon(symbol), label);
    const details = el("details", { class: "switcher dmore", "data-menu": true }, el("summary", { class: "btn btn-icon", "aria-label": "More", title: "More", "data-testid": "panel-more" }, icon("dots")),
      el("div", { class: "menu", role: "menu", "aria-label": "More" },
        this.hasRemote() ? entry("Fetch into the cache only", "disk", ["fetch", ...target]) : null,
        facts?.has_links ? entry("Make a link to it", "link", ["remote", "link", pathWord(item.path)], () => makeLink(this.base, item.path)) : null,
        facts ? entry("Make it safe to edit", "edit", ["unprotect", pathWord(item.path)]) : null,
        facts && !item.local && !(item.counts && Object.keys(item.counts).some((name) => name.startsWith("local"))) ? entry("Check out again", "undo", ["checkout", pathWord(item.path)]) : null,
        facts && item.path === item.around ? el("hr", {}) : null,
        facts && item.path === item.around ? entry(facts.stage ? "Remove the stage" : "Stop tracking", "trash", ["remove", pathWord(facts.stage || facts.file)], () => remove(item.path, facts, item.size === null ? "size unknown" : formatSize(item.size)), true) : null));
    return details;
  }
}
