"""The result as text, JSON and a plot."""
import json
from dataclasses import asdict
from html import escape

from .measure import DISTURBED_ABOVE, Reading, middle, paired

# over, under, what the issue asks of the median for (poll, ten downloads, one 1 MiB): "most" or "least".
RATIOS = [
    ("ringpost", "bare epoll", "most", (2.0, 1.35, 1.35)),
    ("dovecot", "ringpost", "least", (8, 12, 15)),
    ("ringpost", "bare ring", None, None),
    ("bare ring", "bare epoll", None, None),
    ("bare connection", "bare epoll", None, None),
    ("dovecot", "bare epoll", None, None),
]
Results = dict[str, dict[str, list[Reading]]]


def ratios_of(results: Results) -> list[dict]:
    rows = []
    for over, under, sense, wanted in RATIOS:
        for index, (workload, servers) in enumerate(results.items()):
            if over not in servers or under not in servers or not servers[over]:
                continue
            row = {"workload": workload, "over": over, "under": under, **paired(servers[over], servers[under])}
            row["own_median"] = paired(servers[over], servers[under], "own_us")["median"]
            if sense:
                limit = wanted[index]
                row["wanted"] = f"{'<=' if sense == 'most' else '>='} {limit}"
                row["met"] = row["median"] <= limit if sense == "most" else row["median"] >= limit
            rows.append(row)
    return rows


def table(results: Results, facts: dict) -> str:
    lines = [f"{key}: {value}" for key, value in facts.items()]
    if not results:
        return "\n".join(lines) + "\n"
    lines += ["", "CPU time of core 0 a session in microseconds (medians); own: the server's processes alone"]
    lines.append(f"{'workload':<15}{'server':<16}{'CPU us':>10}{'least':>10}{'most':>10}{'own us':>10}"
                 f"{'sessions/s':>12}{'p50 us':>10}{'p99 us':>10}{'others':>8}{'retaken':>9}")
    for workload, servers in results.items():
        for name, readings in servers.items():
            if not readings:
                continue
            values = [reading.cpu_us for reading in readings]
            lines.append(
                f"{workload:<15}{name:<16}{middle(readings, 'cpu_us'):>10.1f}{min(values):>10.1f}{max(values):>10.1f}"
                f"{middle(readings, 'own_us'):>10.1f}{middle(readings, 'rate'):>12.0f}{middle(readings, 'p50_us'):>10.0f}"
                f"{middle(readings, 'p99_us'):>10.0f}{100 * middle(readings, 'others'):>7.1f}%"
                f"{sum(reading.retakes for reading in readings):>9}")
    readings = [reading for servers in results.values() for found in servers.values() for reading in found]
    disturbed = sum(reading.others > DISTURBED_ABOVE for reading in readings)
    if disturbed:
        lines.append(f"{disturbed} of {len(readings)} readings stayed disturbed by other processes: of those only 'own' tells much")
    lines += ["", "Ratios of CPU time a session, paired within each round"]
    lines.append(f"{'workload':<15}{'ratio':<29}{'median':>9}{'least':>9}{'most':>9}{'own':>9}   wanted")
    for row in ratios_of(results):
        verdict = f"{row['wanted']:<8} {'met' if row['met'] else 'MISSED'}" if "wanted" in row else ""
        lines.append(f"{row['workload']:<15}{row['over'] + ' / ' + row['under']:<29}{row['median']:>9.2f}{row['least']:>9.2f}"
                     f"{row['most']:>9.2f}{row['own_median']:>9.2f}   {verdict}")
    return "\n".join(line.rstrip() for line in lines) + "\n"


def as_json(results: Results, facts: dict, extras: dict) -> str:
    readings = {workload: {name: [asdict(reading) for reading in found] for name, found in servers.items()}
                for workload, servers in results.items()}
    return json.dumps({"facts": facts, "readings": readings, "ratios": ratios_of(results), **extras}, indent=2) + "\n"


COLOURS = {"bare epoll": "#9aa5b1", "bare ring": "#6b7c8f", "bare connection": "#4c6a8a", "ringpost": "#1f7a5c", "dovecot": "#b5651d"}


def plot(results: Results) -> str:
    """Bars a workload, each with its own scale; whiskers from the least to the most."""
    width, left, bar, gap, right = 820, 140, 22, 8, 170
    parts, y = [], 56
    for workload, servers in results.items():
        found = {name: readings for name, readings in servers.items() if readings}
        if not found:
            continue
        longest = max(reading.cpu_us for readings in found.values() for reading in readings)
        scale = (width - left - right) / longest
        parts.append(f'<text x="16" y="{y}" class="head">{escape(workload)}</text>')
        y += 12
        for name, readings in found.items():
            values = [reading.cpu_us for reading in readings]
            length, low, high = middle(readings, "cpu_us") * scale, min(values) * scale, max(values) * scale
            centre = y + bar / 2
            parts.append(f'<text x="{left - 8}" y="{centre + 4}" text-anchor="end">{escape(name)}</text>')
            parts.append(f'<rect x="{left}" y="{y}" width="{length:.1f}" height="{bar}" fill="{COLOURS.get(name, "#888")}"/>')
            parts.append(f'<path d="M{left + low:.1f} {centre} H{left + high:.1f}" stroke="#222"/>')
            parts.append(f'<text x="{left + max(length, high) + 8:.1f}" y="{centre + 4}">{middle(readings, "cpu_us"):,.1f} us,'
                         f' {middle(readings, "rate"):,.0f}/s</text>')
            y += bar + gap
        y += 30
    style = "text{font:13px sans-serif;fill:#222}.head{font-weight:bold}"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}"><style>{style}'
            f'</style><rect width="100%" height="100%" fill="#fff"/><text x="16" y="26" class="head">CPU time of the'
            f" server's core a session (median; line: least to most)</text>{''.join(parts)}</svg>\n")
