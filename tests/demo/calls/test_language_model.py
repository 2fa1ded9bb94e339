"""The stand-in for a language model answers the same each time, and quotes passages; its settings reach no one else."""

import json

import httpx
import pytest

from demo.calls.language_model import BUSY, EMBEDDING, SMALL, reply
from demo.calls.sample_costs import MARK
from demo.calls.stand_ins import StandIns
from ml.knowledge.claims import check_claim

PASSAGE = "Personal data are kept no longer than necessary. Other rules apply to archives of the state."


def user(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def test_a_question_about_passages_is_answered_with_a_supported_quote() -> None:
    answer = reply(user(f"[1] (gdpr.pdf)\n{PASSAGE}\n\nQuestion: How long are personal data kept?"))
    assert answer == '"Personal data are kept no longer than necessary." [1]'
    assert check_claim(answer, [PASSAGE]).fault is None
    assert reply(user(f"[1] (gdpr.pdf)\n{PASSAGE}\n\nTopic: wombats")) == "The sources do not answer this."


def test_other_questions_have_the_same_answer_each_time_and_a_text_can_be_repeated() -> None:
    assert reply(user("Why?")) == reply(user("Why?"))
    assert reply(user("Repeat: [EMAIL_1]")) == "[EMAIL_1]"


def test_the_busy_model_answers_at_the_second_address_only() -> None:
    with StandIns("flights") as stand_ins, httpx.Client(trust_env=False) as client:
        first, second = (
            stand_ins.settings["ML_GUARD_LLM_BASE_URL"],
            json.loads(stand_ins.settings["ML_GUARD_LLM_FALLBACKS"])[0]["base_url"],
        )
        body = {"model": BUSY, "messages": user("Why?")}
        assert client.post(f"{first}/chat/completions", json=body).status_code == 503
        assert client.post(f"{second}/chat/completions", json=body).status_code == 200
        stream = client.post(f"{first}/chat/completions", json={**body, "model": SMALL, "stream": True}).text
        assert stream.endswith("data: [DONE]\n\n")
        embedding = client.post(f"{first}/embeddings", json={"model": EMBEDDING, "input": ["a"]}).json()
        assert len(embedding["data"][0]["embedding"]) == 8


def test_real_credentials_and_servers_of_the_environment_are_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    with StandIns("flights") as stand_ins:
        assert stand_ins.settings["AWS_ENDPOINT_URL_COST_EXPLORER"] == stand_ins.url
        assert stand_ins.settings["ML_GUARD_LLM_BASE_URL"] == f"{stand_ins.url}/v1"


def test_every_sample_cost_is_estimated_and_marked() -> None:
    query = {
        "TimePeriod": {"Start": "2026-03-01", "End": "2026-03-03"},
        "GroupBy": [{"Type": "DIMENSION", "Key": "SERVICE"}, {"Type": "TAG", "Key": "project"}],
    }
    with StandIns("flights") as stand_ins, httpx.Client(trust_env=False) as client:
        results = client.post(stand_ins.url, json=query).json()["ResultsByTime"]
    assert [(r["TimePeriod"]["Start"], r["Estimated"]) for r in results] == [("2026-03-01", True), ("2026-03-02", True)]
    keys = [group["Keys"] for result in results for group in result["Groups"]]
    assert all(service.startswith(MARK) and tag == "project$flights" for service, tag in keys)
