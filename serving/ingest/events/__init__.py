"""Ingestion: events come in over HTTP, are checked against the contract, and are acknowledged once they are durable."""
