# Sets AML Case Desk up on its first start, then serves, tests or checks it: see .\run.ps1 help.
# For Windows PowerShell 5.1 and pwsh on Windows; run.sh is its twin for Linux and macOS.
# Where scripts are blocked: powershell -ExecutionPolicy Bypass -File run.ps1
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false

# The folder of the desk, also where this is started through a symbolic link to it.
$Self = Get-Item -LiteralPath $PSCommandPath -Force
while ($Self.LinkType -eq 'SymbolicLink') {
    $target = [string]@($Self.Target)[0]
    if (-not [System.IO.Path]::IsPathRooted($target)) {
        $target = Join-Path $Self.DirectoryName $target
    }
    $Self = Get-Item -LiteralPath $target -Force
}
$Root = $Self.DirectoryName

# Code handed to Python holds no double quotes: Windows PowerShell would lose them on the way.
$Venv = Join-Path $Root '.venv'
$Made = Join-Path $Venv '.made-by-run'
$Py = Join-Path $Venv 'Scripts\python.exe'
$Usage = @'
Usage: .\run.ps1 [VERB [ARGUMENTS]]

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
  AML_DATABASE    the database to use instead of the embedded one
  AML_NO_BROWSER  set it to open no browser; none is opened either with CI set,
                  over SSH or without a terminal

Exit codes: 2 for a wrong call or a missing Python, 1 if .venv cannot be made or the
server cannot start; otherwise that of the Python command. Ctrl-C ends the server.
'@

function Write-Progressline([string]$Text) {
    [Console]::Error.WriteLine($Text)
}

function Stop-Run([int]$Code, [string[]]$Message) {
    foreach ($line in $Message) {
        [Console]::Error.WriteLine("run.ps1: $line")
    }
    exit $Code
}

# What was typed, for a line of the terminal: without controls, which it would obey.
function Get-Printable([string]$Text) {
    return $Text -replace '\p{C}', '?'
}

# Runs a command without showing its errors: gives its output, or $null if it failed.
# ('Stop' would turn each line a command writes to a redirected stderr into an exception.)
function Get-Quietly([string]$Exe, [string[]]$Arguments) {
    $ErrorActionPreference = 'SilentlyContinue'
    try {
        $output = & $Exe @Arguments 2>$null
        if ($LASTEXITCODE -eq 0) {
            return (@($output) -join ' ')
        }
    } catch {
        return $null
    }
    return $null
}

# Gives the command as an array, such as 'py', '-3'.
function Find-Python {
    $candidates = @()
    if ($env:PYTHON) {
        $candidates += , @($env:PYTHON)
    } else {
        $candidates += , @('py', '-3')
        $candidates += , @('python')
        $candidates += , @('python3')
    }
    $found = @()
    $bare = ''
    foreach ($candidate in $candidates) {
        $exe = $candidate[0]
        if (-not (Get-Command $exe -CommandType Application -ErrorAction SilentlyContinue)) {
            continue
        }
        $options = @($candidate | Select-Object -Skip 1)
        $name = $candidate -join ' '
        $number = Get-Quietly $exe ($options + @('-c', 'import sys; print(sys.version_info[0] * 100 + sys.version_info[1])'))
        if ($number -notmatch '^\d+$') {
            continue
        }
        $number = [int]$number
        if ($number -lt 311) {
            $found += '{0} is {1}.{2}' -f $name, [math]::Floor($number / 100), ($number % 100)
            continue
        }
        if ($null -eq (Get-Quietly $exe ($options + @('-c', 'import ensurepip, venv')))) {
            $bare = $name
            continue
        }
        return , $candidate
    }
    if ($bare) {
        Stop-Run 2 "$bare lacks the venv or ensurepip module; install Python from https://www.python.org/downloads/"
    }
    $seen = ''
    if ($found.Count -gt 0) {
        $seen = ' (' + ($found -join ', ') + ')'
    }
    if ($env:PYTHON) {
        Stop-Run 2 "PYTHON=$(Get-Printable $env:PYTHON) is no Python 3.11 or newer$seen."
    }
    Stop-Run 2 @(
        "Python 3.11 or newer is needed and was not found$seen.",
        'Install it (https://www.python.org/downloads/), or name it: $env:PYTHON = ''C:\path\to\python.exe''')
}

# Of the Python in .venv and the packages asked for; '' if there is no such Python.
function Get-Fingerprint([string]$Kind) {
    if (-not (Test-Path -LiteralPath $Py)) {
        return ''
    }
    $lists = @('requirements.txt')
    if ($Kind -eq 'dev') {
        $lists += 'requirements-dev.txt'
    }
    $code = 'import hashlib, sys; digest = hashlib.sha256(sys.version.encode()); ' +
        '[digest.update(open(name, ''rb'').read()) for name in sys.argv[1:]]; ' +
        'print(digest.hexdigest()); sys.exit(sys.version_info < (3, 11))'
    return [string](Get-Quietly $Py (@('-I', '-S', '-c', $code) + $lists))
}

