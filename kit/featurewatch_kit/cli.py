"""The `featurewatch` command.

Exit codes: 0 done, 1 a check or `diff --exit-code` found something, a test or the demo failed, or
nothing was acknowledged, 2 wrong input, one line per fault.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from featurewatch_kit import programs, route
from featurewatch_kit.alertmanager.versions import DEFAULT
from featurewatch_kit.diff import command as diff
from featurewatch_kit.errors import DemoError, KitError
from featurewatch_kit.setup.answers import QUESTIONS, collect
from featurewatch_receiver.errors import ConfigError

PACKAGE = "featurewatch-kit"
# As a shell calls what SIGPIPE ended.
END_OF_PIPE = 141
# What a command needs is imported when it is called: all of it takes a second, and route a third.


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    options = _parser(words).parse_args(words)
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read it has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return END_OF_PIPE
    except DemoError as error:
        print(f"featurewatch: {error}", file=sys.stderr)
        return 1
    except (ConfigError, KitError) as error:
        print(error, file=sys.stderr)
        return 2
    return code


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="featurewatch", description=__doc__)
    parser.add_argument("--version", action="version", version=f"%(prog)s {version(PACKAGE)}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _generate_options(commands.add_parser("generate", help="write every generated file"))
    _check_options(commands.add_parser("check", help="prove the configuration as a whole"))
    _tools_options(
        commands.add_parser("tools", help="say which Prometheus and Alertmanager are used")
    )
    _otel_options(
        commands.add_parser("otel", help="say what a service with OpenTelemetry must record")
    )
    _init_options(commands.add_parser("init", help="begin: settings, users, places for secrets"))
    _up_options(commands.add_parser("up", help="run the chain of a folder of init, to try it"))
    _root_option(defaults := commands.add_parser("defaults", help="print every default, explained"))
    defaults.set_defaults(run=_defaults)
    _demo_options(commands.add_parser("demo", help="run the whole chain through an incident"))
    _route_options(
        commands.add_parser("route", help="say where an alert with these labels goes, and when")
    )
    _diff_options(
        commands.add_parser("diff", help="say what changes for whom between two configurations")
    )
    _test_options(commands.add_parser("test", help="run tests of who is told what and when"))
    if words[:1] not in (["route"], ["diff"]):
        from featurewatch_kit import ack

        ack.add_commands(commands)
    return parser


def _root_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--root",
        type=Path,
        metavar="DIR",
        help="the featurewatch checkout; else that around this folder, or what came with the kit",
    )


def _project_options(parser: argparse.ArgumentParser) -> None:
    _root_option(parser)
    parser.add_argument(
        "--config",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="your settings, laid over config.yaml; may be given again",
    )


def _generate_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write there, with templates and runbook"
    )
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not current"
    )
    parser.set_defaults(run=_generate)


def _check_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument(
        "--prometheus", metavar="URL", help="compare with what this Prometheus scrapes and loads"
    )
    parser.add_argument(
        "--secrets", action="store_true", help="look at the secret files, on the host that has them"
    )
    parser.set_defaults(run=_check)


def _otel_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument("--python", action="store_true", help="as a module for the service")
    parser.set_defaults(run=_otel)


def _init_options(parser: argparse.ArgumentParser) -> None:
    _root_option(parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="a new folder")
    for question in QUESTIONS:
        repeated = "append" if question.option == "extractor" else "store"
        parser.add_argument(f"--{question.option}", action=repeated, help=question.text)
    parser.set_defaults(run=_init)


def _up_options(parser: argparse.ArgumentParser) -> None:
    _root_option(parser)
    parser.add_argument("folder", type=Path, metavar="DIR", help="what init has written")
    parser.set_defaults(run=_up)


def _route_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    route.add_options(parser)
    parser.set_defaults(run=route.run)


def _diff_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    diff.add_options(parser)
    parser.set_defaults(run=diff.run)


def _test_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="tests in YAML")
    parser.add_argument(
        "--alertmanager", type=Path, metavar="FILE", help="test this file, not the generated one"
    )
    parser.add_argument(
        "--alertmanager-version",
        default=DEFAULT,
        metavar="VERSION",
        help="as this version does (default: %(default)s)",
    )
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit's XML there")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument(
        "--min-coverage",
        type=float,
        default=0,
        metavar="PERCENT",
        help="exit 1 if the tests come by less of the routes, inhibit rules and time intervals",
    )
    parser.set_defaults(run=_test)


def _demo_options(parser: argparse.ArgumentParser) -> None:
    _project_options(parser)
    parser.set_defaults(run=_demo)


def _root(options: argparse.Namespace) -> Path:
    from featurewatch_kit.project import find_root, sources

    root: Path | None = options.root
    return find_root(root.resolve()) if root else sources()


def _tools_options(parser: argparse.ArgumentParser) -> None:
    _root_option(parser)
    parser.set_defaults(run=_tools)


def _tools(options: argparse.Namespace) -> int:
    root = _root(options)
    for program in programs.ALL:
        print(programs.find(program, root))
    return 0


def _otel(options: argparse.Namespace) -> int:
    from featurewatch_kit import otel
    from featurewatch_kit.project import load_config

    config = load_config(_root(options), options.config)
    print(otel.code(config) if options.python else otel.text(config), end="")
    return 0


def _init(options: argparse.Namespace) -> int:
    from featurewatch_kit.setup.init import initialize

    given = {q.option: getattr(options, q.option.replace("-", "_")) for q in QUESTIONS}
    given["extractor"] = ",".join(options.extractor) if options.extractor else None
    initialize(options.folder, collect(given), _root(options))
    return 0


def _up(options: argparse.Namespace) -> int:
    from featurewatch_kit.setup import up

    return up.run(options.folder, _root(options))


def _defaults(options: argparse.Namespace) -> int:
    from featurewatch_kit.project import DEFAULTS

    print((_root(options) / DEFAULTS).read_text(encoding="utf-8"), end="")
    return 0


def _generate(options: argparse.Namespace) -> int:
    from featurewatch_kit import generate
    from featurewatch_kit.project import load_config

    root = _root(options)
    folder = options.out or _own_folder(root, options.config)
    files = generate.generate(load_config(root, options.config), root)
    if options.out:
        files |= generate.companions(root)
    if options.check:
        return _report_stale(generate.stale(files, folder))
    generate.write(files, folder)
    print(f"wrote {len(files)} files below {folder}")
    return 0


def _own_folder(root: Path, overlays: list[Path]) -> Path:
    """The checkout itself, whose generated files are those of its own configuration."""
    from featurewatch_kit.project import SHIPPED

    if overlays or root == SHIPPED:
        raise KitError("generate: name a folder for the files with --out (make: OUT=FOLDER)")
    return root


def _check(options: argparse.Namespace) -> int:
    from featurewatch_kit.checks.run import Extras, run_checks
    from featurewatch_kit.project import load_config

    root = _root(options)
    extras = Extras(prometheus=options.prometheus, secrets=options.secrets)
    return run_checks(load_config(root, options.config), root, extras)


def _test(options: argparse.Namespace) -> int:
    from featurewatch_kit.alerttests import command

    return command.run(options, lambda: _root(options))


def _report_stale(names: list[str]) -> int:
    for name in names:
        print(f"{name}: not what the sources generate; run `make generate`", file=sys.stderr)
    return 1 if names else 0


def _demo(options: argparse.Namespace) -> int:
    # The demo pulls in servers; the other commands start without them.
    from featurewatch_kit.demo.run import run_demo

    root = _root(options)
    stay = sys.stdout.isatty() and not os.environ.get("DEMO_EXIT")
    return run_demo(root, options.config, stay=stay)


if __name__ == "__main__":
    sys.exit(main())
