"""A configuration file, looked at before it is read."""

from pathlib import Path

import yaml


def refuse_unreadable(path: Path, folder: Path) -> None:
    """Say in a sentence why a file cannot be a configuration.

    Args:
        path: File that the user named.
        folder: Where the project's own configurations are.

    Raises:
        ValueError: It is missing, is not YAML or holds no settings.
    """
    try:
        content = yaml.safe_load(path.read_text())
    except OSError as error:
        found = ", ".join(sorted(file.name for file in folder.glob("*.yaml")))
        raise ValueError(
            f"--config {path} cannot be read ({error.strerror}); {folder} has {found}"
        ) from error
    except yaml.YAMLError as error:
        raise ValueError(f"--config {path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"--config {path} holds no settings: start from a file in {folder}")
