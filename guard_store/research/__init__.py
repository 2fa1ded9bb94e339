"""What research and tools leave behind: inputs of steps, calls of tools."""
