// Watch, kept up to date: the lists as the server streams them, the banner and sound for red,
// the time line, and the map when it was built.  The page is whole without any of it.

const root = document.getElementById("watch");
const lists = document.getElementById("lists");
const words = JSON.parse(root.dataset.words);
const POLL_MS = 30_000;
const TRY_LIVE_AGAIN_MS = 300_000;
const back = document.getElementById("take-back");

const showing = { map: null, line: null, poll: 0, again: 0, slow: "slow", state: "", asleep: false };

function say(state) {
  if (showing.state === state) return;
  showing.state = state;
  document.getElementById("live").textContent = words[`watch.live.${state}`];
  root.dataset.state = state;
}

// ---------------------------------------------------------------- lists

// A finger or mouse that is down on a line must find the same line when it comes up.
const held = { down: false, html: "" };
lists.addEventListener("pointerdown", (event) => { held.down = event.button === 0; });
for (const ending of ["pointerup", "pointercancel"]) {
  window.addEventListener(ending, () => {
    held.down = false;
    // After the click that follows.
    if (held.html) window.setTimeout(() => { if (held.html && !held.down) take(held.html); });
  });
}

function take(html) {
  held.html = held.down ? html : "";
  if (held.down) return;
  const focused = lists.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  lists.innerHTML = html;
  if (focused) lists.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  red.look();
  band();
  showing.map?.refresh();
}

// What is wrong with the system itself; said again only when it is something else.
function band() {
  const shown = document.getElementById("sick");
  const now = document.getElementById("sick-now");
  const what = (place) => place.firstElementChild?.dataset.what ?? "";
  if (now && what(now.content) !== what(shown)) shown.replaceChildren(now.content.cloneNode(true));
}

function listen() {
  stopPolling();
  back.hidden = true;
  showing.line?.leave();
  showing.line = showing.follow(root.dataset.live, root.dataset.seat, hear);
}

function hear(name, text) {
  if (name === "lists") {
    say("on");
    take(text);
  } else if (name === "lost") say("lost");
  else if (name === "instead") {
    back.hidden = false;
    startPolling("elsewhere");
  } else if (name === "over") over();
  else startPolling("slow");
}

// Led to sign in when the session is over; when only its rights changed, the lists are shown anew.
async function over() {
  say("over");
  if (await poll()) listen();
  else startPolling("slow");
}

function startPolling(state) {
  window.clearTimeout(showing.again);
  if (state === "slow") {
    showing.again = window.setTimeout(() => { if (showing.poll) listen(); }, TRY_LIVE_AGAIN_MS + Math.random() * POLL_MS);
  }
  showing.slow = state;
  say(state);
  if (!showing.poll) showing.poll = window.setInterval(poll, POLL_MS);
}

function stopPolling() {
  window.clearTimeout(showing.again);
  window.clearInterval(showing.poll);
  showing.poll = 0;
}

