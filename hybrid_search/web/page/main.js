// The page: from the address to hits, and from what is clicked, typed or dropped to a new address.

import { ask, example, keep } from "./api.js";
import * as chips from "./chips.js";
import { $, count, make } from "./dom.js";
import * as facets from "./facets.js";
import * as grid from "./grid.js";
import * as state from "./state.js";
import * as viewer from "./viewer.js";

const PAGE = 60;
const DEEPEST = 10000;  // where the server ends paging
let asked = state.read();
let answered = null;  // the question whose hits are on the page
let more = false;
let running = null;
let facetNames = [];

function change(part) {
  const next = { ...asked, view: "", ...part };
  history.pushState(null, "", state.write(next));
  follow();
}

function follow() {
  asked = state.read();
  if (asked.example && !example(asked.example)) asked.example = "";  // pictures are not kept over a reload
  if (state.question(asked) !== answered) search();
  if (asked.view) look(asked.view); else viewer.close();
}

async function search() {
  answered = state.question(asked);
  running?.abort();
  running = new AbortController();
  more = false;
  showQuestion();
  $("grid").classList.add("waiting");
  try {
    const query = state.options(asked);
    for (const name of facetNames) query.append("facets", name);
    const found = await page(query, 0);
    scrollTo(0, 0);
    grid.replace(found.hits);
    chips.show(found.understood, asked, change);
    facets.show(found.facets, asked, toggle);
    say(found);
    more = found.hits.length === PAGE;
    $("resemblance").hidden = !found.ended || Boolean(asked.everything);
    fill();
  } catch (error) {
    if (error.name !== "AbortError") wrong(error);
  } finally {
    $("grid").classList.remove("waiting");
  }
}

function page(query, offset) {
  query.set("k", PAGE);
  query.set("offset", offset);
  return ask("search", query, { picture: example(asked.example)?.file, signal: running.signal });
}

async function fill() {
  if (!more || $("end").getBoundingClientRect().top > innerHeight + 1200) return;
  more = false;
  const offset = grid.shown().at(-1)?.rank ?? 0;
  if (offset + PAGE > DEEPEST) return;
  try {
    const { hits } = await page(state.options(asked), offset);
    grid.append(hits);
    more = hits.length === PAGE;
    fill();
  } catch (error) {
    if (error.name !== "AbortError") wrong(error);
  }
}

function say(found) {
  const parts = [found.total ? count(found.total, "picture") : "Nothing found"];
  if (asked.q || asked.f.length || asked.like.length || asked.example) parts.push(`${Math.round(found.took_ms)} ms`);
  $("status").classList.remove("wrong");
  $("status").replaceChildren(parts.join(" · "), " · ", make("button", { type: "button", onclick: showRequest }, "Show request"));
  const given = found.understood.filter((each) => !each.applied).map((each) => `“${each.part}”`);
  const kept = found.understood.some((each) => each.applied);
  const fits = kept ? "No picture fits" : "No picture fits all of";
  if (given.length) $("status").append(make("div", {}, `${fits} ${given.join(", ")}: searched as words.`));
  for (const { typed, meant, text, searched } of found.did_you_mean) {
    const link = make("button", { type: "button", onclick: () => change({ q: text }) }, meant);
    $("status").append(make("div", {}, searched ? "Searched " : "Did you mean ", searched ? meant : link, `${searched ? ";" : "?"} “${typed}” is not in this index.`));
  }
  for (const message of found.unavailable) $("status").append(make("div", {}, message));
  if (!found.total && !found.hits.length && !found.ended) $("status").append(make("div", {}, "Take a filter off, or use fewer words."));
}

function wrong(error) {
  grid.replace([]);
  chips.show([], asked, change);
  $("status").classList.add("wrong");
  $("status").replaceChildren(error.message);
}

function showQuestion() {
  if (document.activeElement !== $("box")) $("box").value = asked.q;
  else if ($("box").value.trim() !== asked.q) $("box").value = asked.q;
  $("sort").value = state.options(asked).get("sort") ?? "";
  const picture = example(asked.example);
  $("example").hidden = $("example-off").hidden = !picture;
  if (picture) $("example").src = picture.url;
  document.title = asked.q ? `${asked.q} – hybrid-search` : "hybrid-search";
}

const toggle = (filter) => change({ f: asked.f.includes(filter) ? asked.f.filter((each) => each !== filter) : [...asked.f, filter] });

