"""The one runner of this process: its children stay alive between batches, for starting one costs a second."""

import asyncio

from server.plugin_host.runner import Runner

_kept: dict[asyncio.AbstractEventLoop, Runner] = {}


def kept_runner() -> Runner:
    """The runner of the running event loop; its children belong to that loop."""
    loop = asyncio.get_running_loop()
    for old in [one for one in _kept if one.is_closed()]:
        del _kept[old]
    if loop not in _kept:
        _kept[loop] = Runner()
    return _kept[loop]


async def end_kept_runner() -> None:
    """Before the loop closes: end the children."""
    runner = _kept.pop(asyncio.get_running_loop(), None)
    if runner is not None:
        await runner.close()
