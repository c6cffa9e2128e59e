// How the commits table writes numbers.
import { formatNumber, formatSize } from "../launcher/frame.js";

/** Its values are sizes of outs, which have hashes, too. */
export const isSize = (column) => column.kind === "data" || column.kind === "models";

/** 12,000. Not toLocaleString, nor Intl for times: to load their data takes longer than to draw the table. */
export const grouped = (number) => String(number).replace(/\B(?=(\d{3})+$)/g, ",");

/** Decimals that a column of metrics shares, so that points line up; null where sizes differ too much. numbers: and null for nothing. */
export function decimalsOf(numbers) {
  let largest = 0;
  for (const value of numbers) {
    if (value === null) continue;
    const size = Math.abs(value);
    if (size !== 0 && (size < 0.001 || size >= 100000)) return null;
    if (size > largest) largest = size;
  }
  const limit = Math.max(0, 5 - String(Math.trunc(largest)).length);
  let most = 0;
  for (let at = 0; at < numbers.length && most < limit; at += 1) {
    if (numbers[at] === null) continue;
    const text = String(Number(numbers[at].toPrecision(5)));
    most = Math.max(most, text.includes(".") ? text.length - text.indexOf(".") - 1 : 0);
  }
  return Math.min(most, limit);
}

export function numberText(column, value) {
  if (value === null || value === undefined) return null;
  if (typeof value !== "number") return String(value);
  if (isSize(column)) return formatSize(value);
  return column.decimals === null ? formatNumber(value) : value.toFixed(column.decimals).replace(/^-/, "\u2212");
}

export function signed(column, value) {
  const text = isSize(column) ? formatSize(Math.abs(value)) : numberText(column, Math.abs(value));
  return value === 0 ? "0" : (value > 0 ? "+" : "\u2212") + (column.decimals !== null && Number(text) === 0 ? formatNumber(Math.abs(value)) : text);
}
