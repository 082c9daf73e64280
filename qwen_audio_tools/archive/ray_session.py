"""A session with Ray: a cluster that is joined, or one that is started on this machine."""

import contextlib
import logging
import os
import queue
import socket
import threading
import warnings
from pathlib import Path
from typing import Any

from qwen_audio_tools.errors import EngineError, EngineUnreachable, MissingExtra

AUTO = "auto"
_REACHED_S = 5.0
_JOINED_S = 30.0


def load_ray() -> Any:
    """Return the package; what it would tell of its use to its makers is off.

    Raises:
        MissingExtra: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A cluster that is started where there is a token asks for it, yet who joins sends none unless
    # told to. One that asks for none lets it pass.
    if _has_token():
        os.environ.setdefault("RAY_AUTH_MODE", "token")
    # Nothing else bounds the retries of a task of Ray Data; the extra names the last that has it.
    warnings.filterwarnings("ignore", message="`ray_remote_args_fn` is deprecated")
    try:
        import ray
        import ray.data
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"listening on a cluster needs packages that are not installed: {error.name}",
            hint="pip install 'qwen-audio-tools[ray]'",
        ) from error
    return ray


def _has_token() -> bool:
    """Whether there is a token, where Ray looks for one."""
    if os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH"):
        return True
    return Path("~/.ray/auth_token").expanduser().is_file()


def connected(ray: Any, address: str, *, talkative: bool) -> bool:
    """Connect to a cluster, and return whether it was started here."""
    level = logging.WARNING if talkative else logging.CRITICAL
    told = {"log_to_driver": talkative, "logging_level": level, "configure_logging": talkative}
    for name in ("ray", "ray.data"):
        logging.getLogger(name).setLevel(level)
    started = False
    if address == AUTO and not os.environ.get("RAY_ADDRESS"):
        try:
            ray.init(address=AUTO, **told)
        except ConnectionError:
            _start(ray, told)
            started = True
    else:
        address = os.environ["RAY_ADDRESS"] if address == AUTO else address
        _reach(address)
        _join(ray, address, told)
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.print_on_execution_start = False
    context.max_errored_blocks = -1  # one episode that can't be heard must not end the others
    return started


def _start(ray: Any, told: dict[str, Any]) -> None:
    """Start a Ray on this machine, which no other machine can reach."""
    from ray._private import ray_constants

    # Of Ray on Linux every part would listen on all networks of this machine. This is how it keeps
    # to the loopback where it knows no clusters, on macOS and Windows; there is no other way.
    ray_constants.ENABLE_RAY_CLUSTER = False
    ray.init(address="local", include_dashboard=False, **told)
    where = {node["NodeManagerAddress"] for node in ray.nodes()}
    if where != {"127.0.0.1"}:
        ray.shutdown()
        raise EngineError(
            f"the Ray that was started would listen on {', '.join(sorted(where))}",
            hint="start one yourself, guarded: ray start --head, then --ray auto",
        )


def _join(ray: Any, address: str, told: dict[str, Any]) -> None:
    """Connect to a cluster, or give up: who listens there may be no Ray, and never answer."""
    failures: queue.Queue[Exception | None] = queue.Queue()

    def join() -> None:
        try:
            ray.init(address=address, **told)
            failures.put(None)
        except Exception as error:  # of many kinds; each says why there is no connection
            failures.put(error)

    threading.Thread(target=join, daemon=True, name="join").start()
    try:
        failure = failures.get(timeout=_JOINED_S)
    except queue.Empty:
        raise _unreachable(address, f"no answer within {_JOINED_S:.0f} s") from None
    if failure is not None:
        raise _unreachable(address, str(failure)) from failure


def _reach(address: str) -> None:
    """Refuse an address where nothing listens: Ray itself would try for a minute and more."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:  # a client (ray://) runs no Ray Data here
        raise EngineUnreachable(f"{address!r} is no address of a Ray cluster", hint="host:6379")
    try:
        with contextlib.closing(socket.create_connection((host, int(port)), _REACHED_S)):
            return
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error


def _unreachable(address: str, why: str) -> EngineUnreachable:
    return EngineUnreachable(
        f"no Ray cluster answers at {address!r}: {' '.join(why.split())[:200]}",
        hint=f"ray status --address {address}; if it asks for a token: RAY_AUTH_TOKEN=…",
    )
