"""Tests of the containers: their files, and what runs in them."""
