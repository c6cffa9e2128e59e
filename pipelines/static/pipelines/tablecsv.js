// The commits table as CSV: rows and columns as they are shown.

/** data: of the page. columns: that are shown. shown: row numbers in order, groups below 0. */
export function csvText(data, columns, shown) {
  const quote = (value) => {
    if (value === null || value === undefined) return "";
    let text = String(value);
    if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`; // no formula for a spreadsheet
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const head = ["commit", "subject", "created", "author", "branch", "names", ...columns.map((column) => `${column.kind}.${column.file}${column.key ? `:${column.key}` : ""}`)];
  const rows = [...(data.rows.sha[0] === "workspace" ? [0] : []), ...shown.filter((number) => number >= 0)];
  const lines = rows.map((row) => [
    data.rows.sha[row], data.rows.subject[row], data.rows.time[row] ? new Date(data.rows.time[row] * 1000).toISOString() : "", data.rows.author[row],
    data.rows.group[row] >= 0 ? data.groups[data.rows.group[row]].name : "", (data.rows.names[row] || []).map(([, name]) => name).join(" "), ...columns.map((column) => column.values[row])]);
  return [head, ...lines].map((cells) => cells.map(quote).join(",")).join("\r\n") + "\r\n";
}
