"""How a study stands: who runs it, what runs where, and if nothing does, why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas.archive.reader import Archive
    from nas.archive.sessions import Session
    from nas.study import Study


def standing_of(archive: Archive, study: Study) -> dict[str, Any]:
    """Return how a study stands, as plain JSON values."""
    sessions = archive.sessions(study)
    latest = sessions[-1] if sessions else None
    state = archive.state(study)
    return {
        "study": study.name,
        "status": _status(latest, state.status),
        "reason": state.reason or None,
        "stages": list(state.stages),
        "trials": {str(status): n for status, n in state.trials.items()},
        "failures": archive.failures(study),
        "sessions": len(sessions),
        "seconds": sum(session.seconds for session in sessions),
        "simulated": _simulated(latest) if latest else None,
        "driver": _driver(latest) if latest else None,
        "now": dict(latest.state) if latest and latest.ended is None else {},
        "incidents": [dict(vars(i)) for session in sessions for i in session.incidents],
    }


def _status(latest: Session | None, archived: str) -> str:
    """A driver that was killed could not say so."""
    return "killed" if latest and latest.ended is None and latest.alive is False else archived


def _simulated(session: Session) -> dict[str, Any] | None:
    """Return how far a simulation's time has come, and how much of it the workers were idle."""
    seconds = session.state.get("simulated")
    return None if seconds is None else {"seconds": seconds, "idle": session.state.get("idle")}


def _driver(session: Session) -> dict[str, Any]:
    return {
        "host": session.host,
        "pid": session.pid,
        "began": session.began,
        "heartbeat": session.heartbeat,
        "alive": session.alive,
    }