# Whether there is nothing in .venv, or what this script made: only that is changed, or cleared.
function Test-Ours {
    $folder = Get-Item -LiteralPath $Venv -Force -ErrorAction SilentlyContinue
    if ($null -eq $folder) {
        return $true
    }
    if ($folder.LinkType -or -not $folder.PSIsContainer) {
        return $false
    }
    $names = @(Get-ChildItem -LiteralPath $Venv -Force | ForEach-Object { $_.Name })
    # The latter two are all there was before there was a mark.
    return $names.Count -eq 0 -or $names -contains '.made-by-run' -or
        $names -contains '.installed-run' -or $names -contains '.installing'
}

# Makes .venv and installs the packages for 'run' or 'dev', unless that is done already.
function Install-Packages([string]$Kind) {
    $list = 'requirements.txt'
    if ($Kind -eq 'dev') {
        $list = 'requirements-dev.txt'
    }
    $stamp = Join-Path $Venv ".installed-$Kind"
    $mark = Join-Path $Venv '.installing'
    $now = Get-Fingerprint $Kind
    if (Test-Path -LiteralPath $mark) { # an install goes on, or was cut short
        $other = [System.IO.File]::ReadAllText($mark).Trim()
        if ($other -match '^\d+$') {
            $process = Get-Process -Id ([int]$other) -ErrorAction SilentlyContinue
            if ($process -and $process.ProcessName -match 'powershell|pwsh' -and $process.Id -ne $PID) {
                Stop-Run 1 'another run.ps1 is installing packages into .venv; start again when it is done.'
            }
        }
        $now = ''
    }
    if ($now -and (Test-Path -LiteralPath $stamp) -and ([System.IO.File]::ReadAllText($stamp).Trim() -eq $now)) {
        return
    }
    if (-not (Test-Ours)) {
        Stop-Run 1 @(
            "$Venv was not made by this script, or is a link, so it stays as it is.",
            'Move it away, or delete it, and start again: run.ps1 then makes one of its own.')
    }
    if (-not $now -or $null -eq (Get-Quietly $Py @('-m', 'pip', '--version'))) {
        $python = Find-Python
        $exe = $python[0]
        $options = @($python | Select-Object -Skip 1)
        Write-Progressline 'Making .venv ...'
        # The mark comes before all else, and is kept to the last: what is cut short is still known as its own.
        [void](New-Item -ItemType Directory -Path $Venv -Force)
        [System.IO.File]::WriteAllText($Made, '')
        (Get-ChildItem -LiteralPath $Venv -Force) | Where-Object { $_.Name -ne '.made-by-run' } |
            Remove-Item -Recurse -Force
        & $exe @options -m venv .venv | Out-Host
        if ($LASTEXITCODE -ne 0) {
            exit $LASTEXITCODE
        }
    }
    [System.IO.File]::WriteAllText($Made, '')
    Write-Progressline "Installing the packages in $list ..."
    [System.IO.File]::WriteAllText($mark, [string]$PID)
    if (Test-Path -LiteralPath $stamp) {
        Remove-Item -LiteralPath $stamp -Force
    }
    & $Py -m pip install --quiet --no-input --disable-pip-version-check -r $list | Out-Host
    $code = $LASTEXITCODE
    Remove-Item -LiteralPath $mark -Force
    if ($code -ne 0) {
        Stop-Run 1 'the packages could not be installed; pip says why above.'
    }
    # requirements-dev.txt includes requirements.txt
    [System.IO.File]::WriteAllText((Join-Path $Venv '.installed-run'), (Get-Fingerprint 'run'))
    if ($Kind -ne 'run') {
        [System.IO.File]::WriteAllText($stamp, (Get-Fingerprint $Kind))
    }
}

# Ends the script if the port cannot be had; looks at both loopback addresses, as browsers try either for localhost.
function Assert-PortFree([int]$Port) {
    $any = @([System.Net.IPAddress]::Any, [System.Net.IPAddress]::IPv6Any)
    $listeners = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties().GetActiveTcpListeners()
    $taken = @($listeners | Where-Object {
            $_.Port -eq $Port -and ([System.Net.IPAddress]::IsLoopback($_.Address) -or $any -contains $_.Address)
        }).Count -gt 0
    if (-not $taken) {
        $probe = New-Object System.Net.Sockets.TcpListener([System.Net.IPAddress]::Loopback, $Port)
        try {
            $probe.Start()
        } catch {
            $problem = $_.Exception.GetBaseException()
            if ($problem -is [System.Net.Sockets.SocketException] -and "$($problem.SocketErrorCode)" -eq 'AccessDenied') {
                Stop-Run 1 "Windows keeps port $Port back; choose another: `$env:PORT = 8600; .\run.ps1"
            }
            $taken = $true
        } finally {
            $probe.Stop()
        }
    }
    if ($taken) {
        $next = $Port % 65535 + 1
        Stop-Run 1 "port $Port is in use; end what uses it, or choose another: `$env:PORT = $next; .\run.ps1"
    }
}

function Test-Answer([int]$Port) {
    try {
        $request = [System.Net.WebRequest]::Create("http://127.0.0.1:$Port/_stcore/health")
        $request.Proxy = $null
        $request.Timeout = 1000
        $response = $request.GetResponse()
        $answered = [int]$response.StatusCode -eq 200
        $response.Close()
        return $answered
    } catch {
        return $false
    }
}

