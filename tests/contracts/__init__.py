"""What crosses rooms: documentation that is true, interfaces that fit."""
