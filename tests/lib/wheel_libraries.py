"""Run inside an environment that holds a repaired wheel: where does each library of the extension come from?"""

import re
import subprocess
import sys
from pathlib import Path

import shipset

# What every manylinux system has (the policy of auditwheel); all else must be in the wheel.
ALLOWED = re.compile(r"^(linux-vdso|ld-linux[-\w]*|lib(c|m|dl|rt|pthread|util|gcc_s|stdc\+\+|resolv|z))\.so")


def main() -> int:
    package = Path(shipset.__file__).parent
    home = package.parent
    problems = []
    for binary in [*package.glob("_core*.so"), *home.glob("shipset.libs/*.so*")]:
        answer = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=True)
        for line in answer.stdout.splitlines():
            name, _, where = line.strip().partition(" => ")
            base = Path(name.split(" ")[0]).name
            if not (ALLOWED.match(base) or where.startswith(str(home))):
                problems.append(f"{binary.name} takes {line.strip()} from this machine")
    print("\n".join(problems) or "every library is in the wheel, or in every system")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
