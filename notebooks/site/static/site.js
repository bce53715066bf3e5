// The widgets ask <html> for the theme, as JupyterLab and Sphinx's other themes tell it; Furo tells <body> alone.
const tell = () => { document.documentElement.dataset.theme = document.body.dataset.theme; };
document.addEventListener("DOMContentLoaded", () => {
  tell();
  reach();
  addEventListener("resize", reach);
  new MutationObserver(tell).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
});

// What is wider than its place scrolls, and must be reached by keyboard to be scrolled.
const reach = () => {
  for (const box of document.querySelectorAll(".highlight pre, .cell_output .output, .table-wrapper, div.math")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

// Opened from a folder, a page may not read the others: the search then shows titles without excerpts.
if (location.protocol === "file:" && globalThis.DOCUMENTATION_OPTIONS) DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The film runs a few times and stops; it begins anew by putting itself in its own place.
document.addEventListener("click", (event) => {
  if (event.target.dataset?.film !== "again") return;
  const film = event.target.closest("figure").querySelector("svg.film");
  film.replaceWith(film.cloneNode(true));
});
