"""Prints the review cases that `shodhana rpc review list-cases` gives on standard input, one a line."""

from __future__ import annotations

import json
import sys

from shodhana_client.shares import hundredths


def main() -> None:
    cases = json.load(sys.stdin).get("cases", [])
    for case in cases:
        suggestions = ", ".join(
            f"{found['text']} {hundredths(found.get('probability', 0.0))}" for found in case.get("suggestions", [])[:3]
        )
        number, heard = case["name"].removeprefix("reviewCases/"), " ".join(case["heard"].split())
        print(f"  {number:>4}  {heard:<20} {suggestions}  ({case['filename']})")
    if not cases:
        print("  none")


if __name__ == "__main__":
    main()
