"""Fails when a file includes what its layer may not see.

    check_includes.py REPOSITORY

`test/` may see everything, but the tests of the runtime are built without the
compiler.
"""
import pathlib
import re
import sys

# Folder to the folders its files may include; the longest matching folder counts.
MAY_INCLUDE = {
    "dialects": ["dialects"],
    "frontend": ["frontend", "dialects", "runtime/io"],
    "passes": ["passes", "dialects"],
    "lowering": ["lowering", "dialects", "passes", "runtime/abi", "runtime/bundle"],
    "runtime": ["runtime"],
    "python-bindings": ["python-bindings", "runtime"],
    "tools": ["tools", "dialects", "frontend", "passes", "lowering", "runtime"],
    "tools/launcher": ["tools/launcher", "runtime"],
    "test": ["test", "tools", "dialects", "frontend", "passes", "lowering", "runtime"],
    "test/unit/runtime": ["test/unit/runtime", "runtime"],
}
# Inside the compiled file or its tests: no MLIR, no LLVM.
WITHOUT_COMPILER = {"runtime", "python-bindings", "tools/launcher", "test/unit/runtime"}
SUFFIXES = {".h", ".cpp", ".c", ".td"}
INCLUDE = re.compile(r'^\s*#?\s*include\s+(["<])([^">]+)[">]', re.MULTILINE)


def within(path, folder):
    return path == folder or path.startswith(folder + "/")


def check(root, path):
    """Yields one line for each include of `path` that breaks a rule."""
    name = path.relative_to(root).as_posix()
    layer = max((l for l in MAY_INCLUDE if within(name, l)), key=len)
    projects = {l.split("/")[0] for l in MAY_INCLUDE}
    for mark, target in INCLUDE.findall(path.read_text(encoding="utf-8")):
        if target.split("/")[0] in {"mlir", "mlir-c", "llvm", "llvm-c", "lld"}:
            if layer in WITHOUT_COMPILER:
                yield f"{name}: {layer}/ may not include MLIR or LLVM, got {target}"
        elif target.split("/")[0] in projects:
            if not any(within(target, folder) for folder in MAY_INCLUDE[layer]):
                yield f"{name}: {layer}/ may include {', '.join(MAY_INCLUDE[layer])}, got {target}"
        elif mark == '"' and (path.parent / target).exists():
            yield f"{name}: includes are rooted at the repository, got {target}"


def main(root):
    root = pathlib.Path(root)
    files = [p for top in sorted({l.split("/")[0] for l in MAY_INCLUDE})
             for p in sorted((root / top).rglob("*")) if p.suffix in SUFFIXES]
    if not files:
        sys.exit(f"no sources below {root}")
    errors = [error for path in files for error in check(root, path)]
    print("\n".join(errors) or f"{len(files)} files keep to their layers")
    return bool(errors)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
