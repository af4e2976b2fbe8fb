"""Options and fixtures of the Python tests."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--reference", action="store_true",
                     help="also compute with torch and transformers")
    parser.addoption("--build-dir", default=None,
                     help="build folder that holds bin/dsv2-compile "
                          "(default: build in the repository)")


def pytest_configure(config):
    config.addinivalue_line(
        "markers", "reference: needs torch and transformers (--reference)")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--reference"):
        return
    skip = pytest.mark.skip(reason="needs --reference (torch, transformers)")
    for item in items:
        if item.get_closest_marker("reference"):
            item.add_marker(skip)
