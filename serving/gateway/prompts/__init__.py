"""The prompt registry: versioned templates from `prompts/*.yaml`, checked before anything is asked with them."""
