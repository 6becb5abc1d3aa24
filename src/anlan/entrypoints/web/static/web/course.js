// The course of a stream: another span by hand, finger, wheel or key, and new readings as they come.
// The server draws; this file moves the drawing while it waits, and asks for the next one.

const root = document.getElementById("course");
const says = document.getElementById("course-says");
const words = JSON.parse(root.dataset.words);
const SHORTEST_MS = 60_000;
const LONGEST_MS = 3660 * 86_400_000;
const EARLIEST_MS = Date.UTC(1971, 0, 1);
const LOOK_MS = 5_000;
const WHEEL_MS = 250; // a wheel that stood still so long has said all
const MOVED_PX = 4;

const part = () => root.querySelector("[data-range]");
const plot = () => root.querySelector(".plot");
const number = (name) => Number(part().dataset[name]);
const asking = { now: null, wheel: 0, wanted: null };

function address(query) {
  const made = new URL(root.dataset.plot, window.location.href);
  for (const [name, value] of Object.entries(query)) made.searchParams.set(name, value);
  return made;
}

/** What the address of this page asks for: a range that ends now, or two instants. */
function asked() {
  const given = new URLSearchParams(window.location.search);
  if (given.has("from")) return { from: given.get("from"), to: given.get("to") };
  return { range: part().dataset.range };
}

async function bring(query, { quietly = false } = {}) {
  asking.now?.abort();
  const mine = new AbortController();
  asking.now = mine;
  if (!quietly) says.textContent = words["stream.loading"];
  try {
    const answer = await fetch(address(query), { signal: mine.signal });
    if (answer.redirected) { window.location.reload(); return; } // the session is over
    if (!answer.ok) throw new Error(String(answer.status));
    if (answer.status === 200) take(await answer.text());
    says.textContent = asked().range ? words["stream.live_on"] : "";
  } catch (error) {
    if (error.name === "AbortError") return;
    still();
    says.textContent = words["stream.live_lost"];
  }
}

function take(html) {
  const open = root.querySelector("[data-twin]")?.open;
  const inside = root.contains(document.activeElement) ? document.activeElement : null;
  const back = inside?.classList.contains("plot") ? ".plot"
    : inside?.dataset.move ? `[data-move="${inside.dataset.move}"]` : null;
  root.innerHTML = html;
  if (open) root.querySelector("[data-twin]").open = true;
  if (back) (root.querySelector(back) ?? plot()).focus({ preventScroll: true });
}

/** Show another span; it stands in the address, so that it can be sent to somebody. */
function go(from, to) {
  const length = Math.min(Math.max(to - from, SHORTEST_MS), LONGEST_MS);
  const middle = (from + to) / 2;
  const end = Math.min(middle + length / 2, Math.max(Date.now(), number("to")));
  const start = Math.max(end - length, EARLIEST_MS);
  const given = { from: instant(start), to: instant(Math.max(end, start + SHORTEST_MS)) };
  window.history.replaceState(null, "", `?${new URLSearchParams(given)}`);
  bring(given);
}

const instant = (ms) => `${new Date(Math.round(ms / 1000) * 1000).toISOString().slice(0, 19)}+00:00`;

function goRange(range) {
  window.history.replaceState(null, "", `?range=${range}`);
  bring({ range });
}

// ---------------------------------------------------------------- the drawing while it is moved

const wide = () => plot().getBoundingClientRect().width || 1;

function move(pixels, scale = 1) {
  // An inner svg takes no transform in every browser; its children do.
  for (const child of plot().querySelectorAll("[data-moving] > *")) {
    if (!child.style) continue;
    child.style.transformOrigin = "0 0";
    child.style.transform = `translateX(${pixels}px) scaleX(${scale})`;
  }
}

const still = () => move(0, 1);

const fingers = new Map();
let held = null; // where the fingers or the mouse began

function begin() {
  const places = [...fingers.values()];
  held = { places, from: number("from"), to: number("to"), wide: wide(), pixels: 0, scale: 1 };
}

