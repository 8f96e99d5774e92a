"""Figures out of the outputs of ``--scaling``, ``--features``, ``--export``, ``--many`` and ``--tables``."""

from bench.published.read import DURATION, matches, under_headings

NUMBER = r"[\d.]+"
BOUNDS = rf"\[(?P<low>{NUMBER}) \.\. (?P<high>{NUMBER})\]"


def scaling(text):
    """Return a dict per update: dtype, width, batch, its time on one thread, and the times faster by two."""
    line = rf"(?P<dtype>float\d\d) +(?P<width>\d+) +(?P<batch>\d+) +(?P<time>{DURATION}) +(?P<faster>{NUMBER}) {BOUNDS}"
    return matches(line, text)


def features(text):
    """Return a dict per feature: its name, and how many times as long a training takes with it, by dtype."""
    part = rf"{{0}}  (?P<{{0}}>{NUMBER}) \[[\d. ]+\]"
    return matches(rf"(?P<name>\S.*?)  +{part.format('float32')} +{part.format('float64')} *(?:asked: .*)?", text)


def export_rows(text):
    """Return network -> way -> microseconds of one row."""
    rows = under_headings(
        r"(?P<network>\d+(?:-\d+)+)",
        rf"  (?P<way>\S.*?)  +(?P<time>{NUMBER}) {BOUNDS}",
        text.partition("A network of")[0],
    )
    found = {}
    for row in rows:
        found.setdefault(row["network"], {})[row["way"]] = row["time"]
    return found


def export_files(text):
    """Return a dict per way to a file and back: what was done, by whom, its time, and that over ours."""
    line = rf"  (?P<way>\S.*?)  +(?P<time>{NUMBER}) ms {BOUNDS} +(?P<ratio>{NUMBER}) x fastnn"
    return under_headings(r"(?P<what>(?:save|load).*)", line, text)


def many(text):
    """Return a dict per way to many networks: what they are, seconds, and these over those of ``fit_many``."""
    heading = r"  (?P<what>\d+ of [\d-]+), .*"
    line = rf"    (?P<way>\S.*?)  +(?P<time>{NUMBER}) s \(.*\) +(?P<ratio>{NUMBER}) x fit_many's time .*"
    return under_headings(heading, line, text)


def tables(text):
    """Return a list of runs: each a title, measure and group -> method -> its figures, and table -> method -> error."""
    return [_run(part) for part in text.split("CPU: ")[1:]]


def _run(text):
    title = text.splitlines()[1].partition(":")[0]
    interval = rf"(?P<ratio>{NUMBER}) {BOUNDS}"
    compared = rf"(?P<method>\S.*?)  +(?P<tables>\d+)  {interval} +(?P<better>\d+) +(?P<worse>\d+) .*"
    cost = rf"(?P<method>\S.*?)  +\d+  {interval}  +{NUMBER} \[.*\] +.*, .*"
    found = {}
    for line in (compared, cost):
        for row in under_headings(r"(?P<group>\w+) +tables  (?P<measure>error|log-loss|CPU of fit) .*", line, text):
            found.setdefault((row["group"], row["measure"]), {})[row["method"]] = row
    return title, found, _each(text)


def _each(text):
    lines = text[text.index("\nerror   ") + 1 :].splitlines()
    methods = lines[0].split()[1:]
    rows = (line.split() for line in lines[1:])
    return {name: dict(zip(methods, map(float, errors), strict=True)) for name, *errors in (row for row in rows if row)}
