"""What the scripts do: parse arguments, call the library, return an exit code."""
