"""The tests themselves: they reach no other machine, and touch none of the user's files."""

import os
import socket
from pathlib import Path

import pytest

from qwen_audio_tools.folders import config_folder, data_folder


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("example.invalid", 443)])
@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_another_machine_is_out_of_reach(address, connect):
    with socket.socket() as ours, pytest.raises(RuntimeError, match="tried to connect"):
        getattr(ours, connect)(address)


def test_a_server_on_this_machine_is_within_reach():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as ours:
            ours.sendall(b"hello")
            accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(5) == b"hello"


def test_settings_chats_and_analyses_are_not_those_of_the_user():
    folders = (config_folder(), data_folder(), Path(os.environ["QWA_ANALYSES"]))
    assert len({folder.parent for folder in folders}) == 1
    assert all(folder.parent.name.startswith("qwa-tests-") for folder in folders)
