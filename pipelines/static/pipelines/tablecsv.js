// The experiments table as CSV: rows and columns as they are shown.

/** table: of the page. columns: that are shown. */
export function csvText(table, columns) {
  const { data, items } = table;
  const quote = (value) => {
    if (value === null || value === undefined) return "";
    let text = String(value);
    if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`; // no formula for a spreadsheet
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const head = ["commit", "experiment", "state", "subject", "created", "author", "branch", "names", "tags", "note", ...columns.map((column) => `${column.kind}.${column.file}${column.key ? `:${column.key}` : ""}`)];
  const rows = [...(data.rows.id[0] === "workspace" ? [0] : []), ...items.filter((item) => item.n >= 0).map((item) => item.n)];
  const lines = rows.map((row) => {
    const made = data.experiments[row], known = data.rows.notes[row];
    return [data.rows.sha[row], made?.name, made?.state, data.rows.subject[row], data.rows.time[row] ? new Date(data.rows.time[row] * 1000).toISOString() : "", data.rows.author[row],
      data.rows.group[row] >= 0 ? data.groups[data.rows.group[row]].name : "", (data.rows.names[row] || []).map(([, name]) => name).join(" "), known?.tags.join(" "), known?.note, ...columns.map((column) => column.values[row])];
  });
  return [head, ...lines].map((cells) => cells.map(quote).join(",")).join("\r\n") + "\r\n";
}
