"""The pure rules of alerts: facts, policies, the state machine, quiet hours, and the words of messages."""
