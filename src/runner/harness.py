"""Runs one script for the Python runner and reports how it ended.

stdin: the call, one line of JSON. The pipe then stays open: its end means that the runner is gone.
Descriptor 1: what the script prints. Descriptor 2: on its last line one JSON object, {success, result} or
{success, error}; docker and bubblewrap pass no other descriptors on, or say what is wrong there before it.
"""

import binascii
import errno
import fcntl
import json
import linecache
import math
import os
import resource
import select
import signal
import sys
import traceback
import types

# Scripts open and close low descriptors; here they meet ours only on purpose.
PRIVATE_DESCRIPTORS = 200
KEYS = (str, int, float, bool, type(None))
# How far down the causes of an error are looked at for one that the sandbox explains.
CAUSES = 20
UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EADDRNOTAVAIL, errno.ENETDOWN)


def main():
    report = move_away(2)
    os.dup2(1, 2)  # one pipe for both, so that their lines keep their order
    with open(0, "rb", closefd=False) as stdin:
        call = json.loads(stdin.readline())
    die_with_runner(move_away(0))
    os.open(os.devnull, os.O_RDONLY)  # takes the number 0: input() meets the end of a file
    die_first()
    set_limits(call["limits"], call["sandbox"])
    run(call, report)


def move_away(descriptor):
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, PRIVATE_DESCRIPTORS)
    os.close(descriptor)
    return moved


def die_with_runner(lifeline):
    """The kernel kills this process group when the runner's end closes, even by kill -9 (Linux only)."""
    if not hasattr(fcntl, "F_SETSIG"):
        return
    if os.getpgrp() == 0:  # a group of which bubblewrap shows nothing here
        os.setpgid(0, 0)
    fcntl.fcntl(lifeline, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([lifeline], [], [], 0)[0]:  # it closed before, and nobody will be told again
        os._exit(1)


def die_first():
    """Where memory runs out the kernel ends scripts before it ends the runner."""
    try:
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass  # no Linux


def set_limits(limits, sandbox):
    memory = limits["memoryBytes"]
    set_limit(resource.RLIMIT_AS, memory, memory + limits["memoryReserveBytes"])
    set_limit(resource.RLIMIT_FSIZE, limits["fileBytes"], limits["fileBytes"])
    set_limit(resource.RLIMIT_CORE, 0, 0)
    if sandbox["countsProcesses"]:
        set_limit(resource.RLIMIT_NPROC, limits["processes"], limits["processes"])


def set_limit(kind, soft, hard):
    try:
        resource.setrlimit(kind, (soft, hard))
    except (ValueError, OSError):
        pass  # a stricter limit stands already, or the system (macOS: RLIMIT_AS) has none of this kind


def run(call, report):
    process, names = os.getpid(), script_names(call)
    failure = None
    try:
        lay_files(call.pop("files"))
        exec(compile(call["code"], call["name"], "exec", dont_inherit=True), names)
    except BaseException as error:
        failure = None if is_success(error) else error
    if os.getpid() == process:
        write_report(report, failure, names, call)
    elif failure is not None:
        raise failure  # a child the script forked and that ran on to here: its end is no business of the runner


def lay_files(files):
    for path, content in files.items():
        os.makedirs(os.path.join(".", os.path.dirname(path)), exist_ok=True)
        with open(path, "wb") as file:
            file.write(binascii.a2b_base64(content))


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


def write_report(report, failure, names, call):
    try:
        body = failed(describe(failure, call)) if failure else succeeded(names.get("result"), call["limits"])
    except Exception as error:  # a result whose own methods raise, or no memory for its text
        body = failed(describe(error, call))
    with open(report, "wb") as channel:
        channel.write(b"\n" + body)


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


def describe(error, call):
    limits = call["limits"]
    hard = limits["memoryBytes"] + limits["memoryReserveBytes"]
    set_limit(resource.RLIMIT_AS, hard, hard)
    ours = error.__traceback__  # the first frame is always this file's
    text = "".join(traceback.format_exception(type(error), error, ours and ours.tb_next))
    text = "; ".join([text.rstrip("\n"), *find_hint(error, call)])
    half = limits["errorChars"] // 2
    if len(text) > 2 * half:
        text = "%s\n[%d characters cut here]\n%s" % (text[:half], len(text) - 2 * half, text[-half:])
    return text


def find_hint(error, call):
    """What the sandbox has to do with an error, or with what caused it: a part of its last line, or nothing."""
    for _ in range(CAUSES):
        hint = hint_on(error, call["limits"], call["sandbox"])
        if hint:
            return [hint]
        error = error.__cause__ or error.__context__
        if error is None:
            break
    return []


def hint_on(error, limits, sandbox):
    if isinstance(error, MemoryError):
        return "a script may use %d MiB of memory: let it hold less at a time" % mebibytes(limits["memoryBytes"])
    if sandbox["kind"] == "process":
        return hint_on_size(error, limits)
    if is_crowded(error):
        most = (limits["processes"], mebibytes(limits["memoryBytes"]))
        return "a script may have %d processes and threads at a time, and %d MiB of memory: start fewer" % most
    if not isinstance(error, OSError):
        return None
    if not sandbox["hasNetwork"] and (error.errno in UNREACHABLE or type(error).__name__ == "gaierror"):
        return "the network is off for scripts: start the runner with --network to allow it"
    if error.errno == errno.EROFS:
        return "a script writes to its working folder and to /tmp, and nowhere else"
    if error.errno == errno.ENOSPC:
        return "a script's files may take %d MiB together: write less" % mebibytes(limits["folderBytes"])
    if error.errno in (errno.ENOENT, errno.EACCES) and os.path.isabs(os.fsdecode(error.filename or "")):
        return "a script sees Python and its own files, none of the machine's: pass it what it needs in `files`"
    return hint_on_size(error, limits)


def hint_on_size(error, limits):
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return "a file may take %d MiB: write less, or several" % mebibytes(limits["fileBytes"])
    return None


def is_crowded(error):
    """A process says so by this error; a thread only in words. Descriptors that do not block give it as well."""
    if isinstance(error, RuntimeError):
        return "can't start new thread" in str(error)
    return isinstance(error, BlockingIOError) and error.errno == errno.EAGAIN


def mebibytes(size):
    return size >> 20


main()
