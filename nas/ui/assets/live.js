// Follows a search without reloading: asks for a small number, and only when it has changed for the
// page, of which it takes the parts marked data-live. It rests while nobody looks.
"use strict";
(() => {
  const EVERY = 2000, SELDOM = 10000, SHARE = 20; // milliseconds; at most 1/SHARE of the time is spent
  const box = document.getElementById("live"), state = document.getElementById("live-state");
  const address = document.body.dataset.progress;
  let version = document.body.dataset.version, timer = 0, page = location.href, turns = 0, going = 0;

  async function take(url, how, running = true) {
    const turn = ++turns;
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const text = await answer.text();
    if (turn !== turns) return; // somebody has asked for something else meanwhile
    const fresh = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (other && other.outerHTML !== part.outerHTML) replace(part, other);
    }
    document.dispatchEvent(new CustomEvent("nas:page", { detail: { fresh, how, running } }));
  }

  function replace(part, other) {
    const active = document.activeElement;
    const href = part.contains(active) ? active.getAttribute("href") : null;
    const region = part.contains(active) && active.matches(".scroll");
    const open = [...part.querySelectorAll("details")].map((one) => one.open);
    const scrolled = [...part.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
    part.replaceWith(document.importNode(other, true));
    const now = document.getElementById(part.id);
    now.querySelectorAll("details").forEach((one, i) => { one.open = open[i] ?? one.open; });
    now.querySelectorAll(".scroll").forEach((one, i) => { one.scrollLeft = scrolled[i] ?? 0; });
    const links = [...now.querySelectorAll("a")];
    const target = region ? now.querySelector(".scroll") : links.find((a) => href && a.getAttribute("href") === href);
    if (target) target.focus({ preventScroll: true });
  }

  async function look() {
    clearTimeout(timer);
    if (document.hidden || !box.checked) return;
    const began = performance.now();
    let wait = EVERY;
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const now = await answer.json();
      if (!going) {
        if (now.version !== version) await take(page, "live", now.running);
        version = now.version;
      }
      state.textContent = "";
      if (!now.running) wait = SELDOM;
    } catch (error) {
      state.textContent = "(no answer)";
      wait = SELDOM;
    }
    timer = setTimeout(look, Math.max(wait, SHARE * (performance.now() - began)));
  }

  // Another page of the same, such as the next rows: shown in place, and found again by its address.
  async function go(url, how = "go") {
    page = new URL(url, location.href).href;
    if (how === "go") history.pushState(null, "", page);
    going++;
    try {
      await take(page, how);
    } catch (error) {
      location.assign(page);
    } finally {
      going--;
    }
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-stay]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link.href);
  });
  document.addEventListener("nas:go", (event) => go(event.detail));
  document.addEventListener("visibilitychange", look);
  window.addEventListener("popstate", () => go(location.href, "back"));
  box.addEventListener("change", look);
  box.parentElement.hidden = false;
  look();
})();
