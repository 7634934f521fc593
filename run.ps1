# Sets AML Case Desk up on its first start, then serves, tests or checks it: see .\run.ps1 help.
# It finds a Python, and app\launch.py does the rest. For Windows PowerShell 5.1 and pwsh on Windows; run.sh is its twin
# for Linux and macOS. Where scripts are blocked: powershell -ExecutionPolicy Bypass -File run.ps1
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $false

function Stop-Run([string[]]$Message) {
    foreach ($line in $Message) {
        [Console]::Error.WriteLine("run.ps1: $line")
    }
    exit 2
}

# Gives what a Python says of itself, such as '3.11 True', or '' where it does not run.
# Code handed to Python holds no double quotes: Windows PowerShell would lose them on the way.
function Get-Answer([string[]]$Command) {
    $ErrorActionPreference = 'SilentlyContinue' # 'Stop' would make an exception of each line on a redirected stderr
    $code = 'import sys, importlib.util as u; print(*sys.version_info[:2], sep=''.'', end='' ''); ' +
        'print(sys.version_info >= (3, 11), all(map(u.find_spec, (''ensurepip'', ''venv''))))'
    try {
        $exe = $Command[0]
        $options = @($Command | Select-Object -Skip 1)
        return [string](& $exe @options -I -c $code 2>$null)
    } catch {
        return ''
    }
}

if ($env:OS -ne 'Windows_NT') {
    Stop-Run 'this script is for Windows; use run.sh here.'
}

# The folder of the desk, also where this is started through a symbolic link to it.
$self = Get-Item -LiteralPath $PSCommandPath -Force
while ($self.LinkType -eq 'SymbolicLink') {
    $target = [string]@($self.Target)[0]
    if (-not [System.IO.Path]::IsPathRooted($target)) {
        $target = Join-Path $self.DirectoryName $target
    }
    $self = Get-Item -LiteralPath $target -Force
}

Push-Location -LiteralPath $self.DirectoryName
try {
    # The last is for where the one that made .venv is none of the others.
    $candidates = @('py', '-3'), @('python'), @('python3'), @('.venv\Scripts\python.exe')
    if ($env:PYTHON) {
        $candidates = , @($env:PYTHON)
    }
    $seen = ''
    foreach ($candidate in $candidates) {
        $answer = Get-Answer $candidate
        $name = $candidate -join ' '
        if ($answer -match '^\S+ True True$') {
            $exe = $candidate[0]
            $options = @($candidate | Select-Object -Skip 1)
            & $exe @options -E -s -u -m app.launch @args
            exit $LASTEXITCODE
        }
        if ($answer -match '^\S+ True') {
            Stop-Run "$name lacks the venv or ensurepip module; install Python from https://www.python.org/downloads/"
        }
        if ($answer -match '^(\S+) False') {
            $seen += " ($name is $($Matches[1]))"
        }
    }
    if ($env:PYTHON) {
        Stop-Run "PYTHON=$($env:PYTHON -replace '\p{C}', '?') is no Python 3.11 or newer$seen."
    }
    Stop-Run @(
        "Python 3.11 or newer is needed and was not found$seen.",
        'Install it (https://www.python.org/downloads/), or name it: $env:PYTHON = ''C:\path\to\python.exe''')
} finally {
    Pop-Location
}
