/* What the pages do beyond links and forms. Every part starts from an attribute in the markup (web/README.md lists
   them); without script the pages still work. No eval, no inline handlers, nothing about a person outside this tab. */
"use strict";

const body = document.body;
const person = body.dataset.person || "";
const typing = (element) =>
  element instanceof Element &&
  (element.matches("input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]), textarea, select") ||
    element.isContentEditable);
const openDialog = () => document.querySelector("dialog[open]");

/* Storage may be refused (private windows, policies); then nothing is kept and nothing breaks. */
const stored = (storage) => ({
  get(key) { try { return storage().getItem(key); } catch { return null; } },
  set(key, value) { try { storage().setItem(key, value); } catch { /* full or refused */ } },
  drop(key) { try { storage().removeItem(key); } catch { /* refused */ } },
  keys() { try { return Object.keys(storage()); } catch { return []; } },
});
const tab = stored(() => window.sessionStorage);
const computer = stored(() => window.localStorage);

/* ---- toasts ---- */

function toast(text, kind = "done") {
  const place = document.getElementById("toasts");
  if (!place || !text) return;
  const note = document.createElement("p");
  note.className = "toast";
  note.dataset.kind = kind;
  note.textContent = text;
  place.append(note);
  setTimeout(() => note.remove(), kind === "danger" ? 12000 : 6000);
}
body.addEventListener("toast", (event) => toast(event.detail.text ?? event.detail.value, event.detail.kind));

/* ---- light, dark, contrast ---- */

function showLook() {
  const root = document.documentElement;
  for (const button of document.querySelectorAll("[data-look]:is(button)"))
    button.setAttribute("aria-pressed", String((root.dataset.look || "auto") === button.dataset.look));
  for (const button of document.querySelectorAll("[data-contrast-switch]"))
    button.setAttribute("aria-pressed", String(root.dataset.contrast === "more"));
}
function chooseLook(look) {
  const root = document.documentElement;
  if (look === "auto") { delete root.dataset.look; computer.drop("carewright:look"); }
  else { root.dataset.look = look; computer.set("carewright:look", look); }
  showLook();
}
function switchContrast() {
  const root = document.documentElement;
  if (root.dataset.contrast === "more") { delete root.dataset.contrast; computer.drop("carewright:contrast"); }
  else { root.dataset.contrast = "more"; computer.set("carewright:contrast", "more"); }
  showLook();
}
showLook();

/* ---- dialogs, menus, copying ---- */

document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  if (!target) return;
  for (const menu of document.querySelectorAll("details[data-menu][open]"))
    if (!menu.contains(target)) menu.open = false;
  const opens = target.closest("[data-opens]");
  if (opens?.dataset.opens === "keyboard-help") showKeys();
  else if (opens?.dataset.opens === "palette") showPalette();
  else if (opens) document.getElementById(opens.dataset.opens)?.showModal();
  const closes = target.closest("[data-closes]");
  if (closes) closes.closest("dialog")?.close();
  const look = target.closest("button[data-look]");
  if (look) chooseLook(look.dataset.look);
  if (target.closest("[data-contrast-switch]")) switchContrast();
  if (target.closest("[data-prints]")) window.print();
  const chooses = target.closest("[data-chooses]");
  if (chooses) for (const box of document.querySelectorAll(`[data-one-of="${chooses.dataset.chooses}"]`)) box.checked = true;
  const copies = target.closest("[data-copies]");
  if (copies) copy(document.getElementById(copies.dataset.copies));
  if (target instanceof HTMLDialogElement && !target.matches("#lock-dialog")) {
    const box = target.getBoundingClientRect();
    const inside = event.clientX >= box.left && event.clientX <= box.right &&
      event.clientY >= box.top && event.clientY <= box.bottom;
    if (!inside && event.clientX + event.clientY > 0) target.close();
  }
});

