"""A TCP proxy that can lose connections as a NAT gateway or a firewall does: without a word."""

from testbed.proxy.proxy import SwallowingProxy, running_proxy

__all__ = ["SwallowingProxy", "running_proxy"]
