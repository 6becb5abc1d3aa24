// The ground of a map without tiles: outlines and names of areas in the inks of the page.

const FONT = ["Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", "sans-serif"];

export function inks() {
  const of = getComputedStyle(document.documentElement);
  const read = (name) => of.getPropertyValue(`--${name}`).trim();
  return { paper: read("paper"), sheet: read("sheet"), ink: read("ink"), faint: read("faint"), line: read("line") };
}

export function outlines(ink, areas) {
  const written = { "text-color": ink.ink, "text-halo-color": ink.paper, "text-halo-width": 1.5 };
  const named = { "text-font": FONT, "text-size": 14, "text-max-width": 9, "text-field": ["get", "name"], "text-padding": 6 };
  return {
    version: 8,
    sources: { areas: { type: "geojson", data: areas } },
    layers: [
      { id: "ground", type: "background", paint: { "background-color": ink.paper } },
      ...[true, false].map((schematic) => ({
        id: schematic ? "edges-schematic" : "edges", type: "line", source: "areas",
        filter: ["==", ["get", "schematic"], schematic],
        paint: {
          "line-color": ink.faint,
          "line-width": ["case", ["<=", ["get", "rank"], 1], 2, 1],
          ...(schematic ? { "line-dasharray": [3, 2] } : {}),
        },
      })),
      {
        id: "names", type: "symbol", source: "areas", filter: ["<=", ["get", "rank"], 1],
        maxzoom: 12, layout: named, paint: written,
      },
      {
        id: "small-names", type: "symbol", source: "areas", minzoom: 10.5, filter: [">", ["get", "rank"], 1],
        layout: { ...named, "text-size": 13 }, paint: { ...written, "text-color": ink.faint },
      },
    ],
  };
}