async function copy(element) {
  if (!element) return;
  const lines = [...element.querySelectorAll("code")].map((code) => code.textContent);
  try {
    await navigator.clipboard.writeText(lines.length ? lines.join("\n") : element.textContent.trim());
    toast("Copied.");
  } catch {
    toast("This browser did not allow copying. Select the text and press Ctrl+C.", "soon");
  }
}

/* A column of numbers: arrow keys go up and down it. */
document.addEventListener("keydown", (event) => {
  const here = event.target instanceof HTMLInputElement ? event.target : null;
  if (!here?.dataset.column || !["ArrowUp", "ArrowDown"].includes(event.key)) return;
  const column = [...document.querySelectorAll(`[data-column="${here.dataset.column}"]`)];
  const next = column[column.indexOf(here) + (event.key === "ArrowDown" ? 1 : -1)];
  if (!next) return;
  event.preventDefault();
  next.focus();
  next.select();
});

/* What opens to be written in is written in at once. */
document.addEventListener("toggle", (event) => {
  if (event.target instanceof HTMLDetailsElement && event.target.matches(".composer[open]"))
    event.target.querySelector("textarea")?.focus({ preventScroll: true });
}, true);

/* ---- asking first: data-confirm ---- */

function ask(words, button, then) {
  const dialog = document.getElementById("confirm-dialog");
  if (!dialog) { then(); return; }
  const yes = dialog.querySelector("[data-confirm-yes]");
  const danger = button?.matches(".button-danger") ?? false;
  dialog.querySelector("[data-confirm-words]").textContent = words;
  yes.querySelector("span").textContent = button?.querySelector("span")?.textContent.trim() || "Yes";
  yes.classList.toggle("button-danger", danger);
  yes.classList.toggle("button-primary", !danger);
  dialog.returnValue = "no";
  dialog.addEventListener("close", () => { if (dialog.returnValue === "yes") then(); }, { once: true });
  dialog.showModal();
  if (danger) dialog.querySelector("[value=no]").focus(); // Enter pressed in haste destroys nothing
}
const agreed = new WeakSet();
function wordsToAsk(form, button) {
  return button?.dataset.confirm || form?.dataset.confirm || "";
}

/* ---- saying at once that something is happening ---- */

const busyLine = document.getElementById("busy-line");
let waiting = 0;
function startsWaiting() { waiting += 1; busyLine?.classList.add("is-busy"); }
function stopsWaiting() { waiting = Math.max(0, waiting - 1); if (!waiting) busyLine?.classList.remove("is-busy"); }
function holdButton(button) {
  if (!button || button.getAttribute("aria-disabled") === "true") return;
  button.classList.add("is-busy");
  button.setAttribute("aria-disabled", "true");
  const words = button.querySelector("span");
  if (button.dataset.busy && words) { button.dataset.words = words.textContent; words.textContent = button.dataset.busy; }
}
function freeButtons(within = document) {
  for (const button of within.querySelectorAll("button.is-busy")) {
    button.classList.remove("is-busy");
    button.removeAttribute("aria-disabled");
    if (button.dataset.words) { button.querySelector("span").textContent = button.dataset.words; delete button.dataset.words; }
  }
}
window.addEventListener("pageshow", () => { waiting = 0; stopsWaiting(); freeButtons(); });

/* ---- keeping what is typed: data-keep ---- */

const KEPT = "carewright:keep:";
const keptKey = (form) => `${KEPT}${person}:${form.dataset.keep}`;
const SENT = "carewright:sent";
const changed = new WeakSet();
let forgotten = false;
const keptFields = (form) =>
  [...form.elements].filter((field) =>
    field.name && !field.closest("[data-never-kept]") &&
    !["hidden", "password", "file", "submit", "button", "reset", "image"].includes(field.type) &&
    !(field.autocomplete || "").startsWith("one-time-code") || field.matches?.("[data-chosen]"));

