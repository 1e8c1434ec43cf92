/* Keeps what is written in a contact's form on the server: every three seconds while somebody writes, when a field or
   the page is left, and before the form itself is sent. Nothing is kept in the browser but what the form shows. */
"use strict";

(() => {
  const form = document.querySelector("form[data-draft]");
  if (!form) return;
  const PAUSE = 3000;
  const LONGEST_PAUSE = 15000;
  const LAST_WORDS = 60000; // browsers send no more than 64 KB while a page is going away
  const field = (name) => form.elements.namedItem(name);
  const said = form.querySelector("[data-draft-said]");
  const trouble = form.querySelector("[data-draft-trouble]");
  const discard = form.querySelector("[data-draft-discard]");

  let sequence = Number(field("draft_sequence").value) || 0;
  let written = 0; // grows with every change
  let kept = 0; // the change up to which the server has it
  let refused = -1; // the change the server will not take, however often it is sent
  let pause = PAUSE;
  let timer;
  let running = null;
  let sending = false; // the form itself is on its way
  let flushed = false;

  function tell(words, wrong = "") {
    said.textContent = words;
    said.hidden = !words;
    if (trouble.textContent !== wrong) trouble.textContent = wrong; // said aloud once, not every few seconds
  }
  function noteCursor() {
    const at = document.activeElement;
    if (!form.contains(at) || typeof at.selectionStart !== "number") return;
    field("cursor_field").value = at.name;
    field("cursor_at").value = at.selectionStart;
  }
  function later() {
    clearTimeout(timer);
    timer = setTimeout(save, pause);
  }
  function goWrong(words, again = true) {
    tell("", words);
    if (!again) return;
    pause = Math.min(pause * 1.5, LONGEST_PAUSE);
    later();
  }
  const unkept = () => written !== kept && written !== refused;

  async function send(last) {
    const change = written;
    sequence += 1;
    field("draft_sequence").value = sequence;
    noteCursor();
    const given = new FormData(form);
    given.delete("_once"); // the form is saved once, its draft many times
    const text = new URLSearchParams(given).toString();
    let answer;
    try {
      answer = await fetch(form.dataset.draft, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/x-www-form-urlencoded;charset=UTF-8" },
        body: text,
        cache: "no-store",
        credentials: "same-origin",
        redirect: "manual",
        keepalive: last && text.length < LAST_WORDS,
      });
      if (answer.status === 200 || answer.status === 422) answer.told = await answer.json();
    } catch {
      return goWrong("Not saved: no connection, trying again.");
    }
    if (answer.status === 401) {
      document.body.dispatchEvent(new CustomEvent("session-ended"));
      return goWrong("Not saved: your sign-in has ended. Your words are still here; sign in again and they are saved.");
    }
    if (answer.status === 403) {
      document.body.dispatchEvent(new CustomEvent("session-unsure"));
      return goWrong("Not saved yet: looking whether your sign-in still holds, trying again.");
    }
    if (answer.status === 422) { refused = change; return goWrong(`Not saved: ${answer.told.said}`, false); }
    if (answer.status === 404 || answer.status === 413) {
      refused = change;
      return goWrong(answer.status === 413 ? "Not saved: this is longer than a note can be. Split it over two."
        : "Not saved: this person or contact is not in this practice any more. Copy your words before you leave.", false);
    }
    if (!answer.told) return goWrong("Not saved: the server could not take it just now, trying again.");
    field("draft_earlier").value = "";
    pause = PAUSE;
    if (answer.told.state !== "saved") {
      // Another window went on with this draft, or it was finished there: what is here is a draft of its own.
      field("draft").value = answer.told.draft;
      sequence = 0;
      return send(last);
    }
    kept = Math.max(kept, change);
    if (discard) { discard.formAction = `${discard.dataset.draftDiscard}/${field("draft").value}/discard`; discard.hidden = false; }
    tell(answer.told.said);
    if (unkept()) later();
  }
  /* One save at a time, so that they arrive in order; whether everything is kept. */
  async function save(last = false) {
    clearTimeout(timer);
    timer = undefined;
    while (running) await running;
    if (sending || !unkept()) return written === kept;
    running = send(last === true);
    try { await running; } finally { running = null; }
    return written === kept;
  }

  function changed() {
    written += 1;
    sending = flushed = false;
    noteCursor();
    if (!timer) later(); // not put off by every further key: whoever writes without a pause is kept too
  }
  form.addEventListener("input", (event) => {
    // Whoever writes in the two brought together means to keep that.
    const pick = event.target.name?.startsWith("both_") && field(`pick_${event.target.name.slice(5)}`);
    if (pick) pick.value = "both";
    changed();
  });
  form.addEventListener("change", changed);
  form.addEventListener("focusout", () => { noteCursor(); if (unkept()) save(); });
  document.addEventListener("selectionchange", noteCursor);
  window.addEventListener("online", () => { pause = PAUSE; if (unkept()) save(); });
  document.body.addEventListener("signed-in-again", () => { pause = PAUSE; if (unkept()) save(); });
  document.addEventListener("visibilitychange", () => { if (document.visibilityState === "hidden" && unkept()) save(true); });
  window.addEventListener("pagehide", () => { if (!sending && unkept()) send(true); });
  window.addEventListener("pageshow", () => { sending = flushed = false; });
  window.addEventListener("beforeunload", (event) => {
    if (!sending && unkept() && trouble.textContent) event.preventDefault();
  });

  /* Before the form goes, its draft is kept: should the line die under way, nothing of it is lost. */
  window.addEventListener("submit", (event) => {
    if (event.target !== form) return;
    if (!flushed && (unkept() || running || !navigator.onLine)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      const button = event.submitter;
      save().then(() => {
        if (unkept() || !navigator.onLine) {
          tell("", "Not sent: no connection. Your words are still here; try again when it is back.");
          later();
          return;
        }
        flushed = true;
        form.requestSubmit(button ?? undefined);
      });
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    sending = true;
  }, true);

  /* The same composer, the same place. */
  const at = form.dataset.cursor && field(form.dataset.cursor);
  if (form.dataset.restored !== undefined) {
    for (let place = form.closest("details"); place; place = place.parentElement.closest("details")) place.open = true;
    const back = () => {
      const place = at instanceof HTMLElement ? at : field("note");
      if (!(place instanceof HTMLElement)) return;
      for (let fold = place.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
      place.focus({ preventScroll: true });
      const where = Math.min(Number(form.dataset.cursorAt) || 0, place.value.length);
      if (typeof place.selectionStart === "number") place.setSelectionRange(where, where);
    };
    // An opening fold puts the focus itself, a moment later.
    setTimeout(back, 50);
  }
})();
