// Ages by pipeline, as qshape shows those of a mail queue.

const bound = (seconds) => (seconds < 60 ? `${seconds} s` : `${seconds / 60} min`);

function showQueue(report, status) {
  const waiting = report.pipelines;
  const [incoming, held] = [status.pipelines.reduce((sum, pipeline) => sum + pipeline.incoming, 0), total(status, "held")];
  const beside = [incoming > 0 && `${several(incoming, "file is", "files are")} not a batch yet`, held > 0 && `${grouped(held)} held`];
  place("queue-note").textContent = beside.filter(Boolean).join("; ");
  if (waiting.length === 0) return show("queue-body", element("p", { class: "empty" }, "Nothing waits."));
  const most = Math.max(...waiting.flatMap((pipeline) => pipeline.batches));
  const bounds = report.bounds_seconds;
  // Each column begins where the one before ends; the last has no end.
  const column = (short, words) => element("th", { scope: "col", class: "n", title: words, "aria-label": words }, short);
  const columns = [...bounds.map((seconds) => column(seconds > 60 ? String(seconds / 60) : bound(seconds), `up to ${bound(seconds)}`)),
    column("older", `more than ${bound(bounds.at(-1))}`)];
  show("queue-body", table(["Pipeline", "#Batches", "#Rows", "#Oldest", ...columns], waiting.map((pipeline) => element("tr", {},
    element("th", { scope: "row", class: "whole" }, pipeline.pipeline),
    number(pipeline.batches.reduce((sum, count) => sum + count, 0)),
    number(pipeline.rows.reduce((sum, count) => sum + count, 0)),
    element("td", { class: "n" }, wholeDuration(age(pipeline.oldest_since))),
    pipeline.batches.map((count, column) => number(count, {
      class: count ? "n age" : "n nothing", "--share": most ? Math.sqrt(count / most) : 0,
      title: count ? `${several(count, "batch", "batches")}, ${several(pipeline.rows[column], "row")}` : undefined,
    })))), { class: "ages" }));
}
