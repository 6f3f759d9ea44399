// A select that one types into: https://www.w3.org/WAI/ARIA/apg/patterns/combobox/
// Its options stand in a template beside it, or the app is asked for them. What is chosen stands in hidden fields, and
// the event "chosen" tells htmx.
"use strict";

(() => {
  const all = (selector, within) => [...within.querySelectorAll(selector)];
  let combo = null;
  let list = null;
  let asked = 0;

  const field = () => combo.querySelector("[role=combobox]");
  const options = () => all("[role=option]:not([hidden])", list);
  const active = () => list.querySelector(".active");
  const chosen = () => all(".chosen input", combo).map((each) => each.value).filter(Boolean);

  function openFor(found) {
    close();
    combo = found;
    list = document.createElement("ul");
    list.id = "popup";
    list.className = "popup";
    list.setAttribute("role", "listbox");
    if ("many" in combo.dataset) list.setAttribute("aria-multiselectable", "true");
    (combo.closest("dialog") ?? document.body).append(list);
    field().setAttribute("aria-expanded", "true");
    field().setAttribute("aria-controls", "popup");
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) choose(option);
    });
    place();
    fill("");
  }

  function place() {
    const box = combo.querySelector(".combo-box").getBoundingClientRect();
    const below = window.innerHeight - box.bottom - 12;
    const above = box.top - 12;
    const host = combo.closest("dialog")?.getBoundingClientRect();
    list.style.left = `${box.left}px`;
    list.style.width = `${Math.max(box.width, 220)}px`;
    list.style.maxHeight = `${Math.min(280, Math.max(below, above))}px`;
    if (below >= 180 || below >= above) { list.style.top = `${box.bottom + 4}px`; list.style.bottom = "auto"; }
    else { list.style.top = "auto"; list.style.bottom = `${window.innerHeight - box.top + 4}px`; }
    return host;
  }

  async function fill(typed) {
    if (combo.dataset.combo === "inside") {
      list.replaceChildren(combo.querySelector("template").content.cloneNode(true));
      filter(typed);
    } else await load(typed);
    const now = new Set(chosen());
    if (!list) return;
    all("[role=option]", list).forEach((each, index) => {
      each.id = `popup-${index}`;
      each.setAttribute("aria-selected", String(now.has(each.dataset.value)));
    });
    if (options().length === 0 && !list.querySelector(".none")) note("Nothing matches.");
    mark(list.querySelector('[aria-selected="true"]:not([hidden])') ?? options()[0]);
  }

  function filter(typed) {
    const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
    all("[role=option]", list).forEach((each) => {
      const text = each.textContent.toLowerCase();
      each.hidden = !words.every((word) => text.includes(word));
    });
    all(".group", list).forEach((group) => {
      let next = group.nextElementSibling;
      while (next && !next.matches(".group") && next.hidden) next = next.nextElementSibling;
      group.hidden = !next || next.matches(".group");
    });
  }

  async function load(typed) {
    const mine = ++asked;
    const least = Number(combo.dataset.min);
    if (typed.length < least) {
      list.replaceChildren();
      note(least === 1 ? "Type to search." : `Type ${least} letters to search.`);
      return;
    }
    if (!list.childElementCount) note("Searching…");
    await new Promise((done) => setTimeout(done, typed ? 200 : 0));
    if (mine !== asked) return;
    const vals = JSON.parse(combo.getAttribute("hx-vals"));
    const query = new URLSearchParams({ q: typed, place: vals.place, id: vals.id, changed: vals.changed });
    let html = "";
    try {
      const answer = await fetch(`${combo.dataset.url}?${query}`, { headers: { "HX-Current-URL": location.href } });
      html = answer.ok ? await answer.text() : "";
    } catch { /* the line below says that nothing was found */ }
    if (mine !== asked || !list) return;
    const parsed = document.createElement("template");
    parsed.innerHTML = html;
    list.replaceChildren(parsed.content);
  }

  function note(text) {
    const line = document.createElement("li");
    line.className = "none";
    line.textContent = text;
    list.replaceChildren(line);
  }

  function mark(option) {
    active()?.classList.remove("active");
    option?.classList.add("active");
    option?.scrollIntoView({ block: "nearest" });
    field().setAttribute("aria-activedescendant", option?.id ?? "");
  }

  function set(values) {
    const box = combo.querySelector(".chosen");
    const fields = (values.length ? values : [""]).map((value) => {
      const hidden = document.createElement("input");
      Object.assign(hidden, { type: "hidden", name: combo.dataset.name, value });
      return hidden;
    });
    box.replaceChildren(...fields);
    htmx.trigger(combo, "chosen");
  }

  function choose(option) {
    const value = option.dataset.value;
    if ("many" in combo.dataset) {
      const now = chosen();
      field().value = "";
      set(now.includes(value) ? now.filter((each) => each !== value) : [...now, value]);
      fill("");
      return;
    }
    field().value = option.querySelector("span").textContent;
    field().dataset.text = field().value;
    set([value]);
    close();
  }

  function close() {
    if (!list) return;
    asked += 1;
    list.remove();
    list = null;
    field()?.setAttribute("aria-expanded", "false");
    field()?.removeAttribute("aria-controls");
    field()?.removeAttribute("aria-activedescendant");
  }

  function leave() {
    if (!combo) return;
    const left = combo;
    const text = field();
    close();
    combo = null;
    if ("many" in left.dataset) text.value = "";
    else if (text.value === "" && all(".chosen input", left).some((each) => each.value)) {
      combo = left;
      set([]);
      combo = null;
    } else if (all(".chosen input", left).some((each) => each.value)) text.value = text.dataset.text ?? text.defaultValue;
    else text.value = "";
  }

  const keys = {
    ArrowDown: () => mark(options()[options().indexOf(active()) + 1] ?? options()[0]),
    ArrowUp: () => mark(options().at(options().indexOf(active()) - 1)),
    Home: () => mark(options()[0]),
    End: () => mark(options().at(-1)),
    Enter: () => active() && choose(active()),
    Escape: close,
  };

  document.addEventListener("keydown", (event) => {
    const found = event.target.closest?.("[data-combo]");
    if (!found || !event.target.matches("[role=combobox]")) return;
    if (event.key === "Enter") event.preventDefault();
    if (event.key === "Backspace" && !event.target.value && "many" in found.dataset) {
      combo = found;
      if (chosen().length) set(chosen().slice(0, -1));
    }
    if (!list || combo !== found) {
      if (["ArrowDown", "ArrowUp", "Enter"].includes(event.key)) { event.preventDefault(); openFor(found); }
      return;
    }
    if (!(event.key in keys) || (["Home", "End"].includes(event.key) && event.target.value)) return;
    event.preventDefault();
    event.stopPropagation();
    keys[event.key]();
  }, true);

  document.addEventListener("input", (event) => {
    const found = event.target.closest?.("[data-combo]");
    if (!found) return;
    if (!list || combo !== found) openFor(found);
    fill(event.target.value);
  });

  document.addEventListener("mousedown", (event) => {
    const found = event.target.closest?.("[data-combo]");
    const remove = event.target.closest?.("[data-remove]");
    if (!found || remove) return;
    if (event.target.closest(".combo-box")) {
      const text = found.querySelector("[role=combobox]");
      if (event.target !== text) { event.preventDefault(); text.focus(); }
      if (list && combo === found) close();
      else { openFor(found); text.select(); }
    }
  });

  document.addEventListener("click", (event) => {
    const remove = event.target.closest?.("[data-remove]");
    if (!remove) return;
    combo = remove.closest("[data-combo]");
    set(chosen().filter((each) => each !== remove.dataset.remove));
    field().focus();
  });

  document.addEventListener("focusout", (event) => {
    if (event.target.closest?.("[data-combo]") && event.target.matches("[role=combobox]")) leave();
  });
  document.addEventListener("focusin", (event) => {
    const found = event.target.closest?.("[data-combo]");
    if (found && !list) combo = found;
  });
  window.addEventListener("resize", () => list && place());
  document.addEventListener("scroll", (event) => { if (list && !list.contains(event.target)) place(); }, true);

  // A swap may replace what surrounds an open list.
  document.addEventListener("htmx:after:swap", () => {
    if (!list) return;
    if (!combo.isConnected) { list.remove(); list = null; combo = null; return; }
    field().setAttribute("aria-expanded", "true");
    field().setAttribute("aria-controls", "popup");
    place();
  });
})();
