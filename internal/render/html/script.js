"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  const cases = [...document.querySelectorAll(".case")];
  const text = $("f-text"), outcome = $("f-outcome"), cause = $("f-cause"), shown = $("f-shown");

  // Filter: what a case says of itself, without its messages.
  const words = new Map();
  const said = (c) => {
    if (!words.has(c)) words.set(c, [...c.querySelectorAll("summary, .say")].map((e) => e.textContent).join(" ").toLowerCase());
    return words.get(c);
  };
  const apply = () => {
    const want = text.value.trim().toLowerCase();
    let n = 0;
    for (const c of cases) {
      const ok = (!outcome.value || c.dataset.outcome === outcome.value) && (!cause.value || c.dataset.cause === cause.value) && (!want || said(c).includes(want));
      c.hidden = !ok;
      if (ok) n++;
    }
    shown.textContent = n + " of " + cases.length + " shown";
  };
  const fill = (select, key) => {
    const counts = new Map();
    for (const c of cases) if (c.dataset[key]) counts.set(c.dataset[key], (counts.get(c.dataset[key]) || 0) + 1);
    for (const [v, n] of [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))) {
      const o = document.createElement("option");
      o.value = v;
      o.textContent = v + " (" + n + ")";
      select.append(o);
    }
  };
  if (text) {
    fill(outcome, "outcome");
    fill(cause, "cause");
    for (const e of [text, outcome, cause]) e.addEventListener("input", apply);
    $("f-clear").addEventListener("click", () => { text.value = outcome.value = cause.value = ""; apply(); });
    for (const b of document.querySelectorAll("button.cause")) {
      b.addEventListener("click", () => {
        cause.value = cause.value === b.dataset.cause ? "" : b.dataset.cause;
        apply();
        document.querySelector(".filter").scrollIntoView();
      });
    }
    apply();
  }

  // Messages: a row of a ladder opens its message beside the page; arrows walk on.
  const panel = $("panel"), view = $("panel-view");
  let at = null;
  const show = (a) => {
    const m = $(a.getAttribute("href").slice(1));
    if (!m) return;
    at = a;
    const copy = m.cloneNode(true);
    copy.removeAttribute("id");
    view.replaceChildren(copy);
    panel.hidden = false;
  };
  const step = (d) => {
    const rows = [...at.closest("svg").querySelectorAll("a")];
    const next = rows[rows.indexOf(at) + d];
    if (next) { show(next); next.focus(); }
  };
  document.addEventListener("click", (e) => {
    const a = e.target.closest(".ladder a, .msg .first");
    if (!a) return;
    e.preventDefault();
    if (a.closest(".ladder")) { show(a); return; }
    const row = document.querySelector('.ladder a[href="' + a.getAttribute("href") + '"]');
    if (row) show(row);
  });
  document.addEventListener("keydown", (e) => {
    if (panel.hidden) return;
    if (e.key === "Escape") panel.hidden = true;
    else if (e.key === "ArrowDown" || e.key === "j") { e.preventDefault(); step(1); }
    else if (e.key === "ArrowUp" || e.key === "k") { e.preventDefault(); step(-1); }
  });
  $("panel-close").addEventListener("click", () => { panel.hidden = true; });
  $("panel-prev").addEventListener("click", () => step(-1));
  $("panel-next").addEventListener("click", () => step(1));

  // Print what the filter shows, opened.
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = cases.filter((c) => !c.hidden && !c.open);
    for (const c of closed) c.open = true;
  });
  addEventListener("afterprint", () => { for (const c of closed) c.open = false; });
})();
