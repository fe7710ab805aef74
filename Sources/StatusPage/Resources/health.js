// Alive? Ready? Making progress? What is stuck, why, and what to type?

const total = (status, state) => status.pipelines.reduce((sum, pipeline) => sum + (pipeline.counts?.jobs[state] ?? 0), 0);

function progress(status) {
  const { kind, seconds } = status.progress;
  if (status.running) {
    const { job_id, rows, rows_done, pipeline } = status.running;
    const part = rows ? `, ${percent(rows_done / rows)} of ${several(rows, "row")}` : "";
    return `job ${job_id} of ${pipeline}${part}`;
  }
  if (kind === "stalled") return `none for ${duration(seconds)}, and batches wait`;
  const queued = total(status, "queued");
  return kind === "idle" ? "nothing to do" : queued > 0 ? `${several(queued, "batch", "batches")} in turn` : "waits to try a batch again";
}

function verdict(status) {
  const { kind } = status.progress;
  if (status.phase === "starting" || status.phase === "stopping") return ["warn", status.phase === "starting" ? "Starting" : "Stopping"];
  if (status.paused) return ["bad", "Paused: takes in nothing"];
  if (kind === "stalled") return ["bad", "Stuck"];
  if (status.pipelines.some((pipeline) => pipeline.state === "misconfigured")) return ["bad", "Ready, but not every pipeline runs"];
  return ["good", status.running || (kind === "waiting" && total(status, "queued") > 0) ? "Ready and working" : "Ready"];
}

const fact = (title, ...words) => element("div", {}, element("dt", {}, title), element("dd", {}, words));

function showHealth(status) {
  const found = status.troubles;
  const [level, words] = verdict(status);
  sayVerdict(level === "good" && found.length > 0 ? "warn" : level,
    found.length ? `${words}. ${several(found.length, "thing wants", "things want")} attention` : words);
  const ready = status.phase === "ready" && !status.paused;
  show("answers", [
    fact("Alive", "yes, started ", ago(status.started_at)),
    fact("Ready", ready ? "yes" : `no, ${status.paused?.code ?? status.phase}`),
    fact("Progress", progress(status)),
    fact("Last rows", status.last_commit_at ? ago(status.last_commit_at) : "none since the start",
      status.rows_per_second ? `, ${grouped(Math.round(status.rows_per_second))} rows a second` : ""),
  ]);
  place("about").textContent = `${status.version ?? ""}, process ${status.pid ?? "?"}`;
}

function showTroubles(found) {
  show("troubles", found.length > 0 && element("ul", { "aria-label": "What wants attention" }, found.map((trouble) =>
    element("li", { class: trouble.grave ? "bad" : "" }, trouble.words, commands(trouble.commands)))));
}

/** What is known when no answer comes; all else that is shown is as it was. */
function showSilence(error, answeredAt) {
  sayVerdict("bad", "The service does not answer");
  show("answers", fact("Alive", "no answer", answeredAt > 0 ? [", the last came ", ago(new Date(answeredAt).toISOString())] : ""));
  show("troubles", element("ul", {}, element("li", { class: "bad" },
    `It is stopped, it hangs, or the way to it is cut (${error.message}). What stands below is old.`,
    commands([
      { text: "systemctl status sono", purpose: "whether it runs" }, { text: "journalctl -u sono -n 50", purpose: "its last words" },
      { text: "sono status", purpose: "what its store says" }]))));
}

/** Told to a screen reader only when it is another one. */
function sayVerdict(level, words) {
  const node = place("verdict");
  node.className = level;
  if (node.textContent !== words) node.textContent = words;
  document.title = level === "good" ? "sono" : `${words} · sono`;
}

const commands = (list) => list.length > 0 && element("div", { class: "commands" }, list.map(({ text, purpose }) =>
  element("span", {}, code(text), ` ${purpose}`)));

function showPipelines(status) {
  if (status.pipelines.length === 0) return show("pipelines-body", element("p", { class: "empty" }, "No pipeline."));
  const rows = status.pipelines.map((pipeline) => {
    const jobs = pipeline.counts?.jobs ?? {};
    const model = pipeline.model;
    return element("tr", {},
      element("th", { scope: "row", class: "whole" }, pipeline.name),
      element("td", { class: `whole ${pipeline.state === "running" ? "" : pipeline.state === "misconfigured" ? "bad" : "warn"}` }, pipeline.state),
      element("td", { class: "whole" }, model ? `${model.id}, ${model.classes} classes, ${model.solver} × ${model.steps}` : ""),
      number(pipeline.incoming), number((jobs.queued ?? 0) + (jobs.retrying ?? 0)), number(jobs.running), number(jobs.held),
      number(jobs.done), number(jobs.failed), number(jobs.cancelled), number(jobs.duplicate),
      number(pipeline.counts?.rows_ok), number(pipeline.counts?.rows_failed));
  });
  show("pipelines-body", table(["Name", "State", "Model", "#Incoming", "#Waiting", "#Running", "#Held", "#Done", "#Failed",
    "#Cancelled", "#Duplicate", "#Rows", "#Rows without a class"], rows));
}
