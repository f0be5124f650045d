"""One abstract class for each kind of component, with the final methods that follow from it."""
