#!/usr/bin/env bash
# A plain installation of dbt-core 1.12 fails where only a package index can be reached, such as behind a mirror.
#
# Tool: dbt-core 1.12.6 and dbt-core-experimental-parser 2.0.8 (PyPI).
# Input: the packages' own metadata, and the build of the parser while its HTTPS proxy on loopback refuses connections, as a
# network does that lets only a package index through.
# Guess: dbt-core is pure Python, and all that it depends on comes from the index.
# Observed: dbt-core requires the parser of dbt v2, though only --use-v2-parser needs it. Its releases have no wheel, but a source
# package of 5 KB without any program; its build backend downloads a wheel from a release on GitHub. It has no hook for metadata
# alone, so that even resolving versions (pip install --dry-run, a lock file) downloads it.
# Why it matters: images and jobs that install dbt from a mirror (CodeArtifact, Artifactory) fail after four attempts with a URL that
# no setting of pip leads elsewhere, and a lock file's hash is of the source package, not of the program that is run.
#
#> dbt-core 1.12.6 requires: dbt-core-experimental-parser<3,>=2.0.0b1
#> wheels of the parser 2.0.8 on the index: 0
#> its source package: PKG-INFO, __init__.py, assets.json, pyproject.toml
#> its wheel comes from: github.com
#> hooks of its build: build_sdist, build_wheel
#> pip install --dry-run without that host: failed to download
. "$(dirname "$0")/common.sh"
install packaging==25.0
pip() { venv/bin/pip --disable-pip-version-check "$@"; }
quietly pip download -q --no-deps dbt-core==1.12.6
# What is not permitted is listed with its place: so the source package comes without its build.
pip download -vv --no-deps --only-binary :all: dbt-core-experimental-parser==2.0.8 >links 2>&1 || true
source=$(grep -o 'http[^ #]*2\.0\.8\.tar\.gz' links | head -n 1)
curl -sfL "$source" -o parser.tar.gz
tar xzf parser.tar.gz --strip-components 1
cat >look.py <<'PYTHON'
import json
import tarfile
import zipfile
from urllib.parse import urlsplit

import _dbt_sa_build as backend

with zipfile.ZipFile("dbt_core-1.12.6-py3-none-any.whl") as wheel:
    metadata = wheel.read("dbt_core-1.12.6.dist-info/METADATA").decode()
needed = [line.partition(": ")[2] for line in metadata.splitlines() if line.startswith("Requires-Dist: dbt-core-")]
print("dbt-core 1.12.6 requires:", *needed)
with open("links") as file:
    print("wheels of the parser 2.0.8 on the index:", len({line for line in file if "2.0.8-py3" in line}))
with tarfile.open("parser.tar.gz") as package:
    print("its source package:", ", ".join(sorted(name.rpartition("/")[2] for name in package.getnames())))
with open("_dbt_sa_build/assets.json") as file:
    print("its wheel comes from:", urlsplit(json.load(file)["base_url"]).hostname)
hooks = ("build_editable", "build_sdist", "build_wheel", "prepare_metadata_for_build_wheel")
print("hooks of its build:", ", ".join(name for name in hooks if hasattr(backend, name)))
PYTHON
venv/bin/python look.py >seen
if HTTPS_PROXY=http://127.0.0.1:9 https_proxy=http://127.0.0.1:9 \
  pip install -q --dry-run --no-deps --no-build-isolation ./parser.tar.gz >log 2>&1; then
  echo "pip install --dry-run without that host: succeeds" >>seen
else
  echo "pip install --dry-run without that host: $(grep -o 'failed to download' log | head -n 1)" >>seen
fi
compare
