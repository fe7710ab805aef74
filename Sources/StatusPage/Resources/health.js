// Alive? Ready? Making progress? What is stuck, why, and what to type?

const total = (status, state) => status.pipelines.reduce((sum, pipeline) => sum + (pipeline.counts?.jobs[state] ?? 0), 0);

/** Between two jobs of a service that is well lie milliseconds; a busy disk or a large commit takes seconds. */
const stall = 60;

function progress(status) {
  if (status.running) {
    const { job_id, rows, rows_done, pipeline } = status.running;
    const part = rows ? `, ${percent(rows_done / rows)} of ${several(rows, "row")}` : "";
    return { kind: "working", words: `job ${job_id} of ${pipeline}${part}` };
  }
  const served = status.pipelines.filter((pipeline) => pipeline.state === "running" && pipeline.counts);
  const due = served.filter((pipeline) => pipeline.counts.jobs.queued > 0);
  if (due.length === 0) {
    return served.some((pipeline) => pipeline.counts.jobs.retrying > 0)
      ? { kind: "waiting", words: "waits to try a batch again" }
      : { kind: "idle", words: "nothing to do" };
  }
  const times = [...due.map((pipeline) => pipeline.counts.oldest_waiting_since), status.started_at, status.last_commit_at];
  const quiet = Math.min(...times.filter(Boolean).map(age));
  return quiet >= stall
    ? { kind: "stalled", words: `none for ${duration(quiet)}, and batches wait` }
    : { kind: "working", words: `${several(total(status, "queued"), "batch", "batches")} in turn` };
}

function troubles(status, failures) {
  const found = [];
  const add = (grave, words, ...commands) => found.push({ grave, words, commands });
  if (status.paused) {
    add(true, `Intake pauses, ${status.paused.code}: ${status.paused.message}`,
      ...(status.paused.code === "no_space" ? [["sono gc --dry-run", "what retention could take away now"]] : []));
  }
  if (progress(status).kind === "stalled") {
    add(true, `No batch has come to its end although ${several(total(status, "queued"), "batch waits", "batches wait")}.`,
      ["journalctl -u sono -p warning -n 20", "what the service says of it"]);
  }
  for (const warning of status.warnings) add(false, warning);
  for (const pipeline of status.pipelines) {
    for (const warning of pipeline.warnings) add(false, `${pipeline.name}: ${warning}`);
    if (pipeline.problem) {
      add(pipeline.state !== "running", `${pipeline.name}, ${pipeline.problem.code}: ${pipeline.problem.message}`,
        ["sono serve --check", "what is wrong in pipeline.d, and where"],
        ["systemctl reload sono", "take over what was mended"]);
    } else if (pipeline.state === "removed" && pipeline.incoming > 0) {
      add(false, `${pipeline.name}: ${several(pipeline.incoming, "file waits", "files wait")} and no configuration names it.`);
    }
  }
  const failed = total(status, "failed");
  if (failed > 0) {
    const newest = failures?.[0];
    add(false, `${several(failed, "batch", "batches")} failed${newest ? `; the newest, job ${newest.job_id}: ${newest.error_code}` : ""}.`,
      ["sono jobs --state failed", "which, and why; the newest stand below"]);
  }
  if (total(status, "retrying") > 0) {
    add(false, `${several(total(status, "retrying"), "batch", "batches")} will be tried again.`,
      ["sono jobs --state retrying", "which, and why"]);
  }
  if (total(status, "held") > 0) {
    add(false, `${several(total(status, "held"), "batch is", "batches are")} held by a person.`,
      ["sono jobs --state held", "which"], ["sono release ID", "let one go on"]);
  }
  return found;
}

function verdict(status) {
  const { kind } = progress(status);
  if (status.phase === "starting" || status.phase === "stopping") return ["warn", status.phase === "starting" ? "Starting" : "Stopping"];
  if (status.paused) return ["bad", "Paused: takes in nothing"];
  if (kind === "stalled") return ["bad", "Stuck"];
  if (status.pipelines.some((pipeline) => pipeline.state === "misconfigured")) return ["bad", "Ready, but not every pipeline runs"];
  return ["good", kind === "working" ? "Ready and working" : "Ready"];
}

const fact = (title, ...words) => element("div", {}, element("dt", {}, title), element("dd", {}, words));

function showHealth(status, found) {
  const [level, words] = verdict(status);
  sayVerdict(level === "good" && found.some((trouble) => trouble.grave) ? "warn" : level,
    found.length ? `${words}. ${several(found.length, "thing wants", "things want")} attention` : words);
  const ready = status.phase === "ready" && !status.paused;
  show("answers", [
    fact("Alive", "yes, since ", ago(status.started_at)),
    fact("Ready", ready ? "yes" : `no, ${status.paused?.code ?? status.phase}`),
    fact("Progress", progress(status).words),
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
  show("answers", fact("Alive", "no answer", answeredAt > 0 ? [" since ", ago(new Date(answeredAt).toISOString())] : ""));
  show("troubles", element("ul", {}, element("li", { class: "bad" },
    `It is stopped, it hangs, or the way to it is cut (${error.message}). What stands below is old.`,
    commands([["systemctl status sono", "whether it runs"], ["journalctl -u sono -n 50", "its last words"], ["sono status", "what its store says"]]))));
}

/** Told to a screen reader only when it is another one. */
function sayVerdict(level, words) {
  const node = place("verdict");
  node.className = level;
  if (node.textContent !== words) node.textContent = words;
  document.title = level === "good" ? "sono" : `${words} · sono`;
}

const commands = (list) => list.length > 0 && element("div", { class: "commands" }, list.map(([text, purpose]) =>
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