function searchBy(file) {
  if (file?.type.startsWith("image/")) change({ example: keep(file), like: [], q: "", sort: "" });
}

async function showRequest() {
  try {
    const body = JSON.stringify(await ask("request", state.options(asked), { picture: example(asked.example)?.file }), null, 2)
      .replace(/\[(\s*-?[\d.e+-]+,?)+\s*\]/g, (numbers) => numbers.replace(/\s+/g, " "));
    $("request").replaceChildren(
      make("p", {}, "What Elasticsearch is asked; Kibana's console takes it after GET images/_search."), make("pre", { tabindex: 0 }, body),
      make("button", { type: "button", onclick: () => navigator.clipboard.writeText(body) }, "Copy"), " ",
      make("button", { type: "button", onclick: () => $("request").close() }, "Close"));
    $("request").showModal();
  } catch (error) { wrong(error); }
}

function look(id) {
  const hits = grid.shown();
  const place = hits.findIndex((hit) => hit.id === id);
  viewer.open(id, hits[place], { step: (to) => step(place, to), leave, similar: (id) => change({ like: [id], q: "", f: [], example: "", sort: "" }), tag: (word) => change({ q: word, like: [], f: [], example: "" }) });
}

// By a number along the hits, which adds nothing to the history; by an id to any other picture.
function step(place, to) {
  const id = typeof to === "string" ? to : grid.shown()[place + to]?.id;
  if (!id || (place < 0 && typeof to === "number")) return;
  const address = state.write({ ...asked, view: id });
  if (typeof to === "string") history.pushState(null, "", address); else history.replaceState(null, "", address);
  follow();
  if (place + to >= grid.shown().length - 8) fill();
}

function leave() {
  const place = grid.shown().findIndex((hit) => hit.id === asked.view);
  change({});
  grid.focus(place);
}

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("request").open) return;
  const arrow = event.key.startsWith("Arrow");
  if (viewer.isOpen()) {
    const place = grid.shown().findIndex((hit) => hit.id === asked.view);
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(place, event.key === "ArrowRight" ? 1 : -1);
  } else if (document.activeElement === $("box")) {
    if (event.key === "Escape") $("box").blur();
    if (event.key === "ArrowDown") { event.preventDefault(); grid.move(event.key); }
  } else if (event.target.matches("select, input")) {
    return;
  } else if (event.key === "/") {
    event.preventDefault();
    $("box").focus();
    $("box").select();
  } else if (arrow) {
    event.preventDefault();
    grid.move(event.key);
  }
}

function listen() {
  $("form").addEventListener("submit", (event) => { event.preventDefault(); change({ q: $("box").value.trim(), everything: "" }); });
  $("box").addEventListener("search", () => { if (!$("box").value && asked.q) change({ q: "" }); });
  $("home").addEventListener("click", (event) => { event.preventDefault(); history.pushState(null, "", "/"); follow(); });
  $("sort").addEventListener("change", () => change({ sort: $("sort").value }));
  $("file").addEventListener("change", () => { searchBy($("file").files[0]); $("file").value = ""; });
  $("example-off").addEventListener("click", () => change({ example: "" }));
  $("resemblance").addEventListener("click", () => change({ everything: "1" }));
  $("show-facets").addEventListener("click", () => $("show-facets").setAttribute("aria-expanded", String($("facets").classList.toggle("shown"))));
  addEventListener("popstate", follow);
  addEventListener("scroll", fill, { passive: true });
  addEventListener("keydown", onKey);
  addEventListener("paste", (event) => searchBy([...event.clipboardData.files][0]));
  addEventListener("dragover", (event) => { event.preventDefault(); $("drop").hidden = !event.dataTransfer.types.includes("Files"); });
  addEventListener("dragleave", (event) => { if (!event.relatedTarget) $("drop").hidden = true; });
  addEventListener("drop", (event) => { event.preventDefault(); $("drop").hidden = true; searchBy(event.dataTransfer.files[0]); });
  grid.onOpen((place) => change({ view: grid.shown()[place].id }));
  viewer.onCancel(leave);
}

listen();
try {
  const info = await ask("info");
  facetNames = info.facets;
  $("box").placeholder = `Search ${count(info.documents, "picture")}`;
  follow();
} catch (error) { wrong(error); }
