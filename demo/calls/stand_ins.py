"""The server of the stand-ins for language models and AWS, in a thread of the demo, and the settings that lead to it."""

import json
import os
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette

from demo.calls import language_model, sample_costs

_HOST = "127.0.0.1"


class StandIns:
    """Serves the stand-ins on a free port of this machine while the context is open."""

    def __init__(self, project_id: str) -> None:
        self._socket = socket.socket()
        self._socket.bind((_HOST, 0))
        app = Starlette(routes=[*language_model.routes(), *sample_costs.routes(project_id)])
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    @property
    def url(self) -> str:
        """Address of the server."""
        return f"http://{_HOST}:{self._socket.getsockname()[1]}"

    @property
    def settings(self) -> dict[str, str]:
        """Environment variables that lead every call here, whatever the environment sets: the demo costs nothing."""
        return {
            "ML_GUARD_LLM_BASE_URL": f"{self.url}/v1",
            "ML_GUARD_LLM_API_KEY": "sample",
            "ML_GUARD_LLM_API_KEYS": "[]",
            "ML_GUARD_LLM_MODELS": "[]",
            "ML_GUARD_LLM_FALLBACKS": json.dumps([{"base_url": f"{self.url}/second/v1"}]),
            "ML_GUARD_LLM_MODEL": language_model.SMALL,
            "ML_GUARD_LLM_PRICES": json.dumps(language_model.PRICES),
            "AWS_ENDPOINT_URL_COST_EXPLORER": self.url,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_ACCESS_KEY_ID": os.environ.get("AWS_ACCESS_KEY_ID", "sample"),
            "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY", "sample"),
        }

    def __enter__(self) -> Self:
        """Start to serve; requests that come first wait."""
        self._socket.listen()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop serving."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()
