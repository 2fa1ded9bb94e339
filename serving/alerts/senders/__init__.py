"""Ways of sending a message; `serving.alerts.routes` chooses one by the URL. Errors never contain a URL: it holds secrets.

- `base`: what all senders share
- `by_apprise`: every service that Apprise supports
- `mail`: SMTP
- `text_file`: a text file
- `webhook`: a signed JSON webhook
"""
