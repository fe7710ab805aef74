// What one pipeline's newest rows were taken for, and how surely.

function showPick(status, picked) {
  const names = status.pipelines.map((pipeline) => pipeline.name);
  const select = place("classes-pipeline");
  place("classes-pick").hidden = names.length < 2;
  if (select.dataset.names !== JSON.stringify(names)) {
    select.dataset.names = JSON.stringify(names);
    select.replaceChildren(...names.map((name) => element("option", { value: name }, name)));
  }
  if (picked) select.value = picked;
}

function showDistribution(report) {
  if (!report || report.rows === 0) return show("classes-body", element("p", { class: "empty" }, "No rows yet."));
  const without = report.rows - report.rows_ok;
  const scope = `The newest ${several(report.rows, "row")}, of ${several(report.jobs, "batch", "batches")}, the first of them done `;
  const most = report.classes[0]?.rows ?? 1;
  const rows = report.classes.map((found) => element("tr", {},
    element("th", { scope: "row" }, found.label), number(found.rows),
    element("td", { class: "n" }, percent(found.rows / report.rows_ok)),
    element("td", { class: "n" }, found.mean_score.toFixed(2)),
    element("td", { class: "share", "aria-hidden": "true" }, element("span", { class: "fill", "width%": 100 * found.rows / most }))));
  const others = report.other_classes > 0 && `${several(report.other_classes, "more class", "more classes")} with ${several(report.other_rows, "row")}`;
  show("classes-body", element("p", { class: "note" }, scope, ago(report.since), without > 0 ? `; ${grouped(without)} without a class` : "", others ? `; ${others}` : ""),
    element("div", { class: "two" },
      element("div", { class: "bars", tabindex: "0", role: "region", "aria-label": "Classes", id: "classes-bars" },
        table(["Class", "#Rows", "#Share", "#Mean score", ""], rows)),
      element("figure", { class: "tall" }, element("figcaption", {}, element("span", {}, "Rows by score"), element("span", { class: "n" }, scoreWords(report))),
        histogram(report.scores), element("div", { class: "axis", "aria-hidden": "true" }, ["0", "0.25", "0.5", "0.75", "1"].map((words) => element("span", {}, words))))));
}

/** The column in which the median lies. */
function scoreWords(report) {
  let left = report.rows_ok / 2;
  const column = report.scores.findIndex((count) => (left -= count) <= 0);
  return column < 0 ? "" : `median ${(column / report.scores.length).toFixed(2)} to ${((column + 1) / report.scores.length).toFixed(2)}`;
}

function histogram(scores) {
  const most = Math.max(1, ...scores);
  const width = 100 / scores.length;
  const from = (column) => (column / scores.length).toFixed(2);
  return shape("svg", { role: "img", "aria-label": `Rows by score from 0 to 1: ${scores.map((count, column) => `${from(column)}: ${count}`).join(", ")}` },
    rule(0), rule(100), label(0, grouped(most)),
    scores.map((count, column) => count > 0 && shape("rect", {
      class: "bar", x: `${column * width + 0.3}%`, width: `${width - 0.6}%`, y: `${100 - 100 * count / most}%`, height: `${100 * count / most}%`,
    }, shape("title", {}, `${from(column)} to ${from(column + 1)}: ${several(count, "row")}`))));
}
