"""Say in one line what a nested error message says in many."""

import difflib
import inspect
import re
import sys
from collections.abc import Iterable

from src.engine.console.command_line import option_name

# What jsonargparse prints around the cause: nesting, types tried, the alternative of nothing.
_FRAME = re.compile(
    r"Does not validate|Subtypes:|Errors:|Problem with given|Parser key|Given value"
    r"|Type .+ Parser key|Expected a <class 'NoneType'>|Expected a path but"
    r"|Not a valid subclass|Subclass types expect|a class path \(str\)|a dict with"
)

# A value that is taken for the name of a class, and what may stand in its place but was not meant.
_CLASS = re.compile(r"import path string: [^\W\d]\w*$|No module named|\S is not a \w+$", re.M)
_TYPE = re.compile(r"Expected an? <class '(list|bool|collections\.abc\.\w+)'>")

# What jsonargparse says of its own settings, which are ours.
_PLAINER = (
    (
        r"Importing '(\S+)' is not allowed, denied by .*to allow it\.",
        r"\1 is not on the list of what a checkpoint may name (docs/security.md)",
    ),
    (r"Unexpected import path format: ", "expected a class, got the text "),
    (r"Import path (\S+) does not correspond to a subclass of (\w+)", r"\1 is not a \2"),
    (
        r"(?s)Import path does not correspond to a subclass of (\w+)(.*Given value: )(\S+)",
        r"\3 is not a \1\2\3",
    ),
)

# What Lightning and torchmetrics say of a package that one of their classes needs.
_OTHER_CLASS = re.compile(r"\n.*Problem with given class_path.*\n\s*Option '(.+)' is not accepted")
_MISSING = re.compile(r"class_path '(?:\w+\.)*(\w+)':\s+Requirement '([\w-]+)[^']*' not met")

# Lightning's loggers for a service that has ended, and for one that its command line cannot name.
_NO_LOGGER = re.compile(r"\b(NeptuneLogger|LitLogger)\b")
_LOGGERS = "TensorBoardLogger, CSVLogger, MLFlowLogger, WandbLogger or CometLogger"

# What users of other trainers type.
_USUAL = {
    "batch_size": "--data.batch_size",
    "devices": "--trainer.devices",
    "epochs": "--trainer.max_epochs",
    "gpus": "--trainer.devices",
    "learning_rate": "--model.optimizer.lr",
    "lr": "--model.optimizer.lr",
    "optimizer": "--model.optimizer",
    "resume": "--ckpt_path",
    "seed": "--seed_everything",
}


def explain(message: str, options: Iterable[str] = ()) -> str:
    """Say in one line what jsonargparse says in many; fold any other message into one line.

    Args:
        message: Error text: a line for each level of nesting, then the causes.
        options: Names of all options, such as `--trainer.max_epochs`.

    Returns:
        What was wrong and where, with the nearest right name if one is near.
    """
    for pattern, plain in _PLAINER:
        message = re.sub(pattern, plain, message)
    keys = re.findall(r'Parser key "([^"]+)"', message)
    message = _OTHER_CLASS.sub(lambda lacks: "" if lacks[1] in keys else lacks[0], message)
    where = "--" + ".".join(keys)
    if missing := _MISSING.search(message):
        return f"{missing[1]} needs {missing[2]}: pip install {missing[2]}"
    if keys and (found := _NO_LOGGER.search(message)):
        return f"{where}: {found[1]} cannot be used: take {_LOGGERS}"
    if sentence := _unknown_name(message, where if keys else "", options):
        return sentence
    if keys and (match := re.search(r"the following arguments are required: ([\w, ]+)", message)):
        return f"{where} needs {match[1]}: give {where}.{match[1].split(',')[0]}"
    if "Does not validate" in message or keys:
        return (f"{where}: " if keys else "") + _causes(message)
    return " ".join(message.split())


