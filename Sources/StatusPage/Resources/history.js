// The last hour: rows as columns, times on a scale of powers of ten.

function showHistory(report) {
  const minutes = report.minutes;
  const sum = (key) => minutes.reduce((all, minute) => all + minute[key], 0);
  const most = Math.max(...minutes.map((minute) => minute.rows));
  const [rows, done, failed] = [sum("rows"), sum("done"), sum("failed")];
  const timed = minutes.filter((minute) => minute.done > 0);
  const parts = [`${several(rows, "row")} in ${several(done, "batch", "batches")}`, failed > 0 && `${grouped(failed)} failed`];
  const words = parts.filter(Boolean).join(", ");
  const slowest = Math.max(...timed.map((minute) => minute.max_seconds));
  const late = age(report.since) < 3500 && `complete since ${clock(report.since)}`;
  show("hour-body",
    element("figure", {},
      element("figcaption", {}, element("span", {}, "Rows a minute"), element("span", { class: "n" }, [words, late].filter(Boolean).join("; "))),
      columns(minutes, most, words), axis(minutes)),
    element("figure", {},
      element("figcaption", {}, element("span", {}, "From claim to rows: median to 95 %, and the slowest"),
        element("span", { class: "n" }, timed.length ? `slowest ${duration(slowest)}` : "")),
      spans(minutes, timed), axis(minutes)));
  show("hour-table", timed.length === 0 ? element("p", { class: "empty" }, "Nothing in the last hour.")
    : table(["Minute", "#Batches", "#Failed", "#Rows", "#Median", "#95 %", "#Slowest"],
      minutes.filter((minute) => minute.done + minute.failed > 0).reverse().map((minute) => element("tr", {},
        element("th", { scope: "row" }, clock(minute.at)), number(minute.done), number(minute.failed), number(minute.rows),
        ...["median_seconds", "p95_seconds", "max_seconds"].map((key) =>
          element("td", { class: "n" }, minute[key] === undefined ? "" : duration(minute[key])))))));
}

const axis = (minutes) => element("div", { class: "axis", "aria-hidden": "true" },
  [0, 20, 40].map((index) => element("span", {}, clock(minutes[index].at))), element("span", {}, "now"));

const step = 100 / 60;
const rule = (y) => shape("line", { class: "rule", x1: "0", x2: "100%", y1: `${y}%`, y2: `${y}%` });
const label = (y, words) => shape("text", { x: "2", y: `${y}%`, dy: "1em" }, words);

function columns(minutes, most, words) {
  return shape("svg", { role: "img", "aria-label": `Rows a minute over the last hour: ${words}, at most ${grouped(most)} in a minute` },
    rule(0), rule(100),
    minutes.map((minute, index) => {
      const height = most > 0 ? 100 * minute.rows / most : 0;
      return [
        minute.rows > 0 && shape("rect", { class: "bar", x: `${index * step + 0.1}%`, width: `${step - 0.2}%`, y: `${100 - height}%`, height: `${height}%` },
          shape("title", {}, `${clock(minute.at)}: ${several(minute.rows, "row")}, ${several(minute.done, "batch", "batches")}`)),
        minute.failed > 0 && shape("rect", { class: "bar bad", x: `${index * step + 0.1}%`, width: `${step - 0.2}%`, y: "97%", height: "6%" },
          shape("title", {}, `${clock(minute.at)}: ${grouped(minute.failed)} failed`)),
      ];
    }),
    label(0, most > 0 ? grouped(most) : ""));
}

function spans(minutes, timed) {
  const least = Math.floor(Math.log10(Math.min(0.1, ...timed.map((minute) => minute.median_seconds))));
  const top = Math.ceil(Math.log10(Math.max(1, ...timed.map((minute) => minute.max_seconds))));
  const y = (seconds) => 100 - 100 * (Math.log10(Math.max(seconds, 10 ** least)) - least) / (top - least);
  const powers = Array.from({ length: top - least }, (_, index) => least + index + 1);
  const words = timed.length
    ? `at most ${duration(Math.max(...timed.map((minute) => minute.max_seconds)))}, in the newest minute a median of ${duration(timed.at(-1).median_seconds)}`
    : "nothing was done";
  return shape("svg", { role: "img", "aria-label": `Time from claim to rows over the last hour: ${words}` },
    rule(100), powers.map((power) => rule(y(10 ** power))),
    timed.map((minute) => {
      const index = minutes.indexOf(minute);
      const [median, most, all] = [y(minute.median_seconds), y(minute.p95_seconds), y(minute.max_seconds)];
      return shape("g", {},
        shape("title", {}, `${clock(minute.at)}: median ${duration(minute.median_seconds)}, 95 % ${duration(minute.p95_seconds)}, slowest ${duration(minute.max_seconds)}`),
        shape("rect", { class: "span", x: `${index * step + 0.1}%`, width: `${step - 0.2}%`, y: `${most}%`, height: `${Math.max(1.5, median - most)}%` }),
        shape("rect", { class: "mark", x: `${index * step + 0.1}%`, width: `${step - 0.2}%`, y: `${median - 1}%`, height: "2%" }),
        shape("circle", { class: "mark", cx: `${(index + 0.5) * step}%`, cy: `${all}%`, r: "1.6" }));
    }),
    // Last, so that they stand before the marks.
    powers.map((power) => label(y(10 ** power), duration(10 ** power).replace(".0", ""))));
}
