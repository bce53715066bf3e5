"""Settings of the course's JupyterLab server."""


def save_without_live_views(model: dict, **_: object) -> None:
    """Drop a widget's live view from a notebook that is being saved, where its HTML stands beside it.

    A live view dies with its kernel: opened again, the notebook would say "model not found" in its place. The HTML
    works without a kernel.
    """
    if model["type"] != "notebook":
        return
    for cell in model["content"]["cells"]:
        for output in cell.get("outputs", []):
            if "text/html" in output.get("data", {}):
                output["data"].pop("application/vnd.jupyter.widget-view+json", None)


c = get_config()  # noqa: F821  (Jupyter provides it)
c.ContentsManager.pre_save_hook = save_without_live_views
