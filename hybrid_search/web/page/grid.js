// Justified rows: every row is as wide as the page, pictures keep their shape, thumbnails come first.

import { image, thumbnail } from "./api.js";
import { $, make } from "./dom.js";

const grid = $("grid");
let hits = [];
let open = () => {};
let width = 0;

const gap = () => (innerWidth <= 760 ? 4 : 8);
const aim = () => (innerWidth <= 760 ? 130 : 220);

const sharpen = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    sharpen.unobserve(target);
    const sharp = make("img", { class: "sharp", alt: "" });
    sharp.onload = () => sharp.classList.add("there");
    sharp.onerror = () => sharp.remove();
    sharp.src = image(target.dataset.id, target.offsetWidth * devicePixelRatio > 420 ? 640 : 320);
    target.querySelector("img, .name").after(sharp);
  }
}, { rootMargin: "200px" });

export function onOpen(callback) { open = callback; }
export const shown = () => hits;

export function replace(found) {
  hits = [];
  grid.replaceChildren();
  append(found);
}

export function append(found) {
  // the last row may have been stretched over too few pictures: it is laid anew with those that follow
  const last = grid.lastElementChild;
  const again = last && "open" in last.dataset ? [...last.children].map((tile) => Number(tile.dataset.place)) : [];
  if (again.length) last.remove();
  const start = hits.length - again.length;
  hits = hits.concat(found);
  lay(start);
}

function lay(start) {
  width = grid.clientWidth;
  let row = [];
  let shapes = 0;
  for (let place = start; place < hits.length; place++) {
    const { width: w = 4, height: h = 3 } = hits[place].source;
    const shape = Math.min(Math.max(w / h, 0.5), 3);
    row.push([place, shape]);
    shapes += shape;
    if (shapes * aim() + gap() * (row.length - 1) >= width) {
      add(row, (width - gap() * (row.length - 1)) / shapes, false);
      row = [];
      shapes = 0;
    }
  }
  if (row.length) add(row, aim(), true);
}

function add(row, height, unfinished) {
  const element = make("div", { class: "row", "data-open": unfinished });
  for (const [place, shape] of row) element.append(tile(place, shape * height, height));
  grid.append(element);
}

function tile(place, width, height) {
  const hit = hits[place];
  const small = make("img", { src: thumbnail(hit.id), alt: "", loading: "lazy", decoding: "async" });
  small.onerror = () => small.replaceWith(make("span", { class: "name" }, name(hit)));
  const button = make("button", {
    class: "tile", type: "button", "data-id": hit.id, "data-place": place, "aria-label": title(hit), onclick: () => open(place),
  }, small, over(hit), hit.copies.length > 0 && make("span", { class: "copies", title: "Copies of it" }, `+${hit.copies.length}`));
  button.style.width = `${width}px`;
  button.style.height = `${height}px`;
  sharpen.observe(button);
  return button;
}

export const name = (hit) => (hit.path ?? hit.id).split(/[/\\]/).pop();
export function title(hit) {
  const { caption, title, labels } = hit.source;
  const said = [caption].flat()[0] || title;
  return String(said || labels?.slice(0, 3).join(", ") || name(hit)).split("\n")[0];
}

function over(hit) {
  const legs = Object.entries(hit.leg_evidence ?? hit.legs).map(([leg, score]) => `${leg} ${score.toFixed(2)}`).join(" · ");
  return make("span", { class: "over" },
    make("span", {}, title(hit)),
    hit.why && make("span", { class: "why" }, hit.why),
    legs && make("span", { class: "why" }, legs));
}

export function move(key) {
  const tiles = [...grid.querySelectorAll(".tile")];
  const at = tiles.indexOf(document.activeElement);
  if (at < 0) return tiles[0]?.focus();
  if (key === "ArrowLeft" || key === "ArrowRight") return tiles[at + (key === "ArrowRight" ? 1 : -1)]?.focus();
  const row = tiles[at].parentElement;
  const other = key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
  const middle = tiles[at].offsetLeft + tiles[at].offsetWidth / 2;
  const away = (each) => Math.abs(each.offsetLeft + each.offsetWidth / 2 - middle);
  [...(other?.children ?? [])].sort((a, b) => away(a) - away(b))[0]?.focus();
}

export function focus(place) { grid.querySelector(`[data-place="${place}"]`)?.focus(); }

new ResizeObserver(() => {
  if (Math.abs(grid.clientWidth - width) < 2 || !hits.length) return;
  grid.replaceChildren();
  lay(0);
}).observe(grid);