async function poll() {
  try {
    const answer = await fetch(window.location.href, { headers: { Accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname !== window.location.pathname) {
      window.location.assign(answer.url);
      return false;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    // Another account signed in, in another window, or this one anew: the whole page is another.
    if (page.getElementById("watch").dataset.seat !== root.dataset.seat) {
      window.location.reload();
      return false;
    }
    take(page.getElementById("lists").innerHTML);
    if (showing.state === "lost") say(showing.slow);
    return true;
  } catch {
    say("lost");
    return false;
  }
}

// A page that nobody sees draws nothing and holds no connection, unless it is to sound.
function sleepOrWake() {
  const asleep = document.hidden && !red.sound && !showing.poll;
  if (asleep === showing.asleep) return;
  showing.asleep = asleep;
  if (asleep) showing.line?.leave();
  else listen();
}

// ---------------------------------------------------------------- red

const red = {
  known: new Set(),
  sound: null,
  banner: document.getElementById("red"),
  button: document.getElementById("sound"),

  items: () => [...document.querySelectorAll("#reds > li")],

  begin() {
    for (const item of this.items()) this.known.add(item.dataset.key);
    this.button.hidden = false;
    this.button.addEventListener("click", () => this.turn(!this.sound, true));
    if (remembered() === "on") this.turn(true, false);
  },

  look() {
    const fresh = this.items().filter((item) => !this.known.has(item.dataset.key));
    if (!fresh.length) return;
    for (const item of fresh) this.known.add(item.dataset.key);
    this.show(fresh);
    this.beep();
  },

  show(fresh) {
    const head = document.createElement("strong");
    head.textContent = words["watch.red.new"];
    const list = this.banner.querySelector("ul") ?? document.createElement("ul");
    for (const item of fresh) list.prepend(item.cloneNode(true));
    const seen = document.createElement("button");
    seen.type = "button";
    seen.className = "button";
    seen.textContent = words["watch.red.seen"];
    seen.addEventListener("click", () => { this.banner.hidden = true; this.banner.replaceChildren(); });
    this.banner.replaceChildren(head, list, seen);
    this.banner.hidden = false;
    this.banner.classList.remove("came");
    void this.banner.offsetWidth; // lets the movement begin anew; styles leave it out when asked to
    this.banner.classList.add("came");
  },

  turn(on, asked) {
    if (on && !this.sound) this.sound = new AudioContext();
    if (!on) { this.sound?.close(); this.sound = null; }
    this.button.setAttribute("aria-pressed", String(on));
    this.button.textContent = words[on ? "watch.red.sound_off" : "watch.red.sound_on"];
    remember(on ? "on" : "off");
    if (on && asked) this.beep(1);
    if (on && this.sound.state === "suspended") {
      const wake = () => this.sound?.resume();
      window.addEventListener("pointerdown", wake, { once: true });
      window.addEventListener("keydown", wake, { once: true });
      if (!asked) document.getElementById("live").append(` ${words["watch.red.sound_try"]}`);
    }
  },

  // Two tones, three times over; made here, so that no file need be there.
  beep(times = 3) {
    if (!this.sound) return;
    const begins = this.sound.currentTime + 0.05;
    for (let n = 0; n < times * 2; n += 1) {
      const tone = this.sound.createOscillator();
      const loud = this.sound.createGain();
      const at = begins + n * 0.3;
      tone.frequency.value = n % 2 ? 660 : 880;
      loud.gain.setValueAtTime(0, at);
      loud.gain.linearRampToValueAtTime(0.25, at + 0.02);
      loud.gain.linearRampToValueAtTime(0, at + 0.26);
      tone.connect(loud).connect(this.sound.destination);
      tone.start(at);
      tone.stop(at + 0.28);
    }
  },
};

function remembered() {
  try { return window.localStorage.getItem("anlan.sound"); } catch { return null; }
}

function remember(value) {
  try { window.localStorage.setItem("anlan.sound", value); } catch { /* asked again next time */ }
}

// ---------------------------------------------------------------- time line

function timeLine() {
  const drag = document.getElementById("drag");
  const at = document.getElementById("at");
  const now = Date.parse(`${at.max}:00Z`); // the city's local time, counted as if it were UTC
  const local = () => new Date(now + Number(drag.value) * 60_000).toISOString().slice(0, 16);
  const told = drag.parentElement.querySelector("output");
  const tell = () => { at.value = local(); told.textContent = local().replace("T", " "); };
  drag.parentElement.hidden = false;
  told.textContent = at.value.replace("T", " ");
  drag.addEventListener("input", tell);
  drag.addEventListener("change", () => { tell(); document.getElementById("asof").requestSubmit(); });
}

// ---------------------------------------------------------------- map

/** The switches of the layers: the map follows at once, and the server keeps the choice. */
function layers(place) {
  const form = document.getElementById("layers");
  if (!form) return;
  form.querySelector("button").hidden = true;
  form.addEventListener("change", () => {
    const boxes = [...form.querySelectorAll("[name=on]")];
    const off = boxes.filter((one) => !one.checked).map((one) => one.value).sort().join(".");
    const address = new URL(place.dataset.features, window.location.href);
    if (off) address.searchParams.set("off", off);
    else address.searchParams.delete("off");
    place.dataset.features = `${address.pathname}${address.search}`;
    showing.map?.soon(200);
    fetch(form.action, { method: "POST", body: new FormData(form), redirect: "manual", keepalive: true })
      .catch(() => {}); // the map shows it; only the next visit would not know
  });
}

async function map() {
  const place = document.getElementById("map");
  if (!place) return;
  const tell = (key, drawn, leftOut) => {
    const said = [key && words[key], leftOut].filter(Boolean).join(" ");
    const says = document.getElementById("map-says");
    if (says.textContent !== said) says.textContent = said; // read out when it is something else
    if (drawn) document.getElementById("map-age").textContent = `${words["watch.map_drawn"]} ${drawn}`;
  };
  try {
    const { show } = await import(place.dataset.script);
    showing.map = show(place, { words, tell });
    layers(place);
  } catch (error) {
    console.warn(error);
    place.hidden = true;
    tell("watch.map_failed");
  }
}

async function live() {
  try {
    const { follow } = await import(root.dataset.stream);
    showing.follow = follow;
  } catch (error) {
    console.warn(error);
    startPolling("slow");
    return;
  }
  listen();
  back.addEventListener("click", listen);
  document.addEventListener("visibilitychange", sleepOrWake);
  window.addEventListener("pagehide", () => showing.line?.leave());
  window.addEventListener("pageshow", (event) => { if (event.persisted && !showing.poll) listen(); });
}

timeLine();
if (root.dataset.live) {
  red.begin();
  live();
}
map();
