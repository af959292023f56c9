"""Object stores on loopback that hold their clients to the vendors' rules: signatures, tokens, conditions, error codes. Standard library only."""
