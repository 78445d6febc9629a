#!/usr/bin/python3
"""The SDK as others get it: installed into a prefix, a driver is built against it outside of this tree, and conforms."""
import pathlib
import shutil
import sys
import tempfile

from judging import EXAMPLES, check, end, judge_argv, options, run

COMPILER = "clang++-16"
GROUPS = ("handshake.line", "info.", "start.", "wait.exit-3", "stop.ends", "recover.ok", "exec.exit-4")

def conforms(prefix, plugin, *args):
    """As the installed judge says."""
    return run(*judge_argv(prefix / "bin/drover-conformance", plugin, "--quiet", args=args, fixture=EXAMPLES / "hello/fixture.json", only=GROUPS))


def written_by_new(given, top, prefix):
    """`drover driver new` writes a project that is right as it is."""
    drover = given.build / "bin" / "drover"
    code, text = run(drover, "driver", "new", "my_shell", cwd=top)
    check("drover driver new writes a project", code == 0, text)
    project, where = top / "my_shell", {"CMAKE_PREFIX_PATH": str(prefix), "CXX": COMPILER}
    code, text = run(drover, "driver", "new", "my_shell", cwd=top)
    check("it writes over nothing", code == 1 and "there already" in text, text)
    code, text = run(drover, "driver", "new", "../up", cwd=top)
    check("it takes no path for a name", code == 1 and "cannot name a driver" in text, text)
    code, text = run("./build", *([] if given.soak else ["-N"]), cwd=project, env=where)  # -N: the judge is only shown
    check("./build builds it" + (" and has it judged" if given.soak else ""), code == 0, text)
    code, text = conforms(prefix, project / "build-tree/my_shell")
    check("it conforms", code == 0, text)
    code, text = run("cmake", "--install", project / "build-tree", "--prefix", "/usr", env={"DESTDIR": str(top / "root")})
    check("it installs its program and its configuration", code == 0 and (top / "root/usr/lib/drover/plugins/my_shell").exists() and list((top / "root").glob("**/drover/my_shell.hcl")), text)


def main():
    given = options(__doc__).parse_args()
    with tempfile.TemporaryDirectory(prefix="drover-sdk-") as folder:
        top = pathlib.Path(folder)
        top.chmod(0o755)
        prefix, source, build = top / "prefix", top / "hello", top / "build"
        for component in ("sdk", "driver-common", "conformance"):
            code, text = run("cmake", "--install", given.build, "--component", component, "--prefix", prefix)
            check(f"{component} is installed", code == 0, text)
        for part in ("include/drover/serve.h", "share/drover/sdk/proto/driver.proto", "bin/drover-conformance", "libexec/drover/drover-shim", "libexec/drover/drover-plugin-host"):
            check(f"{part} is installed", (prefix / part).exists())
        check("the headers ask for nothing of ours that is not installed",
              not [line for header in (prefix / "include/drover").glob("*.h") for line in header.read_text().splitlines() if line.startswith('#include "')])

        shutil.copytree(EXAMPLES / "hello", source)
        code, text = run("cmake", "-S", source, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_CXX_COMPILER={COMPILER}", f"-DCMAKE_INSTALL_PREFIX={top / 'own'}")
        check("find_package finds it", code == 0, text)
        code, text = run("cmake", "--build", build, "-j1")
        check("the hello driver is built against it", code == 0, text)
        code, text = conforms(prefix, build / "hello")
        check("it conforms from where it was built", code == 0, text)
        code, text = run("cmake", "--install", build)
        check("it is installed where agents look for plugins", code == 0 and (top / "own/lib/drover/plugins/hello").exists(), text)
        code, text = conforms(prefix, prefix / "libexec/drover/drover-plugin-host", build / "hello_module.so")
        check("built as a module from the same source, it conforms", code == 0, text)

        config = {"PKG_CONFIG_PATH": f"{next(prefix.glob('lib*/**/pkgconfig'), prefix)}"}
        code, flags = run("pkg-config", "--cflags", "--libs", "drover-sdk", env=config)
        check("pkg-config knows it", code == 0, flags)
        code, text = run(COMPILER, "-std=c++20", source / "hello.cc", *flags.split(), "-o", top / "by-hand", cwd=top)
        check("the flags of pkg-config are enough", code == 0, text)
        library = next(prefix.glob("lib*/**/libdrover-sdk.so"), prefix).parent
        code, text = run(top / "by-hand", env={"LD_LIBRARY_PATH": str(library)})
        check("the program explains itself", code == 1 and "task driver 'hello'" in text, text)
        if given.soak:
            code, flags = run("pkg-config", "--static", "--cflags", "--libs", "drover-sdk", env=config)
            flags = [str(library / "libdrover-sdk.a") if flag == "-ldrover-sdk" else flag for flag in flags.split()]
            code, text = run(COMPILER, "-std=c++20", source / "hello.cc", *flags, "-fuse-ld=lld", "-o", top / "static", cwd=top)
            check("the static library is enough beside gRPC", code == 0, text)
            code, text = run(top / "static")
            check("the static program explains itself", code == 1 and "task driver 'hello'" in text, text)
        written_by_new(given, top, prefix)
    return end()


if __name__ == "__main__":
    sys.exit(main())
