"""File systems of the lake, local or S3, as pyarrow has them.

Only addresses and credentials belong here, not the content of files.
"""

import os
from collections.abc import Mapping

import pyarrow.fs as pafs


def filesystem_of(root: str, storage_options: Mapping[str, str]) -> tuple[pafs.FileSystem, str]:
    """Return the file system of a root and the path of the root in it.

    Parameters
    ----------
    root : absolute folder or URL.
    storage_options : S3 options as deltalake names them; missing ones are read from the environment.
    """
    if root.startswith("s3://"):
        return pafs.S3FileSystem(**_s3_arguments({**os.environ, **storage_options})), root.removeprefix("s3://")
    if "://" in root:
        filesystem, path = pafs.FileSystem.from_uri(root)
        return filesystem, path
    return pafs.LocalFileSystem(), root


def _s3_arguments(options: Mapping[str, str]) -> dict[str, str]:
    names = {
        "endpoint_override": "AWS_ENDPOINT_URL",
        "access_key": "AWS_ACCESS_KEY_ID",
        "secret_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
        "region": "AWS_REGION",
    }
    return {argument: options[name] for argument, name in names.items() if options.get(name)}
