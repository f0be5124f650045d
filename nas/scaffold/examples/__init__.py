"""One working component of each kind; ``nas new-plugin`` copies these files as they are.

So they see what any plugin sees: ``nas``, its public modules, and what they import themselves.
"""
