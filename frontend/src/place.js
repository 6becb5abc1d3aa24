// The map on which a resident points at a place.  Outlines and names of areas, and one pin: it is
// dragged, set by a tap, or moved with the arrow keys.

import * as maplibregl from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import { inks, outlines } from "./ground.js";

maplibregl.setWorkerUrl(workerUrl);

const STEP_PX = 24;
const FINE_PX = 4; // with Shift
const CLOSE_ZOOM = 13;
const SAY_AFTER_MS = 400;
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function pin() {
  const made = document.createElement("div");
  made.className = "place-pin";
  const names = "http://www.w3.org/2000/svg";
  const drawn = document.createElementNS(names, "svg");
  drawn.setAttribute("viewBox", "0 0 44 44");
  drawn.setAttribute("aria-hidden", "true");
  const drop = document.createElementNS(names, "path");
  drop.setAttribute("d", "M22 43 C14 32 8 26 8 17 a14 14 0 0 1 28 0 C36 26 30 32 22 43 Z");
  const hole = document.createElementNS(names, "circle");
  hole.setAttribute("cx", "22");
  hole.setAttribute("cy", "17");
  hole.setAttribute("r", "5");
  drawn.append(drop, hole);
  made.append(drawn);
  return made;
}

function inRing([x, y], ring) {
  let inside = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i, i += 1) {
    const [[xi, yi], [xj, yj]] = [ring[i], ring[j]];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) inside = !inside;
  }
  return inside;
}

function holds({ type, coordinates }, point) {
  const polygons = type === "Polygon" ? [coordinates] : coordinates;
  return polygons.some(([edge, ...holes]) => inRing(point, edge) && !holes.some((hole) => inRing(point, hole)));
}

/** Show the map in `ground`; `say`, `take` and `close` hear what the pin and the keys do. */
export async function show(ground, { areas, extent, at, words, say, take, close }) {
  const [west, south, east, north] = extent;
  const start = at ?? [(west + east) / 2, (south + north) / 2];
  const found = await (await fetch(areas)).json();
  const map = new maplibregl.Map({
    container: ground,
    style: outlines(inks(), found),
    ...(at ? { center: at, zoom: CLOSE_ZOOM } : { bounds: [[west, south], [east, north]], fitBoundsOptions: { padding: 16 } }),
    maxZoom: 18,
    renderWorldCopies: false,
    attributionControl: false,
    dragRotate: false,
    pitchWithRotate: false,
    keyboard: false, // the keys move the pin
    fadeDuration: 0,
    locale: { "Map.Title": words["report.map_title"], "Marker.Title": words["report.map_pin"] },
  });
  map.touchZoomRotate.disableRotation();
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
  map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-left");
  map.getCanvas().tabIndex = -1; // the frame around it has the focus
  const marker = new maplibregl.Marker({ element: pin(), anchor: "bottom", draggable: true }).setLngLat(start).addTo(map);
  for (const part of ["tabindex", "role", "aria-label"]) marker.getElement().removeAttribute(part);

  const named = (point) => {
    const around = found.features.filter((one) => holds(one.geometry, point));
    return around.sort((a, b) => b.properties.rank - a.properties.rank)[0]?.properties.name ?? "";
  };
  const place = () => {
    const { lng, lat } = marker.getLngLat();
    return { lat, lon: lng, area: named([lng, lat]) };
  };
  let timer = 0;
  const moved = () => {
    clearTimeout(timer);
    timer = setTimeout(() => say(place()), SAY_AFTER_MS);
    const { lng, lat } = marker.getLngLat();
    Object.assign(ground.dataset, { lat: lat.toFixed(6), lon: lng.toFixed(6), zoom: map.getZoom().toFixed(2) });
  };
  const step = ([x, y], pixels) => {
    const from = map.project(marker.getLngLat());
    marker.setLngLat(map.unproject([from.x + x * pixels, from.y + y * pixels]));
    if (!map.getBounds().contains(marker.getLngLat())) map.jumpTo({ center: marker.getLngLat() });
    moved();
  };
  const zoom = (by) => { map.jumpTo({ center: marker.getLngLat(), zoom: map.getZoom() + by }); moved(); };

  map.on("click", (event) => { marker.setLngLat(event.lngLat); moved(); });
  marker.on("dragend", moved);
  ground.addEventListener("keydown", (event) => {
    if (event.target !== ground || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      Enter: () => take(place()),
      Escape: close,
      "+": () => zoom(1),
      "=": () => zoom(1),
      "-": () => zoom(-1),
    };
    const act = MOVES[event.key] ? () => step(MOVES[event.key], event.shiftKey ? FINE_PX : STEP_PX) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  map.on("load", () => { ground.dataset.drawn = "yes"; });
  moved();
  return {
    place,
    go(to) { marker.setLngLat(to); map.jumpTo({ center: to, zoom: CLOSE_ZOOM }); moved(); },
  };
}
