"""A refusal names states, moves and reasons as the pages do, in the reader's language."""

from __future__ import annotations

from anlan.entrypoints.web.wording import in_words, say


def test_codes_become_words_and_what_is_no_code_stays():
    given = {"state": "found", "trigger": "recheck", "number": "H-1", "reason": "no such"}
    zh, en = in_words(given, "zh"), in_words(given, "en")
    assert (zh["state"], zh["trigger"]) == ("发现", say("trigger.recheck", "zh"))
    assert en["state"] == "found"
    assert zh["trigger"] != given["trigger"]
    for worded in (zh, en):
        assert (worded["number"], worded["reason"]) == ("H-1", "no such")


def test_what_can_be_chosen_is_worded_too():
    assert in_words({"known": "wrong_owner, x"}, "zh")["known"] == "责任岗位不对、x"
    assert in_words({"known": "handling, law"}, "en")["known"].endswith("a lawful request")