function keep(form) {
  if (forgotten) return;
  const values = {};
  for (const field of keptFields(form)) {
    const name = field.name;
    values[name] ??= [];
    if (field.type === "checkbox" || field.type === "radio") { if (field.checked) values[name].push(field.value); }
    else if (field instanceof HTMLSelectElement) values[name].push(...[...field.selectedOptions].map((o) => o.value));
    else values[name].push(field.value);
  }
  tab.set(keptKey(form), JSON.stringify(values));
}
function dropKept(form) {
  changed.delete(form);
  tab.drop(keptKey(form));
  form.querySelector(".kept")?.remove();
}
function giveBack(form) {
  let values;
  try { values = JSON.parse(tab.get(keptKey(form)) || "null"); } catch { values = null; }
  if (!values) return;
  let differs = false;
  const seen = {};
  for (const field of keptFields(form)) {
    const kept = values[field.name];
    if (!kept) continue;
    if (field.type === "checkbox" || field.type === "radio") {
      const wanted = kept.includes(field.value);
      if (field.checked !== wanted) { field.checked = wanted; differs = true; }
    } else if (field instanceof HTMLSelectElement) {
      for (const option of field.options) {
        const wanted = kept.includes(option.value);
        if (option.selected !== wanted) { option.selected = wanted; differs = true; }
      }
    } else {
      const nth = (seen[field.name] = (seen[field.name] ?? -1) + 1);
      if (nth < kept.length && field.value !== kept[nth]) { field.value = kept[nth]; differs = true; }
    }
  }
  if (!differs) return;
  for (let place = form.closest("details"); place; place = place.parentElement.closest("details")) place.open = true;
  changed.add(form);
  const note = document.createElement("p");
  note.className = "kept no-print";
  note.setAttribute("role", "status");
  const words = document.createElement("span");
  words.textContent = "We kept what you were writing here.";
  const discard = document.createElement("button");
  discard.type = "button";
  discard.className = "button button-plain";
  discard.textContent = "Discard it";
  discard.addEventListener("click", () => { dropKept(form); form.reset(); freeButtons(form); });
  note.append(words, discard);
  form.prepend(note);
}
/* A form sent by navigation counts as saved only when the very next page came by a redirect (saved forms answer 303),
   belongs to the same person and shows no error. A sign-in page, a broken server or a dead line leave the words kept. */
function settleSent() {
  const sent = tab.get(SENT);
  if (!sent) return;
  tab.drop(SENT);
  const arrived = performance.getEntriesByType("navigation")[0];
  if (!arrived?.redirectCount || body.dataset.frame === "trouble" || !sent.startsWith(`${KEPT}${person}:`)) return;
  if (!document.querySelector(".error-summary, [data-refused]")) tab.drop(sent);
}
settleSent();
/* Another person's words never wait in this tab once someone else has signed in. */
if (person) for (const key of tab.keys()) if (key.startsWith(KEPT) && !key.startsWith(`${KEPT}${person}:`) && !key.startsWith(`${KEPT}:`)) tab.drop(key);
for (const form of document.querySelectorAll("form[data-keep]")) giveBack(form);

let keepSoon;
function noteChange(event) {
  const form = event.target instanceof Element ? event.target.closest("form[data-keep]") : null;
  if (!form) return;
  changed.add(form);
  clearTimeout(keepSoon);
  keepSoon = setTimeout(() => keep(form), 200);
}
document.addEventListener("input", noteChange);
document.addEventListener("change", noteChange);
window.addEventListener("pagehide", () => {
  for (const form of document.querySelectorAll("form[data-keep]")) if (changed.has(form)) keep(form);
});
let leavingOnPurpose = false;
window.addEventListener("beforeunload", (event) => {
  if (leavingOnPurpose) return;
  for (const form of document.querySelectorAll("form[data-keep]"))
    if (changed.has(form)) { keep(form); event.preventDefault(); return; }
});
function forgetEverything() {
  forgotten = true; // what is still being written must not come back as the page leaves
  for (const key of tab.keys()) if (key.startsWith(KEPT) || [SENT, "carewright:timer-rests"].includes(key)) tab.drop(key);
}

