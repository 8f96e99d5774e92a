"""Models that travel: ``python -m bench --export``.

A row predicted by the exported C file, by the engine and by ONNX Runtime; a network of a million parameters saved and
loaded, beside joblib and PyTorch; what a checkpoint each pass costs. All ways of a table in turns; ratios are of the
times of one round.
"""

import json
import sys
import tempfile

from bench import checkpoints, keeping, one_row
from bench.machine import describe

ROUNDS, QUICK_ROUNDS = 25, 3


def main(options):
    """Measure, print and write; exit with 1 if outputs differ."""
    n_rounds = QUICK_ROUNDS if options.quick else ROUNDS
    machine = describe()
    print(f"CPU: {machine['cpu']}, {' '.join(machine['features'])}; median of {n_rounds} rounds in turns [quartiles]")
    with tempfile.TemporaryDirectory() as folder:
        rows = one_row.rows_of_table(n_rounds, folder)
        one_row.print_table(rows)
        of_tables = one_row.rows_of_raw_tables(n_rounds)
        one_row.print_raw_tables(of_tables)
        kept = keeping.table_of(n_rounds, folder)
        keeping.print_table(kept)
    cost = checkpoints.added(n_rounds)
    checkpoints.print_table(cost)
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / "export.json"
    report = {
        "machine": machine,
        "rounds": n_rounds,
        "one_row": rows,
        "tables": of_tables,
        "keeping": kept,
        "checkpoints": cost,
    }
    path.write_text(json.dumps(report, indent=1) + "\n")
    print(f"\nWritten: {path}")
    wrong = [
        f"{where}, {way} differs by {difference:.3g}"
        for where, found in [*rows.items(), ("a million parameters", kept)]
        for way, difference in found["differences"].items()
        if not difference <= one_row.AGREEMENT
    ]
    if wrong:
        sys.exit("The ways do not agree:\n" + "\n".join(wrong))
    print("All outputs are the same.")
