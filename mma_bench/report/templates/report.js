"use strict";
// The page is whole without this script: it only hides one of two tables, and examples that a filter leaves out.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  const buttons = all(".switch button");
  const show = (average) => {
    for (const table of all("figure.average")) table.hidden = table.dataset.average !== average;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.average === average));
  };
  for (const button of buttons) button.addEventListener("click", () => show(button.dataset.average));
  for (const control of all(".switch, .filters")) control.hidden = false;
  show("micro");

  const filters = all("[data-filter]");
  const baselines = document.querySelector(".filters [type=checkbox]");
  const questions = all(".question");
  const counter = document.querySelector(".filters output");
  const filter = () => {
    const wanted = Object.fromEntries(filters.map((select) => [select.dataset.filter, select.value]));
    let shown = 0;
    for (const question of questions) {
      for (const answer of all("[data-baseline]", question)) answer.hidden = baselines !== null && !baselines.checked;
      const kinds = all("[data-kind]:not([hidden])", question);
      for (const answer of kinds) answer.classList.toggle("dim", Boolean(wanted.kind) && answer.dataset.kind !== wanted.kind);
      question.hidden =
        (Boolean(wanted.condition) && question.dataset.condition !== wanted.condition) ||
        (Boolean(wanted.kind) && !kinds.some((answer) => answer.dataset.kind === wanted.kind));
      shown += Number(!question.hidden);
    }
    for (const group of all(".example, .condition")) group.hidden = !all(".question", group).some((question) => !question.hidden);
    for (const video of all("video")) if (video.closest("[hidden]")) video.pause();
    counter.value = `${shown} of ${questions.length} questions`;
  };
  for (const select of filters) select.addEventListener("change", filter);
  if (baselines) baselines.addEventListener("change", filter);
  if (counter) filter();

  // Two sounds at once are no stimulus of ours.
  document.addEventListener("play", (event) => {
    for (const video of all("video")) if (video !== event.target) video.pause();
  }, true);
})();
