"use strict";
// The timeline: calls as bars in a lane an engine, bandwidth below. Times are picoseconds since the run's start.
(() => {
  const data = JSON.parse(document.getElementById("timeline-data").textContent);
  const canvas = document.getElementById("timeline");
  const map = document.getElementById("minimap");
  const tip = document.getElementById("tip");
  const detail = document.getElementById("detail");
  const layerBox = document.getElementById("layer");
  const LANE = 26, GAP = 4, FONT = "12px system-ui, sans-serif", AXIS = 22, CHART = 84, MIN_VIEW = 2000;
  const first = Math.min(data.begin, data.end), last = Math.max(data.end, data.begin + 1);
  let left = gutter(), view = [first, last], hover = null, picked = null, selection = null, queued = false;

  const lanes = data.lanes.map((lane, i) => ({ ...lane, calls: data.calls.filter((c) => c[0] === i) }));
  const colour = (kind) => getComputedStyle(document.documentElement)
    .getPropertyValue(kind < 0 ? "--host" : `--kind${kind % 10}`).trim();
  let palette = [], ink = {};

  function readTheme() {
    palette = data.kinds.map((_, i) => colour(i));
    const style = getComputedStyle(document.documentElement);
    for (const name of ["text", "muted", "line", "card", "stripe", "read", "write", "accent", "host"])
      ink[name] = style.getPropertyValue(`--${name}`).trim();
  }
  function gutter() { // room for the longest name
    const g = canvas.getContext("2d");
    g.font = FONT;
    const names = [...data.lanes, ...data.memories].map((of) => g.measureText(of.name).width);
    return Math.ceil(Math.min(Math.max(...names, 52) + 12, canvas.clientWidth / 4));
  }

  // --- scales and texts
  const width = () => canvas.clientWidth;
  const span = () => view[1] - view[0];
  const x = (t) => left + ((t - view[0]) / span()) * (width() - left);
  const time = (px) => view[0] + ((px - left) / (width() - left)) * span();
  const number = (n, digits = 0) =>
    n.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

  function duration(ps) {
    for (const [unit, size] of [["s", 1e12], ["ms", 1e9], ["µs", 1e6], ["ns", 1e3]])
      if (Math.abs(ps) >= size) return `${parseFloat((ps / size).toPrecision(6))} ${unit}`;
    return ps ? `${ps} ps` : "0";
  }
  function tickStep(target) {
    const power = 10 ** Math.floor(Math.log10(target));
    return [1, 2, 5, 10].map((n) => n * power).find((n) => n >= target);
  }
  function tickText(t, step) {
    const [unit, size] = last >= 2e9 && step >= 1e4 ? ["ms", 1e9] : ["µs", 1e6];
    const digits = Math.max(0, Math.ceil(Math.log10(size / step) - 1e-9));
    return `${number(t / size, Math.min(digits, 6))} ${unit}`;
  }

  // --- what is drawn
  function setView(a, b) {
    const length = Math.min(Math.max(b - a, MIN_VIEW), last - first);
    const start = Math.min(Math.max(a + (b - a - length) / 2, first), last - length);
    view = [start, start + length];
    canvas.dataset.from = String(Math.round(view[0]));
    canvas.dataset.to = String(Math.round(view[1]));
    document.getElementById("window").textContent =
      `${duration(Math.round(view[0]))} to ${duration(Math.round(view[1]))} (${duration(Math.round(span()))})`;
    const whole = span() >= last - first;
    document.getElementById("reset").disabled = whole;
    layerBox.selectedIndex = whole ? 0 : -1; // no entry for any other part
    redraw();
  }
  function redraw() {
    if (queued) return;
    queued = true;
    requestAnimationFrame(() => { queued = false; draw(); });
  }
  function prepare(target, height) {
    const ratio = window.devicePixelRatio || 1;
    target.style.height = `${height}px`;
    const size = [Math.round(target.clientWidth * ratio), Math.round(height * ratio)];
    if (target.width !== size[0] || target.height !== size[1]) [target.width, target.height] = size;
    const g = target.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, target.clientWidth, height);
    return g;
  }
  function draw() {
    left = gutter();
    canvas.dataset.left = String(left);
    const w = width();
    const chart = AXIS + lanes.length * LANE + 14;
    const g = prepare(canvas, chart + data.memories.length * (CHART + 22) + 4);
    g.font = FONT;
    g.textBaseline = "middle";
    axis(g, w, chart + data.memories.length * (CHART + 22));
    lanes.forEach((lane, i) => drawLane(g, lane, AXIS + i * LANE, w, i % 2));
    data.memories.forEach((memory, m) => bandwidth(g, memory, m, chart + m * (CHART + 22), w));
    if (selection) {
      const [a, b] = selection.map(x).sort((p, q) => p - q);
      g.globalAlpha = 0.18; g.fillStyle = ink.accent; g.fillRect(a, 0, b - a, canvas.clientHeight);
      g.globalAlpha = 1; g.textAlign = "left"; g.fillText(duration(Math.round(Math.abs(selection[1] - selection[0]))), a + 4, AXIS + 8);
    }
    drawMap();
  }
  function axis(g, w, bottom) {
    const step = tickStep((span() * 84) / (w - left));
    for (let t = Math.ceil(view[0] / step) * step; t <= view[1]; t += step) {
      const px = Math.round(x(t)) + 0.5;
      g.strokeStyle = ink.line; g.beginPath(); g.moveTo(px, AXIS - 4); g.lineTo(px, bottom); g.stroke();
      g.fillStyle = ink.muted;
      const text = tickText(t, step), room = g.measureText(text).width;
      g.textAlign = "left"; g.fillText(text, Math.max(left, Math.min(px - room / 2, w - room)), 9);
    }
  }
  function shorten(g, text, room) {
    if (g.measureText(text).width <= room) return text;
    let n = Math.floor((text.length * room) / g.measureText(text).width);
    while (n > 0 && g.measureText(`${text.slice(0, n)}…`).width > room) n--;
    return n > 2 ? `${text.slice(0, n)}…` : "";
  }
  function label(g, text, y) {
    g.fillStyle = ink.text; g.textAlign = "left"; g.fillText(shorten(g, text, left - 8), 2, y);
  }
  function firstCall(calls) { // the first that ends inside the view; calls of a lane follow each other
    let low = 0, high = calls.length;
    while (low < high) {
      const mid = (low + high) >> 1;
      if (calls[mid][2] + calls[mid][3] <= view[0]) low = mid + 1; else high = mid;
    }
    return low;
  }
  function inkOn(hex) { // dark or light text on a bar
    const [r, b, c] = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16));
    return 0.299 * r + 0.587 * b + 0.114 * c > 140 ? "#111" : "#fff";
  }
  function barText(g, name, room) { // without its layer where that leaves room for the rest
    return g.measureText(name).width <= room ? name : shorten(g, name.replace(/^.*layers\.\d+\./, ""), room);
  }
  function drawLane(g, lane, y, w, odd) {
    if (odd) { g.fillStyle = ink.stripe; g.fillRect(0, y, w, LANE); }
    label(g, lane.name, y + LANE / 2);
    const top = y + GAP / 2, height = LANE - GAP;
    let pixel = -1, busy = 0, kinds = {};
    const flush = () => { // bars thinner than a pixel: how much of the pixel is busy, in the colour of most of it
      if (pixel < 0) return;
      const kind = Object.keys(kinds).reduce((a, b) => (kinds[a] >= kinds[b] ? a : b));
      g.globalAlpha = 0.25 + 0.75 * Math.min(1, busy);
      g.fillStyle = kind < 0 ? ink.host : palette[kind]; g.fillRect(pixel, top, 1, height);
      g.globalAlpha = 1; pixel = -1; busy = 0; kinds = {};
    };
    for (let i = firstCall(lane.calls); i < lane.calls.length; i++) {
      const call = lane.calls[i], [, kind, start, length] = call;
      if (start >= view[1]) break;
      const a = Math.max(x(start), left), b = Math.min(x(start + length), w);
      if (b - a < 1.5) {
        const p = Math.floor(a);
        if (p !== pixel) { flush(); pixel = p; }
        busy += b - a; kinds[kind] = (kinds[kind] || 0) + (b - a);
        continue;
      }
      flush();
      const fill = kind < 0 ? ink.host : palette[kind];
      g.fillStyle = fill; g.fillRect(a, top, Math.max(b - a - (b - a > 4 ? 1 : 0), 1), height);
      if (b - a > 34) {
        g.fillStyle = inkOn(fill); g.textAlign = "left";
        g.fillText(barText(g, kind < 0 ? "host" : data.names[call[5]], b - a - 8), a + 4, y + LANE / 2);
      }
      if (call === hover || call === picked) {
        g.strokeStyle = ink.text; g.lineWidth = 2; g.strokeRect(a + 1, top + 1, b - a - 2, height - 2);
        g.lineWidth = 1;
      }
    }
    flush();
  }
  function traffic(m, pixels) { // bytes a pixel read and written, from the records' profiles
    const sums = [new Float64Array(pixels), new Float64Array(pixels)];
    const scale = pixels / span();
    const add = (sum, a, b, bytes) => { // spread evenly over [a, b) in pixels
      const from = Math.max(a, 0), to = Math.min(b, pixels);
      if (to <= from || !bytes) return;
      const rate = bytes / (b - a);
      for (let p = Math.floor(from); p < to; p++) sum[p] += rate * (Math.min(p + 1, to) - Math.max(p, from));
    };
    for (const lane of lanes) {
      for (let i = firstCall(lane.calls); i < lane.calls.length; i++) {
        const [, , start, length, record] = lane.calls[i];
        if (start >= view[1]) break;
        if (record < 0) continue;
        const a = (start - view[0]) * scale, b = a + Math.max(length * scale, 1e-9);
        for (const flow of data.records[record].flows) {
          if (flow.memory !== m) continue;
          const sum = sums[flow.write ? 1 : 0], n = flow.profile.length;
          if (b - a < 2) { add(sum, a, b, flow.bytes); continue; }
          const bin = (b - a) / n;
          for (let k = 0; k < n; k++) add(sum, a + k * bin, a + (k + 1) * bin, flow.profile[k]);
        }
      }
    }
    return sums;
  }
  function bandwidth(g, memory, m, y, w) {
    const pixels = Math.max(1, Math.floor(w - left)), sums = traffic(m, pixels);
    const rate = pixels / (span() * 1e-12) / 1e9; // bytes a pixel to GB/s
    let top = 0;
    for (let p = 0; p < pixels; p++) top = Math.max(top, (sums[0][p] + sums[1][p]) * rate);
    const step = tickStep(Math.max(top, 1e-9) / 3), scale = Math.ceil(Math.max(top, 1e-9) / step) * step;
    const floor = y + 16 + CHART, h = (v) => floor - (v / scale) * CHART;
    label(g, memory.name, y + 6);
    g.fillStyle = ink.muted; g.fillText("GB/s", 2, y + 22);
    g.strokeStyle = ink.line;
    for (let v = 0; v <= scale * 1.0001; v += step) {
      g.beginPath(); g.moveTo(left, Math.round(h(v)) + 0.5); g.lineTo(w, Math.round(h(v)) + 0.5); g.stroke();
      g.fillStyle = ink.muted; g.textAlign = "right";
      g.fillText(parseFloat(v.toPrecision(4)), left - 6, h(v));
    }
    const base = new Float64Array(pixels);
    [["read", sums[0]], ["write", sums[1]]].forEach(([what, sum]) => {
      g.fillStyle = ink[what]; g.beginPath(); g.moveTo(left, floor);
      for (let p = 0; p < pixels; p++) {
        const v = h((base[p] + sum[p]) * rate);
        g.lineTo(left + p, v); g.lineTo(left + p + 1, v);
      }
      for (let p = pixels - 1; p >= 0; p--) {
        const v = h(base[p] * rate);
        g.lineTo(left + p + 1, v); g.lineTo(left + p, v);
        base[p] += sum[p];
      }
      g.closePath(); g.fill();
    });
    if (memory.peak && memory.peak / 1e9 <= scale) {
      g.strokeStyle = ink.text; g.setLineDash([5, 4]); g.beginPath();
      g.moveTo(left, h(memory.peak / 1e9)); g.lineTo(w, h(memory.peak / 1e9)); g.stroke(); g.setLineDash([]);
    }
  }
  function drawMap() {
    const g = prepare(map, 22), w = map.clientWidth - left;
    const at = (t) => left + ((t - first) / (last - first)) * w;
    g.fillStyle = ink.stripe; g.fillRect(left, 0, w, 22);
    for (const lane of lanes) for (const [, kind, start, length] of lane.calls) {
      if (kind < 0) continue;
      g.fillStyle = palette[kind]; g.fillRect(at(start), 5, Math.max((length / (last - first)) * w, 0.3), 12);
    }
    g.strokeStyle = ink.accent; g.lineWidth = 2;
    const a = at(view[0]), b = at(view[1]);
    g.strokeRect(a + 1, 1, Math.max(b - a - 2, 2), 20); g.lineWidth = 1;
    g.font = FONT; g.textBaseline = "middle"; g.fillStyle = ink.muted; g.fillText("all", 2, 11);
  }

  // --- what is under the pointer
  function callAt(px, py) {
    const lane = lanes[Math.floor((py - AXIS) / LANE)];
    if (!lane || px < left) return null;
    const t = time(px), slack = span() / (width() - left);
    let best = null;
    for (let i = firstCall(lane.calls); i < lane.calls.length; i++) {
      const call = lane.calls[i];
      if (call[2] > t + slack) break;
      if (t >= call[2] - slack && t < call[2] + call[3] + slack) {
        if (t >= call[2] && t < call[2] + call[3]) return call;
        best = best || call;
      }
    }
    return best;
  }
  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }
  function facts(call) {
    const [lane, kind, start, length, record, name] = call;
    const rows = [["start", duration(start)], ["takes", duration(length)]];
    if (kind < 0) return ["host, between calls", rows];
    const of = data.records[record];
    if (of) {
      rows.push(["cycles", number(of.cycles)]);
      rows.push(["compute", `${number(of.compute)} (${number((100 * of.compute) / of.cycles, 1)} %)`]);
      for (const port of of.ports) if (port.wait) rows.push([`waits on ${port.name}`, number(port.wait)]);
      for (const what of ["read", "write"]) {
        const bytes = of.flows.filter((f) => f.write === (what === "write")).reduce((n, f) => n + f.bytes, 0);
        if (bytes) rows.push([what, `${number(bytes / 1e3, 1)} kB, ${number(bytes / length * 1e3, 2)} GB/s`]);
      }
    }
    return [`${data.names[name]}: ${data.kinds[kind]} on ${lanes[lane].name}`, rows];
  }
  function fill(target, call) {
    const [title, rows] = facts(call);
    target.replaceChildren(element("strong", title));
    const table = element("dl");
    for (const [key, value] of rows) table.append(element("dt", key), element("dd", value));
    target.append(table);
  }
  function showTip(event, call) {
    if (!call) { tip.hidden = true; return; }
    fill(tip, call);
    tip.hidden = false;
    const room = 14, box = tip.getBoundingClientRect();
    const px = Math.min(event.clientX + room, document.documentElement.clientWidth - box.width - 4);
    const below = event.clientY + room + box.height < window.innerHeight;
    tip.style.left = `${Math.max(4, px)}px`;
    tip.style.top = `${below ? event.clientY + room : Math.max(4, event.clientY - room - box.height)}px`;
  }
  function pick(call) {
    picked = call;
    detail.hidden = !call;
    if (call) {
      fill(detail, call);
      const of = data.records[call[4]];
      if (of && of.flows.length) {
        const list = element("div", undefined, "profiles");
        for (const flow of of.flows) list.append(profile(flow, of, call[3]));
        detail.append(element("p", "Bytes over the call's time, port by port", "muted"), list);
      }
    }
    redraw();
  }
  function profile(flow, of, length) {
    const box = element("figure"), n = flow.profile.length, top = Math.max(...flow.profile, 1);
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    svg.setAttribute("viewBox", `0 0 ${n} 100`); svg.setAttribute("preserveAspectRatio", "none");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    path.setAttribute("d", `M0 100${flow.profile.map((v, i) => `V${100 - (96 * v) / top}H${i + 1}`).join("")}V100Z`);
    path.setAttribute("class", flow.write ? "write" : "read");
    svg.append(path);
    const rate = (top / (length / n)) * 1e3;
    const port = of.ports.find((p) => p.name === flow.name);
    const about = port ? `${number(port.beats)} words in ${number(port.bursts)} bursts, ` : "";
    box.append(element("figcaption", `${flow.name}: ${about}at most ${number(rate, 2)} GB/s`), svg);
    return box;
  }

  // --- what moves it
  const zoom = (factor, at = (view[0] + view[1]) / 2) =>
    setView(at - (at - view[0]) * factor, at + (view[1] - at) * factor);
  const pan = (share) => {
    const by = Math.min(Math.max(share * span(), first - view[0]), last - view[1]);
    setView(view[0] + by, view[1] + by);
  };
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [dx, dy] = event.shiftKey && !event.deltaX ? [event.deltaY, 0] : [event.deltaX, event.deltaY];
    if (Math.abs(dx) > Math.abs(dy)) pan(dx / (width() - left));
    else zoom(Math.exp(Math.max(-120, Math.min(120, dy)) * 0.004), time(Math.max(event.offsetX, left)));
    showTip(event, callAt(event.offsetX, event.offsetY));
  }, { passive: false });

  const fingers = new Map();
  let grip = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, event.offsetX);
    const panning = event.pointerType === "touch" || event.shiftKey || event.offsetY < AXIS;
    grip = { panning, x: event.offsetX, moved: false, view: [...view], spread: spread() };
  });
  const spread = () => {
    const all = [...fingers.values()];
    return all.length === 2 ? [Math.abs(all[0] - all[1]), (all[0] + all[1]) / 2] : null;
  };
  canvas.addEventListener("pointermove", (event) => {
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, event.offsetX);
    if (!grip) {
      const call = callAt(event.offsetX, event.offsetY);
      if (call !== hover) { hover = call; redraw(); }
      showTip(event, call);
      return;
    }
    if (Math.abs(event.offsetX - grip.x) > 3) grip.moved = true;
    if (!grip.moved) return;
    tip.hidden = true;
    const [a, b] = grip.view, per = (b - a) / (width() - left);
    const now = spread();
    if (now && grip.spread) {
      const factor = Math.max(grip.spread[0], 8) / Math.max(now[0], 8), at = a + (grip.spread[1] - left) * per;
      setView(at - (at - a) * factor, at + (b - at) * factor);
    } else if (grip.panning) {
      const by = Math.min(Math.max((grip.x - event.offsetX) * per, first - a), last - b);
      setView(a + by, b + by);
    } else {
      selection = [time(Math.max(grip.x, left)), time(Math.max(left, Math.min(event.offsetX, width())))];
      redraw();
    }
  });
  const release = (event) => {
    fingers.delete(event.pointerId);
    if (grip && event.type === "pointerup") {
      if (selection && Math.abs(selection[1] - selection[0]) > 0) setView(...selection.sort((a, b) => a - b));
      else if (!grip.moved) pick(callAt(event.offsetX, event.offsetY));
    }
    selection = null; grip = null; redraw();
  };
  canvas.addEventListener("pointerup", release);
  canvas.addEventListener("pointercancel", release);
  canvas.addEventListener("pointerleave", () => { tip.hidden = true; if (hover) { hover = null; redraw(); } });
  canvas.addEventListener("dblclick", (event) => {
    const call = callAt(event.offsetX, event.offsetY);
    if (call) setView(call[2] - call[3] * 0.05, call[2] + call[3] * 1.05);
  });
  canvas.addEventListener("keydown", (event) => {
    const act = { ArrowLeft: () => pan(-0.2), ArrowRight: () => pan(0.2), "+": () => zoom(0.6), "=": () => zoom(0.6),
      "-": () => zoom(1 / 0.6), 0: () => setView(first, last), Escape: () => pick(null) }[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  const mapTo = (event) => {
    if (!event.buttons) return;
    const at = first + ((event.offsetX - left) / (map.clientWidth - left)) * (last - first);
    setView(...[at - span() / 2, at + span() / 2].map((t, _, both) =>
      t + Math.max(0, first - both[0]) - Math.max(0, both[1] - last)));
  };
  map.addEventListener("pointerdown", (event) => { map.setPointerCapture(event.pointerId); mapTo(event); });
  map.addEventListener("pointermove", mapTo);
  document.getElementById("zoom-in").addEventListener("click", () => zoom(0.5));
  document.getElementById("zoom-out").addEventListener("click", () => zoom(2));
  document.getElementById("reset").addEventListener("click", () => setView(first, last));
  layerBox.addEventListener("change", () => {
    const chosen = layerBox.value;
    if (chosen === "") { setView(first, last); return; }
    const { start, end } = data.parts[chosen], margin = (end - start) * 0.01;
    setView(start - margin, end + margin);
    layerBox.value = chosen;
  });

  // --- start
  data.parts.forEach((part, i) => { const o = element("option", part.name); o.value = i; layerBox.append(o); });
  layerBox.closest("label").hidden = !data.parts.length;
  readTheme();
  new ResizeObserver(redraw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { readTheme(); redraw(); });
  matchMedia("print").addEventListener("change", () => { readTheme(); draw(); });
  setView(first, last);
})();
