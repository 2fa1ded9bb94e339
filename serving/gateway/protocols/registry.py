"""All protocols, by the names that the settings have for them."""

from collections.abc import Mapping
from typing import Final

from guard_core.settings.llm import ProtocolName
from serving.gateway.protocols.chat import CHAT
from serving.gateway.protocols.messages.protocol import MESSAGES
from serving.gateway.protocols.protocol import Protocol
from serving.gateway.protocols.responses.protocol import RESPONSES

PROTOCOLS: Final[Mapping[ProtocolName, Protocol]] = {"chat": CHAT, "messages": MESSAGES, "responses": RESPONSES}
