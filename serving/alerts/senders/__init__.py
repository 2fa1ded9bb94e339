"""Transports of messages; `serving.alerts.routes` selects one by the URL. Errors never contain a URL, because it has secrets.

- `base`: the interface and the errors that all senders share
- `by_apprise`: every service that Apprise supports
- `mail`: SMTP
- `mail_content`: the HTML part of a mail and its picture
- `text_file`: a text file
- `webhook`: a signed JSON webhook
"""