/* ---- the sign-in's life: lock and open again ---- */

const sessionUrl = body.dataset.session;
const lock = document.getElementById("lock-dialog");
let locked = false;
let titleBefore = "";
let lastAlive = Date.now();
let active = false;
let afterUnlock = null;
for (const kind of ["keydown", "pointerdown", "pointermove", "scroll"])
  window.addEventListener(kind, () => { active = true; }, { passive: true });

function takeToken(answer) {
  const token = answer.headers.get("X-CSRF-Token");
  const known = document.querySelector("#sign-out input[type=hidden]");
  if (!token || !known) return;
  for (const field of document.querySelectorAll(`input[type=hidden][name="${CSS.escape(known.name)}"]`)) field.value = token;
}
async function sessionLives() {
  const headers = active ? { "X-Active": "1" } : {};
  active = false;
  const answer = await fetch(sessionUrl, { headers, cache: "no-store", credentials: "same-origin", redirect: "manual" });
  if (answer.status === 401) return false;
  if (answer.ok) {
    const now = answer.headers.get("X-Session-Person");
    if (now && person && now !== person) { leavingOnPurpose = true; forgetEverything(); location.replace("/"); return false; }
    takeToken(answer);
    lastAlive = Date.now();
  }
  return true;
}
function lockPage() {
  if (!lock || locked) return;
  locked = true;
  for (const form of document.querySelectorAll("form[data-keep]")) if (changed.has(form)) keep(form);
  stopsWaiting();
  freeButtons();
  titleBefore = document.title; // a tab's title may name a person
  document.title = lock.querySelector("h2").textContent;
  document.documentElement.classList.add("is-locked");
  lock.showModal();
}
function unlockPage() {
  if (!locked) return;
  locked = false;
  document.title = titleBefore;
  document.documentElement.classList.remove("is-locked");
  lock.close();
  toast("You are signed in again. Everything you typed is still here.");
  body.dispatchEvent(new CustomEvent("signed-in-again"));
  const then = afterUnlock;
  afterUnlock = null;
  then?.();
}
async function look() {
  if (!sessionUrl) return;
  try {
    if (await sessionLives()) unlockPage();
    else lockPage();
  } catch { /* the line is down: nothing is known, nothing is taken away */ }
}
body.addEventListener("session-ended", lockPage);
body.addEventListener("session-unsure", look);
if (sessionUrl) {
  setInterval(() => { if (locked || document.visibilityState === "visible") look(); }, 60000);
  setInterval(() => { if (locked) look(); }, 4000);
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "visible") look(); });
  window.addEventListener("focus", () => { if (locked) look(); });
}
lock?.addEventListener("cancel", (event) => event.preventDefault());
document.addEventListener("keydown", (event) => { if (locked && event.key === "Escape") event.preventDefault(); }, true);
/* Browsers let a second Escape close any dialog; this one opens again until someone has signed in. */
lock?.addEventListener("close", () => { if (locked) lock.showModal(); });
lock?.querySelector("[data-lock-try]")?.addEventListener("click", async () => {
  await look();
  const status = lock.querySelector("[data-lock-status]");
  if (status) status.textContent = locked ? "Not yet: this browser has no sign-in for this practice." : "";
});

/* ---- sending forms ---- */

