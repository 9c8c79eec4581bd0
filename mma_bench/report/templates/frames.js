"use strict";
// Wide tables say that they go on: the frame of a table has a class for each side on which columns are hidden.
(() => {
  const frames = [...document.querySelectorAll(".frame")];
  const update = (frame) => {
    const box = frame.firstElementChild;
    frame.classList.toggle("more-left", box.scrollLeft > 2);
    frame.classList.toggle("more-right", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
  };
  const all = () => frames.forEach(update);
  for (const frame of frames) frame.firstElementChild.addEventListener("scroll", () => update(frame), { passive: true });
  addEventListener("resize", all);
  document.addEventListener("toggle", all, true);
  document.addEventListener("click", () => requestAnimationFrame(all));
  all();
})();
