// A widget on a page without a kernel: a small model that holds the state, in place of the one Jupyter provides.

const standInModel = (values, listeners = new Set()) => ({
  get: (name) => values[name],
  set(name, value) {
    values[name] = value;
    for (const listener of listeners) listener();
  },
  on: (_, listener) => listeners.add(listener),
  off: (_, listener) => listeners.delete(listener),
  save_changes() {},
});

// Each host carries its own state: two notebooks in one JupyterLab may hold hosts with the same id.
export function start(kind, render) {
  for (const host of document.querySelectorAll(`.crnn-host[data-crnn="${kind}"]:not([data-crnn-started])`)) {
    const picture = [...host.childNodes];
    host.setAttribute("data-crnn-started", "");
    host.replaceChildren();
    try {
      const state = JSON.parse(host.dataset.state);
      render({ model: standInModel({ given: { start: { ...state } }, state }), el: host });
    } catch (error) {
      host.replaceChildren(...picture);
      console.error(error);
    }
  }
}
