#!/usr/bin/env python3
"""Counts tests in JUnit files.

count_tests.py RESULTS.xml STATUS   prints the counts of one runner that ended
                                    with exit status STATUS
count_tests.py --total COUNTS...    sums such lines; exits with 1 when any
                                    test failed
"""

import re
import sys
from xml.etree import ElementTree

LINE = "{} passed, {} failed, {} skipped"


def count(path, status):
    """(passed, failed, skipped). A runner that ends with an error without
    naming a test that failed, or that ran nothing, is one failed test."""
    passed = failed = skipped = 0
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        cases = []
    for case in cases:
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    if not failed and (status or not passed + skipped):
        failed = 1
    return passed, failed, skipped


def total(paths):
    sums = [0, 0, 0]
    for path in paths:
        with open(path) as file:
            for i, number in enumerate(re.findall(r"\d+", file.read())):
                sums[i] += int(number)
    return sums


def main(arguments):
    if arguments[:1] == ["--total"]:
        sums = total(arguments[1:])
        print(LINE.format(*sums))
        return sums[1] != 0
    path, status = arguments
    print(LINE.format(*count(path, int(status))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
