"use strict";
// The tables and figures are whole without scripts: this only hides one of two averages and plays one stimulus at a time.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const buttons = all(".switch button");
  const show = (average) => {
    for (const table of all("figure.average")) table.hidden = table.dataset.average !== average;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.average === average));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.average));
  for (const control of all(".switch")) control.hidden = false;
  if (buttons.length) show(buttons[0].dataset.average);

  // A link to something folded opens it, and paper has no folds.
  const unfold = () => {
    const target = document.getElementById(location.hash.slice(1));
    for (let node = target; node; node = node.parentElement) if (node.tagName === "DETAILS") node.open = true;
    target?.scrollIntoView();
  };
  addEventListener("hashchange", unfold);
  if (location.hash) unfold();
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open])").filter((fold) => !fold.classList.contains("prompt"));
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => { for (const fold of closed) fold.open = false; });

  // Only one stimulus is heard at a time.
  document.addEventListener("play", (event) => {
    for (const video of all("video")) if (video !== event.target) video.pause();
  }, true);
})();
