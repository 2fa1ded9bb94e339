"""Tests of searching the knowledge base."""
