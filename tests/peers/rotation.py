"""Sends for rotation.sh and has dkimpy verify what was sent, at any time later."""

import pathlib
import sys

from judges import ask_knot, send, signatures

KEPT, ACTION, *NAMES = pathlib.Path(sys.argv[1]), *sys.argv[2:]


def main():
    ask_knot()
    KEPT.mkdir(exist_ok=True)
    if ACTION == "send":
        name, selector = NAMES
        _, message = send(f"Sent {name}")
        (KEPT / name).write_bytes(message)
        found = list(signatures(message))
        assert len(found) == 2 and found[0] == selector, f"{found} and not first {selector}"
        print(f"ok: mail that leaves {name} is signed by {', '.join(found)}")
        return
    for name in NAMES:
        found = signatures((KEPT / name).read_bytes())
        good = [verdict is True for verdict in found.values()]
        assert good == [ACTION == "verify"] * 2, f"{name}: {found}"
        print(f"ok: {'both signatures' if good[0] else 'no signature'} of what was sent {name} verif{'y' if good[0] else 'ies'}")


main()
