// Search runs in a Worker, which browsers refuse to pages opened from disk. There, run its script in a hidden frame.
// The theme looks for the name IFrameWorker to find its files, and for "iframe-worker" among its polyfills.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.head.appendChild(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      inside.importScripts = (...scripts) => scripts.reduce((before, source) => before.then(() => this.load(source)), Promise.resolve());
      this.inside = inside;
      this.load(url).then(() => {
        for (const data of this.waiting.splice(0)) this.send(data);
        this.waiting = null;
      });
    }

    load(source) {
      return new Promise((done, failed) => {
        const script = this.inside.document.createElement("script");
        Object.assign(script, { src: source, onload: done, onerror: failed });
        this.inside.document.head.appendChild(script);
      });
    }

    send(data) {
      this.inside.dispatchEvent(new this.inside.MessageEvent("message", { data }));
    }

    postMessage(data) {
      if (this.waiting) this.waiting.push(data);
      else this.send(data);
    }

    terminate() {}
  };
  window.Worker = window.IFrameWorker;
}
