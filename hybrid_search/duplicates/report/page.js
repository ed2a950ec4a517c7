"use strict";
(() => {
  const KIND = "hybrid-search duplicates";
  const report = document.body.dataset.report;
  const sections = [...document.querySelectorAll("section")];
  const shelf = `${KIND} ${report}`;
  let exported = true;

  const filesOf = (section) => [...section.querySelectorAll("fieldset")];
  const choiceOf = (fieldset) => fieldset.querySelector("input:checked").value;
  const choose = (fieldset, value) => {
    const input = fieldset.querySelector(`input[value="${value}"]`);
    if (input) input.checked = true;
  };
  const boxOf = (section) => section.querySelector("input.reviewed");
  const groupOf = (section) => JSON.parse(section.dataset.group);
  const factsOf = (fieldset) => JSON.parse(fieldset.dataset.file);
  const nameOf = (file) => file.path === null ? file.id : file.path;

  const readable = (bytes) => {
    for (const [size, unit] of [[1e12, "TB"], [1e9, "GB"], [1e6, "MB"], [1e3, "kB"]]) {
      if (bytes >= size) return `${(bytes / size).toFixed(1)} ${unit}`;
    }
    return `${bytes} bytes`;
  };

  // what is counted of each group, so that one change does not count all of them again
  const counted = new Map();
  const total = { files: 0, bytes: 0, groups: 0 };
  const count = (section) => {
    const before = counted.get(section) || { files: 0, bytes: 0, groups: 0 };
    const now = { files: 0, bytes: 0, groups: 0 };
    for (const fieldset of filesOf(section)) {
      const removed = choiceOf(fieldset) === "remove";
      for (const cell of section.querySelectorAll(`td[data-column="${fieldset.dataset.column}"]`)) {
        cell.classList.toggle("remove", removed);
      }
      if (removed) {
        now.files += 1;
        now.bytes += (factsOf(fieldset).facts || {}).bytes || 0;
      }
    }
    now.groups = isDecided(section) ? 1 : 0;
    for (const name of Object.keys(total)) total[name] += now[name] - before[name];
    counted.set(section, now);
  };
  const isDecided = (section) =>
    boxOf(section).checked || filesOf(section).some((fieldset) => choiceOf(fieldset) !== "keep");

  const say = (section, text) => { section.querySelector(".note").textContent = text; };
  const showTotal = () => {
    const shown = sections.filter((section) => !section.classList.contains("hidden")).length;
    document.getElementById("total").textContent =
      `${total.files} ${total.files === 1 ? "file" : "files"} to remove in ${total.groups} decided of ${sections.length} ${sections.length === 1 ? "group" : "groups"}, ` +
      `${readable(total.bytes)} freed` + (shown < sections.length ? ` (${shown} shown)` : "");
  };

  // at least one file that is still counted as a copy stays, whatever is chosen
  const keepOne = (section, changed) => {
    say(section, "");
    const files = filesOf(section);
    if (files.some((fieldset) => choiceOf(fieldset) === "keep")) return;
    const stays = changed && choiceOf(changed) === "remove" ? changed : files[0];
    choose(stays, "keep");
    say(section, `One of the files stays: ${nameOf(factsOf(stays))}`);
  };

  const stateOf = (section) => ({
    reviewed: boxOf(section).checked,
    files: filesOf(section).map((fieldset) => ({ ...factsOf(fieldset), choice: choiceOf(fieldset) })),
  });
  const restore = (section, state) => {
    const known = new Map(state.files.map((file) => [JSON.stringify([file.id, file.path]), file.choice]));
    for (const fieldset of filesOf(section)) {
      const file = factsOf(fieldset);
      choose(fieldset, known.get(JSON.stringify([file.id, file.path])) || "keep");
    }
    boxOf(section).checked = Boolean(state.reviewed);
    keepOne(section, null);
    count(section);
  };
  // kept group by group, so that a change of one does not write all of them again
  const store = (section) => {
    exported = false;
    const codes = [boxOf(section).checked ? "reviewed" : "", ...filesOf(section).map(choiceOf)];
    try {
      localStorage.setItem(`${shelf} ${groupOf(section)}`, codes.join(","));
    } catch { /* private windows have no storage: the warning before leaving remains */ }
  };
  const recall = (section) => {
    const codes = localStorage.getItem(`${shelf} ${groupOf(section)}`);
    if (codes === null) return;
    const [reviewed, ...values] = codes.split(",");
    filesOf(section).forEach((fieldset, column) => choose(fieldset, values[column]));
    boxOf(section).checked = reviewed === "reviewed";
    keepOne(section, null);
  };

  const choices = () => ({
    kind: KIND,
    version: 1,
    report,
    groups: sections.filter(isDecided).map((section) => ({ group: groupOf(section), ...stateOf(section) })),
  });
  const take = (wanted) => {
    if (!wanted || wanted.kind !== KIND || wanted.version !== 1) throw new Error("these are no choices of such a page");
    const states = new Map(wanted.groups.map((group) => [group.group, group]));
    for (const section of sections) {
      restore(section, states.get(groupOf(section)) || { files: [], reviewed: false });
      store(section);
    }
    showTotal();
  };

  document.addEventListener("change", (event) => {
    const section = event.target.closest("section");
    if (section) {
      if (event.target.type === "radio") keepOne(section, event.target.closest("fieldset"));
      count(section);
      store(section);
    } else if (event.target.name === "tier") {
      const wanted = new Set([...document.querySelectorAll("input[name=tier]:checked")].map((input) => input.value));
      for (const each of sections) each.classList.toggle("hidden", !wanted.has(each.dataset.tier));
    } else if (event.target.id === "load" && event.target.files.length) {
      event.target.files[0].text()
        .then((text) => take(JSON.parse(text)))
        .catch((error) => alert(`Cannot load ${event.target.files[0].name}: ${error.message}`))
        .finally(() => { event.target.value = ""; });
    }
    showTotal();
  });

  const setShown = (value) => {
    for (const section of sections) {
      if (section.classList.contains("hidden")) continue;
      for (const fieldset of filesOf(section)) choose(fieldset, value(fieldset));
      keepOne(section, null);
      count(section);
      store(section);
    }
    showTotal();
  };
  document.getElementById("keep-all").addEventListener("click", () => setShown(() => "keep"));
  document.getElementById("propose").addEventListener("click", () => setShown((fieldset) => fieldset.dataset.proposal));

  document.getElementById("export").addEventListener("click", () => {
    const text = JSON.stringify(choices(), null, 1);
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
    link.download = "choices.json";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    exported = true;
  });
  window.addEventListener("beforeunload", (event) => { if (!exported) event.preventDefault(); });

  // one large picture at a time, this one or the first of its group: a click or the space bar goes from one to the other
  const dialog = document.querySelector("dialog");
  const large = dialog.querySelector("img");
  const marks = dialog.querySelector("svg");
  let pair = [], at = 0;
  const mark = (added, width, height) => {
    marks.setAttribute("viewBox", `0 0 ${width} ${height}`);
    marks.replaceChildren(...added.map((box) => {
      const drawn = box.cloneNode();
      for (const [name, size] of [["x", width], ["y", height], ["width", width], ["height", height]]) {
        drawn.setAttribute(name, box.getAttribute(name) * size);
      }
      return drawn;
    }));
  };
  const look = () => {
    const { file, small, name, added } = pair[at];
    marks.replaceChildren();
    large.onload = () => mark(added, large.naturalWidth, large.naturalHeight);
    large.onerror = () => { large.onerror = null; large.src = small; };
    large.src = file || small;
    dialog.querySelector("span").textContent = pair.length > 1 ? `${at + 1} of ${pair.length}: ${name}` : name;
  };
  const turn = () => { at = (at + 1) % pair.length; look(); };
  const pictureOf = (button) => {
    const image = button.querySelector("img");
    const added = [...button.querySelectorAll("svg.added rect")];
    return { file: button.dataset.href, small: image.src, name: image.alt, added };
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button.look");
    if (!button) return;
    const first = button.closest("section").querySelector("button.look");
    pair = first === button ? [button] : [button, first];
    pair = pair.map(pictureOf);
    at = 0;
    look();
    dialog.showModal();
  });
  large.addEventListener("click", turn);
  dialog.addEventListener("keydown", (event) => {
    if (event.target.id === "close") return;
    if (event.key === " " || event.key.startsWith("Arrow")) { event.preventDefault(); turn(); }
  });
  document.getElementById("close").addEventListener("click", () => dialog.close());

  for (const section of sections) {
    try {
      recall(section);
    } catch { /* no storage */ }
    count(section);
  }
  showTotal();
})();
