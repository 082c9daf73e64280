"""Options that several commands have, declared once and given to each as one value."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[..., Any]


def grouped(
    command: Command,
    name: str,
    options: Mapping[str, Any],
    made: Callable[[Mapping[str, Any]], Any],
) -> Command:
    """Give a command all of these options; it takes what `made` makes of them as argument `name`.

    In the help they stand where that argument stands.
    """
    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command).parameters.values():
        if each.name == name:
            parameters += [
                inspect.Parameter(
                    option, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind
                )
                for option, kind in options.items()
            ]
        else:
            parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))

    def run(**given: Any) -> Any:
        value = made({option: given.pop(option) for option in options})
        return command(**given, **{name: value})

    run.__name__, run.__doc__ = command.__name__, command.__doc__
    # Typer reads both: which parameters there are, and of which types.
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run
