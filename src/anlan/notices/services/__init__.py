"""Use cases of the room: telling, answering, reminding, handing over, sending."""
