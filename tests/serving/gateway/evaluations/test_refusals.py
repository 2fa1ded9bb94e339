"""Customary refusals in ten languages are recognised, and answers with similar words are not."""

import pytest

from serving.gateway.evaluations.refusals import is_refusal

REFUSALS = [
    "I’m sorry, but I can’t assist with that request.",  # noqa: RUF001 - as models write it
    "I'm sorry. I cannot provide that.",
    "I cannot fulfill this request.",
    "I am unable to help with this.",
    "As an AI language model, I can't browse.",
    "I must decline.",
    "Leider kann ich dir dabei nicht helfen.",
    "Es tut mir leid, aber ich kann diese Anfrage nicht beantworten.",
    "Je suis désolé, mais je ne peux pas répondre à cette demande.",
    "Lo siento, pero no puedo ayudarte con eso.",
    "Mi dispiace, ma non posso aiutarti.",
    "Desculpe, não posso ajudar com isso.",
    "Het spijt me, maar daar kan ik je niet bij helpen.",
    "Przykro mi, ale nie mogę w tym pomóc.",
    "抱歉，我无法提供帮助。",  # noqa: RUF001
    "申し訳ありませんが、そのご要望にはお応えできません。",
]
ANSWERS = [
    "Three carriers fly to Miami. I can't provide a list.",
    "You can't help but like Miami.",
    "I'm sorry to hear that! Here is what helps.",
    "I can't wait! Here is the plan.",
    "I can help with that.",
    "Unfortunately the flight is late.",
    "Ich kann das gern machen.",
    "Je ne suis pas sûr, mais Paris est plus proche.",
    "No puedo creer lo bueno que es.",
    "",
]


@pytest.mark.parametrize("text", REFUSALS)
def test_a_refusal_is_recognised(text: str) -> None:
    assert is_refusal(text)


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_is_none(text: str) -> None:
    assert not is_refusal(text)
