// One stream for all windows of a browser, which keeps only six connections to a server.
//
// The windows share a worker that holds the stream.  Where there is none, the window that holds a lock
// listens and tells the others; where neither is there, each window has a stream of its own, and the
// server ends the oldest when they become too many.  This file is the worker too.

const SILENT_MS = 60_000; // clocks are sent every twenty seconds: longer silence is a dead line
const LOOK_MS = 5_000;
const HERE_MS = 20_000; // a window says so often that it is there
const GONE_MS = 150_000; // one in the background may speak once a minute only
const ENDINGS = ["over", "instead", "closed"];

/** A stream that begins anew when nothing is heard on it; `tell(name, text)` until it ends. */
class Line {
  constructor(address, tell) {
    this.address = address;
    this.tell = tell;
    this.last = null;
    this.lost = false;
    this.timer = setInterval(() => this.look(), LOOK_MS);
    this.begin();
  }

  begin() {
    this.heardAt = Date.now();
    this.source = new EventSource(this.address);
    this.source.addEventListener("lists", ({ data }) => {
      this.heardAt = Date.now();
      this.lost = false;
      this.last = data;
      this.tell("lists", data);
    });
    for (const ending of ["over", "instead"]) this.source.addEventListener(ending, () => this.end(ending));
    this.source.addEventListener("error", () => {
      if (this.source.readyState === EventSource.CLOSED) this.end("closed");
      else this.lose();
    });
  }

  lose() {
    this.lost = true;
    this.tell("lost");
  }

  look() {
    if (Date.now() - this.heardAt < SILENT_MS) return;
    this.source.close();
    this.lose();
    this.begin();
  }

  close() {
    clearInterval(this.timer);
    this.source.close();
  }

  end(how) {
    this.close();
    this.tell(how);
  }
}

// ---------------------------------------------------------------- in the worker

const lines = new Map(); // by address: { seat, line, windows: port -> when it was last there }

function drop(address) {
  lines.get(address)?.line.close();
  lines.delete(address);
}

function leave(port) {
  for (const [address, { windows }] of lines) {
    if (windows.delete(port) && !windows.size) drop(address);
  }
}

function here(port, { address, seat }) {
  for (const [other, shared] of lines) {
    if (shared.seat === seat) continue; // what one account sees is not for the next one
    shared.line.end("over");
    lines.delete(other);
  }
  let shared = lines.get(address);
  if (!shared) {
    const windows = new Map();
    const tell = (name, text) => {
      if (ENDINGS.includes(name)) lines.delete(address);
      for (const one of windows.keys()) one.postMessage([name, text]);
    };
    shared = { seat, windows, line: new Line(address, tell) };
    lines.set(address, shared);
  }
  if (!shared.windows.has(port)) {
    if (shared.line.last) port.postMessage(["lists", shared.line.last]);
    if (shared.line.lost) port.postMessage(["lost"]);
  }
  shared.windows.set(port, Date.now());
}

function forgetGone() {
  for (const { windows } of lines.values()) {
    for (const [port, at] of windows) if (Date.now() - at > GONE_MS) leave(port);
  }
}

if ("SharedWorkerGlobalScope" in globalThis) {
  globalThis.addEventListener("connect", ({ ports: [port] }) => {
    port.addEventListener("message", ({ data }) => (data.leave ? leave(port) : here(port, data)));
    port.start();
  });
  setInterval(forgetGone, HERE_MS);
}

// ---------------------------------------------------------------- in a window

/** Hear what `address` streams: `hear(name, text)` with "lists" or "lost", and one ending at last. */
export function follow(address, seat, hear) {
  if ("SharedWorker" in globalThis) {
    try {
      return byWorker(address, seat, hear);
    } catch { /* forbidden in this window: as if there were none */ }
  }
  return withoutWorker(address, seat, hear);
}

function withoutWorker(address, seat, hear) {
  if (navigator.locks && "BroadcastChannel" in globalThis) return byLock(address, seat, hear);
  const line = new Line(address, hear);
  return { leave: () => line.close() };
}

function byWorker(address, seat, hear) {
  const worker = new SharedWorker(import.meta.url, { type: "module", name: "anlan-watch" });
  const { port } = worker;
  const speak = () => port.postMessage({ address, seat });
  const beat = setInterval(speak, HERE_MS);
  let other = null;
  const stop = () => {
    clearInterval(beat);
    port.postMessage({ leave: true });
    port.close();
  };
  port.onmessage = ({ data: [name, text] }) => {
    if (ENDINGS.includes(name)) stop();
    hear(name, text);
  };
  worker.addEventListener("error", () => {
    stop();
    other ??= withoutWorker(address, seat, hear);
  });
  speak();
  return { leave: () => { stop(); other?.leave(); } };
}

function byLock(address, seat, hear) {
  const name = `anlan-watch ${seat} ${address}`;
  const channel = new BroadcastChannel(name);
  const waiting = new AbortController();
  let line = null;
  let release = () => {};
  const stop = () => {
    waiting.abort();
    release();
    line?.close();
    channel.close();
  };
  const heard = (event, text) => {
    if (ENDINGS.includes(event)) stop();
    hear(event, text);
  };
  channel.onmessage = ({ data: [event, text] }) => {
    if (event !== "hello") heard(event, text);
    else if (line?.last) channel.postMessage(["lists", line.last]);
  };
  const held = () => new Promise((done) => {
    release = done;
    line = new Line(address, (event, text) => {
      channel.postMessage([event, text]);
      heard(event, text);
    });
  });
  navigator.locks.request(name, { signal: waiting.signal }, held).catch(() => {});
  channel.postMessage(["hello"]);
  return { leave: stop };
}