document.addEventListener("submit", (event) => {
  const form = event.target;
  const button = event.submitter;
  if (form.method === "dialog" || form.matches("[role=search]")) return;
  if (button?.getAttribute("aria-disabled") === "true") { event.preventDefault(); return; }
  const words = wordsToAsk(form, button);
  if (words && !agreed.has(button || form)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    ask(words, button, () => {
      agreed.add(button || form);
      form.requestSubmit(button || undefined);
      agreed.delete(button || form);
    });
    return;
  }
  if (form.matches("[data-at-once]")) return; // sent by at-once.js, and the page stays
  if (form.matches("[hx-post], [hx-put], [hx-patch], [hx-delete], [hx-get]")) { holdButton(button); return; }
  if (form.method !== "post") return;
  /* A page left open for long asks first whether its sign-in still lives, so that what was typed is not sent into a wall. */
  if (sessionUrl && !form.matches("[data-signs-out]") && Date.now() - lastAlive > 60000) {
    event.preventDefault();
    active = true;
    holdButton(button);
    sessionLives().catch(() => true).then((lives) => {
      freeButtons(form);
      lastAlive = Date.now();
      if (lives) form.requestSubmit(button || undefined);
      else { afterUnlock = () => form.requestSubmit(button || undefined); lockPage(); }
    });
    return;
  }
  leavingOnPurpose = true;
  if (form.matches("[data-signs-out]")) forgetEverything();
  else if (form.matches("[data-keep]")) { keep(form); tab.set(SENT, keptKey(form)); }
  startsWaiting();
  /* After this turn: a disabled or changed button would otherwise not be sent with its name. */
  setTimeout(() => holdButton(button), 0);
}, true);

/* A file download answers a form without leaving the page; the wait then ends when the tab is looked at again. */
window.addEventListener("focus", () => { if (waiting && !leavingOnPurpose) freeButtons(); });

/* ---- htmx ---- */

body.addEventListener("htmx:configRequest", (event) => {
  if (event.detail.verb === "get") return;
  const token = document.querySelector("#sign-out input[type=hidden]");
  if (token && !(token.name in event.detail.parameters)) event.detail.parameters[token.name] = token.value;
});
body.addEventListener("htmx:confirm", (event) => {
  const element = event.detail.elt;
  if (element.matches("form")) return; // asked at submit, above
  const words = element.dataset.confirm;
  if (!words) return;
  event.preventDefault();
  ask(words, element, () => event.detail.issueRequest(true));
});
body.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.matches("[role=combobox]")) return;
  startsWaiting();
  event.detail.elt.dataset.waits = "1";
});
body.addEventListener("htmx:afterRequest", (event) => {
  const element = event.detail.elt;
  const answer = event.detail.xhr;
  if (element.dataset?.waits) { delete element.dataset.waits; stopsWaiting(); }
  freeButtons(element.matches?.("form") ? element : document);
  if (answer?.status === 401 && answer.getResponseHeader("X-Session-Ended")) {
    afterUnlock = element.matches("form") ? () => element.requestSubmit() : null;
    lockPage();
    return;
  }
  if (event.detail.successful) {
    lastAlive = Date.now();
    const form = element.matches?.("form[data-keep]") ? element : null;
    const refused = answer.getResponseHeader("X-Refused") || /class="error-summary"|data-refused/.test(answer.responseText || "");
    if (form && !refused) dropKept(form);
    return;
  }
  if (answer && answer.status !== 422)
    toast(answer.status === 0 ? "No connection. Nothing was lost; try again when it is back."
      : answer.status === 429 ? "Too many tries in a short time. Wait a little, then try again."
      : answer.status === 503 ? "Your records cannot be reached right now. Nothing was lost; try again in a moment."
      : "That did not work, and nothing was changed. Try again; if it happens twice, reload the page.", "danger");
});
/* A hint that is put away by its own button takes the focus with it: the page's title has it then. */
body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.matches(".hint") && event.detail.target.contains(document.activeElement))
    document.getElementById("page-title")?.focus({ preventScroll: true });
});
body.addEventListener("htmx:afterSettle", (event) => {
  const place = event.detail.elt;
  for (const form of place.querySelectorAll?.("form[data-keep]") ?? []) giveBack(form);
  takeFocus(place);
});

/* ---- focus: a refused form leads to its errors ---- */

