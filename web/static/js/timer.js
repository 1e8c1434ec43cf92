/* The running timer. The page counts by its own clock that only runs forward and tells the server every ten seconds;
   what could not be told is told when the line is back. The server alone knows what time it is, and decides. */
"use strict";

(() => {
  const place = document.getElementById("timer");
  if (place?.dataset.beats === undefined) return;
  const BEAT = 10000;
  const STOPPED = "carewright:timer-stopped";
  const RESTS = "carewright:timer-rests";
  const silence = Number(place.dataset.idle || 5) * 60000;
  const most = Number(place.dataset.bursts);
  const others = "BroadcastChannel" in window ? new BroadcastChannel(`carewright:timer:${document.body.dataset.person}`) : null;
  const patient = () => document.getElementById("timer-line")?.dataset.patient || "";
  const token = () => document.querySelector("#sign-out input[type=hidden]");
  const running = () => place.querySelector("[data-timer]");
  const starts = document.querySelector("form[data-timer-starts]");
  const random = () => [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");

  const here = `${document.body.dataset.person}:${/^\/people\/([^/]+)/.exec(location.pathname)?.[1] ?? ""}`; // whose pages, for whom

  let page = random();
  let bursts = [];            // [from, until] of typing and moving, not yet told
  let base = null;            // {seconds, at}: what the server said counts, and when
  let lastSent = 0;
  let sending = false;
  let pressed = null;         // stop was pressed while the line was down: {timer, at, said}

  const noteInput = () => {
    const at = performance.now();
    const last = bursts.at(-1);
    if (last && at - last[1] < silence) last[1] = at;
    else bursts.push([at, at]);
  };
  for (const kind of ["keydown", "pointerdown", "pointermove", "scroll"])
    window.addEventListener(kind, noteInput, { passive: true, capture: true });

  /* What this page can vouch for until `at`. It stays true after a reload, which makes another page. */
  function counted(at) {
    return {
      page,
      counted: Math.max(0, Math.round(at)),
      bursts: bursts.filter(([from]) => from <= at).slice(-most)
        .map(([from, until]) => [Math.round(at - from), Math.max(0, Math.round(at - until))]),
    };
  }
  const since = (at) => Math.max(0, Math.round(performance.now() - at));
  const heard = (at = performance.now()) => JSON.stringify({ ...counted(at), ago: since(at) });
  function told(at) {
    bursts = bursts.filter(([, until]) => until > at).map(([from, until]) => [Math.max(from, at), until]);
  }
  async function send(path, values) {
    const known = token();
    const body = new URLSearchParams({ ...values, [known.name]: known.value });
    return fetch(path, {
      method: "POST", body, credentials: "same-origin", keepalive: true, redirect: "manual",
      headers: { "X-Timer": "1" }, signal: AbortSignal.timeout ? AbortSignal.timeout(8000) : undefined,
    });
  }

  /* ---- what is shown ---- */

  const two = (n) => String(n).padStart(2, "0");
  function words(seconds) {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
  function show() {
    const timer = running();
    if (!timer || !base) return;
    const until = pressed?.at ?? performance.now();
    timer.querySelector("[data-timer-clock]").textContent = words(Math.max(0, Math.floor(base.seconds + (until - base.at) / 1000)));
  }
  function arrive() {
    const timer = running();
    if (pressed && pressed.timer !== timer?.dataset.timer) forget(); // stopped or switched elsewhere meanwhile
    if (base && !timer) rest();
    base = timer ? { seconds: Number(timer.dataset.seconds), at: performance.now() } : null;
    lastSent = 0;
    show();
  }
  function forget() {
    pressed = null;
    try { sessionStorage.removeItem(STOPPED); } catch { /* refused */ }
  }
  async function renew(html) {
    if (html === undefined) {
      const answer = await fetch(`/time/now?patient=${patient()}`, { credentials: "same-origin", redirect: "manual" });
      if (!answer.ok) return;
      html = await answer.text();
    }
    const made = new DOMParser().parseFromString(html, "text/html");
    const timer = running();
    const now = made.querySelector("#timer [data-timer]");
    if (timer && timer.dataset.timer === now?.dataset.timer) {
      timer.dataset.seconds = now.dataset.seconds; // what is just being pressed there stays where it is
    } else {
      place.replaceChildren(...made.getElementById("timer").childNodes);
      const line = made.getElementById("timer-line");
      if (line) document.getElementById("timer-line")?.replaceWith(line);
    }
    arrive();
  }

  /* ---- beating ---- */

  async function beat() {
    const timer = running();
    if (!timer || sending) return true;
    sending = true;
    const at = performance.now();
    lastSent = at;
    try {
      if (pressed && pressed.timer === timer.dataset.timer) return await stopLate(pressed);
      const answer = await send("/time/beat", { timer: timer.dataset.timer, heard: heard(at) });
      if (!answer.ok) {
        if (answer.status === 404) renew();
        return answer.status > 0 && answer.status < 500;
      }
      told(at);
      const said = await answer.json();
      if (said.state === "running") base = { seconds: said.seconds, at: performance.now() };
      else renew();
      return true;
    } catch {
      return false; // the line is down; what was counted is told when it is back
    } finally {
      sending = false;
    }
  }
  async function reached() {
    while (sending) await new Promise((go) => setTimeout(go, 50));
    return beat();
  }
  function became(state, waits) {
    if (state === "discarded") return "The timer was discarded meanwhile. Nothing of it counts.";
    if (state === "set_aside") return "The timer was set aside meanwhile. What of it still waits is under Your time.";
    return `The timer is stopped, as of when you pressed.${waits ? " Some of it waits for you under Your time." : ""}`;
  }
  async function stopLate(late) {
    const answer = await send("/time/stop", {
      timer: late.timer, then: "count", heard: JSON.stringify({ ...late.said, ago: since(late.at) }),
    });
    if (answer.status === 404) forget(); // of a sign-in before this one
    if (!answer.ok) return false;
    const { state, waits } = await answer.json();
    forget();
    document.body.dispatchEvent(new CustomEvent("toast", { detail: { text: became(state, waits) } }));
    others?.postMessage("");
    renew();
    return true;
  }
  function tick() {
    show();
    if (running() && performance.now() - lastSent >= BEAT) beat();
  }
  try {
    const worker = new Worker("/static/js/tick.js");
    worker.onmessage = tick;
    worker.onerror = () => setInterval(tick, 1000);
  } catch {
    setInterval(tick, 1000);
  }
  window.addEventListener("online", beat);
  document.addEventListener("visibilitychange", beat);
  window.addEventListener("pagehide", () => {
    const timer = running();
    if (timer && !pressed) send("/time/beat", { timer: timer.dataset.timer, heard: heard() }).catch(() => {});
  });
  window.addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    page = random(); // frozen meanwhile: it cannot vouch for that time
    bursts = [];
    base = null;
    renew();
  });

  /* ---- stopping, and forms that tell what the page counted ---- */

  let passes = null;          // the stop that is on its way, with when it was pressed: {form, at}
  window.addEventListener("submit", (event) => {
    const form = event.target;
    const timer = running();
    const at = passes?.form === form ? passes.at : performance.now();
    for (const field of form.querySelectorAll?.("[data-timer-heard]") ?? []) field.value = heard(at);
    if (timer && new FormData(form).get("timer") === timer.dataset.timer) rest();
    if (!form.matches?.("[data-timer-stop]") || passes?.form === form) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const button = event.submitter;
    reached().then((there) => {
      if (!form.isConnected) return; // it was ended elsewhere meanwhile, and the page shows so
      if (there || !timer) {
        passes = { form, at };
        form.requestSubmit(button || undefined);
        passes = null;
        return;
      }
      if (pressed) return; // pressed again: the first press counts
      pressed = { timer: timer.dataset.timer, at, said: counted(at) };
      try { sessionStorage.setItem(STOPPED, JSON.stringify({ ...pressed, at: Date.now() - since(at) })); } catch { /* refused */ }
      show();
      document.body.dispatchEvent(new CustomEvent("toast", { detail: {
        text: "No connection. The timer stands still and is stopped, as of now, when it is back.", kind: "soon" } }));
    });
  }, true);

  /* ---- starting with the chart ---- */

  /* Whoever stops a timer is led back to the same chart: there it rests until this tab has been elsewhere. */
  function rest() {
    try { sessionStorage.setItem(RESTS, here); } catch { /* refused */ }
  }
  function rests() {
    try {
      if (sessionStorage.getItem(RESTS) === here) return true;
      sessionStorage.removeItem(RESTS);
      return false;
    } catch {
      return true; // it would start again after every stop
    }
  }
  async function startsByItself() {
    if (!starts || rests() || running()) return;
    starts.removeAttribute("data-timer-starts");
    try {
      const answer = await send("/time/start", {
        patient: starts.elements.patient.value, automatic: "yes", heard: heard(),
      });
      if (answer.ok) { await renew(await answer.text()); others?.postMessage(""); }
    } catch { /* the button is still there */ }
  }

  if (others) {
    others.onmessage = (event) => { if (event.data !== (running()?.dataset.timer ?? "")) renew().catch(() => {}); };
    others.postMessage(running()?.dataset.timer ?? "");
  }
  try {
    const kept = JSON.parse(sessionStorage.getItem(STOPPED) || "null");
    const late = kept?.said && { ...kept, at: performance.now() - Math.max(0, Date.now() - kept.at) };
    if (late?.timer === running()?.dataset.timer) pressed = late;
    else if (late) stopLate(late).catch(() => { /* the next page tries again */ }); // set aside meanwhile
    else sessionStorage.removeItem(STOPPED);
  } catch { /* refused */ }
  arrive();
  beat();
  rests(); // a page elsewhere ends the rest
  // A page opened in the background has not been looked at yet: nobody works there until it is.
  const seen = () => {
    if (document.hidden) return;
    document.removeEventListener("visibilitychange", seen);
    noteInput();
    startsByItself();
  };
  document.addEventListener("visibilitychange", seen);
  seen();
})();
