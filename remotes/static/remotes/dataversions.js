// Versions of a path, and what differs between two of them.

import { el, icon, formatSize, localTimes } from "../launcher/frame.js";

const SHOWN = 200; // changed files in the document

export class Versions {
  constructor({ ask, path, isFolder, onLook, reveal }) {
    Object.assign(this, { ask, path, isFolder, onLook, reveal, found: [], next: "", from: "", to: "" });
    this.list = el("div", { class: "dversions", "data-testid": "versions" });
    this.diff = el("div", { class: "dsec", "data-testid": "diff", hidden: true });
    this.node = el("section", { class: "dsec", "aria-label": "Versions" }, el("div", { class: "row" }, el("h3", { class: "grow" }, "Versions"), this.count = el("span", { class: "t3 sm" })), this.list, this.diff);
  }

  async load() {
    try {
      const answer = await this.ask("versions", { path: this.path });
      Object.assign(this, { found: answer.versions, next: answer.next });
      this.draw();
    } catch (error) { this.list.replaceChildren(el("p", { class: "t2" }, error.message)); }
  }
  async older() {
    const answer = await this.ask("versions", { path: this.path, start: this.next });
    this.found.push(...answer.versions);
    this.next = answer.next;
    this.draw();
  }

  draw() {
    this.count.textContent = this.found.length ? `${this.found.length}${this.next ? "+" : ""}` : "";
    const focused = this.list.contains(document.activeElement) ? document.activeElement.dataset.sha : null;
    this.list.replaceChildren(...(this.found.length ? [
      this.row({ sha: "workspace", subject: "Workspace", there: true }, this.found[0].sha),
      ...this.found.map((version, index) => this.row(version, this.found[index + 1]?.sha || "")),
      this.next ? el("button", { type: "button", class: "btn", "data-testid": "older", onclick: () => this.older() }, "Older versions") : null].filter(Boolean)
      : [el("p", { class: "t2" }, this.next ? "Looking for versions" : "No commit has it yet: after `git commit`, its versions stand here.")]));
    if (!this.found.length && this.next) this.older();
    localTimes(this.list);
    if (focused) this.list.querySelector(`[data-sha="${focused}"]`)?.focus();
  }
  row(version, before) {
    const isWorkspace = version.sha === "workspace", isGone = !isWorkspace && !version.oid;
    return el("button", { type: "button", class: "dversion", "data-testid": "version", "data-sha": version.sha, "aria-pressed": String(this.to === version.sha), title: before ? "What changed with this version" : "The first version", onclick: () => this.compare(before, version.sha) },
      icon(isWorkspace ? "edit" : "commit"), el("span", { class: "trunc grow" }, version.subject), isWorkspace ? null : el("span", { class: "hash" }, version.sha.slice(0, 7)),
      isWorkspace ? null : el("time", { class: "t3 sm", datetime: version.time }, ""),
      isWorkspace ? null : el("span", { class: "t2 sm num dvsize" }, isGone ? "removed" : version.size === null ? "" : formatSize(version.size)),
      !isWorkspace && !isGone && !version.there ? el("span", { class: "state is-warn", title: "The cache does not hold this version" }, icon("disk"), "Not in cache") : null);
  }

  async compare(from, to) {
    Object.assign(this, { from, to });
    for (const node of this.list.querySelectorAll("[data-sha]")) node.setAttribute("aria-pressed", String(node.dataset.sha === to));
    this.onLook(to === "workspace" ? "" : to);
    this.diff.hidden = false;
    const names = new Map([["workspace", "Workspace"], ...this.found.map((version) => [version.sha, `${version.sha.slice(0, 7)} ${version.subject}`])]);
    const choose = (label, name, value) => {
      const select = el("select", { class: "field", "aria-label": label, "data-testid": `diff-${name}`, onchange: () => this.compare(name === "from" ? select.value : this.from, name === "to" ? select.value : this.to) },
        ...(name === "from" && !value ? [el("option", { value: "" }, "nothing")] : []), ...[...names].map(([sha, text]) => el("option", { value: sha, selected: sha === value }, text)));
      return select;
    };
    const head = el("div", { class: "row dchoose" }, choose("From", "from", from), icon("arrow-r"), choose("To", "to", to));
    if (!this.diff.contains(document.activeElement)) this.diff.replaceChildren(head, el("p", { class: "t3 sm" }, "Comparing"));
    if (!from) { this.diff.replaceChildren(head, el("p", { class: "t2" }, "This is the first version; nothing was tracked here before.")); return; }
    let answer;
    try { answer = await this.ask("diff", { path: this.path, a: from, b: to }); } catch (error) { answer = { error }; }
    if (this.from !== from || this.to !== to) return;
    const focused = this.diff.contains(document.activeElement) ? document.activeElement.dataset.testid : null;
    this.diff.replaceChildren(head, ...(answer.error ? [el("p", { class: "t2" }, answer.error.message)] : this.changes(answer)));
    if (focused) this.diff.querySelector(`[data-testid="${focused}"]`)?.focus();
    this.diff.scrollIntoView({ block: "nearest" });
  }
  changes(answer) {
    const found = answer.unlisted.map((path) => el("p", { class: "t2" }, `The list of files of ${path} is not in the cache, so they are not compared. \`dataver fetch\` brings it.`));
    if (!answer.total) return found.length ? found : [el("p", { class: "t2", "data-testid": "diff-same" }, "Nothing differs.")];
    const words = Object.entries(answer.counts).map(([state, count]) => `${count.toLocaleString("en")} ${state}`).join(", ");
    found.push(el("p", { class: "sm", "data-testid": "diff-counts" }, words, answer.growth ? el("span", { class: "t2" }, `, ${answer.growth > 0 ? "+" : "−"}${formatSize(Math.abs(answer.growth))}`) : ""));
    found.push(el("div", { class: "dchanges", tabindex: "0", role: "region", "aria-label": "Changed files" }, ...answer.changes.slice(0, SHOWN).map((change) => this.change(change)), answer.total > SHOWN ? el("p", { class: "t2 sm" }, `and ${(answer.total - SHOWN).toLocaleString("en")} more`) : ""));
    return found;
  }
  change(change) {
    const [symbol, look] = { added: ["plus", "up"], deleted: ["minus", "down"], modified: ["change", ""], renamed: ["arrow-r", ""] }[change.state];
    const size = (value) => (value === null ? "–" : formatSize(value));
    const sizes = change.state === "added" ? size(change.new_size) : change.state === "deleted" ? size(change.old_size) : change.old_size === change.new_size ? size(change.new_size) : `${size(change.old_size)} → ${size(change.new_size)}`;
    const inside = change.path === this.path ? change.path.split("/").pop() : change.path.slice(this.path.length + 1);
    return el("div", { class: "row dchange", "data-testid": "diff-file" }, el("span", { class: `state ${look}` }, icon(symbol), change.state), el("span", { class: "mono trunc grow", title: change.was ? `${change.was} → ${change.path}` : change.path }, change.was ? `${change.was.split("/").pop()} → ${inside}` : inside), el("span", { class: "t2 sm num nowrap" }, sizes));
  }
}
