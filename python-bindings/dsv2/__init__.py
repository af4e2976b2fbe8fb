"""Compiled files of dsv2, from Python. Nothing here needs MLIR."""