# Only where a person sits at this screen.
function Open-Browser([string]$Url) {
    if ($env:CI -or $env:AML_NO_BROWSER -or $env:SSH_CONNECTION) {
        return
    }
    try {
        if ([Environment]::UserInteractive -and -not [Console]::IsOutputRedirected) {
            Start-Process $Url
        }
    } catch {
        return # no browser: the address is on the screen
    }
}

function Start-Server {
    $text = $env:PORT
    if (-not $text) {
        $text = '8501'
    }
    $port = 0
    if ($text -match '^[0-9]{1,5}$') {
        $port = [int]$text
    }
    if ($port -lt 1 -or $port -gt 65535) {
        Stop-Run 2 "PORT=$(Get-Printable $text) is not a number from 1 to 65535."
    }
    Install-Packages 'run'
    Assert-PortFree $port
    & $Py -m seed demo
    if ($LASTEXITCODE -ne 0) {
        exit $LASTEXITCODE
    }

    # The options that keep it private are given here too, as environment variables outrank config.toml.
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $Py
    $start.Arguments = '-m streamlit run app/server.py --server.address=localhost ' +
        "--server.port=$port --server.headless=true --browser.gatherUsageStats=false"
    $start.WorkingDirectory = $Root
    $start.UseShellExecute = $false
    $server = [System.Diagnostics.Process]::Start($start)
    try {
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        while (-not (Test-Answer $port)) {
            if ($server.HasExited) {
                Stop-Run 1 "the server ended before it answered (exit code $($server.ExitCode))."
            }
            if ($clock.Elapsed.TotalSeconds -ge 60) {
                & taskkill.exe /PID $server.Id /T /F | Out-Null
                Stop-Run 1 'the server did not answer within 60 seconds.'
            }
            Start-Sleep -Milliseconds 100
        }
        Write-Output "AML Case Desk: http://localhost:$port  (Ctrl-C ends it)"
        Open-Browser "http://localhost:$port"
        while (-not $server.WaitForExit(500)) { } # short waits, so that Ctrl-C gets through
        Stop-Run $server.ExitCode "the server ended (exit code $($server.ExitCode))."
    } finally {
        # Ctrl-C has reached the server as well, which shares this console; it gets five seconds to end.
        if (-not $server.HasExited -and -not $server.WaitForExit(5000)) {
            & taskkill.exe /PID $server.Id /T /F | Out-Null # with the Python behind the one in .venv
        }
    }
}

function Invoke-Check {
    $code = 0
    & $Py -m ruff check app seed tests
    if ($LASTEXITCODE -ne 0) { $code = $LASTEXITCODE }
    & $Py -m ruff format --check app seed tests
    if ($LASTEXITCODE -ne 0) { $code = $LASTEXITCODE }
    & $Py -m mypy --strict app seed tests
    if ($LASTEXITCODE -ne 0) { $code = $LASTEXITCODE }
    exit $code
}

if ($env:OS -ne 'Windows_NT') {
    Stop-Run 2 'this script is for Windows; use run.sh here.'
}

$verb = 'serve'
$rest = @()
if ($args.Count -gt 0) {
    $verb = [string]$args[0]
    $rest = @($args | Select-Object -Skip 1)
}

Push-Location -LiteralPath $Root
try {
    if (@('serve', 'check') -contains $verb -and $rest.Count -gt 0) {
        Stop-Run 2 "$verb takes no arguments; see .\run.ps1 help."
    }
    if ($verb -eq 'serve') {
        Start-Server
    } elseif ($verb -eq 'test') {
        Install-Packages 'dev'
        # What evidence and rules rest on has every branch tested; a run of some tests only cannot tell.
        if ($rest.Count -eq 0) {
            $rest = @('--numprocesses=auto', '--dist=loadfile', '--no-loadscope-reorder',
                '--cov-branch', '--cov-fail-under=100', '--cov=app.chain', '--cov=app.policy',
                '--cov=app.sampling', '--cov=app.audit', '--cov=app.tlog', '--cov=app.note', '--cov=app.checkpoint',
                '--cov=app.bundle', '--cov=app.tampering')
        }
        & $Py -m pytest @rest
        exit $LASTEXITCODE
    } elseif ($verb -eq 'check') {
        Install-Packages 'dev'
        Invoke-Check
    } elseif ($verb -eq 'seed') {
        Install-Packages 'run'
        & $Py -m seed @rest
        exit $LASTEXITCODE
    } elseif (@('verify', 'verify-file', 'export', 'keygen', 'checkpoint', 'init', 'open', 'user') -contains $verb) {
        Install-Packages 'run'
        & $Py -m app $verb @rest
        exit $LASTEXITCODE
    } elseif (@('help', '-h', '--help') -contains $verb) {
        Write-Output $Usage
        exit 0
    } else {
        [Console]::Error.WriteLine("run.ps1: unknown verb '$(Get-Printable $verb)'")
        [Console]::Error.WriteLine($Usage)
        exit 2
    }
} finally {
    Pop-Location
}
