// Counts beside the hits: a click filters by a value, another click takes the filter off.

import { $, make } from "./dom.js";

const NAMES = {
  "camera.model": "Camera", taken_at: "Year", "place.country": "Country", "place.city": "City",
  people: "People", tags: "Tags", labels: "In the picture", format: "Format",
};

export function show(facets, state, toggle) {
  const parts = facets.flatMap(({ field, values }) => {
    if (!values.length) return [];
    const ordered = field === "taken_at" ? values.toReversed() : values;
    return [make("h2", {}, NAMES[field] ?? field), ...ordered.map((each) => value(each, state, toggle))];
  });
  $("facets").replaceChildren(...parts);
}

function value({ value, count, filter }, state, toggle) {
  return make("button", {
    class: "value", type: "button", title: value, "aria-pressed": String(state.f.includes(filter)), onclick: () => toggle(filter),
  }, make("span", {}, value), make("span", {}, count.toLocaleString("en")));
}
