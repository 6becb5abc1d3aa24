// The marks of the map, drawn here: colour, shape and letter together, so that none is needed alone.

const RATIO = 2;

export const LEVELS = {
  red: { fill: "#c81e33", edge: "#7d0f1e", text: "#ffffff", shape: "square" },
  orange: { fill: "#f28c1b", edge: "#8a4a00", text: "#1c1d1f", shape: "rounded" },
  yellow: { fill: "#f7d438", edge: "#7d6700", text: "#1c1d1f", shape: "circle" },
  blue: { fill: "#2563b8", edge: "#123a78", text: "#ffffff", shape: "leaf" },
};

function canvas(size) {
  const sheet = document.createElement("canvas");
  sheet.width = size * RATIO;
  sheet.height = size * RATIO;
  const pen = sheet.getContext("2d");
  pen.scale(RATIO, RATIO);
  return { pen, done: () => pen.getImageData(0, 0, sheet.width, sheet.height) };
}

function outline(pen, shape, size) {
  const a = 2;
  const b = size - 4;
  pen.beginPath();
  if (shape === "circle") pen.arc(size / 2, size / 2, b / 2, 0, 2 * Math.PI);
  else pen.roundRect(a, a, b, b, { square: 0, rounded: 6, leaf: [12, 0, 12, 0] }[shape]);
}

function hatch(pen, size, color, gap = 5) {
  pen.strokeStyle = color;
  pen.lineWidth = 1.5;
  for (let at = -size; at < size * 2; at += gap) {
    pen.beginPath();
    pen.moveTo(at, size);
    pen.lineTo(at + size, 0);
    pen.stroke();
  }
}

function level({ fill, edge, text, shape }, letter) {
  const { pen, done } = canvas(28);
  outline(pen, shape, 28);
  pen.fillStyle = fill;
  pen.fill();
  pen.strokeStyle = edge;
  pen.lineWidth = 2;
  pen.stroke();
  write(pen, letter, text, 28);
  return done();
}

function write(pen, letter, color, size) {
  pen.fillStyle = color;
  pen.font = `600 ${size * 0.54}px "PingFang SC", "Noto Sans CJK SC", "Microsoft YaHei", sans-serif`;
  pen.textAlign = "center";
  pen.textBaseline = "middle";
  pen.fillText(letter, size / 2, size / 2 + 1);
}

function unknown(ink, letter) {
  const { pen, done } = canvas(28);
  outline(pen, "square", 28);
  pen.save();
  pen.fillStyle = ink.sheet;
  pen.fill();
  pen.clip();
  hatch(pen, 28, ink.line);
  pen.restore();
  outline(pen, "square", 28);
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 2;
  pen.stroke();
  write(pen, letter, ink.ink, 28);
  return done();
}

function place(ink) {
  const { pen, done } = canvas(18);
  pen.translate(9, 9);
  pen.rotate(Math.PI / 4);
  pen.fillStyle = ink.sheet;
  pen.fillRect(-5, -5, 10, 10);
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 2;
  pen.strokeRect(-5, -5, 10, 10);
  return done();
}

function sensor(ink, fresh) {
  const { pen, done } = canvas(16);
  pen.beginPath();
  pen.arc(8, 8, 5.5, 0, 2 * Math.PI);
  pen.fillStyle = fresh ? ink.ink : ink.sheet;
  pen.fill();
  if (!fresh) {
    pen.save();
    pen.clip();
    hatch(pen, 16, ink.ink, 3.5);
    pen.restore();
  }
  pen.beginPath();
  pen.arc(8, 8, 5.5, 0, 2 * Math.PI);
  pen.strokeStyle = fresh ? ink.sheet : ink.ink;
  pen.lineWidth = 1.5;
  pen.stroke();
  return done();
}

/** A sensor on whose readings an alert is open: the level's colour, shape and letter in a ring. */
function alarmed(ink, look, letter, fresh) {
  const { pen, done } = canvas(26);
  pen.beginPath();
  pen.arc(13, 13, 12, 0, 2 * Math.PI);
  pen.fillStyle = ink.sheet;
  pen.fill();
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 1.5;
  pen.stroke();
  pen.save();
  pen.translate(4, 4);
  outline(pen, look.shape, 18);
  pen.fillStyle = look.fill;
  pen.fill();
  if (!fresh) {
    pen.clip();
    hatch(pen, 18, ink.sheet, 4);
  }
  pen.restore();
  pen.save();
  pen.translate(4, 4);
  outline(pen, look.shape, 18);
  pen.strokeStyle = look.edge;
  pen.lineWidth = 1.5;
  pen.stroke();
  write(pen, letter, fresh ? look.text : ink.ink, 18);
  pen.restore();
  return done();
}

function cluster(ink) {
  const { pen, done } = canvas(40);
  pen.fillStyle = ink.sheet;
  pen.strokeStyle = ink.ink;
  pen.lineWidth = 2;
  for (const radius of [18, 14]) {
    pen.beginPath();
    pen.arc(20, 20, radius, 0, 2 * Math.PI);
    if (radius === 18) pen.fill();
    pen.stroke();
  }
  return done();
}

function hatching(ink) {
  const { pen, done } = canvas(16);
  hatch(pen, 16, ink.line, 8);
  return done();
}

/** All marks by name, in the inks of the page; `letters` by level. */
export function icons(ink, letters) {
  return {
    ...Object.fromEntries(
      Object.entries(LEVELS).map(([name, look]) => [`case-${name}`, level(look, letters[name])]),
    ),
    "case-unknown": unknown(ink, letters.unknown),
    place: place(ink),
    ...Object.fromEntries(
      Object.entries(LEVELS).flatMap(([name, look]) => ["fresh", "stale"].map(
        (state) => [`sensor-${name}-${state}`, alarmed(ink, look, letters[name], state === "fresh")],
      )),
    ),
    "sensor-fresh": sensor(ink, true),
    "sensor-stale": sensor(ink, false),
    cluster: cluster(ink),
    hatch: hatching(ink),
  };
}

export { RATIO };
