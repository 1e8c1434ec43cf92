"""The web process: `python -m server.serve FD`, where FD is a listening socket the supervisor holds.

The supervisor keeps the socket open, so a restarted web process finds waiting visitors instead of refusing them.
"""

import socket
import sys

import uvicorn


def main(descriptor: int) -> None:
    config = uvicorn.Config(
        "server.app:create_app",
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
