"""The texts in a request's or an answer's JSON: every string that people or models write, wherever it stands."""

from collections.abc import Callable
from typing import Any, Final

REQUEST_FIELDS: Final = ("messages", "input", "tools", "functions", "prediction", "response_format", "metadata", "stop")
_CHANNELS: Final = ("content", "refusal", "reasoning_content", "reasoning")
# Words of the protocol and references, not text; what is encoded in a data: URL is not text either.
_NOT_TEXT: Final = frozenset({"role", "type", "id", "tool_call_id", "format", "detail", "file_id", "strict"})

Judge = Callable[[str], str]


def rewrite(value: Any, judge: Judge) -> Any:
    """The value with what `judge` makes of each text in it."""
    if isinstance(value, str):
        return value if value.startswith("data:") else judge(value)
    if isinstance(value, list):
        return [rewrite(item, judge) for item in value]
    if isinstance(value, dict):
        return {name: item if name in _NOT_TEXT else rewrite(item, judge) for name, item in value.items()}
    return value


def size(value: Any) -> int:
    """UTF-8 bytes of all texts, numbers of a list counted as a token each: for an estimate."""
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, list):
        return sum(map(size, value))
    if isinstance(value, dict):
        return sum(size(item) for name, item in value.items() if name != "url")
    return 4 if isinstance(value, int) else 0


def rewrite_message(message: dict[str, Any], judge: Judge) -> dict[str, Any]:
    """A message of a whole answer, its texts judged."""
    judged = dict(message)
    for channel in _CHANNELS:
        if channel in judged:
            judged[channel] = rewrite(judged[channel], judge)
    for name in ("tool_calls", "function_call", "audio"):
        if judged.get(name):
            judged[name] = rewrite(judged[name], judge) if name != "audio" else _audio(judged[name], judge)
    return judged


def _audio(audio: Any, judge: Judge) -> Any:
    if isinstance(audio, dict) and isinstance(audio.get("transcript"), str):
        return {**audio, "transcript": judge(audio["transcript"])}
    return audio
