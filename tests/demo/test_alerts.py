"""Threads of messages as the demo checks and shows them."""

from typing import Any

from demo.alerts import check_threads, format_thread, select_thread, summary_of


def message(seq: int, title: str, state: str = "sent") -> dict[str, Any]:
    return {"id": f"m{seq}", "seq": seq, "title": title, "state": state, "text": f"Text {seq}.\n"}


WHOLE = [
    message(1, "[WARNING] p/m: drift, retraining recommended"),
    message(2, "[UPDATE] p/m: retraining started"),
    message(3, "[RESOLVED] p/m: new champion, drift ended"),
]
FIRST = [message(1, "[INFO] p/m: retraining recommended"), message(2, "[RESOLVED] p/m: new champion")]


def test_a_thread_from_drift_to_champion_is_enough_and_is_the_one_shown() -> None:
    threads = {"a": FIRST, "b": WHOLE}
    assert check_threads(threads, until_autumn=True) == []
    assert select_thread(threads) == WHOLE
    assert summary_of(threads)["messages"] == 5
    dropped = [message(n, one["title"].replace("drift", "performance")) for n, one in enumerate(WHOLE, 1)]
    assert len(check_threads({"a": dropped}, until_autumn=True)) == 1, "a drop of performance is not a drift"
    longer = [*WHOLE[:2], message(3, "[UPDATE] p/m: retraining started"), message(4, WHOLE[2]["title"])]
    assert select_thread({"a": dropped, "b": longer, "c": WHOLE}) == WHOLE
    assert select_thread({"a": dropped}) == dropped
    assert format_thread(WHOLE).splitlines()[:4] == [
        "The messages of one incident:",
        "",
        "[WARNING] p/m: drift, retraining recommended",
        "    Text 1.",
    ]


def test_no_such_thread_by_autumn_is_a_complaint_and_before_it_none() -> None:
    assert check_threads({"a": FIRST}, until_autumn=False) == []
    (complaint,) = check_threads({"a": FIRST}, until_autumn=True)
    assert "no thread" in complaint


def test_unsent_and_disordered_messages_are_complaints() -> None:
    unsent = [*WHOLE[:2], message(3, WHOLE[2]["title"], "waiting")]
    assert "1 messages of alerts have not gone out, first m3" in check_threads({"a": unsent}, until_autumn=True)
    assert any("not in order" in one for one in check_threads({"a": WHOLE[::-1]}, until_autumn=False))
