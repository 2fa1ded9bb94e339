"""The prompt registry: versioned templates from `prompts/*.yaml`, checked before anything is asked with them."""

from serving.prompts.registry import PromptBook, default_folder
from serving.prompts.template import Message, Prompt, PromptError

__all__ = ["Message", "Prompt", "PromptBook", "PromptError", "default_folder"]
