// Draws what the page around this frame sends. This page has no origin: it can read nothing and
// reach nothing, for plotly turns text into code (WebGL) and strangers wrote the names.
"use strict";
(() => {
  const GROUPS = {
    failed: { name: "failed", symbol: "x-thin-open", light: "#6b6b6b", dark: "#b0b0b0", size: 6 },
    short: { name: "stopped or paused", symbol: "triangle-down-open", light: "#a3457a", dark: "#eba6cf", size: 6 },
    outside: { name: "outside a bound", symbol: "x-thin-open", light: "#6b6b6b", dark: "#b0b0b0", size: 6 },
    feasible: { name: "dominated", symbol: "circle-open", light: "#0072b2", dark: "#5fb4ea", size: 5 },
    front: { name: "front", symbol: "diamond", light: "#c04a00", dark: "#ff9d4d", size: 10 },
  };
  const DASHES = ["solid", "dash", "dot", "dashdot", "longdash"];
  const COLOURS = { light: ["#0072b2", "#c04a00", "#00735a", "#a3457a", "#6b6b6b"], dark: ["#5fb4ea", "#ff9d4d", "#3ecfa4", "#eba6cf", "#b0b0b0"] };
  const MOST_SVG = 1000;
  const MANY = 3000; // hollow shapes cost forty times as much as dots where WebGL runs in software
  const dark = matchMedia("(prefers-color-scheme: dark)"), touch = matchMedia("(pointer: coarse)");
  const plot = document.getElementById("plot");
  const config = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["toImage", "select2d", "lasso2d"] };
  let latest = null, listening = false;

  // Plotly reads some HTML in texts.
  const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function axis(title, log, range) {
    const grid = dark.matches ? "#3a4047" : "#dfe3e8";
    return { title: { text: plain(title) }, type: log ? "log" : "linear", gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true, exponentformat: "SI", ...(range ? { range } : {}) };
  }

  function layout(x, y) {
    const ink = dark.matches ? "#e6e8ea" : "#1b1f24", paper = dark.matches ? "#14171a" : "#ffffff";
    return {
      paper_bgcolor: paper, plot_bgcolor: paper, font: { color: ink, size: 13, family: "system-ui, sans-serif" },
      margin: { l: 56, r: 16, t: 16, b: 48 }, hovermode: "closest", dragmode: touch.matches ? false : "zoom",
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }, showlegend: true, xaxis: x, yaxis: y, uirevision: "same",
      modebar: { bgcolor: "rgba(0,0,0,0)", color: ink, activecolor: ink },
    };
  }

  function marker(key, look, color, n) {
    if (n > MANY) return { symbol: key === "front" ? look.symbol : "circle", color, size: key === "front" ? 6 : n > 20000 ? 3 : 4, opacity: key === "front" ? 1 : 0.6 };
    return { symbol: look.symbol, color, size: look.size, line: { width: key === "front" ? 0 : 1, color } };
  }

  function front(points) {
    const traces = Object.entries(GROUPS).filter(([key]) => points.groups[key].n > 0).map(([key, look]) => {
      const group = points.groups[key], colour = dark.matches ? look.dark : look.light;
      const line = key === "front" && points.line;
      return {
        type: key === "front" && group.n <= MOST_SVG ? "scatter" : "scattergl",
        mode: line && group.n <= MOST_SVG ? "lines+markers" : "markers",
        name: `${look.name} (${group.n.toLocaleString("en")})`,
        x: group.x, y: group.y, customdata: group.id,
        marker: marker(key, look, colour, group.n),
        line: { color: colour, width: 1.5 },
        hovertemplate: `trial %{customdata}<br>%{x:.6~g}, %{y:.6~g}<extra>${look.name}</extra>`,
      };
    });
    return [traces, layout(axis(points.x.title, points.x.log, points.x.range), axis(points.y.title, points.y.log, points.y.range))];
  }

  function curves(sent) {
    const colours = COLOURS[dark.matches ? "dark" : "light"];
    const traces = sent.curves.map(({ name, x, y }, i) => ({
      type: "scatter", mode: x.length > 60 ? "lines" : "lines+markers", name: plain(name), x, y,
      line: { color: colours[i % colours.length], dash: DASHES[i % DASHES.length], width: 2 }, marker: { size: 6, symbol: i },
      yaxis: i === 0 || !sent.second.includes(name) ? "y" : "y2",
      hovertemplate: `%{x}: %{y:.6~g}<extra>${plain(name)}</extra>`,
    }));
    const steps = Math.max(...sent.curves.flatMap((curve) => curve.x)), step = axis(sent.step, false);
    if (steps <= 12) step.dtick = 1;
    const both = layout(step, axis(sent.left, false));
    if (sent.second.length) both.yaxis2 = { ...axis(sent.second.join(", "), false), overlaying: "y", side: "right", showgrid: false };
    return [traces, both];
  }

  async function draw() {
    if (!latest) return;
    const [traces, look] = latest.kind === "front" ? front(latest) : curves(latest);
    const began = performance.now();
    await Plotly.react(plot, traces, look, config);
    await Promise.race([ // until it is on the screen; scrolled away, it has no frames
      new Promise((done) => requestAnimationFrame(() => setTimeout(done))),
      new Promise((done) => setTimeout(done, 500)),
    ]);
    const took = Math.round(performance.now() - began);
    plot.dataset.drawn = String(took);
    if (!listening) {
      listening = true;
      plot.on("plotly_click", (event) => {
        const id = event.points[0].customdata;
        if (id !== undefined && latest.kind === "front") parent.postMessage({ open: Number(id) }, "*");
      });
    }
    parent.postMessage({ took }, "*");
  }

  addEventListener("message", (event) => {
    if (event.source !== parent) return;
    if (event.data.kind === "hello") parent.postMessage({ ready: true }, "*");
    else {
      latest = event.data;
      draw();
    }
  });
  dark.addEventListener("change", draw);
  parent.postMessage({ ready: true }, "*");
})();
