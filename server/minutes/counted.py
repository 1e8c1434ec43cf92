"""A ledger entry as the rules about billing see it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class CountedEntry:
    """A live entry as a payer's rules should see it: cut to its slice of a shared meeting, with the class and
    discipline of the person at its start, and what the contact it belongs to says.

    reached, declined: from the contact's outcome; an entry without a contact counts as reached.
    """

    id: UUID
    patient_id: UUID
    staff_id: UUID
    program: str
    activity: str
    mode: str
    with_patient: bool
    started_at: datetime
    ended_at: datetime
    state: str
    part_of: str
    joint_id: UUID | None
    encounter_id: UUID | None
    role_class: str
    discipline: str
    reached: bool
    declined: bool
    video_declined: bool
    about_code: str
