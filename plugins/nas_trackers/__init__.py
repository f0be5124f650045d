"""Searches told to MLflow and TensorBoard; each is a plugin of its own, and silent unless asked.

``NAS_MLFLOW`` is the address of a tracking server, ``NAS_TENSORBOARD`` a folder. What they show is
a copy: the archive is what counts.
"""