root.addEventListener("pointerdown", (event) => {
  if (!event.target.closest(".plot") || event.button > 0) return;
  fingers.set(event.pointerId, event.clientX);
  begin();
});

window.addEventListener("pointermove", (event) => {
  if (!fingers.has(event.pointerId) || !held) return;
  fingers.set(event.pointerId, event.clientX);
  const left = plot().getBoundingClientRect().left;
  const before = held.places.map((x) => x - left);
  const after = [...fingers.values()].map((x) => x - left);
  if (after.length >= 2) {
    const apart = Math.max(Math.abs(before[0] - before[1]), 20);
    held.scale = Math.min(Math.max(Math.abs(after[0] - after[1]) / apart, 0.05), 20);
    held.pixels = (after[0] + after[1]) / 2 - held.scale * ((before[0] + before[1]) / 2);
  } else held.pixels = after[0] - before[0];
  if (Math.abs(held.pixels) > MOVED_PX || held.scale !== 1) move(held.pixels, held.scale);
});

for (const ending of ["pointerup", "pointercancel"]) {
  window.addEventListener(ending, (event) => {
    if (!fingers.delete(event.pointerId) || fingers.size || !held) return;
    const { from, to, pixels, scale, wide: width } = held;
    held = null;
    if (ending === "pointercancel") return still();
    if (Math.abs(pixels) <= MOVED_PX && scale === 1) return;
    const each = (to - from) / width;
    const start = from - (pixels / scale) * each;
    go(start, start + (to - from) / scale);
  });
}

// The wheel moves the page; with Ctrl, or when the drawing has the focus, it zooms.
root.addEventListener("wheel", (event) => {
  const on = event.target.closest(".plot");
  if (!on || !(event.ctrlKey || document.activeElement === on)) return;
  event.preventDefault();
  const at = (event.clientX - on.getBoundingClientRect().left) / wide();
  const { from, to } = asking.wanted ?? { from: number("from"), to: number("to") };
  const factor = Math.min(Math.max(1.0015 ** event.deltaY, 0.2), 5);
  const middle = from + at * (to - from);
  asking.wanted = { from: middle - (middle - from) * factor, to: middle + (to - middle) * factor };
  const scale = (number("to") - number("from")) / (asking.wanted.to - asking.wanted.from);
  move(((number("from") - asking.wanted.from) / (asking.wanted.to - asking.wanted.from)) * wide(), scale);
  window.clearTimeout(asking.wheel);
  asking.wheel = window.setTimeout(() => {
    const wanted = asking.wanted;
    asking.wanted = null;
    go(wanted.from, wanted.to);
  }, WHEEL_MS);
}, { passive: false });

root.addEventListener("keydown", (event) => {
  if (!event.target.classList?.contains("plot") || event.ctrlKey || event.metaKey || event.altKey) return;
  const from = number("from");
  const to = number("to");
  const length = to - from;
  const acts = {
    ArrowLeft: () => go(from - length / 4, to - length / 4),
    ArrowRight: () => go(from + length / 4, to + length / 4),
    "+": () => go(from + length / 4, to - length / 4),
    "=": () => go(from + length / 4, to - length / 4),
    "-": () => go(from - length / 2, to + length / 2),
    0: () => goRange(part().dataset.range || "day"),
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
});

// Links to other spans lead there without a new page; opened elsewhere they are links.
root.addEventListener("click", (event) => {
  const link = event.target.closest(".ranges a, .moves a");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const given = Object.fromEntries(new URL(link.href).searchParams);
  window.history.replaceState(null, "", `?${new URLSearchParams(given)}`);
  bring(given);
});

// ---------------------------------------------------------------- new readings

// A span that ends now follows what comes; asked without change, the server answers nothing.
window.setInterval(() => {
  const query = asked();
  if (!query.range || document.hidden || held || asking.wanted || root.contains(document.activeElement) && document.activeElement.closest(".scroll")) return;
  bring({ ...query, seen: part().dataset.mark }, { quietly: true });
}, LOOK_MS);
says.textContent = asked().range ? words["stream.live_on"] : "";
root.dataset.ready = "yes";
