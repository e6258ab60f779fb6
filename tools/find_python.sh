#!/bin/sh
# Prints the path of a Python that can run this project: 3.12 or newer, with venv and pip's installer.
# Each candidate is really run: version managers leave commands on PATH that only fail.
set -u
works='import sys, venv, ensurepip; sys.exit(0 if sys.version_info >= (3, 12) else 1)'
seen=''
for candidate in "${VOLA_PYTHON:-}" python3.13 python3.12 python3.14 python3 python \
    "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.13*/bin/python "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.12*/bin/python \
    /opt/homebrew/bin/python3 /usr/local/bin/python3; do
  [ -n "$candidate" ] || continue
  path=$(command -v "$candidate" 2>/dev/null) || continue
  if "$path" -c "$works" >/dev/null 2>&1; then
    # The interpreter itself, not a manager's shim that may point elsewhere tomorrow.
    "$path" -c 'import sys; print(sys.executable)'
    exit 0
  fi
  found=$("$path" -c 'import sys; print(sys.version.split()[0])' 2>/dev/null) && seen="$seen $candidate=$found"
done
{
  echo "Vola needs Python 3.12 or newer with the venv module (3.13 is what we run)."
  echo "Found:${seen:- no working Python at all}."
  echo "On Debian or Ubuntu: apt install python3 python3-venv. Or name one: VOLA_PYTHON=/path/to/python3.13 make up"
} >&2
exit 1
