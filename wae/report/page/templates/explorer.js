"use strict";
(() => {
  const root = document.getElementById("explorer-app");
  const { runs, datasets } = JSON.parse(document.getElementById("explorer-data").textContent);
  const THUMBS = 6;
  const NAMES = { prior: "Prior", mixture: "Mixture" };

  // All integers of a run are deflated, upper bytes first; an array of them counts by a scale per group.
  const inflate = async (text) => {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  };
  const unpack = async (run) => {
    const planes = await inflate(run.numbers);
    const half = planes.length / 2;
    const values = ({ at, count, scales }) => Float64Array.from({ length: count }, (_, i) =>
      (256 * planes[at + i] + planes[half + at + i] - 32768) * scales[Math.floor(i * scales.length / count)]);
    const rows = (packed) => {
      const [all, width] = [values(packed), packed.count / run.spread.length];
      return run.spread.map((_, row) => all.subarray(row * width, (row + 1) * width));
    };
    for (const layer of run.layers) [layer.weight, layer.bias] = [values(layer.weight), values(layer.bias)];
    run.axes = rows(run.axes);
    for (const name of Object.keys(run.points)) {
      const columns = rows(run.points[name]);
      run.points[name] = Array.from(columns[0], (_, i) => columns.map((column) => column[i]));
    }
    run.dimensions = run.spread.length;
  };

  // The network. An image or code is a flat array, channel by channel.
  const ACTIVATIONS = {
    relu: (v) => Math.max(v, 0),
    leaky_relu: (v) => (v > 0 ? v : 0.01 * v),
    elu: (v) => (v > 0 ? v : Math.expm1(v)),
    tanh: Math.tanh,
    softplus: (v) => (v > 20 ? v : Math.log1p(Math.exp(v))),
  };
  const SQUASH = { sigmoid: (v) => 1 / (1 + Math.exp(-v)), tanh: (v) => (Math.tanh(v) + 1) / 2 };
  const linear = (x, y, weight) => {
    for (let i = 0, w = 0; i < x.length; i++) for (let o = 0; o < y.length; o++, w++) y[o] += weight[w] * x[i];
  };
  // Each input pixel adds its value times the kernel to the output; what falls outside is cut, as in "SAME" padding.
  const transposed = (x, y, { in: [ins, height, width], out: [outs, tall, wide], kernel, stride, weight }) => {
    const cut = Math.max(kernel - stride, 0) >> 1;
    let index = 0;
    for (let o = 0; o < outs; o++) {
      for (let i = 0; i < ins; i++) {
        for (let ky = -cut; ky < kernel - cut; ky++) {
          for (let kx = -cut; kx < kernel - cut; kx++) {
            const w = weight[index++];
            const first = Math.max(0, Math.ceil(-kx / stride));
            const last = Math.min(width - 1, Math.floor((wide - 1 - kx) / stride));
            for (let r = 0; r < height; r++) {
              const row = r * stride + ky;
              if (row < 0 || row >= tall) continue;
              const [from, to] = [(i * height + r) * width, (o * tall + row) * wide + kx];
              for (let c = first; c <= last; c++) y[to + c * stride] += w * x[from + c];
            }
          }
        }
      }
    }
  };
  const decode = (run, z) => {
    let x = Float64Array.from(z);
    for (const layer of run.layers) {
      const area = layer.out[1] * layer.out[2];
      const y = new Float64Array(layer.out[0] * area);
      layer.bias.forEach((bias, o) => y.fill(bias, o * area, (o + 1) * area));
      if (layer.kernel) transposed(x, y, layer);
      else linear(x, y, layer.weight);
      x = layer.activation ? y.map(ACTIVATIONS[layer.activation]) : y;
    }
    return x.map(SQUASH[run.squash]);
  };
  // Coordinates on the axes; the length of the prior's sphere where it is one.
  const coordinates = (run, point) => {
    const a = Array.from({ length: run.dimensions }, (_, k) => point[k] || 0);
    const scale = run.radius === null ? 1 : run.radius / Math.max(Math.hypot(...a), 1e-12);
    return a.map((value) => value * scale);
  };
  const paint = (canvas, run, point) => {
    const a = coordinates(run, point);
    const z = a.map((_, j) => a.reduce((sum, value, k) => sum + value * run.axes[k][j], 0));
    const pixels = decode(run, z);
    const [channels, height, width] = run.shape;
    [canvas.width, canvas.height] = [width, height];
    const image = new ImageData(width, height);
    for (let p = 0; p < width * height; p++) {
      for (let c = 0; c < 3; c++) image.data[4 * p + c] = Math.round(255 * pixels[(channels === 3 ? c : 0) * width * height + p]);
      image.data[4 * p + 3] = 255;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    canvas.dataset.code = z.join(" ");
  };

  // The page's parts.
  const make = (parent, tag, attributes = {}, text = "") => {
    const svg = ["svg", "circle"].includes(tag) && "http://www.w3.org/2000/svg";
    const node = svg ? document.createElementNS(svg, tag) : document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => node.setAttribute(name, value));
    node.textContent = text;
    parent.append(node);
    return node;
  };
  const [sliders, app] = [".sliders", ".cards"].map((name) => root.querySelector(name));
  let [cards, point, draws, waiting, telling, wanted] = [[], [], [], 0, 0, ""];
  const tasks = []; // draws still to decode, a few per frame
  const work = () => {
    const until = performance.now() + 20;
    while (tasks.length && performance.now() < until) tasks.shift()();
    if (tasks.length) requestAnimationFrame(work);
    else root.removeAttribute("aria-busy");
  };
  const said = (box) => `${box.querySelector("h3").textContent}: ${box.querySelector(".now p").textContent}`;
  const tell = () => { document.getElementById("live").textContent = [...app.children].map(said).join("; "); };
  const moved = (next) => {
    point = next;
    sliders.querySelectorAll("label").forEach((label, k) => {
      const [input, value, text] = [label.querySelector("input"), label.querySelector("span"), (point[k] || 0).toFixed(2)];
      input.value = point[k] || 0;
      input.setAttribute("aria-valuetext", text);
      if (value.textContent !== text) value.textContent = text;
    });
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => cards.forEach((update) => update()));
    clearTimeout(telling);
    telling = setTimeout(tell, 500); // a screen reader hears where a slider stops, not each step
  };
  const card = (run) => {
    const box = make(app, "article", { class: "card", "aria-label": `${run.title}, seed ${run.seed}` });
    make(box, "h3", {}, run.title);
    const now = make(box, "div", { class: "now" });
    const canvas = make(now, "canvas", { role: "img", "aria-label": `What ${run.title} draws for this code` });
    const sentence = make(now, "p");
    const reach = 1.05 * Math.max(...Object.values(run.points).flat().flatMap((a) => a.slice(0, 2).map(Math.abs)));
    const svg = make(box, "svg", { viewBox: "-1 -1 2 2", role: "img", "aria-label": `Codes of ${run.title} on its first two axes` });
    const place = (a) => ({ cx: (a[0] / reach).toFixed(3), cy: (-(a[1] || 0) / reach).toFixed(3) });
    const classes = Math.max(1, ...(run.labels || [])) + 1;
    run.points.codes.forEach((a, i) => {
      const dot = make(svg, "circle", { ...place(a), r: 0.017, class: "dot" });
      if (run.labels) dot.style.setProperty("--hue", Math.round(360 * run.labels[i] / classes));
    });
    for (const name of Object.keys(NAMES)) run.points[name].forEach((a) => make(svg, "circle", { ...place(a), r: 0.022, class: `ring ${name}` }));
    const here = make(svg, "circle", { r: 0.05, class: "here" });
    svg.addEventListener("click", (event) => {
      const at = svg.getBoundingClientRect();
      const [x, y] = [(event.clientX - at.left) / at.width, (event.clientY - at.top) / at.height].map((v) => (2 * v - 1) * reach);
      moved([x, run.dimensions > 1 ? -y : 0, ...point.slice(2)]);
    });
    for (const [name, words] of Object.entries(NAMES)) {
      make(box, "p", { class: "of" }, `${words}: ${Math.round(100 * run.far[name])}% of draws in holes`);
      const strip = make(box, "div", { class: "strip" });
      run.points[name].slice(0, THUMBS).forEach((a, i) => {
        const button = make(strip, "button", { type: "button", "aria-label": `${run.title}, ${name}, draw ${i + 1}` });
        const small = make(button, "canvas", { "aria-hidden": "true" });
        button.addEventListener("click", () => moved([...a]));
        tasks.push(() => paint(small, run, a));
      });
    }
    return () => {
      paint(canvas, run, point);
      const a = coordinates(run, point);
      const distance = Math.min(...run.points.codes.map((b) => Math.hypot(...a.map((value, k) => value - b[k]))));
      sentence.textContent = `${distance > run.near ? "Hole: " : ""}${distance.toFixed(2)} from the nearest dot`;
      sentence.classList.toggle("hole", distance > run.near);
      Object.entries(place(a)).forEach(([name, value]) => here.setAttribute(name, value));
    };
  };
  const show = async (dataset) => {
    const shown = runs.filter((run) => run.dataset === dataset);
    wanted = dataset;
    root.setAttribute("aria-busy", "true");
    await Promise.all(shown.map((run) => (run.unpacked ||= unpack(run))));
    if (wanted !== dataset) return; // another one was chosen meanwhile
    for (const part of [app, sliders]) part.replaceChildren();
    tasks.length = 0;
    cards = shown.map(card);
    const { sigma, dimensions, points } = shown.reduce((a, b) => (b.dimensions > a.dimensions ? b : a));
    draws = points.prior;
    for (let k = 0; k < Math.min(8, dimensions); k++) {
      const label = make(sliders, "label", {}, `Axis ${k + 1} `);
      const input = make(label, "input", { type: "range", min: -3.5 * sigma, max: 3.5 * sigma, step: sigma / 50 });
      make(label, "span", { "aria-hidden": "true" });
      input.addEventListener("input", () => moved(Object.assign([...point], { [k]: Number(input.value) })));
    }
    moved([...draws[0]]);
    clearTimeout(telling); // nobody moved it
    requestAnimationFrame(work);
  };
  root.querySelectorAll("[name=explorer-dataset]").forEach((input) => input.addEventListener("change", () => show(input.value)));
  root.querySelectorAll("[name=explorer-rings]").forEach((input) => input.addEventListener("change", () => { app.dataset.rings = input.value; }));
  root.querySelector(".centre").addEventListener("click", () => moved(point.map(() => 0)));
  root.querySelector(".draw").addEventListener("click", () => moved([...draws[Math.floor(Math.random() * draws.length)]]));
  root.hidden = false;
  if (!window.DecompressionStream) { root.textContent = "This part needs a browser of 2023 or newer."; return; }
  // Drawn when it comes near the screen: unpacking and decoding take a moment.
  const seen = new IntersectionObserver(([entry]) => {
    if (entry.isIntersecting) { seen.disconnect(); show(datasets[0]); }
  }, { rootMargin: "600px" });
  seen.observe(root);
})();
