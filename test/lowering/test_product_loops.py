"""The machine code of the products' innermost loops, whichever op they were made for.

Two instructions in forty are a percent or two of a prefill, and no timing here is as sure as that.
"""

import re
import subprocess
from pathlib import Path

import pytest

MODEL = Path(__file__).parents[1] / "models" / "configs" / "v2-lite"
PRODUCTS = re.compile(r"(norm_linears|linear|gated_linear|head_linear|grouped_linear|grouped_gated_linear|"
                      r"grouped_combine)(_\d+)?$")
OPTIMIZED = {"norm_linears", "gated_linear", "head_linear", "grouped_gated_linear", "grouped_combine"}
# The largest tile's multiplications, and the instructions of its loop beside them that are needed: loads of weights and
# what splits them, operands from x, a prefetch; two counters and the branch.
LARGEST = {"x86-64-v3": (20, 20), "x86-64-v4": (40, 25), "avx512bf16": (24, 14)}


def innermost_loops(assembly):
    """Yields (function, instructions) of every loop that is one block."""
    function, block, instructions = None, None, []
    for line in assembly.splitlines():
        if label := re.match(r"([.\w]+):", line):
            if not label[1].startswith("."):
                function = label[1]
            block, instructions = label[1], []
        elif instruction := re.match(r"\t([a-z]\w*)\t?(.*)", line):
            instructions.append(instruction[0].strip())
            if instruction[1].startswith("j") and instruction[2] == block:
                yield function, instructions


def is_multiplication(instruction):
    return instruction.startswith(("vfmadd", "vdpbf16ps"))


@pytest.mark.parametrize("variant", LARGEST)
def test_no_step_computes_an_address(compile_program, tmp_path, variant):
    out = tmp_path / "step.s"
    subprocess.run([compile_program, MODEL, "--weights=random", "--layers=2", f"--target={variant}",
                    "--max-context=8192", "--emit=asm", "-o", out], check=True, timeout=300)
    multiplications, others = LARGEST[variant]
    seen = set()
    for function, loop in innermost_loops(out.read_text()):
        count = sum(map(is_multiplication, loop))
        if not PRODUCTS.match(function) or count < 8:
            continue
        assert not [i for i in loop if re.match(r"(shl|sal|i?mul|or|lea)[lq]?\b", i)], (function, loop)
        if count == multiplications:
            seen.add(PRODUCTS.match(function)[1])
            assert len(loop) - count <= others, (function, loop)
    assert OPTIMIZED <= seen
