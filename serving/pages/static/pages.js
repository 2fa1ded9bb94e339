// Local time beside UTC: the browser knows the reader's time zone, the server does not.
for (const element of document.querySelectorAll("time[datetime]")) {
  element.title = new Date(element.dateTime).toLocaleString();
}

// Dragging over the days of a chart fills the two date fields that `data-window` names; the fields can be typed as well.
const millisecondsOfDay = 86_400_000;

function daysOf(chart, from, to) {
  const { firstDay, start, dayWidth } = chart.dataset;
  const count = Math.round((chart.viewBox.baseVal.width - start) / dayWidth - 0.5);
  const dayAt = (x) => Math.min(Math.max(Math.floor((x - start) / dayWidth), 0), count - 1);
  return [Math.min(from, to), Math.max(from, to)].map(dayAt).map((index) => ({
    left: Number(start) + index * dayWidth,
    text: new Date(Date.parse(firstDay) + index * millisecondsOfDay).toISOString().slice(0, 10),
  }));
}

function positionIn(chart, event) {
  return new DOMPoint(event.clientX, event.clientY).matrixTransform(chart.getScreenCTM().inverse()).x;
}

function selectDays(chart, fields) {
  const leastPixels = 6; // less is a click on a day
  let origin = null;
  let selection = null;

  chart.addEventListener("dragstart", (event) => event.preventDefault()); // the links of the days are not dragged
  chart.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.pointerType !== "touch") origin = event; // a finger scrolls
  });
  window.addEventListener("pointermove", (event) => {
    if (!origin || (!selection && Math.abs(event.clientX - origin.clientX) < leastPixels)) return;
    if (!selection) {
      chart.querySelector(".selection")?.remove();
      selection = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      selection.setAttribute("class", "selection");
      selection.setAttribute("height", chart.viewBox.baseVal.height);
      chart.append(selection);
    }
    const [first, last] = daysOf(chart, positionIn(chart, origin), positionIn(chart, event));
    selection.setAttribute("x", first.left);
    selection.setAttribute("width", last.left - first.left + Number(chart.dataset.dayWidth));
    fields[0].value = first.text;
    fields[1].value = last.text;
  });
  window.addEventListener("pointerup", () => {
    if (selection) {
      window.addEventListener("click", (event) => event.preventDefault(), { capture: true, once: true });
      setTimeout(() => fields[0].closest("details").scrollIntoView({ block: "nearest" }));
      fields[0].closest("details").open = true;
    }
    origin = selection = null;
  });
}

for (const box of document.querySelectorAll("[data-window]")) {
  const fields = box.dataset.window.split(" ").map((id) => document.getElementById(id));
  const chart = box.querySelector("svg[data-first-day]");
  if (chart && fields.every(Boolean)) selectDays(chart, fields);
}
