#!/usr/bin/python3
"""Drivers as shared modules: the same source conforms as a module, and what is wrong with a module is one sentence."""
import argparse
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
COOKIE = {"NOMAD_PLUGIN_MAGIC_COOKIE": "e4327c2e01eabfd75a8a67adb114fb34a757d57eee7728d857a8cec6e91a7255", "PATH": "/usr/bin:/bin"}
GROUPS = ("handshake.", "info.", "start.", "wait.", "stop.", "recover.ok", "recover.exit-code", "exec.")

passed, failed = 0, []


def check(name, condition, seen=""):
    global passed
    if condition:
        passed += 1
    else:
        failed.append(name)
        print(f"failed: {name}: {seen}", flush=True)


def run(*argv, env=None):
    done = subprocess.run(list(map(str, argv)), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, env=env)
    return done.returncode, done.stdout, done.stderr


def says(host, module, wanted):
    code, out, err = run(host, module, env=COOKIE)
    check(f"{pathlib.Path(module).name}: a clear error, and no handshake", code != 0 and not out and wanted in err, (code, out, err))


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--build", type=pathlib.Path, default=ROOT / "build" / "dev")
    options.add_argument("--soak", action="store_true")
    given = options.parse_args()
    build = given.build.resolve()
    host, wrong = build / "libexec/drover/drover-plugin-host", build / "tests/modules"
    hello = build / "libexec/drover/examples/hello_module.so"

    only = [] if given.soak else [word for group in GROUPS for word in ("--only", group)]
    code, out, err = run(build / "bin/drover-conformance", "--plugin", host, "--arg", hello, "--fixture", ROOT / "sdk/examples/hello/fixture.json",
                         "--level", "core", "--level", "process", "--level", "exec", "--quiet", *only)
    check("the hello driver conforms as a module", code == 0 and "hello 0.1.0: conforms" in out, out + err)

    says(host, wrong / "wrong_abi.so", "was built for ABI 2 of the SDK, this host serves ABI 1")
    says(host, wrong / "wrong_size.so", "its descriptor has 24 bytes, this host knows 16")
    says(host, wrong / "wrong_symbol.so", "it has no symbol drover_driver")
    says(host, wrong / "wrong_undefined.so", "undefined symbol: nobody_defines_this")
    says(host, "/no/such/module.so", "cannot be loaded: /no/such/module.so")
    with tempfile.NamedTemporaryFile(suffix=".so") as file:
        file.write(b"no module at all")
        file.flush()
        says(host, file.name, "cannot be loaded")
    check("without a module it explains itself", run(host)[0] == 2 and "usage" in run(host)[2])

    # A crash takes the host's process, and nobody else: who talks to it is told.
    code, out, err = run(host, wrong / "wrong_make.so", env=COOKIE)
    check("a crash while loading ends the host before its handshake", code < 0 and not out, (code, out, err))
    drover = build / "bin/drover"
    code, out, err = run(drover, "driver", "run", wrong / "wrong_start.so", "{}")
    check("a crash in a start is an error of the start", code == 1 and "StartTask" in err, (code, out, err))
    code, out, err = run(drover, "driver", "inspect", hello)
    check("a module is inspected as a program is", code == 0 and "= hello" in out, (code, out, err))
    code, out, err = run(drover, "driver", "run", hello, '{"script": "echo from a module; exit 5"}')
    check("a task runs in a module", (code, out) == (5, "from a module\n"), (code, out, err))
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
