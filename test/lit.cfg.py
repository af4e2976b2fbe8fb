# Tests of IR: every .mlir file below this folder, run through dsv2-opt and checked by FileCheck, and every .test file,
# which runs dsv2-compile on models of the repository instead.
import os
import sys

import lit.formats

config.name = "dsv2"
config.test_format = lit.formats.ShTest(True)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "unit"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.exec_root
config.environment["PATH"] = os.pathsep.join([config.dsv2_tools, config.llvm_tools, config.environment["PATH"]])
config.substitutions.append(("%python", sys.executable))
