// The beginning of a file: a table, a text or an image, of the workspace or of a version.

import { el, icon, formatSize } from "../launcher/frame.js";

export class Preview {
  constructor({ ask, base, path }) {
    Object.assign(this, { ask, base, path, rev: "" });
    this.title = el("span", { class: "t3 sm grow trunc" });
    this.body = el("div", { class: "dpre", "data-testid": "preview" });
    this.node = el("section", { class: "dsec", "aria-label": "Preview" }, el("div", { class: "row" }, el("h3", {}, "Preview"), this.title), this.body);
  }
  /** rev: a commit, "" for the workspace. */
  async show(rev) {
    this.rev = rev;
    let found;
    try { found = await this.ask("preview", { path: this.path, rev }); } catch (error) { found = { kind: "none", reason: error.message, hint: "" }; }
    if (this.rev !== rev) return;
    const words = [rev ? `at ${rev.slice(0, 7)}` : "in the workspace"];
    if (found.kind === "table" && !found.columns.length) found = { kind: "text", text: "" };
    if (found.kind === "table") words.push(`${found.is_cut ? "the first " : ""}${found.rows.length.toLocaleString("en")} rows, ${found.columns.length} columns`);
    else if (found.kind === "text" && found.is_cut) words.push(`the beginning of ${formatSize(found.size)}`);
    this.title.textContent = words.join(", ");
    this.body.replaceChildren(this.draw(found));
  }
  draw(found) {
    if (found.kind === "image" && !found.is_cut) {
      const query = new URLSearchParams({ path: this.path, ...(this.rev ? { rev: this.rev } : {}) });
      const image = el("img", { class: "dimg", alt: `${this.path}${this.rev ? ` at ${this.rev.slice(0, 7)}` : ""}`, src: `${this.base}/image?${query}`, "data-testid": "preview-image" });
      image.addEventListener("load", () => { this.title.textContent += `, ${image.naturalWidth} × ${image.naturalHeight}`; });
      image.addEventListener("error", () => image.replaceWith(el("p", { class: "t2" }, "This image cannot be drawn.")));
      return image;
    }
    if (found.kind === "table") {
      const numeric = found.columns.map((_, at) => found.rows.length > 0 && found.rows.every((row) => row[at] === "" || isNumber(row[at] ?? "x")));
      return el("div", { class: "dtable", tabindex: "0", role: "region", "aria-label": "First rows" }, el("table", { class: "tbl", "data-testid": "preview-table" },
        el("thead", {}, el("tr", {}, ...found.columns.map((name, at) => el("th", { scope: "col", class: numeric[at] ? "num" : "" }, name)))),
        el("tbody", {}, ...found.rows.map((row) => el("tr", {}, ...row.map((cell, at) => el("td", { class: numeric[at] ? "num" : "" }, cell)))))));
    }
    if (found.kind === "text") return found.text ? el("pre", { class: "log dtext", tabindex: "0", "data-testid": "preview-text" }, found.text) : el("p", { class: "t2" }, "The file is empty.");
    if (found.kind === "binary" || found.kind === "image") return el("p", { class: "t2" }, `${formatSize(found.size)} of ${found.kind === "image" ? "an image, which is too large to be shown" : "binary data"}.`);
    return el("p", { class: "t2 row dnone" }, icon("eye"), el("span", {}, found.reason, found.hint ? el("span", { class: "sm" }, ` ${found.hint}`) : ""));
  }
}
function isNumber(text) { return text !== "" && !Number.isNaN(Number(text)); }
