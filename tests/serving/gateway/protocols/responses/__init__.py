"""Tests of OpenAI's Responses, through the official client."""
