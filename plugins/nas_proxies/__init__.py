"""Built-in proxies."""
