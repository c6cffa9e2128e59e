// Times and durations in words, as the `duration` filter of templates.

/** < 0.1 s, 9.4 s, 2m 06s, 3h 05m. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 0.05) return "< 0.1 s";
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)}m ${String(whole % 60).padStart(2, "0")}s`;
  return `${Math.floor(whole / 3600)}h ${String(Math.floor(whole % 3600 / 60)).padStart(2, "0")}m`;
}

/** In whole seconds, for what changes while one looks: 4 s, 2m 06s. */
export function wholeDuration(seconds) { return seconds === null || seconds === undefined ? "" : seconds < 60 ? `${Math.round(Math.max(0, seconds))} s` : duration(seconds); }

/** 14:21 today, 21 Nov before; seconds since 1970. */
export function clock(seconds) {
  if (seconds === null || seconds === undefined) return "";
  const at = new Date(seconds * 1000);
  return at.toDateString() === new Date().toDateString() ? at.toTimeString().slice(0, 5) : `${at.getDate()} ${at.toLocaleString("en", { month: "short" })}`;
}
export const moment = (seconds) => (seconds ? new Date(seconds * 1000).toLocaleString() : "");
