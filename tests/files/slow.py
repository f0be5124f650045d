"""A proxy that takes a tenth of a second, for tests that stop what scores in the middle."""

import time

import nas


class Slow(nas.Proxy):
    needs_data = False

    def compute(self, network, inputs, targets):
        time.sleep(0.1)
        return float(network.weight.detach().sum())


@nas.hookimpl
def nas_proxies():
    return [nas.Component("slow", Slow, "takes its time")]
