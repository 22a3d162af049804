"""Which installed packages have known vulnerabilities: ``python -m benchmarks.advisories FILE``.

FILE is ``insecure.json`` of https://github.com/pyupio/safety-db: package names and the versions
that advisories name. It is for machines that cannot reach a service that ``pip-audit`` asks. Exit
status 1 if a version that is installed is among them, 2 if FILE is another.
"""

import argparse
import json
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.advisories", description=__doc__)
    parser.add_argument("file", type=Path)
    path = parser.parse_args().file
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
        written = datetime.fromtimestamp(known.pop("$meta")["timestamp"], UTC)
        known = {name: [SpecifierSet(each) for each in named] for name, named in known.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        parser.error(f"{path}: expected insecure.json of safety-db ({type(error).__name__})")
    installed = {
        canonicalize_name(each.name): each.version for each in metadata.distributions() if each.name
    }
    named, found = 0, 0
    for name, specifiers in sorted(known.items()):
        version = installed.get(canonicalize_name(name))
        if version is None:
            continue
        named += 1
        for specifier in specifiers:
            if specifier.contains(version, prereleases=True):
                found += 1
                print(f"{name} {version}: an advisory names {specifier}")
    print(
        f"advisories of {written:%Y-%m-%d}: {len(installed)} packages are installed, {named} of "
        f"them have advisories, {found} name a version that is installed"
    )
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
