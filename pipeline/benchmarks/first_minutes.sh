#!/usr/bin/env bash
# The first minutes of somebody new, each step timed: a clean clone in a folder of its own, the reference endpoint,
# a look, a window, a provider listed and committed. Run: bash pipeline/benchmarks/first_minutes.sh [REPOSITORY]
set -euo pipefail

source_of=$(realpath "${1:-.}")
folder=$(mktemp -d)
trap 'kill "${reference:-}" 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

step() {
  local begin=$EPOCHREALTIME
  "$@" >said.txt 2>&1 || { cat said.txt; echo "failed: $*" >&2; exit 1; }
  printf '| `%s` | %.1f |\n' "$*" "$(bc <<<"$EPOCHREALTIME - $begin")"
}

url=http://127.0.0.1:8377/v1
step git clone --quiet "$source_of" board
cd board
step make setup
PATH=$PWD/.venv/bin:$PATH
fairlead reference --port 8377 >/dev/null 2>&1 &
reference=$!
sleep 2
step fairlead doctor --url "$url" --model reference
step fairlead measure --url "$url" --model reference --concurrency 8 --requests 80
step fairlead new provider harbour --name Harbour --url "$url" --model reference --api-model reference
step fairlead check providers/harbour.yaml
git config user.name Ada
git config user.email ada@harbour.example
step git switch --quiet --create list-harbour
step git add providers/harbour.yaml
step git commit --quiet --message "List harbour"
