"""The classifier of prompt injection: its texts, its training, its measurement. The scorer is `serving/gateway/policy/injection_classifier.py`.

- `clones`: texts in git clones of public repositories
- `measure`: recall and false findings on sources that were held out, for docs/policy.md
- `sources`: which public texts train the classifier, and which are held out
- `templates`: texts of our own, drawn from `phrases.txt`
- `train`: trains it and writes its weights

The public texts are not in this repository: `sources` names the commit, path and licence of each. `--clones DIR` is a directory of their git
clones, `DIR/<owner>/<name>`. The card is `card.md`.
"""
