#!/usr/bin/env python3
"""The table of what spamassassin.pl, rspamd.py and our training left in a folder.

compare.py SCRATCH"""
import json
import pathlib
import sys

scratch = pathlib.Path(sys.argv[1])
labels = [line.split("\t")[1] == "1" for line in (scratch / "test/labels.tsv").read_text().splitlines()[1:]]
# Where each says that spam begins: SpamAssassin's required_score, and rspamd's threshold for a header that says so.
FILTERS = [
    ("SpamAssassin", "spamassassin-off", 5.0),
    ("SpamAssassin with Bayes", "spamassassin-on", 5.0),
    ("rspamd", "rspamd-off", 6.0),
    ("rspamd with Bayes", "rspamd-on", 6.0),
    ("Pillarbox", "ours", 5.0),
]


def area(points):
    """The probability that spam has more points than ham; ties count half."""
    spam = [one for one, is_spam in zip(points, labels) if is_spam]
    ham = [one for one, is_spam in zip(points, labels) if not is_spam]
    wins = sum((one > other) + (one == other) / 2 for one in spam for other in ham)
    return wins / (len(spam) * len(ham))


def figures(points, threshold):
    ham = sorted((one for one, is_spam in zip(points, labels) if not is_spam), reverse=True)
    spam = [one for one, is_spam in zip(points, labels) if is_spam]
    allowed = ham[len(ham) // 100]
    caught = sum(one > allowed for one in spam) / len(spam)
    right = sum(one >= threshold for one in spam)
    wrong = sum(one >= threshold for one in ham)
    return area(points), caught, 2 * right / (len(spam) + right + wrong), wrong / len(ham)


print("| | AUC | caught at 1 % false alarms | F1 at its own threshold | ham beyond it | CPU of a message | a CPU second |")
print("| --- | --- | --- | --- | --- | --- | --- |")
for name, file, threshold in FILTERS:
    path = scratch / f"{file}.points"
    rows = [line.split("\t") for line in path.read_text().splitlines()] if path.exists() else []
    if len(rows) != len(labels):
        print(f"| {name} | not to be had here | | | | | |")
        continue
    auc, caught, f1, wrong = figures([float(row[0]) for row in rows], threshold)
    cost = "| |"
    ours = scratch / "ours.json"
    if file == "ours" and ours.exists():
        rate = json.loads(ours.read_text())["sandboxed"]["messages_per_cpu_second"]
        cost = f"| {1e3 / rate:.2f} ms | {rate:.0f} |"
    elif file != "ours":
        micros = sum(float(row[1]) for row in rows) / len(rows)
        cost = f"| {micros / 1e3:.2f} ms | {1e6 / micros:.0f} |"
    print(f"| {name} | {auc:.3f} | {100 * caught:.1f} % | {f1:.3f} | {100 * wrong:.1f} % {cost}")
