#!/usr/bin/env bash
# Sets AML Case Desk up on its first start, then serves, tests or checks it: see ./run.sh help.
# Runs on Linux and macOS (bash 3.2 or newer); run.ps1 is its twin for Windows.
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

venv=.venv
made=$venv/.made-by-run
py=$venv/bin/python
child=''

usage() {
    cat <<'END'
Usage: ./run.sh [VERB [ARGUMENTS]]

  serve         set up what is missing, then serve the app on localhost (the default)
  test ...      run all tests, or what the arguments tell pytest
  check         ruff check, ruff format --check and mypy --strict
  seed ...      fill a database with made-up data   (python -m seed ...)
  verify ...    check the audit trail               (python -m app verify ...)
  export ...    write an export                     (python -m app export ...)
  verify-file ...  check what was exported          (python -m app verify-file ...)
  keygen ...    make the key of the log             (python -m app keygen ...)
  checkpoint    sign what the log is now            (python -m app checkpoint)
  init          make the tables of a new database   (python -m app init)
  open ...      open cases on a file of alerts      (python -m app open ...)
  user ...      add, deactivate and list people     (python -m app user ...)
  help          print this

Relative paths count from the folder of this script.

Environment:
  PORT            port to serve on, 8501 unless set
  PYTHON          the Python (3.11 or newer) to make .venv with
  AML_DATABASE    the database to use instead of the embedded one: the file of another,
                  or the ODBC connection string of a SQL Server
  AML_NO_BROWSER  set it to open no browser; none is opened either with CI set,
                  over SSH, without a display or without a terminal

Exit codes: 2 for a wrong call or a missing Python, 1 if .venv cannot be made or the
server cannot start, 130 after Ctrl-C, 143 after SIGTERM; otherwise that of the Python command.
END
}

fail() { # fail CODE MESSAGE...
    local code=$1
    shift
    printf 'run.sh: %s\n' "$@" >&2
    exit "$code"
}

# Long steps run as a child that is waited for, so that a signal ends them at once and none is left behind.
attend() {
    local rc=0
    "$@" &
    child=$!
    wait "$child" || rc=$?
    child=''
    return "$rc"
}

stop() { # stop CODE
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM "$child" 2>/dev/null || :
        local tries=0
        while [ "$tries" -lt 50 ] && kill -0 "$child" 2>/dev/null; do
            sleep 0.1
            tries=$((tries + 1))
        done
        kill -KILL "$child" 2>/dev/null || :
        wait "$child" 2>/dev/null || :
    fi
    exit "$1"
}

find_python() { # sets python
    local candidate found='' bare='' rc version
    for candidate in ${PYTHON:+"$PYTHON"} python3 python3.14 python3.13 python3.12 python3.11 python; do
        rc=0
        version=$("$candidate" -c '
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
            0)
                python=$candidate
                return
                ;;
            3) found="${found:+$found, }$candidate is $version" ;;
            4) bare=${bare:-$candidate $version} ;;
        esac
        if [ "$candidate" = "${PYTHON:-}" ]; then # asked for by name: look no further
            [ "$rc" -eq 4 ] || fail 2 "PYTHON=$(printf %q "$PYTHON") is no Python 3.11 or newer${version:+: it is $version}."
            break
        fi
    done
    if [ -n "$bare" ]; then
        fail 2 "${bare% *} (Python ${bare##* }) lacks the venv or ensurepip module." \
            "On Debian and Ubuntu: apt install python3-venv (or python${bare##* }-venv)."
    fi
    fail 2 "Python 3.11 or newer is needed and was not found${found:+ ($found)}." \
        "Install it (https://www.python.org/downloads/), or name it: PYTHON=/path/to/python3 ./run.sh"
}

fingerprint() { # fingerprint run|dev: of the Python in .venv and the packages asked for
    local lists=requirements.txt
    [ "$1" = run ] || lists="$lists requirements-dev.txt"
    # shellcheck disable=SC2086  # two words on purpose
    "$py" -I -S -c '
import hashlib, sys
assert sys.version_info >= (3, 11)
digest = hashlib.sha256(sys.version.encode())
for name in sys.argv[1:]:
    with open(name, "rb") as file:
        digest.update(file.read())
print(digest.hexdigest())
' $lists 2>/dev/null
}

is_ours() { # whether there is nothing in .venv, or what this script made: only that is changed, or cleared
    [ ! -L "$venv" ] || return 1
    [ -z "$(ls -A "$venv" 2>/dev/null)" ] || [ -e "$made" ] ||
        [ -e "$venv/.installed-run" ] || [ -e "$venv/.installing" ] # all there was before there was a mark
}

setup() { # setup run|dev: makes .venv and installs the packages, unless that is done already
    local kind=$1 list=requirements.txt now rc=0
    [ "$kind" = run ] || list=requirements-dev.txt
    now=$(fingerprint "$kind") || now=''
    if [ -e "$venv/.installing" ]; then # an install goes on, or was cut short
        if kill -0 "$(cat "$venv/.installing")" 2>/dev/null; then
            fail 1 "another run.sh is installing packages into $venv; start again when it is done."
        fi
        now=''
    fi
    if [ -n "$now" ] && [ "$now" = "$(cat "$venv/.installed-$kind" 2>/dev/null)" ]; then
        return
    fi
    is_ours || fail 1 "$PWD/$venv was not made by this script, or is a link, so it stays as it is." \
        "Move it away, or delete it, and start again: run.sh then makes one of its own."
    if [ -z "$now" ] || ! "$py" -m pip --version >/dev/null 2>&1; then
        find_python
        echo "Making $venv ..." >&2
        mkdir -p "$venv"
        : >"$made" # before all else, and kept to the last: what is cut short is still known as its own
        find "$venv" -mindepth 1 -maxdepth 1 ! -name "${made##*/}" -exec rm -rf {} +
        attend "$python" -m venv "$venv" >&2
    fi
    : >"$made"
    echo "Installing the packages in $list ..." >&2
    echo "$$" >"$venv/.installing"
    rm -f "$venv/.installed-$kind"
    attend "$py" -m pip install --quiet --no-input --disable-pip-version-check -r "$list" >&2 || rc=$?
    rm -f "$venv/.installing"
    [ "$rc" -eq 0 ] || fail 1 "the packages could not be installed; pip says why above."
    fingerprint run >"$venv/.installed-run" # requirements-dev.txt includes requirements.txt
    [ "$kind" = run ] || fingerprint "$kind" >"$venv/.installed-$kind"
}

