// The learning curve of a trial: read from its JSON, drawn in a frame of its own (frame.js).
"use strict";
(() => {
  const frame = document.getElementById("plot");
  let pending = null, ready = false;

  function send() {
    if (ready && pending) frame.contentWindow.postMessage(pending, "*");
  }

  // Curves whose values are far apart from the first one's get an axis of their own.
  function arranged(curve) {
    const names = [...new Set(curve.flatMap((point) => Object.keys(point.metrics)))];
    const curves = names.map((name) => {
      const known = curve.filter((point) => name in point.metrics);
      return { name, x: known.map((point) => point.step), y: known.map((point) => point.metrics[name]) };
    });
    const size = ({ y }) => Math.max(...y.filter(Number.isFinite).map(Math.abs), 1e-300);
    const first = curves.length ? size(curves[0]) : 1;
    const second = curves.slice(1).filter((one) => size(one) > 3 * first || size(one) < first / 3).map((one) => one.name);
    const left = names.filter((name) => !second.includes(name)).join(", ");
    return { kind: "curves", curves, second, left, step: "budget spent" };
  }

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || !event.data.ready) return;
    ready = true;
    send();
  });
  frame.contentWindow.postMessage({ kind: "hello" }, "*");
  fetch(frame.dataset.document).then((answer) => answer.json()).then((trial) => {
    pending = arranged(trial.curve);
    send();
  });
})();