def _unknown_name(message: str, where: str, options: Iterable[str]) -> str | None:
    if match := re.search(r"unrecognized arguments: ([^\s=]+)", message, re.IGNORECASE):
        return _not_an_option(match[1], options)
    if match := re.search(r"Group '(.+)' does not accept option '(.+)'", message):
        return _not_an_option(f"--{match[1]}.{match[2]}", options)
    if match := re.search(r"Option '([^']+)' is not accepted", message):
        if not where:
            return _not_an_option(f"--{option_name(match[1])}", options)
        known = [f"{where}.{parameter}" for parameter in _parameters(message)]
        return _not_an_option(f"{where}.{match[1]}", known)
    if where and (match := re.search(r"module '([\w.]+)' has no attribute '(\w+)'", message)):
        module = sys.modules.get(match[1])  # nothing is imported for a message
        known = [name for name, _ in inspect.getmembers(module, callable)]
        return f"{where}: {match[1]} has no {match[2]}{_nearest(match[2], known)}"
    return None


def _causes(message: str) -> str:
    lines = [line.strip(" -") for line in message.splitlines()]
    causes = list(dict.fromkeys(line for line in lines if line and not _FRAME.match(line)))
    if _CLASS.search(message):  # one, or several of them
        causes = [cause for cause in causes if not _TYPE.match(cause)]
    if path := re.search(r"Expected a dot import path string: (\S+)", message):
        causes = [cause for cause in causes if path[0] not in cause]
        if not causes:
            return _no_class(path[1])
    text = " or ".join(re.sub(r"^Expected an? ", "", cause) for cause in causes)
    if text == " or ".join(causes):
        return text or " ".join(lines)
    text = re.sub(r"<class '([\w.]+)'>", r"\1", text)
    text = re.sub(r"typing\.Literal\[(.*?)\]", r"\1", text)
    value = re.search(
        r"(?:Given value|Got value): (?!NestedArg|Namespace)(.+?)(?:\. Got|$)", message, re.M
    )
    return f"expected {text.partition('. Got value')[0]}" + (f", got {value[1]}" if value else "")


def _no_class(name: str) -> str:
    known = _loaded_classes()
    if name in known:
        return f"{name} is a class of another kind"
    if not name.isidentifier():
        return f"expected the name of a class, got {name}"
    full = f": give its full name, such as my_package.{name}"
    return f"there is no class {name}{_nearest(name, known) or full}"


def _not_an_option(name: str, known: Iterable[str]) -> str:
    if not name.startswith("--") or name == "--":
        hint = f"; did you mean --config {name}?" if name.endswith(".yaml") else ""
        return f"{name} does not belong to an option{hint}"
    usual = _USUAL.get(name.lstrip("-").rpartition(".")[2])
    if usual and usual != name:
        return f"{name} is not an option; did you mean {usual}?"
    known = list(known)
    if hint := _nearest(name, known):
        return f"{name} is not an option{hint}"
    # The first word decides which class reads the rest: --modle.network.width.
    first, dot, rest = name.partition(".")
    near = difflib.get_close_matches(first, {option.partition(".")[0] for option in known}, n=1)
    hint = f"; did you mean {near[0]}{dot}{rest}?" if near and near[0] != first else ""
    return f"{name} is not an option{hint}"


def _nearest(name: str, known: Iterable[str]) -> str:
    names = {option.casefold(): option for option in known}
    near = difflib.get_close_matches(name.casefold(), names, n=1, cutoff=0.7)
    near = near or [option for option in names if option.startswith(name.casefold())]
    return f"; did you mean {names[near[0]]}?" if near else ""


def _parameters(message: str) -> list[str]:
    """List what the class that the message names last takes."""
    found = re.findall(r"class_path[ =]'([\w.]+)'", message)
    if not found:
        return []
    module, _, name = found[-1].rpartition(".")
    item = getattr(sys.modules.get(module), name, None)
    parameters = inspect.signature(item).parameters if callable(item) else {}
    return [key for key, value in parameters.items() if value.kind is value.POSITIONAL_OR_KEYWORD]


def _loaded_classes() -> set[str]:
    packages = "src.", "lightning.pytorch.callbacks", "lightning.pytorch.loggers", "torch.optim"
    modules = [module for name, module in sys.modules.items() if name.startswith(packages)]
    return {
        name
        for module in modules
        for name, item in inspect.getmembers(module, inspect.isclass)
        if item.__module__.startswith(packages)
    }
