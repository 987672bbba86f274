"""`python -m testbed.proxy`: a proxy in a process of its own, which signals control.

After SIGUSR1 it discards the traffic of all connections without closing them, and that of new ones
too. After SIGUSR2 new connections work again.
"""

import argparse
import signal
import sys

from testbed.proxy.proxy import running_proxy

_SWALLOW, _PASS_ON = signal.SIGUSR1, signal.SIGUSR2
_SIGNALS = {_SWALLOW, _PASS_ON, signal.SIGTERM, signal.SIGINT}


def main() -> None:
    """Run a proxy with the options of the command line until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m testbed.proxy", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="the proxy's port; 0 for a free one")
    parser.add_argument("--to", required=True, metavar="HOST:PORT", help="the server behind it")
    options = parser.parse_args()
    # Threads that start later inherit this, so that only `sigwait` gets the signals.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    with running_proxy(url=f"tcp://{options.to}", port=options.port) as proxy:
        sys.stdout.write(f"127.0.0.1:{proxy.port}\n")
        sys.stdout.flush()
        while (number := signal.sigwait(_SIGNALS)) in (_SWALLOW, _PASS_ON):
            if number == _SWALLOW:
                proxy.swallow()
            else:
                proxy.pass_on()


if __name__ == "__main__":
    main()
