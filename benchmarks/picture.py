"""The picture of the README: bars, from files of results."""

import pathlib

OPERATORS = {  # titles of what is shown, where it was measured
    "fake_quantize/channel+learned+mask/both/1024x1024/float32": "mask + learned int8 per channel,\nforward + backward",
    "fake_quantize/channel/forward/1024x1024/float32": "int8 per channel, forward",
    "distillation_loss/kl/both/64x50257/float32": "distillation loss, 64 x 50257,\nforward + backward",
    "threshold/global/forward/4096x4096/float32": "exact 90 % threshold, 16.8 M weights",
}
STEPS = {"resnet20": "ResNet-20, 64 images", "transformer": "transformer, 4 x 512, 8 x 128 tokens"}
HIDDEN = {"copy", "copy into", "add into", "float", "float+distillation", "compress_ext+nothing"}
OURS, PEER = "#1b7f4b", "#b0b7bf"


def bars(axes, title: str, records: list[dict], unit: str, logarithmic: bool) -> None:
    """One workload: a bar per candidate, shortest on top, with its ratio beside it."""
    shown = sorted((r for r in records if r["candidate"] not in HIDDEN), key=lambda r: -r["ratio"])
    names, ratios = [r["candidate"] for r in shown], [r["ratio"] for r in shown]
    colors = [OURS if name.startswith("compress_ext") else PEER for name in names]
    drawn = axes.barh(names, ratios, color=colors)
    axes.bar_label(drawn, [f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.0f}x" for ratio in ratios], padding=3)
    if logarithmic:
        axes.set_xscale("log")
    axes.set_xlim(
        min([0.5, *ratios]) * 0.8 if logarithmic else 0, max(ratios, default=1) * (2.5 if logarithmic else 1.2)
    )
    axes.axvline(1, color="black", linewidth=0.8, linestyle=":")
    axes.set_title(title, fontsize=10, loc="left")
    axes.set_xlabel(unit, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def panels(results: list[dict]) -> list[tuple]:
    """Title, records, unit, logarithmic: one for each workload of interest that the files hold."""
    found = []
    for titles, unit, logarithmic in ((STEPS, "times the float step", False), (OPERATORS, "times a copy", True)):
        for workload, title in titles.items():
            for result in results:
                records = [record for record in result["records"] if record["workload"] == workload]
                if records:
                    found.append((f"{title}\n{result['device']}", records, unit, logarithmic))
    return found


def draw(results: list[dict], output: pathlib.Path) -> None:
    """Writes an SVG or PNG, as ``output`` ends."""
    try:
        import matplotlib
    except ModuleNotFoundError as error:
        raise SystemExit("drawing needs matplotlib: pip install -r requirements-bench.txt") from error
    matplotlib.use("agg")
    matplotlib.rcParams.update({"svg.hashsalt": "compress_ext", "font.size": 9})  # the same file from the same data
    from matplotlib import pyplot

    shown = panels(results)
    if not shown:
        raise SystemExit("nothing to draw: these results hold none of " + ", ".join([*STEPS, *OPERATORS]))
    rows = (len(shown) + 1) // 2
    figure, grid = pyplot.subplots(rows, 2, figsize=(11, 2.9 * rows), layout="constrained", squeeze=False)
    for axes, panel in zip(grid.flat, shown, strict=False):
        bars(axes, *panel)
    for axes in list(grid.flat)[len(shown) :]:
        axes.set_visible(False)
    output.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)
    pyplot.close(figure)
