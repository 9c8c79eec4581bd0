// Shows the question that is being asked and sends the answer. All text is set as text, never as markup.
(() => {
  const KEYS = "123456789abcdefghijklmnopqstuvwxyz"; // without R, which plays from the start; 0: cannot tell
  const byId = (id) => document.getElementById(id);
  let shown = null; // id of the question on the page
  let busy = false; // an answer is on its way: a second press must not answer the next question

  const trouble = (text) => {
    byId("trouble").textContent = text;
    byId("trouble").hidden = !text;
  };

  const button = (key, text, choice) => {
    const made = document.createElement("button");
    made.type = "button";
    made.dataset.key = key;
    if (key) made.append(Object.assign(document.createElement("kbd"), { textContent: key.toUpperCase() }));
    made.append(text);
    made.addEventListener("click", () => send(choice));
    return made;
  };

  const show = (state) => {
    byId("bar").max = Math.max(1, state.total);
    byId("bar").value = state.done;
    byId("progress").textContent = `${state.done} of ${state.total}`;
    byId("who").textContent = state.name;
    byId("main").hidden = !state.item;
    byId("end").hidden = !!state.item;
    if (!state.item) {
      shown = null;
      byId("clip").removeAttribute("src");
      byId("clip").load();
    } else if (state.item.id !== shown) {
      shown = state.item.id;
      byId("clip").src = `clip/${shown}.mp4`;
      byId("clip").play().catch(() => {}); // a browser may wait for the first click
      byId("prompt").textContent = state.item.prompt;
      const last = button("0", "I cannot tell", null);
      last.className = "unsure";
      byId("options").replaceChildren(...state.item.options.map((text, place) => button(KEYS[place] || "", text, place)), last);
    }
    byId("main").dataset.item = shown || "";
  };

  const ask = async (address, request) => {
    let reply;
    try {
      reply = await fetch(address, request);
    } catch {
      throw new Error("The server did not answer. Is it running? Reload the page to go on.");
    }
    const said = await reply.json();
    if (reply.ok) return said;
    if (said.state) show(said.state);
    throw new Error(`Not stored: ${said.error || reply.status}.`);
  };

  const send = async (choice) => {
    if (busy || shown === null) return;
    busy = true;
    try {
      const body = JSON.stringify({ item: shown, choice });
      show(await ask("answer", { method: "POST", headers: { "Content-Type": "application/json" }, body }));
      trouble("");
    } catch (error) {
      trouble(error.message);
    } finally {
      busy = false;
    }
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const key = event.key.toLowerCase();
    const clip = byId("clip");
    const pressed = [...document.querySelectorAll("#options button")].find((made) => made.dataset.key === key);
    if (key === " ") clip.paused ? clip.play() : clip.pause();
    else if (key === "r") { clip.currentTime = 0; clip.play(); }
    else if (pressed) pressed.click();
    else return;
    event.preventDefault();
  });

  byId("clip").addEventListener("error", () => {
    if (byId("clip").getAttribute("src")) trouble("The clip cannot be played. Tell whoever runs the quiz before you answer.");
  });

  ask("state").then(show, (error) => trouble(error.message));
})();