function takeFocus(within) {
  const first = within.querySelector?.("[data-takes-focus]");
  if (first) first.focus();
}
takeFocus(document);
document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest(".error-summary a[href^='#']") : null;
  if (!link) return;
  const field = document.getElementById(link.getAttribute("href").slice(1));
  if (!field) return;
  event.preventDefault();
  const control = field.matches("fieldset") ? field.querySelector("input") || field : field;
  control.focus();
  field.closest(".field")?.scrollIntoView({ block: "center" });
});

/* ---- search as you type ---- */

function choices(box) { return [...box.querySelectorAll("[role=option]:not([aria-disabled])")]; }
function openList(box, open) {
  const input = box.querySelector("[role=combobox]");
  box.querySelector("[role=listbox]").hidden = !open;
  input.setAttribute("aria-expanded", String(open));
  if (!open) { input.removeAttribute("aria-activedescendant"); for (const c of choices(box)) c.setAttribute("aria-selected", "false"); }
}
function pointTo(box, choice) {
  const input = box.querySelector("[role=combobox]");
  for (const other of choices(box)) other.setAttribute("aria-selected", String(other === choice));
  if (!choice) return;
  input.setAttribute("aria-activedescendant", choice.id);
  choice.scrollIntoView({ block: "nearest" });
}
function choose(box, choice) {
  const input = box.querySelector("[role=combobox]");
  if (choice.dataset.href) { location.assign(choice.dataset.href); return; }
  input.value = choice.dataset.words;
  const chosen = box.querySelector("[data-chosen]");
  if (chosen) {
    chosen.value = choice.dataset.value;
    chosen.dispatchEvent(new Event("change", { bubbles: true }));
  }
  box.dispatchEvent(new CustomEvent("chosen", { bubbles: true, detail: { ...choice.dataset } }));
  openList(box, false);
}
body.addEventListener("htmx:afterSwap", (event) => {
  const list = event.detail.target;
  const box = list.closest?.("[data-combobox]");
  if (!box) return;
  const input = box.querySelector("[role=combobox]");
  const found = choices(box);
  found.forEach((choice, n) => { choice.id = `${list.id}-${n}`; });
  const typed = input.value.trim();
  openList(box, list.children.length > 0 && (typed !== "" || "openEmpty" in box.dataset) && document.activeElement === input);
  const said = box.querySelector("[data-combobox-count]");
  if (said) said.textContent = typed === "" ? "" : found.length === 1 ? "1 found" : `${found.length} found`;
  if (!("openEmpty" in box.dataset) || event.detail.requestConfig?.parameters.q !== input.value) return; // an older answer
  const entered = box.dataset.awaits === "enter";
  delete box.dataset.awaits;
  pointTo(box, found[0]); // Enter goes to the first
  if (entered && found[0]) choose(box, found[0]);
});
document.addEventListener("input", (event) => {
  const box = event.target instanceof Element && event.target.matches("[role=combobox]") && event.target.closest("[data-combobox]");
  if (!box) return;
  const chosen = box.querySelector("[data-chosen]");
  if ("openEmpty" in box.dataset) box.dataset.awaits = "answer"; // what is listed is not yet what was typed
  if (chosen) chosen.value = ""; // words that were changed no longer name what was chosen
  if (event.target.value.trim() === "" && !("openEmpty" in box.dataset)) openList(box, false);
});
document.addEventListener("keydown", (event) => {
  const box = event.target instanceof Element && event.target.matches("[role=combobox]") && event.target.closest("[data-combobox]");
  if (!box) return;
  const list = box.querySelector("[role=listbox]");
  const found = choices(box);
  const at = found.findIndex((choice) => choice.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    if (!found.length) return;
    event.preventDefault();
    if (list.hidden) openList(box, true);
    const step = event.key === "ArrowDown" ? 1 : -1;
    pointTo(box, found[(at + step + found.length + (at < 0 && step < 0 ? 1 : 0)) % found.length]);
  } else if (event.key === "Enter" && box.dataset.awaits) {
    event.preventDefault();
    box.dataset.awaits = "enter";
  } else if (event.key === "Enter" && !list.hidden && !(event.ctrlKey || event.metaKey)) {
    const choice = found[at] ?? (found.length === 1 ? found[0] : null);
    if (choice) { event.preventDefault(); choose(box, choice); }
    else if (box.querySelector("[data-chosen]")) event.preventDefault();
  } else if (event.key === "Escape" && !list.hidden && !("openEmpty" in box.dataset)) {
    event.preventDefault();
    event.stopPropagation();
    openList(box, false);
  } else if (event.key === "Tab") openList(box, false);
});
document.addEventListener("mousedown", (event) => {
  const choice = event.target instanceof Element ? event.target.closest("[data-combobox] [role=option]") : null;
  if (choice) event.preventDefault(); // keep the focus in the box
});
document.addEventListener("click", (event) => {
  const target = event.target instanceof Element ? event.target : null;
  const choice = target?.closest("[data-combobox] [role=option]:not([aria-disabled])");
  if (choice) choose(choice.closest("[data-combobox]"), choice);
  else for (const box of document.querySelectorAll("[data-combobox]")) if (!box.contains(target)) openList(box, false);
});

