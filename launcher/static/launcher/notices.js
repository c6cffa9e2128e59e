// What happened by itself since the page was opened: workers that died and were started again.

import { note } from "./actions.js";

let seen = null;
document.addEventListener("dataver:live", (event) => {
  const notices = event.detail.notices || [];
  const newest = notices.reduce((number, notice) => Math.max(number, notice.number), 0);
  if (seen !== null) for (const notice of notices) if (notice.number > seen) note(notice.text, { isBad: notice.is_bad });
  seen = Math.max(seen || 0, newest);
});
