// What the map is made of: no tiles, only what the server sends, in the inks of the page.

import { LEVELS } from "./icons.js";

const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];
const kind = (...names) => ["in", ["get", "kind"], ["literal", names]];
const byLevel = (part, otherwise) => [
  "match", ["get", "level"],
  ...Object.entries(LEVELS).flatMap(([name, look]) => [name, look[part]]),
  otherwise,
];

/** The style of the map in the inks of the page. */
export function style(ink) {
  const words = { "text-font": FONT, "text-size": 13, "text-max-width": 9 };
  const written = { "text-color": ink.ink, "text-halo-color": ink.paper, "text-halo-width": 1.5 };
  const symbols = { "icon-allow-overlap": true, "icon-ignore-placement": true };
  return {
    version: 8,
    sources: { shown: { type: "geojson", data: { type: "FeatureCollection", features: [] } } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": ink.paper } },
      {
        id: "no-data", type: "fill", source: "shown",
        filter: ["all", kind("area"), ["!=", ["get", "no_data"], ""]],
        paint: { "fill-pattern": "hatch" },
      },
      {
        id: "warnings", type: "fill", source: "shown", filter: kind("warning"),
        paint: { "fill-color": byLevel("fill", ink.line), "fill-opacity": 0.45 },
      },
      {
        id: "warning-edges", type: "line", source: "shown", filter: kind("warning"),
        paint: { "line-color": byLevel("edge", ink.faint), "line-width": 2.5 },
      },
      ...[true, false].map((schematic) => ({
        id: schematic ? "edges-schematic" : "edges", type: "line", source: "shown",
        filter: ["all", kind("area"), ["==", ["get", "schematic"], schematic]],
        paint: {
          "line-color": ink.faint,
          "line-width": ["case", ["<=", ["get", "rank"], 1], 2, 1],
          ...(schematic ? { "line-dasharray": [3, 2] } : {}),
        },
      })),
      // Names of small areas, and since when nothing is heard from them, only when there is room.
      ...[["area-names", ["<=", ["get", "rank"], 1], 0], ["small-area-names", [">", ["get", "rank"], 1], 11]].map(
        ([id, which, minzoom]) => ({
          id, type: "symbol", source: "shown", minzoom, filter: ["all", kind("area"), which],
          layout: {
            ...words,
            "text-field": ["step", ["zoom"], ["get", "label"], 12, ["get", "closely"]],
            "symbol-sort-key": ["get", "rank"],
            "text-padding": 6,
          },
          paint: { ...written, "text-color": ink.faint },
        }),
      ),
      {
        id: "sensors", type: "symbol", source: "shown", filter: kind("sensor"),
        layout: {
          ...words, ...symbols, "text-size": 12,
          "icon-image": ["concat", "sensor-", ["get", "look"]],
          // What stands at a level lies on top.
          "symbol-sort-key": ["match", ["get", "level"], "red", 4, "orange", 3, "yellow", 2, "blue", 1, 0],
          "text-field": ["step", ["zoom"], "", 12, ["concat", ["get", "name"], "\n", ["get", "told"]]],
          "text-anchor": "top", "text-offset": [0, 0.7], "text-optional": true,
        },
        paint: written,
      },
      {
        id: "places", type: "symbol", source: "shown", filter: kind("place"),
        layout: {
          ...words, ...symbols, "text-size": 12, "icon-image": "place",
          "text-field": ["step", ["zoom"], "", 11, ["get", "name"]],
          "text-anchor": "bottom", "text-offset": [0, -0.7], "text-optional": true,
        },
        paint: written,
      },
      {
        id: "cells", type: "circle", source: "shown", filter: kind("cell"),
        paint: {
          "circle-radius": ["interpolate", ["linear"], ["get", "count"], 1, 12, 1000, 28],
          "circle-color": ink.sheet, "circle-stroke-color": ink.ink, "circle-stroke-width": 1.5,
        },
      },
      {
        id: "cell-counts", type: "symbol", source: "shown", filter: kind("cell"),
        layout: { ...words, "text-field": ["to-string", ["get", "count"]], "text-allow-overlap": true },
        paint: written,
      },
      {
        id: "clusters", type: "symbol", source: "shown", filter: kind("cluster"),
        layout: {
          ...words, ...symbols, "icon-image": "cluster",
          "text-field": ["to-string", ["get", "count"]], "text-allow-overlap": true,
        },
        paint: { "text-color": ink.ink },
      },
      {
        id: "cases", type: "symbol", source: "shown", filter: kind("case", "in_area"),
        layout: {
          ...words, ...symbols, "text-size": 12,
          // The highest level lies on top; what has none may be anything.
          "symbol-sort-key": ["match", ["get", "level"], "red", 5, "orange", 4, "yellow", 2, "blue", 1, 3],
          "icon-image": ["concat", "case-", ["get", "level"]],
          "text-field": [
            "case", [">", ["coalesce", ["get", "count"], 0], 1], ["concat", "×", ["to-string", ["get", "count"]]], "",
          ],
          "text-anchor": "left", "text-offset": [1.3, 0], "text-allow-overlap": true,
        },
        paint: written,
      },
    ],
  };
}

/** Layers that answer a click, the uppermost first. */
export const ANSWERING = ["cases", "clusters", "cells", "places", "sensors", "warnings", "no-data"];
