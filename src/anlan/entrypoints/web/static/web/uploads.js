// Photos that get through a bad line: made small, sent in pieces from the moment they are chosen,
// gone on with after a broken line or a reload.  What is on its way is remembered in this browser
// until it has come or a day is over.  Without this file the form carries its photos itself.
//
//   const photos = attach(form, words);   // one form with an <input type=file name=photo>
//   await photos.settled();               // all have come; their names are in the form

const LONGEST_EDGE = 1920; // pixels: a crack or a plate number can still be read
const SMALL = 1_000_000; // bytes that need no second encoding
const PIECE = 256 * 1024;
const AGAIN_MS = [1000, 2000, 5000, 10000, 20000, 30000];
const KEPT_MS = 24 * 3600 * 1000;
const PIECE_TYPE = "application/offset+octet-stream";
const READY = new Set(["come", "refused", "along"]);
const VERSION = { "Tus-Resumable": "1.0.0" };

function wait(ms) {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    addEventListener("online", () => { clearTimeout(timer); done(); }, { once: true });
  });
}

async function smaller(file) {
  try {
    const image = await createImageBitmap(file, { imageOrientation: "from-image" });
    const scale = Math.min(1, LONGEST_EDGE / Math.max(image.width, image.height));
    if (scale === 1 && file.size < SMALL) return file;
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

// ---------------------------------------------------------------- what this browser remembers

// Bytes and not files: some browsers keep no files in their store when it is private.
function store() {
  return new Promise((done) => {
    try {
      const opened = indexedDB.open("anlan-photos", 1);
      opened.onupgradeneeded = () => opened.result.createObjectStore("photos", { keyPath: "id" });
      opened.onsuccess = () => done(opened.result);
      opened.onerror = () => done(null);
    } catch { done(null); }
  });
}

async function asked(mode, ask) {
  const base = await store();
  if (!base) return undefined;
  try {
    return await new Promise((done) => {
      const work = base.transaction("photos", mode);
      const question = ask(work.objectStore("photos"));
      work.oncomplete = () => done(question.result);
      work.onerror = work.onabort = () => done(undefined);
    });
  } finally { base.close(); }
}

const remember = (photo) => asked("readwrite", (all) => all.put(photo));
const forget = (id) => asked("readwrite", (all) => all.delete(id));
const remembered = async () => (await asked("readonly", (all) => all.getAll())) ?? [];

// ---------------------------------------------------------------- one photo on its way

class Refused extends Error {}
class Full extends Error {}

class Photo {
  constructor(kept, { token, changed }) {
    Object.assign(this, { kept, token, changed, done: 0, state: "waiting", why: "" });
    this.left = new Promise((done) => { this.leave = done; });
  }

  tell(state, why = "") {
    Object.assign(this, { state, why });
    this.changed(this);
  }

  async ask(address, given) {
    const headers = { ...VERSION, "X-CSRFToken": this.token(), ...given.headers };
    const answer = await fetch(address, { ...given, headers, credentials: "same-origin" });
    if (answer.status === 429) throw new Full();
    if (answer.status >= 500) throw new Error(String(answer.status));
    return answer;
  }

  async begin() {
    const { bytes } = this.kept;
    const answer = await this.ask("/uploads", { method: "POST", headers: { "Upload-Length": bytes.byteLength } });
    if (answer.status !== 201) throw new Refused(await words(answer));
    this.kept.address = new URL(answer.headers.get("Location"), location.href).pathname;
    await remember(this.kept);
  }

  /** Send what is missing; `false` when the server knows nothing of it (any more). */
  async send() {
    const { bytes } = this.kept;
    const found = await this.ask(this.kept.address, { method: "HEAD" });
    if (found.status === 404) return false;
    this.done = Number(found.headers.get("Upload-Offset"));
    while (this.done < bytes.byteLength) {
      this.tell("sending");
      const answer = await this.ask(this.kept.address, {
        method: "PATCH",
        headers: { "Content-Type": PIECE_TYPE, "Upload-Offset": this.done },
        body: bytes.slice(this.done, this.done + PIECE),
      });
      if (!answer.ok && answer.status !== 409) throw new Refused(await words(answer));
      this.done = Number(answer.headers.get("Upload-Offset"));
    }
    this.tell("come");
    return true;
  }

  async run() {
    for (let tries = 0; this.state !== "gone"; tries += 1) {
      const before = this.done;
      try {
        if (!this.kept.address) await this.begin();
        if (await this.send()) return;
        this.kept.address = "";
        this.done = 0;
      } catch (error) {
        if (error instanceof Refused) { this.tell("refused", error.message); await forget(this.kept.id); return; }
        // No room for more on their way: the form takes it along, as it does without this file.
        if (error instanceof Full) { this.tell("along"); return; }
        if (this.done > before) tries = 0;
        this.tell("again");
        await Promise.race([wait(AGAIN_MS[Math.min(tries, AGAIN_MS.length - 1)]), this.left]);
      }
    }
  }

  async drop() {
    this.tell("gone");
    this.leave();
    await forget(this.kept.id);
    if (this.kept.address) await this.ask(this.kept.address, { method: "DELETE" }).catch(() => {});
  }

  get name() { return this.kept.address.split("/").pop(); }
}

async function words(answer) {
  try {
    const { error } = await answer.json();
    return `${error.what} ${error.do}`;
  } catch { return String(answer.status); }
}

// ---------------------------------------------------------------- a form with photos

/** What names this visit of the page: a reload keeps it, whoever opens the page anew has another. */
function visit() {
  const name = history.state?.visit ?? crypto.randomUUID?.() ?? String(Math.random());
  history.replaceState({ ...history.state, visit: name }, "");
  return name;
}

/** Let a form's photos go ahead of it; `said` holds the words that are shown. */
export function attach(form, said) {
  const input = form.querySelector('input[type="file"][name="photo"]');
  const list = document.createElement("ul");
  list.className = "photos";
  list.setAttribute("aria-live", "polite");
  input.closest(".field").append(list);
  const place = `${visit()} ${location.pathname} ${new URL(form.action).pathname}`;
  const photos = [];
  const token = () => form.elements.csrfmiddlewaretoken.value;

  function draw(photo) {
    let item = photo.item;
    if (photo.state === "gone") { item?.remove(); return; }
    if (!item) {
      item = photo.item = document.createElement("li");
      const text = document.createElement("span");
      const button = document.createElement("button");
      const bar = document.createElement("progress");
      button.type = "button";
      button.className = "button";
      button.textContent = said["uploads.remove"];
      button.addEventListener("click", () => { photos.splice(photos.indexOf(photo), 1); photo.drop(); });
      item.append(text, bar, button);
      list.append(item);
    }
    const [text, bar] = item.children;
    const size = photo.kept.bytes.byteLength;
    bar.max = size;
    bar.value = photo.done;
    bar.hidden = READY.has(photo.state);
    bar.setAttribute("aria-label", photo.kept.called);
    text.textContent = `${photo.kept.called}: ${said[`uploads.${photo.state}`].replace("{percent}", Math.floor((100 * photo.done) / size))} ${photo.why}`.trim();
    item.dataset.state = photo.state;
  }

  function add(kept) {
    const photo = new Photo(kept, { token, changed: draw });
    photos.push(photo);
    draw(photo);
    photo.finished = photo.run();
    return photo;
  }

  async function chosen() {
    const files = [...input.files];
    input.value = "";
    for (const file of files) {
      const small = await smaller(file);
      const kept = {
        id: crypto.randomUUID?.() ?? String(Math.random()), place, at: Date.now(), address: "",
        called: file.name, bytes: await small.arrayBuffer(),
      };
      await remember(kept);
      add(kept);
    }
  }

  async function again() {
    for (const kept of await remembered()) {
      if (Date.now() - kept.at > KEPT_MS) await forget(kept.id);
      else if (kept.place === place) {
        // What was used with a form that went through is not sent again.
        if (kept.sent && (await gone(kept.address))) await forget(kept.id);
        else add(kept);
      }
    }
  }

  async function gone(address) {
    try {
      return (await fetch(address, { method: "HEAD", headers: VERSION, credentials: "same-origin" })).status === 404;
    } catch { return false; }
  }

  let choosing = again();
  input.addEventListener("change", () => { choosing = choosing.then(chosen); });

  return {
    /** Wait until all photos have come, and name them in the form. */
    async settled() {
      await choosing;
      await Promise.all(photos.map((photo) => photo.finished));
      form.querySelectorAll('input[name="upload"]').forEach((one) => one.remove());
      for (const photo of photos.filter((one) => one.state === "come")) {
        photo.kept.sent = true;
        await remember(photo.kept);
        const named = document.createElement("input");
        Object.assign(named, { type: "hidden", name: "upload", value: photo.name });
        form.append(named);
      }
      const along = photos.filter((one) => one.state === "along");
      if (along.length) {
        const files = new DataTransfer();
        for (const { kept } of along) files.items.add(new File([kept.bytes], "photo.jpg", { type: "image/jpeg" }));
        input.files = files.files;
      }
    },
    /** The form went through: nothing of its photos is kept here. */
    async used() { for (const photo of photos) await forget(photo.kept.id); },
    /** Go on without what has not come yet. */
    async leaveBehind() {
      for (const photo of photos.filter((one) => !READY.has(one.state))) await photo.drop();
      await this.settled();
    },
    get busy() { return photos.some((one) => !READY.has(one.state) && one.state !== "gone"); },
  };
}
