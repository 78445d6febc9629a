#!/usr/bin/python3
"""Drivers as shared modules: the same source conforms as a module, and what is wrong with a module is one sentence."""
import pathlib
import sys
import tempfile

from judging import COOKIE, EXAMPLES, check, end, judge_argv, options, run_apart

HANDSHAKE = {"NOMAD_PLUGIN_MAGIC_COOKIE": COOKIE, "PATH": "/usr/bin:/bin"}
GROUPS = ("handshake.", "info.", "start.", "wait.", "stop.", "recover.ok", "recover.exit-code", "exec.")

def says(host, module, wanted):
    code, out, err = run_apart(host, module, env=HANDSHAKE)
    check(f"{pathlib.Path(module).name}: a clear error, and no handshake", code != 0 and not out and wanted in err, (code, out, err))


def main():
    given = options(__doc__).parse_args()
    build = given.build
    host, wrong = build / "libexec/drover/drover-plugin-host", build / "tests/modules"
    hello = build / "libexec/drover/examples/hello_module.so"

    code, out, err = run_apart(*judge_argv(build / "bin/drover-conformance", host, "--quiet", args=[hello], fixture=EXAMPLES / "hello/fixture.json",
                                           levels=("core", "process", "exec"), only=() if given.soak else GROUPS))
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
    check("without a module it explains itself", run_apart(host)[0] == 2 and "usage" in run_apart(host)[2])

    # A crash takes the host's process, and nobody else: who talks to it is told.
    code, out, err = run_apart(host, wrong / "wrong_make.so", env=HANDSHAKE)
    check("a crash while loading ends the host before its handshake", code < 0 and not out, (code, out, err))
    drover = build / "bin/drover"
    code, out, err = run_apart(drover, "driver", "run", wrong / "wrong_start.so", "{}")
    check("a crash in a start is an error of the start", code == 1 and "StartTask" in err, (code, out, err))
    code, out, err = run_apart(drover, "driver", "inspect", hello)
    check("a module is inspected as a program is", code == 0 and "= hello" in out, (code, out, err))
    code, out, err = run_apart(drover, "driver", "run", hello, '{"script": "echo from a module; exit 5"}')
    check("a task runs in a module", (code, out) == (5, "from a module\n"), (code, out, err))
    return end()


if __name__ == "__main__":
    sys.exit(main())