port_is_free() { # 1: in use, 13: not allowed; both loopback addresses, as browsers try either for "localhost"
    "$py" -I -S -c '
import socket, sys
port = int(sys.argv[1])
for family, host in (socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"):
    try:
        with socket.socket(family) as probe:
            probe.settimeout(1)
            in_use = probe.connect_ex((host, port)) == 0
    except OSError:
        continue
    if in_use:
        sys.exit(1)
with socket.socket() as probe:
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        probe.bind(("127.0.0.1", port))
    except PermissionError:
        sys.exit(13)
    except OSError:
        sys.exit(1)
' "$1"
}

answers() {
    "$py" -I -S -c '
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1) as probe:
    probe.settimeout(1)
    probe.sendall(b"GET /_stcore/health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    sys.exit(b" 200 " not in probe.recv(64))
' "$1" 2>/dev/null
}

open_browser() { # only where a person sits at this screen, and a text browser cannot take the terminal
    [ -t 1 ] && [ -z "${CI:-}${AML_NO_BROWSER:-}${SSH_CONNECTION:-}" ] || return 0
    case ${OSTYPE:-} in
        darwin*) ;;
        *) [ -n "${DISPLAY:-}${WAYLAND_DISPLAY:-}" ] || return 0 ;;
    esac
    "$py" -m webbrowser "$1" >/dev/null 2>&1 &
}

serve() {
    local port=${PORT:-8501} rc=0
    case $port in
        *[!0123456789]* | ??????*) port=0 ;; # one by one: a range takes in more in some locales
    esac
    port=$((10#$port))
    if [ "$port" -lt 1 ] || [ "$port" -gt 65535 ]; then
        fail 2 "PORT=$(printf %q "$PORT") is not a number from 1 to 65535."
    fi
    setup run
    port_is_free "$port" || rc=$?
    case $rc in
        0) ;;
        13) fail 1 "this user may not serve on port $port; choose one from 1024 up: PORT=8501 ./run.sh" ;;
        *) fail 1 "port $port is in use; end what uses it, or choose another: PORT=$((port % 65535 + 1)) ./run.sh" ;;
    esac
    attend "$py" -m seed demo

    # The options that keep it private are given here too, as environment variables outrank config.toml.
    "$py" -m streamlit run app/server.py --server.address=localhost --server.port="$port" \
        --server.headless=true --browser.gatherUsageStats=false &
    child=$!
    SECONDS=0
    until answers "$port"; do
        if ! kill -0 "$child" 2>/dev/null; then
            wait "$child" 2>/dev/null || rc=$?
            fail 1 "the server ended before it answered (exit code $rc)."
        fi
        if [ "$SECONDS" -ge 60 ]; then
            echo "run.sh: the server did not answer within 60 seconds." >&2
            stop 1
        fi
        sleep 0.1
    done
    echo "AML Case Desk: http://localhost:$port  (Ctrl-C ends it)"
    open_browser "http://localhost:$port"
    wait "$child" 2>/dev/null || rc=$?
    fail "$rc" "the server ended (exit code $rc)."
}

check() {
    local rc=0
    "$py" -m ruff check app seed tests || rc=$?
    "$py" -m ruff format --check app seed tests || rc=$?
    "$py" -m mypy --strict app seed tests || rc=$?
    exit "$rc"
}

case ${OSTYPE:-} in
    msys* | cygwin* | win32*) fail 2 "on Windows use run.ps1." ;;
esac

trap 'stop 129' HUP
trap 'stop 130' INT
trap 'stop 143' TERM

verb=${1:-serve}
[ "$#" -eq 0 ] || shift
case $verb in
    serve | check)
        if [ "$#" -gt 0 ]; then
            fail 2 "$verb takes no arguments; see ./run.sh help."
        fi
        ;;
esac
case $verb in
    serve)
        serve
        ;;
    test)
        setup dev
        # What evidence and rules rest on has every branch tested; a run of some tests only cannot tell.
        [ "$#" -gt 0 ] || set -- --numprocesses=auto --dist=loadfile --no-loadscope-reorder \
            --cov-branch --cov-fail-under=100 \
            --cov=app.chain --cov=app.policy --cov=app.sampling --cov=app.audit --cov=app.tlog --cov=app.note \
            --cov=app.checkpoint --cov=app.bundle --cov=app.tampering
        exec "$py" -m pytest "$@"
        ;;
    check)
        setup dev
        check
        ;;
    seed)
        setup run
        exec "$py" -m seed "$@"
        ;;
    verify | verify-file | export | keygen | checkpoint | init | open | user)
        setup run
        exec "$py" -m app "$verb" "$@"
        ;;
    help | -h | --help)
        usage
        ;;
    *)
        printf 'run.sh: unknown verb %q\n' "$verb" >&2
        usage >&2
        exit 2
        ;;
esac
