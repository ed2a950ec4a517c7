// One picture: large, with what is known of it, why it was found, what is like it, and its copies.

import { ask, image, json, thumbnail } from "./api.js";
import { $, make, plain } from "./dom.js";
import { name, title } from "./grid.js";

const dialog = $("viewer");
const SKIPPED = new Set(["caption", "title", "tags", "labels", "path", "filename", "exif", "sha256", "label_scores", "faces", "duplicate",
  "modified_at", "indexed_at", "megapixels", "shape", "missing", "taken_at_utc", "hypernyms", "written_labels"]);
let current = "";

export const close = () => { current = ""; if (dialog.open) dialog.close(); };
export const isOpen = () => dialog.open;

export async function open(id, hit, { step, leave, similar, tag }) {
  current = id;
  if (!dialog.open) dialog.showModal();
  const large = make("img", { src: thumbnail(id), alt: hit ? title(hit) : "" });
  const stage = make("div", { class: "stage" }, large,
    make("button", { class: "close", type: "button", "aria-label": "Close", onclick: leave }, "×"),
    make("button", { class: "before", type: "button", "aria-label": "Picture before", onclick: () => step(-1) }, "‹"),
    make("button", { class: "after", type: "button", "aria-label": "Next picture", onclick: () => step(1) }, "›"));
  large.addEventListener("click", () => zoom(stage, large, id));
  const facts = make("div", { class: "facts" });
  dialog.replaceChildren(stage, facts);
  sharpen(large, id, 1280);
  try {
    const document = await ask(`documents/${encodeURIComponent(id)}`);
    if (current !== id) return;
    facts.append(...told(document, hit, tag), actions(document, similar));
    for (const part of [copies(hit, step), await alike(id, step)]) if (part && current === id) facts.append(...part);
  } catch (error) {
    if (current === id) facts.append(make("p", {}, error.message));
  }
}

function sharpen(shown, id, size) {
  const sharp = new Image();
  sharp.onload = () => { if (current === id) shown.src = sharp.src; };
  sharp.src = image(id, size);
}

function zoom(stage, large, id) {
  if (stage.classList.toggle("zoomed")) sharpen(large, id, 2560);
}

function told({ source }, hit, tag) {
  const whole = hit ?? { id: "", path: [source.path].flat()[0], source };
  const parts = [make("h1", {}, title(whole)), make("p", { class: "faint" }, [source.path].flat().join("\n"))];
  if (hit && hit.score > 0) parts.push(make("h2", {}, "Why it was found"), ...why(hit));
  const words = [...(source.tags ?? []), ...(source.labels ?? [])];
  if (words.length) {
    parts.push(make("h2", {}, "Tags and what it shows"), make("div", { class: "tags" },
      ...words.slice(0, 16).map((word) => make("button", { class: "chip plain", type: "button", onclick: () => tag(word) }, word))));
  }
  const captions = String(source.caption ?? "").split("\n").slice(1).join("\n");
  if (captions) parts.push(make("h2", {}, "Caption"), make("p", {}, captions));
  const rows = Object.entries(source).filter(([field]) => !SKIPPED.has(field) && !field.startsWith("text_"));
  parts.push(make("h2", {}, "Details"), make("dl", {}, ...rows.flatMap(([field, value]) =>
    [make("dt", {}, field.replaceAll("_", " ")), make("dd", {}, shown(field, value))])));
  if (source.text_in_picture) parts.push(make("h2", {}, "Text in the picture"), make("p", {}, plain(source.text_in_picture)));
  return parts;
}

function shown(field, value) {
  if (field === "bytes") return value < 1e6 ? `${Math.ceil(value / 1e3)} kB` : `${(value / 1e6).toFixed(1)} MB`;
  if (field === "taken_at") return String(value).replace("T", " ").replace(/(:\d\d)?(\.\d+)?Z?$/, "");
  if (field === "exposure_time" && value > 0 && value < 0.5) return `1/${Math.round(1 / value)} s`;
  return plain(value);
}

function why(hit) {
  const legs = Object.entries(hit.leg_evidence ?? hit.legs).map(([leg, score]) =>
    make("div", { class: "leg" }, make("span", {}, leg), make("meter", { min: 0, max: 1, value: score }), make("span", {}, score.toFixed(2))));
  return [hit.why && make("p", {}, hit.why), ...legs,
    make("p", { class: "faint" }, `rank ${hit.rank} · score ${hit.score.toFixed(3)}`)].filter(Boolean);
}

const actions = (document, similar) => make("div", { class: "actions" },
  make("button", { class: "main", type: "button", onclick: () => similar(document.id) }, "Find similar"),
  make("a", { href: json(document.id), target: "_blank", rel: "noopener" }, "As JSON"));

function copies(hit, step) {
  return hit?.copies.length ? [make("h2", {}, "Copies"), strip(hit.copies, step)] : null;
}

async function alike(id, step) {
  const { hits } = await ask(`documents/${encodeURIComponent(id)}/similar`, new URLSearchParams({ k: 8 }));
  return hits.length ? [make("h2", {}, "Similar pictures"), strip(hits.map((hit) => hit.id), step, hits)] : null;
}

const strip = (ids, step, hits = []) => make("div", { class: "strip" }, ...ids.map((id, place) =>
  make("button", { type: "button", title: hits[place] ? name(hits[place]) : "", onclick: () => step(id) },
    make("img", { src: thumbnail(id), alt: hits[place] ? title(hits[place]) : "a copy", loading: "lazy" }))));

// Escape closes a dialog by itself; the address has to follow.
export const onCancel = (leave) => dialog.addEventListener("cancel", (event) => { event.preventDefault(); leave(); });
