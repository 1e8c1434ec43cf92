/* Runs before the first paint, so the page never flashes in the wrong light. Only the choice of look is kept here,
   nothing about any person. */
(() => {
  "use strict";
  const root = document.documentElement;
  root.classList.remove("no-js");
  try {
    const look = localStorage.getItem("carewright:look");
    const contrast = localStorage.getItem("carewright:contrast");
    if (look === "light" || look === "dark") root.dataset.look = look;
    if (contrast === "more") root.dataset.contrast = contrast;
  } catch { /* storage refused: the system's choice stands */ }
})();
