// Filters, whose state is in the address, so that a link shows what its sender saw.
"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const rows = [...document.querySelectorAll(".filtered-by")];
  const names = ["severity", "source", "code", "text"];
  // A long list is for searching: its beginning is shown until a filter or the button asks for more.
  const later = new Set([...document.querySelectorAll(".findings > li")].slice(30));
  const button = document.getElementById("show-all");
  let isWhole = later.size === 0;
  form.hidden = false;

  function apply() {
    const [severity, source, code, text] = names.map((name) => form.elements[name].value);
    const words = text.toLowerCase();
    const isFiltered = Boolean(severity || source || code || words);
    let shown = 0;
    for (const row of rows) {
      const { dataset } = row;
      const fits =
        (!severity || dataset.severity === severity) &&
        (!source || dataset.source === source) &&
        (!code || dataset.code === code) &&
        (!words || row.textContent.toLowerCase().includes(words));
      row.hidden = !fits || (!isWhole && !isFiltered && later.has(row));
      shown += fits ? 1 : 0;
    }
    if (button) button.hidden = isWhole || isFiltered;
    const all = shown === rows.length;
    document.getElementById("filtered").textContent = all ? "" : `${shown} of ${rows.length} entries`;
  }

  function write() {
    const state = new URLSearchParams();
    for (const name of names) if (form.elements[name].value) state.set(name, form.elements[name].value);
    history.replaceState(null, "", state.size ? `#${state}` : location.pathname + location.search);
    apply();
  }

  function read() {
    const state = new URLSearchParams(location.hash.slice(1));
    for (const name of names) form.elements[name].value = state.get(name) || "";
    apply();
  }

  button?.addEventListener("click", () => {
    isWhole = true;
    apply();
  });
  form.addEventListener("input", write);
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", read);
  read();
})();
