// Keys for the page: each presses the button of the same name, so that mouse and keyboard do the same.
(() => {
  const buttons = { y: "judge-yes", n: "judge-no", u: "judge-unsure", z: "judge-undo" };
  let answered = null; // the item whose decision is on its way: a second press must not judge the next clip
  let timer = null;
  const shown = () => document.getElementById("stage")?.dataset.item;
  const trouble = (text) => {
    document.querySelector(".trouble")?.remove();
    if (!text) return;
    const bar = document.createElement("div");
    bar.className = "trouble";
    bar.textContent = text;
    document.body.append(bar);
  };
  new MutationObserver(() => {
    if (answered !== null && shown() !== undefined && shown() !== answered) {
      answered = null;
      clearTimeout(timer);
      trouble("");
    }
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-item"] });
  const press = (id) => {
    if (answered !== null || shown() === undefined) return;
    const button = document.getElementById(id);
    if (!button || button.disabled) return;
    answered = shown();
    timer = setTimeout(() => {
      if (answered === null) return;
      answered = null;
      trouble("The decision was not stored: the server did not answer. Is it running? Reload the page to go on.");
    }, 4000);
    button.click();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (["INPUT", "TEXTAREA", "SELECT"].includes(event.target.tagName)) return;
    const key = event.key.toLowerCase();
    const video = document.getElementById("clip");
    if (key in buttons) press(buttons[key]);
    else if (event.key === " " && video) video.paused ? video.play() : video.pause();
    else if (key === "r" && video) { video.currentTime = 0; video.play(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
})();
