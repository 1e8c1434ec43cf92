"""The web process: `python -m server.serve FD`, where FD is a listening socket the supervisor holds.

The supervisor keeps the socket open, so a restarted web process finds waiting visitors instead of refusing them.
"""

import gc
import socket
import sys

import uvicorn
from litestar.types import ASGIApp

from server.app import create_app


def settled_app() -> ASGIApp:
    """The app. What it is made of stays for good and is spared the garbage collector's full rounds, each of which
    would hold everybody up while it looks at all of it: a tenth of a second, with nobody signed in yet."""
    made = create_app()
    gc.collect()
    gc.freeze()
    return made


def main(descriptor: int) -> None:
    config = uvicorn.Config(
        "server.serve:settled_app",
        factory=True,
        proxy_headers=False,  # web/doorway.py reads them, and believes only the configured proxy
        access_log=False,  # addresses of pages can carry a person's words (search), and logs outlive them
        server_header=False,
        log_config=None,  # server/logs.py decides what may be written
        timeout_graceful_shutdown=10,
        ws_max_size=1 << 17,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main(int(sys.argv[1]))
