//===- DSV2ProbeOps.td - Values with a name -----------------*- tablegen -*-===//
//
// What the proof of a pass looks at.
//
//===----------------------------------------------------------------------===//

#ifndef DIALECTS_DSV2_DSV2PROBEOPS_TD
#define DIALECTS_DSV2_DSV2PROBEOPS_TD

include "dialects/DSV2/DSV2Interfaces.td"

def DSV2_ProbeResource : Resource<"::mlir::dsv2::ProbeResource">;

def DSV2_ProbeOp : DSV2_Op<"probe", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "names a value that every pass preserves";
  let description = [{
    Computes nothing. The interpreter hands the value to whoever listens, under
    its name; in a function that all layers share `layer` tells them apart. So
    two modules that ought to compute the same are compared from the inside,
    and the first value that differs has a name.

    A probe is an effect: no pass may delete it, merge it with another, or
    remove its value from the module. A pass that would fuse the value away
    leaves it alone.

    Constraints:
    - (C1) the value is no cache.

    Lifespan: emitted by the frontend when asked for, or written by hand; in
    value and in buffer form; `convert-dsv2-to-cpu` drops it.

    Example:
    ```mlir
    dsv2.probe %y "residual" layer %layer : tensor<?x64xbf16>
    ```
  }];
  let arguments = (ins DSV2_AnyData:$value, StrAttr:$name, Optional<Index>:$layer);
  let assemblyFormat = [{
    $value $name (`layer` $layer^)? attr-dict `:` type($value)
  }];
  let hasVerifier = 1;
}

#endif // DIALECTS_DSV2_DSV2PROBEOPS_TD
