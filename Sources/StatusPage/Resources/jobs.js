// Jobs as rows that open: what happened to one, when, and how long each part took.

/** Histories of opened jobs by table and id; null while one is asked for. */
const opened = new Map();

const stateClass = { done: "good", failed: "bad", retrying: "warn", held: "warn", cancelled: "warn" };
/** Other bytes are needed: the same ones would fail again. */
const badBytes = new Set(["incomplete", "corrupt_zstd", "corrupt_safetensors", "corrupt_npy", "unsupported_format", "no_rows"]);

const advice = (job) => badBytes.has(job.error_code)
  ? [{ text: `sono job ${job.job_id}`, purpose: "all about it; drop a sound file" }]
  : [{ text: `sono requeue ${job.job_id}`, purpose: "try it again, once the cause is gone" }];

function toggle(job, place, again) {
  const key = `${place}-${job.job_id}`;
  return element("button", {
    type: "button", class: "toggle", id: key, "aria-expanded": String(opened.has(key)), "aria-label": `Job ${job.job_id}, its history`,
    onclick: () => {
      if (opened.has(key)) opened.delete(key);
      else opened.set(key, null);
      again();
      if (opened.has(key)) readOpened(again);
    },
  }, String(job.job_id));
}

/** Asks for what is not known yet of the opened jobs, and again for what may have changed. */
async function readOpened(again) {
  for (const [key, history] of opened) {
    if (history && ["done", "failed", "cancelled", "duplicate"].includes(history.job.state)) continue;
    try {
      opened.set(key, await ask(`v1/jobs/${key.split("-")[1]}`));
    } catch {
      opened.delete(key);
    }
  }
  again();
}

/** What is known of an opened job; false of one that is not open. */
function detail(place, job) {
  const key = `${place}-${job.job_id}`;
  return opened.has(key) && (opened.get(key) ? jobDetail(opened.get(key)) : element("p", { class: "empty" }, "…"));
}

function detailRow(place, job, columns) {
  const found = detail(place, job);
  return found && element("tr", { class: "more" }, element("td", { colspan: columns }, found));
}

function jobDetail({ job, changes, requeued_as }) {
  const fact = (title, value, kind = "") => value !== undefined && value !== "" &&
    element("div", { class: kind }, element("dt", {}, title), element("dd", {}, String(value)));
  const rows = job.rows_ok === undefined ? job.rows && grouped(job.rows) : `${grouped(job.rows_ok)} ok, ${grouped(job.rows_failed)} without a class`;
  return element("div", { class: "job" },
    element("div", {}, element("dl", { class: "facts" },
      fact("File", job.file_name, "wide"),
      fact("Reason", job.error_code && `${job.error_code}: ${job.error_message ?? ""}`, "wide"),
      fact("Rows", rows), fact("Attempts", job.attempts),
      fact("Model", job.model_id), fact("Solver", job.solver && `${job.solver} × ${job.steps}, ${job.form}, ${job.kernel}`),
      fact("Duplicate of", job.duplicate_of), fact("In place of job", job.supersedes),
      fact("Requeue of", job.requeue_of !== job.supersedes ? job.requeue_of : undefined), fact("Requeued as", requeued_as),
      fact("Features", job.features_path, "wide"),
      fact("Input removed", job.input_removed_at), fact("Rows removed", job.results_removed_at),
      fact("SHA-256", job.sha256, "wide"))),
    element("div", {}, stages(job), steps(changes)));
}

function stages(job) {
  const parts = ["queue", "decode", "refine", "commit"].map((name) => [name, job[`${name}_seconds`]])
    .filter(([, seconds]) => seconds !== undefined);
  const whole = parts.reduce((sum, [, seconds]) => sum + seconds, 0);
  if (whole === 0) return null;
  return [element("h3", {}, `Where its ${duration(whole)} went`),
    element("div", { class: "stages", "aria-hidden": "true" }, parts.map(([name, seconds]) =>
      element("span", { class: `${name}-stage`, "width%": 100 * seconds / whole }))),
    element("p", { class: "legend" }, parts.map(([name, seconds]) => element("span", { class: `${name}-stage` }, `${name} ${duration(seconds)}`)))];
}

function steps(changes) {
  const began = changes.length ? Date.parse(changes[0].at) : 0;
  return [element("h3", {}, "What happened"), element("ol", { class: "steps" }, changes.map((change, index) => element("li", {},
    element("time", { datetime: change.at, title: new Date(change.at).toLocaleString() }, preciseClock(change.at)),
    element("span", { class: "n" }, index === 0 ? "" : `+ ${duration((Date.parse(change.at) - began) / 1000)}`),
    element("span", {}, change.to_state, change.code ? `, ${change.code}` : ""))))];
}

function showJobs(list, isNewest) {
  const again = () => showJobs(list, isNewest);
  place("jobs-newest").disabled = isNewest;
  place("jobs-older").disabled = list.next === undefined;
  if (list.jobs.length === 0) return show("jobs-body", element("p", { class: "empty" }, "No job yet: drop a file into incoming/."));
  show("jobs-body", table(["Job", "State", "Pipeline", "File", "#Rows", "Claimed", "#Took"], list.jobs.flatMap((job) => [
    element("tr", {},
      element("td", {}, toggle(job, "jobs", again)),
      element("td", { class: `whole ${stateClass[job.state] ?? ""}` }, job.state),
      element("td", { class: "whole" }, job.pipeline),
      element("td", { class: "name" }, job.file_name),
      job.rows === undefined ? element("td", {}) : number(job.rows),
      element("td", { class: "whole" }, ago(job.submitted_at)),
      element("td", { class: "n" }, job.finished_at ? duration((Date.parse(job.finished_at) - Date.parse(job.submitted_at)) / 1000) : "")),
    detailRow("jobs", job, 7)])));
}

function showFailures(list, count) {
  const again = () => showFailures(list, count);
  if (list.jobs.length === 0) return show("failures-body", element("p", { class: "empty" }, "No batch has failed."));
  show("failures-body", element("ul", {}, list.jobs.map((job) => element("li", {},
    element("p", { class: "title" }, toggle(job, "failures", again), element("strong", { class: "bad" }, job.error_code),
      element("span", {}, job.file_name), element("span", { class: "note" }, `${job.pipeline}, `, ago(job.finished_at))),
    element("p", {}, job.error_message), commands(advice(job)),
    detail("failures", job)))),
    count > list.jobs.length && element("p", { class: "note" }, `The newest ${list.jobs.length} of ${grouped(count)}; all of them: `, code("sono jobs --state failed")));
}
