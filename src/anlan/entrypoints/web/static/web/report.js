// Reporting on a bad line: "I am here", photos made small enough to get through, and sending
// again by itself.  The same form sent twice is one report: its key says so.  Without this
// file the form works as it stands.

const form = document.getElementById("report");
const words = JSON.parse(form.dataset.words);
const says = document.getElementById("says");
const LONGEST_EDGE = 1920; // pixels: a crack or a plate number can still be read
const AGAIN_MS = [2000, 5000, 10000, 20000, 30000];

// ---------------------------------------------------------------- here

const here = document.getElementById("here");
const hereSays = document.getElementById("here-says");

function place(lat, lon) {
  form.elements.lat.value = lat;
  form.elements.lon.value = lon;
}

function askWhere() {
  if (form.elements.lat.value) {
    place("", "");
    here.textContent = words["report.here"];
    hereSays.textContent = "";
    return;
  }
  hereSays.textContent = words["report.here_looking"];
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      place(coords.latitude.toFixed(6), coords.longitude.toFixed(6));
      here.textContent = words["report.here_undo"];
      hereSays.textContent = words["report.here_found"].replace("{metres}", Math.ceil(coords.accuracy));
    },
    () => { hereSays.textContent = words["report.here_failed"]; },
    { enableHighAccuracy: true, timeout: 15_000, maximumAge: 60_000 },
  );
}

if ("geolocation" in navigator && window.isSecureContext) {
  here.hidden = false;
  here.addEventListener("click", askWhere);
}

// ---------------------------------------------------------------- photos

async function smaller(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_EDGE / Math.max(image.width, image.height));
    if (scale === 1 && file.size < 1_000_000) return file;
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(image.width * scale);
    canvas.height = Math.round(image.height * scale);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    const made = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.85));
    return made && made.size < file.size ? made : file;
  } catch {
    return file; // what the browser cannot read, the server judges
  }
}

async function filled() {
  const data = new FormData(form);
  const photos = data.getAll("photo").filter((file) => file.size);
  data.delete("photo");
  for (const photo of photos) data.append("photo", await smaller(photo), "photo.jpg");
  return data;
}

// ---------------------------------------------------------------- sending

let sending = false;

function wait(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

async function send(event) {
  event.preventDefault();
  if (sending) return;
  sending = true;
  const button = form.querySelector("button.primary");
  button.disabled = true;
  const data = await filled();
  for (let tries = 0; ; tries += 1) {
    says.textContent = tries ? words["report.again"] : words["report.sending"];
    try {
      const answer = await fetch(form.action, { method: "POST", body: data, credentials: "same-origin" });
      if (answer.redirected) { location.assign(answer.url); return; }
      if (answer.status < 500) { show(await answer.text()); return; }
    } catch { /* the line broke: again */ }
    await wait(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]);
  }
}

// A refusal is the page again, with what to do and all that was typed but the photos.
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
