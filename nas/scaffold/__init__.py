"""What ``nas new-plugin`` writes: names, the examples and their facts, templates, licences."""
