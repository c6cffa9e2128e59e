"""Places and tickets of stages with a queue of their own."""
from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from pipelines.engine.experiments import owners, stagequeue
from pipelines.engine.experiments.stagequeue import Ticket, claim_ticket, open_tickets, places_of, read_ticket, run_ticket, try_hold, write_ticket

GONE = {"pid": 2**22 + 1, "process_start": 1}


def ticket(folder: Path, name: str = "1", **changes: object) -> Ticket:
    facts = {"queue": "gpu", "address": "fit", "lines": ["echo one", "echo two >&2"], "wdir": str(folder), "extra": {}, "owner": owners.own()} | changes
    made = Ticket(str(folder / "dataver" / "queue" / "stages" / name), **facts)  # type: ignore[arg-type]
    write_ticket(made)
    return made


def test_a_place_is_held_once(tmp_path: Path) -> None:
    places = places_of(str(tmp_path), "gpu")
    held = try_hold(places)
    assert held is not None and try_hold(places) is None
    held.release()
    assert try_hold(places) is not None


def test_devices_are_places_whatever_the_queue_is_called(tmp_path: Path) -> None:
    first = try_hold(places_of(str(tmp_path), "gpu", ["0", "1"]))
    second = try_hold(places_of(str(tmp_path), "other", ["0", "1"]))
    assert first is not None and second is not None and try_hold(places_of(str(tmp_path), "gpu", ["0", "1"])) is None
    assert [one.extend({})["CUDA_VISIBLE_DEVICES"] for one in (first, second)] == ["0", "1"]


def test_names_of_places_stay_in_their_folder(tmp_path: Path) -> None:
    assert all(Path(place.lock_path).parent == tmp_path / "queue" / "places" for place in places_of(str(tmp_path), "../../x", ["../y", "a/b"]))


def test_a_ticket_is_claimed_once(tmp_path: Path) -> None:
    made = ticket(tmp_path)
    won: list[bool] = []
    threads = [threading.Thread(target=lambda: won.append(claim_ticket(made))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(won) == 1 and open_tickets(str(tmp_path)) == []


def test_tickets_wait_in_their_order_while_somebody_wants_them(tmp_path: Path) -> None:
    for name, owner in (("3", owners.own()), ("1", owners.own()), ("2", GONE)):
        ticket(tmp_path, name, owner=owner)
    assert [one.id for one in open_tickets(str(tmp_path))] == ["1", "3"]


def test_a_damaged_ticket_is_none(tmp_path: Path) -> None:
    made = ticket(tmp_path)
    assert read_ticket(made.folder) == made
    (Path(made.folder) / "ticket.json").write_text('{"queue": 1}')
    assert read_ticket(made.folder) is None and open_tickets(str(tmp_path)) == []


def test_a_run_ticket_keeps_output_and_result(tmp_path: Path) -> None:
    made = ticket(tmp_path)
    environ = {"PATH": "/usr/bin:/bin"}
    assert run_ticket(made, environ, places_of(str(tmp_path), "gpu"))["code"] == 0
    assert run_ticket(made, environ, places_of(str(tmp_path), "gpu")) == {}
    assert made.is_over and (Path(made.folder) / "output").read_bytes() == b"\x1e> echo one\none\n\x1e> echo two >&2\ntwo\n"


def test_a_failed_ticket_tells_the_code(tmp_path: Path) -> None:
    made = ticket(tmp_path, lines=["exit 4"])
    result = run_ticket(made, {"PATH": "/usr/bin:/bin"}, places_of(str(tmp_path), "gpu"))
    assert result["code"] == 4 and "exited with 4" in result["error"]


@pytest.mark.parametrize("pieces", [[b"\x1e> ls -l\nabc\x1edef\n"], [b"\x1e", b"> l", b"s -l", b"\nabc", b"\x1e", b"def\n"]])
def test_command_lines_are_told_from_output_however_it_is_cut(pieces: list[bytes]) -> None:
    said: list[str] = []
    out = io.BytesIO()
    kept = b""
    for piece in pieces:
        kept = stagequeue._pass_on(kept + piece, None, out, said.append)
    stagequeue._pass_on(kept, None, out, said.append, is_all=True)
    assert said == ["ls -l"] and out.getvalue() == b"abc\x1edef\n"
