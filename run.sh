#!/usr/bin/env bash
# Sets AML Case Desk up on its first start, then serves, tests or checks it: see ./run.sh help.
# It finds a Python, and app/launch.py does the rest. Runs on Linux and macOS (bash 3.2 or newer); run.ps1 is its twin
# for Windows.
set -euo pipefail
self=${BASH_SOURCE[0]}
while [ -L "$self" ]; do # a link to it, in ~/bin say; an older macOS has no `readlink -f`
    link=$(readlink "$self")
    case $link in
        /*) self=$link ;;
        *) self=$(dirname -- "$self")/$link ;;
    esac
done
CDPATH='' cd -P -- "$(dirname -- "$self")"

fail() { # fail MESSAGE...
    printf 'run.sh: %s\n' "$@" >&2
    exit 2
}

case ${OSTYPE:-} in
    msys* | cygwin* | win32*) fail "on Windows use run.ps1." ;;
esac

found='' bare='' # that of .venv comes early: the one that made it may be none of the others
for candidate in ${PYTHON:+"$PYTHON"} .venv/bin/python python3 python3.14 python3.13 python3.12 python3.11 python; do
    rc=0
    version=$("$candidate" -I -S -c '
import sys
sys.stdout.write("%d.%d" % sys.version_info[:2])
if sys.version_info < (3, 11):
    sys.exit(3)
try:
    import ensurepip, venv
except ImportError:
    sys.exit(4)
' 2>/dev/null) || rc=$?
    case $rc in
        0) exec "$candidate" -E -s -u -m app.launch "$@" ;;
        3) found="${found:+$found, }$candidate is $version" ;;
        4) bare=${bare:-$candidate $version} ;;
    esac
    if [ "$candidate" = "${PYTHON:-}" ]; then # asked for by name: look no further
        [ "$rc" -eq 4 ] || fail "PYTHON=$(printf %q "$PYTHON") is no Python 3.11 or newer${version:+: it is $version}."
        break
    fi
done
if [ -n "$bare" ]; then
    fail "${bare% *} (Python ${bare##* }) lacks the venv or ensurepip module." \
        "On Debian and Ubuntu: apt install python3-venv (or python${bare##* }-venv)."
fi
fail "Python 3.11 or newer is needed and was not found${found:+ ($found)}." \
    "Install it (https://www.python.org/downloads/), or name it: PYTHON=/path/to/python3 ./run.sh"
