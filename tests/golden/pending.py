"""The list of recordings that still fail.

    python -m tests.golden.pending             what would change
    python -m tests.golden.pending --update    write pending.txt
    python -m tests.golden.pending -k dag -v   replay some, show what differs

A line is `file:id reason`. Reasons written by hand stay as long as the recording fails.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter

from tests.golden.recordings import PENDING_FILE, Recording, Replayer, pending, recordings

HEADER = """\
# Recordings that do not pass yet, one a line: file:id reason. The list only shrinks: a recording that passes must go.
# Regenerate with: python -m tests.golden.pending --update
"""


def reason(recording: Recording, problem: str) -> str:
    """A first guess at why it fails, from what it sent and what came back."""
    if unknown := re.search(r"unknown command '?`?([\w.]+)", problem.partition("\n  got ")[2]):
        return f"needs the command {unknown[1].upper()}"
    if others := sorted(recording.backends - {"ONNX"}):
        return f"needs the backend {' and '.join(others)}"
    first = problem.splitlines()[0].replace("\\r\\n", "")
    return f"differs: {first[:90]}"


def replay_all(chosen: list[Recording], verbose: bool) -> dict[str, str]:
    """name -> what differs, for those that fail."""
    failed: dict[str, str] = {}
    replayer = Replayer()
    try:
        for recording in chosen:
            problem = replayer.replay(recording)
            if problem is not None:
                failed[recording.name] = problem
                if verbose:
                    print(f"FAIL {recording.name}: {problem}", flush=True)
    finally:
        replayer.close()
    return failed


def main() -> int:
    """Compare the list with a fresh replay."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--update", action="store_true", help="write pending.txt")
    parser.add_argument("-k", default="", help="only names that contain this (never with --update)")
    parser.add_argument("-v", action="store_true", help="show what differs")
    options = parser.parse_args()
    every = recordings()
    if not every or (options.update and options.k):
        print("no recordings beside the repository" if not every else "--update replays everything: leave -k away")
        return 2
    chosen = [recording for recording in every if options.k in recording.name]
    known = pending()
    failed = replay_all(chosen, options.v)
    by_name = {recording.name: recording for recording in chosen}
    lines = {
        name: known[name] if name in known and not known[name].startswith(("needs", "differs")) else
        reason(by_name[name], problem)
        for name, problem in failed.items()
    }  # fmt: skip
    print(f"{len(chosen) - len(failed)} pass, {len(failed)} fail")
    print("pass and are on the list:", *sorted(known.keys() & by_name.keys() - failed.keys()), sep="\n  ")
    print("fail and are not on the list:", *sorted(failed.keys() - known.keys()), sep="\n  ")
    for text, count in Counter(re.sub(r"differs: .*", "differs", text) for text in lines.values()).most_common():
        print(f"{count:5} {text}")
    if options.update:
        PENDING_FILE.write_text(HEADER + "".join(f"{name} {text}\n" for name, text in lines.items()), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
