"""The content policy: denied terms, personal data, prompt injection; flag, redact or block.

- `book`: policies of all projects, reloaded when the file changes
- `cards`: card numbers
- `encodings`: characters written as escapes, entities, percent signs
- `injection`: phrases of prompt injection
- `injection_classifier`: a linear classifier of prompt injection
- `normal_text`: text normalised for matching
- `personal`: personal data and secrets
- `phones`: telephone numbers
- `policy`: a policy applied to text
- `quoting`: placeholders inside JSON text
- `readings`: other readings of a text, without markup and unusual separators
- `rules`: rules as written in the file
- `stream`: a policy applied to a stream of pieces
- `terms`: denied terms as patterns
- `vault`: redacted values of a request

Rules are data (`policies.yaml`); a compiled policy sees text only. Nothing here depends on HTTP or a provider.
"""
