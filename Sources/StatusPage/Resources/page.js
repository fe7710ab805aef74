// Asks every two seconds while somebody looks, and shows what is new.

const period = 2000;
const said = new Map();
// `picked` is the pipeline that somebody chose; until then it is the one with the most rows.
let [status, picked, before, failuresInRow, timer] = [null, null, null, 0, 0];
let [answeredAt, isAsking, rowsBefore] = [0, false, -1];

/** A tag in the browser's cache spares the answer where nothing has changed. */
async function ask(path) {
  const response = await fetch(path, { cache: "no-cache", signal: AbortSignal.timeout(8000) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

/** Calls `render` unless it was called with the same things last time. */
function showNew(name, render, ...things) {
  const text = JSON.stringify(things);
  if (said.get(name) === text) return;
  said.set(name, text);
  render(...things);
}

async function refresh() {
  const jobsPath = `v1/jobs?newest_first=1&limit=15${before === null ? "" : `&before=${before}`}`;
  const [newStatus, queue, history, jobs, failures] = await Promise.all([
    ask("v1/status"), ask("v1/queue"), ask("v1/history"), ask(jobsPath), ask("v1/jobs?state=failed&newest_first=1&limit=10"),
  ]);
  status = newStatus;
  showHealth(status);
  // Not anew every time: somebody may be about to copy a command.
  showNew("troubles", showTroubles, status.troubles);
  showNew("pipelines", showPipelines, status);
  showNew("history", showHistory, history);
  showQueue(queue, status);
  showNew("jobs", showJobs, jobs, before === null);
  showNew("failures", showFailures, failures, total(status, "failed"));
  if (opened.size > 0) await readOpened(() => { showJobs(jobs, before === null); showFailures(failures, total(status, "failed")); });
  const rows = status.pipelines.reduce((sum, pipeline) => sum + (pipeline.counts?.rows_ok ?? 0), 0);
  if (rows !== rowsBefore) await refreshDistribution();
  rowsBefore = rows;
}

async function refreshDistribution() {
  const names = status.pipelines.map((pipeline) => pipeline.name);
  const busiest = (a, b) => ((b.counts?.rows_ok ?? 0) > (a.counts?.rows_ok ?? 0) ? b : a);
  const shown = names.includes(picked) ? picked : status.pipelines.length > 0 ? status.pipelines.reduce(busiest).name : null;
  showPick(status, shown);
  showNew("classes", showDistribution, shown ? await ask(`v1/pipelines/${encodeURIComponent(shown)}/distribution`) : null);
}

async function run() {
  clearTimeout(timer);
  if (document.hidden || isAsking) return;
  isAsking = true;
  try {
    await refresh();
    failuresInRow = 0;
    answeredAt = Date.now();
  } catch (error) {
    failuresInRow += 1;
    if (failuresInRow > 1 || !status) {
      showSilence(error, answeredAt);
      said.delete("troubles");
    }
  }
  isAsking = false;
  showFreshness();
  timer = setTimeout(run, Math.min(15000, period * 2 ** Math.min(failuresInRow, 3)));
}

function showFreshness() {
  const seconds = Math.round((Date.now() - answeredAt) / 1000);
  place("freshness").textContent = answeredAt === 0 ? "" : seconds < 6 ? "live" : `as of ${duration(seconds)} ago`;
}

function turnPage(to) {
  before = to;
  run();
}

place("jobs-newest").addEventListener("click", () => turnPage(null));
place("jobs-older").addEventListener("click", () => turnPage(JSON.parse(said.get("jobs"))[0].next));
place("classes-pipeline").addEventListener("change", (event) => {
  picked = event.target.value;
  refreshDistribution().catch(() => {});
});
document.addEventListener("visibilitychange", run);
setInterval(() => { if (!document.hidden) { tick(); showFreshness(); } }, 1000);
run();
