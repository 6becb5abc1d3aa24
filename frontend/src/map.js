// The map of Watch.  It asks the server for what lies in view, and again when something changed.

import * as maplibregl from "maplibre-gl";
import "maplibre-gl/dist/maplibre-gl.css";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import { inks } from "./ground.js";
import { icons, RATIO } from "./icons.js";
import { ANSWERING, style } from "./layers.js";

maplibregl.setWorkerUrl(workerUrl);

const AFTER_MOVE_MS = 250;
const APART_MS = 4_000; // two requests of one page are at least so far apart
const SPREAD_MS = 2_000; // so that all pages do not ask in the same instant

function lettersOf(words) {
  return Object.fromEntries(
    ["red", "orange", "yellow", "blue", "unknown"].map((name) => [name, words[`watch.letter.${name}`]]),
  );
}

/** What is written in an area: its name, that it is drawn only roughly, that nothing is heard. */
function labelled(feature, words) {
  const { kind, name, schematic, no_data: silent } = feature.properties;
  if (kind !== "area") return feature;
  const rough = words["watch.map_schematic"];
  const label = schematic && !name.includes(rough) ? `${name} (${rough})` : name;
  return { ...feature, properties: { ...feature.properties, label, closely: silent ? `${label}\n${silent}` : label } };
}

class Picture {
  constructor(place, { words, tell }) {
    this.place = place;
    this.words = words;
    this.tell = tell;
    this.timer = 0;
    this.askedAt = 0;
    this.asked = null;
    place.replaceChildren();
    const [west, south, east, north] = (place.dataset.extent || "73,18,135,54").split(",").map(Number);
    this.map = new maplibregl.Map({
      container: place,
      style: style(inks()),
      bounds: [[west, south], [east, north]],
      fitBoundsOptions: { padding: 16 },
      maxZoom: 18,
      renderWorldCopies: false, // beside the world the server has nothing to tell
      attributionControl: false,
      dragRotate: false,
      pitchWithRotate: false,
      fadeDuration: 0,
      locale: { "Map.Title": words["watch.map_title"] },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.addControl(new maplibregl.NavigationControl({ showCompass: false }), "top-right");
    this.map.addControl(new maplibregl.ScaleControl({ unit: "metric" }), "bottom-left");
    this.map.on("load", () => { this.dress(); this.ask(); });
    this.map.on("moveend", () => this.soon(AFTER_MOVE_MS));
    this.map.on("click", (event) => this.answer(event));
    this.map.on("mousemove", (event) => {
      this.map.getCanvas().style.cursor = this.under(event.point).length ? "pointer" : "";
    });
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.map.setStyle(style(inks()), { diff: false });
      this.map.once("styledata", () => { this.dress(); this.ask(); });
    });
  }

  dress() {
    const images = icons(inks(), lettersOf(this.words));
    for (const [name, image] of Object.entries(images)) {
      if (this.map.hasImage(name)) this.map.removeImage(name);
      this.map.addImage(name, image, { pixelRatio: RATIO });
    }
  }

  /** Something changed: ask again, not at once and not all pages together. */
  refresh() {
    const apart = Math.max(0, this.askedAt + APART_MS - Date.now());
    if (!this.timer) this.soon(apart + Math.random() * SPREAD_MS);
  }

  soon(wait) {
    window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => this.ask(), wait);
  }

  async ask() {
    window.clearTimeout(this.timer);
    this.timer = 0;
    this.askedAt = Date.now();
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    const box = this.map.getBounds();
    const west = Math.max(box.getWest(), -180);
    const east = Math.min(box.getEast(), 180);
    const address = new URL(this.place.dataset.features, window.location.href);
    address.searchParams.set("bbox", [west, box.getSouth(), east, box.getNorth()].map((x) => x.toFixed(5)).join(","));
    address.searchParams.set("zoom", this.map.getZoom().toFixed(2));
    try {
      const answer = await fetch(address, { signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const found = await answer.json();
      found.features = found.features.map((feature) => labelled(feature, this.words));
      this.map.getSource("shown")?.setData(found);
      const cells = found.features.some((feature) => feature.properties.kind === "cell");
      this.tell(cells ? "watch.map_cells" : "", found.drawn, found.left_out);
      this.place.dataset.shown = String(found.features.length);
    } catch (error) {
      if (error.name === "AbortError") return;
      this.tell("watch.map_unreachable");
      this.soon(15_000);
    }
  }

  under(point) {
    return this.map.queryRenderedFeatures(
      [[point.x - 12, point.y - 12], [point.x + 12, point.y + 12]],
      { layers: ANSWERING.filter((name) => this.map.getLayer(name)) },
    );
  }

  /** A single case opens; of several things, say which they are. */
  answer(event) {
    const found = this.under(event.point);
    const seen = new Map();
    for (const { properties } of found) {
      seen.set(`${properties.kind} ${properties.id ?? properties.name ?? properties.count}`, properties);
    }
    const cases = [...seen.values()].filter((one) => one.id);
    if (cases.length === 1) {
      window.location.assign(`/cases/${cases[0].id}`);
      return;
    }
    const told = cases.length ? cases : [...seen.values()].slice(0, 1);
    if (!told.length) return;
    const list = document.createElement("ul");
    list.className = "things";
    for (const one of told.slice(0, 12)) list.append(this.line(one));
    new maplibregl.Popup({ maxWidth: "320px", locale: {} }).setLngLat(event.lngLat).setDOMContent(list).addTo(this.map);
  }

  line(one) {
    const item = document.createElement("li");
    if (one.kind === "sensor") one.href = `/streams/${encodeURIComponent(one.code)}`;
    else if (one.kind === "place") one.href = `/assets/${encodeURIComponent(one.code)}`;
    else if (one.id) one.href = `/cases/${one.id}`;
    const says = {
      cell: () => `${one.count} ${this.words[`watch.map_cell_${one.of}`]}`,
      sensor: () => `${one.name} · ${one.told}`,
      cluster: () => `${one.name} · ${one.count} ${this.words["watch.map_reports"]}`,
      warning: () => `${this.words[`watch.letter.${one.level}`]} · ${one.name}`,
      area: () => `${one.name} · ${one.no_data}`,
    }[one.kind];
    const text = says ? says() : one.name;
    if (one.href) {
      const link = document.createElement("a");
      link.className = "whole";
      link.href = one.href;
      link.textContent = `${one.letter ?? ""} ${text}`.trim();
      item.append(link);
    } else item.textContent = text;
    return item;
  }
}

/** Show the map in `place`; throws when the device cannot. */
export function show(place, given) {
  return new Picture(place, given);
}
