// Plays a replay that the page holds already: no request is made.  Without this script the
// same links step through it by "?at=".
const SHOWN = 25;
const root = document.querySelector("[data-replay]");
const instant = (text) => Date.parse(`${text}Z`); // local times of the event, compared as they are
const begin = instant(root.dataset.from);
const end = instant(root.dataset.to);
const lists = [...root.querySelectorAll("[data-moments]")].map((list) =>
  [...list.children].map((item) => ({ item, at: instant(item.dataset.at) })),
);
const moments = lists.flat();
const spots = [...root.querySelectorAll("svg [data-at]")].map((spot) => ({
  spot,
  at: instant(spot.dataset.at),
}));
const stops = [...new Set(moments.map((one) => one.at))].sort((a, b) => a - b);
const cursors = root.querySelectorAll("[data-cursor]");
const counters = [...root.querySelectorAll("[data-count]")];
const shown = root.querySelector("[data-now]");
const play = root.querySelector("[data-play]");
const speed = root.querySelector("[data-speed]");
let now = instant(new URLSearchParams(location.search).get("at") ?? root.dataset.to);
now = Number.isNaN(now) ? end : Math.max(begin, Math.min(end, now)); // as the server does
let since = null; // when the last frame was drawn; null: it stands

function draw() {
  const share = Math.max(0, Math.min(1, (now - begin) / (end - begin)));
  for (const line of cursors) {
    line.setAttribute("x1", `${share * 100}%`);
    line.setAttribute("x2", `${share * 100}%`);
  }
  for (const { spot, at } of spots) spot.classList.toggle("later", at > now);
  for (const list of lists) {
    let left = SHOWN; // the latest stands first
    for (const { item, at } of list) {
      const quiet = "quiet" in item.dataset;
      item.hidden = at > now || quiet || left <= 0;
      if (at <= now && !quiet) left -= 1;
    }
  }
  for (const counter of counters) {
    const form = counter.dataset.count;
    const told = moments.filter((one) => one.at <= now && one.item.dataset.form === form);
    counter.textContent = told.reduce((sum, one) => sum + Number(one.item.dataset.n), 0);
  }
  shown.textContent = new Date(now).toISOString().slice(0, 16).replace("T", " ");
}

function stand() {
  since = null;
  play.textContent = play.dataset.word;
  shown.setAttribute("aria-live", "polite");
  const text = new Date(now).toISOString().slice(0, 19);
  history.replaceState(null, "", `?at=${text}`);
}

function frame(time) {
  if (since === null) return;
  const pace = Number(speed.querySelector("select").value);
  now = Math.min(end, now + (time - since) * pace);
  since = time;
  draw();
  if (now >= end) stand();
  else requestAnimationFrame(frame);
}

play.addEventListener("click", () => {
  if (since !== null) {
    stand();
    return;
  }
  if (now >= end) now = begin;
  shown.setAttribute("aria-live", "off"); // not every minute of a running clock is read out
  play.textContent = play.dataset.other;
  since = performance.now();
  requestAnimationFrame(frame);
});

const goal = {
  first: () => stops[0] ?? begin,
  before: () => stops.findLast((at) => at < now) ?? begin,
  after: () => stops.find((at) => at > now) ?? end,
  last: () => end,
};
for (const link of root.querySelectorAll("[data-step]")) {
  link.addEventListener("click", (event) => {
    event.preventDefault();
    now = goal[link.dataset.step]();
    stand();
    draw();
  });
}
play.hidden = false;
speed.hidden = false;
draw();
