"""The report: Markdown tables with medians and ratios, and a chart."""

import statistics
from collections import Counter
from html import escape

MODES = {"new": ("A new session", "POST /session/new"),
         "info": ("Info about a session", "GET /session/{id}/info"),
         "chat": ("A chat with 20 messages of history",
                  "POST /session/chat")}
SHORT = {"nginx": "nginx, return 200", "causerie": "Causerie",
         "ordinary": "libfcgi, 8 threads", "node": "Node",
         "fpm": "PHP-FPM, 5 children", "fpm-tuned": "PHP-FPM, 50 children",
         "fastapi-async": "FastAPI, async", "fastapi": "FastAPI, threads"}

# What Causerie promises: the least that others take of its CPU for a new
# session, the most of its own beside the bare libfcgi program, and how many
# times as many chats as PHP-FPM it holds.
FASTAPI_RATIO = 15
FPM_RATIO = 6
ORDINARY_RATIO = 0.75
FLIGHT_RATIO = 50


class Data:
    """What was measured, by peer and mode."""

    def __init__(self, data):
        self.titles, self.flight = data["titles"], data["flight"]
        self.runs = {}
        for run in data["work"]:
            self.runs.setdefault((run["mode"], run["peer"]), []).append(run)

    def median(self, mode, peer, key):
        return statistics.median(run[key] for run in self.runs[mode, peer])

    def ratio(self, mode, peer):
        """Its CPU in Causerie's."""
        return (self.median(mode, peer, "cpu_us")
                / self.median(mode, "causerie", "cpu_us"))

    def peers(self, mode):
        return [peer for peer in self.titles if (mode, peer) in self.runs]

    def failed(self):
        """How many requests failed, and for each peer and mode how."""
        total, words = 0, []
        for (mode, peer), runs in self.runs.items():
            found = Counter()
            for run in runs:
                found.update(run["failed"])
            total += sum(found.values())
            words += [f"{peer}, {mode}: {n} × {what}"
                      for what, n in sorted(found.items())]
        return total, "; ".join(words)