/* ---- keys ---- */

const KEYS_OFF = "carewright:keys-off";
let keysOn = computer.get(KEYS_OFF) !== "1";
const keysSwitch = document.querySelector("[data-keys-switch]");
if (keysSwitch) {
  keysSwitch.checked = keysOn;
  keysSwitch.addEventListener("change", () => {
    keysOn = keysSwitch.checked;
    if (keysOn) computer.drop(KEYS_OFF);
    else computer.set(KEYS_OFF, "1");
  });
}
function showKeys() {
  const help = document.getElementById("keyboard-help");
  if (!help) return;
  for (const old of help.querySelectorAll("[data-page-key]")) old.remove();
  for (const way of document.querySelectorAll("[data-key]")) {
    const line = document.createElement("div");
    line.dataset.pageKey = "";
    const key = document.createElement("dt");
    key.append(Object.assign(document.createElement("kbd"), { textContent: way.dataset.key }));
    const words = document.createElement("dd");
    words.textContent = way.querySelector("span")?.textContent ?? way.textContent.trim();
    line.append(key, words);
    help.querySelector("dl").append(line);
  }
  help.showModal();
}
function showPalette() {
  const palette = document.getElementById("palette");
  const input = palette?.querySelector("input[role=combobox]");
  if (!input || palette.open) return;
  for (const menu of document.querySelectorAll("details[data-menu][open]")) menu.open = false;
  input.value = "";
  palette.showModal();
  input.focus();
  input.dispatchEvent(new Event("opened"));
}
let goingSince = 0;
document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    const form = document.activeElement?.closest?.("form");
    if (form && form.method !== "dialog") {
      event.preventDefault();
      form.requestSubmit(form.querySelector("button.button-primary[type=submit]") || undefined);
    }
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key.toLowerCase() === "k" && !openDialog()) {
    if (document.getElementById("palette")) { event.preventDefault(); showPalette(); }
    return;
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details[data-menu][open]")) { menu.open = false; menu.querySelector("summary").focus(); }
    return;
  }
  if (!keysOn || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || openDialog()) return;
  if (event.key === "/") {
    const find = document.getElementById("find");
    if (find) { event.preventDefault(); find.focus(); find.select(); }
    return;
  }
  if (event.key === "?") { showKeys(); return; }
  if (Date.now() - goingSince < 1500 && /^[a-z]$/.test(event.key)) {
    goingSince = 0;
    const way = document.querySelector(`[data-go="${event.key}"]`);
    if (way) { event.preventDefault(); way.click(); }
    return;
  }
  if (event.key === "g") { goingSince = Date.now(); return; }
  if (/^[a-z0-9]$/.test(event.key)) {
    const way = document.querySelector(`[data-key="${event.key}"]`);
    if (way) { event.preventDefault(); way.click(); }
  }
});
