"""Completion scripts for shells, from a table of commands and their options."""
from __future__ import annotations

from tracking.engine.hints import Callable, Mapping

GLOBAL_OPTIONS = "--help --version --cd --quiet --verbose --wait-for-lock"
Options = Mapping[str, list[str]]


def script(shell: str, options: Options, aliases: Mapping[str, str]) -> str:
    """The script for a shell of SHELLS.

    options: command ("add", "remote add") -> its options. aliases: first word -> command or group.
    """
    return SHELLS[shell](_with_aliases(options, aliases))


def _with_aliases(options: Options, aliases: Mapping[str, str]) -> dict[str, list[str]]:
    """Aliases as commands of their own; inside groups too (`remote list` is also `remote ls`)."""
    result = dict(options)
    for alias, name in aliases.items():
        for command, flags in options.items():
            words = command.split(" ")
            if words[0] == name or words[-1] == name:
                result[" ".join(alias if word == name else word for word in words)] = flags
    return dict(sorted(result.items()))


def _firsts(options: Options) -> list[str]:
    return sorted({command.split(" ")[0] for command in options})


def _members(options: Options) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for command in options:
        group, space, member = command.partition(" ")
        if space:
            groups.setdefault(group, []).append(member)
    return groups


def _cases(options: Options, indent: str) -> str:
    """Shell `case` branches: "command words" -> candidates. Shared by bash and zsh."""
    lines = [f"'{group}') words='{' '.join(members)}' ;;" for group, members in _members(options).items()]
    lines += [f"'{command}') words='{' '.join(flags)}' ;;" for command, flags in options.items()]
    return "\n".join(indent + line for line in lines)


def _bash(options: Options) -> str:
    return f"""\
# bash completion for dataver; made by `dataver completion -s bash`
_dataver() {{
    local current="${{COMP_WORDS[COMP_CWORD]}}" words='' command='' group=''
    local -i i
    for ((i = 1; i < COMP_CWORD; i++)); do
        case "${{COMP_WORDS[i]}}" in
            --cd) ((i++)) ;;
            -*) ;;
            *) if [[ -z $command ]]; then command="${{COMP_WORDS[i]}}"
               elif [[ -z $group ]]; then group="$command ${{COMP_WORDS[i]}}"; fi ;;
        esac
    done
    case "$command" in
        '') words='{' '.join(_firsts(options))} {GLOBAL_OPTIONS}' ;;
        {'|'.join(_members(options)) or '-'}) [[ -n $group ]] && command="$group" ;;
    esac
    case "$command" in
{_cases(options, "        ")}
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}}
complete -o bashdefault -o default -F _dataver dataver
"""


def _zsh(options: Options) -> str:
    return f"""\
#compdef dataver
# zsh completion for dataver; made by `dataver completion -s zsh`
_dataver() {{
    local words_before=("${{(@)words[2,CURRENT-1]}}") command='' group='' word candidates=''
    local skip=0
    for word in $words_before; do
        if (( skip )); then skip=0; continue; fi
        case "$word" in
            --cd) skip=1 ;;
            -*) ;;
            *) if [[ -z $command ]]; then command="$word"
               elif [[ -z $group ]]; then group="$command $word"; fi ;;
        esac
    done
    case "$command" in
        '') candidates='{' '.join(_firsts(options))} {GLOBAL_OPTIONS}' ;;
        {'|'.join(_members(options)) or '-'}) [[ -n $group ]] && command="$group" ;;
    esac
    case "$command" in
{_cases(options, "        ").replace("words=", "candidates=")}
    esac
    compadd -- ${{=candidates}}
    _files
}}
if [[ $funcstack[1] == _dataver ]]; then _dataver "$@"; else compdef _dataver dataver; fi
"""


def _fish(options: Options) -> str:
    lines = ["# fish completion for dataver; made by `dataver completion -s fish`"]
    lines.append(f"complete -c dataver -n __fish_use_subcommand -a '{' '.join(_firsts(options))}'")
    for group, members in _members(options).items():
        seen = f"__fish_seen_subcommand_from {group}; and not __fish_seen_subcommand_from {' '.join(members)}"
        lines.append(f"complete -c dataver -n '{seen}' -f -a '{' '.join(members)}'")
    for command, flags in options.items():
        seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.split(" "))
        switches = " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in flags)
        lines.append(f"complete -c dataver -n '{seen}' {switches}")
    return "\n".join(lines) + "\n"


SHELLS: dict[str, Callable[[Options], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
