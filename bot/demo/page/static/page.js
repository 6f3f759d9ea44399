// What HTML and htmx leave over: asking for news, dialogs, the composer, and where the focus goes.
"use strict";

(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const dialog = one("#dialog");
  const confirmation = one("#confirm");

  // -- news: a WebSocket says that something changed, then the regions that did are fetched

  let asking = false;
  let again = false;
  let told = 0;

  async function ask() {
    if (asking) { again = true; return; }
    asking = true;
    try {
      do {
        again = false;
        await htmx.ajax("GET", document.body.dataset.place + "/news", { target: "#anchor", swap: "none" });
      } while (again);
    } finally { asking = false; }
  }

  function listen(delay = 500) {
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/live");
    socket.onopen = () => { one("#offline").hidden = true; delay = 500; told = 0; ask(); };
    socket.onmessage = (event) => { told = Number(event.data); ask(); };
    socket.onclose = () => {
      one("#offline").hidden = false;
      setTimeout(listen, delay, Math.min(delay * 2, 5000));
    };
  }

  document.addEventListener("htmx:config:request", (event) => {
    const seen = Object.fromEntries(all("[data-digest]").map((region) => [region.id, region.dataset.digest]));
    event.detail.ctx.request.headers["X-Seen"] = JSON.stringify(seen);
    event.detail.ctx.request.headers["X-Looking"] = document.visibilityState === "visible" ? "yes" : "no";
  });
  // An answer that was drawn before the last news, and comes after them, has put something old on the screen.
  document.addEventListener("htmx:finally:request", (event) => {
    if (Number(event.detail.ctx.response?.headers.get("X-Version") ?? told) < told) ask();
  });
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && ask());

  // -- scrolling: stay at the end if one was there, go to a message that was linked to

  const nearEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  let followed = [];

  function settle() {
    all(".messages").forEach((box) => { box.scrollTop = box.scrollHeight; });
    one(".message.linked")?.scrollIntoView({ block: "center" });
  }

  document.addEventListener("htmx:before:swap", (event) => {
    const wrote = event.detail.ctx?.sourceElement?.matches?.("[data-composer]");
    followed = all(".messages").filter((box) => wrote || nearEnd(box));
  });

  // -- modals: the dialog is open as long as the workspace shows a view

  let shown = "";
  let before = null;

  function showModal() {
    const view = one("#modal")?.dataset.view ?? "";
    if (view && !dialog.open) {
      before = document.activeElement;
      dialog.showModal();
    }
    if (!view && dialog.open) {
      dialog.close();
      (before?.isConnected ? before : one("#compose"))?.focus();
    }
    const wrong = one('[aria-invalid="true"]', dialog);
    const busy = document.activeElement !== document.body && dialog.contains(document.activeElement) && document.activeElement !== dialog;
    if (view && view !== shown) focusIn(dialog);
    else if (view && wrong && submitted) wrong.focus();
    else if (view && !busy) one("#modal-title")?.focus();
    submitted = submitted && Boolean(view) && !wrong;
    shown = view;
  }

  function focusIn(box) {
    const fields = "input:not([type=hidden], :disabled), textarea, [role=combobox]";
    (one("[aria-invalid=true]", box) ?? one("[autofocus]", box) ?? one(fields, one(".modal-body", box) ?? box) ?? one("#modal-title", box))?.focus();
  }

  let submitted = false;
  dialog.addEventListener("submit", () => { submitted = true; });
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    one(".cancel", dialog)?.click();
  });

  // A browser lets a page refuse Escape once only; whatever closed the dialog, the workspace decides.
  dialog.addEventListener("close", () => one("#modal").dataset.view && one(".cancel", dialog)?.click());

  document.addEventListener("htmx:after:swap", () => {
    followed.forEach((box) => { box.scrollTop = box.scrollHeight; });
    showModal();
    if (wantThread && one("#compose-thread")) {
      const box = one("#thread .messages");
      box.scrollTop = box.scrollHeight;
      one("#compose-thread").focus();
      wantThread = false;
    }
  });

  document.addEventListener("htmx:confirm", (event) => {
    const template = one(`template[data-for="${CSS.escape(event.detail.ctx.confirm)}"]`);
    if (!template) return;
    event.preventDefault();
    confirmation.replaceChildren(template.content.cloneNode(true));
    confirmation.returnValue = "";
    confirmation.onclose = () => (confirmation.returnValue === "yes" ? event.detail.issueRequest() : event.detail.dropRequest());
    confirmation.showModal();
    one("[data-answer=no]", confirmation).focus();
  });
  confirmation.addEventListener("click", (event) => {
    const answer = event.target.closest("[data-answer]");
    if (answer) confirmation.close(answer.dataset.answer);
  });

  // -- the composer: Enter sends, a slash shows the commands

  const hints = () => all("#hints [role=option]");
  const open = () => hints().filter((hint) => !hint.hidden);
  const active = () => hints().find((hint) => hint.getAttribute("aria-selected") === "true");

  function mark(hint) {
    hints().forEach((other) => other.setAttribute("aria-selected", String(other === hint)));
    one("#compose").setAttribute("aria-activedescendant", hint?.id ?? "");
  }

  function hint() {
    const [word] = one("#compose").value.split(/\s/);
    const list = one("#hints");
    hints().forEach((each) => { each.hidden = !each.dataset.name.startsWith(word); });
    list.hidden = !word.startsWith("/") || open().length === 0;
    mark(list.hidden ? null : open()[0]);
  }

  function complete(chosen) {
    const field = one("#compose");
    field.value = chosen.dataset.name + " ";
    field.focus();
    hint();
  }

  function steer(event) {
    if (one("#hints").hidden) return false;
    const shownHints = open();
    const at = shownHints.indexOf(active());
    const typed = one("#compose").value;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") mark(shownHints.at((at + (event.key === "ArrowDown" ? 1 : -1)) % shownHints.length));
    else if (event.key === "Escape") one("#hints").hidden = true;
    else if (event.key === "Tab" && !/\s/.test(typed)) complete(active());
    else if (event.key === "Enter" && !/\s/.test(typed) && active() && typed !== active().dataset.name) complete(active());
    else return false;
    event.preventDefault();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (field.matches?.("[data-composer] textarea")) {
      if (field.id === "compose" && steer(event)) return;
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        field.form.requestSubmit();
      }
    } else if (event.key === "Enter" && field.closest?.("[data-enter]") && !field.matches("textarea")) {
      event.preventDefault();
      htmx.trigger(field.closest("[data-enter]"), "entered");
    } else if (event.key === "Escape") {
      all("details[open]").forEach((each) => { each.open = false; });
    }
  });
  const grows = CSS.supports("field-sizing", "content");
  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.id === "compose") hint();
    if (grows || !field.matches("[data-composer] textarea")) return;
    field.style.height = "auto";
    field.style.height = `${field.scrollHeight}px`;
  });

  document.addEventListener("htmx:before:request", (event) => {
    const form = event.detail.ctx.sourceElement;
    if (!form.matches?.("[data-composer]")) return;
    form.elements.text.value = "";
    if (one("#hints")) one("#hints").hidden = true;
  });
  // What is pressed goes out once, although it may wait for what was entered before.
  const waiting = new WeakSet();
  document.addEventListener("htmx:config:request", (event) => {
    const pressed = event.detail.ctx.sourceElement;
    if (!pressed.matches("button, .modal")) return;
    if (waiting.has(pressed)) event.preventDefault();
    waiting.add(pressed);
  });
  document.addEventListener("htmx:finally:request", (event) => waiting.delete(event.detail.ctx.sourceElement));
  // The workspace was started anew and does not know this place any more.
  document.addEventListener("htmx:response:error", (event) => {
    const { ctx } = event.detail;
    if (ctx.response.status === 404 && ctx.request.action.endsWith("/news")) location.assign("/");
  });
  for (const name of ["htmx:error", "htmx:response:error"]) {
    document.addEventListener(name, (event) => {
      const form = event.detail.ctx?.sourceElement;
      if (form?.matches?.("[data-composer]") && !form.elements.text.value) form.elements.text.value = event.detail.ctx.request.body?.get?.("text") ?? "";
    });
  }

  // -- clicks

  let wantThread = false;

  const clicks = {
    "[data-try]": (button) => {
      const field = one("#compose");
      field.value = button.dataset.try;
      one("#side").classList.remove("open");
      field.focus();
      hint();
    },
    "#hints [role=option]": complete,
    "[data-copy]": async (button) => {
      await navigator.clipboard?.writeText(button.dataset.copy);
      button.dataset.copied = "";
      setTimeout(() => delete button.dataset.copied, 1500);
    },
    "[data-also]": (link) => htmx.trigger(link.nextElementSibling, "pressed"),
    "[data-url]": (button) => window.open(button.dataset.url, "_blank", "noopener"),
    "[data-toggle]": (button) => {
      const box = document.getElementById(button.dataset.toggle);
      button.setAttribute("aria-expanded", String(box.classList.toggle("open")));
    },
    "[hx-get][hx-push-url]:not([data-close-thread])": () => { wantThread = true; },
  };

  document.addEventListener("click", (event) => {
    for (const [selector, act] of Object.entries(clicks)) {
      const found = event.target.closest(selector);
      if (found && (!found.dataset.url || found.tagName === "BUTTON")) act(found);
    }
    all("details[open]").forEach((each) => { if (!each.contains(event.target) || event.target.closest(".sheet button")) each.open = false; });
    if (!event.target.closest("#side, [data-toggle]")) one("#side").classList.remove("open");
  }, true);

  settle();
  showModal();
  listen();
  if (!dialog.open) one("#compose")?.focus({ preventScroll: true });
})();
