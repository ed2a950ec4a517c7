// What is asked besides words, each part with a way to take it off.

import { thumbnail } from "./api.js";
import { $, make } from "./dom.js";

// Quotes keep words words: that is how one part stops being understood, and the others stay.
export function quoted(text, part) {
  const at = text.indexOf(part);
  return at < 0 ? null : `${text.slice(0, at)}"${part}"${text.slice(at + part.length)}`;
}

export function show(understood, state, change) {
  const parts = understood.filter((each) => each.applied).map(({ part, meaning }) => {
    const q = quoted(state.q, part);
    return chip([make("b", {}, part), ` ${meaning}`], `Search “${part}” as words`, () => change(q ? { q } : { literal: "1" }));
  });
  const filters = state.f.map((each) =>
    chip([each.replace(/^(\S+):"(.*)"$/, "$1: $2")], "Take this filter off", () => change({ f: state.f.filter((other) => other !== each) })));
  const liked = state.like.map((id) =>
    chip(["like ", make("img", { src: thumbnail(id), alt: "this picture", height: "22" })], "Search without it",
      () => change({ like: state.like.filter((other) => other !== id) })));
  const literal = state.literal
    ? [chip(["all words as words"], "Understand dates, cameras, places and people again", () => change({ literal: "" }))]
    : parts.length > 1 ? [make("button", { class: "chip plain", type: "button", onclick: () => change({ literal: "1" }) }, "Search all as words")] : [];
  $("chips").replaceChildren(...parts, ...filters, ...liked, ...literal);
}

const chip = (children, title, onclick) =>
  make("button", { class: "chip", type: "button", title, onclick }, make("span", {}, ...children), make("span", { class: "off", "aria-hidden": "true" }, "×"));
