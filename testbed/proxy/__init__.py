"""A TCP proxy that can drop connections silently, as a NAT gateway or a firewall may."""

from testbed.proxy.proxy import SwallowingProxy, running_proxy

__all__ = ["SwallowingProxy", "running_proxy"]
