// The widgets ask <html> for the theme, as JupyterLab and Sphinx's other themes tell it; Furo tells <body> alone.
const tell = () => { document.documentElement.dataset.theme = document.body.dataset.theme; };
document.addEventListener("DOMContentLoaded", () => {
  tell();
  reach();
  // Sphinx calls the captions of the contents headings, and does not say of which level.
  for (const caption of document.querySelectorAll('p.caption[role="heading"]')) caption.setAttribute("aria-level", "2");
  addEventListener("resize", reach);
  new MutationObserver(tell).observe(document.body, { attributes: true, attributeFilter: ["data-theme"] });
});

// Paper is white: what follows the theme, widgets and code among it, is light while it is printed.
let theme = "auto";
addEventListener("beforeprint", () => {
  theme = document.body.dataset.theme;
  document.body.dataset.theme = "light";
  tell();
});
addEventListener("afterprint", () => { document.body.dataset.theme = theme; });

// What is wider than its place scrolls, and must be reached by keyboard to be scrolled.
const reach = () => {
  for (const box of document.querySelectorAll(".highlight pre, .cell_output .output, .table-wrapper, div.math")) {
    if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
    else box.removeAttribute("tabindex");
  }
};

// Opened from a folder, a page may not read the others: the search then shows titles without excerpts.
// (Its options are a constant of another script, and so no property of the window.)
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS === "object") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

// The film runs a few times and stops; it begins anew by putting itself in its own place.
document.addEventListener("click", (event) => {
  if (event.target.dataset?.film !== "again") return;
  const film = event.target.closest("figure").querySelector("svg.film");
  film.replaceWith(film.cloneNode(true));
});
