"""Where a private Redis would be, and which program it is."""
from __future__ import annotations

from pathlib import Path

from pipelines.engine.experiments import redisserver
from tracking.engine.protocols import Settings


def test_the_socket_lies_in_the_users_folder() -> None:
    assert redisserver.private_address(Settings(data_dir="/home/ada/.local/share/dataver")).socket_path == "/home/ada/.local/share/dataver/redis/socket"


def test_a_long_path_moves_the_socket_to_the_runtime_folder() -> None:
    address = redisserver.private_address(Settings(data_dir="/" + "x" * 120, environ={"XDG_RUNTIME_DIR": "/run/user/7"}))
    assert address.socket_path.startswith("/run/user/7/dataver-") and len(address.socket_path) < 100
    assert address.folder == "/" + "x" * 120 + "/redis"


def test_what_the_user_chose_goes_first(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.touch(0o755)
    assert redisserver.program({"DATAVER_REDIS_SERVER": str(program)}) == str(program)
    assert redisserver.program({"DATAVER_REDIS_SERVER": ""}) is None
    assert redisserver.configured({"DATAVER_REDIS_URL": "none"}) == redisserver.NONE


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    address = redisserver.Address("unix:///x", "/proc/self/socket", "/proc/self")
    assert redisserver.start(address, "/bin/true") is None


def test_nobody_answers_on_a_socket_that_is_not_there(tmp_path: Path) -> None:
    assert not redisserver.is_up(redisserver.Address("", str(tmp_path / "socket"), str(tmp_path)))