def number(value):
    """Three digits that count."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def mib(size):
    return f"{size / (1 << 20):.0f}"


def table(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|---|" + "--:|" * (len(head) - 1)
    for row in rows:
        yield "| " + " | ".join(row) + " |"
    yield ""


def summary(data):
    """A row for each peer."""
    for peer in data.titles:
        cells = []
        for mode in MODES:
            cells.append(
                f"{number(data.median(mode, peer, 'cpu_us'))} "
                f"({number(data.ratio(mode, peer))})"
                if (mode, peer) in data.runs else "")
        run = data.flight.get(peer)
        cells += [f"{run['held']:,}", mib(run["memory"])] if run else ["", ""]
        yield [data.titles[peer], *cells]


def work_rows(data, mode):
    for peer in data.peers(mode):
        def median(key):
            return data.median(mode, peer, key)
        yield [data.titles[peer], number(median("cpu_us")),
               number(data.ratio(mode, peer)), f"{median('rate'):,.0f}",
               number(median("p50_us") / 1e3), number(median("p99_us") / 1e3)]


def flight_rows(data):
    for peer, run in data.flight.items():
        yield [data.titles[peer], f"{run['held']:,}", mib(run["memory"]),
               mib(run["rest"]), run["end"]]


def promises(data):
    """What is promised, the figure, the limit, whether it is kept."""
    if data.runs:
        for peer, limit in ("fastapi", FASTAPI_RATIO), ("fpm", FPM_RATIO):
            ratio = data.ratio("new", peer)
            yield (f"CPU of a new session, {data.titles[peer]} : Causerie",
                   number(ratio), f"at least {limit}", ratio >= limit)
        for mode in "new", "info":
            ratio = 1 / data.ratio(mode, "ordinary")
            yield (f"CPU of {MODES[mode][1]}, Causerie : "
                   f"{data.titles['ordinary']}", number(ratio),
                   f"at most {ORDINARY_RATIO}", ratio <= ORDINARY_RATIO)
        total, how = data.failed()
        yield ("requests that failed", f"{total} ({how})" if how else "0", "0",
               total == 0)
    for peer in "fpm", "fpm-tuned":
        if peer in data.flight:
            ratio = data.flight["causerie"]["held"] / max(
                1, data.flight[peer]["held"])
            yield (f"chats in flight, Causerie : {data.titles[peer]}",
                   number(ratio), f"at least {FLIGHT_RATIO}",
                   ratio >= FLIGHT_RATIO)


def markdown(raw, picture):
    """The text, which shows a picture, and whether every promise is kept."""
    data = Data(raw)
    rounds = max((len(runs) for runs in data.runs.values()), default=0)
    lines = ["# Causerie beside its peers", "", f"![The chart]({picture})",
             "", f"Measured on {raw['date']} by `bench/peers/run`: "
             f"{raw['machine']}; {raw['versions']}; medians of {rounds} "
             "rounds. CPU in µs per request, of all the program's processes "
             "and threads; in brackets and in the second column, how many "
             "times Causerie's.", ""]
    lines += table(["", "new session", "info", "chat", "chats in flight",
                    "MiB then"], summary(data))
    for mode, (title, request) in MODES.items():
        if data.peers(mode):
            lines += [f"**{title}**, `{request}`", ""]
            lines += table(["", "CPU µs", "times", "requests/s", "p50 ms",
                            "p99 ms"], work_rows(data, mode))
    if data.flight:
        lines += ["**Chats of 2 s in flight at a time**", ""]
        lines += table(["", "held", "MiB then", "MiB at rest", "what ended it"],
                       flight_rows(data))
    kept = list(promises(data))
    lines += ["**What is promised**", ""]
    lines += table(["", "figure", "limit", ""], (
        [what, figure, limit, "kept" if good else "**missed**"]
        for what, figure, limit, good in kept))
    return "\n".join(lines), all(good for *_, good in kept)


WIDTH, ROW, LABEL, BAR = 390, 20, 140, 140


def bars(title, rows, x, y):
    """A panel; rows: peer, value, text."""
    most = max(value for _, value, _ in rows)
    yield (f'<text x="{x}" y="{y}" font-weight="bold">{escape(title)}'
           "</text>")
    for line, (peer, value, text) in enumerate(rows, 1):
        top = y + line * ROW
        width = max(1, round(BAR * value / most, 1))
        ours = ' class="ours"' if peer == "causerie" else ""
        yield (f'<text x="{x + LABEL - 6}" y="{top}" text-anchor="end">'
               f"{escape(SHORT[peer])}</text>"
               f'<rect{ours} x="{x + LABEL}" y="{top - 11}" width="{width}" '
               f'height="14"/><text x="{x + LABEL + width + 5}" y="{top}">'
               f"{escape(text)}</text>")


def panels(data):
    for mode, (title, _) in MODES.items():
        if data.peers(mode):
            rows = []
            for peer in data.peers(mode):
                cpu = data.median(mode, peer, "cpu_us")
                times = "" if peer == "causerie" else \
                    f" ({number(data.ratio(mode, peer))}×)"
                rows.append((peer, cpu, number(cpu) + times))
            yield title + ": CPU, µs", rows
    if data.flight:
        yield "Chats of 2 s in flight at a time", [
            (peer, run["held"], f"{run['held']:,}")
            for peer, run in data.flight.items()]


def chart(raw):
    """Panels of bars, two beside each other."""
    data = Data(raw)
    lines, y = [], 30
    found = list(panels(data))
    for i in range(0, len(found), 2):
        pair = found[i:i + 2]
        for k, (title, rows) in enumerate(pair):
            lines += bars(title, rows, 15 + k * WIDTH, y)
        y += (max(len(rows) for _, rows in pair) + 1) * ROW + 24
    lines.append(f'<text x="15" y="{y - 6}" class="note">{raw["date"]}, '
                 f'{escape(raw["machine"])}; medians; in brackets: times '
                 "Causerie's</text>")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH + 15}" '
        f'height="{y + 8}" role="img" font-family="sans-serif" '
        'font-size="12">',
        "<title>Causerie beside its peers: CPU per request, and chats in "
        "flight</title>",
        "<style>text { fill: #222 } rect { fill: #a9b1bc } "
        ".ours { fill: #1a66c2 } .page { fill: #fff } "
        ".note { fill: #666; font-size: 11px }</style>",
        '<rect class="page" width="100%" height="100%"/>', *lines, "</svg>",
        ""])
