"use strict";
// The tables and figures are whole without scripts: this only hides one of two averages and keeps sounds apart.
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

  // Two sounds at once are no stimulus of ours.
  document.addEventListener("play", (event) => {
    for (const video of all("video")) if (video !== event.target) video.pause();
  }, true);
})();
