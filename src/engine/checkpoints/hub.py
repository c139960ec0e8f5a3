"""Weights from Hugging Face's hub, where timm and others publish theirs."""

import logging
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from src.engine.console.note import note

HUB = "hub:"  # what a name on the hub begins with, where a file may be given
_FILE = "model.safetensors"  # tensors alone: a file of another kind is never fetched


class Published(NamedTuple):
    """Weights that were fetched.

    Attributes:
        file: Where they are on this machine.
        name: Repository and the commit that was fetched.
    """

    file: Path
    name: str


def fetch(name: str) -> Published:
    """Fetch weights, or find those that were fetched before.

    Args:
        name: Repository, such as `hub:timm/resnet18.a1_in1k`, and perhaps `@` and a revision.

    Returns:
        The file and what it is.

    Raises:
        ValueError: There are no such weights, or they may not be read.
        ConnectionError: The hub is not reached, and they were never fetched before.
    """
    if find_spec("huggingface_hub") is None:
        raise ValueError(f"--weights {name} needs huggingface_hub: pip install huggingface_hub")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    repository, _, revision = name.removeprefix(HUB).partition("@")
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it would tell of every attempt
    note(f"asking the hub for {repository}")
    try:
        file = Path(hf_hub_download(repository, _FILE, revision=revision or None))
    except LocalEntryNotFoundError as error:  # it is an EntryNotFoundError, too
        raise ConnectionError(
            f"--weights {name}: the hub is not reached; fetch {_FILE} of {repository} on another "
            "machine and give the file"
        ) from error
    except GatedRepoError as error:
        raise ValueError(
            f"--weights {name}: its owner lets only those read it who have asked: ask on its page, "
            "then set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ValueError(f"--weights {name}: the hub has no such repository") from error
    except RevisionNotFoundError as error:
        raise ValueError(f"--weights {name}: {repository} has no revision {revision}") from error
    except EntryNotFoundError as error:
        raise ValueError(f"--weights {name}: {repository} has no {_FILE}") from error
    except HFValidationError as error:
        raise ValueError(
            f"--weights {name}: give {HUB}OWNER/NAME, and perhaps @REVISION"
        ) from error
    return Published(file, f"{HUB}{repository}@{file.parent.name}")
