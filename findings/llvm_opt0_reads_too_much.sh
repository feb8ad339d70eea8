#!/usr/bin/env bash
# Without optimization, LLVM 22 reads sixteen bytes where the program reads one float.
#
# Versions: llvmlite 0.50.0 (pinned below), which has LLVM 22.1; for x86-64 with AVX.
# Expected: code that is made without optimization (`opt=0` of a target machine) does literally what the text says: a load
#           of a float reads four bytes.
# Seen:     where the float goes into a `select`, opt=0 makes it the memory operand of vblendvps, which reads 16 bytes: up
#           to 12 behind the end of an array. Opt 1 to 3 read four bytes (vmovss) and blend registers. The result is
#           right as long as the page behind the array is there.
# Matters:  whoever compiles kernels has opt=0 for looking closely: guard pages, sanitizers, a debugger. There it shows
#           reads out of bounds that the kernel does not do, or ends on the last element of an array that ends a page.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check llvmlite==0.50.0
cat > "$place/assembly.py" <<'PYTHON'
import re
import llvmlite
from llvmlite import binding as llvm

TEXT = """
define float @larger(ptr %place, float %x, float %y) {
  %there = load float, ptr %place
  %less = fcmp olt float %x, %y
  %chosen = select i1 %less, float %there, float %x
  ret float %chosen
}
"""
llvm.initialize_all_targets()
llvm.initialize_all_asmprinters()
print("llvmlite", llvmlite.__version__, "LLVM", ".".join(map(str, llvm.llvm_version_info)))
seen = {}
for opt in range(4):
    machine = llvm.Target.from_triple("x86_64-unknown-linux-gnu").create_target_machine(cpu="x86-64-v3", opt=opt)
    module = llvm.parse_assembly(TEXT)
    module.triple = machine.triple
    reads = [line.strip() for line in machine.emit_assembly(module).splitlines() if re.search(r"\bv\w+.*\(%", line)]
    seen[opt] = [line.split()[0] for line in reads]
    print(f"opt={opt}:", "; ".join(reads).expandtabs(1))
assert seen == {0: ["vblendvps"], 1: ["vmovss"], 2: ["vmovss"], 3: ["vmovss"]}, "the float is read in another way now"
PYTHON
"$place/venv/bin/python" "$place/assembly.py"
