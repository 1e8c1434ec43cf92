/* What somebody is told on whatever page they are: a person handed to them, whether somebody comes, their people in the
   building. Every few seconds a mark is asked for that says of nobody who it is; only when it changes is the slip read.
   No sound, no colour of alarm, nothing while the page is hidden or locked. */
"use strict";

(() => {
  const place = document.getElementById("at-once");
  if (!place) return;
  const url = place.dataset.atOnceUrl;
  const PAUSE = 4000;
  const AWAY = "carewright:slip-away";
  const kept = {
    get() { try { return sessionStorage.getItem(AWAY); } catch { return null; } },
    set(mark) { try { sessionStorage.setItem(AWAY, mark); } catch { /* refused: it comes again with the next page */ } },
  };
  let shown = "";
  let looking = false;

  async function ask(address) {
    const answer = await fetch(address, { cache: "no-store", credentials: "same-origin", redirect: "manual" });
    return answer.ok ? answer.text() : null;
  }
  /* A page that asks the same already needs no slip over it; an answer is news on its own page, too. */
  function leaveOutThisPage() {
    const told = [...place.querySelectorAll(".at-once-one")];
    for (const one of place.querySelectorAll(".at-once-asked"))
      one.hidden = one.querySelector("a")?.getAttribute("href") === location.pathname;
    if (told.length && told.every((one) => one.hidden)) place.innerHTML = "";
  }
  async function look() {
    if (looking || document.visibilityState !== "visible" || document.documentElement.classList.contains("is-locked")) return;
    looking = true;
    try {
      const mark = await ask(`${url}/mark`);
      if (mark === null || mark === shown) return;
      const slip = mark === "" || mark === kept.get() ? "" : await ask(url);
      if (slip === null) return;
      place.innerHTML = slip;
      leaveOutThisPage();
      shown = mark;
    } catch { /* the line is down: what is shown stays */ } finally { looking = false; }
  }
  place.addEventListener("submit", async (event) => {
    const form = event.target;
    event.preventDefault();
    const button = event.submitter;
    if (button?.getAttribute("aria-disabled") === "true") return;
    button?.setAttribute("aria-disabled", "true");
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin", redirect: "manual" });
      if (answer.type !== "opaqueredirect" && !answer.ok) { location.assign(form.dataset.atOnce); return; }
      shown = null; // whatever there is now is read anew
      await look();
      document.getElementById("main")?.focus({ preventScroll: true });
    } catch { button?.removeAttribute("aria-disabled"); }
  });
  place.addEventListener("click", (event) => {
    if (!(event.target instanceof Element) || !event.target.closest("[data-puts-away]")) return;
    kept.set(shown);
    place.innerHTML = "";
    document.getElementById("main")?.focus({ preventScroll: true });
  });
  document.addEventListener("visibilitychange", look);
  setInterval(look, PAUSE);
  look();
})();
