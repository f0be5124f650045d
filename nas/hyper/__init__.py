"""Hyper-parameters of the evaluator as decisions beside those of the network."""
