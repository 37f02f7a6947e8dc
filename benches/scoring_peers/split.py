#!/usr/bin/env python3
"""Two parts of labelled mail that have nothing in common, chosen by a hash of the ids: what is learned from, and what is judged.

split.py MAIL TRAIN TEST OUTPUT"""
import hashlib
import pathlib
import sys

mail, output = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[4])
sizes = {"train": int(sys.argv[2]), "test": int(sys.argv[3])}
head, *rows = (mail / "labels.tsv").read_text().splitlines()
rows.sort(key=lambda row: hashlib.sha256(b"split " + row.split("\t")[0].encode()).digest())
parts = {"test": rows[: sizes["test"]], "train": rows[sizes["test"] :][: sizes["train"]]}
for name, part in parts.items():
    (output / name).mkdir()
    (output / name / "labels.tsv").write_text("\n".join([head, *part]) + "\n")
    (output / name / "eml").symlink_to(mail / "eml")
    spam = sum(row.split("\t")[1] == "1" for row in part)
    print(f"{name}: {len(part)} messages, {spam} of them spam", file=sys.stderr)
