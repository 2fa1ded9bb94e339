"""What an operator types: `ml-guard`, one file a domain."""
