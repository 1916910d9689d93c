"""Tables of results, as text and as Markdown."""

import statistics

from .contenders import OUR_NAMES
from .measure import by_contender, ratio
from .targets import targets


def show(works, markdown=False):
    for work in works:
        title = f"{work['layers']}, batch {work['batch']}, {work['rounds']} rounds"
        table = [["contender", "every", "ms per step", "shortest", "longest", "of ours", "activation bytes"], *rows_of(work)]
        print(f"\n{title}\n")
        if len(table) > 1:
            print_table(table, markdown)
            print()
        for name, problem in work["not_run"].items():
            print(f"{'- ' if markdown else ''}{name}: not run: {problem}")
    lines = [[str(cell) for cell in line] for line in targets(works)]
    if lines:
        print("\ntargets\n")
        print_table([["ratio", "network", "every", "measured", "target"], *lines], markdown)


def rows_of(work):
    """For each contender and n, times in milliseconds and the ratio to the first of ours at the same n."""
    rows = by_contender(work)
    first = next((name for name, _ in rows if name in OUR_NAMES), None)
    for (name, every), row in rows.items():
        times = [1e3 * seconds for seconds in row["seconds_per_step"]]
        found = [f"{pick(times):.3f}" for pick in (statistics.median, min, max)]
        of_ours = f"{ratio(rows, (name, every), (first, every)):.2f}" if (first, every) in rows else "-"
        size = row["activation_bytes"]
        yield [name, str(every), *found, of_ours, f"{size:,}" if size is not None else "-"]


def print_table(table, markdown):
    """The first row is the head; columns of numbers are aligned to the right."""
    head, *rows = table
    is_number = [all(row[column][:1] in "0123456789-" for row in rows) for column in range(len(head))]
    if markdown:
        rule = ["---:" if right else "---" for right in is_number]
        for row in [head, rule, *rows]:
            print(f"| {' | '.join(row)} |")
        return
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    for row in table:
        aligned = zip(row, widths, is_number)
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in aligned]
        print("  ".join(cells).rstrip())
