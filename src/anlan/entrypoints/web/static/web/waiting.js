// A replay under way: look again every few seconds while somebody looks at the page.
const PAUSE = 3000;
setInterval(() => {
  const busy = document.activeElement?.closest("form");
  if (!document.hidden && !busy) location.reload();
}, PAUSE);
