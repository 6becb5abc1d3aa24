// Reporting on a bad line: "I am here", a place chosen on the map, photos that go ahead in pieces,
// and sending again by itself.  The same form sent twice is one report: its key says so.  Without
// this file the form works as it stands.

const form = document.getElementById("report");
const words = JSON.parse(form.dataset.words);
const says = document.getElementById("says");
const AGAIN_MS = [2000, 5000, 10000, 20000, 30000];

// ---------------------------------------------------------------- here

const here = document.getElementById("here");
const hereSays = document.getElementById("here-says");

function place(lat, lon) {
  form.elements.lat.value = lat;
  form.elements.lon.value = lon;
}

function noPlace() {
  place("", "");
  here.textContent = words["report.here"];
  hereSays.textContent = "";
  undo.hidden = true;
}

function askWhere() {
  if (form.elements.lat.value && undo.hidden) {
    noPlace();
    return;
  }
  hereSays.textContent = words["report.here_looking"];
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      undo.hidden = true;
      place(coords.latitude.toFixed(6), coords.longitude.toFixed(6));
      here.textContent = words["report.here_undo"];
      hereSays.textContent = words["report.here_found"].replace("{metres}", Math.ceil(coords.accuracy));
      map?.go([coords.longitude, coords.latitude]);
    },
    () => { hereSays.textContent = words["report.here_failed"]; },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
  );
}

if ("geolocation" in navigator && window.isSecureContext) {
  here.hidden = false;
  here.addEventListener("click", askWhere);
}

// ---------------------------------------------------------------- on the map

const onMap = document.getElementById("on-map");
const undo = document.getElementById("place-undo");
const sheet = document.getElementById("place-map");
let map = null;

undo.addEventListener("click", () => { noPlace(); (onMap ?? here).focus(); });

function closeMap() {
  sheet.hidden = true;
  onMap.setAttribute("aria-expanded", "false");
  onMap.focus();
}

function take({ lat, lon, area }) {
  place(lat.toFixed(6), lon.toFixed(6));
  here.textContent = words["report.here"];
  hereSays.textContent = words["report.map_taken"].replace("{area}", area || words["report.map_outside"]);
  undo.hidden = false;
  closeMap();
}

function sayPin({ lat, lon, area }) {
  const text = `${area || words["report.map_outside"]} · ${lat.toFixed(4)}, ${lon.toFixed(4)}`;
  document.getElementById("place-says").textContent = text;
}

function styled(address) {
  return new Promise((done) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href: address, onload: done, onerror: done });
    document.head.append(link);
  });
}

async function openMap() {
  if (!sheet.hidden) { closeMap(); return; }
  const ground = document.getElementById("place-ground");
  const { script, styles, extent, areas } = sheet.dataset;
  const { lat, lon } = form.elements;
  sheet.hidden = false;
  onMap.setAttribute("aria-expanded", "true");
  try {
    if (!map) {
      document.getElementById("place-says").textContent = words["report.map_loading"];
      await Promise.all(styles.split(" ").filter(Boolean).map(styled));
      const { show } = await import(script);
      map = await show(ground, {
        areas,
        extent: extent.split(",").map(Number),
        at: lat.value ? [Number(lon.value), Number(lat.value)] : null,
        words,
        say: sayPin,
        take,
        close: closeMap,
      });
    }
    ground.focus();
  } catch {
    map = null;
    closeMap();
    hereSays.textContent = words["report.map_failed"];
  }
}

if (onMap) {
  onMap.hidden = false;
  onMap.addEventListener("click", openMap);
  document.getElementById("place-take").addEventListener("click", () => { if (map) take(map.place()); });
  document.getElementById("place-close").addEventListener("click", closeMap);
}

// ---------------------------------------------------------------- sending

const ahead = import(form.dataset.uploads).then(({ attach }) => attach(form, words)).catch(() => null);
const without = document.getElementById("without-photos");
let sending = false;

function wait(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

/** Wait for the photos, unless whoever reports will not: the words must not wait for a picture. */
async function photosCame(photos) {
  if (!photos) return;
  if (photos.busy) {
    says.textContent = words["uploads.first"];
    without.hidden = false;
  }
  const pressed = new Promise((done) => { without.addEventListener("click", done, { once: true }); });
  await Promise.race([photos.settled(), pressed.then(() => photos.leaveBehind())]);
  without.hidden = true;
}

async function send(event) {
  event.preventDefault();
  if (sending) return;
  sending = true;
  const button = form.querySelector("button.primary");
  button.disabled = true;
  const photos = await ahead;
  await photosCame(photos);
  const data = new FormData(form);
  for (let tries = 0; ; tries += 1) {
    says.textContent = tries ? words["report.again"] : words["report.sending"];
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, credentials: "same-origin" });
      if (answer.redirected) {
        await photos?.used();
        location.assign(answer.url);
        return;
      }
      if (answer.status < 500) { show(await answer.text()); return; }
    } catch { /* the line broke: again */ }
    await wait(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
  }
}

// A refusal is the page again, with what to do and all that was typed; photos that came stay.
function show(html) {
  const page = new DOMParser().parseFromString(html, "text/html");
  document.querySelector(".refusal")?.remove();
  const refusal = page.querySelector(".refusal");
  if (refusal) document.getElementById("main").prepend(document.importNode(refusal, true));
  const key = page.querySelector("input[name=key]");
  if (key) form.elements.key.value = key.value;
  const token = page.querySelector("input[name=csrfmiddlewaretoken]");
  if (token) form.elements.csrfmiddlewaretoken.value = token.value;
  says.textContent = "";
  form.querySelector("button.primary").disabled = false;
  sending = false;
  document.querySelector(".refusal")?.scrollIntoView();
}

form.addEventListener("submit", send);
