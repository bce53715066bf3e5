// A widget on a page without a kernel: a small model that holds the state, in place of the one Jupyter provides.

export function standInModel(state) {
  const listeners = {};
  return {
    get: (name) => state[name],
    set(name, value) {
      if (JSON.stringify(state[name]) === JSON.stringify(value)) return;
      state[name] = value;
      for (const listener of listeners[`change:${name}`] ?? []) listener();
    },
    on(event, listener) { (listeners[event] ??= []).push(listener); },
    off(event, listener) { listeners[event] = (listeners[event] ?? []).filter((other) => other !== listener); },
    save_changes() {},
  };
}

// Each host carries its own state: two notebooks in one JupyterLab may hold hosts with the same id.
export function start(kind, render) {
  for (const host of document.querySelectorAll(`.crnn-host[data-crnn="${kind}"]:not([data-crnn-started])`)) {
    host.setAttribute("data-crnn-started", "");
    const picture = [...host.childNodes];
    host.replaceChildren();
    try {
      const state = JSON.parse(host.dataset.state);
      render({ model: standInModel({ start: { ...state }, ...state }), el: host });
    } catch (error) {
      host.replaceChildren(...picture);
      console.error(error);
    }
  }
}
