// The browser of examples: a list of all questions, of which only the visible rows exist, and the chosen one beside it.
// Everything it shows is set as text, never as HTML.
(() => {
  const source = document.getElementById("browser-data");
  const root = document.getElementById("browser");
  if (!source || !root) return;
  const data = JSON.parse(source.textContent);
  const [STIMULUS, CONDITION, MODALITY, PROMPT, ANSWER, DISTRACTOR, ANSWERABLE, VARIANT, SAID] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const [MODEL, TEXT, LABEL, RULE, KIND, REPEAT] = [0, 1, 2, 3, 4, 5];
  const MODALITIES = ["visual", "audio"];
  const SIGNS = {
    "right": "●", "rightly-abstained": "○", "distracted": "▲", "wrong": "✕", "hallucinated": "◆",
    "abstained": "–", "several": "≡", "unparsed": "?",
  };
  const element = (name, attributes = {}, ...children) => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
  };
  const words = (text) => {
    const whole = element("span");
    for (const part of text.split(/(?<=[/:@_-])/)) whole.append(part, document.createElement("wbr"));
    return whole;
  };
  const repeat = (said) => {
    const { repeats } = data.models[said[MODEL]];
    return repeats > 1 ? `repeat ${said[REPEAT] + 1} of ${repeats}` : "";
  };
  const number = (value) => value.toLocaleString("en");
  const whole = (index) => {
    const [head, omitted, tail, length] = data.texts[index];
    if (!omitted) return [head];
    const cut = ` … ${number(omitted)} of ${number(length)} characters left out … `;
    return [head, element("span", { class: "cut" }, cut), tail];
  };

  // ---- what is shown
  const controls = Object.fromEntries([...root.querySelectorAll("[data-filter]")].map((node) => [node.dataset.filter, node]));
  const list = root.querySelector(".rows");
  const space = root.querySelector(".space");
  const detail = root.querySelector(".chosen");
  const counter = root.querySelector("output");
  let found = [];
  let chosen = -1;

  const asking = (question) => {
    const variant = data.variants[question[VARIANT]];
    const dose = data.stimuli[question[STIMULUS]].dose;
    return [data.conditions[question[CONDITION]], dose, variant === "standard" ? "" : variant].filter(Boolean).join(", ");
  };
  const searchable = [];
  const haystack = (index) => {
    if (searchable[index] === undefined) {
      const question = data.questions[index];
      const stimulus = data.stimuli[question[STIMULUS]];
      const texts = [question[PROMPT], ...question[SAID].map((said) => said[TEXT])].map((i) => `${data.texts[i][0]} ${data.texts[i][2]}`);
      searchable[index] = [stimulus.key, data.labels[question[ANSWER]], stimulus.seen, stimulus.heard, ...texts].join("\n").toLowerCase();
    }
    return searchable[index];
  };

  // What to look for is read once, not for each of thousands of questions.
  const wishes = () => {
    const places = [["condition", CONDITION], ["variant", VARIANT], ["modality", MODALITY], ["class", ANSWER]];
    const chosenIn = (name) => (controls[name] && controls[name].value !== "" ? Number(controls[name].value) : null);
    return {
      equal: places.map(([name, place]) => [place, chosenIn(name)]).filter(([, value]) => value !== null),
      playable: controls.playable.checked,
      model: chosenIn("model"),
      kind: chosenIn("kind"),
      text: controls.text.value.trim().toLowerCase(),
    };
  };
  const accepts = (index, { equal, playable, model, kind, text }) => {
    const question = data.questions[index];
    if (equal.some(([place, value]) => question[place] !== value)) return false;
    if (playable && !data.stimuli[question[STIMULUS]].media) return false;
    if (model !== null || kind !== null) {
      const matches = (said) => (model === null || said[MODEL] === model) && (kind === null || said[KIND] === kind);
      if (!question[SAID].some(matches)) return false;
    }
    return text === "" || haystack(index).includes(text);
  };

  // ---- the list: rows of one height, so that a place in the list is a number
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);
  const rowHeight = () => parseFloat(getComputedStyle(root).getPropertyValue("--row")) * rem();
  const sign = (kind, title) => {
    const slug = data.kinds[kind].slug;
    return element("span", { class: `sign ${slug}`, title }, SIGNS[slug] || "·");
  };
  const row = (place) => {
    const question = data.questions[found[place]];
    const stimulus = data.stimuli[question[STIMULUS]];
    const made = element("div", {
      role: "option", id: `row-${place}`, class: "row", "aria-selected": String(place === chosen),
      "aria-setsize": String(found.length), "aria-posinset": String(place + 1),
    });
    made.style.top = `${place * rowHeight()}px`;
    const asked = MODALITIES[question[MODALITY]];
    const first = element("span", { class: "what" }, element("span", { class: `dot ${question[MODALITY] ? "audio" : "visual"}` }), `${asked}: ${data.labels[question[ANSWER]]}`);
    const second = element("span", { class: "where" }, `${asking(question)}${stimulus.media ? " ▸" : ""}`);
    const signs = element("span", { class: "signs" });
    for (const said of question[SAID]) signs.append(sign(said[KIND], [data.models[said[MODEL]].name, repeat(said), data.kinds[said[KIND]].name].filter(Boolean).join(": ")));
    made.append(first, second, signs);
    made.addEventListener("click", () => choose(place));
    return made;
  };
  const draw = () => {
    const height = rowHeight();
    const from = Math.max(0, Math.floor(list.scrollTop / height) - 4);
    const to = Math.min(found.length, Math.ceil((list.scrollTop + list.clientHeight) / height) + 4);
    space.replaceChildren(...Array.from({ length: Math.max(0, to - from) }, (_, offset) => row(from + offset)));
    if (chosen >= from && chosen < to) list.setAttribute("aria-activedescendant", `row-${chosen}`);
    else list.removeAttribute("aria-activedescendant");
  };

  // ---- the chosen question
  const media = (stimulus) => {
    const about = `visual: ${stimulus.seen}; audio: ${stimulus.heard}`;
    if (!stimulus.media) return element("p", { class: "unplayed" }, "Not among the media of this report; `--examples` adds more.");
    return element("video", { controls: "", playsinline: "", preload: "metadata", src: stimulus.media, "aria-label": about });
  };
  const stream = (modality, shown) =>
    element("div", {}, element("dt", {}, element("span", { class: `dot ${modality}` }), modality), element("dd", {}, words(shown)));
  const answer = (said) => {
    const kind = data.kinds[said[KIND]];
    const label = said[LABEL] < 0 ? "no class" : data.labels[said[LABEL]];
    const text = data.texts[said[TEXT]];
    const raw = element("div", { class: "answer", dir: "auto" });
    raw.append(...(text[3] ? whole(said[TEXT]) : [element("i", {}, "empty")]));
    const reading = element("div", { class: "reading" }, "→ ", words(label), element("small", {}, ` rule: ${data.rules[said[RULE]]}`));
    return element("li", data.models[said[MODEL]].baseline ? { class: "is-baseline" } : {},
      element("span", { class: "speaker" }, words(data.models[said[MODEL]].name), element("small", {}, ` ${repeat(said)}`)),
      element("span", { class: `badge ${kind.slug}` }, `${SIGNS[kind.slug] || ""} ${kind.name}`), raw, reading);
  };
  const show = () => {
    if (chosen < 0 || chosen >= found.length) {
      detail.replaceChildren(element("p", { class: "none" }, "No question fits these filters."));
      return;
    }
    const question = data.questions[found[chosen]];
    const stimulus = data.stimuli[question[STIMULUS]];
    const asked = MODALITIES[question[MODALITY]];
    const truth = element("p", { class: "truth" });
    truth.append(question[ANSWERABLE] ? "right: " : "removed: ", element("b", {}, words(data.labels[question[ANSWER]])));
    if (!question[ANSWERABLE]) truth.append(" would be a hallucination");
    if (question[DISTRACTOR] >= 0) truth.append("; distractor: ", element("b", {}, words(data.labels[question[DISTRACTOR]])));
    const prompt = element("details", { class: "prompt" }, element("summary", {}, `prompt, ${number(data.texts[question[PROMPT]][3])} characters`));
    prompt.append(element("p", { dir: "auto" }, ...whole(question[PROMPT])));
    detail.replaceChildren(
      element("div", { class: "stimulus" }, media(stimulus),
        element("dl", { class: "streams" }, stream("visual", stimulus.seen), stream("audio", stimulus.heard)),
        element("p", { class: "source" }, `${stimulus.key}, ${stimulus.seconds} s`)),
      element("div", { class: "question" },
        element("h3", {}, `${asked} question, ${asking(question)}`), truth, prompt,
        element("ul", { class: "answers" }, ...question[SAID].map(answer))));
  };
  const choose = (place) => {
    chosen = Math.max(0, Math.min(found.length - 1, place));
    const height = rowHeight();
    if (chosen * height < list.scrollTop) list.scrollTop = chosen * height;
    else if ((chosen + 1) * height > list.scrollTop + list.clientHeight) list.scrollTop = (chosen + 1) * height - list.clientHeight;
    draw();
    show();
  };
  const filter = () => {
    found = [];
    const wished = wishes();
    for (let index = 0; index < data.questions.length; index += 1) if (accepts(index, wished)) found.push(index);
    space.style.height = `${found.length * rowHeight()}px`;
    list.scrollTop = 0;
    counter.value = `${number(found.length)} of ${number(data.questions.length)} questions`;
    chosen = found.length ? 0 : -1;
    draw();
    show();
  };

  // ---- what a person does
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
  list.addEventListener("keydown", (event) => {
    if (!(event.key in steps) || !found.length) return;
    event.preventDefault();
    const step = steps[event.key];
    choose(step === Infinity ? found.length - 1 : step === -Infinity ? 0 : chosen + step);
  });
  let waiting = 0;
  list.addEventListener("scroll", () => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(draw);
  });
  addEventListener("resize", () => { space.style.height = `${found.length * rowHeight()}px`; draw(); });
  // ---- filters in the address, by name: `#examples?condition=misaligned&verdict=distracted`
  const PLACE = "#examples?";
  const written = () => {
    const said = new URLSearchParams();
    for (const [name, control] of Object.entries(controls)) {
      if (control.type === "checkbox" ? control.checked : control.value !== "") {
        const option = control.tagName === "SELECT" ? control.selectedOptions[0].textContent : control.value;
        said.set(name, control.type === "checkbox" ? "1" : option);
      }
    }
    return said.size ? `${PLACE}${said}` : "#examples";
  };
  const restore = () => {
    const said = new URLSearchParams(location.hash.startsWith(PLACE) ? location.hash.slice(PLACE.length) : "");
    for (const [name, control] of Object.entries(controls)) {
      const value = said.get(name) ?? "";
      if (control.type === "checkbox") control.checked = value === "1";
      else if (control.tagName !== "SELECT") control.value = value;
      else control.value = [...control.options].find((option) => option.textContent === value && option.value !== "")?.value ?? "";
    }
    filter();
  };
  for (const [name, control] of Object.entries(controls)) {
    control.addEventListener(name === "text" ? "input" : "change", () => {
      // Typing is one step back, not one for each letter.
      const same = name === "text" && history.state === "text";
      history[same ? "replaceState" : "pushState"](name === "text" ? "text" : "choice", "", written());
      filter();
    });
  }
  addEventListener("popstate", () => { if (["", "#examples"].includes(location.hash) || location.hash.startsWith(PLACE)) restore(); });
  root.hidden = false;
  restore();
  if (location.hash.startsWith(PLACE)) document.getElementById("examples").scrollIntoView();
})();
