"""``checksig completion SHELL``: print a completion script."""

from __future__ import annotations

import argparse
from typing import Any

from .streams import write

__all__ = ["configure", "run"]

_SHELLS = ("bash", "zsh", "fish")
_PATHS = {
    "directory": {"DIR"},
    "file": {"FILE", "MANIFEST", "PATH", "PREFIX"},
}
"""The placeholders of paths, by the kind of path that shtab completes."""

_DESCRIPTION = """\
Print a script that completes commands, options, their values, and file names.

  bash  checksig completion bash > ~/.local/share/bash-completion/completions/checksig
  zsh   checksig completion zsh > ~/.zfunc/_checksig    # a folder of $fpath
  fish  checksig completion fish > ~/.config/fish/completions/checksig.fish
"""

# The first word can be a PATH with the options of `verify`, but shtab only offers commands there.
_BASH = """
complete -o bashdefault -o default -F _shtab_checksig checksig
"""
_ZSH = """\
functions[_checksig_command]=$functions[_shtab_checksig]
_shtab_checksig() {
  if (( CURRENT == 2 )) && [[ $words[2] != -* ]]; then
    _shtab_checksig_commands
    _files
  elif (( CURRENT > 2 )) && [[ " COMMANDS " != *" $words[2] "* ]]; then
    _arguments -s $_shtab_checksig_verify_options
  else
    _checksig_command
  fi
}
"""
_FISH = """
complete -c checksig -n '_shtab_checksig_using' -ka '(__fish_complete_path (commandline -ct))'
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", metavar="SHELL", choices=_SHELLS, help=", ".join(_SHELLS))


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    write(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for *shell*."""
    import shtab

    from .. import algorithms
    from .._options import FORMATS
    from . import whole_parser

    values = {"algorithm": [algorithm.name for algorithm in algorithms], "format": FORMATS}
    parser, commands = whole_parser()
    for each in (parser, *commands.values()):
        for action in _actions(each):
            kind = getattr(action, "value_kind", "")
            if kind in values:
                action.choices = values[kind]  # here only: the engine checks the value
            for path, words in _PATHS.items():
                if action.metavar in words:
                    action.complete = shtab.CHOICE_FUNCTIONS[path]
    preamble = ""
    if shell == "zsh":
        preamble = _ZSH.replace("COMMANDS", " ".join(commands))
        for action in _actions(parser):
            if action.metavar == "PATH" and not action.option_strings:
                action.help = argparse.SUPPRESS  # otherwise nothing after a command is completed
    text: str = shtab.complete(parser, shell, preamble=preamble)
    return text + {"bash": _BASH, "zsh": "", "fish": _FISH}[shell]


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    return list(parser._actions)  # noqa: SLF001 - argparse has no public way; shtab does the same
