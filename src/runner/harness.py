"""Runs one script for the Python runner and reports how it ended.

stdin: the call, one line of JSON. The pipe then stays open: its end means that the runner is gone.
Descriptor 1: what the script prints. Descriptor 3: one JSON object, {success, result} or {success, error}.
"""

import fcntl
import json
import linecache
import math
import os
import resource
import signal
import sys
import traceback
import types

# Scripts open and close low descriptors; here they meet ours only on purpose.
PRIVATE_DESCRIPTORS = 200
KEYS = (str, int, float, bool, type(None))


def main():
    report = move_away(3)
    with open(0, "rb", closefd=False) as stdin:
        call = json.loads(stdin.readline())
    die_with_runner(move_away(0))
    os.open(os.devnull, os.O_RDONLY)  # takes the number 0: input() meets the end of a file
    os.dup2(1, 2)  # one pipe for both, so that their lines keep their order
    set_limits(call["limits"])
    run(call, report)


def move_away(descriptor):
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, PRIVATE_DESCRIPTORS)
    os.close(descriptor)
    return moved


def die_with_runner(lifeline):
    """The kernel kills this process group when the runner's end closes, even by kill -9 (Linux only)."""
    if hasattr(fcntl, "F_SETSIG"):
        fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)


def set_limits(limits):
    memory = limits["memoryBytes"]
    set_limit(resource.RLIMIT_AS, memory, memory + limits["memoryReserveBytes"])
    set_limit(resource.RLIMIT_FSIZE, limits["fileBytes"], limits["fileBytes"])
    set_limit(resource.RLIMIT_CORE, 0, 0)


def set_limit(kind, soft, hard):
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError):
        pass  # a stricter limit stands already, or the system (macOS: RLIMIT_AS) has none of this kind


def run(call, report):
    process, names = os.getpid(), script_names(call)
    failure = None
    try:
        exec(compile(call["code"], call["name"], "exec", dont_inherit=True), names)
    except BaseException as error:
        failure = None if is_success(error) else error
    if os.getpid() == process:
        write_report(report, failure, names, call["limits"])
    elif failure is not None:
        raise failure  # a child the script forked and that ran on to here: its end is no business of the runner


def script_names(call):
    """A __main__ of its own: what pickles or looks up its module finds the script there, not this file."""
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=call["name"], context=call["context"], args=call["args"])
    sys.modules["__main__"] = module
    sys.argv = [call["name"]]
    sys.path.insert(0, os.getcwd())
    lines = call["code"].splitlines(True)
    linecache.cache[call["name"]] = (len(call["code"]), None, lines, call["name"])
    return module.__dict__


def is_success(error):
    return isinstance(error, SystemExit) and error.code in (None, 0)


def write_report(report, failure, names, limits):
    try:
        body = failed(describe(failure, limits)) if failure else succeeded(names.get("result"), limits)
    except Exception as error:  # a result whose own methods raise, or no memory for its text
        body = failed(describe(error, limits))
    with open(report, "wb") as channel:
        channel.write(body)


def succeeded(result, limits):
    found = misfit(result, limits["resultDepth"])
    if found:
        return failed("result%s %s" % found)
    # A lone surrogate has no UTF-8; as \udXXX it is a valid JSON escape.
    body = json.dumps(result, ensure_ascii=False).encode("utf-8", "backslashreplace")
    if len(body) > limits["resultBytes"]:
        message = "result is %d bytes as JSON, more than the %d allowed; return less of it"
        return failed(message % (len(body), limits["resultBytes"]))
    return b'{"success": true, "result": ' + body + b"}"


def failed(error):
    return json.dumps({"success": False, "error": error}).encode("ascii")


def misfit(value, depth):
    """The first part of a result that JSON has no form for: its path and what is wrong with it."""
    if isinstance(value, (list, tuple)):
        parts = enumerate(value)
    elif isinstance(value, dict):
        parts = value.items()
    else:
        reason = reason_against(value)
        return ("", reason) if reason else None
    if depth == 0:
        return "", "is nested too deeply, or contains itself; return a flatter structure"
    for key, part in parts:
        if not isinstance(key, KEYS):
            return "", "has the key %.80r of type %s; JSON keys are strings" % (key, type_name(key))
        found = misfit(part, depth - 1)
        if found:
            return "[%.80r]%s" % (key, found[0]), found[1]
    return None


def reason_against(value):
    if value is None or isinstance(value, (str, bool)):
        return None
    if isinstance(value, float):
        return None if math.isfinite(value) else "is %r, which JSON has no form for; use None or a string" % value
    if isinstance(value, int):
        return "is too large for a JSON number; use str() on it" if value.bit_length() > 1023 else None
    return "is of type %s, which JSON has no form for; make it a str, number, list or dict" % type_name(value)


def type_name(value):
    kind = type(value)
    return kind.__name__ if kind.__module__ == "builtins" else kind.__module__ + "." + kind.__name__


def describe(error, limits):
    hard = limits["memoryBytes"] + limits["memoryReserveBytes"]
    set_limit(resource.RLIMIT_AS, hard, hard)
    ours = error.__traceback__  # the first frame is always this file's
    text = "".join(traceback.format_exception(type(error), error, ours and ours.tb_next))
    if isinstance(error, MemoryError):
        text += "A script may use %d MiB of memory; let it hold less at a time" % (limits["memoryBytes"] >> 20)
    text, half = text.rstrip("\n"), limits["errorChars"] // 2
    if len(text) > 2 * half:
        text = "%s\n[%d characters cut here]\n%s" % (text[:half], len(text) - 2 * half, text[-half:])
    return text


main()
