// Local time beside UTC: the browser knows the reader's time zone, the server does not.
for (const element of document.querySelectorAll("time[datetime]")) {
  element.title = new Date(element.dateTime).toLocaleString();
}
