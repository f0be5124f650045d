// The form of a study's page, and the plot, which is drawn in a frame of its own (frame.js).
"use strict";
(() => {
  const frame = document.getElementById("plot"), said = document.getElementById("plot-state");
  const form = document.getElementById("choose"), studies = document.getElementById("study");
  const SHARE = 20; // of the time, at most 1/SHARE goes into drawing anew while a search runs
  let drawn = 0, cost = 0, asked = 0, later = 0, pending = null, ready = false;

  function send() {
    if (ready && pending) {
      frame.contentWindow.postMessage({ kind: "front", ...pending }, "*");
      pending = null;
    }
  }

  async function load() {
    clearTimeout(later);
    const turn = ++asked, began = performance.now();
    try {
      const answer = await fetch(frame.dataset.points);
      const points = await answer.json();
      if (turn !== asked) return; // somebody has asked for something else meanwhile
      if (!answer.ok) throw new Error(points.error || `status ${answer.status}`);
      const shown = Object.values(points.groups).reduce((sum, group) => sum + group.n, 0);
      const without = points.without ? `; left out: ${points.without.toLocaleString("en")} that lack one of the two values.` : ".";
      const beyond = points.beyond ? `, ${points.beyond.toLocaleString("en")} of them with far worse values beyond the axes (double-click shows all)` : "";
      said.textContent = `${shown.toLocaleString("en")} of ${points.total.toLocaleString("en")} trials drawn${beyond}${without}`;
      pending = points;
      send();
    } catch (error) {
      if (turn === asked) said.textContent = `No plot: ${error.message}`;
    }
    drawn = performance.now();
    cost = drawn - began;
  }

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow) return;
    const { ready: up, open, took } = event.data;
    if (took) {
      cost += took;
      drawn = performance.now();
    }
    if (up) {
      ready = true;
      send();
    }
    if (Number.isSafeInteger(open)) location.assign(frame.dataset.trial.replace(/\d+$/, String(open)));
  });

  document.addEventListener("nas:page", (event) => {
    const { fresh, how, running } = event.detail;
    const other = fresh.getElementById("plot").dataset.points;
    if (how === "back") restore(fresh.getElementById("choose"));
    if (other !== frame.dataset.points) {
      frame.dataset.points = other;
      load();
    } else if (how === "live") {
      clearTimeout(later);
      later = setTimeout(load, running ? Math.max(0, drawn + SHARE * cost - performance.now()) : 0);
    }
  });

  function restore(other) {
    for (const field of form.elements) {
      const was = other.querySelector(`[name="${field.name}"]`);
      if (!field.name || !was) continue;
      field.value = was.value;
      field.checked = was.checked;
    }
  }

  function choose(event) {
    if (event) event.preventDefault();
    const values = [...new FormData(form)].filter(([, value]) => value !== "");
    document.dispatchEvent(new CustomEvent("nas:go", { detail: `${form.getAttribute("action")}?${new URLSearchParams(values)}` }));
  }

  form.addEventListener("submit", choose);
  form.addEventListener("change", (event) => {
    if (event.target === studies) location.assign(studies.value);
    else choose();
  });
  frame.contentWindow.postMessage({ kind: "hello" }, "*");
  load();
})();
