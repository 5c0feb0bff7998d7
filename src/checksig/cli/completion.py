"""``checksig completion SHELL``: a script that completes the command."""

from __future__ import annotations

import argparse
from typing import Any

__all__ = ["configure", "run"]

_SHELLS = ("bash", "zsh", "fish")
_KINDS = {
    "directory": {"DIR", "FOLDER"},
    "file": {"FILE", "MANIFEST", "OUTPUT", "PATH", "PREFIX"},
}
"""What the words that stand for an argument's value are, under the names that shtab has."""

_DESCRIPTION = """\
Print a script that completes this command's sub-commands, options and files.

  bash  checksig completion bash > ~/.local/share/bash-completion/completions/checksig
  zsh   checksig completion zsh > ~/.zfunc/_checksig    # a folder of $fpath
  fish  checksig completion fish > ~/.config/fish/completions/checksig.fish
"""

# The first word may be a PATH, too, with the options of `verify`; shtab offers only commands there.
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
    print(script(options.shell))
    return 0


def script(shell: str) -> str:
    """Return the script for *shell*."""
    import shtab

    from . import whole_parser

    parser, commands = whole_parser()
    for each in (parser, *commands.values()):
        for action in _actions(each):
            for kind, words in _KINDS.items():
                if action.metavar in words:
                    action.complete = shtab.CHOICE_FUNCTIONS[kind]
    preamble = ""
    if shell == "zsh":
        preamble = _ZSH.replace("COMMANDS", " ".join(commands))
        for action in _actions(parser):
            if action.metavar == "PATH" and not action.option_strings:
                action.help = argparse.SUPPRESS  # else no command is completed any further
    text: str = shtab.complete(parser, shell, preamble=preamble)
    return text + {"bash": _BASH, "zsh": "", "fish": _FISH}[shell]


def _actions(parser: argparse.ArgumentParser) -> list[Any]:
    return list(parser._actions)  # noqa: SLF001 - there is no other way to walk them, nor has shtab
