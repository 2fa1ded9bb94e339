"""Tests of questions about the knowledge base."""
