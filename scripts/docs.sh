#!/usr/bin/env bash
# Build the documentation as a static site that needs no server and no network.
# Usage: ./scripts/docs.sh [FOLDER]     default: site; a dead link or a missing anchor is an error
set -euo pipefail
mkdir -p "${1:-$(dirname "${BASH_SOURCE[0]}")/../site}"
folder=$(cd "${1:-$(dirname "${BASH_SOURCE[0]}")/../site}" && pwd)
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ -x .venv/bin/mkdocs ] || ./scripts/setup.sh
# Not --quiet: it also turns off what strict counts.
COLUMNS=84 PYTHONPATH=$PWD NO_MKDOCS_2_WARNING=true .venv/bin/mkdocs build --config-file scripts/docs/mkdocs.yml --site-dir "$folder"
echo "open $folder/index.html"
